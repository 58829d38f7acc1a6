"""A list that may be longer than memory: kept on disk beyond a size."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")

#: Bytes that stay in memory.
IN_MEMORY = 16 * 2**20


class Spool(Generic[Item]):
    """Items that are written once and read any number of times.

    The file has no name: nobody else can open it, and it is gone when the process ends.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - see `close`
        self._length = 0

    def extend(self, items: Iterable[Item]) -> None:
        """Add items at the end."""
        self._file.seek(0, 2)
        for item in items:
            pickle.dump(item, self._file, protocol=pickle.HIGHEST_PROTOCOL)
            self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Item]:
        position = 0
        for _ in range(self._length):
            self._file.seek(position)  # another reader may have been elsewhere
            item: Item = pickle.load(self._file)  # noqa: S301 - nobody else can write to it
            position = self._file.tell()
            yield item

    def close(self) -> None:
        """Delete the list."""
        self._file.close()
