"""Counted reads, and copies of QuickBooks' lists that spare reads."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id, instant

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """What was read before was not counted."""
    op.create_table(
        "reads",
        sa.Column("app", sa.String(64), primary_key=True),
        sa.Column("month", sa.String(7), primary_key=True),
        sa.Column("reads", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "list_copies",
        connection_id(primary_key=True),
        sa.Column("entity", sa.String(20), primary_key=True),
        sa.Column("rows", sa.Text, nullable=False),
        instant("as_of"),
        instant("whole_at"),
    )
