"""The marks on entries in Clockify that are ours."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id, instant, one_of

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Marks that were set before are not known to be ours: they stay."""
    op.create_table(
        "marks",
        connection_id(primary_key=True),
        sa.Column("entry_id", sa.String(64), primary_key=True),
        sa.Column("mark", one_of("mark", "invoiced", "sent_tag"), primary_key=True),
        sa.Column("settled", sa.Boolean, nullable=False),
        instant("since"),
        sa.Column("tag_id", sa.String(64)),
    )
    op.create_index("ix_marks_settled", "marks", ["connection_id", "mark", "settled"])
