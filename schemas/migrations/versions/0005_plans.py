"""Plans that were shown to somebody before they went, and what was decided."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Plans that were shown to somebody before they went, and what was decided."""
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer(), nullable=False, comment="For people: plan 12."),
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column(
            "state",
            sa.Enum(
                "making",
                "waiting",
                "approved",
                "rejected",
                "expired",
                "withdrawn",
                name="plan_state",
                native_enum=False,
                create_constraint=True,
                length=30,
            ),
            nullable=False,
        ),
        sa.Column(
            "first_day", sa.String(length=10), nullable=False, comment="Local day, included."
        ),
        sa.Column("last_day", sa.String(length=10), nullable=False, comment="Local day, included."),
        sa.Column(
            "flow_run_id",
            sa.String(length=36),
            nullable=True,
            comment="The run that waits, in Prefect.",
        ),
        sa.Column(
            "address",
            sa.Text(),
            nullable=True,
            comment="Of that run's page, where somebody decides.",
        ),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False, comment="UTC."),
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="UTC; from then on nobody can approve. Null in making.",
        ),
        sa.Column(
            "fingerprint",
            sa.String(length=64),
            nullable=True,
            comment="SHA-256 of its entries' ids and TimeActivities, in order. Null in making.",
        ),
        sa.Column("entries", sa.Integer(), nullable=False, comment="How many would go."),
        sa.Column(
            "minutes", sa.BigInteger(), nullable=False, comment="Billed, of all that would go."
        ),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False, comment="In hundredths."),
        sa.Column(
            "currency",
            sa.String(length=3),
            nullable=False,
            comment="The company's; empty: unknown.",
        ),
        sa.Column(
            "decided_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="UTC; null until decided.",
        ),
        sa.Column(
            "decided_by", sa.Text(), nullable=True, comment="Who decided, in their own words."
        ),
        sa.Column("note", sa.Text(), nullable=True, comment="What they wrote to it."),
        sa.Column(
            "run_id",
            sa.String(length=36),
            nullable=True,
            comment="The run that sent it; null until then.",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_plans_connection_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_plans_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        comment="What was shown to somebody before it went, and what they decided.",
    )
    op.create_index("ix_plans_waiting", "plans", ["connection_id", "state"], unique=False)
    op.create_index("ix_plans_flow_run_id", "plans", ["flow_run_id"], unique=False)
    op.create_table(
        "plan_entries",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, comment="Its place in the plan, from 1."),
        sa.Column("entry_id", sa.String(length=64), nullable=False, comment="The source's id."),
        sa.Column("date", sa.String(length=10), nullable=False, comment="Local day."),
        sa.Column("minutes", sa.Integer(), nullable=False, comment="Billed."),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column(
            "body", sa.Text(), nullable=False, comment="The TimeActivity as shown, to the byte."
        ),
        sa.Column(
            "left_out",
            sa.Boolean(),
            nullable=False,
            comment="Whether who approved left it out.",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plans.id"], name=op.f("fk_plan_entries_plan_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan_id", "number", name=op.f("pk_plan_entries")),
        comment="The entries of a kept plan that would go.",
    )
    op.create_index("ix_plan_entries_entry_id", "plan_entries", ["entry_id"], unique=False)
