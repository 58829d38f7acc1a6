"""Whose turn it is at a connection."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id, instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "turns",
        connection_id(primary_key=True),
        sa.Column("holder", sa.String(36), nullable=False),
        sa.Column("what", sa.String(50), nullable=False),
        instant("since"),
        instant("until"),
    )
