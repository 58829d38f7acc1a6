"""Which answer a proxy's word about who decided belongs to."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Whoever answered before and is not recorded as deciding yet counts as not verified."""
    op.add_column("plans", sa.Column("answer_id", sa.String(32)))
