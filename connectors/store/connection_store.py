"""Everything that the database holds for one connection, opened once for a run."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from connectors.store.books import CompanyBooks
from connectors.store.claims_in_doubt import Doubts
from connectors.store.connection_settings import ConnectionSettings
from connectors.store.credentials import Credentials
from connectors.store.entry_contents import EntryContents
from connectors.store.last_outcomes import LastOutcomes
from connectors.store.ledger import Ledger
from connectors.store.links import Links
from connectors.store.plans import Plans
from connectors.store.run_locks import RunLocks
from connectors.store.runs import Runs


@dataclass(frozen=True)
class ConnectionStore:
    """What belongs to one connection, each part bound to it; see `ConnectionScope`."""

    engine: sa.Engine
    ledger: Ledger
    doubts: Doubts
    books: CompanyBooks
    contents: EntryContents
    outcomes: LastOutcomes
    links: Links
    plans: Plans
    run_lock: RunLocks
    settings: ConnectionSettings
    credentials: Credentials
    runs: Runs

    @classmethod
    def of(
        cls, engine: sa.Engine, connection_id: int, now: Callable[[], datetime]
    ) -> "ConnectionStore":
        """Bind everything to a database, a connection and a clock."""
        scope = (engine, connection_id, now)
        return cls(
            engine,
            ledger=Ledger(*scope),
            doubts=Doubts(*scope),
            books=CompanyBooks(*scope),
            contents=EntryContents(*scope),
            outcomes=LastOutcomes(*scope),
            links=Links(*scope),
            plans=Plans(*scope),
            run_lock=RunLocks(*scope),
            settings=ConnectionSettings(*scope),
            credentials=Credentials(*scope),
            runs=Runs(*scope),
        )
