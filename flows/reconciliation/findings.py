"""What a reconciliation finds out about one entry, or about a TimeActivity that nobody knows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flows.reconciliation.sides import LOOKS, looks_of, looks_of_sent
from schemas.words import Reason, Verdict
from transforms.reconciliation.judge import Judged, Rules, Step, is_billed, judge
from transforms.reconciliation.sides import Now, Sent, activity_values, fields_of
from transforms.reconciliation.totals import Known, Share, shares

#: Entries that nobody means to send: no drift, and in no total.
NEVER_MEANT = (Reason.RUNNING, Reason.BREAK)

#: The same of entries that were not sent; those sent before somebody said so stay in the totals.
NEVER_SENT = (*NEVER_MEANT, Reason.EXCLUDED, Reason.TOO_EARLY)

#: The first and the last day of a reconciliation, YYYY-MM-DD: what its totals are of.
Window = tuple[str, str]


@dataclass(frozen=True)
class Finding:
    """What was found out about one entry, or about one TimeActivity that nobody knows.

    Attributes:
        entry_id: The entry; `None` for an unknown TimeActivity.
        time_activity_id: QuickBooks' Id; `None` if it was not sent.
        judged: What differs, and what would help.
        looks: `date`, `minutes`, `user`, `client`, `project` and `description`.
        sent: What the ledger has; `None` if it was not sent.
        now: What Clockify has; `None` if it does not have it.
        in_clockify: Whether Clockify has it.
        billed: Whether QuickBooks has it on an invoice.
        shares: What it adds to the totals of each side.
    """

    entry_id: str | None
    time_activity_id: str | None
    judged: Judged
    looks: Mapping[str, Any]
    sent: Sent | None = None
    now: Now | None = None
    in_clockify: bool = False
    billed: bool = False
    shares: Sequence[Share] = ()

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return self.judged.verdict == Verdict.AGREES

    @property
    def is_lost(self) -> bool:
        """Whether a repair deletes it for good."""
        return self.judged.step == Step.DELETE and not self.judged.anew

    @property
    def unit(self) -> str | None:
        """The whole entry, if this is a part of it that may have to go with the others."""
        return self.sent.unit if self.sent else None


def compared(
    sent: Sent,
    row: Any,
    now: Now | None,
    activity: Mapping[str, Any] | None,
    rules: Rules,
    window: Window,
) -> Finding:
    """Compare the three sides of a sent entry.

    Args:
        sent: The entry as it was sent.
        row: Its row of `SentEntries`.
        now: What Clockify has; `None` if it does not have it.
        activity: What QuickBooks has; `None` if it is gone.
        rules: What counts, and what may be done.
        window: The days of the totals.
    """
    ledger_looks = looks_of_sent(row)
    judged = judge(sent, now, activity, rules)
    looks = ledger_looks if now is None else _looks_as_sent(now, judged)
    names: dict[str, Callable[[], Mapping[str, Any]]] = {
        "clockify": lambda: looks,
        "ledger": lambda: ledger_looks,
        "quickbooks": lambda: looks_of(activity or {}),
    }
    sides = {name: (fields, names[name]) for name, fields in judged.sides.items()}
    if now is not None and now.reason in NEVER_MEANT:
        sides.pop("clockify")
    is_done = judged.verdict == Verdict.AGREES and sent.unit is None  # else others decide
    return Finding(
        entry_id=row.entry_id,
        time_activity_id=row.time_activity_id,
        judged=judged,
        looks={name: looks[name] for name in LOOKS},
        sent=None if is_done else sent,
        now=None if is_done else _as_it_went(now, sent),
        in_clockify=now is not None,
        billed=activity is not None and is_billed(activity),
        shares=_within(window, sides, None if now is None else now.row["seconds"]),
    )


def _as_it_went(now: Now | None, sent: Sent) -> Now | None:
    """Return an entry with the hours as which it was sent: no change of it gives it others."""
    if now is None or now.contents is None:
        return now
    hours = None if sent.contents is None else sent.contents["hours"]
    return replace(now, contents={**now.contents, "hours": hours})


def unsent(entry_id: str, now: Now, window: Window) -> Finding:
    """Return what to say of an entry that was not sent."""
    detail = now.detail or "It was not sent yet. `clockbooks send` sends it, or says why not."
    looks = {name: now.row[name] for name in LOOKS}
    sides: dict[str, Known] = {"clockify": (fields_of(now), lambda: looks)}
    judged = Judged(Verdict.UNSENT, detail)
    added = _within(window, sides, now.row["seconds"])
    return Finding(entry_id, None, judged, looks, now=now, in_clockify=True, shares=added)


def unknown(id_: str, activity: Mapping[str, Any], window: Window) -> Finding:
    """Return what to say of a TimeActivity that nothing sent accounts for."""
    looks = looks_of(activity)
    detail = (
        "Nothing that was sent from here accounts for it. If an entry that is not sent"
        f" stands for it, `clockbooks adopt --start {looks['date']} --end {looks['date']}`"
        " takes it over."
    )
    values = activity_values(activity)
    judged = Judged(Verdict.UNKNOWN_IN_QUICKBOOKS, detail, sides={"quickbooks": values})
    sides: dict[str, Known] = {"quickbooks": (values, lambda: looks)}
    added = _within(window, sides, None)
    return Finding(None, id_, judged, looks, billed=is_billed(activity), shares=added)


def _looks_as_sent(now: Now, judged: Judged) -> dict[str, Any]:
    """Return what people know an entry by, as long as it was sent, whatever rounding is today."""
    minutes = judged.sides["clockify"]["minutes"]
    return {**now.row, "minutes": None if minutes is None else int(minutes)}


def _within(window: Window, sides: Mapping[str, Known], tracked_s: int | None) -> list[Share]:
    """Return what an entry adds to the totals, but for sides that have it on other days."""
    first, last = window
    return [one for one in shares(sides, tracked_s) if first <= one.date <= last]
