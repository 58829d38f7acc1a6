"""The plan's rows to TimeActivity bodies: JSON objects, to the byte, built in bulk.

The bytes are kept in the ledger, so that a replay after a doubt sends the very same ones. Numbers
are written digit by digit: no float comes near a rate.

Source: FACTS, QBO, sections 1.1 to 1.4.
"""

from decimal import Decimal
from json.encoder import encode_basestring_ascii

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
    employee = rows["qbo_kind"] == QboKind.EMPLOYEE
    billable = rows["billable"]
    text = rows["description"].map(_fit).map(encode_basestring_ascii)
    members = [
        '{"TxnDate":"' + rows["date"] + '"',
        pd.Series(np.where(employee, _NAME_OF["Employee"], _NAME_OF["Vendor"]), dtype="str")
        + _quoted(rows["qbo_person_id"])
        + "}",
        (',"CustomerRef":{"value":' + _quoted(rows["qbo_customer_id"]) + "}").fillna(""),
        pd.Series(
            np.where(billable, ',"BillableStatus":"Billable"', ',"BillableStatus":"NotBillable"')
        ),
        (',"HourlyRate":' + _amounts(rows["rate_micros"])).where(billable, ""),
        ',"Hours":' + (rows["minutes"] // 60).astype("str"),
        ',"Minutes":' + (rows["minutes"] % 60).astype("str"),
        (',"Description":' + text).where(rows["description"] != "", ""),
    ]
    body = members[0]
    for member in members[1:]:
        body = body + member
    return Activities.validate(pd.DataFrame({"entry_id": rows["entry_id"], "body": body + "}"}))


_NAME_OF = {
    "Employee": ',"NameOf":"Employee","EmployeeRef":{"value":',
    "Vendor": ',"NameOf":"Vendor","VendorRef":{"value":',
}


def _quoted(ids: pd.Series) -> pd.Series:
    return ids.map(encode_basestring_ascii, na_action="ignore").astype("str")


def _amounts(micros: pd.Series) -> pd.Series:
    """Write millionths as decimal numbers: 75500000 is 75.5."""
    written = {value: amount(int(value)) for value in micros.dropna().unique()}
    return micros.map(written).astype("str")


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
