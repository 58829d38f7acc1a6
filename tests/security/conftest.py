"""What the attacks share: a process with little memory, in which hostile files are read."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

#: Reads one file a line; a fork for each, so that what kills one reader kills no other.
_READER = """
import json, os, resource, sys
from connectors.errors import AskPerson
from connectors.files.reader import open_export

def read(path):
    try:
        with open_export(path) as export:
            rows = [len(chunk.frame) + len(chunk.bad) for chunk in export.chunks()]
        return f"{sum(rows)} rows"
    except AskPerson as error:
        return f"refused: {error}"
    except MemoryError:
        return "died: out of memory"

for line in sys.stdin:
    path, more, cpu_s = json.loads(line)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + more
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
        os.write(write_end, read(path).encode())
        os._exit(0)
    os.close(write_end)
    with open(read_end) as told:
        words = told.read()
    status = os.waitpid(child, 0)[1]
    words = words if status == 0 else f"died: {os.waitstatus_to_exitcode(status)}"
    print(json.dumps(words), flush=True)
"""


@pytest.fixture(scope="session")
def read_in_little_memory() -> Iterator[Callable[..., str]]:
    """Yield a function to read an export in at most *more* bytes beyond an idle process.

    It may take *cpu_s* of the processor, however many others work on the machine.
    It returns `12 rows`, `refused: …` with the words for a person, or `died: …`.
    """
    with subprocess.Popen(
        [sys.executable, "-c", _READER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as reader:  # fmt: skip

        def read(path: Path, more: int = 512 << 20, cpu_s: int = 60) -> str:
            print(json.dumps([str(path), more, cpu_s]), file=reader.stdin, flush=True)
            return json.loads(reader.stdout.readline())

        yield read
        reader.stdin.close()
