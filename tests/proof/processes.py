"""Starts commands as processes, kills them and suspends them, and reads what they say."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

HERE = Path(__file__).parent


@dataclass
class Process:
    """A command at work.

    Attributes:
        pid: Its number.
        ended: Set once it has ended, however.
        code: How it ended: minus the signal's number, if it was killed.
    """

    arguments: Sequence[str]
    pid: int = 0
    code: int | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    texts: list[str] = field(default_factory=lambda: ["", ""])

    @property
    def out(self) -> str:
        """What it wrote on standard output; complete once it has ended."""
        return self.texts[0]

    @property
    def err(self) -> str:
        """What it wrote on standard error."""
        return self.texts[1]

    def kill(self) -> None:
        """End it at once: nothing of it runs any more, not even its clean-up."""
        with suppress(ProcessLookupError):  # it has just ended by itself
            os.kill(self.pid, signal.SIGKILL)

    def suspend(self) -> None:
        """Stop it where it is, as a laptop's lid does."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on as if no time had passed."""
        os.kill(self.pid, signal.SIGCONT)

    def fill_disk(self, pages: int, largest: int) -> None:
        """Let it write no file beyond *largest* bytes and some pages more."""
        limit = largest + pages * 4096
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (limit, limit))


class Zygote:
    """Starts the command in forks of one process that has imported it; see `zygote.py`."""

    def __init__(self, clocks: Sequence[Path] = ()) -> None:
        """Import the command; with *clocks*, its time is simulated."""
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        command = [sys.executable, str(HERE / "zygote.py"), str(theirs.fileno()), *map(str, clocks)]
        root = HERE.parent.parent
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=root)
        theirs.close()

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        fork: bool = True,
    ) -> Process:
        """Start the command; without *fork* it runs in the zygote, and warms it."""
        process = Process(arguments)
        reads, writes = zip(os.pipe(), os.pipe(), strict=True)
        asked = {
            "arguments": list(arguments),
            "environment": dict(environment),
            "folder": str(folder),
            "fork": fork,
        }
        with self._lock:
            socket.send_fds(self._channel, [json.dumps(asked).encode()], list(writes))
            for file in writes:
                os.close(file)
            if fork:
                process.pid = json.loads(self._channel.recv(64))
        threading.Thread(target=self._read, args=(process, reads, fork), daemon=True).start()
        return process

    def _read(self, process: Process, files: Sequence[int], fork: bool) -> None:  # noqa: FBT001
        readers = [
            threading.Thread(target=self._read_one, args=(process, nth, file), daemon=True)
            for nth, file in enumerate(files)
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
        with self._lock:
            if fork:
                self._channel.send(json.dumps({"reap": process.pid}).encode())
            process.code = json.loads(self._channel.recv(64))
        process.ended.set()

    def _read_one(self, process: Process, nth: int, file: int) -> None:
        with os.fdopen(file, encoding="utf-8", errors="replace") as stream:
            process.texts[nth] = stream.read()

    def close(self) -> None:
        """End it; processes that are still at work are killed by whoever started them."""
        self._channel.close()
        self._process.terminate()
        self._process.wait(timeout=60)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()
