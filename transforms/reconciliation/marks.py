"""Which entries to mark as invoiced in Clockify, and off which to take a mark of ours.

A mark is ours if we set it where there was none. Clockify does not say who set one by hand, only
whether an invoice of its own did. So a mark counts as somebody else's as soon as that may be so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Shown(StrEnum):
    """A mark that Clockify shows."""

    BY_HAND = "by_hand"  # by a person, or by us
    BY_INVOICE = "by_invoice"  # by an invoice of Clockify's own


@dataclass(frozen=True)
class MarkPlan:
    """What is to become of marks, by entry.

    Attributes:
        put: On an invoice, and without a mark.
        take_off: On no invoice, and with a mark that is ours.
        forget: Without a mark, or with one that is not ours any more.
        unclear: On no invoice, and with a mark that may be ours: a person looks at it.
    """

    put: Sequence[str] = ()
    take_off: Sequence[str] = ()
    forget: Sequence[str] = ()
    unclear: Sequence[str] = ()


def shown_marks(rows: Collection[Any]) -> dict[str, Shown]:
    """Return the marks that rows of a detailed report show, by entry (FACTS, Clockify, 4)."""
    return {
        str(row.get("_id")): shown
        for row in rows
        if isinstance(row, Mapping) and (shown := _shown(row.get("invoicingInfo")))
    }


def _shown(info: Any) -> Shown | None:
    """Read `invoicingInfo`; what is neither nothing nor by hand is somebody else's."""
    if not info or (isinstance(info, Mapping) and not any(info.values())):
        return None
    by_hand = isinstance(info, Mapping) and {*filter(info.get, info)} == {"manuallyInvoiced"}
    return Shown.BY_HAND if by_hand else Shown.BY_INVOICE


def plan_marks(
    billed: Mapping[str, bool], shown: Mapping[str, Shown], ours: Mapping[str, bool]
) -> MarkPlan:
    """Plan what becomes of marks.

    Args:
        billed: Whether QuickBooks has an entry on an invoice.
        shown: The marks that Clockify shows.
        ours: Entries with a mark of ours, and whether that is settled.

    Examples:
        >>> plan_marks({"a": True, "b": False}, {"b": Shown.BY_HAND}, {"b": True})
        MarkPlan(put=['a'], take_off=['b'], forget=[], unclear=[])
    """
    unbilled = [id_ for id_ in ours if billed.get(id_) is False]
    by_hand = [id_ for id_ in unbilled if shown.get(id_) is Shown.BY_HAND]
    return MarkPlan(
        put=[id_ for id_, is_billed in billed.items() if is_billed and id_ not in shown],
        take_off=[id_ for id_ in by_hand if ours[id_]],
        forget=[id_ for id_ in unbilled if id_ not in shown]
        + [id_ for id_ in ours if id_ in billed and shown.get(id_) is Shown.BY_INVOICE],
        unclear=[id_ for id_ in by_hand if not ours[id_]],
    )
