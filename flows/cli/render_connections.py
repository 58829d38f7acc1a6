"""The reports of `check`, `connections`, `configure` and `disconnect` on a terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flows.cli.output import Output
from flows.cli.tables import Row, for_people, lesser, number, show_table, text, whole
from flows.connections.status import needs_person
from flows.text import clean, hours, local_day

_STATE_STYLE = {"ok": "green", "warning": "yellow", "problem": "red"}

_SOURCES = {"own": "this connection", "environment": "the environment", "default": "the default"}


@for_people
def show_checks(output: Output, document: Mapping[str, Any]) -> None:
    """Show what is well, what is not, and what to do about it."""
    rows = []
    for row in document["checks"]:
        style = _STATE_STYLE[row["state"]]
        found = text(row["found"])
        if row["to_do"]:
            found.append(f"\n› {clean(row['to_do'])}", style=style)
        rows.append((text(row["state"], style), row["name"], found))
    show_table(output, ("State", "What", "Found, and what to do"), rows)
    counts = Counter(row["state"] for row in document["checks"])
    problems, warnings = counts["problem"], counts["warning"]
    if problems:
        stop = "problem stops" if problems == 1 else "problems stop"
        output.say(f"{problems} {stop} a send.", style="bold red")
    elif warnings:
        noun = "warning" if warnings == 1 else "warnings"
        output.say(f"Ready to send, with {warnings} {noun}.", style="bold")
    else:
        output.say("Ready to send.", style="bold")


@for_people
def show_connections(output: Output, found: Sequence[Row]) -> None:
    """Show the connections, the state of each, and when a person must connect again."""
    if not found:
        output.say("Nothing is connected yet: run `clockbooks connect`.")
        return
    rows = [
        (
            row["connection"],
            row["workspace"],
            row["company"],
            row["realm_id"],
            row["timezone"],
            text(row["state"], "green" if row["state"] == "connected" else "yellow"),
            local_day(row["consent_ends_at"], row["timezone"]),
            local_day(row["synced_at"], row["timezone"]) or "never",
        )
        for row in found
    ]
    columns = (
        "Name", "Workspace", "Company", lesser("Realm id", 5), lesser("Time zone", 4),
        lesser("State", 1), lesser("Valid until", 2), lesser("Last sync", 3),
    )  # fmt: skip
    show_table(output, columns, rows)
    for row in found:
        _show_remarks(output, row)


@for_people
def show_status(output: Output, document: Mapping[str, Any]) -> None:
    """Show one line for each connection, and how many reads of QuickBooks are left."""
    rows = [
        (
            text(row["connection"], "yellow" if needs_person(row) else "green"),
            row["state"],
            local_day(row["consent_ends_at"], row["timezone"]),
            local_day(row["synced_at"], row["timezone"]) or "never",
            local_day(row["sent_at"], row["timezone"]) or "never",
            _left(row["rejected"]),
            _left(row["skipped"]),
            *(str(row[what] or "") for what in ("in_doubt", "drifted", "waiting_plans")),
        )
        for row in document["connections"]
    ]
    days = map(whole, ("Valid until", "Last sync", "Last send"))
    numbers = map(number, ("Rejected", "Skipped", "In doubt", "Drifted", "Plans"))
    show_table(output, ("Name", "State", *days, *numbers), rows)
    reads, waiting = document["reads"], sum(map(needs_person, document["connections"]))
    output.say(f"{waiting:,} of {len(rows):,} need somebody.", style="bold")
    output.say(
        f"Reads of QuickBooks in {reads['month']}: {reads['used']:,} of {reads['allowance']:,}."
    )


def _left(sums: Mapping[str, int]) -> str:
    return f"{sums['entries']:,}: {hours(sums['minutes'])}" if sums["entries"] else ""


def _show_remarks(output: Output, row: Row) -> None:
    name = row["connection"]
    if row["settings"]:
        own = ", ".join(f"{setting}={value}" for setting, value in row["settings"].items())
        output.say(f"{name} has its own settings: {own}.")
    if row["state"] in {"consent ends soon", "consent ended"}:
        output.say(
            f"{name}: run `clockbooks connect --connection {name}` to renew the consent. The ledger"
            " and the links stay."
        )
    if row["revocation_pending"]:
        output.say(f"{name}: an old consent has not been revoked at Intuit yet.")


@for_people
def show_settings(output: Output, document: Mapping[str, Any]) -> None:
    """Show the settings that a connection may have of its own, and where each value comes from."""
    output.say(f"Settings of {document['connection']}", style="bold")
    show_table(
        output,
        ("Setting", "Value", "From"),
        [
            (row["name"], _value(row["value"]), _SOURCES[row["source"]])
            for row in document["settings"]
        ],
    )


@for_people
def show_disconnected(output: Output, document: Mapping[str, Any]) -> None:
    """Show that a connection has ended, and what became of Intuit's consent."""
    name = document["connection"]
    if document["was_connected"]:
        words = f"{name} is disconnected. Its secrets are deleted; the ledger and the links stay."
    else:
        words = f"{name} was already disconnected."
    output.say(words, style="bold")
    if document["message"]:
        output.say(document["message"])
    if document["revocation"] == "ended":
        output.say("Its consent had already ended: there is nothing to revoke.")


def _value(value: object) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
