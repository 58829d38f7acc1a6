"""Lets months pass in a house's Prefect database: `prefect_season.py BEFORE HOURLY NIGHTLY DAYS`.

What runs really left there is copied to each hour and each night, and at the end of each day
Prefect's own vacuum cleans up by the settings of `clockbooks ui`, which may be at work meanwhile.
BEFORE is a copy of the database before any run, HOURLY one after a run of an hourly schedule, and
NIGHTLY one after those of a night. A line of input lets a day begin and is answered at its end;
after the last, prints what came of it as JSON.
"""

import asyncio
import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from flows.operations.home import Address, Home
from flows.settings import read_settings

#: The tables that grow with each run.
GROWING = {
    "flow_run", "flow_run_state", "task_run", "task_run_state", "log", "artifact",
    "events", "event_resources", "automation_held_event",
}  # fmt: skip

#: Those that have a row for each run under way, or for each page that is shown.
STEADY = {"automation_bucket", "artifact_collection"}

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")

Rows = dict[str, dict[str, dict[str, Any]]]


def rows_of(path: Path) -> Rows:
    """Return all rows by table and id."""
    with sqlite3.connect(path) as database:
        database.row_factory = sqlite3.Row
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master")]
        found: Rows = {}
        for name in names:
            columns = [row["name"] for row in database.execute(f'PRAGMA table_info("{name}")')]
            if "id" in columns:
                rows = database.execute(f'SELECT * FROM "{name}"')
                found[name] = {row["id"]: dict(row) for row in rows}
    return found


def added(before: Rows, after: Rows) -> Rows:
    """Return the rows that runs left between two looks, and see that no other table grows."""
    new = {
        table: {id_: row for id_, row in rows.items() if id_ not in before.get(table, {})}
        for table, rows in after.items()
    }
    grown = {table for table, rows in new.items() if rows}
    assert grown <= GROWING | STEADY, grown
    return {table: rows for table, rows in new.items() if table in GROWING}


class Season:
    """A database in which runs are copied to later times."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = sqlite3.connect(path, timeout=60)  # `clockbooks ui` writes, too
        self.copied = 0
        self.peak_bytes = 0

    def copy(self, rows: Rows, by: timedelta) -> None:
        """Let the same runs happen again, later by some time."""
        self.copied += 1
        ids = {id_ for table in rows.values() for id_ in table}

        def other(found: re.Match[str]) -> str:
            return (
                str(uuid5(NAMESPACE_OID, f"{self.copied} {found[0]}"))
                if found[0] in ids
                else found[0]
            )

        def changed(value: Any) -> Any:
            if not isinstance(value, str):
                return value
            if _INSTANT.fullmatch(value):
                return str(datetime.fromisoformat(value) + by)
            return _ID.sub(other, value)

        for table, found in rows.items():
            for row in found.values():
                marks = ", ".join("?" * len(row))
                names = ", ".join(f'"{name}"' for name in row)
                self.database.execute(
                    f'INSERT INTO "{table}" ({names}) VALUES ({marks})',
                    [changed(value) for value in row.values()],
                )
        self.database.commit()

    def end_day(self) -> None:
        """Note how large the database is."""
        self.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.peak_bytes = max(self.peak_bytes, self.path.stat().st_size)

    def kept(self) -> dict[str, int]:
        """Count the rows that are there."""
        tables = sorted(GROWING | STEADY)
        counts = [self.database.execute(f'SELECT count(*) FROM "{one}"') for one in tables]
        return {one: count.fetchone()[0] for one, count in zip(tables, counts, strict=True)}


def cleaners() -> Iterator[Callable[..., Any]]:
    """Yield what Prefect's vacuum does, as far as the settings let it."""
    from prefect.server.services import db_vacuum
    from prefect.settings.context import get_current_settings

    does: Mapping[str, list[Callable[..., Any]]] = {
        "flow_runs": [db_vacuum.vacuum_old_flow_runs],
        "events": [db_vacuum.vacuum_events_with_retention_overrides, db_vacuum.vacuum_old_events],
        "orphans": [
            db_vacuum.vacuum_orphaned_logs,
            db_vacuum.vacuum_orphaned_artifacts,
            db_vacuum.vacuum_stale_artifact_collections,
        ],
    }
    for what in get_current_settings().server.services.db_vacuum.enabled_vacuum_types:
        yield from does[what]


async def live(season: Season, hourly: Rows, nightly: Rows, days: int) -> None:
    """Let days pass, the last of them today: a run each hour, the nightly ones, then the vacuum.

    What happens in earnest meanwhile is of today, and so the vacuum leaves it alone.
    """
    from prefect.server.database import provide_database_interface
    from prefect.server.services import db_vacuum

    began, hour = datetime.now(UTC) - timedelta(days=days + 1), timedelta(hours=1)
    clean, database = list(cleaners()), provide_database_interface()
    for day in range(1, days + 1):
        input()  # noqa: ASYNC250 - nothing else is to happen meanwhile
        for nth in range(24):
            season.copy(hourly, timedelta(days=day - days - 1) + nth * hour)
        season.copy(nightly, timedelta(days=day - days - 1))
        season.end_day()
        today = began + timedelta(days=day + 1)
        db_vacuum.now = lambda _zone, today=today: today
        for cleaner in clean:
            await cleaner(db=database)
        season.end_day()
        print(day, flush=True)  # noqa: T201 - see the module


def main(before: str, hourly: str, nightly: str, days: str) -> None:
    """See the module."""
    home = Home((read_settings().folder / "prefect").absolute())
    os.environ.update(home.environment(Address("127.0.0.1", 4200)))
    looks = [rows_of(Path(one)) for one in (before, hourly, nightly)]
    season = Season(home.folder / "prefect.db")
    asyncio.run(live(season, added(*looks[:2]), added(*looks[1:]), int(days)))
    season.end_day()
    print(json.dumps({"peak_bytes": season.peak_bytes, "rows": season.kept()}))  # noqa: T201 - its answer


if __name__ == "__main__":
    main(*sys.argv[1:])
