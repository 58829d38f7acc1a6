"""The pace of each company, shared by all processes that serve it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The pace of each company."""
    op.create_table(
        "pacing",
        sa.Column(
            "realm_id", sa.String(length=64), nullable=False, comment="The QuickBooks company."
        ),
        sa.Column("api_url", sa.Text(), nullable=False, comment="Where its calls go."),
        sa.Column("state", sa.Text(), nullable=False, comment="JSON: `connectors.pacing.Pace`."),
        sa.PrimaryKeyConstraint("realm_id", "api_url", name=op.f("pk_pacing")),
        comment="The calls of the last minute and what was learned of a company's limits: shared by all"
        " processes that serve it. Whatever is lost here is learned again.",
    )
