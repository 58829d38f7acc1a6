"""Reads a list of QuickBooks' page by page, and again when it changes while it is read (4.4).

Or what has changed in some lists since an instant (4.5).

Source: FACTS, QBO, section 4.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.errors import TryAgain
from connectors.quickbooks.answers import another_calls, read_count, read_rows
from connectors.quickbooks.batch import instant_of

#: Most rows of a query (4.1).
QUERY_PAGE = 1000

#: Most rows of all lists together that one answer about changes has (4.5).
MOST_CHANGES = 1000

#: How often a list is read that changes while it is read.
READINGS = 4

#: Whether a row is one that was asked for.
Fits = Callable[[Mapping[str, Any]], bool]

#: Asks a query, and returns the answer as it came.
Ask = Callable[[str], Any]


def read_list(
    ask: Ask, entity: str, where: str, *, to_the_end: bool, fits: Fits
) -> list[dict[str, Any]]:
    """Read all rows of *entity* that fit *where*; see `QuickBooks.query`."""
    chosen = f"FROM {entity}{f' WHERE {where}' if where else ''}"
    for _ in range(READINGS):
        rows = _read_once(ask, entity, chosen, to_the_end=to_the_end, fits=fits)
        if rows is not None:
            return rows
    raise TryAgain(
        f"QuickBooks' list of {entity} changed each of the {READINGS} times that it was read."
        " Nothing was changed.",
        to_do="Run the command again.",
    )


def _read_once(
    ask: Ask, entity: str, chosen: str, *, to_the_end: bool, fits: Fits
) -> list[dict[str, Any]] | None:
    """Read a list page by page; `None` when rows moved meanwhile."""
    rows = _page(ask, entity, chosen, 1, fits)
    if to_the_end and not rows:
        return None if read_count(ask(f"SELECT count(*) {chosen}"), entity) else []
    page, new = rows, len(rows)
    while new and (to_the_end or len(page) >= QUERY_PAGE):
        page = _page(ask, entity, chosen, len(rows), fits)
        if not page or page[0].get("Id") != rows[-1].get("Id"):
            return None
        rows[-1:], new = page, len(page) - 1
    return rows


def _page(ask: Ask, entity: str, chosen: str, position: int, fits: Fits) -> list[dict[str, Any]]:
    statement = f"SELECT * {chosen} ORDERBY Id STARTPOSITION {position} MAXRESULTS {QUERY_PAGE}"
    page = read_rows(ask(statement), entity)
    if not all(map(fits, page)):
        raise another_calls(entity)
    return page


def read_changes(
    answer: Any, entities: Sequence[str], since: datetime
) -> dict[str, list[dict[str, Any]]] | None:
    """Read the answer about changes; see `QuickBooks.changes`. An odd one gives `None`."""
    try:
        parts = [part for one in answer["CDCResponse"] for part in one["QueryResponse"]]
        found = {name: [row for part in parts for row in part.get(name, [])] for name in entities}
        rows = [row for of_list in found.values() for row in of_list]
        times = [instant_of(row["MetaData"]["LastUpdatedTime"]) for row in rows]
    except (AttributeError, KeyError, TypeError):
        return None
    is_whole = len(parts) == len(entities) and len(rows) < MOST_CHANGES  # an empty part at least
    is_ours = all(time is not None and time >= since.replace(microsecond=0) for time in times)
    return found if is_whole and is_ours else None
