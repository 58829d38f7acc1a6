"""Whoever takes a line back by some of its entries is told which others go with them."""

from typing import Any

import pytest
from days import DAY, books, send

from flows.cli.output import Output

pytestmark = pytest.mark.usefixtures("in_this_process")


def told(document: Any) -> str:
    """Return the notes of a recall that speak of entries that nobody asked for."""
    return " ".join(note for note in document["notes"] if "did not ask for" in note)


@pytest.mark.parametrize("which", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_what_goes_along_is_named_before_and_after(workday, which):
    """In the preview, which changes nothing, and in the report."""
    send(workday)
    one = ("recall", "--entry", workday.ids[which])
    others = [id_ for id_ in workday.ids if id_ != workday.ids[which]]

    preview = workday.run(*one, "--dry-run", "--json").document
    assert len(books(workday)) == 1
    done = workday.run(*one, "--yes", "--json").document

    note = (
        "2 entries that you did not ask for go or stay with the others, being in one TimeActivity"
        f" with them: {', '.join(others)}."
    )
    assert told(preview) == told(done) == note
    assert (done["counts"]["recalled"], books(workday)) == (3, [])


def test_it_is_said_of_another_project_too(workday):
    """Two projects may be one customer in QuickBooks: their entries are one line."""
    clockify = workday.clockify
    entry = clockify.entries[workday.ids[1]]
    project = clockify.projects[entry["projectId"]]
    clockify.projects["f" * 24] = {**project, "id": "f" * 24, "name": "The same"}
    customer = next(
        row["qbo_id"]
        for row in workday.run("links", "--json").document["links"]
        if row["clockify_id"] == entry["projectId"]
    )
    entry["projectId"] = "f" * 24
    assert workday.run("link", "project", "f" * 24, customer).code == 0
    send(workday)
    assert len(books(workday)) == 1

    some = ("recall", *DAY, "--project", "The same", "--dry-run", "--json")
    note = told(workday.run(*some).document)
    assert note.startswith("2 entries that you did not ask for")
    assert workday.ids[1] not in note


def test_the_question_counts_time_activities(workday, monkeypatch):
    """Of which there is one, whatever went as it."""
    send(workday)
    monkeypatch.setattr(Output, "can_ask", property(lambda _: True))
    ran = workday.run("recall", "--entry", workday.ids[0], stdin="n\n")
    assert "2 entries that you did not ask for" in ran.out + ran.err
    assert "Delete 1 TimeActivity in QuickBooks?" in ran.out + ran.err
    assert len(books(workday)) == 1


@pytest.mark.slow
def test_nothing_is_said_where_all_were_asked_for(workday):
    """Whether by the entries, by the run or by the day."""
    run_id = send(workday).document["run_id"]
    every = [part for id_ in workday.ids for part in ("--entry", id_)]
    for which in (every, ["--run", run_id], [*DAY]):
        document = workday.run("recall", *which, "--dry-run", "--json").document
        assert (told(document), document["counts"]["ready"]) == ("", 3)
