"""What rate Clockify reported for what was sent, now that QuickBooks may give the rate."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """What was sent before has the rate that Clockify reported, or 0."""
    op.add_column("contents", sa.Column("rate", sa.String(40)))
