"""For whom a proxy vouched when a plan was decided."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nobody vouched for who decided before: what they typed stays what they said."""
    op.add_column("plans", sa.Column("verified_by", sa.Text))
