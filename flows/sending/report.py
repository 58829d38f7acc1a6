"""What people and scripts read of a run: the JSON documents, and the CSV."""

import csv
import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from connectors.errors import AskPerson
from connectors.masking import hide_known
from connectors.store.connection_store import ConnectionStore
from connectors.store.scope import records
from flows.context import open_store
from flows.sending.spool import Spool
from flows.text import tell_aside
from schemas.quickbooks import Company
from schemas.words import LedgerState, Reason, State
from transforms.directory.names import same_form
from transforms.directory.near_misses import did_you_mean
from transforms.identity.same_work import ROW_ID
from transforms.plan.hold_back import set_outcomes

#: Members of one entry in JSON, in the order of INTERFACE; `client` and `description` are ours.
MEMBERS = (
    "entry_id", "state", "reason", "detail", "date", "minutes", "user", "client", "project",
    "description", "time_activity_id",
)  # fmt: skip

#: Entries that become objects at once: a busy day of a large company has tens of thousands.
_ITEMS_AT_ONCE = 5000

#: Further members, where a plan has them: which rules decided, and for an entry of a file where its
#: row is.
MORE = ("decided_by", "file", "line")


class Follower(Protocol):
    """Is shown each part of a report as it is added."""

    def begin(self) -> None:
        """Start from zero."""

    def add(self, plan: pd.DataFrame, /) -> None:
        """Take rows of `Plan`, with the states in which they ended."""


class Entries:
    """Every entry of a run as a JSON object; kept as frames, which are smaller."""

    def __init__(self) -> None:
        self._plans = Spool[pd.DataFrame]()
        self._length = 0

    def add(self, plan: pd.DataFrame) -> None:
        """Add rows of `Plan`."""
        self._plans.extend([plan[_members(plan)]])
        self._length += len(plan)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for plan in self._plans:
            for first in range(0, len(plan), _ITEMS_AT_ONCE):
                yield from _items(plan.iloc[first : first + _ITEMS_AT_ONCE])

    def close(self) -> None:
        """Delete them."""
        self._plans.close()


class Report:
    """The result of a send or an import, however many entries: long lists are kept on disk.

    Attributes:
        set_aside: Rows that are no entries, as objects.
        notes: What a person should know besides.
        stopped: Why the run ended early; `None` when it did not.
        members: Further members of the document.
        latest: The document that was made last.
        company: The QuickBooks company; `None` while unknown.
        followers: Are shown the same rows.
    """

    def __init__(self) -> None:
        self.set_aside = Spool[dict[str, Any]]()
        self.notes: list[str] = []
        self.stopped: str | None = None
        self.members: dict[str, Any] = {}
        self.latest: dict[str, Any] = {}
        self.company: Company | None = None
        self.followers: list[Follower] = []
        self._start_from_zero()

    def _start_from_zero(self) -> None:
        self._entries = Entries()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._minutes_sent = 0

    @property
    def currency(self) -> str:
        """The company's; empty while unknown."""
        return self.company.currency if self.company else ""

    def begin(self) -> None:
        """Start counting from zero: the plan changes, or is executed now."""
        self._entries.close()
        self._start_from_zero()
        for follower in self.followers:
            follower.begin()

    def add(self, plan: pd.DataFrame) -> None:
        """Add rows of `Plan`, with the states in which they ended."""
        self._counts.update(zip(plan["state"], plan["reason"].fillna(""), strict=True))
        self._minutes_sent += int(plan.loc[plan["state"] == State.SENT, "minutes"].sum())
        self._entries.add(plan)
        for follower in self.followers:
            follower.add(plan)

    def count(self, *states: State) -> int:
        """Return how many entries ended in one of some states."""
        return sum(number for (state, _), number in self._counts.items() if state in states)

    def document(self, run_id: str | None, **members: Any) -> dict[str, Any]:
        """Return the JSON document; its counts add up to `extracted`.

        Args:
            run_id: The run; `None` for a plan, which leaves no trace.
            members: Members in place of others.
        """
        counts = {
            "extracted": self._counts.total(),
            "sent": self.count(State.SENT),
            "in_doubt": self.count(State.IN_DOUBT),
            "skipped": self._by_reason(State.SKIPPED),
            "rejected": self._by_reason(State.REJECTED),
        }
        if run_id is None:
            counts["ready"] = self.count(State.READY)
        self.latest = {
            "run_id": run_id,
            "dry_run": run_id is None,
            "counts": counts,
            "minutes_sent": self._minutes_sent,
            "entries": self._entries,
            "set_aside": self.set_aside,
            "notes": list(self.notes),
            "stopped": self.stopped,
            **self.members,
            **members,
        }
        return self.latest

    def _by_reason(self, state: State) -> dict[str, int]:
        return {str(reason): number for reason in Reason if (number := self._counts[state, reason])}

    def close(self) -> None:
        """Delete the lists."""
        self._entries.close()
        self.set_aside.close()


def entries(
    connection: str | None,
    *,
    state: str,
    start: date | None,
    end: date | None,
    users: Sequence[str],
    projects: Sequence[str],
) -> list[dict[str, Any]]:
    """Return how each entry ended in the latest run that judged it, corrected by the ledger.

    Raises:
        AskPerson: No connection fits, or nothing was sent yet from here.
    """
    with open_store(connection) as (_, store, _):
        outcomes = store.outcomes.between(
            start=start.isoformat() if start else None, end=end.isoformat() if end else None
        )
        drift = {row.entry_id: row.detail for row in store.drift.known() if row.entry_id}
        in_doubt = store.open_claims.changes()
    outcomes = _by_the_ledger(outcomes)
    for what, names in (("user", users), ("project", projects)):
        _tell_unknown(what, names, outcomes[what].dropna().unique().tolist())
    outcomes = outcomes[
        _are_named(outcomes["user"], users) & _are_named(outcomes["project"], projects)
    ]
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
    return _items(outcomes)


def last_outcome(store: ConnectionStore, entry_id: str) -> list[dict[str, Any]]:
    """Return one entry as `entries` does; an empty list where no run has judged it."""
    outcomes = _by_the_ledger(store.outcomes.between(start=None, end=None, entry_id=entry_id))
    return _items(_with_changes(outcomes, store.open_claims.changes()))


def write_csv(found: Iterable[dict[str, Any]], path: Path, members: Sequence[str]) -> None:
    """Write the *members* of rows as CSV, for their owner alone to read.

    Every cell is quoted, and no spreadsheet takes one for a formula. A file that exists already
    becomes readable by its owner alone before the first row is written.

    Raises:
        AskPerson: The file cannot be written, or belongs to somebody else.
    """
    try:
        # A byte order mark, so that spreadsheets read the accents.
        with open(path, "w", newline="", encoding="utf-8-sig", opener=for_its_owner) as file:
            writer = csv.DictWriter(file, fieldnames=members, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows({name: _cell(row[name]) for name in members} for row in found)
    except OSError as error:
        raise AskPerson(f"The file {path} cannot be written ({error.strerror}).") from None


def write_text(text: str, path: Path) -> None:
    """Write a file for its owner alone to read.

    Raises:
        AskPerson: It cannot be written, or belongs to somebody else.
    """
    try:
        with open(path, "w", encoding="utf-8", opener=for_its_owner) as file:
            file.write(text)
    except OSError as error:
        raise AskPerson(f"The file {path} cannot be written ({error.strerror}).") from None


def for_its_owner(path: str, flags: int) -> int:
    """Open a file, empty, for its owner alone to read: an `opener` for `open`."""
    handle = os.open(path, flags & ~os.O_TRUNC, 0o600)
    try:
        if stat.S_ISREG(os.fstat(handle).st_mode):  # a pipe or a terminal has no rights of ours
            if hasattr(os, "fchmod"):  # not on Windows
                os.fchmod(handle, 0o600)
            os.ftruncate(handle, 0)
    except OSError:
        os.close(handle)
        raise
    return handle


#: Where a spreadsheet would begin to calculate: at a cell's start, or after what another locale
#: takes for a delimiter; also behind blanks, quotation marks and in full width (OWASP, CSV
#: injection). A tab, return or line feed at the start hides what follows it.
_FORMULA = re.compile(
    r"(?:^|(?<=[;\t\r\n]))(?=[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])"
)


def _cell(value: object) -> object:
    """Hide secrets, and put an apostrophe wherever a text would run; keep numbers as they are."""
    return _FORMULA.sub("'", hide_known(value)) if isinstance(value, str) else value


_NOT_TAKEN = (
    "QuickBooks refused it, and does not have it now. `clockbooks entries --entry ID` has its"
    " words: correct what they are about; the next send tries it again."
)

_RELEASED = "QuickBooks was asked, and does not have it. The next send takes it."


def _by_the_ledger(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Let the ledger have the last word: a later run may have settled what an earlier one left."""
    is_sent = outcomes["ledger_state"] == LedgerState.SENT
    in_doubt = (outcomes["ledger_state"] == LedgerState.SENDING) & (
        outcomes["state"] != State.IN_DOUBT
    )
    recalled = outcomes["ledger_state"] == LedgerState.RECALLED
    sent = {"state": State.SENT, "reason": None, "detail": None}
    unconfirmed = {"state": State.IN_DOUBT, "reason": Reason.UNCONFIRMED}
    free = {"state": State.RECALLED, "reason": None, "detail": None}
    stays = recalled & outcomes["state"].isin([State.SENT])
    seems_there = outcomes["state"].isin([State.SENT, State.IN_DOUBT])
    refused = (outcomes["ledger_state"] == LedgerState.REFUSED) & seems_there
    not_taken = {"state": State.REJECTED, "reason": Reason.QBO_REFUSED, "detail": _NOT_TAKEN}
    # The ledger may have a file's row by now under Clockify's id.
    known_by_id = ~outcomes["entry_id"].str.startswith(ROW_ID).astype(bool)
    is_free = known_by_id & outcomes["ledger_state"].isna() & seems_there
    released = {"state": State.REJECTED, "reason": Reason.NOT_ATTEMPTED, "detail": _RELEASED}
    for rows, outcome in (
        (is_sent, sent),
        (in_doubt, unconfirmed),
        (stays, free),
        (refused, not_taken),
        (is_free, released),
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


def _are_named(column: pd.Series, names: Sequence[str]) -> pd.Series:
    return column.map(lambda name: is_named(name, names)).astype(bool)


def _members(plan: pd.DataFrame) -> list[str]:
    return [*MEMBERS, *(name for name in MORE if name in plan)]


def _items(plan: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        row | {"minutes": None if row["minutes"] is None else int(row["minutes"])}
        for row in records(plan[_members(plan)])
    ]
