"""Parts of entries that go to QuickBooks together, or not at all."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """No entry went in parts before."""
    op.create_table(
        "parts",
        connection_id(primary_key=True),
        sa.Column("entry_id", sa.String(64), primary_key=True),
    )
