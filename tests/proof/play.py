"""Puts one company after another behind the two addresses, on either database, and plays there."""

import os
import random
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import psycopg
import sqlalchemy as sa
from checker import Evidence
from desk import Desk
from events import MEMORIES, PERMISSIVE
from people import PeopleAtWork
from performance import COMMANDS, CONNECT, PATIENCE_S, Performance, connection_of
from processes import Zygote
from world import ADA, DAYS, TEXTS, Servers, World

#: For so long a database takes no connection while it restarts, in seconds.
DOWN_S = 0.5

#: A company in which the commands run once, so that no process has to fill their caches again.
REHEARSAL = {
    "memory": "for ever",
    "permissive": False,
    "approved_only": False,
}


@dataclass
class Player:
    """Plays histories against one pair of servers, with commands from one zygote.

    Attributes:
        servers: Where the worlds are put.
        zygote: Starts the commands.
        postgres: The address of a PostgreSQL server; `None` where there is none.
        dice: For what is left to chance in real time.
        counts: What was played so far.
        open_desk: Starts a Prefect server, where plans are reviewed.
    """

    servers: Servers
    zygote: Zygote
    postgres: str | None = None
    dice: random.Random = field(default_factory=random.Random)
    counts: Counter[str] = field(default_factory=Counter)
    open_desk: Callable[[], Desk] | None = None
    number: int = 0
    _templates: dict[str, Any] = field(default_factory=dict)
    _down: threading.Timer | None = None
    _desk: Desk | None = None

    @property
    def desk(self) -> Desk:
        """Where plans are reviewed: opened when the first history wants one."""
        if self._desk is None:
            assert self.open_desk is not None
            self._desk = self.open_desk()
        return self._desk

    def play(self, history: Mapping[str, Any]) -> Evidence:
        """Play a history to its end, and return what is known of it then."""
        if not self.number:
            self._rehearse()
        self.number += 1
        with ExitStack() as stack:
            performance = Performance(self, history, self._open(history, stack))
            evidence = performance.play()
        shutil.rmtree(performance.world.folder, ignore_errors=True)
        return evidence

    def _rehearse(self) -> None:
        for database in ["sqlite", "postgresql"][: 1 + bool(self.postgres)]:
            self.number += 1
            with ExitStack() as stack:
                world = self._open(REHEARSAL | {"database": database}, stack)
                world.track(ADA, DAYS[0], 30, TEXTS[0])
                for name in ("send", "reconcile", "adopt"):
                    self._run_in_zygote(world, COMMANDS[name])

    def _open(self, history: Mapping[str, Any], stack: ExitStack) -> World:
        """Put a company there, connected and synced: the first of its kind is copied later."""
        database, has_neighbor = history["database"], history.get("neighbor", False)
        kind = database, has_neighbor
        switches = MEMORIES[history["memory"]] | (PERMISSIVE if history["permissive"] else {})
        url = None
        if database == "postgresql":
            url = stack.enter_context(self._database(self._templates.get(kind, [None])[0]))
        world = self.servers.world(
            f"world-{self.number}", url, has_neighbor=has_neighbor, **switches
        )
        if kind in self._templates:
            _, files, consents = self._templates[kind]
            for file, data in files.items():
                (world.folder / file).touch(mode=0o600)
                (world.folder / file).write_bytes(data)
            world.quickbooks.oauth._consents = deepcopy(consents)  # noqa: SLF001 - as they were
        else:
            self._connect(world)
            files = {one.name: one.read_bytes() for one in world.folder.glob("clockbooks.*")}
            kept = self._keep(url, has_neighbor) if url else None
            consents = deepcopy(world.quickbooks.oauth._consents)  # noqa: SLF001
            self._templates[kind] = kept, files, consents
        if history.get("split"):
            world.environment["CLOCKBOOKS_SPLIT"] = "midnight"
            world.splits = True
        if history.get("lines"):
            world.environment["CLOCKBOOKS_LINE_PER"] = "day"
            world.joins = True
        if history["approved_only"]:
            world.environment["CLOCKBOOKS_APPROVED_ONLY"] = "true"
        return world

    def _connect(self, world: World) -> None:
        people = PeopleAtWork(world)
        for neighbor in [False, True][: 1 + bool(world.neighbor)]:
            people.allow()
            for command in (CONNECT, ("sync",)):
                self._run_in_zygote(world, command, neighbor=neighbor)

    def _run_in_zygote(
        self, world: World, command: Sequence[str], *, neighbor: bool = False
    ) -> None:
        process = self.zygote.start(
            [*command, *connection_of(world, neighbor=neighbor)],
            world.settings(neighbor=neighbor),
            world.folder,
            fork=False,
        )
        process.ended.wait(PATIENCE_S)

    # --- PostgreSQL

    @contextmanager
    def _database(self, template: str | None) -> Iterator[str]:
        """Make a database for a block, empty or as *template*; yield its address."""
        name = f"clockbooks_proof_{os.getpid()}_{self.number}"
        copied = f' TEMPLATE "{template}"' if template else ""
        self._on_server(f'CREATE DATABASE "{name}"{copied}')
        try:
            address = sa.make_url(self.postgres or "").set(database=name)
            yield address.render_as_string(hide_password=False)
        finally:
            self._on_server(f'DROP DATABASE "{name}" WITH (FORCE)')

    def _keep(self, url: str, has_neighbor: bool) -> str:  # noqa: FBT001 - of a kind
        name = f"clockbooks_proof_{os.getpid()}_template_{has_neighbor:d}"
        self._on_server(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        self._on_server(f'CREATE DATABASE "{name}" TEMPLATE "{sa.make_url(url).database}"')
        return name

    def _on_server(self, statement: str) -> None:
        address = sa.make_url(self.postgres or "").set(database="postgres", drivername="postgresql")
        with psycopg.connect(address.render_as_string(False), autocommit=True) as server:
            server.execute(statement)  # type: ignore[arg-type]

    def restart(self, url: str) -> None:
        """End every connection to a database and take none for a moment, as in a restart."""
        database = sa.make_url(url).database
        allow = f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS'
        self._on_server(f"{allow} false")
        self._down = threading.Timer(DOWN_S, self._on_server, [f"{allow} true"])
        self._down.start()
        self._on_server(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        )

    def wait_for_restart(self) -> None:
        """Wait until the database takes connections again."""
        if self._down is not None:
            self._down.join()

    def close(self) -> None:
        """Drop what was kept."""
        for name, _, _ in self._templates.values():
            if name:
                self._on_server(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
