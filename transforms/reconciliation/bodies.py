"""What a repair sends: whole TimeActivities for updates, Id and SyncToken for deletions.

An update replaces everything that is writable, and what is left out becomes empty (FACTS, QBO,
1.2). So it carries what the books have, such as item and class, and changes what the entry decides.
Of that, time and words stay as somebody wrote them in QuickBooks where they say the same.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pandas as pd

from transforms.plan.activities import places_of
from transforms.plan.pay_types import of_another
from transforms.reconciliation.judge import Judged, Step
from transforms.reconciliation.sides import (
    MEMBERS,
    Now,
    Sent,
    activity_values,
    books_values,
    read,
    wanted_body,
)

#: What QuickBooks writes itself (FACTS, QBO, 1.1).
_READ_ONLY = ("domain", "sparse", "MetaData", "status", "TimeChargeId")

#: Fields that several bodies say alike: hours and minutes, or a start and an end.
_SAID_ALIKE = ("minutes", "description")

#: What belongs to the TimeActivity or customer that is replaced.
_OF_THE_OLD_ONE = ("Id", "SyncToken", "ProjectRef")

#: What belongs to its person: what an hour costs, and how it is paid.
_PAY_TYPE = "PayrollItemRef"
_OF_THE_PERSON = ("CostRate", _PAY_TYPE)


def change_bodies(
    sent: Sent,
    now: Now | None,
    activity: Mapping[str, Any] | None,
    judged: Judged,
    pay_types: pd.DataFrame,
) -> tuple[str, str | None]:
    """Return the body that a step sends, and that of a replacement or `None`.

    Time that becomes another employee's gets their own id of its pay type, by `PayTypes`, and none
    where that is not known.
    """
    wanted = wanted_body(sent, now, list(judged.fields))
    paid = _pay_type(sent, activity, wanted, pay_types)
    if activity is None:
        places = {name: one for name, one in places_of(sent.body).items() if name != _PAY_TYPE}
        return written(wanted | places | paid), None
    if judged.step in {Step.DELETE, Step.REPLACE}:
        replaces = judged.step == Step.REPLACE
        new = written(_whole(activity, wanted, _OF_THE_OLD_ONE) | paid) if replaces else None
        return deletion(activity), new
    return written(_whole(activity, wanted) | paid), None


def _pay_type(
    sent: Sent,
    activity: Mapping[str, Any] | None,
    wanted: Mapping[str, Any],
    pay_types: pd.DataFrame,
) -> dict[str, Any]:
    """Return the pay type of a TimeActivity for the person whose it is to be.

    That is the one in the books; if that is another person's there, the one of the same name, or
    else the one that was sent.
    """
    person, was_sent = _id(wanted, "EmployeeRef"), read(sent.body)
    for before in (activity or was_sent, was_sent):
        theirs, id_ = _id(before, "EmployeeRef"), _id(before, _PAY_TYPE)
        if person is None or person == theirs:
            return {_PAY_TYPE: before[_PAY_TYPE]} if person and id_ else {}
        if theirs and id_ and (found := of_another(pay_types, id_, theirs, person)):
            return {_PAY_TYPE: {"value": found}}
    return {}


def _id(activity: Mapping[str, Any], member: str) -> str | None:
    reference = activity.get(member)
    return str(reference.get("value")) if isinstance(reference, Mapping) else None


def deletion(activity: Mapping[str, Any]) -> str:
    """Return the body that deletes a TimeActivity (FACTS, QBO, 1.2)."""
    return written({name: activity[name] for name in ("Id", "SyncToken")})


def as_it_was(activity: Mapping[str, Any]) -> str:
    """Return the body that creates a TimeActivity again that was deleted."""
    left_out = {*_READ_ONLY, *_OF_THE_OLD_ONE}
    return written({name: value for name, value in activity.items() if name not in left_out})


def written(value: Any) -> str:
    """Write a body, or a part of it, as JSON without spaces; a fraction keeps its digits."""
    if isinstance(value, Mapping):
        members = (f"{json.dumps(name)}:{written(one)}" for name, one in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def _whole(
    activity: Mapping[str, Any], wanted: Mapping[str, Any], without: tuple[str, ...] = ()
) -> dict[str, Any]:
    new, books = activity_values(wanted), books_values(activity, written(wanted))
    alike = {name for one in _SAID_ALIKE if new[one] == books[one] for name in MEMBERS[one]}
    decided = {name for names in MEMBERS.values() for name in names} - alike
    of_the_person = _OF_THE_PERSON if new["user"] != books["user"] else ()
    left_out = decided.union(_READ_ONLY, of_the_person, without)
    kept = {name: value for name, value in activity.items() if name not in left_out}
    return {name: value for name, value in wanted.items() if name not in alike} | kept
