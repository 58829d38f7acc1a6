"""Longer histories, as they happen; the machine that makes them up is `tests/support/histories.py`.

Whatever happened, at the end each entry is in the books exactly once, and the ledger says the same.
All are slow; a short history is played among the quick tests by `tests/proof`.
"""

from typing import Any

import pytest
from histories import MEMORIES, prove


@pytest.mark.slow
@pytest.mark.parametrize("has_neighbor", [False, True])
@pytest.mark.parametrize("memory", MEMORIES)
def test_each_entry_is_booked_once_after_long_histories(
    lab: Any,
    memory: str,
    has_neighbor: bool,  # noqa: FBT001 - parametrized
) -> None:
    """Fifty histories of up to 25 events each."""
    prove(lab, memory, has_neighbor=has_neighbor, histories=50, steps=25)
