"""Longer histories, as they happen; the machine that makes them up is `tests/support/histories.py`.

Whatever happened, at the end each entry is in the books exactly once, and the ledger says the same.
"""

from typing import Any

import pytest
from histories import MEMORIES, prove


@pytest.mark.parametrize(("memory", "histories"), [("forgets", 4), ("answers 6000", 2)])
def test_each_entry_is_booked_once_whatever_happened(lab: Any, memory: str, histories: int) -> None:
    """A short look at many histories; the long one is for `make test-slow`."""
    prove(lab, memory, has_neighbor=memory == "forgets", histories=histories, steps=8)


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
