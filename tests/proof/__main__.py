"""Plays random histories among failures and checks every one from outside: `make proof`.

    python tests/proof [--seed N] [--histories N] [--minutes M] [--length N] [--workers N]

With a seed alone that history is replayed, and told. Histories of a seed are always the same; their
circumstances too: odd seeds are played on PostgreSQL, even ones on SQLite, and one in five in real
time. The result is written to data/PROOF.md with `--report`. Ctrl-C ends the run once the histories
that are being played have ended; what was played counts.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count, islice, takewhile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(ROOT), str(HERE.parent / "bench")]

from crew import verdicts  # noqa: E402 - found just now
from own_postgres import SERVER, running_postgres  # noqa: E402
from proof_report import summary, write_report  # noqa: E402
from worker import Stage, play_seed  # noqa: E402


def main() -> int:
    """Play, and say what was found; 1 if anything was."""
    asked = _arguments()
    if asked.worker:
        return _work(asked)
    if asked.seed is not None and asked.histories is None and asked.minutes is None:
        asked.histories = 1
    started_s = time.monotonic()
    with running_postgres("fsync=off", "max_connections=100"):
        workers = 1 if asked.histories == 1 else asked.workers
        command = [sys.executable, str(HERE), *sys.argv[1:], "--worker"]
        found = [_shown(one, asked) for one in verdicts(command, _seeds(asked), workers)]
    seconds = time.monotonic() - started_s
    say(summary(found, seconds))
    if asked.report:
        write_report(ROOT / "data", found, seconds)
    return int(any(one["problems"] for one in found))


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, help="the first history; alone: only this one")
    parser.add_argument("--histories", type=int, help="how many; 20 unless minutes are given")
    parser.add_argument("--minutes", type=float, help="for how long")
    parser.add_argument("--length", type=int, default=24, help="events of each, about")
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 2))
    parser.add_argument("--plays", type=int, default=25, help="plays to shorten a failing history")
    parser.add_argument("--report", action="store_true", help="write data/PROOF.md")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _seeds(asked: argparse.Namespace) -> Iterator[int]:
    first = 1 if asked.seed is None else asked.seed
    histories = asked.histories or (None if asked.minutes else 20)
    until_s = time.monotonic() + asked.minutes * 60 if asked.minutes else float("inf")
    stopped = threading.Event()

    def stop(*_: object) -> None:
        stopped.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a second one ends it at once

    signal.signal(signal.SIGINT, stop)
    return takewhile(
        lambda _: not stopped.is_set() and time.monotonic() < until_s,
        islice(count(first), histories),
    )


def _work(asked: argparse.Namespace) -> int:
    """Play the seeds that come, a line each, and write each verdict on a line of its own."""
    with Stage(os.environ[SERVER]) as stage:
        for line in sys.stdin:
            verdict = play_seed(stage, int(line), length=asked.length, plays=asked.plays)
            say(json.dumps(verdict.as_json()))
    return 0


def _shown(verdict: dict[str, Any], asked: argparse.Namespace) -> dict[str, Any]:
    """Print how a history ended: all of it if it is the only one, or if it failed."""
    where = f"{verdict['database']}, {'real' if verdict['real'] else 'simulated'} time"
    ended = "FAILS" if verdict["problems"] else "holds"
    say(f"{verdict['seed']:>6}  {ended}  {where}, {verdict['seconds']:.0f} s")
    if verdict["problems"] or asked.histories == 1:
        say("\n".join(f"        {line}" for line in verdict["told"]))
        say("\n".join(f"     !  {line}" for line in verdict["problems"]))
    return verdict


if __name__ == "__main__":
    sys.exit(main())
