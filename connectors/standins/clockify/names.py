"""What the lists of the Clockify stand-in's directory have in common: names, order, rights."""

from collections.abc import Callable, Iterable

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from connectors.standins.clockify.http import Caller, SortOrder, contains, deny
from connectors.standins.clockify.state import Row, State, refuse

LONGEST = {"Client": 100, "Project": 250, "Task": 1000, "Tag": 100}
SHORTEST = {"Project": 2}  # of the others, one character will do


class Written(BaseModel):
    """What a write may say; `None` where it says nothing. Unknown fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    name: str | None = None
    archived: bool | None = None


def free_name(
    state: State,
    kind: str,
    name: str | None,
    neighbours: Iterable[Row],
    *,
    but: Row | None = None,
) -> str:
    """Return the name that a write asks for, or refuse it; *but* may have it already."""
    name = (name or "").strip()
    shortest, longest = SHORTEST.get(kind, 1), LONGEST[kind]
    if not shortest <= len(name) <= longest:
        refuse(f"{kind} name has to be between {shortest} and {longest} characters long")
    others = (row for row in neighbours if but is None or row["id"] != but["id"])
    if state.is_taken(name, others):
        refuse(f"{kind} with this name already exists")
    return name


def _is_current(row: Row) -> bool:
    return not row.get("archived")


def deleted(
    caller: Caller,
    kind: str,
    id_: str,
    rows: dict[str, Row],
    is_active: Callable[[Row], bool] = _is_current,
) -> Row:
    """Delete a row and return it; what is active stays, and so it does for who is no admin."""
    row = caller.state.find(kind, id_)
    caller.must_be_admin()
    if is_active(row):
        refuse(f"Cannot delete an active {kind.lower()}")
    return rows.pop(id_)


def must_be_allowed(caller: Caller, permission: str) -> None:
    """Refuse whom the workspace does not let create such things."""
    allowed = caller.state.settings["entityCreationPermissions"].get(permission, "ADMINS")
    manages = "PROJECT_MANAGER" in (caller.user.get("roles") or [])
    if not (
        caller.is_admin
        or allowed == "EVERYONE"
        or (allowed == "ADMINS_AND_PROJECT_MANAGERS" and manages)
    ):
        deny()


def in_order(rows: list[Row], column: str, order: SortOrder) -> list[Row]:
    """Sort rows by `ID` or `NAME`, whatever their case."""
    field = "name" if column == "NAME" else "id"
    return sorted(rows, key=lambda row: str(row[field]).lower(), reverse=order == "DESCENDING")


def is_named(name: str, wanted: str, *, strict: bool) -> bool:
    """Return whether a name fits a search: in part, or strictly as it is."""
    return name == wanted if strict and wanted else contains(name, wanted)


def fits(value: bool, wanted: bool | None) -> bool:  # noqa: FBT001 - two truths compared
    """Return whether a truth is the one that is wanted, if any is."""
    return wanted is None or bool(value) == wanted
