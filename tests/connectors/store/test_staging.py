"""What is staged comes back once, by whole days; of an id that comes again the last row counts."""

import pandas as pd
import pytest

from connectors.store.staging import ENTRY, staging_entries


@pytest.fixture
def staged():
    """Return an empty staging."""
    with staging_entries() as opened:
        yield opened


def rows(*entries):
    """Return rows of (id, day, start in microseconds)."""
    empty = {"str": None, "Int64": None, "boolean": False, "bool": True}
    plain = [
        {name: empty[dtype] for name, dtype in ENTRY.items()}
        | {"entry_id": entry_id, "day": day, "start_us": start_us}
        for entry_id, day, start_us in entries
    ]
    return pd.DataFrame(plain, dtype=object).astype(dict(ENTRY))


def ids(staged, at_least):
    """Return the ids of each slice."""
    return [found["entry_id"].tolist() for found in staged.slices(at_least)]


def test_slices_are_whole_days_in_order(staged):
    """Days are not divided; within a slice rows stand by start, and by id where they begin at once.

    What is missing comes back as missing, and types as they were.
    """
    staged.add(rows(("d", "2026-01-02", 40), ("b", "2026-01-01", 20), ("a", "2026-01-01", 20)))
    staged.add(rows(("e", "2026-01-03", 50), ("c", "2026-01-01", 30)))

    assert ids(staged, 2) == [["a", "b", "c"], ["d", "e"]]
    assert ids(staged, 99) == [["a", "b", "c", "d", "e"]]
    [whole] = staged.slices(99)
    assert whole.dtypes.equals(rows(("a", "", 1)).dtypes)
    assert whole["end_us"].isna().all()


def test_the_last_row_of_an_id_counts(staged):
    """It was edited while it was read: it may have become bad, good, or gone to another day."""
    staged.add(rows(("moved", "2026-01-01", 1), ("spoilt", "2026-01-01", 2)))
    staged.set_aside(
        [("mended", "no start", None), (None, "no object", None), (None, "no object", None)]
    )
    staged.add(rows(("moved", "2026-02-01", 3), ("mended", "2026-01-02", 4)))
    staged.set_aside(
        [("spoilt", "no end", None), ("bad", "no end", None), ("bad", "no user", "2026-01-31")]
    )
    staged.set_aside([("another month's", "no end", "2026-02-01")])
    staged.keep_days("2026-01-01", "2026-01-31")

    assert ids(staged, 1) == [["mended"]]
    assert [(row["entry_id"], row["problem"]) for row in staged.problems()] == [
        (None, "no object"),
        (None, "no object"),
        ("spoilt", "no end"),
        ("bad", "no user"),
    ]


def test_distinct_values_are_those_of_entries(staged):
    """Rows that were set aside have none."""
    staged.add(rows(("a", "2026-01-01", 1), ("b", "2026-01-01", 2)).assign(user_id=["u2", "u1"]))
    staged.set_aside([("c", "no user", None)])

    assert staged.distinct("user_id")["user_id"].tolist() == ["u1", "u2"]


def test_what_came_since_a_mark_is_forgotten(staged):
    """Good and bad rows of a reading that is repeated; what came before it stays."""
    assert staged.mark() == 0
    staged.add(rows(("a", "2026-01-01", 1)))
    mark = staged.mark()
    staged.add(rows(("b", "2026-01-01", 2)))
    staged.set_aside([("c", "no user", None)])
    staged.forget_since(mark)

    assert [row for part in staged.slices(1) for row in part["entry_id"]] == ["a"]
    assert list(staged.problems()) == []
