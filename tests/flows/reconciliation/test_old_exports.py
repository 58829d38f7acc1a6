"""Files that were exported before a repair: what they say of an entry is known still."""

import pytest


@pytest.mark.parametrize(
    "without",
    [
        pytest.param((), id="with clock times"),
        pytest.param(
            ("Start Time", "End Time", "End Date", "Task"), id="without", marks=pytest.mark.slow
        ),
    ],
)
def test_an_old_export_sends_nothing_twice_after_a_repair(week, export, without):
    """Neither does a new one: both versions of the entry are recognized."""
    entries = [week.entry(id_) for id_ in sorted(week.sent)]
    id_ = week.pick()
    old = export(week.house, "old.csv", entries=entries, without=without)
    number = len(week.books)
    week.lengthen(id_)
    new = export(week.house, "new.csv", entries=entries, without=without)

    week.reconcile("--repair", "--yes", code=0)

    for file in (old, new):
        found = week.run("import", str(file), "--yes", code=0)
        assert found["counts"]["sent"] == 0, file
        assert len(week.books) == number


def test_a_row_that_no_entry_equals_stops_no_comparison(week, export):
    """Work that came by a file and is not in Clockify is in the books, and is compared."""
    other = week.entry(week.pick()) | {"id": "e" * 24, "description": "Only in the file"}
    file = export(week.house, "other.csv", entries=[other])
    assert week.run("import", str(file), "--yes", "--not-in-books", code=0)["counts"]["sent"] == 1

    counts = week.reconcile("--all", code=None)["counts"]

    assert counts["agrees"] + counts.get("gone_from_clockify", 0) == len(week.books)
