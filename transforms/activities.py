"""The plan's rows to TimeActivity bodies: JSON objects, to the byte, built in bulk.

The bytes are kept in the ledger, so that a replay after a doubt sends the very same ones. Numbers
are written digit by digit: no float comes near a rate.

Source: FACTS, QBO, sections 1.1 to 1.4.
"""

from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring_ascii
from typing import Any

import numpy as np
import pandas as pd

from schemas.plan import Activities
from schemas.words import QboKind

#: QuickBooks' limit for `Description`, counted as Java counts: in UTF-16 units.
DESCRIPTION_LIMIT = 4000


def to_activities(ready: pd.DataFrame) -> pd.DataFrame:
    """Write the TimeActivity of each row.

    Args:
        ready: Rows of `Plan` that are ready.

    Returns:
        `Activities`, in the order of *ready*. `Hours` and `Minutes` with `TxnDate`, never
        `StartTime`: the service shifts those into the company's zone (FACTS, QBO, fact 6).
    """
    rows = ready.reset_index(drop=True)
    billable = rows["billable"].to_numpy(dtype=bool)
    employee = (rows["qbo_kind"] == QboKind.EMPLOYEE).to_numpy()
    rates = rows["rate_micros"].where(billable)
    status = np.where(billable, ',"BillableStatus":"Billable"', ',"BillableStatus":"NotBillable"')
    body = (
        _each(rows["date"], '{{"TxnDate":"{}"'.format)
        + np.where(employee, _NAME_OF["Employee"], _NAME_OF["Vendor"]).astype(object)
        + _each(rows["qbo_person_id"], encode_basestring_ascii)
        + _each(rows["qbo_customer_id"], _customer, missing="}")
        + status.astype(object)
        + _each(rates, lambda micros: f',"HourlyRate":{amount(int(micros))}')
        + _each(rows["minutes"], _time)
        + _descriptions(rows["description"])
        + "}"
    )
    # Nothing goes that lacks what QuickBooks must be told: the schema takes no row without a body.
    lacking = rows["qbo_person_id"].isna() | rows["minutes"].isna() | (rates.isna() & billable)
    bodies = pd.Series(body, dtype="str").mask(lacking.to_numpy())
    return Activities.validate(pd.DataFrame({"entry_id": rows["entry_id"], "body": bodies}))


_NAME_OF = {
    "Employee": ',"NameOf":"Employee","EmployeeRef":{"value":',
    "Vendor": ',"NameOf":"Vendor","VendorRef":{"value":',
}


def _each(values: pd.Series, write: Callable[[Any], str], missing: str = "") -> Any:
    """Write each value, but each distinct one only once; as an array of objects."""
    codes, distinct = pd.factorize(values)
    texts = [*map(write, distinct), missing]  # the code of a missing value is -1: the last
    return np.array(texts, dtype=object)[codes]


def _customer(id_: str) -> str:
    return f'}},"CustomerRef":{{"value":{encode_basestring_ascii(id_)}}}'


def _time(minutes: int) -> str:
    return f',"Hours":{minutes // 60},"Minutes":{minutes % 60}'


def _descriptions(texts: pd.Series) -> Any:
    """Write the descriptions, nearly all of them different: by functions that are C throughout."""
    plain = texts.to_numpy(dtype=object, copy=True)
    # Nothing shorter needs more than two UTF-16 units a letter.
    for place in np.flatnonzero(texts.str.len() * 2 > DESCRIPTION_LIMIT):
        plain[place] = _fit(plain[place])
    written = np.fromiter(map(encode_basestring_ascii, plain), dtype=object, count=len(plain))
    return np.where(plain == "", "", ',"Description":' + written)


def amount(micros: int) -> str:
    """Write one amount in currency units, without trailing zeros.

    Examples:
        >>> amount(75_500_000), amount(100_000_000), amount(0)
        ('75.5', '100', '0')
    """
    return f"{Decimal(micros).scaleb(-6).normalize():f}"


def _fit(description: str) -> str:
    """Cut a description to QuickBooks' limit, at a word, with an ellipsis."""
    if len(description) * 2 <= DESCRIPTION_LIMIT or _utf16(description) <= DESCRIPTION_LIMIT:
        return description
    room = DESCRIPTION_LIMIT - 1
    cut = description.encode("utf-16-le")[: room * 2].decode("utf-16-le", errors="ignore")
    in_word = not cut[-1].isspace() and not description[len(cut)].isspace()
    at_word = (cut.removesuffix(cut.rsplit(maxsplit=1)[-1]) if in_word else cut).rstrip()
    # A text without spaces in its second half is cut where it must be.
    return (at_word if _utf16(at_word) * 2 > room else cut.rstrip()) + "…"


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
