"""What the ledger's entries are about."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What the ledger's entries are about."""
    op.create_table(
        "contents",
        sa.Column("connection_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.String(length=64), nullable=False),
        sa.Column(
            "claim_no",
            sa.BigInteger(),
            nullable=False,
            comment="Grows with each claim of the connection: what is new since a plan was made.",
        ),
        sa.Column(
            "source",
            sa.Enum(
                "clockify",
                "file",
                name="source",
                native_enum=False,
                create_constraint=True,
                length=30,
            ),
            nullable=False,
            comment="Who gave the id.",
        ),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column(
            "person",
            sa.String(length=40),
            nullable=True,
            comment="QuickBooks' kind and id: employee:61",
        ),
        sa.Column("day", sa.String(length=10), nullable=False, comment="Local day."),
        sa.Column(
            "start",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="UTC; null where the source told only the day.",
        ),
        sa.Column("duration_s", sa.Integer(), nullable=False, comment="Worked, before rounding."),
        sa.Column("slack_s", sa.Integer(), nullable=False, comment="By how much that may be off."),
        sa.Column("project_id", sa.String(length=64), nullable=True),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("task", sa.Text(), nullable=True),
        sa.Column(
            "description", sa.String(length=32), nullable=True, comment="SHA-256, shortened."
        ),
        sa.ForeignKeyConstraint(
            ["connection_id", "entry_id"],
            ["ledger.connection_id", "ledger.entry_id"],
            name=op.f("fk_contents_connection_id_entry_id"),
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "entry_id", name=op.f("pk_contents")),
        comment="What the ledger's entries are about, to know them again where no id says so."
        " A null text was not told; an empty one was told to be empty.",
    )
    op.create_index("ix_contents_day", "contents", ["connection_id", "day"], unique=False)
    op.create_index("ix_contents_claim_no", "contents", ["connection_id", "claim_no"], unique=False)
