"""The points at which a process may die that differ in what it leaves behind."""

from collections.abc import Sequence

import pytest

#: The names of points after which something is there that a dead process leaves behind.
COMMITTED, CHANGED = "after a commit", "after an answer to a change"

#: `make test` tries every fourth point, `make test-slow` the others.
SHARES = [
    pytest.param(number, marks=() if number == 1 else pytest.mark.slow) for number in range(4)
]


def crash_points(points: Sequence[str]) -> list[int]:
    """Return the first point, and each right after a commit or a change to a service.

    Between two of them a process only reads, so that whoever comes after it finds the same.
    """
    return [at for at, name in enumerate(points) if at == 0 or name in {COMMITTED, CHANGED}]


def share_of(points: Sequence[str], share: int) -> list[int]:
    """Return every fourth of them, for one of the `SHARES`."""
    return crash_points(points)[share :: len(SHARES)]
