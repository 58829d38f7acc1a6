"""The documents as tables and sentences for a terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.cli.output import Output
from flows.directory.sync_report import SIDES
from flows.text import OVERRIDES, clean, hours, typed
from schemas.words import STATE_OF, Kind, Reason, Side

#: Rows of a table that a person still reads; the rest is counted, and found with `entries`.
MOST_ROWS = 40

#: Remedies that are told apart; beyond that they are counted.
MOST_REMEDIES = 1000

_STYLE = {"sent": "green", "ready": "green", "skipped": "", "rejected": "yellow", "in_doubt": "red"}


def show_send(output: Output, document: Mapping[str, Any]) -> None:
    """Show what went, what did not, why, and what to do."""
    if output.as_json:
        return
    output.say(summary(document), style="bold")
    if any(document["counts"][state] for state in ("skipped", "rejected", "in_doubt")):
        output.console.print(_reasons(document["counts"]))
    _show_to_do(output, document["entries"])
    _show_set_aside(output, document["set_aside"])
    for note in document["notes"]:
        output.say(f"Note: {note}")
    if document["stopped"]:
        output.say(f"The run ended early: {document['stopped']}", style="red")


def show_import(output: Output, document: Mapping[str, Any]) -> None:
    """Show how each file was read, then what went, what did not, why, and what to do."""
    if output.as_json:
        return
    for file in document["files"]:
        output.say(f"{file['file']}: {file['message']}", style="dim")
    show_send(output, document)


def summary(document: Mapping[str, Any]) -> str:
    """Say in one line what a send or its plan comes to."""
    counts = document["counts"]
    parts = []
    if document["dry_run"]:
        minutes = sum(row["minutes"] for row in document["entries"] if row["state"] == "ready")
        parts.append(f"{counts['ready']:,} would be sent ({hours(minutes)})")
    else:
        parts.append(f"{counts['sent']:,} sent ({hours(document['minutes_sent'])})")
    for state in ("skipped", "rejected"):
        number = sum(counts[state].values())
        if number:
            parts.append(f"{number:,} {state}")
    if counts["in_doubt"]:
        parts.append(f"{counts['in_doubt']:,} in doubt")
    return f"{counts['extracted']:,} entries: {', '.join(parts)}."


def show_sync(output: Output, document: Mapping[str, Any]) -> None:
    """Show what is linked, what is not and why, and what was made."""
    if output.as_json:
        return
    output.say(sync_summary(document), style="bold")
    title = "Would be created" if document["dry_run"] else "Created"
    _show_pairs(output, title, document["created"], "created_in", _made_name)
    _show_pairs(output, "Not created", document["not_created"], "missing_in", _made_name)
    _show_pairs(output, "Near misses: nothing is guessed", document["near_misses"])
    _show_pairs(output, "Ambiguous: which one is meant?", document["ambiguous"])
    _show_pairs(output, "Unlinked by hand", document["unlinked"])
    told = {_ids(row) for name in ("created", "not_created") for row in document[name]}
    missing = [row for row in document["missing"] if _ids(row) not in told]
    lost = [row for row in missing if row["missing_in"] == Side.QUICKBOOKS]
    _show(
        output,
        _table("In Clockify only", "Kind", "Name", "Id"),
        [
            (row["kind"], row["clockify_name"] or "(no name yet)", row["clockify_id"])
            for row in lost
        ],
    )
    unused = [row for row in missing if row["missing_in"] == Side.CLOCKIFY]
    _show(
        output,
        _table("In QuickBooks only", "Kind", "Name", "Id", "In Clockify a"),
        [(row["qbo_kind"], row["qbo_name"], row["qbo_id"], row["kind"]) for row in unused],
    )
    for change in document["changes"]:
        output.say(f"Note: {change['why']}")
    for problem in document["set_aside"]:
        output.say(f"Set aside, cannot be read: {problem}")
    for note in document["notes"]:
        output.say(f"Note: {note}")
    _show_next(output, document)


def sync_summary(document: Mapping[str, Any]) -> str:
    """Say in one line what a sync comes to."""
    links = document["links"]
    users = sum(link["kind"] == Kind.USER for link in links)
    parts = [f"Linked: {users:,} users, {len(links) - users:,} projects"]
    for name, words in (
        ("created", "would be created" if document["dry_run"] else "created"),
        ("not_created", "not created"),
        ("near_misses", "near miss" if len(document["near_misses"]) == 1 else "near misses"),
        ("missing", "missing"),
    ):
        if document[name]:
            parts.append(f"{len(document[name]):,} {words}")
    ambiguous = {(row["kind"], row["clockify_id"]) for row in document["ambiguous"]}
    if ambiguous:
        parts.append(f"{len(ambiguous):,} ambiguous")
    return f"{'. '.join([parts[0], ', '.join(parts[1:])]) if parts[1:] else parts[0]}."


def show_links(output: Output, found: Sequence[Mapping[str, Any]]) -> None:
    """Show the stored links, with how and when each came to be."""
    if output.as_json:
        return
    output.say(f"{len(found):,} links.", style="bold")
    how = {"name": "same name", "manual": "by hand", "created": "created"}
    _show(
        output,
        _table("", "Kind", "In Clockify", "Clockify id", "In QuickBooks", "Id", "How", "Since"),
        [
            (
                row["kind"],
                row["clockify_name"] or "(no name)",
                row["clockify_id"],
                f"{row['qbo_kind']} {row['qbo_name']}",
                row["qbo_id"],
                how[row["origin"]],
                row["linked_at"][:10],
            )
            for row in found
        ],
    )


def _show_pairs(
    output: Output,
    title: str,
    rows: Sequence[Mapping[str, Any]],
    side: str | None = None,
    name: Callable[[Mapping[str, Any]], str] | None = None,
) -> None:
    """Show what belongs together, or may, with the reason."""
    if name is not None and side is not None:
        table = _table(title, "In", "Kind", "Name", *(["Why"] if side == "missing_in" else []))
        cells = [
            (SIDES[row[side]], row["kind"], name(row), *([row["why"]] if "why" in row else []))
            for row in rows
        ]
    else:
        table = _table(title, "Kind", "In Clockify", "Clockify id", "In QuickBooks", "Id", "Why")
        cells = [
            (
                row["kind"],
                row["clockify_name"] or "(no name yet)",
                row["clockify_id"],
                f"{row['qbo_kind']} {row['qbo_name']}" if row["qbo_id"] else "",
                row["qbo_id"],
                row.get("why"),
            )
            for row in rows
        ]
    _show(output, table, cells)


def _made_name(row: Mapping[str, Any]) -> str:
    """Give the name of something on the side where it is made."""
    side = row.get("created_in") or row.get("missing_in")
    if side == Side.CLOCKIFY:
        return str(row["clockify_name"] or row["qbo_name"] or "")
    return str(row["qbo_name"] or row["clockify_name"] or "(no name yet)")


def _ids(row: Mapping[str, Any]) -> tuple[str | None, ...]:
    return row["kind"], row["clockify_id"], row["qbo_id"]


def _show_next(output: Output, document: Mapping[str, Any]) -> None:
    """Say which commands mend what is open."""
    if document["dry_run"]:
        output.say("Nothing was changed. Without --dry-run the sync stores links and creates.")
    if document["near_misses"] or document["ambiguous"]:
        output.say(
            "Make the names equal, or link by hand: clockbooks link user|project CLOCKIFY_ID QBO_ID"
        )
    if document["missing"] and not document["created"] and not document["not_created"]:
        output.say(
            "What is missing is created with --create clockify, quickbooks or both; --dry-run lists"
            " it first."
        )


def show_checks(output: Output, document: Mapping[str, Any]) -> None:
    """Show what is well, what is not, and what to do about it."""
    if output.as_json:
        return
    style = {"ok": "green", "warning": "yellow", "problem": "red"}
    table = _table("", "", "What", "Found, and what to do")
    for row in document["checks"]:
        found = _text(row["found"])
        if row["to_do"]:
            found.append(f"\n› {clean(row['to_do'])}", style=style[row["state"]])
        state = Text(row["state"], style=style[row["state"]])
        table.add_row(state, _text(row["name"]), found)
    output.console.print(table)
    counts = {name: sum(row["state"] == name for row in document["checks"]) for name in style}
    if counts["problem"]:
        number = counts["problem"]
        are = "problem stops" if number == 1 else "problems stop"
        output.say(f"{number} {are} a send.", style="bold red")
    else:
        few = {0: "", 1: ", with a warning"}
        more = few.get(counts["warning"], f", with {counts['warning']} warnings")
        output.say(f"Ready to send{more}.", style="bold")


def show_settled(output: Output, document: Mapping[str, Any]) -> None:
    """Show what became of the entries in doubt."""
    if output.as_json:
        return
    output.say(document["message"] or "Nothing is in doubt.", style="bold")
    for entry_id in document["in_doubt"]:
        output.say(f"  {entry_id} is still in doubt; the next run asks again.")
    for note in document["notes"]:
        output.say(f"Note: {note}")


def show_entries(output: Output, found: Sequence[Mapping[str, Any]]) -> None:
    """Show entries side by side: sent with their ids, unsent with their reasons."""
    if output.as_json:
        return
    output.say(f"{len(found):,} entries.", style="bold")
    table = _table("", "Day", "Who", "Project", "Time", "State", "TimeActivity, or why not")
    table.columns[3].justify = "right"
    rows = []
    for row in found[:MOST_ROWS]:
        why = f"{row['reason']}: {row['detail']}" if row["reason"] else row["time_activity_id"]
        time = hours(row["minutes"])
        rows.append((row["date"], row["user"], _place(row), time, _state(row["state"]), why))
    _show(output, table, rows)
    if len(found) > MOST_ROWS:
        output.say(
            f"… and {len(found) - MOST_ROWS:,} more: narrow it with --state, --start, --end,"
            " --user or --project, or write all of them with --csv FILE."
        )


def show_plans(output: Output, found: Sequence[Mapping[str, Any]]) -> None:
    """Show the plans that waited for somebody, and where those are decided that still wait."""
    if output.as_json:
        return
    if not found:
        output.say("No plan was kept yet: a send with `review` in Prefect's page makes one.")
        return
    table = _table("", "Plan", "Days", "Entries", "Time", "State", "Decided", "Note")
    for column in table.columns[2:4]:
        column.justify = "right"
    style = {"waiting": "yellow", "approved": "green"}
    rows = [
        (
            row["plan"],
            f"{row['start']} … {row['end']}",
            f"{row['entries']:,}",
            hours(row["minutes"]),
            Text(row["state"], style=style.get(row["state"], "dim")),
            f"{row['decider']}, {row['decided_at'][:10]}" if row["decided_at"] else "",
            row["note"],
        )
        for row in found
    ]
    _show(output, table, rows)
    for row in found:
        if row["state"] == "waiting":
            output.say(
                f"Plan {row['plan']} waits until {row['expires_at'][:16]} UTC. Decide at"
                f" {row['address']} by its Resume button; `clockbooks plans --withdraw"
                f" {row['plan']}` ends the wait."
            )


def show_plan_entries(output: Output, found: Sequence[Mapping[str, Any]]) -> None:
    """Show the entries of a plan, by the numbers that the form takes."""
    if output.as_json:
        return
    table = _table("", "No.", "Day", "Who", "Project", "Time", "What", "")
    for column in (table.columns[0], table.columns[4]):
        column.justify = "right"
    rows = [
        (
            row["number"],
            row["date"],
            row["user"],
            _place(row),
            hours(row["minutes"]),
            row["description"],
            Text("left out", style="yellow") if row["left_out"] else "",
        )
        for row in found[:MOST_ROWS]
    ]
    _show(output, table, rows)
    if len(found) > MOST_ROWS:
        output.say(f"… and {len(found) - MOST_ROWS:,} more: write all of them with --csv FILE.")


def show_connections(output: Output, found: Sequence[Mapping[str, Any]]) -> None:
    """Show the connections, how each stands, and when a person must connect again."""
    if output.as_json:
        return
    if not found:
        output.say("Nothing is connected yet: run `clockbooks connect`.")
        return
    table = _table(
        "", "Name", "Workspace", "Company", "Realm id", "Days in", "State", "Consent until",
        "Last sync",
    )  # fmt: skip
    for column in table.columns[3:]:
        column.no_wrap = True  # names give way: they are what a person knows anyway
    _show(
        output,
        table,
        [
            (
                row["connection"],
                row["workspace"],
                row["company"],
                row["realm_id"],
                row["timezone"],
                Text(row["state"], style="green" if row["state"] == "connected" else "yellow"),
                _local_day(row["consent_ends_at"], row["timezone"]),
                _local_day(row["synced_at"], row["timezone"]) or "never",
            )
            for row in found
        ],
    )
    for row in found:
        if row["settings"]:
            own = ", ".join(f"{name}={value}" for name, value in row["settings"].items())
            output.say(f"{row['connection']} has of its own: {own}.")
        if row["state"] in {"consent ends soon", "consent ended"}:
            output.say(
                f"{row['connection']}: run `clockbooks connect --connection {row['connection']}`"
                " to give the consent again; ledger and links stay."
            )
        if row["revocation_pending"]:
            output.say(f"{row['connection']}: an old consent is still to be revoked at Intuit.")


def show_settings(output: Output, document: Mapping[str, Any]) -> None:
    """Show the settings that a connection may have of its own, and where each comes from."""
    if output.as_json:
        return
    output.say(f"Settings of {document['connection']}", style="bold")
    from_ = {"own": "its own", "environment": "the environment", "default": "default"}
    _show(
        output,
        _table("", "Setting", "Value", "From"),
        [(row["name"], _value(row["value"]), from_[row["source"]]) for row in document["settings"]],
    )


def show_disconnected(output: Output, document: Mapping[str, Any]) -> None:
    """Say that a connection has ended, and what Intuit knows of it."""
    if output.as_json:
        return
    if document["was_connected"]:
        output.say(
            f"{document['connection']} is disconnected: its secrets are deleted; ledger and links"
            " are kept.",
            style="bold",
        )
    else:
        output.say(f"{document['connection']} was disconnected already.", style="bold")
    if document["message"]:
        output.say(document["message"])
    if document["revocation"] == "ended":
        output.say("Its consent had ended already: there is nothing to revoke.")


def _value(value: object) -> str:
    if value is None:
        return "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _local_day(instant: str | None, timezone: str) -> str:
    if instant is None:
        return ""
    return datetime.fromisoformat(instant).astimezone(ZoneInfo(timezone)).date().isoformat()


@contextmanager
def loading_bar(
    output: Output, what: str
) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Show a bar while *what* goes on, on standard error, where somebody watches."""
    from rich.progress import Progress

    bar = Progress(console=output.errors, transient=True)
    task = bar.add_task(what, total=None)

    def begun(total: int) -> None:
        bar.update(task, total=total)
        bar.start()  # not before: a question may stand on the screen until then

    def moved(number: int) -> None:
        bar.advance(task, number)

    try:
        yield begun, moved
    finally:
        bar.stop()


def _reasons(counts: Mapping[str, Any]) -> Table:
    numbers = counts["skipped"] | counts["rejected"]
    if counts["in_doubt"]:
        numbers |= {str(Reason.UNCONFIRMED): counts["in_doubt"]}
    table = _table("Why the others did not go", "State", "Reason", "Entries")
    table.columns[2].justify = "right"
    for reason in Reason:
        if reason in numbers:
            number = numbers[reason]
            table.add_row(_state(STATE_OF[reason]), _text(reason), _text(f"{number:,}"))
    return table


@dataclass
class _ToDo:
    """Entries that one act of a person mends."""

    number: int = 0
    users: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    days: tuple[str, str] = ("9999", "")

    def add(self, row: Mapping[str, Any]) -> None:
        self.number += 1
        self.users.add(row["user"] or "(no name)")
        self.places.add(_place(row))
        self.days = (min(self.days[0], row["date"]), max(self.days[1], row["date"]))


def _show_to_do(output: Output, entries: Iterable[Mapping[str, Any]]) -> None:
    """Show the remedies, grouped: a person acts once, not once an entry."""
    groups: dict[tuple[str, str], _ToDo] = {}
    more = 0
    for row in entries:
        if row["state"] not in {"rejected", "in_doubt"}:
            continue
        remedy = (row["reason"], row["detail"])
        if remedy in groups or len(groups) < MOST_REMEDIES:
            groups.setdefault(remedy, _ToDo()).add(row)
        else:
            more += 1  # memory has an end, and so has patience
    if groups:
        output.say("What to do", style="bold")
    order = {str(reason): place for place, reason in enumerate(Reason)}
    in_order = sorted(groups.items(), key=lambda group: order[group[0][0]])
    for (reason, detail), same in in_order[:MOST_ROWS]:
        head = Text(f"{same.number:>5,} × ", style="bold")
        head.append(reason, style="yellow")
        head.append(clean(f"  {_listed(same.users)}"))
        place = next(iter(same.places)) if len(same.places) == 1 else f"{len(same.places)} projects"
        head.append(clean(f", {place}"))
        head.append(f", {_days(*same.days)}", style="dim")
        output.console.print(Padding(head, (0, 0, 0, 1)))
        option = OVERRIDES.get(reason)
        anyway = f" Add {typed(option)} to send it again unchanged." if option else ""
        output.console.print(Padding(Text(clean(detail + anyway)), (0, 0, 0, 9)))
    more += sum(same.number for _, same in in_order[MOST_ROWS:])
    if more:
        output.say(f"… and {more:,} more entries: clockbooks entries --state rejected")


def _show_set_aside(output: Output, rows: Iterable[Mapping[str, Any]]) -> None:
    """Show what is no entry, and where it stands."""
    number = 0
    for row in rows:
        number += 1
        if number > MOST_ROWS:
            continue
        where = row["entry_id"] or "no id"
        if row.get("file"):
            where = f"{row['file']}, line {row['line']}"
        output.say(f"Set aside, not an entry: {where}: {row['problem']}")
    if number > MOST_ROWS:
        output.say(f"… and {number - MOST_ROWS:,} more; --json gives all.")


def _listed(names: Iterable[str]) -> str:
    """Name a few, count the others."""
    different = sorted(names)
    if len(different) <= 3:
        return ", ".join(different)
    return f"{', '.join(different[:2])} and {len(different) - 2} others"


def _days(first: str, last: str) -> str:
    if first == last:
        return first
    return f"{first} … {last[5:] if first[:4] == last[:4] else last}"


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    table.title_style = "bold"
    for column in table.columns:
        column.no_wrap = str(column.header).lower().endswith("id")  # whole, to be copied
    return table


def _show(output: Output, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    for row in rows[:MOST_ROWS]:
        table.add_row(*[cell if isinstance(cell, Text) else _text(cell) for cell in row])
    if rows:
        if len(rows) > MOST_ROWS:
            table.caption = f"… and {len(rows) - MOST_ROWS:,} more; --json gives all."
        output.console.print(table)


def _text(value: object) -> Text:
    return Text("" if value is None else clean(str(value)))


def _state(state: str) -> Text:
    return Text(state.replace("_", " "), style=_STYLE[state])


def _place(row: Mapping[str, Any]) -> str:
    if not row["project"]:
        return "(no project)"
    return f"{row['client']} › {row['project']}" if row["client"] else str(row["project"])
