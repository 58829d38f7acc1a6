"""What a command left in the stand-ins, to be there again without the command."""

import pickle
from typing import Any


def _changed(house: Any) -> list[Any]:
    """Return all that commands and people change, to be changed in place."""
    books = house.quickbooks
    company = books.books.company
    remembered = books.memory._answers, books.oauth._consents  # noqa: SLF001
    return [
        company.activities, company.invoices, company.changes, company._last, books.requests,  # noqa: SLF001
        *remembered, house.clockify.entries, house.clockify.tags,
    ]  # fmt: skip


def left_in(house: Any) -> bytes:
    """Return what both services of a house hold now."""
    return pickle.dumps(_changed(house))


def leave_in(house: Any, left: bytes) -> None:
    """Let both services hold what those of a house like this one held."""
    for now, was in zip(_changed(house), pickle.loads(left), strict=True):  # noqa: S301 - our own
        now.clear()
        (now.update if isinstance(now, dict) else now.extend)(was)
