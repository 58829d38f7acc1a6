"""What one connection has otherwise than the environment says for all."""

from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

from connectors.database import writing
from schemas.tables import connections, own_settings

#: Stands in a column of the connection itself, because linking joins on it.
LINK_VENDORS = "link_vendors"


def stored(engine: sa.Engine, connection_id: int) -> dict[str, str]:
    """Give a connection's own settings: names as in `Settings`, values as in the environment.

    `link_vendors` is among them where it was switched off.
    """
    query = sa.select(own_settings).where(own_settings.c.connection_id == connection_id)
    vendors = sa.select(connections.c.link_vendors).where(connections.c.id == connection_id)
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(own_settings.c.name))
        found = {row.name: row.value for row in rows}
        if not connection.execute(vendors).scalar_one():
            found[LINK_VENDORS] = "false"
    return dict(sorted(found.items()))


def change(
    engine: sa.Engine,
    connection_id: int,
    *,
    wanted: Mapping[str, str],
    unwanted: Collection[str],
    now: datetime,
) -> None:
    """Set and unset a connection's own settings, all of them or none.

    Args:
        engine: The database.
        connection_id: Whose they are.
        wanted: Values by name; checked by the caller.
        unwanted: Names that follow the environment again.
        now: The time, for the record.
    """
    mine = own_settings.c.connection_id == connection_id
    names = [*wanted, *unwanted]
    rows = [
        {"connection_id": connection_id, "name": name, "value": value, "changed_at": now}
        for name, value in wanted.items()
        if name != LINK_VENDORS
    ]
    with writing(engine) as connection:
        connection.execute(own_settings.delete().where(mine, own_settings.c.name.in_(names)))
        if rows:
            connection.execute(own_settings.insert(), rows)
        if LINK_VENDORS in names:
            allowed = wanted.get(LINK_VENDORS, "true") == "true"
            connection.execute(
                connections.update()
                .where(connections.c.id == connection_id)
                .values(link_vendors=allowed)
            )
