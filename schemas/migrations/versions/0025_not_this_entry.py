"""What somebody said of one entry in doubt: which TimeActivities it is not."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """What was said before this went for all entries of the person and day, and stays so."""
    op.create_table(
        "not_this_entry",
        sa.Column(
            "connection_id",
            sa.Integer,
            sa.ForeignKey("connections.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("entry_id", sa.String(64), primary_key=True),
        sa.Column("time_activity_id", sa.String(20), primary_key=True),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
    )
