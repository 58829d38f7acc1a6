"""What the reports on a terminal share: tables, and values as people read them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.cells import cell_len
from rich.progress import Progress as Bar
from rich.table import Column, Table
from rich.text import Text

from flows.cli.output import Output
from flows.progress import Progress
from flows.text import clean

#: Rows of a table that a person still reads; the rest is counted.
MOST_ROWS = 40

#: Letters to which a column of text may shrink before a lesser column goes; blanks between columns.
COMFORTABLE, BETWEEN = 20, 3

#: Colors of states; the others have none.
_STYLE = {"sent": "green", "ready": "green", "rejected": "yellow", "in_doubt": "red"}

Row = Mapping[str, Any]
Show = Callable[[Output, Any], None]


def for_people(show: Show) -> Show:
    """Leave a report out where a script asked for JSON."""

    @wraps(show)
    def shown(output: Output, document: Any) -> None:
        if not output.as_json:
            show(output, document)

    return shown


def number(header: str) -> Column:
    """Return a column of numbers."""
    return Column(header, justify="right")


def whole(header: str) -> Column:
    """Return a column that is never wrapped: ids are copied, dates are compared."""
    return Column(header, no_wrap=True)


@dataclass
class Lesser(Column):
    """A column that goes where there is not enough room, the highest `rank` first."""

    rank: int = 0


def lesser(header: str, rank: int, **options: Any) -> Lesser:
    """Return a column that is left out where it is empty, or others would not fit beside it."""
    return Lesser(header, **{"no_wrap": True, "rank": rank, **options})


def show_table(
    output: Output,
    columns: Sequence[Column | str],
    rows: Sequence[Sequence[Any]],
    *,
    title: str | None = None,
    more: str = "--json lists all of them",
    most: int = MOST_ROWS,
) -> None:
    """Print rows as a table; print nothing where there are none."""
    if not rows:
        return
    cells = [
        [cell if isinstance(cell, Text) else text(cell) for cell in row] for row in rows[:most]
    ]
    all_ = [Column(one) if isinstance(one, str) else one for one in columns]
    kept = _fitting(all_, cells, output.console.width)
    table = Table(
        *(all_[place] for place in kept),
        title=title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
    )
    for row in cells:
        table.add_row(*(row[place] for place in kept))
    output.console.print(table)
    if len(rows) > most:
        output.say(f"… and {len(rows) - most:,} more: {more}.")


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Return the places of the columns that fit, once lesser ones are left out."""

    def room(place: int) -> int:
        column = columns[place]
        longest = max([cell_len(str(column.header)), *(row[place].cell_len for row in rows)])
        wraps = not column.no_wrap and column.justify != "right"
        return BETWEEN + (min(longest, COMFORTABLE) if wraps else longest)

    kept = list(range(len(columns)))
    ranks = {place: one.rank for place, one in enumerate(columns) if isinstance(one, Lesser)}
    for place in sorted(ranks, key=ranks.__getitem__, reverse=True):
        if sum(map(room, kept)) > width or not any(row[place].plain for row in rows):
            kept.remove(place)
    return kept


def text(value: object, style: str = "") -> Text:
    """Return a value as text that is no markup and cannot steer the terminal."""
    return Text("" if value is None else clean(str(value)), style=style)


def state_text(state: str) -> Text:
    """Return an entry's state in its color."""
    return Text(state.replace("_", " "), style=_STYLE.get(state, ""))


def local_time(instant: str, timezone: str) -> str:
    """Return an ISO 8601 instant in a time zone, for people."""
    there = datetime.fromisoformat(instant).astimezone(ZoneInfo(timezone))
    return f"{there:%Y-%m-%d %H:%M} ({timezone})"


@contextmanager
def loading_bar(output: Output, what: str, *, wanted: bool) -> Iterator[Progress]:
    """Show on standard error how far *what* has come, where that is wanted and a terminal."""
    if not (wanted and output.errors.is_terminal):
        yield Progress()
        return
    bar = Bar(console=output.errors, transient=True)
    task = bar.add_task(what, total=None)

    def begun(total: int) -> None:
        bar.update(task, total=total)
        bar.start()  # not before: a question may be on the screen until then

    def moved(number: int) -> None:
        bar.advance(task, number)

    try:
        yield Progress(begun, moved)
    finally:
        bar.stop()
