"""Copies of QuickBooks' lists of names, so that a sync need not read all of them again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from connectors.database import insert_into, writing
from connectors.store.scope import ConnectionScope
from schemas.tables import list_copies


@dataclass(frozen=True)
class ListCopy:
    """One list as it was.

    Attributes:
        rows: What is needed of each row, as QuickBooks answered it.
        as_of: An instant of QuickBooks' clock; all changes before it are in the rows.
        whole_at: When the list was last read as a whole, by our clock.
    """

    rows: list[dict[str, Any]]
    as_of: datetime
    whole_at: datetime


class ListCopies(ConnectionScope):
    """The copies of one connection."""

    def stored(self) -> dict[str, ListCopy]:
        """Return the copies, by what QuickBooks calls each list."""
        query = select(list_copies).where(self._own(list_copies))
        with self.engine.connect() as connection:
            return {
                row.entity: ListCopy(json.loads(row.rows), row.as_of, row.whole_at)
                for row in connection.execute(query)
            }

    def keep(self, copies: Mapping[str, ListCopy]) -> None:
        """Keep copies in the place of older ones; rows and time of each belong together."""
        new = insert_into(self.engine, list_copies)
        names = ("rows", "as_of", "whole_at")
        new = new.on_conflict_do_update(
            index_elements=list(list_copies.primary_key),
            set_={name: new.excluded[name] for name in names},
        )
        values = [
            {
                "connection_id": self.connection_id,
                "entity": entity,
                "rows": json.dumps(copy.rows, ensure_ascii=False, default=str),
                "as_of": copy.as_of,
                "whole_at": copy.whole_at,
            }
            for entity, copy in copies.items()
        ]
        with writing(self.engine) as connection:
            connection.execute(new, values)
