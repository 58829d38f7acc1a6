"""When an entry begins, whether it is billable, and its amount: in the list of entries."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Nothing is known of entries that were judged before."""
    op.add_column("verdicts", sa.Column("start", sa.String(25)))
    op.add_column("verdicts", sa.Column("billable", sa.Boolean))
    op.add_column("verdicts", sa.Column("amount_cents", sa.BigInteger))
