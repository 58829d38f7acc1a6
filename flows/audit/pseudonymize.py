"""Replaces a person's name in the database by a pseudonym."""

from typing import Any

from connectors.errors import AskPerson
from connectors.store.actors import pseudonymize
from flows.context import open_installation


def pseudonymized(name: str) -> dict[str, Any]:
    """Replace a name wherever the database has it for a person; see `pseudonymize`.

    Returns:
        `pseudonym`, and `replaced`: in how many rows of which columns.

    Raises:
        AskPerson: Nobody has exactly that name.
    """
    with open_installation() as (_, engine):
        pseudonym, replaced = pseudonymize(engine, name)
    if not replaced:
        raise AskPerson(
            f"Nobody in the database is named {name!r}: spell the name as `clockbooks entries`"
            " shows it. Nothing was changed."
        )
    return {"pseudonym": pseudonym, "replaced": replaced}
