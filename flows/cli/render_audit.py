"""The reports of `audit verify` and of the life of one entry on a terminal."""

from collections.abc import Mapping
from typing import Any

from flows.cli.output import Output
from flows.cli.tables import for_people, number, show_table, whole
from flows.text import hours, project_name


@for_people
def show_verified(output: Output, document: Mapping[str, Any]) -> None:
    """Show of each connection what was verified, and what is wrong."""
    for one in document["connections"]:
        style = "bold" if one["is_valid"] else "red"
        output.say(_summary(one), style=style)
        for problem in one["problems"]:
            output.say(f"  {problem}")
        more = one["number_of_problems"] - len(one["problems"])
        if more:
            output.say(f"  … and {more:,} more.")
    if document["to_do"]:
        output.say(document["to_do"])


@for_people
def show_exported(output: Output, document: Mapping[str, Any]) -> None:
    """Show what is in the file, and what to compare it with."""
    output.say(
        f"Wrote {document['rows']:,} rows about {document['entries']:,} entries to"
        f" {document['file']}. Newest row: {document['number']}, {document['hash']}."
    )


@for_people
def show_pseudonymized(output: Output, document: Mapping[str, Any]) -> None:
    """Show where a name was replaced, and where it still is."""
    rows = sum(document["replaced"].values())
    output.say(f"Replaced by {document['pseudonym']!r} in {rows:,} rows; the history is unbroken.")
    output.say(
        "Descriptions and notes stay as they are, and so do Clockify and QuickBooks: while Clockify"
        " has the name, the next send or sync reads it again."
    )


@for_people
def show_life(output: Output, document: Mapping[str, Any]) -> None:
    """Show everything that happened to one entry."""
    for row in document["entries"]:
        output.say(
            f"{row['date']}, {row['user'] or '(no name)'}, {project_name(row)},"
            f" {hours(row['minutes'])}: {row['state'].replace('_', ' ')}",
            style="bold",
        )
    rows = [
        (
            row["at"][:19].replace("T", " "),
            f"{row['event']} ({row['operation']})" if row["operation"] else row["event"],
            hours(row["minutes"]) if row["minutes"] is not None else "",
            row["time_activity_id"],
            row["actor"],
            (row["run_id"] or "")[:8],
            (row["fingerprint"] or "")[:12],
            row["note"],
        )
        for row in document["history"]
    ]
    columns = (
        whole("UTC"), "What", number("Time"), whole("Id"), "Who", whole("Run"), whole("SHA-256"),
        "Note",
    )  # fmt: skip
    show_table(output, columns, rows)


def _summary(one: Mapping[str, Any]) -> str:
    name = one["connection"]
    if one["broken"]:
        row = one["broken"]
        entry = f" (entry {row['entry_id']})" if row["entry_id"] else ""
        return f"{name}: the history is broken at row {row['number']}{entry}. {row['problem']}"
    if not one["is_valid"]:
        number = f"{one['number_of_problems']:,}"
        return f"{name}: the history is unbroken, but disagrees with other tables ({number}):"
    parts = [f"{one['rows']:,} rows, all as written"]
    if one["dropped"]:
        parts.append(f"the first {one['dropped']:,} were dropped for their age")
    parts.append(f"{one['compared']:,} sent entries agree with the ledger")
    if one["from_before"]:
        parts.append(f"{one['from_before']:,} are older than the history")
    newest = f" Newest row: {one['number']}, {one['hash']}." if one["number"] else ""
    return f"{name}: {'; '.join(parts)}.{newest}"
