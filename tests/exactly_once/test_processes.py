"""Real processes: the installed command, killed at random, and many at once, on both databases.

What a process leaves behind is then settled and sent by others, and the stand-in's own books are
held against the plan: nothing lost, nothing doubled.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from transforms.settling import content_of

COMMAND = str(Path(sys.executable).parent / "clockbooks")
WEEK = ("--start", "2026-03-02", "--end", "2026-03-06")
SERVER = "postgresql+psycopg://postgres@127.0.0.1:5432"

#: A stand-in stops soon after its caller is gone, so doubts are soon ripe for settling.
QUICK = {
    "CLOCKBOOKS_LEASE_S": "1",
    "CLOCKBOOKS_QBO_AT_WORK_S": "1",
    "CLOCKBOOKS_QBO_BATCH_SIZE": "4",
    "CLOCKBOOKS_QBO_CONCURRENCY": "3",
    "CLOCKBOOKS_QBO_TIMEOUT_S": "5",
    "CLOCKBOOKS_TIMEZONE": "UTC",
    "CLOCKBOOKS_SECRET_KEY": "a key for both databases of the test",
}

FAULTS: list[dict[str, Any]] = [
    {"kind": "drop_before"},
    {"kind": "drop_after"},
    {"kind": "cut"},
    {"kind": "answer", "status": 503},
    {"kind": "answer_after", "status": 504},
    {"kind": "answer", "status": 200, "body": '{"BatchItemResponse":[]}'},
]

MEMORIES: dict[str, dict[str, bool]] = {
    "remembers": {},
    "forgets": {"remembers_request_ids": False},
}


@contextmanager
def database(kind: str) -> Iterator[dict[str, str]]:
    """Give the setting of a fresh database; PostgreSQL must be there, it is never skipped."""
    if kind == "sqlite":
        yield {}  # the house's own file
        return
    name = f"clockbooks_{uuid4().hex}"
    server = sa.create_engine(f"{SERVER}/postgres", isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield {"CLOCKBOOKS_DATABASE_URL": f"{SERVER}/{name}"}
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@pytest.fixture
def larger_world(small_world: dict[str, Any]) -> dict[str, Any]:
    """Give the small world with sixty entries: batches enough to be killed among."""
    models = list(small_world["clockify"]["entries"])
    for number in range(100, 154):
        model = models[number % len(models)]
        entry = model | {"id": f"64ee{number:020d}", "description": f"Row {number % 27}"}
        small_world["clockify"]["entries"].append(entry)
    return small_world


def start(house: Any, settings: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """Start the installed command, as a user or a schedule would."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    return subprocess.Popen(
        [COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=house.folder,
        env={**kept, **house.environment, **QUICK, **settings},
    )


def wait_until(true: Callable[[], bool], *, at_most_s: float) -> None:
    """Wait for something to happen; not for a time."""
    end_s = time.monotonic() + at_most_s
    while not true() and time.monotonic() < end_s:
        time.sleep(0.002)  # between two looks


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for a process, and give its exit code and all that it said."""
    out, err = process.communicate(timeout=120)
    return process.returncode, out + err


def come_to_rest(house: Any, settings: dict[str, str]) -> None:
    """Let others settle and send until nothing is in doubt any more."""
    house.quickbooks.faults.clear()
    for _ in range(12):
        code, said = end(start(house, settings, "send", *WEEK, "--yes", "--json"))
        if code == 0:
            return
        assert code in {1, 3}, said
        assert "Traceback" not in said
    raise AssertionError(f"it never came to rest: {said}")


def check(house: Any, settings: dict[str, str], plan: Counter[Any]) -> None:
    """Hold the books against the plan, and the ledger against the books."""
    activities = house.quickbooks.activities
    assert Counter(content_of(activity) for activity in activities.values()) == plan
    code, said = end(start(house, settings, "entries", "--state", "sent", "--json"))
    assert code == 0, said
    ids = [entry["time_activity_id"] for entry in json.loads(said)["entries"]]
    assert Counter(ids) == Counter(list(activities))


@pytest.fixture
def prove(
    larger_world: dict[str, Any], open_street: Callable[..., Any], tmp_path: Path
) -> Iterator[Callable[..., Any]]:
    """Give a way to run a proof against a connected pair of services, and to check it after."""
    with open_street() as build:

        def plan() -> Counter[Any]:
            folder = tmp_path / "plan"
            folder.mkdir()
            house = build(larger_world, folder)
            prepare(house, {})
            assert end(start(house, {}, "send", *WEEK, "--yes"))[0] == 0
            return Counter(content_of(found) for found in house.quickbooks.activities.values())

        def prepare(house: Any, settings: dict[str, str]) -> None:
            assert house.connect(**QUICK, **settings).code == 0
            assert house.run("sync", **QUICK, **settings).code == 0

        wanted = plan()
        assert wanted.total() == 60
        assert max(wanted.values()) > 1, "there are twins among them"

        def run(kind: str, act: Callable[[Any, dict[str, str]], None], **switches: Any) -> None:
            folder = tmp_path / uuid4().hex
            folder.mkdir()
            house = build(larger_world, folder, latency_s=0.01, **switches)
            with database(kind) as settings:
                prepare(house, settings)
                act(house, settings)
                come_to_rest(house, settings)
                check(house, settings, wanted)

        yield run


def kill_at_random(kills: int, seed: int) -> Callable[[Any, dict[str, str]], None]:
    """Give an act: so many runs, each killed when QuickBooks has got so far, among faults."""
    dice = random.Random(seed)  # noqa: S311 - for a repeatable test

    def act(house: Any, settings: dict[str, str]) -> None:
        for _ in range(kills):
            if dice.random() < 0.7:
                fault = dice.choice(FAULTS)
                house.quickbooks.faults.plan("POST .*/batch", skip=dice.randrange(3), **fault)
            asked = len(house.quickbooks.requests)
            further = dice.randrange(1, 12)
            process = start(house, settings, "send", *WEEK, "--yes")
            wait_until(
                lambda asked=asked, further=further, process=process: (
                    len(house.quickbooks.requests) >= asked + further or process.poll() is not None
                ),
                at_most_s=20,
            )
            process.kill()
            process.communicate()

    return act


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_few_kills(prove: Callable[..., Any], kind: str) -> None:
    """Three processes killed at random, among faults: nothing lost, nothing doubled."""
    prove(kind, kill_at_random(3, seed=7))


@pytest.mark.slow
@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_many_kills(prove: Callable[..., Any], kind: str, memory: str) -> None:
    """Sixty kills in all, in twelve histories, on both databases, remembered or forgotten."""
    for seed in range(3):
        prove(kind, kill_at_random(5, seed=seed), **MEMORIES[memory])


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_four_at_once(prove: Callable[..., Any], kind: str) -> None:
    """Four processes that send the same days at the same time book each entry once."""

    def act(house: Any, settings: dict[str, str]) -> None:
        processes = [start(house, settings, "send", *WEEK, "--yes", "--json") for _ in range(4)]
        for process in processes:
            code, said = end(process)
            assert code in {0, 3}, said
            assert "Traceback" not in said
            assert "locked" not in said

    prove(kind, act)
