"""Days are read by each run that sends something for them: none counts as looked at any more."""

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """What was found there stays."""
    op.drop_table("looked_days")
