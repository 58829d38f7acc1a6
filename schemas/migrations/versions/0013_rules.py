"""The rules that say which service item, class and location time goes to."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id, one_of

revision = "0013"
down_revision = "0012"

_STATES = ("ready", "sent", "skipped", "rejected", "in_doubt", "recalled")
_REASONS = (
    "running", "already_sent", "filtered", "waiting_for_review", "left_out",
    "changed_since_review", "duplicate_row", "not_approved", "excluded", "too_early", "break", "too_long",
    "rounds_to_zero", "billable_without_project", "unlinked_user", "unlinked_project",
    "ambiguous_name", "books_closed", "rate_currency", "billable_without_rate",
    "class_required", "maybe_in_books", "qbo_refused", "not_attempted", "unconfirmed",
)  # fmt: skip
_CONDITIONS = ("task", "tag", "project", "client", "user_group", "user")


def upgrade() -> None:
    """Without rules, QuickBooks goes on choosing the item, and no time gets a class."""
    op.create_table(
        "rules",
        connection_id(primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("gives", one_of("gives", "item", "class", "location"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("qbo_id", sa.String(20)),
        sa.Column("problem", one_of("problem", "missing", "ambiguous", "inactive")),
        sa.Column("candidates", sa.Text),
        *(sa.Column(name, sa.Text) for name in _CONDITIONS),
        sa.Column("billable", sa.Boolean),
    )
    _allow_more_reasons()


def _allow_more_reasons() -> None:
    checks = {}
    for name, words in (("state", _STATES), ("reason", _REASONS)):
        allowed = sa.column(name).in_([sa.literal_column(f"'{word}'") for word in words])
        checks[op.f(f"ck_verdicts_{name}")] = allowed
    copied = tuple(sa.CheckConstraint(allowed, name=name) for name, allowed in checks.items())
    reason = op.f("ck_verdicts_reason")
    with op.batch_alter_table("verdicts", table_args=copied) as verdicts:  # SQLite copies it
        verdicts.drop_constraint(reason, type_="check")
    if op.get_bind().dialect.name != "sqlite":
        op.create_check_constraint(reason, "verdicts", checks[reason])
