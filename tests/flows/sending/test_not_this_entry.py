"""What a person says of one entry in doubt, `settle --is-not-there`, is said of no other."""

from typing import Any

import pytest
from days import DAY, only, send

from flows.cli.output import Output

pytestmark = pytest.mark.usefixtures("in_this_process")

LATER = "d" * 24


ALONE, TOGETHER = "entry", "day"


@pytest.fixture
def doubted(workday: Any, request: pytest.FixtureRequest) -> Any:
    """Return a house with entries in doubt, as one TimeActivity or the first alone, and typed time.

    What QuickBooks has is nearly the same. `house.doubted` are the entries, `house.line` how to
    send them.
    """
    workday.line = {"CLOCKBOOKS_LINE_PER": request.param}
    if request.param == "entry":
        for id_ in workday.ids[1:]:
            del workday.clockify.entries[id_]
    workday.doubted = sorted(workday.clockify.entries)
    workday.quickbooks.faults.plan("POST .*/batch", "drop_after")
    send(workday, **workday.line)
    workday.quickbooks.people.edit_time(only(workday), Description="Mine")
    return workday


def add_later(house: Any) -> None:
    """Add an entry of the same person and day, which is what somebody has typed in."""
    like = house.clockify.entries[house.doubted[0]]
    times = {"start": "2026-09-22T20:00:00Z", "end": "2026-09-22T21:00:00Z"}
    house.clockify.entries[LATER] = {**like, "id": LATER, **times, "description": "Mine"}


def outcomes(document: Any) -> dict[str, Any]:
    """Return how each entry of a run ended."""
    return {row["entry_id"]: row["reason"] or row["state"] for row in document["entries"]}


@pytest.mark.parametrize(
    "doubted", [TOGETHER, pytest.param(ALONE, marks=pytest.mark.slow)], indirect=True
)
def test_another_entry_is_still_held_back(doubted):
    """The one goes; the other one waits for what a person says of it, and goes then, once."""
    number = len(doubted.quickbooks.activities)
    settled = doubted.run("settle", "--entry", doubted.doubted[-1], "--is-not-there", "--json")
    assert sorted(settled.document["released"]) == doubted.doubted
    add_later(doubted)

    document = send(doubted, **doubted.line).document
    expected = dict.fromkeys(doubted.doubted, "sent") | {LATER: "maybe_in_books"}
    assert outcomes(document) == expected
    assert len(doubted.quickbooks.activities) == number + 1

    assert outcomes(send(doubted, **doubted.line).document)[LATER] == "maybe_in_books"
    assert outcomes(send(doubted, "--not-in-books", **doubted.line).document)[LATER] == "sent"
    assert len(doubted.quickbooks.activities) == number + 2


@pytest.mark.parametrize(
    "doubted", [ALONE, pytest.param(TOGETHER, marks=pytest.mark.slow)], indirect=True
)
def test_what_was_said_holds_for_the_time_as_it_was(doubted):
    """Once somebody has changed its hours, it may be any entry again."""
    doubted.run("settle", "--entry", doubted.doubted[0], "--is-not-there", "--json")
    doubted.quickbooks.people.edit_time(only(doubted), Hours=1, Minutes=1)

    document = send(doubted, **doubted.line).document
    assert outcomes(document) == dict.fromkeys(doubted.doubted, "maybe_in_books")


@pytest.mark.parametrize(
    "doubted", [ALONE, pytest.param(TOGETHER, marks=pytest.mark.slow)], indirect=True
)
def test_a_plan_that_somebody_approves_keeps_to_it(doubted, monkeypatch):
    """The time is read again before the send, and is no news; an edited entry is repaired."""
    doubted.run("settle", "--entry", doubted.doubted[0], "--is-not-there", "--json")
    monkeypatch.setattr(Output, "can_ask", property(lambda _: True))
    assert doubted.run("send", *DAY, stdin="y\n", **doubted.line).code == 0
    assert len(doubted.quickbooks.activities) == 2
    edited = doubted.clockify.entries[doubted.doubted[0]]
    edited["end"] = "2026-09-22T19:00:00Z"

    repair = ("reconcile", *DAY, "--repair", "--yes", "--json")
    repaired = doubted.run(*repair, **doubted.line).document
    ours = [row for row in repaired["entries"] if row["entry_id"] in doubted.doubted]
    assert {row["repair"] for row in ours} <= {"updated", "deleted"}
    assert ours
