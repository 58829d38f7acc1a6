"""The plan's rows to TimeActivity bodies: JSON objects, to the byte, built in bulk.

The bytes are kept in the ledger, so that a replay after a doubt sends the very same ones. Numbers
are written digit by digit: no float comes near a rate.

Source: FACTS, QBO, sections 1.1 to 1.4.
"""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache, partial
from json.encoder import encode_basestring_ascii as as_json
from typing import Any

import pandas as pd

from schemas.plan import Activities
from schemas.words import QboKind
from transforms.plan.descriptions import fit


def to_activities(ready: pd.DataFrame) -> pd.DataFrame:
    """Write the TimeActivity of each row.

    Args:
        ready: Rows of `Plan` that are ready.

    Returns:
        `Activities`, in the order of *ready*. `Hours` and `Minutes` with `TxnDate`, never
        `StartTime`: the service shifts those into the company's zone (FACTS, QBO, fact 6).
    """
    person_id = _written(ready["qbo_person_id"], as_json)
    customer = _written(ready["qbo_customer_id"], _customer).fillna("}")
    rate = _written(ready["rate_micros"], _rate)
    time = _written(ready["minutes"], _time)
    # A missing part makes the whole body missing, and the schema rejects a row without a body, so
    # an incomplete activity is never sent.
    body = (
        ('{"TxnDate":"' + ready["date"])
        + (ready["qbo_kind"].map(_PERSON) + person_id + customer + _places(ready))
        + rate.where(ready["billable"], ',"BillableStatus":"NotBillable"')
        + (time + _written(ready["description"], _description))
    )
    activities = pd.DataFrame({"entry_id": ready["entry_id"], "body": body})
    return Activities.validate(activities.reset_index(drop=True))


def _written(column: pd.Series, write: Callable[[Any], str]) -> pd.Series:
    # Objects, because pandas would map a column of integers with gaps as floats.
    return column.astype(object).map(write, na_action="ignore").astype("str")


_PERSON = {
    QboKind.EMPLOYEE: '","NameOf":"Employee","EmployeeRef":{"value":',
    QboKind.VENDOR: '","NameOf":"Vendor","VendorRef":{"value":',
}


def _customer(id_: str) -> str:
    return f'}},"CustomerRef":{{"value":{as_json(id_)}}}'


#: What rules give, in the order in which QuickBooks writes it (FACTS, QBO, 1.1).
_PLACES = {
    "DepartmentRef": "qbo_department_id",
    "ItemRef": "qbo_item_id",
    "ClassRef": "qbo_class_id",
    "PayrollItemRef": "qbo_pay_type_id",
}


def _places(ready: pd.DataFrame) -> pd.Series:
    """Write the references that rules have given."""
    written = pd.Series("", index=ready.index, dtype="str")
    for member, column in _PLACES.items():
        if ready[column].notna().any():
            written += _written(ready[column], partial(_place, member)).fillna("")
    return written


def places_of(body: str) -> dict[str, Any]:
    """Return the references of a TimeActivity that rules have given, as they were written."""
    activity = json.loads(body)
    return {member: activity[member] for member in _PLACES if member in activity}


def _place(member: str, id_: str) -> str:
    return f',"{member}":{{"value":{as_json(id_)}}}'


def _rate(micros: int) -> str:
    return f',"BillableStatus":"Billable","HourlyRate":{amount(micros)}'


def _time(minutes: int) -> str:
    return f',"Hours":{minutes // 60},"Minutes":{minutes % 60}'


def _description(text: str) -> str:
    return f',"Description":{as_json(fit(text))}}}' if text else "}"


@lru_cache(maxsize=1000)  # a company has few rates
def amount(micros: int) -> str:
    """Write an amount in currency units, without trailing zeros.

    Examples:
        >>> amount(75_500_000), amount(100_000_000), amount(0)
        ('75.5', '100', '0')
    """
    return f"{Decimal(micros).scaleb(-6).normalize():f}"
