"""Entries that went to QuickBooks together, as one TimeActivity."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Every entry had a TimeActivity of its own before."""
    op.create_table(
        "lines",
        sa.Column("connection_id", sa.Integer, primary_key=True),
        sa.Column("entry_id", sa.String(64), primary_key=True),
        sa.Column("first_id", sa.String(64), nullable=False),
        sa.Column("before_min", sa.Integer, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("contents", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id", "first_id"],
            ["ledger.connection_id", "ledger.entry_id"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_lines_first_id", "lines", ["connection_id", "first_id"])
