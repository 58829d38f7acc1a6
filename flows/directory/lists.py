"""Reads QuickBooks' people and customers: what has changed since the last time, or all of them.

Reads are metered (FACTS, QBO, 13.2). One call tells what has changed in all three lists (4.5), and
a copy of them has the rest. What leaves no trace is found when the lists are read as a whole, once
a week and whenever the copy cannot be brought up to date.

A customer's path is made of its parents' own rows (`transforms.directory.customer_tree`), so the
rows below a renamed parent need not have changed. Items, classes and locations have no such copy:
their full names count as they are, and whether those change with a parent's name is not known.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from connectors.errors import Refused
from connectors.store.list_copies import ListCopy
from flows.context import RunContext

Row = dict[str, Any]

#: The lists, as QuickBooks calls them.
LISTS = ("Employee", "Vendor", "Customer")

#: What is kept of each row: what `transforms.directory.read_directory` reads.
MEMBERS = (
    "Id", "DisplayName", "FullyQualifiedName", "ParentRef", "PrimaryEmailAddr", "Active",
)  # fmt: skip

#: A nightly run reads the lists as a whole every seventh night, also if it begins a little earlier.
WHOLE_AFTER = timedelta(days=6, hours=12)

#: Changes are asked for from so long before the last time: a row may show up some time after it
#: was changed.
OVERLAP = timedelta(hours=1)


def read_lists(
    context: RunContext, *, whole: bool = False, keep: bool = True
) -> dict[str, list[Row]]:
    """Return the rows of all three lists, inactive ones too, in order of their ids.

    Args:
        context: What to work with.
        whole: Whether to read all of them again, because they have just been changed from here.
        keep: Whether the run may leave a trace.

    Raises:
        TryAgain: QuickBooks could not be read to the end.
    """
    began, copies = context.now(), context.store.list_copies.stored()
    lists = None if whole or not _are_fresh(context, copies) else _brought_up(context, copies)
    if lists is None:
        copies, quickbooks = {}, context.quickbooks
        readers = (quickbooks.employees, quickbooks.vendors, quickbooks.customers)
        each = zip(LISTS, readers, strict=True)
        lists = {
            name: [_kept(row) for row in read() or _counted(context, name)] for name, read in each
        }
    time = context.quickbooks.time
    if time is not None and all(map(_has_ids, lists.values())):
        as_of = time - max(context.now() - began, timedelta())  # a clock may be set back
        lists = {name: sorted(rows, key=lambda row: int(row["Id"])) for name, rows in lists.items()}
        kept = {
            name: ListCopy(rows, as_of, copies[name].whole_at if copies else began)
            for name, rows in lists.items()
        }
        if keep:
            context.store.list_copies.keep(kept)
    return lists


def _counted(context: RunContext, name: str) -> list[Row]:
    """Read a list again that seems to be empty: the copy would have it so for a week."""
    return context.quickbooks.query(name, "Active IN (true, false)", to_the_end=True)


def _are_fresh(context: RunContext, copies: Mapping[str, ListCopy]) -> bool:
    """Whether there is a copy of each list, and all were whole lately."""
    now = context.now()
    ages = [now - copy.whole_at for copy in copies.values()]
    return copies.keys() == set(LISTS) and all(timedelta() <= age < WHOLE_AFTER for age in ages)


def _brought_up(context: RunContext, copies: Mapping[str, ListCopy]) -> dict[str, list[Row]] | None:
    """Return the lists of the copies as they are now; `None` if QuickBooks does not tell."""
    since = min(copy.as_of for copy in copies.values()) - OVERLAP
    try:
        changes = context.quickbooks.changes(LISTS, since)
    except Refused:  # a whole list is always answered
        return None
    return changes and {
        name: _with_changes(copies[name].rows, changed) for name, changed in changes.items()
    }


def _with_changes(rows: Sequence[Row], changed: Sequence[Row]) -> list[Row]:
    by_id = {row["Id"]: row for row in rows} | {row.get("Id"): row for row in changed}
    return [_kept(row) for row in by_id.values() if row.get("status") != "Deleted"]


def _kept(row: Row) -> Row:
    return {name: row[name] for name in MEMBERS if name in row}


def _has_ids(rows: Sequence[Row]) -> bool:
    """Whether each row has an id of its own, as all rows of QuickBooks do (2030)."""
    ids = {str(row.get("Id")) for row in rows}
    return len(ids) == len(rows) and all(map(str.isdecimal, ids))
