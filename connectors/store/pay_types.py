"""Which ids pay types have for each employee: learned from the books, or said by a person."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing
from connectors.store.scope import ConnectionScope
from schemas import rules as frames
from schemas.tables import connections, pay_types
from schemas.words import PayOrigin

_NAMES = list(frames.PayTypes.to_schema().columns)


class PayTypes(ConnectionScope):
    """The pay types of one connection's employees."""

    def stored(self) -> pd.DataFrame:
        """Return all of them, as `schemas.rules.PayTypes`."""
        columns = [pay_types.c[name] for name in _NAMES]
        order = [pay_types.c[name] for name in ("qbo_person_id", "name", "pay_type_id", "origin")]
        query = sa.select(*columns).where(self._own(pay_types)).order_by(*order)
        with self.engine.connect() as connection:
            rows = connection.execute(query).all()
        return frames.PayTypes.validate(pd.DataFrame(rows, columns=_NAMES, dtype="str"))

    def as_of(self) -> datetime | None:
        """Return through when the books have told theirs, by QuickBooks' clock; `None`: never."""
        query = sa.select(connections.c.pay_types_as_of)
        with self.engine.connect() as connection:
            found: datetime | None = connection.scalar(
                query.where(connections.c.id == self.connection_id)
            )
        return found

    def learn(self, found: Mapping[tuple[str, str], str | None], as_of: datetime | None) -> int:
        """Keep what the books told until *as_of*: names by the employee's id and the pay type's.

        A name that is not told leaves the one that is known. Returns how many are new.
        """
        with changing(self.engine) as connection:
            new = 0
            for (person_id, id_), name in found.items():
                key = self._is(person_id, PayOrigin.LEARNED, pay_types.c.pay_type_id == id_)
                if connection.scalar(sa.select(sa.func.count()).where(key)):
                    if name is not None:
                        connection.execute(pay_types.update().where(key).values(name=name))
                else:
                    self._insert(connection, person_id, PayOrigin.LEARNED, id_, name)
                    new += 1
            if as_of is not None:
                own = connections.c.id == self.connection_id
                change = connections.update().where(own).values(pay_types_as_of=as_of)
                connection.execute(change)
        return new

    def put(self, person_id: str, name: str, id_: str, same: list[str]) -> None:
        """Keep what a person said; *same* are ids of what they said of that name before."""
        with changing(self.engine) as connection:
            before = pay_types.c.pay_type_id.in_([id_, *same])
            by_hand = self._is(person_id, PayOrigin.BY_HAND, before)
            connection.execute(pay_types.delete().where(by_hand))
            self._insert(connection, person_id, PayOrigin.BY_HAND, id_, name)

    def remove(self, person_id: str, ids: list[str]) -> None:
        """Forget pay types of an employee, however they are known."""
        theirs = sa.and_(self._own(pay_types), pay_types.c.qbo_person_id == person_id)
        with changing(self.engine) as connection:
            gone = pay_types.c.pay_type_id.in_(ids)
            connection.execute(pay_types.delete().where(theirs, gone))

    def _is(
        self, person_id: str, origin: PayOrigin, which: sa.ColumnElement[bool]
    ) -> sa.ColumnElement[bool]:
        theirs = sa.and_(self._own(pay_types), pay_types.c.qbo_person_id == person_id)
        return sa.and_(theirs, pay_types.c.origin == origin, which)

    def _insert(
        self,
        connection: sa.Connection,
        person_id: str,
        origin: PayOrigin,
        id_: str,
        name: str | None,
    ) -> None:
        row: dict[str, Any] = {"qbo_person_id": person_id, "origin": origin, "name": name}
        row |= {"connection_id": self.connection_id, "pay_type_id": id_}
        connection.execute(pay_types.insert(), [row])
