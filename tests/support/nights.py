"""A night's work that is booked in parts: what tests of it send, and what the books have."""

from typing import Any

DAYS = ("--start", "2026-09-21", "--end", "2026-09-22")
MIDNIGHT = {"CLOCKBOOKS_SPLIT": "midnight"}

#: Day, hours and minutes of what the night of `night` is booked as.
PARTS = [("2026-09-21", 2, 0), ("2026-09-22", 6, 15)]


def send(house: Any, *options: str, **environment: str) -> Any:
    """Send both days, with `split=midnight` unless the environment says otherwise."""
    return house.run("send", *DAYS, "--yes", "--json", *options, **{**MIDNIGHT, **environment})


def reconcile(house: Any, *options: str, **environment: str) -> dict[str, Any]:
    """Compare both days, and return the document."""
    ran = house.run("reconcile", *DAYS, "--json", *options, **{**MIDNIGHT, **environment})
    document: dict[str, Any] = ran.document
    return document


def books(house: Any) -> list[tuple[Any, ...]]:
    """Return day, hours and minutes of what is in the books, in order."""
    return sorted(
        (row["TxnDate"], row["Hours"], row["Minutes"])
        for row in house.quickbooks.activities.values()
    )


def minutes(house: Any) -> int:
    """Return how much is in the books."""
    return sum(hours * 60 + rest for _, hours, rest in books(house))


def bill(house: Any, activity_id: str) -> Any:
    """Put a TimeActivity on an invoice, and return the invoice's Id."""
    customer = house.quickbooks.activities[activity_id]["CustomerRef"]["value"]
    return house.quickbooks.people.invoice(customer, activity_id)


def close_after_the_look(house: Any, day: str = "2026-09-21") -> None:
    """Let the books be closed while a send reads Clockify: it has seen them open."""

    def close(answer: Any) -> Any:
        house.quickbooks.people.close_books(day)
        return answer

    house.clockify.faults.plan("/reports/detailed", "edit", edit=close)


def stick(house: Any) -> str:
    """Send the night so that QuickBooks refuses its first part, and bills the second at once.

    Returns the Id of the part that stays.
    """

    def billed(answer: Any) -> Any:
        for id_ in list(house.quickbooks.activities):
            bill(house, id_)
        return answer

    close_after_the_look(house)
    house.quickbooks.faults.plan("POST .*/batch", "edit", edit=billed)
    assert send(house).code == 3
    (stays,) = house.quickbooks.activities
    house.quickbooks.people.close_books(None)
    return str(stays)
