"""What the ledger's entries are about."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import instant, one_of

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "contents",
        sa.Column("connection_id", sa.Integer, primary_key=True),
        sa.Column("entry_id", sa.String(64), primary_key=True),
        sa.Column("claim_no", sa.BigInteger, nullable=False),
        sa.Column("source", one_of("source", "clockify", "file"), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("person", sa.String(40)),
        sa.Column("day", sa.String(10), nullable=False),
        instant("start", nullable=True),
        sa.Column("duration_s", sa.Integer, nullable=False),
        sa.Column("slack_s", sa.Integer, nullable=False),
        sa.Column("project_id", sa.String(64)),
        sa.Column("project", sa.Text),
        sa.Column("client", sa.Text),
        sa.Column("task", sa.Text),
        sa.Column("description", sa.String(32)),
        sa.ForeignKeyConstraint(
            ["connection_id", "entry_id"],
            ["ledger.connection_id", "ledger.entry_id"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.Index("ix_contents_day", "connection_id", "day"),
        sa.Index("ix_contents_claim_no", "connection_id", "claim_no"),
    )
