"""What the frames' schemas share: dtypes, and how a bad row is set aside with its reason.

Whether a frame has any bad row is looked up here in whole columns (`fits`); pandera takes every
column apart several times, and is left to name the rows of the few frames that have one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow.compute as pc
from pandera.errors import SchemaErrors
from pyarrow import (
    Array,
    ChunkedArray,
    large_string,
    set_memory_pool,
    system_memory_pool,
    types,
)
from pyarrow import array as arrow_array

# Texts live in Arrow's memory. Its own allocator gives what is free back to the system within
# milliseconds and has it zeroed again for the next column, which took as long as the work itself.
set_memory_pool(system_memory_pool())

#: Instants: UTC, microseconds. pandas 3.1 keeps that unit by itself.
UTC_US = pd.DatetimeTZDtype(unit="us", tz="UTC")


def column(description: str, *, source: str, unit: str | None = None, **checks: Any) -> Any:
    """Describe a column: meaning, source and unit stand beside its type, and checks follow."""
    return pa.Field(description=description, metadata={"source": source, "unit": unit}, **checks)


@dataclass(frozen=True)
class Sieved:
    """A frame whose rows are all good, and what was wrong with the others.

    Attributes:
        good: The rows that fit the schema, with its dtypes.
        problems: One text for each bad row, by the row's index label.
    """

    good: pd.DataFrame
    problems: dict[Any, str]


def sieve(schema: type[pa.DataFrameModel], frame: pd.DataFrame) -> Sieved:
    """Validate *frame*, keep the good rows and say what is wrong with each bad one.

    Raises:
        SchemaErrors: The frame as a whole is wrong (a column is missing): a defect of ours,
            not of a row.
    """
    if fits(schema, frame):
        return Sieved(frame, {})
    try:
        return Sieved(schema.validate(frame, lazy=True), {})
    except SchemaErrors as errors:
        # A check that cannot even be made, because a cell is of another type, fails without an
        # index: the cell itself is named too, and without its row the check can be made.
        cases = errors.failure_cases.dropna(subset="index")
        if cases.empty:
            raise
    # A failed coercion also reports each later check on that column: the first says enough.
    cases = cases.drop_duplicates(["index", "column"])
    problems = {
        index: "; ".join(
            f"{case.column} is {_shown(case.failure_case)} ({case.check})"
            for case in rows.itertuples()
        )
        for index, rows in cases.groupby("index", sort=False)
    }
    rest = sieve(schema, frame.drop(index=list(problems)))
    return Sieved(rest.good, problems | rest.problems)


def checked(schema: type[pa.DataFrameModel], frame: pd.DataFrame) -> pd.DataFrame:
    """Give a frame of ours back with the schema's dtypes.

    Raises:
        SchemaError: It does not fit: a defect of ours.
    """
    return frame if fits(schema, frame) else schema.validate(frame)


def fits(schema: type[pa.DataFrameModel], frame: pd.DataFrame) -> bool:
    """Say whether pandera would take *frame* as it is: no column missing, no cell wrong.

    A no is no verdict: the frame may still be coerced to fit. It is also said of every check that
    is not among `_HOLDS`, so that a schema may have any.
    """
    whole = schema.to_schema()
    if list(frame.columns) != list(whole.columns) or whole.checks or whole.unique:
        return False
    return all(_column_fits(column, frame[name]) for name, column in whole.columns.items())


def _column_fits(column: pa.Column, values: pd.Series) -> bool:
    if values.dtype != column.dtype.type:
        return False
    if not column.nullable and values.hasnans:
        return False
    if column.unique and not _all_differ(values):
        return False
    return all(
        check.name in _HOLDS and _HOLDS[check.name](values, check.statistics)
        for check in column.checks
    )


def _all_differ(values: pd.Series) -> bool:
    return all_differ(_cells(values))


def _cells(values: pd.Series) -> Array:
    """Give the cells as one array: a column of parts put together comes in as many."""
    cells = arrow_array(values, from_pandas=True)
    return cells.combine_chunks() if isinstance(cells, ChunkedArray) else cells


def all_differ(cells: Array) -> bool:
    """Say whether no two cells are equal.

    Texts of one length, as ids are, are first mixed to a number each, a third of the work of
    comparing them: texts are not equal whose numbers differ. Where numbers are equal, by chance
    or not, the texts are compared.
    """
    numbers = _mixed(cells)
    if numbers is not None:
        numbers.sort()
        if (numbers[1:] != numbers[:-1]).all():
            return True
    return len(pc.unique(cells)) == len(cells)


#: Odd numbers without a pattern: the digits of pi.
_MIX = np.array(
    [
        0x243F6A8885A308D3, 0x13198A2E03707345, 0xA4093822299F31D1, 0x082EFA98EC4E6C89,
        0x452821E638D01377, 0xBE5466CF34E90C6D, 0xC0AC29B7C97C50DD, 0x3F84D5B5B5470917,
    ],
    dtype="uint64",
)  # fmt: skip


def _mixed(cells: Array) -> np.ndarray | None:
    """Mix texts of one length, a multiple of 8 up to 64 bytes, to a number each."""
    if not types.is_large_string(cells.type) or not len(cells) or cells.null_count:
        return None
    _, offsets, letters = cells.buffers()
    bounds = np.frombuffer(offsets, "int64")[cells.offset : cells.offset + len(cells) + 1]
    length, rest = divmod(int(bounds[-1] - bounds[0]), len(cells))
    if rest or length % 8 or not 0 < length <= 64 or (np.diff(bounds) != length).any():
        return None
    words = np.frombuffer(letters, "uint8")[bounds[0] : bounds[-1]].view("uint64")
    mixed: np.ndarray = words.reshape(len(cells), -1) @ _MIX[: length // 8]
    return mixed


def _is_among(values: pd.Series, said: dict[str, Any]) -> bool:
    words = arrow_array([str(word) for word in said["allowed_values"]], large_string())
    cells = _cells(values)
    if not types.is_large_string(cells.type):
        return False
    found = pc.unique(cells).drop_null()
    return pc.all(pc.is_in(found, value_set=words)).as_py() is not False


def _is_as_long(values: pd.Series, said: dict[str, Any]) -> bool:
    lengths = pc.min_max(pc.utf8_length(_cells(values))).as_py()
    shortest, longest = lengths["min"], lengths["max"]
    return shortest is None or (
        said["exact_value"] is None
        and (said["min_value"] is None or shortest >= said["min_value"])
        and (said["max_value"] is None or longest <= said["max_value"])
    )


def _is_not_below(values: pd.Series, said: dict[str, Any]) -> bool:
    lowest = values.min()
    return lowest is pd.NA or bool(lowest >= said["min_value"])


#: How to see of a whole column that one of pandera's checks holds, by the check's own name.
_HOLDS: dict[str, Callable[[pd.Series, dict[str, Any]], bool]] = {
    "isin": _is_among,
    "str_length": _is_as_long,
    "greater_than_or_equal_to": _is_not_below,
}


def _shown(value: object) -> str:
    missing = value is None or value is pd.NA or value is pd.NaT or value != value  # noqa: PLR0124 - NaN
    return "missing" if missing else repr(str(value)[:80])
