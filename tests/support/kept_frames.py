"""Validated frames, kept for whoever asks for the same rows again: most tests share their links."""

import pickle
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd


@lru_cache(maxsize=500)
def _validated(schema: Any, records: bytes) -> pd.DataFrame:
    names = list(schema.to_schema().columns)
    rows = pickle.loads(records)  # noqa: S301 - our own, of below
    return schema.validate(pd.DataFrame(rows, columns=names, dtype=object))


def validated(schema: Any, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a frame of a schema with some rows, to do with as one likes."""
    return _validated(schema, pickle.dumps(list(rows))).copy()
