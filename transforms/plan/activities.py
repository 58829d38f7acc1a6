"""The plan's rows to TimeActivity bodies: JSON objects, to the byte, built in bulk.

The bytes are kept in the ledger, so that a replay after a doubt sends the very same ones. Numbers
are written digit by digit: no float comes near a rate.

Source: FACTS, QBO, sections 1.1 to 1.4.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal
from json.encoder import encode_basestring_ascii

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from schemas.frames import checked
from schemas.plan import Activities
from schemas.words import QboKind
from transforms.entries.arrow import TEXT, cells, coded, spelled, texts, whole_numbers

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
    billable = ready["billable"].to_numpy(dtype=bool)
    employed = pc.equal(cells(ready["qbo_kind"]), str(QboKind.EMPLOYEE)).fill_null(False)
    vendor = ~employed.to_numpy(zero_copy_only=False)
    # Nothing goes that lacks what QuickBooks must be told: where one piece is null, so is the
    # body, and the schema takes no row without a body.
    pieces = [
        _texts(ready["date"], [lambda day: day and f'{{"TxnDate":"{day}"']),
        _texts(ready["qbo_person_id"], [_employee, _vendor], vendor),
        _texts(ready["qbo_customer_id"], [_not_billable, _billable], billable),
        _rates(*whole_numbers(ready["rate_micros"]), billable),
        _times(*whole_numbers(ready["minutes"])),
        *_descriptions(cells(ready["description"])),
        _text("}"),
    ]
    body = texts(pc.binary_join_element_wise(*pieces, _text("")))
    entry_ids = ready["entry_id"].reset_index(drop=True)
    return checked(Activities, pd.DataFrame({"entry_id": entry_ids, "body": body}, copy=False))


def _text(word: str) -> pa.Scalar:
    return pa.scalar(word, TEXT)


def _texts(
    column: pd.Series,
    ways: Sequence[Callable[[str | None], str | None]],
    way: np.ndarray | int = 0,
) -> pa.Array:
    """Write each text, or that there is none, in one of some *ways*; each distinct one once."""
    codes, distinct = coded(cells(column))
    cases = [*distinct, None]
    words = pa.array([write(case) for write in ways for case in cases], TEXT)
    return words.take(pa.array(np.where(codes < 0, len(distinct), codes) + len(cases) * way))


def _employee(id_: str | None) -> str | None:
    return id_ and f',"NameOf":"Employee","EmployeeRef":{{"value":{encode_basestring_ascii(id_)}'


def _vendor(id_: str | None) -> str | None:
    return id_ and f',"NameOf":"Vendor","VendorRef":{{"value":{encode_basestring_ascii(id_)}'


def _billable(customer_id: str | None) -> str:
    return f'{_customer(customer_id)},"BillableStatus":"Billable"'


def _not_billable(customer_id: str | None) -> str:
    return f'{_customer(customer_id)},"BillableStatus":"NotBillable"'


def _customer(id_: str | None) -> str:
    ref = "" if id_ is None else f',"CustomerRef":{{"value":{encode_basestring_ascii(id_)}}}'
    return "}" + ref


def _rates(micros: np.ndarray, missing: np.ndarray, billable: np.ndarray) -> pa.Array:
    codes, distinct = pd.factorize(micros)
    written = [f',"HourlyRate":{amount(rate)}' for rate in distinct.tolist()]
    codes[missing] = len(written)
    codes[~billable] = len(written) + 1
    return pa.array([*written, None, ""], TEXT).take(pa.array(codes))


def _times(minutes: np.ndarray, missing: np.ndarray) -> pa.Array:
    codes, distinct = pd.factorize(minutes)
    codes[missing] = -1
    written = [f',"Hours":{n // 60},"Minutes":{n % 60}' for n in distinct.tolist()]
    return spelled(codes, [*written, None])


def _descriptions(found: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Write the descriptions, nearly all of them different: the member's name, and its value."""
    # Nothing shorter needs more than two UTF-16 units a letter.
    long = pc.greater(pc.utf8_length(found), DESCRIPTION_LIMIT // 2)
    if pc.any(long).as_py():
        cut = pa.array([_fit(text) for text in found.filter(long).to_pylist()], TEXT)
        found = pc.replace_with_mask(found, long, cut)
    empty = pc.equal(pc.binary_length(found), 0)
    return (
        pc.if_else(empty, _text(""), _text(',"Description":"')),
        pc.if_else(empty, _text(""), _escaped(found)),
    )


#: Letters that JSON leaves as they are; one that no text of a report has can end each of them.
_ENDS = "~`^|}{@#$%<>*=+;_!?&"


def _escaped(found: pa.Array) -> pa.Array:
    """Write each text as JSON in ASCII, without the first quotation mark and with the last.

    They are joined, escaped by one call, and cut again: a call for each text would take thrice
    as long.
    """
    joined = _letters(found)
    end = next((end for end in _ENDS if end not in joined), None)
    if end is None:
        return pa.array([encode_basestring_ascii(text)[1:] for text in found.to_pylist()], TEXT)
    joined = _letters(pc.binary_join_element_wise(found, _text(end), _text("")))
    letters = np.frombuffer(bytearray(encode_basestring_ascii(joined), "ascii"), "uint8")
    ends = np.flatnonzero(letters == ord(end))
    letters[ends] = ord('"')
    offsets = np.append(1, ends + 1)  # after the quotation mark at the beginning of all
    return pa.LargeStringArray.from_buffers(
        len(found), pa.py_buffer(offsets), pa.py_buffer(letters)
    )


def _letters(found: pa.Array) -> str:
    """Give all texts as one; of their bytes, not of as many Python strings."""
    _, offsets, letters = found.buffers()
    bounds = np.frombuffer(offsets, "int64")[[found.offset, found.offset + len(found)]]
    return str(memoryview(letters or b"")[slice(*bounds)], "utf-8")


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
