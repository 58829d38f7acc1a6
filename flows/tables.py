"""The documents as tables and sentences for a terminal."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from flows.cli_output import Output, clean
from schemas.words import STATE_OF, Reason

#: Rows of a table that a person still reads; the rest is counted, and found with `entries`.
MOST_ROWS = 40

_STYLE = {"sent": "green", "ready": "green", "skipped": "", "rejected": "yellow", "in_doubt": "red"}


def show_send(output: Output, document: Mapping[str, Any]) -> None:
    """Show what went, what did not, why, and what to do."""
    if output.as_json:
        return
    output.say(summary(document), style="bold")
    kept_back = [row for row in document["entries"] if row["reason"] is not None]
    if kept_back:
        output.console.print(_reasons(kept_back))
    to_do = [row for row in kept_back if row["state"] in {"rejected", "in_doubt"}]
    if to_do:
        _show_to_do(output, to_do)
    for row in document["set_aside"]:
        output.say(f"Set aside, not an entry: {row['entry_id'] or 'no id'}: {row['problem']}")
    for note in document["notes"]:
        output.say(f"Note: {note}")
    if document["stopped"]:
        output.say(f"The run ended early: {document['stopped']}", style="red")


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
    """Show what is linked, and what is not."""
    if output.as_json:
        return
    links = document["links"]
    users = sum(link["kind"] == "user" for link in links)
    output.say(f"Linked: {users:,} users, {len(links) - users:,} projects.", style="bold")
    for title, name in (("Near misses: make the names equal", "near_misses"),
                        ("Ambiguous: nothing is guessed", "ambiguous")):  # fmt: skip
        rows = document[name]
        _show(
            output,
            _table(title, "Kind", "In Clockify", "In QuickBooks"),
            [(row["kind"], row["clockify_name"], row["candidates"]) for row in rows],
        )
    lost = [row for row in document["missing"] if row["clockify_id"]]
    _show(
        output,
        _table("In Clockify only", "Kind", "Name", "Id"),
        [
            (row["kind"], row["clockify_name"] or "(no name yet)", row["clockify_id"])
            for row in lost
        ],
    )
    unused = [row for row in document["missing"] if row["qbo_id"]]
    _show(
        output,
        _table("In QuickBooks only", "Kind", "Name", "Id"),
        [(row["qbo_kind"], row["qbo_name"], row["qbo_id"]) for row in unused],
    )
    for problem in document["set_aside"]:
        output.say(f"Set aside, cannot be read: {problem}")


def show_settled(output: Output, document: Mapping[str, Any]) -> None:
    """Show what became of the entries in doubt."""
    if output.as_json:
        return
    output.say(document["told"] or "Nothing is in doubt.", style="bold")
    for entry_id in document["in_doubt"]:
        output.say(f"  {entry_id} is still not clear: QuickBooks may be at work on it yet.")


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


@contextmanager
def loading_bar(output: Output) -> Iterator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """Show a bar while entries go, on standard error, where somebody watches."""
    from rich.progress import Progress

    bar = Progress(console=output.errors, transient=True)
    task = bar.add_task("Sending", total=None)

    def begun(total: int) -> None:
        bar.update(task, total=total)
        bar.start()  # not before: a question may stand on the screen until then

    def moved(number: int) -> None:
        bar.advance(task, number)

    try:
        yield begun, moved
    finally:
        bar.stop()


def hours(minutes: int | None) -> str:
    """Write minutes as people do; a running timer has none."""
    if minutes is None:
        return "…"
    return f"{minutes // 60:,} h {minutes % 60:02d}" if minutes >= 60 else f"{minutes} min"


def _reasons(kept_back: Sequence[Mapping[str, Any]]) -> Table:
    numbers: dict[tuple[str, str], int] = {}
    for row in kept_back:
        key = (row["state"], row["reason"])
        numbers[key] = numbers.get(key, 0) + 1
    table = _table("Why the others did not go", "State", "Reason", "Entries")
    table.columns[2].justify = "right"
    order = [(str(STATE_OF[reason]), str(reason)) for reason in Reason]
    for state, reason in sorted(numbers, key=order.index):
        number = numbers[state, reason]
        table.add_row(_state(state), _text(reason), _text(f"{number:,}"))
    return table


def _show_to_do(output: Output, rows: Sequence[Mapping[str, Any]]) -> None:
    """Show the remedies, grouped: a person acts once, not once an entry."""
    order = {str(reason): place for place, reason in enumerate(Reason)}
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: order[row["reason"]]):
        groups.setdefault((row["reason"], row["detail"]), []).append(row)
    output.say("What to do", style="bold")
    for (reason, detail), same in list(groups.items())[:MOST_ROWS]:
        head = Text(f"{len(same):>5,} × ", style="bold")
        head.append(reason, style="yellow")
        head.append(clean(f"  {_listed(row['user'] for row in same)}"))
        places = {_place(row) for row in same}
        head.append(clean(f", {places.pop() if len(places) == 1 else f'{len(places)} projects'}"))
        head.append(f", {_days(same)}", style="dim")
        output.console.print(Padding(head, (0, 0, 0, 1)))
        output.console.print(Padding(Text(clean(detail)), (0, 0, 0, 9)))
    if len(groups) > MOST_ROWS:
        more = len(groups) - MOST_ROWS
        output.say(f"… and {more:,} more: clockbooks entries --state rejected")


def _listed(names: Iterable[str | None]) -> str:
    """Name a few, count the others."""
    different = sorted({name or "(no name)" for name in names})
    if len(different) <= 3:
        return ", ".join(different)
    return f"{', '.join(different[:2])} and {len(different) - 2} others"


def _days(rows: Sequence[Mapping[str, Any]]) -> str:
    days = sorted({row["date"] for row in rows})
    return days[0] if len(days) == 1 else f"{days[0]} … {days[-1][5:]}"


def _table(title: str, *columns: str) -> Table:
    table = Table(*columns, title=title or None, title_justify="left", box=box.SIMPLE_HEAD)
    table.title_style = "bold"
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
