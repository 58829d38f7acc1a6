"""What the migrations' columns share. Frozen: to change it would change what was made long ago."""

from datetime import datetime

import sqlalchemy as sa


def connection_id(*, primary_key: bool = False, index: bool = False) -> sa.Column[int]:
    of_connection = sa.ForeignKey("connections.id", ondelete="CASCADE")
    return sa.Column(
        "connection_id",
        sa.Integer,
        of_connection,
        nullable=False,
        primary_key=primary_key,
        index=index,
    )


def instant(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def one_of(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=30)
