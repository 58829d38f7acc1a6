"""The page of all connections: what was sent, what is left, and what needs a person."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from flows.connections.status import needs_person
from flows.pages.safe_markdown import safe, table
from flows.text import entries, hours, local_day

#: Prefect cuts a table that is wider than these two.
_WHO = ("Connection", "Company", "State", "Consent until", "Last sync", "Last send")
_NUMBERS = ("Rejected", "Skipped", "In doubt", "Drifted", "Plans that wait")
_COUNTED = ("in_doubt", "drifted", "waiting_plans")


def status_page(document: Mapping[str, Any], now: datetime) -> str:
    """Return the page of `clockbooks status`, made from its document; *now* is in UTC."""
    rows, reads = document["connections"], document["reads"]
    waiting = [row for row in rows if needs_person(row)]
    need = "needs" if len(waiting) == 1 else "need"
    used = f"{reads['used']:,} of {reads['allowance']:,}"
    told = (
        f"**{len(waiting):,} of {len(rows):,} {need} somebody.** As of {now:%Y-%m-%d %H:%M} UTC;"
        " days are those of each connection's time zone."
    )
    parts = [
        "# All connections\n",
        f"{told}\n",
        table(_WHO, map(_who, rows)),
        "## What is left\n",
        table(("Connection", *_NUMBERS), map(_what, rows), right=_NUMBERS),
        *[f"- {line}" for row in waiting for line in _to_do(row)],
        *[""] * bool(waiting),
        f"Reads of QuickBooks in {reads['month']}: {used}. `clockbooks status` shows what is now.",
    ]
    return "\n".join(parts)


def _name(row: Mapping[str, Any]) -> str:
    return f"**{safe(row['connection'])}**" if needs_person(row) else safe(row["connection"])


def _who(row: Mapping[str, Any]) -> tuple[str, ...]:
    days = (row["consent_ends_at"], row["synced_at"], row["sent_at"])
    until, synced, sent = (local_day(day, row["timezone"]) for day in days)
    return (
        _name(row),
        safe(row["company"] or ""),
        row["state"],
        until,
        synced or "never",
        sent or "never",
    )


def _what(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        _name(row),
        *(_left(row[what]) for what in ("rejected", "skipped")),
        *(f"{row[what]:,}" if row[what] else "" for what in _COUNTED),
    )


def _left(sums: Mapping[str, int]) -> str:
    return f"{sums['entries']:,}: {hours(sums['minutes'])}" if sums["entries"] else ""


def _to_do(row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what somebody can do about a connection, a line each."""
    name = f"--connection {row['connection']}"
    rejected = row["rejected"]["entries"]
    found = (
        (row["state"] != "connected", row["state"], "connect", "renews it"),
        (rejected, f"{entries(rejected)} rejected", "entries --state rejected", "says why"),
        (row["in_doubt"], f"{entries(row['in_doubt'])} in doubt", "settle", "asks QuickBooks"),
        (row["drifted"], f"{entries(row['drifted'])} drifted", "entries --state drifted",
         "shows them"),
        (row["waiting_plans"], "plans wait for a decision", "plans", "says where"),
    )  # fmt: skip
    for is_so, what, command, helps in found:
        if is_so:
            yield f"{safe(row['connection'])}: {what}; `clockbooks {command} {name}` {helps}."
