"""The month's one answer: the time that Clockify has, and how much of it is in QuickBooks.

It is a dry run over the whole month, added up: nothing is sent, and nothing changes.
"""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd

from connectors.errors import AskPerson
from flows.context import RunContext
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import make_plan
from flows.text import hours
from schemas.part_ids import MOST_PARTS, whole_id
from schemas.plan import Plan
from transforms.plan.month import OUTCOMES, added_up, joined, wide

#: Members of the sums of a person or project, after its name.
SUMS = (
    "minutes", *(f"{outcome}_minutes" for outcome in OUTCOMES),
    "amount_cents", *(f"{outcome}_amount_cents" for outcome in OUTCOMES),
)  # fmt: skip

#: How long an entry in parts may be.
_LONGEST = timedelta(days=MOST_PARTS // 2)

#: Members of a row of the CSV file.
MEMBERS = ("of", "name", *SUMS)


class _Sums:
    """Adds up a report: a follower of it."""

    def __init__(self, known: set[str], days: tuple[date, date]) -> None:
        self._known = known
        self._first, self._last = (day.isoformat() for day in days)
        self.begin()

    def begin(self) -> None:
        empty = Plan.validate(pd.DataFrame(columns=list(Plan.to_schema().columns)))
        self.found = added_up(empty, ())

    def add(self, plan: pd.DataFrame) -> None:
        of_month = plan[plan["date"].between(self._first, self._last)]
        self.found = joined([self.found, added_up(of_month, self._known)])


def read_month(text: str | None, today: date) -> tuple[date, date]:
    """Return the first and the last day of a month, such as 2026-10; of the last one for `None`.

    Raises:
        AskPerson: It is no month.
    """
    try:
        first = date.fromisoformat(f"{text}-01") if text else today.replace(day=1)
    except ValueError:
        raise AskPerson(f"Write the month as YYYY-MM, such as 2026-10, not {text!r}.") from None
    if not text:
        first = (first - timedelta(days=1)).replace(day=1)
    return first, first.replace(day=monthrange(first.year, first.month)[1])


def month(
    context: RunContext, text: str | None, *, approved_only: bool | None = None
) -> dict[str, Any]:
    """Return what became of the time of a month: the JSON document of `clockbooks month`.

    Args:
        context: What to work with.
        text: The month, such as 2026-10; `None` for the last one.
        approved_only: Whether only approved time may go; `None` for what the settings say.

    Raises:
        AskPerson: It is no month, or something must be fixed first.
        TryAgain: A service could not be read.
    """
    first, last = read_month(text, context.now().astimezone(context.timezone).date())
    days = {"start": first.isoformat(), "end": last.isoformat()}
    outcomes = context.store.outcomes.between(**days)
    in_ledger = context.store.sent.between(days["start"], days["end"])
    report, sums = Report(), _Sums(set(outcomes["entry_id"]), (first, last))
    report.first_day = days["start"]
    report.followers.append(sums)
    try:
        # An entry that begins before the month may have parts in it.
        has_parts = any(row.entry_id != whole_id(row.entry_id) for row in in_ledger)
        is_split = context.settings.split == "midnight" or has_parts
        before = _LONGEST if is_split else timedelta(0)
        request = SendRequest(
            start=first - before, end=last, dry_run=True, sync=False, approved_only=approved_only
        )
        with make_plan(context, request, report):
            document = _document(sums.found)
    finally:
        report.close()
    return {
        "connection": context.connection.name,
        "month": f"{first:%Y-%m}",
        **days,
        "currency": report.currency,
        **document,
        "ledger_minutes": sum(row.minutes for row in in_ledger),
        "set_aside": len(report.set_aside),
        "notes": report.notes,
    }


def _document(sums: pd.DataFrame) -> dict[str, Any]:
    totals = wide(sums.assign(all=""), "all").drop(columns="all")
    reasons = sums.groupby(["outcome", "reason"])[["entries", "minutes", "amount_cents"]].sum()
    return {
        "totals": {name: int(totals[name].sum()) for name in SUMS},
        "reasons": reasons.reset_index().to_dict("records"),
        "people": wide(sums, "user").rename(columns={"user": "name"}).to_dict("records"),
        "projects": wide(sums, "place").rename(columns={"place": "name"}).to_dict("records"),
    }


def in_ledger_note(document: Mapping[str, Any]) -> list[str]:
    """Say if what was sent is no longer as much as Clockify has for it."""
    sent, now = document["ledger_minutes"], document["totals"]["sent_minutes"]
    if sent == now:
        return []
    note = (
        f"For these days {hours(sent)} were sent; Clockify has {hours(now)} for these entries now."
        f" `clockbooks reconcile --start {document['start']} --end {document['end']}` says what has"
        " changed since."
    )
    return [note]


def csv_rows(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the sums of people and of projects as rows of `MEMBERS`."""
    return [
        {"of": of, **row}
        for of, rows in (("person", "people"), ("project", "projects"))
        for row in document[rows]
    ]
