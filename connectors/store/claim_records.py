"""What a run claims of the ledger, and what it knows of the entries it claims.

`Ledger.claim` in `connectors.store.ledger` claims them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from schemas.words import Operation


@dataclass(frozen=True)
class Claim:
    """Entries that one run holds, as they go to QuickBooks in one batch.

    Attributes:
        run_id: Who holds them.
        request_id: QuickBooks' requestid.
        items: Entry id, bId and body of each, in the order of the batch.
        operation: What QuickBooks is asked to do.
    """

    run_id: str
    request_id: str
    items: tuple[tuple[str, str, str], ...]
    operation: Operation = Operation.CREATE

    @property
    def for_quickbooks(self) -> list[tuple[str, str]]:
        """The `bId` and body of each item."""
        return [(bid, body) for _, bid, body in self.items]


@dataclass(frozen=True)
class Refusal:
    """One entry that QuickBooks refused.

    Attributes:
        entry_id: The entry.
        body: The TimeActivity as sent.
        fault: QuickBooks' own words.
        refused_at: When, UTC.
        qbo_time: When, by QuickBooks' own clock; `None` if it did not tell.
        company_state: `Company.state` then.
    """

    entry_id: str
    body: str
    fault: str
    refused_at: datetime
    qbo_time: datetime | None
    company_state: str | None


@dataclass(frozen=True)
class PlanContents:
    """What the entries of a plan are about, so that none of them is claimed under two ids.

    Attributes:
        frame: `Contents` of the entries, indexed by `entry_id`.
        since: The connection's latest claim when the plan was made; `EntryContents.newest_claim`.
        twins: Says which of some `Contents` are the same as which of others, by `entry_id`.
    """

    frame: pd.DataFrame
    since: int
    twins: Callable[[pd.DataFrame, pd.DataFrame], pd.Series]

    def of(self, entry_ids: Sequence[str]) -> pd.DataFrame:
        """Return the contents of some of the entries."""
        return self.frame.loc[list(entry_ids)]
