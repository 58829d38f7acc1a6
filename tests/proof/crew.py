"""Hands seeds out to workers, each a process that plays them, and collects their verdicts."""

import json
import selectors
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from worker import unplayed


@dataclass
class Worker:
    """One process, and the seed that it plays.

    Attributes:
        seed: What it plays now; `None` once it has nothing more to do.
    """

    process: subprocess.Popen[str]
    seed: int | None = None

    def hand(self, seed: int | None) -> None:
        """Let it play a seed; without one, let it end."""
        self.seed = seed
        assert self.process.stdin
        if seed is None:
            self.process.stdin.close()
        else:
            self.process.stdin.write(f"{seed}\n")
            self.process.stdin.flush()


def verdicts(
    command: Sequence[str], seeds: Iterator[int], workers: int
) -> Iterator[dict[str, Any]]:
    """Start so many *workers*, and yield verdicts as they come.

    The history at which a worker dies counts as failed, and another worker takes its place.
    """
    with ExitStack() as stack, selectors.DefaultSelector() as answers:

        def hire() -> None:
            process = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            )
            assert process.stdout
            worker = Worker(process)
            answers.register(process.stdout, selectors.EVENT_READ, worker)
            worker.hand(next(seeds, None))

        for _ in range(workers):
            hire()
        while answers.get_map():
            for key, _ in answers.select():
                worker, line = key.data, key.fileobj.readline()  # type: ignore[union-attr]
                if line:
                    yield json.loads(line)
                    worker.hand(next(seeds, None))
                    continue
                answers.unregister(key.fileobj)
                if worker.seed is not None:
                    yield unplayed(worker.seed).as_json()
                    hire()
