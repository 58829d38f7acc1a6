"""The pace of each company, shared by all processes that serve it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "pacing",
        sa.Column("realm_id", sa.String(64), primary_key=True),
        sa.Column("api_url", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
    )
