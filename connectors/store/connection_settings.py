"""What one connection has otherwise than the environment says for all."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from connectors.database import writing
from connectors.store.scope import ConnectionScope
from schemas.tables import connections, own_settings

#: Stands in a column of the connection itself, because linking joins on it.
LINK_VENDORS = "link_vendors"


class ConnectionSettings(ConnectionScope):
    """One connection's own settings."""

    def stored(self) -> dict[str, str]:
        """Return them: names as in `Settings`, values as in the environment.

        `link_vendors` is among them where it was switched off.
        """
        query = sa.select(own_settings).where(self._own(own_settings))
        vendors = sa.select(connections.c.link_vendors).where(
            connections.c.id == self.connection_id
        )
        with self.engine.connect() as connection:
            found = {row.name: row.value for row in connection.execute(query)}
            if not connection.scalars(vendors).one():
                found[LINK_VENDORS] = "false"
        return dict(sorted(found.items()))

    def change(self, *, wanted: Mapping[str, str], unwanted: Collection[str]) -> None:
        """Set and unset settings, which the caller has checked: all of them or none."""
        names, now = [*wanted, *unwanted], self.now()
        rows = [
            {"connection_id": self.connection_id, "name": name, "value": value, "changed_at": now}
            for name, value in wanted.items()
            if name != LINK_VENDORS
        ]
        with writing(self.engine) as connection:
            connection.execute(
                own_settings.delete().where(self._own(own_settings), own_settings.c.name.in_(names))
            )
            if rows:
                connection.execute(own_settings.insert(), rows)
            if LINK_VENDORS in names:
                allowed = wanted.get(LINK_VENDORS, "true") == "true"
                own = connections.c.id == self.connection_id
                connection.execute(connections.update().where(own).values(link_vendors=allowed))
