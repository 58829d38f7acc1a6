"""How long a consent lives, who refreshes it, what is to be revoked, and own settings."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id, instant

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("secrets", instant("consent_expires_at", nullable=True))
    op.add_column("secrets", instant("consent_ended_at", nullable=True))
    op.add_column("secrets", sa.Column("refresher", sa.String(36)))
    op.add_column("secrets", instant("refresher_until", nullable=True))
    op.create_table(
        "own_settings",
        connection_id(primary_key=True),
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        instant("changed_at"),
    )
    op.create_table(
        "revocations",
        sa.Column("id", sa.Integer, primary_key=True),
        connection_id(index=True),
        sa.Column("refresh_token", sa.Text, nullable=False),
        instant("asked_at"),
        instant("tried_at", nullable=True),
        sa.Column("problem", sa.Text),
    )
