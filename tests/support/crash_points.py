"""The points at which a process may die that differ in what it leaves behind."""

from collections.abc import Sequence

#: The names of points after which something is there that a dead process leaves behind.
COMMITTED, CHANGED = "after a commit", "after an answer to a change"


def crash_points(points: Sequence[str]) -> list[int]:
    """Return the first point, and each right after a commit or a change to a service.

    Between two of them a process only reads, so that whoever comes after it finds the same.
    """
    return [at for at, name in enumerate(points) if at == 0 or name in {COMMITTED, CHANGED}]
