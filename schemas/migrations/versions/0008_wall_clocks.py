"""What the clocks of the sources showed, so that no change of the time zone hides an entry."""

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Keep what the clocks showed; of what was kept before, in the connection's time zone."""
    op.add_column("contents", sa.Column("wall", sa.String(16)))
    change = sa.update(_contents).values(wall=sa.bindparam("shown"))
    change = change.where(
        _contents.c.connection_id == sa.bindparam("its_connection"),
        _contents.c.entry_id == sa.bindparam("its_id"),
    )
    shown = _shown(op.get_bind())
    if shown:
        op.get_bind().execute(change, shown)


_contents = sa.table(
    "contents",
    sa.column("connection_id", sa.Integer),
    sa.column("entry_id", sa.String),
    sa.column("start", sa.DateTime(timezone=True)),
    sa.column("wall", sa.String),
)


def _shown(connection: sa.Connection) -> list[dict[str, Any]]:
    zones = _zones(connection)
    query = sa.select(_contents.c.connection_id, _contents.c.entry_id, _contents.c.start)
    shown = []
    for connection_id, entry_id, start in connection.execute(
        query.where(_contents.c.start.is_not(None))
    ):
        utc = start if start.tzinfo else start.replace(tzinfo=UTC)  # SQLite keeps no time zone
        local = utc.astimezone(zones[connection_id])
        wall = f"{local:%Y-%m-%dT%H:%M}"
        shown.append({"its_connection": connection_id, "its_id": entry_id, "shown": wall})
    return shown


def _zones(connection: sa.Connection) -> dict[int, ZoneInfo]:
    """Give the time zone of each connection: its own setting, else the one of its making."""
    made = connection.execute(sa.text("SELECT id, timezone FROM connections")).all()
    own = connection.execute(
        sa.text("SELECT connection_id, value FROM own_settings WHERE name = 'timezone'")
    ).all()
    return {id_: ZoneInfo(name) for id_, name in [*made, *own]}
