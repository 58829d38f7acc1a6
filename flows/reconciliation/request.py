"""What somebody can ask of a reconciliation."""

from dataclasses import dataclass
from datetime import date

from flows.sending.request import SendRequest
from schemas.part_ids import later_ids, whole_id
from transforms.reconciliation.judge import Rules


@dataclass(frozen=True, kw_only=True)
class ReconcileRequest:
    """What to compare, and what to do about it.

    Attributes:
        start: First local day.
        end: Last local day, included.
        repair: Whether to repair what differs.
        prefer_clockify: Whether a repair may overwrite what somebody changed in QuickBooks.
        entry_ids: Entries of which it may.
        resend: Whether a repair creates again what somebody deleted in QuickBooks.
        mark_invoiced: Whether to mark entries in Clockify that are on an invoice, and to take our
            marks off others.
        rounding: As for a send; it counts for entries whose duration changed.
        approved_only: As for a send.
        dry_run: Show everything, change nothing.
    """

    start: date
    end: date
    repair: bool = False
    prefer_clockify: bool = False
    entry_ids: tuple[str, ...] = ()
    resend: bool = False
    mark_invoiced: bool = False
    rounding: str | None = None
    approved_only: bool | None = None
    dry_run: bool = False

    @property
    def as_send(self) -> SendRequest:
        """The send whose entries are compared."""
        return SendRequest(
            start=self.start,
            end=self.end,
            rounding=self.rounding,
            approved_only=self.approved_only,
            retry_refused=True,
            dry_run=self.dry_run,
        )

    def rules(self, closed_until: date | None) -> Rules:
        """Return what entries are judged by."""
        return Rules(
            closed_until=closed_until,
            prefer_clockify=self.prefer_clockify,
            entry_ids=frozenset(
                part
                for whole in map(whole_id, self.entry_ids)
                for part in (whole, *later_ids(whole))
            ),
            resend=self.resend,
        )
