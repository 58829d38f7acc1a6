"""What people and scripts read of a reconciliation: counts, what differs, and totals."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.reconciliation.findings import Finding
from flows.reconciliation.repair import Repaired
from flows.sending.spool import Spool
from schemas.words import Repair, Verdict
from transforms.reconciliation.totals import SIDES, Totals

#: Members of one entry in JSON; `client`, `description`, `step` and `invoice` are ours.
MEMBERS = (
    "entry_id", "time_activity_id", "verdict", "blocked", "detail", "date", "minutes", "user",
    "client", "project", "description", "differs", "step", "repair", "invoice",
)  # fmt: skip

#: More deletions than that are a mistake, if they are more than half of what was sent.
MOST_DELETED = 20

#: Columns of the totals per person and week as CSV.
WEEK_MEMBERS = (
    "user", "week", *(f"{side}_{what}" for side in SIDES for what in ("minutes", "amounts"))
)  # fmt: skip

#: What leaves nothing that differs.
DONE = (Repair.UPDATED, Repair.DELETED, Repair.REPLACED, Repair.RESENT)


class ReconcileReport:
    """The result of a reconciliation, however many entries: long lists are kept on disk.

    Attributes:
        differences: Findings that do not agree, with what is needed to repair them.
        show_all: Whether findings that agree are shown, too.
        agreeing: Findings that agree, if so.
        totals: The sums of all sides.
        notes: What a person should know besides.
        latest: The document that was made last.
        invoices: Number of the invoice, by TimeActivity, where QuickBooks tells.
        unsettled: How many entries are in doubt still.
        undone: How many could not be compared, or whose marks could not be set or taken off.
        to_mark: Entries that are to be marked as invoiced.
        to_unmark: Entries that are to lose a mark of ours.
        currency: The company's.
        names: Names of people, such as `Employee:61`, and of customers, by their ids in QuickBooks.
    """

    def __init__(self, *, show_all: bool = False) -> None:
        """Start empty; *show_all* keeps what agrees, too."""
        self.differences = Spool[Finding]()
        self.agreeing = Spool[Finding]()
        self.totals = Totals()
        self.notes: list[str] = []
        self.latest: dict[str, Any] = {}
        self.invoices: dict[str, str] = {}
        self.unsettled = self.undone = 0
        self.to_mark: list[str] = []
        self.to_unmark: list[str] = []
        self.currency = ""
        self.names: Mapping[str, str] = {}
        self.show_all = show_all
        self._repaired = Spool[dict[str, Any]]()
        self._counts: Counter[Verdict] = Counter()
        self._deletions = 0
        self._left: Counter[Verdict] = Counter()

    def add(self, findings: Sequence[Finding]) -> None:
        """Add what was found on some days."""
        self._counts.update(one.judged.verdict for one in findings)
        self.differences.extend(one for one in findings if one.judged.verdict != Verdict.AGREES)
        if self.show_all:
            self.agreeing.extend(one for one in findings if one.judged.verdict == Verdict.AGREES)
        self._deletions += sum(one.is_lost for one in findings)
        for finding in findings:
            self.totals.add_all(finding.shares)

    @property
    def loses_most(self) -> bool:
        """Whether a repair would delete so much at once that it may be a mistake."""
        compared = self._counts.total() - self._counts[Verdict.UNSENT]
        return self._deletions > MOST_DELETED and self._deletions * 2 > compared

    def repaired(self, one: Repaired) -> None:
        """Add what became of a difference."""
        if one.repair in DONE:
            self.totals.repair(one.finding.shares, kept=one.repair != Repair.DELETED)
        if one.repair is not None and (one.repair not in DONE or one.detail):
            self._left[one.finding.judged.verdict] += 1
        item = self._item(one.finding) | {"repair": one.repair and str(one.repair)}
        if one.detail or one.repair in DONE:
            item["detail"] = one.detail or None
        self._repaired.extend([item])

    def untouched(self, one: Finding) -> None:
        """Add a difference that nothing was done about."""
        self._left[one.judged.verdict] += 1
        self._repaired.extend([self._item(one)])

    def left(self) -> Iterator[dict[str, Any]]:
        """Yield the differences that are left, as JSON objects."""
        return (
            item
            for item in self._repaired
            if item["repair"] not in DONE and item["verdict"] != Verdict.AGREES
        )

    def document(self, run_id: str | None, **members: Any) -> dict[str, Any]:
        """Return the JSON document; *run_id* is `None` for a plan, which leaves no trace."""
        left = _by_name(self._left if len(self._repaired) else self._counts)
        left.pop(str(Verdict.AGREES), None)
        self.latest = {
            "run_id": run_id,
            "dry_run": run_id is None,
            **members,
            "counts": _by_name(self._counts),
            "entries": self,
            "totals": self.totals.document(),
            "notes": list(self.notes),
            "differs": bool(left) or self.undone > 0,
            "left": left,
            "unsettled": self.unsettled,
            "undone": self.undone,
            "to_mark": len(self.to_mark),
            "marks": self.to_mark,
            "to_unmark": len(self.to_unmark),
            "unmarks": self.to_unmark,
        }
        return self.latest

    def __len__(self) -> int:
        return len(self.differences) + len(self.agreeing)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield every entry that is shown, as a JSON object."""
        if len(self._repaired):
            yield from self._repaired
        else:
            yield from map(self._item, self.differences)
        yield from map(self._item, self.agreeing)

    def _item(self, one: Finding) -> dict[str, Any]:
        judged = one.judged
        members = {
            "entry_id": one.entry_id,
            "time_activity_id": one.time_activity_id,
            "verdict": str(judged.verdict),
            "blocked": judged.blocked and str(judged.blocked),
            "detail": judged.detail or None,
            "differs": {
                field: {side: self._shown(field, value) for side, value in sides.items()}
                for field, sides in judged.differs.items()
            },
            "step": judged.step and str(judged.step),
            "repair": None,
            "invoice": self.invoices.get(one.time_activity_id or ""),
            **one.looks,
        }
        return {name: members[name] for name in MEMBERS}

    def _shown(self, field: str, value: Any) -> Any:
        """Return a value as people and JSON have it; a rate is text, which keeps its digits."""
        if field in {"user", "project"}:
            return self.names.get(value, value) or None
        if field == "rate":
            return None if value is None else f"{value:.2f}"
        return int(value) if field == "minutes" and value is not None else value

    def close(self) -> None:
        """Delete the lists."""
        for one in (self.differences, self.agreeing, self._repaired):
            one.close()


def _by_name(counts: Mapping[Verdict, int]) -> dict[str, int]:
    return {str(verdict): counts[verdict] for verdict in Verdict if counts[verdict]}


def flat_week(week: Mapping[str, Any]) -> dict[str, Any]:
    """Return one of `totals.weeks` as a row of `WEEK_MEMBERS`."""
    sums = {f"{side}_{what}": week[what][side] for side in SIDES for what in ("minutes", "amounts")}
    return {"user": week["user"], "week": week["week"], **sums}


def drift_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a difference."""
    names = ("entry_id", "time_activity_id", "verdict", "blocked", "detail", "date")
    kept = {name: item[name] for name in names}
    return kept | {"detail": item["detail"] or "", "differs": json.dumps(item["differs"])}
