"""Rules for overtime, and what each entry went as."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Nothing that was sent before was told apart."""
    op.add_column("rules", sa.Column("hours", sa.String(20)))
    op.add_column("contents", sa.Column("hours", sa.String(40)))
