"""Entries that were adopted are known as such after their history was dropped."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """The history tells of earlier adoptions, as far back as it goes."""
    op.add_column("ledger", sa.Column("adopted", sa.Boolean))
    op.execute(
        "UPDATE ledger SET adopted = true WHERE state = 'sent'"
        " AND request_id IN (SELECT request_id FROM history WHERE event = 'adopted')"
    )
