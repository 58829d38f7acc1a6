"""What the frames' schemas share: types, descriptions of columns, and setting bad rows aside."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera import dtypes
from pandera.engines import pandas_engine
from pandera.errors import SchemaErrors

#: Instants: UTC, microseconds. pandas 3.1 keeps that unit by itself.
UTC_US = pd.DatetimeTZDtype(unit="us", tz="UTC")


@pandas_engine.Engine.register_dtype(equivalents=[str])
@dtypes.immutable(init=True)
class Text(pandas_engine.STRING):  # type: ignore[misc] # pandera is not followed
    """pandera's text, which makes a frame of each cell's answer only where some cell is wrong.

    That frame took half the time in which a small one was validated.
    """

    def check(self, pandera_dtype: Any, data_container: Any = None) -> Any:
        """Return whether a column is text, or which of its cells are, if some are not."""
        texts = super().check(pandera_dtype, data_container)
        return True if np.all(texts) else texts


def column(description: str, *, source: str, unit: str | None = None, **checks: Any) -> Any:
    """Describe a column by its meaning, source and unit, with the checks that it must pass."""
    return pa.Field(description=description, metadata={"source": source, "unit": unit}, **checks)


class Frame(pa.DataFrameModel):  # type: ignore[misc] # pandera is not followed
    """The base of all frames: rows are coerced to the types of exactly these columns."""

    class Config:
        """`validate_rows` sets aside what cannot be coerced; elsewhere it is a defect of ours."""

        coerce = True
        strict = True


@dataclass(frozen=True)
class Validated:
    """The valid rows of a frame, and what is wrong with the others.

    Attributes:
        good: The rows that fit the schema, with its types.
        problems: A text for each bad row, by the row's index label.
    """

    good: pd.DataFrame
    problems: dict[Any, str]


def validate_rows(schema: type[pa.DataFrameModel], frame: pd.DataFrame) -> Validated:
    """Validate *frame*: return the good rows, and what is wrong with each bad one.

    Raises:
        SchemaErrors: The whole frame is wrong (a column is missing), which is a defect of ours.
    """
    try:
        return Validated(schema.validate(frame, lazy=True), {})
    except SchemaErrors as errors:
        # A check that cannot run, because a cell has another type, fails without an index. The cell
        # is reported too, and once its row is gone the check can run.
        cases = errors.failure_cases.dropna(subset="index")
        if cases.empty:
            raise
    # A failed coercion also fails each later check on that column; the first one is enough.
    cases = cases.drop_duplicates(["index", "column"])
    problems = {
        index: "; ".join(
            f"{case.column} is {_shown(case.failure_case)} ({case.check})"
            for case in rows.itertuples()
        )
        for index, rows in cases.groupby("index", sort=False)
    }
    rest = validate_rows(schema, frame.drop(index=list(problems)))
    return Validated(rest.good, problems | rest.problems)


def _shown(value: object) -> str:
    missing = value is None or value is pd.NA or value is pd.NaT or value != value  # noqa: PLR0124 - NaN
    return "missing" if missing else repr(str(value)[:80])
