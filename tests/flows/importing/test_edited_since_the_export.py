"""Files that were exported before an entry was edited and went anew: they are known still."""

import pytest
from days import BY_DAY, DAY, books, reconcile, send

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


@pytest.mark.parametrize("first", [BY_DAY, ALONE], ids=["from a line", "alone before"])
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
