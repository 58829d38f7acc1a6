"""The report of `adopt` on a terminal, and its question about one entry."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from rich.table import Column

from flows.adopting.report import Near
from flows.cli.output import Output
from flows.cli.tables import MOST_ROWS, Row, for_people, number, show_table, whole
from flows.text import clean, hours


@for_people
def show_adopted(output: Output, document: Mapping[str, Any]) -> None:
    """Show how many entries were adopted, what is nearly the same, and what is unknown."""
    output.say(_summary(document), style="bold")
    for note in document["notes"]:
        output.say(f"Note: {note}")
    _show_near(output, document)
    _show_unknown(output, document)


def question_about(near: Near) -> str:
    """Ask whether an entry is a TimeActivity that differs from it."""
    text = f", {near.description[:60]!r}" if near.description else ""
    entry = f"{near.entry_id} ({hours(near.minutes)} of {near.user} on {near.date}{text})"
    return clean(
        f"Adopt {entry} as TimeActivity {near.time_activity_id}, although it differs:"
        f" {_difference(near.differs)}?"
    )


def _summary(document: Mapping[str, Any]) -> str:
    counts = document["counts"]
    would = "would be " if document["dry_run"] else ""
    parts = [f"{counts['adopted']:,} entries {would}adopted"]
    if counts["near"]:
        parts.append(f"{counts['near']:,} nearly in QuickBooks")
    if counts["unknown"]:
        parts.append(f"{counts['unknown']:,} TimeActivities like no entry")
    return f"{', '.join(parts)}."


def _show_near(output: Output, document: Mapping[str, Any]) -> None:
    def cells(one: Row) -> tuple[Any, ...]:
        several = len(one["sum_of"])
        how = f"one of {several} that add up to it" if several else _difference(one["differs"])
        return one["date"], one["user"], hours(one["minutes"]), one["time_activity_id"], how

    columns = (whole("Day"), "Who", number("Entry"), whole("TimeActivity"), "Difference")
    if _show(output, document["near"], columns, cells, "Nearly the same: not adopted"):
        output.say(
            "None of these goes before you decide. If an entry is that TimeActivity, run adopt at a"
            " terminal, without --yes, and say so; or correct one of the two first. Where several"
            " entries add up to one TimeActivity, delete it in QuickBooks and send them, or leave"
            " both as they are. What is other work goes with `clockbooks send --not-in-books`."
        )


def _show_unknown(output: Output, document: Mapping[str, Any]) -> None:
    def cells(one: Row) -> tuple[Any, ...]:
        names = ("date", "user", "project", "minutes", "description", "time_activity_id")
        return tuple(hours(one[name]) if name == "minutes" else one[name] for name in names)

    columns = (whole("Day"), "Who", "Customer", number("Time"), "Description",
               whole("TimeActivity"))  # fmt: skip
    if _show(output, document["unknown"], columns, cells, "In QuickBooks, and like no entry"):
        output.say(
            "Entries of the same people and days are held back until you say that these are other"
            " work: `clockbooks send --not-in-books`."
        )


def _show(
    output: Output,
    found: Any,
    columns: Sequence[Column | str],
    cells: Callable[[Row], tuple[Any, ...]],
    title: str,
) -> bool:
    """Show the first rows of a list that may not fit in memory, and whether there are any."""
    show_table(output, columns, [cells(one) for one in islice(found, MOST_ROWS)], title=title)
    if len(found) > MOST_ROWS:
        output.say(f"… and {len(found) - MOST_ROWS:,} more: --json lists all of them.")
    return len(found) > 0


def _difference(differs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the fields that differ, as people read them."""
    parts = []
    for name, values in differs.items():
        mine, theirs = (_shown(name, values[side]) for side in ("clockify", "quickbooks"))
        parts.append(f"{name} {mine} in Clockify, {theirs} in QuickBooks")
    return "; ".join(parts)


def _shown(name: str, value: Any) -> str:
    if name == "minutes":
        return hours(value)
    if name == "billable":
        return "yes" if value else "no"
    return repr(value) if name == "description" else str(value) or "none"
