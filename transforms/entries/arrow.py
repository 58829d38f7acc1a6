"""Columns of a frame as Arrow arrays, and back: for what is done to a whole column at once.

pandas keeps its texts in Arrow, so that nothing is copied either way.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

#: The type of every text: pandas' own, which needs no cast, and has no end at 2 GiB.
TEXT = pa.large_string()

_NEARLY_TEXTS = {pa.null(), pa.string()}

_STR = pd.StringDtype("pyarrow", na_value=np.nan)


def cells(column: pd.Series) -> pa.Array:
    """Give the cells of a column, missing ones as null; texts as `TEXT`."""
    found = pa.array(column, from_pandas=True)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
    return found.cast(TEXT) if found.type in _NEARLY_TEXTS else found


def texts(found: pa.Array) -> pd.Series:
    """Make a column of texts, of dtype `str`; null is missing."""
    return pd.Series(pd.arrays.ArrowStringArray(found, dtype=_STR), copy=False)


def spelled(codes: np.ndarray, words: Sequence[str | None]) -> pa.Array:
    """Give the word of each code; -1 is the last of *words*."""
    codes = np.where(codes < 0, len(words) - 1, codes) if len(codes) else codes
    return pa.array(words, TEXT).take(pa.array(codes))


def coded(found: pa.Array) -> tuple[np.ndarray, list[str]]:
    """Number the distinct texts: the code of each cell, -1 where it is null, and the texts."""
    numbered = found.dictionary_encode()
    codes = numbered.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return codes, numbered.dictionary.to_pylist()


def without_empty(found: pa.Array) -> pa.Array:
    """Let an empty text be null."""
    empty = pc.equal(pc.binary_length(found), 0)
    return pc.if_else(empty, pa.scalar(None, TEXT), found) if pc.any(empty).as_py() else found


def whole_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Take a column of `Int64` apart: its numbers, 0 where there is none, and where that is."""
    missing = column.isna().to_numpy()
    return column.to_numpy(dtype="int64", na_value=0), missing


def int64s(numbers: np.ndarray, missing: np.ndarray) -> pd.Series:
    """Make a column of `Int64` from numbers, and where there is none."""
    return pd.Series(pd.arrays.IntegerArray(numbers, missing), copy=False)
