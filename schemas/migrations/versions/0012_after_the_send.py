"""What happens after the send: changes, drift, adopted time, and the history."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id, instant, one_of

revision = "0012"
down_revision = "0011"

_STATES = ("ready", "sent", "skipped", "rejected", "in_doubt", "recalled")
_REASONS = (
    "running", "already_sent", "filtered", "waiting_for_review", "left_out",
    "changed_since_review", "duplicate_row", "not_approved", "break", "too_long",
    "rounds_to_zero", "billable_without_project", "unlinked_user", "unlinked_project",
    "ambiguous_name", "books_closed", "rate_currency", "billable_without_rate", "maybe_in_books",
    "qbo_refused", "not_attempted", "unconfirmed",
)  # fmt: skip
_EVENTS = (
    "claimed", "released", "unclear", "sent", "refused", "updated", "recalled", "adopted",
    "taken_back", "renamed",
)  # fmt: skip
_ACTORS = ("user", "flow_run", "reviewer", "verified_reviewer")
_VERDICTS = (
    "agrees", "changed_in_clockify", "gone_from_clockify", "unapproved_since",
    "changed_in_quickbooks", "changed_in_both", "gone_from_quickbooks", "unknown_in_quickbooks",
    "unsent",
)  # fmt: skip


def upgrade() -> None:
    """The history begins now; what happened before is in the ledger."""
    _allow_more_words()
    for name in ("runs", "ledger"):
        op.add_column(name, sa.Column("approved_only", sa.Boolean))
    op.add_column("runs", sa.Column("actor_id", sa.String(64)))
    _create_changes()
    _create_former_contents()
    _create_history()
    _create_books()


def _allow_more_words() -> None:
    checks = []
    for name, words in (("state", _STATES), ("reason", _REASONS)):
        allowed = sa.column(name).in_([sa.literal_column(f"'{word}'") for word in words])
        checks.append((op.f(f"ck_verdicts_{name}"), allowed))
    copied = tuple(sa.CheckConstraint(allowed, name=name) for name, allowed in checks)
    with op.batch_alter_table("verdicts", table_args=copied) as verdicts:
        for name, _ in checks:
            verdicts.drop_constraint(name, type_="check")
    if op.get_bind().dialect.name != "sqlite":  # which changes a table by copying it
        for name, allowed in checks:
            op.create_check_constraint(name, "verdicts", allowed)


def _create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("connection_id", sa.Integer, primary_key=True),
        sa.Column("entry_id", sa.String(64), primary_key=True),
        sa.Column("operation", one_of("operation", "create", "update", "delete"), nullable=False),
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.id"), nullable=False),
        sa.Column("request_id", sa.String(36), sa.ForeignKey("batches.request_id"), nullable=False),
        sa.Column("bid", sa.String(10), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("time_activity_id", sa.String(20), nullable=False),
        sa.Column("replacement", sa.Text),
        sa.Column("contents", sa.Text),
        sa.Column("minutes", sa.Integer),
        sa.Column("txn_date", sa.String(10)),
        sa.ForeignKeyConstraint(
            ["connection_id", "entry_id"],
            ["ledger.connection_id", "ledger.entry_id"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        sa.UniqueConstraint("request_id", "bid"),
    )
    op.create_index("ix_changes_run_id", "changes", ["run_id"])
    op.create_index("ix_ledger_day", "ledger", ["connection_id", "txn_date"])


def _create_former_contents() -> None:
    op.create_table(
        "former_contents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("connection_id", sa.Integer, nullable=False),
        sa.Column("entry_id", sa.String(64), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("contents", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id", "entry_id"],
            ["ledger.connection_id", "ledger.entry_id"],
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_former_contents_day", "former_contents", ["connection_id", "day"])


def _create_history() -> None:
    heads = op.create_table(
        "history_heads",
        connection_id(primary_key=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("dropped", sa.Integer, nullable=False),
        sa.Column("dropped_hash", sa.String(64), nullable=False),
        instant("since"),
    )
    now = sa.literal(datetime.now(UTC), sa.DateTime(timezone=True))
    none: list[Any] = [sa.literal(0), sa.literal("0" * 64)] * 2
    known = sa.table("connections", sa.column("id", sa.Integer))
    first = sa.select(known.c.id).add_columns(*none, now)
    op.execute(heads.insert().from_select(list(heads.columns.keys()), first))
    op.create_table(
        "actors",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("kind", one_of("actor_kind", *_ACTORS), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("pseudonym", sa.Boolean, nullable=False),
    )
    op.create_table(
        "history",
        connection_id(primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("event", one_of("event", *_EVENTS), nullable=False),
        sa.Column("entry_id", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(10)),
        sa.Column("run_id", sa.String(36)),
        sa.Column("actor_id", sa.String(64)),
        sa.Column("request_id", sa.String(36)),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("minutes", sa.Integer),
        sa.Column("time_activity_id", sa.String(20)),
        sa.Column("note", sa.Text),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_history_entry_id", "history", ["connection_id", "entry_id"])


def _create_books() -> None:
    op.create_table(
        "looked_days",
        connection_id(primary_key=True),
        sa.Column("day", sa.String(10), primary_key=True),
        instant("looked_at"),
    )
    op.create_table(
        "unknown_time",
        connection_id(primary_key=True),
        sa.Column("time_activity_id", sa.String(20), primary_key=True),
        sa.Column("person", sa.String(40), nullable=False),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("is_other", sa.Boolean, nullable=False),
    )
    op.create_index("ix_unknown_time_day", "unknown_time", ["connection_id", "day"])
    op.create_table(
        "drift",
        sa.Column("id", sa.Integer, primary_key=True),
        connection_id(),
        sa.Column(
            "run_id", sa.String(36), sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("entry_id", sa.String(64)),
        sa.Column("time_activity_id", sa.String(20)),
        sa.Column("verdict", one_of("verdict", *_VERDICTS), nullable=False),
        sa.Column("blocked", one_of("blocked", "billed", "books_closed", "link_lost")),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("date", sa.String(10), nullable=False),
        sa.Column("differs", sa.Text, nullable=False),
    )
    op.create_index("ix_drift_day", "drift", ["connection_id", "date"])
