"""What a review holds back, the same row of another file, and what was never handed over."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_REASONS = (
    "running", "already_sent", "filtered", "waiting_for_review", "left_out",
    "changed_since_review", "duplicate_row", "not_approved", "break", "too_long",
    "rounds_to_zero", "billable_without_project", "unlinked_user", "unlinked_project",
    "ambiguous_name", "books_closed", "rate_currency", "billable_without_rate", "qbo_refused",
    "not_attempted", "unconfirmed",
)  # fmt: skip


def upgrade() -> None:
    """What a review holds back, the same row of another file, and what was never handed over."""
    reason = sa.column("reason").in_([sa.literal_column(f"'{word}'") for word in _REASONS])
    name = op.f("ck_verdicts_reason")
    copied = (sa.CheckConstraint(reason, name=name),)  # SQLite changes a table by copying it
    with op.batch_alter_table("verdicts", table_args=copied) as verdicts:
        verdicts.drop_constraint(name, type_="check")
    if op.get_bind().dialect.name != "sqlite":
        op.create_check_constraint(name, "verdicts", reason)
