"""Each run names the plan that it sends: a plan that was tried again has several."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Of runs before this, only the one that came to its end is known."""
    op.add_column("runs", sa.Column("plan_id", sa.Integer))
    op.execute(
        "UPDATE runs SET plan_id = (SELECT max(plans.id) FROM plans WHERE plans.run_id = runs.id)"
    )
