"""Runs the command in processes that are forked from one which has imported it.

Starting Python and importing pandas takes a process longer than what most proofs let it do. These
are processes like others: with a memory of their own, and killed like others.
"""

import multiprocessing
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

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


def _run(arguments: Sequence[str], environment: Mapping[str, str], folder: Path, log: str) -> None:
    from flows.cli.main import main

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, stream in enumerate(("out", "err"), start=1):
        path = folder / f"{log}.{stream}"
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    main(list(arguments))


class Forked:
    """A command at work; as far as it goes, what `subprocess.Popen` is.

    Args:
        arguments: Of the command.
        environment: All of its environment.
        folder: Where it runs, and where its outputs go.
        log: The name of its outputs' files, without `.out` and `.err`.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, log: str
    ) -> None:
        self._files = [folder / f"{log}.{stream}" for stream in ("out", "err")]
        self._process = _FORKS.Process(target=_run, args=(arguments, environment, folder, log))
        self._process.start()

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

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: It has not ended.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("clockbooks", timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and return both its outputs."""
        self.wait(timeout)
        out, err = (file.read_text() if file.exists() else "" for file in self._files)
        return out, err

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for its end, as `subprocess.Popen` does."""
        self.wait()
        self._process.close()
