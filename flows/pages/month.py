"""The page of a month: what was tracked, and how much of it is in QuickBooks."""

from collections.abc import Mapping
from typing import Any

from flows.pages.pages import MOST_LINES, PageContext
from flows.pages.safe_markdown import safe, table
from flows.sending.month import in_ledger_note
from flows.text import OUTCOME_TITLES, hours, money, reason_text


def month_page(document: Mapping[str, Any], place: PageContext) -> str:
    """Return the page of a month, made from its document."""
    notes = [*document["notes"], *in_ledger_note(document)]
    end = (
        f"What to do about each: `clockbooks send --start {document['start']} --end"
        f" {document['end']} --dry-run --connection {place.connection}`."
    )
    parts = [
        f"# {document['month']}: {hours(document['totals']['minutes'])} in Clockify\n",
        _sums("Total", [{"name": "Everything", **document["totals"]}], place),
        *[f"- {safe(note, 600)}" for note in notes],
        "",
        _reasons(document, place),
        "## People\n",
        _sums("Who", document["people"], place),
        "## Projects\n",
        _sums("Project", document["projects"], place),
        end,
    ]
    return "\n".join(parts)


def _sums(what: str, rows: list[dict[str, Any]], place: PageContext) -> str:
    billable = f"Billable {place.currency}".rstrip()
    heads = (what, "Tracked h:mm", *OUTCOME_TITLES.values(), billable, "of it sent")
    cells = [
        (
            safe(row["name"]),
            _clock(row["minutes"]),
            *(_clock(row[f"{outcome}_minutes"]) for outcome in OUTCOME_TITLES),
            money(row["amount_cents"], ""),
            money(row["sent_amount_cents"], ""),
        )
        for row in rows[:MOST_LINES]
    ]
    more = len(rows) - MOST_LINES
    rest = f"… and {more:,} more; `clockbooks month --csv FILE` writes all of them.\n"
    return table(heads, cells, right=heads[1:]) + rest * (more > 0)


def _clock(minutes: int) -> str:
    """Write a time as briefly as wide tables need it: 171:45."""
    return f"{minutes // 60:,}:{minutes % 60:02d}"


def _reasons(document: Mapping[str, Any], place: PageContext) -> str:
    rows = [
        (
            OUTCOME_TITLES[row["outcome"]],
            reason_text(row["reason"]),
            f"{row['entries']:,}",
            hours(row["minutes"]),
            place.money(row["amount_cents"]),
        )
        for row in document["reasons"]
        if row["outcome"] != "sent"
    ]
    if not rows:
        return "All of it is in QuickBooks.\n"
    heads = ("", "Reason", "Entries", "Time", "Billable")
    return "## Why it is not in QuickBooks\n\n" + table(heads, rows, right=heads[2:])
