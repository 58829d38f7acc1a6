"""Whether a company had payroll when entries were handed over: only then is its answer of use."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Of earlier batches nobody knows."""
    op.add_column("batches", sa.Column("has_payroll", sa.Boolean))
    columns = ["connection_id", "has_payroll", "claimed_at"]
    op.create_index("ix_batches_has_payroll", "batches", columns)
