"""Texts of ISO 8601 to instants, in bulk."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from transforms.entries.arrow import texts

#: Length of `2026-05-06T08:00:00Z`, as the report nearly always writes.
_USUAL_LENGTH = 20


def instants(found: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Read the instant that each text names, with a `Z` or an offset.

    Returns:
        Microseconds since 1970 in UTC, 0 where there is no instant; and where that is: without
        an offset nobody can say which instant is meant.
    """
    read = _usual(found)
    if read is None:
        read = _of_any_form(found)
    return read


def instant_column(us: np.ndarray, missing: np.ndarray) -> pd.Series:
    """Make a column of instants from microseconds since 1970 and where there is none."""
    moments = us.astype("datetime64[us]")
    moments[missing] = np.datetime64("NaT")
    return pd.Series(pd.DatetimeIndex(moments, tz="UTC"), copy=False)


def _usual(found: pa.Array) -> tuple[np.ndarray, np.ndarray] | None:
    lengths = pc.min_max(pc.binary_length(found)).as_py()
    if {lengths["min"], lengths["max"]} != {_USUAL_LENGTH}:
        return None
    try:
        moments = found.cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        return None
    us = moments.cast(pa.int64())
    return us.fill_null(0).to_numpy(), us.is_null().to_numpy(zero_copy_only=False)


def _of_any_form(found: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    written = texts(found)
    zoned = written.str.contains(r"(?:Z|[+-]\d\d:?\d\d)$", na=False)
    read = pd.to_datetime(written.where(zoned), utc=True, format="ISO8601", errors="coerce")
    read = read.dt.as_unit("us")
    missing = read.isna().to_numpy()
    return np.where(missing, 0, read.astype("int64").to_numpy()), missing
