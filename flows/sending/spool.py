"""A list of a document's objects that may be longer than memory: kept on disk beyond a size."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

#: Bytes that stay in memory.
IN_MEMORY = 16 * 2**20


class Spool:
    """JSON objects, written once and read any number of times.

    The file, if it comes to one, has no name: nobody else can open it, and it is gone with us.
    """

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - see `close`
        self._length = 0

    def extend(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Add objects at the end."""
        self._file.seek(0, 2)
        for one in objects:
            self._file.write(json.dumps(one, ensure_ascii=True).encode() + b"\n")
            self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[dict[str, Any]]:
        place = 0
        while True:
            self._file.seek(place)  # another reader may have been elsewhere
            line = self._file.readline()
            if not line:
                return
            place += len(line)
            yield json.loads(line)

    def close(self) -> None:
        """Forget everything."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
