"""Peers are installed by `make test-peers` alone: where they are not, all is skipped."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _installed() -> None:
    """Skip what `make test-peers` would install anew."""
    stamp = HERE.parents[1] / ".peers" / "installed"
    locks = [*HERE.glob("*.lock"), HERE / "package-lock.json"]
    newest = max(lock.stat().st_mtime for lock in locks)
    if not stamp.exists() or stamp.stat().st_mtime < newest:
        pytest.skip("`make test-peers` installs it")
