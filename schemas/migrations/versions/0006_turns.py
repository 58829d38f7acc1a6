"""Whose turn it is at a connection."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Whose turn it is at a connection."""
    op.create_table(
        "turns",
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column(
            "holder", sa.String(length=36), nullable=False, comment="UUID of whoever has the turn."
        ),
        sa.Column(
            "what", sa.String(length=50), nullable=False, comment="What it does: a flow's name."
        ),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, comment="UTC."),
        sa.Column(
            "until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="UTC; past it the holder counts as dead.",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_turns_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_turns")),
        comment="Which scheduled or served run of a connection is at work; none when nobody is.",
    )
