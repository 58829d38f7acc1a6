"""Text for people: hours, terminal-safe text, notes on standard error."""

import sys
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from connectors.masking import hide_known
from schemas.words import Reason, Verdict

#: Options that send an entry in spite of its reason; surfaces spell them in their own way.
OVERRIDES = {str(Reason.QBO_REFUSED): "retry_refused"}

#: What a reconciliation says of an entry.
VERDICTS: dict[str, str] = {
    Verdict.AGREES: "agree",
    Verdict.CHANGED_IN_CLOCKIFY: "changed in Clockify",
    Verdict.GONE_FROM_CLOCKIFY: "gone from Clockify",
    Verdict.UNAPPROVED_SINCE: "unapproved since",
    Verdict.CHANGED_IN_QUICKBOOKS: "changed in QuickBooks",
    Verdict.CHANGED_IN_BOTH: "changed in both",
    Verdict.GONE_FROM_QUICKBOOKS: "gone from QuickBooks",
    Verdict.UNKNOWN_IN_QUICKBOOKS: "unknown in QuickBooks",
    Verdict.UNSENT: "not sent",
}

#: The sides of its totals.
SIDES = {
    "clockify": "Clockify, as tracked",
    "rounded": "Clockify, rounded",
    "ledger": "Sent, by the ledger",
    "quickbooks": "QuickBooks",
}

#: Reasons of which underscores for spaces make no good words.
_REASONS: dict[str, str] = {
    Reason.QBO_REFUSED: "refused by QuickBooks",
    Reason.MAYBE_IN_BOOKS: "maybe in the books",
    Reason.RATE_CURRENCY: "rate in another currency",
    Reason.BILLABLE_WITHOUT_PROJECT: "billable without a project",
    Reason.BILLABLE_WITHOUT_RATE: "billable without a rate",
}

#: What becomes of a month's time (`transforms.plan.month`).
OUTCOME_TITLES = {"sent": "Sent", "open": "Open", "not_sent": "Not sent"}


def clean(words: str) -> str:
    """Remove secrets from a text, and what could steer a terminal: control and direction marks."""
    return "".join(
        "�"
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        and letter not in "\n\t\u200d"
        else letter
        for letter in hide_known(words)
    )


def hours(minutes: int | None) -> str:
    """Return minutes as people write them; a running timer has none."""
    if minutes is None:
        return "…"
    return f"{minutes // 60:,} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def reason_text(reason: str) -> str:
    """Return a reason in words; documents and tables of the terminal keep the code.

    Examples:
        >>> reason_text("too_long")
        'too long'
    """
    return _REASONS.get(reason, reason.replace("_", " "))


def money(cents: int, currency: str) -> str:
    """Return an amount with its currency."""
    return f"{cents // 100:,}.{cents % 100:02d} {currency}".rstrip()


def entries(number: int) -> str:
    """Return a number of entries in words."""
    return "1 entry" if number == 1 else f"{number:,} entries"


def activities(number: int) -> str:
    """Return a number of TimeActivities in words."""
    return "1 TimeActivity" if number == 1 else f"{number:,} TimeActivities"


def headline(sums: Mapping[str, int], currency: str) -> str:
    """Return how much goes: entries, hours, and the billable part; see `Overview.totals`."""
    words = f"{entries(sums['entries'])}, {hours(sums['minutes'])}"
    if sums["billable_minutes"]:
        amount = money(sums["amount_cents"], currency)
        words += f" ({hours(sums['billable_minutes'])} billable: {amount})"
    return words


def marking(document: Mapping[str, Any]) -> list[str]:
    """Say which marks in Clockify the plan of a reconciliation would set and take off."""
    to_mark, to_unmark = document["to_mark"], document["to_unmark"]
    said = [f"{entries(to_mark)} would be marked as invoiced in Clockify."] * (to_mark > 0)
    off = f"Our mark would be taken off {entries(to_unmark)} in Clockify."
    return [*said, *[off] * (to_unmark > 0)] if document["dry_run"] else []


def project_name(row: Mapping[str, Any]) -> str:
    """Return an entry's project, after its client."""
    if not row["project"]:
        return "(no project)"
    return f"{row['client']} › {row['project']}" if row["client"] else str(row["project"])


def differing(sums: Mapping[str, Any]) -> bool:
    """Whether the sides of a reconciliation differ in some sums, except for their rounding."""
    sides = [side for side in SIDES if side != "clockify"]
    return any(len({sums[of][side] for side in sides}) > 1 for of in ("minutes", "amounts"))


def local_day(instant: str | None, timezone: str) -> str:
    """Return the day of an ISO 8601 instant in a time zone; empty for none."""
    if instant is None:
        return ""
    return datetime.fromisoformat(instant).astimezone(ZoneInfo(timezone)).date().isoformat()


def named(names: Sequence[str], most: int) -> str:
    """Name the first of some things, and count the others."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def tell_aside(words: str) -> None:
    """Print a note on standard error, beside a command's own report."""
    sys.stderr.write(clean(f"Note: {words}\n"))


def typed(option: str) -> str:
    """Return an option as the command line takes it, for a message in a terminal."""
    return f"--{option.replace('_', '-')}"
