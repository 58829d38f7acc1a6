"""Counts what an Intuit app reads from QuickBooks by the month, as Intuit does (FACTS, QBO, 13.2).

Writes are free. In which time zone Intuit's months begin is not known; these are UTC's.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from threading import Lock

import sqlalchemy as sa

from connectors.database import insert_into, writing
from schemas.tables import reads

#: So many reads are added up before the database hears of them; who dies loses no more.
AT_ONCE = 20


@dataclass
class Reads:
    """The reads of one app, over all connections and processes on the database; for any thread."""

    engine: sa.Engine
    client_id: str
    now: Callable[[], datetime]
    _unwritten: int = 0
    _lock: Lock = field(default_factory=Lock)

    def add(self) -> None:
        """Count one read."""
        with self._lock:
            self._unwritten += 1
            if self._unwritten >= AT_ONCE:
                self._write()

    def close(self) -> None:
        """Write what was counted."""
        with self._lock:
            self._write()

    def of_month(self) -> tuple[str, int]:
        """Return this month, YYYY-MM, and how many reads were counted in it so far."""
        self.close()
        key = self._key()
        mine = sa.and_(*(reads.c[name] == value for name, value in key.items()))
        with self.engine.connect() as connection:
            count = connection.scalar(sa.select(reads.c.reads).where(mine))
        return key["month"], count or 0

    def _write(self) -> None:
        if not self._unwritten:
            return
        new = insert_into(self.engine, reads).values(**self._key(), reads=self._unwritten)
        more = {"reads": reads.c.reads + new.excluded.reads}
        with writing(self.engine) as connection:
            connection.execute(
                new.on_conflict_do_update(index_elements=list(reads.primary_key), set_=more)
            )
        self._unwritten = 0

    def _key(self) -> dict[str, str]:
        app = sha256(self.client_id.encode()).hexdigest()
        return {"app": app, "month": f"{self.now():%Y-%m}"}
