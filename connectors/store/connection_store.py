"""Everything that the database holds for one connection, opened once for a run."""

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from connectors.store.adoptions import Adoptions
from connectors.store.books import CompanyBooks
from connectors.store.changes import Changes
from connectors.store.claims_in_doubt import Doubts
from connectors.store.connection_settings import ConnectionSettings
from connectors.store.credentials import Credentials
from connectors.store.drift import Drift
from connectors.store.entry_contents import EntryContents
from connectors.store.history import History
from connectors.store.last_outcomes import LastOutcomes
from connectors.store.ledger import Ledger
from connectors.store.lines import Lines
from connectors.store.links import Links
from connectors.store.list_copies import ListCopies
from connectors.store.marks import Marks
from connectors.store.open_claims import OpenClaims
from connectors.store.parts import Parts
from connectors.store.pay_types import PayTypes
from connectors.store.payroll import PayrollAnswers
from connectors.store.plans import Plans
from connectors.store.rules import Rules
from connectors.store.run_locks import RunLocks
from connectors.store.runs import Runs
from connectors.store.sent_entries import SentEntries
from connectors.store.unknown_time import UnknownTime


class ConnectionStore:
    """What belongs to one connection, each part bound to it; see `ConnectionScope`."""

    def __init__(self, engine: sa.Engine, connection_id: int, now: Callable[[], datetime]) -> None:
        """Bind everything to a database, a connection and a clock."""
        scope = (engine, connection_id, now)
        self.engine = engine
        self.ledger = Ledger(*scope)
        self.changes = Changes(*scope)
        self.sent = SentEntries(*scope)
        self.drift = Drift(*scope)
        self.doubts = Doubts(*scope)
        self.open_claims = OpenClaims(*scope)
        self.parts = Parts(*scope)
        self.lines = Lines(*scope)
        self.books = CompanyBooks(*scope)
        self.payroll = PayrollAnswers(*scope)
        self.contents = EntryContents(*scope)
        self.outcomes = LastOutcomes(*scope)
        self.history = History(*scope)
        self.links = Links(*scope)
        self.list_copies = ListCopies(*scope)
        self.marks = Marks(*scope)
        self.rules = Rules(*scope)
        self.pay_types = PayTypes(*scope)
        self.plans = Plans(*scope)
        self.run_lock = RunLocks(*scope)
        self.settings = ConnectionSettings(*scope)
        self.credentials = Credentials(*scope)
        self.runs = Runs(*scope)
        self.unknown_time = UnknownTime(*scope)
        self.adoptions = Adoptions(*scope)
