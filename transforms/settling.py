"""Finds, among what QuickBooks holds, the entries about which there is doubt.

TimeActivity has no field for an id of ours (FACTS, QBO, fact 2), so an entry is recognised by its
content: person, customer, day, minutes, billable status, rate and description. Twins, entries that
are equal in all of these, are counted: two in doubt and one in the books means that one is missing.
"""

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from transforms.names import same_form


class Content(NamedTuple):
    """What makes a TimeActivity recognisable.

    Attributes:
        person: `Employee` or `Vendor`, and their id.
        customer_id: Empty without one.
        day: TxnDate.
        minutes: Hours and minutes in minutes.
        billable: Billable, or billed since.
        rate: HourlyRate; 0 where it does not count.
        description: With white space collapsed: services trim and wrap.
    """

    person: tuple[str, str]
    customer_id: str
    day: str
    minutes: int
    billable: bool
    rate: Decimal
    description: str


def content_of_body(body: str) -> Content:
    """Read the content of a TimeActivity as we sent it."""
    return content_of(json.loads(body, parse_float=Decimal))


def content_of(activity: Mapping[str, Any]) -> Content:
    """Read the content of a TimeActivity, ours or as QuickBooks tells it.

    It tells a rate of 0 where none was given (FACTS, QBO, 1.2), and `HasBeenBilled` for what an
    invoice has taken up.
    """
    name_of = str(activity.get("NameOf", ""))
    billable = activity.get("BillableStatus") in {"Billable", "HasBeenBilled"}
    rate = Decimal(str(activity.get("HourlyRate") or 0)) if billable else Decimal(0)
    return Content(
        person=(name_of, _value(activity, f"{name_of}Ref")),
        customer_id=_value(activity, "CustomerRef"),
        day=str(activity.get("TxnDate", ""))[:10],
        minutes=int(activity.get("Hours") or 0) * 60 + int(activity.get("Minutes") or 0),
        billable=billable,
        rate=rate,
        description=same_form(str(activity.get("Description") or "")),
    )


def pair_up(
    doubts: Iterable[tuple[str, Content]], found: Iterable[tuple[str, Content]]
) -> dict[str, str]:
    """Give each doubt one activity of the same content, as long as there are any.

    Args:
        doubts: Key and content of each entry in doubt.
        found: Id and content of each TimeActivity that no entry of the ledger accounts for.

    Returns:
        Id by key, for those that were found. Which of several twins gets which id does not
        matter: they are equal.
    """
    free: dict[Content, list[str]] = {}
    for activity_id, content in found:
        free.setdefault(content, []).append(activity_id)
    pairs = {}
    for key, content in doubts:
        if free.get(content):
            pairs[key] = free[content].pop(0)
    return pairs


def _value(activity: Mapping[str, Any], name: str) -> str:
    ref = activity.get(name)
    return str(ref.get("value", "")) if isinstance(ref, Mapping) else ""
