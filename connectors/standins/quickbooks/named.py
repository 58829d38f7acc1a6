"""Lists of names: rows are never deleted, but made inactive, and are then called otherwise."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from connectors.standins.quickbooks.company import Company, Rows, check_members, existing
from connectors.standins.quickbooks.wire import Json

DELETED = " (deleted)"


@dataclass(frozen=True)
class NameList:
    """One list.

    Attributes:
        members: What may be sent, in the order in which answers bear it.
        read_only: Members that are taken in silence and not kept.
        defaults: What a new row bears besides its name.
        name: The member that people know a row by.
        below: The flag of a row that has a parent.
        label: What a fault calls the list.
    """

    entity: str
    members: tuple[str, ...]
    read_only: frozenset[str]
    defaults: Json
    name: str = "DisplayName"
    below: str = "Job"
    label: str = "Names"


class Named(ABC):
    """Creates and updates the rows of one list, and loads those that were there before."""

    def __init__(self, company: Company, names: NameList, rows: Rows) -> None:
        self.company = company
        self.list = names
        self.rows = rows

    def update(self, body: Json) -> Json:
        """Change a row; without `sparse`, what is left out falls back to its default."""
        fields, name = self._read(body), self.list.name
        old = existing(body, self.rows)
        if fields.get("Active") is False and not old["Active"]:
            return deepcopy(old)  # twice is no change, and no new SyncToken (FACTS 5.3)
        if not old["Active"] and name in fields:
            fields[name] = fields[name].removesuffix(DELETED)
        keeps = fields.get("Active") is True and not self.company.switches.reactivating_renames
        base = old if keeps else old | {name: self.plain_name(old)}
        if body.get("sparse") is not True:
            base = self._base_of_full_update(base, fields)
        row = self._changed(fields, base, old)
        self.rows[row["Id"]] = row
        self._rename_below(row)
        return deepcopy(row)

    def plain_name(self, row: Json) -> str:
        """Return a row's name without the suffix of the inactive."""
        name: str = row[self.list.name]
        return name if row["Active"] else name.removesuffix(DELETED)

    @abstractmethod
    def _read(self, body: Json) -> Json:
        """Read what a body says, or refuse it."""

    @abstractmethod
    def _base_of_full_update(self, old: Json, fields: Json) -> Json:
        """Return what a full update with *fields* leaves of the *old* row, and the defaults."""

    @abstractmethod
    def _changed(self, fields: Json, base: Json, old: Json) -> Json:
        """Return the row that *fields* over *base* make, or refuse it."""

    @abstractmethod
    def _rename_below(self, row: Json) -> None:
        """Work out anew what the rows under *row* are called; that is no change of theirs."""

    def _written(self, body: Json) -> Json:
        """Return the members of a body that count; one that the list does not have is refused."""
        check_members(self.list.entity, body, self.list.members)
        return {
            name: value
            for name, value in body.items()
            if value is not None and name not in self.list.read_only
        }

    def _mark_inactive(self, row: Json) -> None:
        if not row["Active"]:
            row[self.list.name] = row[self.list.name].removesuffix(DELETED) + DELETED

    def _key(self, row: Json) -> str:
        """Return what must be unique of a row, as far as the switches have it so."""
        name: str = row.get("FullyQualifiedName") or row[self.list.name]
        if not row["Active"] and self.company.switches.inactive_names_block:
            name = name.removesuffix(DELETED)
        return name.casefold() if self.company.switches.case_insensitive_names else name

    def _children(self, id_: str) -> Iterator[Json]:
        """Yield the rows right under one."""
        return (row for row in list(self.rows.values()) if parent_id(row) == id_)


def parent_id(row: Json) -> str:
    """Return the id in a ParentRef; empty where there is none, or nothing readable."""
    parent = row.get("ParentRef")
    id_ = parent.get("value") if isinstance(parent, dict) else None
    return id_ if isinstance(id_, str) else ""
