"""The reports of `sync` and `links` on a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flows.cli.output import Output
from flows.cli.tables import Row, for_people, lesser, show_table, whole
from flows.directory.sync_report import SIDES, sync_summary
from flows.text import local_day
from schemas.words import Side

#: Lists of pairs that are shown to be decided about, by their titles.
_PAIRS = {
    "near_misses": "Near misses, not linked",
    "ambiguous": "Ambiguous: which one is meant?",
    "unlinked": "Unlinked by hand",
    "excluded": "Never sent",
}

_HOW = {"name": "same name", "manual": "by hand", "created": "created"}


@for_people
def show_sync(output: Output, document: Mapping[str, Any]) -> None:
    """Show what is linked, what is not and why, and what was created."""
    output.say(sync_summary(document), style="bold")
    created = "Would be created" if document["dry_run"] else "Created"
    _show_created(output, created, document["created"])
    _show_created(output, "Not created", document["not_created"], "Why")
    for name, title in _PAIRS.items():
        _show_pairs(output, title, document[name])
    show_table(
        output,
        (lesser("Name", 1), "E-mail", whole("Id")),
        [(row["clockify_name"], row["email"], row["clockify_id"]) for row in document["invited"]],
        title="Invited to Clockify, not accepted yet",
    )
    _show_missing(output, document)
    for note in _notes(document):
        output.say(note)
    for next_step in _next_steps(document):
        output.say(next_step)


def show_links(output: Output, found: Sequence[Row], timezone: str) -> None:
    """Show the stored links, and how and on which day in a time zone each was made."""
    if output.as_json:
        return
    output.say(f"{len(found):,} links.", style="bold")
    columns = (
        lesser("Kind", 4), "In Clockify", whole("Clockify id"), "In QuickBooks", lesser("Id", 1),
        lesser("How", 3), lesser("Since", 2),
    )  # fmt: skip
    rows = [
        (*_pair(row, "(no name)"), _HOW[row["origin"]], local_day(row["linked_at"], timezone))
        for row in found
    ]
    show_table(output, columns, rows)


def _pair(row: Row, nameless: str) -> tuple[Any, ...]:
    in_quickbooks = f"{row['qbo_kind']} {row['qbo_name']}" if row["qbo_id"] else ""
    name = row["clockify_name"] or nameless
    return row["kind"], name, row["clockify_id"], in_quickbooks, row["qbo_id"]


def _show_pairs(output: Output, title: str, rows: Sequence[Row]) -> None:
    names = "In Clockify", whole("Clockify id"), "In QuickBooks", whole("Id"), "Why"
    columns = (lesser("Kind", 1), *names)
    pairs = [(*_pair(row, "(no name yet)"), row.get("why")) for row in rows]
    show_table(output, columns, pairs, title=title)


def _show_created(output: Output, title: str, rows: Sequence[Row], *why: str) -> None:
    made = []
    for row in rows:
        side = Side(row.get("created_in") or row["missing_in"])
        names = (row["clockify_name"], row["qbo_name"])
        first, second = names if side == Side.CLOCKIFY else reversed(names)
        name = first or second or "(no name yet)"
        made.append((SIDES[side], row["kind"], name, *([row["why"]] if why else [])))
    show_table(output, ("In", "Kind", "Name", *why), made, title=title)


def _show_missing(output: Output, document: Mapping[str, Any]) -> None:
    """Show what only one side has, but for what the tables above have shown."""
    shown = {_ids(row) for name in ("created", "not_created") for row in document[name]}
    missing = [row for row in document["missing"] if _ids(row) not in shown]
    show_table(
        output,
        ("Kind", "Name", whole("Id")),
        [
            (row["kind"], row["clockify_name"] or "(no name yet)", row["clockify_id"])
            for row in missing
            if row["missing_in"] == Side.QUICKBOOKS
        ],
        title="Only in Clockify",
    )
    show_table(
        output,
        ("Kind", "Name", whole("Id"), "Clockify needs a"),
        [
            (row["qbo_kind"], row["qbo_name"], row["qbo_id"], row["kind"])
            for row in missing
            if row["missing_in"] == Side.CLOCKIFY
        ],
        title="Only in QuickBooks",
    )


def _ids(row: Row) -> tuple[str | None, ...]:
    return row["kind"], row["clockify_id"], row["qbo_id"]


def _notes(document: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"Note: {change['why']}" for change in document["changes"])
    yield from (f"Cannot be read, so left out: {problem}" for problem in document["set_aside"])
    yield from (f"Note: {rule['detail']}" for rule in document["rules"] if rule["detail"])
    yield from (f"Note: {note}" for note in document["notes"])


def _next_steps(document: Mapping[str, Any]) -> Iterator[str]:
    if document["dry_run"]:
        yield "Nothing was changed. Without --dry-run, the sync stores the links and creates these."
    if document["near_misses"] or document["ambiguous"]:
        yield (
            "Make the names match, or link by hand: clockbooks link user|project CLOCKIFY_ID QBO_ID"
        )
    if document["missing"] and not document["created"] and not document["not_created"]:
        yield (
            "To create what is missing, add --create clockify, quickbooks or both; with --dry-run,"
            " to see it first."
        )
