"""Runs the command in processes that are forked from one which has imported it.

Starting Python and importing pandas takes a process longer than what most proofs let it do. These
are processes like others: with a memory of their own, and killed like others.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Self

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "pytest",
        "flows.cli.main",
        "flows.sending.send",
        "flows.sending.settle_doubts",
        "flows.directory.sync",
    ]
)


def _run(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    log: str,
    streams: Mapping[int, Connection],
) -> None:
    from flows.cli.main import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as at a terminal, wherever tests run
    for number, stream in enumerate(("out", "err"), start=1):
        path = folder / f"{log}.{stream}"
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    for number, end in streams.items():
        os.dup2(end.fileno(), number)
    for end in {*streams.values()}:
        end.close()
    if 0 in streams:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - multiprocessing closes its own
    main(list(arguments))


class Forked:
    """A command at work; as far as it goes, what `subprocess.Popen` is.

    Args:
        arguments: Of the command.
        environment: All of its environment.
        folder: Where it runs, and where its outputs go.
        log: The name of its outputs' files, without `.out` and `.err`.
        talks: Whether the caller talks with it: by `stdin` and `stderr`, as with `subprocess.PIPE`.
        terminal: The file descriptor of the terminal at which it runs, if any: all three streams.
    """

    stdin: IO[str]
    stderr: IO[str]

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        log: str,
        *,
        talks: bool = False,
        terminal: int | None = None,
    ) -> None:
        self._files = [folder / f"{log}.{stream}" for stream in ("out", "err")]
        self._talks = talks
        streams: dict[int, Connection] = {}
        ends: list[Connection] = []
        if terminal is not None:
            ends = [Connection(os.dup(terminal))]
            streams = dict.fromkeys(range(3), ends[0])
        if talks:
            (reads, ours), (hears, writes) = _FORKS.Pipe(False), _FORKS.Pipe(False)
            self.stdin = os.fdopen(os.dup(ours.fileno()), "w")
            self.stderr = os.fdopen(os.dup(hears.fileno()))
            streams, ends = {0: reads, 2: writes}, [reads, ours, hears, writes]
        self._process = _FORKS.Process(
            target=_run, args=(arguments, environment, folder, log, streams)
        )
        self._process.start()
        for end in ends:
            end.close()

    @property
    def returncode(self) -> int | None:
        """How it ended: minus the signal's number, if it was killed."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return how it ended, or `None` while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """Kill it."""
        self._process.kill()

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        assert self._process.pid
        os.kill(self._process.pid, signal.SIGINT)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It has not ended.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("clockbooks", timeout or 0)
        return self._process.exitcode

    def communicate(self, text: str | None = None, timeout: float | None = None) -> tuple[str, str]:
        """Say *text* to it, wait for its end, and return both its outputs."""
        told = None
        if self._talks:
            with self.stdin as stdin, self.stderr as stderr:
                stdin.write(text or "")
                stdin.close()
                told = stderr.read()
        self.wait(timeout)
        out, err = (file.read_text() if file.exists() else "" for file in self._files)
        return out, err if told is None else told

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for its end, as `subprocess.Popen` does."""
        self.wait()
        self._process.close()
