"""How long `clockbooks audit verify` takes and how much memory it holds, as the history grows.

Each entry was claimed and sent, so the ledger has half as many entries as the history has rows.
"""

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sync_bench import Cost, _run

from connectors.database import changing, open_database
from connectors.encryption import Vault
from connectors.intuit.oauth_app import Tokens
from connectors.store.actors import Actor
from connectors.store.chain import of_ledger
from connectors.store.connection_store import ConnectionStore
from connectors.store.connections import Joined, store_connection
from schemas.tables import batches, ledger
from schemas.words import ActorKind, Event, LedgerState, Operation, Proof

#: Rows of the histories that are verified, and entries that are filled in at once.
ROWS, AT_ONCE = [100_000, 1_000_000], 5000

_NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
_BODY = (
    '{{"TxnDate":"2026-03-02","NameOf":"Employee","EmployeeRef":{{"value":"55"}},"CustomerRef":'
    '{{"value":"21"}},"BillableStatus":"Billable","HourlyRate":75.5,"Hours":1,"Minutes":0,'
    '"Description":"Drawings of the kitchen, round {}"}}'
)


def verifying() -> Iterator[str]:
    """Measure, and yield the table line by line."""
    yield "## Audit: `clockbooks audit verify`, by rows of the history"
    yield ""
    yield "| rows | s | CPU s | peak MiB | peak / at the row before | target |"
    yield "| --- | --- | --- | --- | --- | --- |"
    before = None
    for rows in ROWS:
        cost = cost_of(rows)
        ratio = f"{cost.peak_mib / before:.2f}" if before else ""
        target = "≤ 10 s, ≤ 1.3" if before else ""
        yield (
            f"| {rows:,} | {cost.wall_s:.1f} | {cost.cpu_s:.1f} | {cost.peak_mib:.0f} | {ratio} |"
            f" {target} |"
        )
        before = cost.peak_mib
    yield ""
    yield "SQLite; the ledger has half as many entries. Each is compared with its event; from"
    yield "100,000 rows on, in a second process. The peak is that of the larger process."


def cost_of(rows: int) -> Cost:
    """Return what it costs to verify a history of so many rows."""
    with tempfile.TemporaryDirectory() as name:
        url = f"sqlite:///{name}/clockbooks.db"
        engine = open_database(url)
        _fill(engine, rows // 2)
        engine.dispose()
        environment = {"PATH": os.environ["PATH"], "CLOCKBOOKS_DATABASE_URL": url}
        return _run(("audit", "verify", "--json"), environment, Path(name))


def _fill(engine: sa.Engine, entries: int) -> None:
    vault = Vault("T3J0kV8m0M0y0m0xq0n9p0Q4v7m3u2y1a0b9c8d7e6s=")
    tokens = Tokens("access", _NOW, "refresh", None)
    joined = Joined("w1", "Studio", "1", "Studio Ltd", "UTC", "key", tokens)
    own = store_connection(engine, "studio", joined, vault=vault, now=_NOW).id
    store = ConnectionStore(engine, own, lambda: _NOW)
    run_id = store.runs.start(timedelta(hours=1), Actor(ActorKind.USER, "ann"))
    batch = {"request_id": "past", "connection_id": own, "run_id": run_id, "fingerprint": ""}
    told: dict[str, Any] = {"run_id": run_id, "request_id": "past", "operation": Operation.CREATE}
    with changing(engine) as connection:
        connection.execute(batches.insert().values(**batch, claimed_at=_NOW))
        for first in range(0, entries, AT_ONCE):
            last = min(first + AT_ONCE, entries)
            sent = [_sent(own, run_id, number) for number in range(first, last)]
            connection.execute(ledger.insert(), sent)
            rows = [of_ledger(row) for row in sent]
            claimed = [row | {"time_activity_id": None} for row in rows]
            store.history.add(connection, Event.CLAIMED, claimed, **told)
            store.history.add(connection, Event.SENT, rows, **told)


def _sent(connection_id: int, run_id: str, number: int) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "entry_id": f"64ee{number * 7919 % 10**6:020d}",  # ids come in no order
        "state": LedgerState.SENT,
        "run_id": run_id,
        "request_id": "past",
        "bid": str(number),
        "body": _BODY.format(number),
        "minutes": 60,
        "txn_date": "2026-03-02",
        "time_activity_id": str(number),
        "sync_token": "0",
        "proof": Proof.ANSWER,
        "changed_at": _NOW,
    }
