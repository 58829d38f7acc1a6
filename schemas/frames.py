"""What the frames' schemas share: dtypes, and how a bad row is set aside with its reason."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

#: Instants: UTC, microseconds. pandas 3.1 keeps that unit by itself.
UTC_US = pd.DatetimeTZDtype(unit="us", tz="UTC")


def column(description: str, *, source: str, unit: str | None = None, **checks: Any) -> Any:
    """Describe a column: meaning, source and unit stand beside its type, and checks follow."""
    return pa.Field(description=description, metadata={"source": source, "unit": unit}, **checks)


class Frame(pa.DataFrameModel):  # type: ignore[misc] # pandera is not followed
    """The base of all frames: rows are coerced to the types of exactly these columns."""

    class Config:
        """What cannot be coerced is set aside by `sieve`, and a defect of ours elsewhere."""

        coerce = True
        strict = True


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


def _shown(value: object) -> str:
    missing = value is None or value is pd.NA or value is pd.NaT or value != value  # noqa: PLR0124 - NaN
    return "missing" if missing else repr(str(value)[:80])
