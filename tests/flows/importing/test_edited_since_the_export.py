"""Files that were exported before an entry was edited and went anew: they are known still."""

import pytest
from days import BY_DAY, DAY, books, reconcile, refuse, send

pytestmark = pytest.mark.usefixtures("in_this_process")

ALONE = {"CLOCKBOOKS_LINE_PER": "entry"}


def test_an_old_export_sends_nothing_of_a_line_that_was_repaired(workday, export):
    """A line is deleted and goes anew: what each of its entries said before is known still."""
    send(workday)
    old = export(workday)
    workday.clockify.entries[workday.ids[1]]["end"] = "2026-09-22T16:30:00Z"
    reconcile(workday, "--repair", "--yes")
    send(workday)

    imported = workday.run("import", str(old), "--yes", "--json", **BY_DAY).document

    assert imported["counts"]["skipped"] == {"already_sent": 3}
    assert books(workday) == [(195, "Plan\nBuild")]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(BY_DAY, id="from a line"),
        pytest.param(ALONE, id="alone before", marks=pytest.mark.slow),
    ],
)
def test_an_old_export_sends_nothing_of_what_was_taken_back_and_went_edited(
    workday, export, rows_of, first
):
    """Neither does it of the others of its line. What did not change is not kept twice."""
    send(workday, **first)
    old = export(workday)
    workday.clockify.entries[workday.ids[1]]["end"] = "2026-09-22T16:30:00Z"
    workday.run("recall", *DAY, "--yes", "--json")
    send(workday, **ALONE)
    assert len(rows_of(workday, "former_contents")) == 1

    imported = workday.run("import", str(old), "--yes", "--json", **ALONE).document

    assert imported["counts"]["skipped"] == {"already_sent": 3}
    assert sum(minutes for minutes, _ in books(workday)) == 195


@pytest.mark.slow
def test_an_old_export_sends_nothing_of_parts_that_were_repaired(night, export):
    """Parts are deleted and go anew: what the whole entry said before is known still."""
    week = ("--start", "2026-09-21", "--end", "2026-09-24", "--yes", "--json")
    split = {"CLOCKBOOKS_SPLIT": "midnight"}
    night.run("send", *week, **split)
    old = export(night)
    night.night["end"] = "2026-09-22T12:10:00Z"
    night.run("reconcile", *week, "--repair", **split)
    night.run("send", *week, **split)

    imported = night.run("import", str(old), "--yes", "--json").document

    assert imported["counts"]["skipped"] == {"already_sent": 1}
    assert sum(minutes for minutes, _ in books(night)) == 555


@pytest.mark.parametrize(
    ("before", "which", "line"),
    [
        pytest.param("taken back", 0, BY_DAY, id="first of a line", marks=pytest.mark.slow),
        pytest.param("taken back", 1, BY_DAY, id="later in a line"),
        pytest.param("refused", 0, BY_DAY, id="line refused", marks=pytest.mark.slow),
        pytest.param("refused", 1, ALONE, id="refused alone", marks=pytest.mark.slow),
    ],
)
def test_what_went_edited_from_a_file_is_not_sent_from_clockify(
    workday, export, before, which, line
):
    """Though it was refused or taken back before under Clockify's id; nor from older exports."""
    if before == "refused":
        refuse(workday)
    send(workday, **line)
    if before == "taken back":
        workday.run("recall", *DAY, "--yes", "--json")
    old = export(workday, "old.csv")
    edited = workday.clockify.entries[workday.ids[which]]
    edited["description"] = "Think"
    file = export(workday, entries=[edited])
    assert workday.run("import", str(file), "--yes", "--json", **line).document["counts"]["sent"]

    sent = send(workday, **line).document

    assert sent["counts"]["skipped"] == {"already_sent": 1}
    assert workday.run("import", str(old), "--yes", "--json", **line).code in {0, 3}
    assert [text for _, text in books(workday) if "Think" in text] == ["Think"]
    assert sum(minutes for minutes, _ in books(workday)) <= 165
    assert workday.run("audit", "verify").code == 0
