"""Turns what happened into what people and scripts read: the JSON documents, and the CSV."""

import csv
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from connectors.errors import AskPerson
from connectors.masking import hide_known
from flows.context import open_store
from flows.sending.spool import Spool
from schemas.words import LedgerState, Reason, State
from transforms.directory.names import same_form

#: Members of one entry in JSON, in the order of INTERFACE; `client` and `description` are ours.
MEMBERS = (
    "entry_id", "state", "reason", "detail", "date", "minutes", "user", "client", "project",
    "description", "time_activity_id",
)  # fmt: skip

#: So many entries are made objects of at once: a busy day of a large company has tens of thousands.
_ITEMS_AT_ONCE = 5000

#: Members besides for an entry of a file: where its row stands.
PLACE = ("file", "line")


class Objects(Protocol):
    """Where the objects of a document go: a list, or a `Spool`."""

    def extend(self, objects: Iterable[dict[str, Any]], /) -> None:
        """Add objects at the end."""


class Tally:
    """Adds a run up, plan by plan: its counts, and every entry."""

    def __init__(self, entries: Objects) -> None:
        self._entries = entries
        self._counts: Counter[tuple[str, str]] = Counter()
        self._minutes_sent = 0

    def add(self, plan: pd.DataFrame) -> None:
        """Add rows of `Plan`, with the states in which they ended."""
        self._counts.update(zip(plan["state"], plan["reason"].fillna(""), strict=True))
        self._minutes_sent += int(plan.loc[plan["state"] == State.SENT, "minutes"].sum())
        for first in range(0, len(plan), _ITEMS_AT_ONCE):
            self._entries.extend(_items(plan.iloc[first : first + _ITEMS_AT_ONCE]))

    @property
    def ready(self) -> int:
        """How many of the entries would be sent."""
        return self._counts[str(State.READY), ""]

    def document(self, run_id: str | None, *, dry_run: bool) -> dict[str, Any]:
        """Give the members of the JSON document that count and list entries."""
        states: Counter[str] = Counter()
        for (state, _), number in self._counts.items():
            states[state] += number
        counts = {
            "extracted": states.total(),
            "sent": states[State.SENT],
            "in_doubt": states[State.IN_DOUBT],
            "skipped": self._by_reason(State.SKIPPED),
            "rejected": self._by_reason(State.REJECTED),
        }
        if dry_run:
            counts["ready"] = states[State.READY]
        return {
            "run_id": run_id,
            "dry_run": dry_run,
            "counts": counts,
            "minutes_sent": self._minutes_sent,
            "entries": self._entries,
        }

    def _by_reason(self, state: State) -> dict[str, int]:
        return {str(reason): number for reason in Reason if (number := self._counts[state, reason])}


class Follower(Protocol):
    """Who is told each part of a report as it comes."""

    def begin(self) -> None:
        """Count anew."""

    def add(self, plan: pd.DataFrame, /) -> None:
        """Take rows of `Plan`, with the states in which they ended."""


class Report:
    """What a send or an import comes to, however many entries: its lists are on disk if they must.

    Attributes:
        tally: Counts and lists the entries.
        set_aside: Rows that are no entries, as objects.
        notes: What a person should know besides.
        stopped: Why the run ended early; `None` when it did not.
        latest: The document that was made last.
        currency: The company's; empty while unknown.
        followers: Told the same as the tally.
    """

    def __init__(self) -> None:
        self.latest: dict[str, Any] = {}
        self.currency = ""
        self.followers: list[Follower] = []
        self.set_aside = Spool()
        self.notes: list[str] = []
        self.stopped: str | None = None
        self._entries = Spool()
        self.tally = Tally(self._entries)

    def begin(self) -> None:
        """Count anew: what was a plan until now is carried out."""
        self._entries.close()
        self._entries = Spool()
        self.tally = Tally(self._entries)
        for follower in self.followers:
            follower.begin()

    def add(self, plan: pd.DataFrame) -> None:
        """Add rows of `Plan`, with the states in which they ended."""
        self.tally.add(plan)
        for follower in self.followers:
            follower.add(plan)

    def document(self, run_id: str | None, **more: Any) -> dict[str, Any]:
        """Give the JSON document; its counts add up to `extracted`.

        Args:
            run_id: The run; `None` for a plan, which leaves no trace.
            more: Further members.
        """
        self.latest = {
            **self.tally.document(run_id, dry_run=run_id is None),
            "set_aside": self.set_aside,
            "notes": list(self.notes),
            "stopped": self.stopped,
            **more,
        }
        return self.latest

    def close(self) -> None:
        """Forget the lists."""
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
    """Give what the runs so far said of each entry, brought up to date by the ledger.

    Raises:
        AskPerson: No connection fits, or nothing was sent yet from here.
    """
    with open_store(connection) as (_, store, _):
        told = store.outcomes.between(
            start=start.isoformat() if start else None,
            end=end.isoformat() if end else None,
        )
    told = _by_the_ledger(told)
    told = told[_named(told["user"], users) & _named(told["project"], projects)]
    if state == "unsent":
        told = told[told["state"] != State.SENT]
    elif state != "all":
        told = told[told["state"] == state.replace("-", "_")]
    return _items(told)


def write_csv(found: Sequence[dict[str, Any]], path: Path, members: Sequence[str]) -> None:
    """Write the *members* of rows as CSV, for their owner alone to read.

    Every cell is quoted, and a spreadsheet takes none for a formula. A file that is there already
    becomes its owner's alone before the first row is in it.

    Raises:
        AskPerson: The file cannot be written, or belongs to somebody else.
    """
    try:
        # A byte order mark, so that spreadsheets read the accents.
        with open(path, "w", newline="", encoding="utf-8-sig", opener=_for_its_owner) as file:
            writer = csv.DictWriter(file, fieldnames=members, quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows({name: _cell(row[name]) for name in members} for row in found)
    except OSError as error:
        raise AskPerson(f"The file {path} cannot be written ({error.strerror}).") from None


def _for_its_owner(path: str, flags: int) -> int:
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
    """Hide secrets, and put an apostrophe wherever a text would run; numbers stay as they are."""
    return _FORMULA.sub("'", hide_known(value)) if isinstance(value, str) else value


def _by_the_ledger(told: pd.DataFrame) -> pd.DataFrame:
    """Let the ledger speak last: a later run may have settled what an earlier one said."""
    sent = told["ledger_state"] == LedgerState.SENT
    told.loc[sent, "state"] = str(State.SENT)
    told.loc[sent, ["reason", "detail"]] = None
    doubt = (told["ledger_state"] == LedgerState.SENDING) & (told["state"] != State.IN_DOUBT)
    told.loc[doubt, "state"] = str(State.IN_DOUBT)
    told.loc[doubt, "reason"] = str(Reason.UNCONFIRMED)
    told.loc[~sent, "time_activity_id"] = None
    return told


def _named(column: pd.Series, names: Sequence[str]) -> pd.Series:
    if not names:
        return pd.Series(True, index=column.index)
    wanted = {same_form(name) for name in names}
    return column.map(lambda name: isinstance(name, str) and same_form(name) in wanted).astype(bool)


def _items(plan: pd.DataFrame) -> list[dict[str, Any]]:
    rows = plan[[*MEMBERS, *(name for name in PLACE if name in plan)]].astype(object)
    rows = rows.where(rows.notna(), None)
    return [
        row | {"minutes": None if row["minutes"] is None else int(row["minutes"])}
        for row in rows.to_dict("records")
    ]
