"""What a process that a test starts gets of this one's environment."""

import os


def kept_environment() -> dict[str, str]:
    """Return what is not about Clockbooks: a user's settings do not reach the tests."""
    names = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_CONFIG")
    return {name: os.environ[name] for name in names if name in os.environ}
