"""What runs said of each entry is kept, and told beside what the ledger holds."""

import pandas as pd
import sqlalchemy as sa

from schemas.tables import verdicts
from schemas.words import LedgerState, Reason, State


def judged(id_, state=State.SKIPPED, reason=None, *, date="2026-03-02", minutes=60, **fields):
    return {
        "entry_id": id_,
        "state": state,
        "reason": reason,
        "detail": None if reason is None else "Do something",
        "date": date,
        "minutes": minutes,
        "user": "Ada",
        "client": None,
        "project": "Garden",
        "description": "",
        "start": "2026-03-02T09:00:00+01:00",
        "billable": True,
        "amount_cents": 9000,
        "more": "of no interest",
    } | fields


def keep(book, *rows):
    frame = pd.DataFrame(list(rows)).astype({"minutes": "Int64", "reason": "str"})
    book.store.outcomes.keep(book.run_id, frame)


def told(book, start=None, end=None):
    return book.store.outcomes.between(start=start, end=end)


def test_the_last_outcome_is_shown(book):
    """Each entry is told once, with what the last run said of it and what the ledger holds."""
    keep(book, judged("a", State.REJECTED, Reason.UNLINKED_USER), judged("b", user="Bo"))
    book.send("a", "100")
    sent_by, book.run_id = book.run_id, book.start()
    keep(
        book,
        judged("a", State.SENT, billable=False),
        judged("c", State.SKIPPED, Reason.RUNNING, minutes=pd.NA),
    )

    rows = {row.entry_id: row for row in told(book).itertuples()}

    assert set(rows) == {"a", "b", "c"}
    assert rows["a"].state == "sent"
    assert pd.isna(rows["a"].reason)
    assert pd.isna(rows["a"].detail)
    assert (rows["a"].ledger_state, rows["a"].time_activity_id) == (LedgerState.SENT, "100")
    assert rows["a"].run_id == sent_by
    assert not pd.isna(rows["a"].sent_at)
    assert not rows["a"].billable
    assert (rows["b"].start, rows["b"].amount_cents) == ("2026-03-02T09:00:00+01:00", 9000)
    assert pd.isna(rows["b"].ledger_state)
    assert pd.isna(rows["b"].run_id)
    assert rows["b"].user == "Bo"
    assert pd.isna(rows["c"].minutes)
    assert rows["c"].reason == "running"


def test_what_went_and_has_another_id_by_now_is_told_under_that_one(book):
    """A slow import keeps its outcomes after a send gave what it had sent Clockify's ids."""
    book.send("a", "100")
    keep(book, judged("row-1", State.SENT), judged("a", State.SENT))

    assert list(told(book)["entry_id"]) == ["a"]


def test_outcomes_are_shown_by_day(book):
    """First and last day are included, and the order is that of the calendar."""
    days = ["2026-03-04", "2026-03-01", "2026-03-03", "2026-03-02"]
    keep(book, *(judged(f"e{day[-1]}", date=day) for day in days))

    assert list(told(book)["entry_id"]) == ["e1", "e2", "e3", "e4"]
    assert list(told(book, "2026-03-02", "2026-03-03")["entry_id"]) == ["e2", "e3"]
    assert list(told(book, start="2026-03-04")["entry_id"]) == ["e4"]
    assert list(told(book, end="2026-03-01")["entry_id"]) == ["e1"]
    assert told(book, start="2027-01-01").empty


def test_thousands_of_outcomes_are_kept(book):
    """A month of a large company goes in at once, and again, without doubles."""
    rows = [judged(f"e{n}") for n in range(2500)]
    for _ in range(2):
        keep(book, *rows)

    with book.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(verdicts)) == 2500


def test_a_filter_hides_no_break(book):
    """What a file does not show stays known, while the looks follow; all else is replaced."""
    first = {
        "a": Reason.BREAK, "b": Reason.BILLABLE_WITHOUT_RATE, "c": Reason.UNLINKED_USER,
        "d": Reason.BREAK,
    }  # fmt: skip
    keep(book, *(judged(id_, State.SKIPPED, reason) for id_, reason in first.items()))
    book.run_id = book.start()
    filtered = [judged(id_, State.SKIPPED, Reason.FILTERED, minutes=30) for id_ in "abc"]
    keep(book, *filtered, judged("d", State.REJECTED, Reason.TOO_LONG))

    rows = told(book).set_index("entry_id")

    assert rows["reason"].to_dict() == first | {"c": Reason.FILTERED, "d": Reason.TOO_LONG}
    assert rows["minutes"].to_dict() == {"a": 30, "b": 30, "c": 30, "d": 60}
