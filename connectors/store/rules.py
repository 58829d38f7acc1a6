"""The rules of a connection: which service item, class, location and pay type time gets."""

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing
from connectors.store.scope import ConnectionScope, records
from schemas import rules as frames
from schemas.tables import rules

_NAMES = list(frames.Rules.to_schema().columns)


class Rules(ConnectionScope):
    """The rules of one connection, in their order."""

    def stored(self) -> pd.DataFrame:
        """Return all rules, as `schemas.rules.Rules`."""
        with self.engine.connect() as connection:
            return self._stored(connection)

    def replace(self, before: pd.DataFrame, after: pd.DataFrame) -> bool:
        """Put *after* in the place of *before*, both `schemas.rules.Rules`.

        Returns whether that was done: not so if somebody has changed the rules since *before*.
        """
        with changing(self.engine) as connection:
            if records(self._stored(connection)) != records(before):
                return False
            connection.execute(rules.delete().where(self._own(rules)))
            rows = [row | {"connection_id": self.connection_id} for row in records(after)]
            if rows:
                connection.execute(rules.insert(), rows)
        return True

    def _stored(self, connection: sa.Connection) -> pd.DataFrame:
        columns = [rules.c[name] for name in _NAMES]
        query = sa.select(*columns).where(self._own(rules)).order_by(rules.c.number)
        rows = connection.execute(query).all()
        return frames.Rules.validate(pd.DataFrame(rows, columns=_NAMES, dtype=object))
