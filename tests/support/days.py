"""A day's work that goes as one TimeActivity: what tests of it send, and what the books have."""

from typing import Any

DAY = ("--start", "2026-09-22", "--end", "2026-09-22")
BY_DAY = {"CLOCKBOOKS_LINE_PER": "day"}


def send(house: Any, *options: str, **environment: str) -> Any:
    """Send the day, with `line_per=day` unless the environment says otherwise."""
    return house.run("send", *DAY, "--yes", "--json", *options, **{**BY_DAY, **environment})


def reconcile(house: Any, *options: str, **environment: str) -> dict[str, Any]:
    """Compare the day, and return the document."""
    ran = house.run("reconcile", *DAY, "--json", *options, **{**BY_DAY, **environment})
    document: dict[str, Any] = ran.document
    return document


def books(house: Any) -> list[tuple[Any, ...]]:
    """Return minutes and text of what is in the books, in order."""
    return sorted(
        (row["Hours"] * 60 + row["Minutes"], row.get("Description", ""))
        for row in house.quickbooks.activities.values()
    )


def only(house: Any) -> str:
    """Return the Id of the one TimeActivity in the books."""
    (id_,) = house.quickbooks.activities
    return str(id_)


def refuse(house: Any) -> None:
    """Let QuickBooks refuse all of the next batch."""

    def edit(answer: Any) -> Any:
        for item in answer["BatchItemResponse"]:
            house.quickbooks.activities.pop(item.pop("TimeActivity")["Id"])
            error = {"Message": "No", "Detail": "Not so", "code": "6240"}
            item["Fault"] = {"Error": [error], "type": "ValidationFault"}
        return answer

    house.quickbooks.faults.plan("POST .*/batch", "edit", edit=edit)
