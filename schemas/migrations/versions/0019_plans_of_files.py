"""Which files a plan was made of, so that exactly those are sent."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Plans that were made before are of sends, which have no files."""
    op.add_column("plans", sa.Column("files", sa.Text))
