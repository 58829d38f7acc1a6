"""What people and scripts read of a run: the JSON documents, and the CSV."""

import csv
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from connectors.errors import AskPerson
from connectors.masking import hide_known
from connectors.store.scope import records
from flows.sending.spool import Spool
from schemas.quickbooks import Company
from schemas.words import Reason, State

#: Members of one entry in JSON, in the order of INTERFACE; the others are ours.
MEMBERS = (
    "entry_id", "state", "reason", "detail", "date", "minutes", "user", "client", "project",
    "description", "time_activity_id", "start", "billable", "amount_cents",
)  # fmt: skip

#: Entries that become objects at once: a busy day of a large company has tens of thousands.
_ITEMS_AT_ONCE = 5000

#: Further members, where a plan has them: which rules decided, where the rate comes from, and of an
#: entry of a file, where its row is.
MORE = ("decided_by", "rate_from", "file", "line")


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
                some = plan.iloc[first : first + _ITEMS_AT_ONCE]
                yield from items_of(some, _members(some))

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
        first_day: Rows that are no entries count from this day on, YYYY-MM-DD; empty for all.
    """

    def __init__(self) -> None:
        self.set_aside = Spool[dict[str, Any]]()
        self.notes: list[str] = []
        self.stopped: str | None = None
        self.members: dict[str, Any] = {}
        self.latest: dict[str, Any] = {}
        self.company: Company | None = None
        self.followers: list[Follower] = []
        self.first_day = ""
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


def _members(plan: pd.DataFrame) -> list[str]:
    return [*MEMBERS, *(name for name in MORE if name in plan)]


def items_of(plan: pd.DataFrame, members: Sequence[str]) -> list[dict[str, Any]]:
    """Return rows as JSON objects; numbers are whole where one is missing, too."""
    whole = ("minutes", "amount_cents")
    return [
        row | {name: None if row[name] is None else int(row[name]) for name in whole}
        for row in records(plan[list(members)])
    ]
