"""The pace of a company, shared by every process on the database."""

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from connectors.database import insert_into, writing
from connectors.quickbooks.rate_limit.limiter import Answer
from connectors.quickbooks.rate_limit.pace import Pace
from schemas.tables import pacing


@dataclass(frozen=True)
class SharedPaceStore:
    """Keeps the pace of one company in the database; a sandbox's address has quotas of its own."""

    engine: sa.Engine
    realm_id: str
    api_url: str

    def change(self, work: Callable[[Pace], tuple[Answer, bool]]) -> Answer:
        """See `connectors.quickbooks.rate_limit.limiter.PaceStore`."""
        mine = sa.and_(pacing.c.realm_id == self.realm_id, pacing.c.api_url == self.api_url)
        find = sa.select(pacing.c.state).where(mine).with_for_update()
        with writing(self.engine) as connection:
            text = connection.scalar(find)
            if text is None:
                first = {"realm_id": self.realm_id, "api_url": self.api_url}
                first["state"] = Pace().to_json()
                new = insert_into(self.engine, pacing).values(first)
                connection.execute(new.on_conflict_do_nothing())
                text = connection.scalar(find)
            pace = Pace.from_json(text or "")
            answer, keep = work(pace)
            if keep:
                connection.execute(pacing.update().where(mine).values(state=pace.to_json()))
        return answer
