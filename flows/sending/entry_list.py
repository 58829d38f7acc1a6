"""The detailed report: each entry as it ended, from the database alone or asked of Clockify now."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from connectors.store.connection_store import ConnectionStore
from flows.context import open_context, open_store
from flows.sending.report import MEMBERS, Report, items_of
from flows.sending.request import SendRequest
from flows.text import tell_aside
from schemas.words import LedgerState, Reason, State
from transforms.directory.names import same_form
from transforms.directory.near_misses import did_you_mean
from transforms.identity.same_work import ROW_ID
from transforms.plan.hold_back import set_outcomes

#: How a sent entry went: what a run's own document need not say of each.
SENT_BY = ("sent_at", "run_id", "plan")

#: Members of one entry, in their order.
LISTED = (*MEMBERS, *SENT_BY)

Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """Which entries somebody wants to see; an empty filter lets all pass.

    Attributes:
        state: A state of `clockbooks entries`.
        start: The first local day.
        end: The last one, included.
        users: Names.
        clients: Names.
        projects: Names.
        billable: Only billable entries, or only others.
    """

    state: str = "all"
    start: date | None = None
    end: date | None = None
    users: Sequence[str] = ()
    clients: Sequence[str] = ()
    projects: Sequence[str] = ()
    billable: bool | None = None

    def of(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that pass the names and `billable`; tell which names none has."""
        names = {"user": self.users, "client": self.clients, "project": self.projects}
        for what, wanted in names.items():
            _tell_unknown(what, wanted, sorted({row[what] for row in rows if row[what]}))
        return [
            row
            for row in rows
            if all(is_named(row[what], wanted) for what, wanted in names.items())
            and self.billable in {None, row["billable"]}
        ]


def listed(connection: str | None, wanted: Wanted) -> list[Row]:
    """Return how each entry ended in the latest run that judged it, corrected by the ledger.

    Raises:
        AskPerson: No connection fits, or nothing was sent yet from here.
    """
    with open_store(connection) as (_, store, _):
        outcomes = store.outcomes.between(
            start=wanted.start.isoformat() if wanted.start else None,
            end=wanted.end.isoformat() if wanted.end else None,
        )
        drift = {row.entry_id: row.detail for row in store.drift.known() if row.entry_id}
        in_doubt = store.open_claims.changes()
        outcomes, state = _by_the_ledger(store, outcomes), wanted.state
    if state == "drifted":
        drifted = outcomes["entry_id"].isin(list(drift)) & (outcomes["state"] == State.SENT)
        outcomes = outcomes[drifted]
        outcomes = outcomes.assign(detail=outcomes["entry_id"].map(drift))
    elif state == "unsent":
        outcomes = outcomes[outcomes["state"] != State.SENT]
    else:
        outcomes = _with_changes(outcomes, in_doubt)
        if state != "all":
            outcomes = outcomes[outcomes["state"] == state.replace("-", "_")]
    return wanted.of(_items(outcomes))


def unsent_now(connection: str | None, wanted: Wanted) -> list[Row]:
    """Return the entries of some days that Clockify has now and that are not sent.

    They are judged as by a dry run: nothing is sent, and nothing changes.

    Raises:
        AskPerson: Something must be fixed first.
        TryAgain: A service could not be read.
    """
    from flows.sending.send import make_plan  # slow to import

    assert wanted.start and wanted.end, "the command wants both"  # noqa: S101, PT018
    request = SendRequest(wanted.start, wanted.end, dry_run=True, sync=False)
    report = Report()
    try:
        with open_context(connection) as context, make_plan(context, request, report):
            rows = [
                row | dict.fromkeys(SENT_BY)
                for row in report.document(None)["entries"]
                if row["reason"] != Reason.ALREADY_SENT
                and wanted.state in {"unsent", row["state"].replace("_", "-")}
            ]
    finally:
        report.close()
    for note in report.notes:
        tell_aside(note)
    return sorted(wanted.of(rows), key=lambda row: (row["date"], row["user"] or "", row["start"]))


def last_outcome(store: ConnectionStore, entry_id: str) -> list[dict[str, Any]]:
    """Return one entry as `entries` does; an empty list where no run has judged it."""
    outcomes = store.outcomes.between(start=None, end=None, entry_id=entry_id)
    outcomes = _by_the_ledger(store, outcomes)
    return _items(_with_changes(outcomes, store.open_claims.changes()))


_NOT_TAKEN = (
    "QuickBooks refused it, and does not have it now. `clockbooks entries --entry ID` has its"
    " words: correct what they are about; the next send tries it again."
)

_RELEASED = "QuickBooks was asked, and does not have it. The next send takes it."


def _by_the_ledger(store: ConnectionStore, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Let the ledger have the last word: a later run may have settled what an earlier one left."""
    outcomes = outcomes.astype({"ledger_state": object, "time_activity_id": object})
    seems_there = outcomes["state"].isin([State.SENT, State.IN_DOUBT])
    seems_there |= outcomes["reason"] == Reason.ALREADY_SENT
    # The ledger may have a file's row by now under Clockify's id.
    known_by_id = ~outcomes["entry_id"].str.startswith(ROW_ID).astype(bool)
    is_free = known_by_id & outcomes["ledger_state"].isna() & seems_there
    back = store.history.recalled(outcomes.loc[is_free, "entry_id"])
    forgotten = is_free & outcomes["entry_id"].isin(list(back))
    outcomes.loc[forgotten, "ledger_state"] = LedgerState.RECALLED
    outcomes.loc[forgotten, "time_activity_id"] = outcomes["entry_id"].map(back)
    ledger_state = outcomes["ledger_state"]
    is_sent, recalled = ledger_state == LedgerState.SENT, ledger_state == LedgerState.RECALLED
    in_doubt = (ledger_state == LedgerState.SENDING) & (outcomes["state"] != State.IN_DOUBT)
    refused = (ledger_state == LedgerState.REFUSED) & seems_there
    sent = {"state": State.SENT, "reason": None, "detail": None}
    unconfirmed = {"state": State.IN_DOUBT, "reason": Reason.UNCONFIRMED}
    free = {"state": State.RECALLED, "reason": None, "detail": None}
    not_taken = {"state": State.REJECTED, "reason": Reason.QBO_REFUSED, "detail": _NOT_TAKEN}
    released = {"state": State.REJECTED, "reason": Reason.NOT_ATTEMPTED, "detail": _RELEASED}
    for rows, outcome in (
        (is_sent, sent),
        (in_doubt, unconfirmed),
        (recalled & seems_there, free),
        (refused, not_taken),
        (is_free & ~forgotten, released),
    ):
        outcomes = set_outcomes(outcomes, pd.DataFrame(outcome, index=outcomes.index[rows]))
    outcomes["time_activity_id"] = outcomes["time_activity_id"].where(is_sent | recalled)
    return outcomes


def _with_changes(outcomes: pd.DataFrame, in_doubt: Collection[str]) -> pd.DataFrame:
    """Let sent entries be in doubt of which a change is."""
    rows = outcomes["entry_id"].isin(list(in_doubt)) & (outcomes["state"] == State.SENT)
    detail = (
        "It is in QuickBooks, but whether its change is has no clear answer yet. The next run, or"
        " `clockbooks settle`, finds out."
    )
    outcome = {"state": State.IN_DOUBT, "reason": Reason.UNCONFIRMED, "detail": detail}
    return set_outcomes(outcomes, pd.DataFrame(outcome, index=outcomes.index[rows]))


def is_named(name: object, names: Sequence[str]) -> bool:
    """Whether a name is one of some; all are, if there are none."""
    return not names or (
        isinstance(name, str) and same_form(name) in {same_form(one) for one in names}
    )


def _tell_unknown(what: str, names: Sequence[str], known: list[str]) -> None:
    """Say on standard error which names no entry has that are nearly those of some."""
    for name in names:
        near = did_you_mean(name, known)
        if near and not any(is_named(one, [name]) for one in known):
            tell_aside(f"No entry has the {what} {name!r}.{near}")


def _items(outcomes: pd.DataFrame) -> list[Row]:
    """Return rows as objects, with how those went that are sent."""
    items = items_of(outcomes, LISTED)
    for item in items:
        if item["state"] == State.SENT and item["sent_at"] is not None:
            item["sent_at"] = item["sent_at"].isoformat()
        else:
            item.update(dict.fromkeys(SENT_BY))
        item["plan"] = None if item["plan"] is None else int(item["plan"])
    return items
