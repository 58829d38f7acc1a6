"""The exit codes of all commands, and which one a send ends with."""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """Numbers that scripts rely on."""

    DONE = 0
    COULD_NOT_RUN = 1
    WRONG_USAGE = 2
    PARTLY_DONE = 3
    STOPPED = 130  # with Ctrl-C, as shells have it

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "ExitCode":
        """Return how a send ended: in part, if an entry was rejected, is in doubt or unreadable."""
        counts = document["counts"]
        open_ends = sum(counts["rejected"].values()) + counts["in_doubt"]
        return cls.PARTLY_DONE if open_ends or len(document["set_aside"]) else cls.DONE
