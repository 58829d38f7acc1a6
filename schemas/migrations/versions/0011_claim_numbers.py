"""Claims keep their numbers when they are given back, so that none is given twice."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Earlier batches have none; the contents of what they claimed do."""
    op.add_column("batches", sa.Column("claim_no", sa.Integer))
    op.create_index("ix_batches_claim_no", "batches", ["connection_id", "claim_no"])
