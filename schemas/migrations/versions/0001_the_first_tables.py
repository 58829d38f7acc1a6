"""The first tables."""

import sqlalchemy as sa
from alembic import op

from schemas.migrations.columns import connection_id, instant, one_of

revision = "0001"
down_revision = None

_STATES = ("ready", "sent", "skipped", "rejected", "in_doubt")

_REASONS = (
    "running", "already_sent", "filtered", "not_approved", "break", "too_long", "rounds_to_zero",
    "billable_without_project", "unlinked_user", "unlinked_project", "ambiguous_name",
    "books_closed", "rate_currency", "billable_without_rate", "qbo_refused", "unconfirmed",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "connections",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False, unique=True),
        sa.Column("workspace_id", sa.String(64), nullable=False),
        sa.Column("workspace_name", sa.String(250), nullable=False),
        sa.Column("realm_id", sa.String(64), nullable=False),
        sa.Column("company_name", sa.String(250), nullable=False),
        sa.Column("timezone", sa.String(64), nullable=False),
        sa.Column("link_vendors", sa.Boolean, nullable=False),
        instant("connected_at"),
        instant("synced_at", nullable=True),
        sa.UniqueConstraint("workspace_id", "realm_id"),
    )
    op.create_table(
        "links",
        connection_id(primary_key=True),
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("clockify_id", sa.String(64), primary_key=True),
        sa.Column("clockify_name", sa.Text),
        sa.Column("qbo_kind", sa.String(10), nullable=False),
        sa.Column("qbo_id", sa.String(20), nullable=False),
        sa.Column("qbo_name", sa.Text, nullable=False),
        sa.Column("origin", sa.String(10), nullable=False),
        instant("linked_at"),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(36), primary_key=True),
        connection_id(index=True),
        instant("started_at"),
        instant("lease_until"),
        instant("finished_at", nullable=True),
    )
    op.create_table(
        "secrets",
        connection_id(primary_key=True),
        sa.Column("clockify_api_key", sa.Text, nullable=False),
        sa.Column("access_token", sa.Text, nullable=False),
        instant("access_expires_at"),
        sa.Column("refresh_token", sa.Text, nullable=False),
        instant("refresh_expires_at", nullable=True),
        instant("changed_at"),
    )
    op.create_table(
        "unlinked",
        connection_id(primary_key=True),
        sa.Column("kind", sa.String(10), primary_key=True),
        sa.Column("clockify_id", sa.String(64), primary_key=True),
        sa.Column("clockify_name", sa.Text),
        sa.Column("problem", sa.String(10), nullable=False),
        sa.Column("candidates", sa.Text, nullable=False),
    )
    op.create_table(
        "batches",
        sa.Column("request_id", sa.String(36), primary_key=True),
        connection_id(index=True),
        _run_id(ondelete="CASCADE"),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        instant("claimed_at"),
        instant("quiet_from", nullable=True),
        instant("qbo_time", nullable=True),
    )
    op.create_table(
        "verdicts",
        connection_id(primary_key=True),
        sa.Column("entry_id", sa.String(64), primary_key=True),
        _run_id(ondelete="CASCADE"),
        sa.Column("state", one_of("state", *_STATES), nullable=False),
        sa.Column("reason", one_of("reason", *_REASONS)),
        sa.Column("detail", sa.Text),
        sa.Column("date", sa.String(10), nullable=False),
        sa.Column("minutes", sa.Integer),
        sa.Column("user", sa.Text),
        sa.Column("client", sa.Text),
        sa.Column("project", sa.Text),
        sa.Column("description", sa.Text, nullable=False),
        sa.Index("ix_verdicts_day", "connection_id", "date"),
    )
    op.create_table(
        "ledger",
        connection_id(primary_key=True),
        sa.Column("entry_id", sa.String(64), primary_key=True),
        sa.Column(
            "state", one_of("state", "sending", "sent", "refused", "recalled"), nullable=False
        ),
        _run_id(),
        sa.Column("request_id", sa.String(36), sa.ForeignKey("batches.request_id"), nullable=False),
        sa.Column("bid", sa.String(10), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("txn_date", sa.String(10), nullable=False),
        sa.Column("time_activity_id", sa.String(20)),
        sa.Column("sync_token", sa.String(20)),
        sa.Column("proof", one_of("proof", "answer", "books")),
        sa.Column("fault", sa.Text),
        instant("qbo_time", nullable=True),
        sa.Column("company_state", sa.Text),
        instant("changed_at"),
        sa.CheckConstraint("(state = 'refused') = (fault IS NOT NULL)", name="refused_has_a_fault"),
        sa.CheckConstraint(
            "(state IN ('sent', 'recalled')) = (time_activity_id IS NOT NULL)",
            name="sent_has_an_id",
        ),
        sa.UniqueConstraint("connection_id", "time_activity_id"),
        sa.UniqueConstraint("request_id", "bid"),
        sa.Index("ix_ledger_open", "connection_id", "state", "request_id"),
    )


def _run_id(ondelete: str | None = None) -> sa.Column[str]:
    of_run = sa.ForeignKey("runs.id", ondelete=ondelete)
    return sa.Column("run_id", sa.String(36), of_run, nullable=False)
