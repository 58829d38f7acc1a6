"""A clock that several processes share: it moves when somebody sleeps, or when it is told to."""

import mmap
import struct
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from time import sleep

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = datetime(2026, 3, 16, 8, tzinfo=UTC)
_MICROSECONDS = struct.Struct("q")

#: Longer than a lease is in histories that are played in real time.
LONGEST_WAIT_S = 1.6


class SharedClock:
    """Simulated time, in a file that each process maps into its memory."""

    def __init__(self, path: Path) -> None:
        """Open the clock at *path*; a new one begins at `START`."""
        is_new = not path.exists()
        with path.open("ab") as file:
            if is_new:
                file.write(bytes(_MICROSECONDS.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), _MICROSECONDS.size)
        if is_new:
            self.set(START)

    def now(self, zone: tzinfo = UTC) -> datetime:
        """Return the time, and let it move a millisecond, as it does."""
        self.sleep(0.001)
        return self.read().astimezone(zone)

    def read(self) -> datetime:
        """Return the time."""
        return EPOCH + timedelta(microseconds=_MICROSECONDS.unpack(self._memory)[0])

    def set(self, time: datetime) -> None:
        """Set it."""
        self._memory[:] = _MICROSECONDS.pack((time - EPOCH) // timedelta(microseconds=1))

    def sleep(self, seconds: float) -> None:
        """Let time pass; less than nothing sets it back."""
        self.set(self.read() + timedelta(seconds=seconds))


class RealClock:
    """The machine's own clock, with which nobody can hurry."""

    def now(self, zone: tzinfo = UTC) -> datetime:
        """Return the time."""
        return datetime.now(zone)

    read = now

    def set(self, time: datetime) -> None:
        """Change nothing: the machine's clock is not ours to set."""

    def sleep(self, seconds: float) -> None:
        """Wait for so long, but never long enough to bore somebody."""
        sleep(min(max(seconds, 0), LONGEST_WAIT_S))
