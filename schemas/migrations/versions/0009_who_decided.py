"""For whom a proxy vouched when a plan was decided."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody vouched for who decided before: what they typed stays what they said."""
    op.add_column(
        "plans",
        sa.Column(
            "verified_by",
            sa.Text(),
            nullable=True,
            comment="Who decided, as a proxy with a login of its own says; null where none does.",
        ),
    )
