"""What the ledgers know of time that was handed to a company while it had payroll.

All connections to the company share it. Whether QuickBooks takes such time is written nowhere for
sure (FACTS, QBO, 6.3 and 13.1): it is known once it has taken some.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from connectors.errors import TryAgain
from connectors.store.scope import ConnectionScope
from schemas.tables import batches, ledger, runs
from schemas.words import LedgerState, TimeKind

#: How a TimeActivity of ours names an employee, and a pay type.
_EMPLOYEE, _PAY_TYPE = '"NameOf":"Employee"', '"PayrollItemRef":'


@dataclass(frozen=True)
class PayrollRefusal:
    """Time that QuickBooks refused while the company had payroll.

    Attributes:
        fault: QuickBooks' own words.
        at: When, UTC.
    """

    fault: str
    at: datetime


class PayrollAnswers(ConnectionScope):
    """What QuickBooks answered the company of one connection since it has payroll."""

    def taken_at(self, kind: TimeKind) -> datetime | None:
        """Return when QuickBooks was last handed time that it has taken, UTC; `None` if never.

        Only time that tells something of *kind* counts.
        """
        which: list[sa.ColumnElement[bool]] = [
            ledger.c.state.in_([LedgerState.SENT, LedgerState.RECALLED])
        ]
        if kind != TimeKind.CONTRACTORS:
            with_one = ledger.c.body.contains(_PAY_TYPE)
            which += [ledger.c.body.contains(_EMPLOYEE)]
            which += [with_one if kind == TimeKind.PAID else sa.not_(with_one)]
        newest = self._since_payroll(*which).with_only_columns(batches.c.claimed_at).limit(1)
        with self.engine.connect() as connection:
            return connection.scalar(newest)

    def refusals(self) -> list[PayrollRefusal]:
        """Return what QuickBooks has refused, and not been handed again since; newest first."""
        refused = ledger.c.state == LedgerState.REFUSED
        query = self._since_payroll(refused)
        query = query.with_only_columns(ledger.c.fault, ledger.c.changed_at)
        with self.engine.connect() as connection:
            return [PayrollRefusal(*row) for row in connection.execute(query)]

    def check_alone(self, connection: sa.Connection, run_id: str) -> None:
        """Make sure that no other live run is handing entries to the company.

        Within the transaction that claims an entry which goes alone.

        Raises:
            TryAgain: One is, and what QuickBooks answers it is not known yet.
        """
        alive = sa.and_(runs.c.finished_at.is_(None), runs.c.lease_until >= self.now())
        theirs = (
            sa.select(ledger.c.entry_id)
            .join(runs, runs.c.id == ledger.c.run_id)
            .where(
                ledger.c.connection_id.in_(self._company()),
                ledger.c.state == LedgerState.SENDING,
                runs.c.id != run_id,
                alive,
            )
        )
        if connection.execute(theirs.limit(1)).first() is not None:
            raise TryAgain(
                "Another run is handing time to this company, which has QuickBooks Payroll, and"
                " whether QuickBooks takes it is not known yet. Run the command again once that run"
                " has ended; of one that died, that is known after CLOCKBOOKS_LEASE_S."
            )

    def _since_payroll(self, *which: sa.ColumnElement[bool]) -> sa.Select[Any]:
        """Select from what was handed over since the company was last seen without payroll."""
        company = batches.c.connection_id.in_(self._company())
        off = sa.select(sa.func.max(batches.c.claimed_at)).where(
            company, batches.c.has_payroll.is_(False)
        )
        since = sa.func.coalesce(batches.c.claimed_at > off.scalar_subquery(), True)
        return (
            sa.select(batches, ledger)
            .join_from(batches, ledger, ledger.c.request_id == batches.c.request_id)
            .where(company, batches.c.has_payroll.is_(True), since, *which)
            .order_by(batches.c.claimed_at.desc(), ledger.c.entry_id)
        )
