"""Plans that were shown to somebody before they went, and what was decided."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id, instant, one_of

revision = "0005"
down_revision = "0004"

_STATES = ("making", "waiting", "approved", "rejected", "expired", "withdrawn")


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer, primary_key=True),
        connection_id(),
        sa.Column("state", one_of("plan_state", *_STATES), nullable=False),
        sa.Column("first_day", sa.String(10), nullable=False),
        sa.Column("last_day", sa.String(10), nullable=False),
        sa.Column("flow_run_id", sa.String(36)),
        sa.Column("address", sa.Text),
        instant("made_at"),
        instant("expires_at", nullable=True),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("minutes", sa.BigInteger, nullable=False),
        sa.Column("amount_cents", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        instant("decided_at", nullable=True),
        sa.Column("decided_by", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id")),
        sa.Index("ix_plans_waiting", "connection_id", "state"),
        sa.Index("ix_plans_flow_run_id", "flow_run_id"),
    )
    op.create_table(
        "plan_entries",
        sa.Column(
            "plan_id", sa.Integer, sa.ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("entry_id", sa.String(64), nullable=False),
        sa.Column("date", sa.String(10), nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("user", sa.Text),
        sa.Column("client", sa.Text),
        sa.Column("project", sa.Text),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("left_out", sa.Boolean, nullable=False),
        sa.Index("ix_plan_entries_entry_id", "entry_id"),
    )
