"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The first tables."""
    op.create_table(
        "connections",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False, comment="--connection NAME"),
        sa.Column("workspace_id", sa.String(length=64), nullable=False, comment="Clockify's."),
        sa.Column(
            "workspace_name", sa.String(length=250), nullable=False, comment="When connected."
        ),
        sa.Column(
            "realm_id", sa.String(length=64), nullable=False, comment="The QuickBooks company."
        ),
        sa.Column("company_name", sa.String(length=250), nullable=False, comment="When connected."),
        sa.Column(
            "timezone",
            sa.String(length=64),
            nullable=False,
            comment="IANA name; decides an entry's day.",
        ),
        sa.Column(
            "link_vendors", sa.Boolean(), nullable=False, comment="Whether vendors may work."
        ),
        sa.Column(
            "connected_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="UTC; renewed by each connect.",
        ),
        sa.Column(
            "synced_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="UTC; null until the first sync.",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint("name", name=op.f("uq_connections_name")),
        sa.UniqueConstraint(
            "workspace_id", "realm_id", name=op.f("uq_connections_workspace_id_realm_id")
        ),
    )
    op.create_table(
        "links",
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column("kind", sa.String(length=10), nullable=False, comment="user or project"),
        sa.Column("clockify_id", sa.String(length=64), nullable=False),
        sa.Column("clockify_name", sa.Text(), nullable=True, comment="When linked."),
        sa.Column(
            "qbo_kind", sa.String(length=10), nullable=False, comment="employee, vendor or customer"
        ),
        sa.Column("qbo_id", sa.String(length=20), nullable=False),
        sa.Column("qbo_name", sa.Text(), nullable=False, comment="When linked."),
        sa.Column(
            "origin", sa.String(length=10), nullable=False, comment="name, or manual: by hand"
        ),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False, comment="UTC."),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_links_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "kind", "clockify_id", name=op.f("pk_links")),
    )
    op.create_table(
        "runs",
        sa.Column("id", sa.String(length=36), nullable=False, comment="UUID; run_id in JSON."),
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, comment="UTC."),
        sa.Column(
            "lease_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="UTC; renewed while the run lives. Past it, its claims are in doubt.",
        ),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="UTC; null while it lives, and after a crash.",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_runs_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
    )
    with op.batch_alter_table("runs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_runs_connection_id"), ["connection_id"], unique=False)

    op.create_table(
        "secrets",
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column("clockify_api_key", sa.Text(), nullable=False, comment="Encrypted."),
        sa.Column("access_token", sa.Text(), nullable=False, comment="Encrypted."),
        sa.Column("access_expires_at", sa.DateTime(timezone=True), nullable=False, comment="UTC."),
        sa.Column("refresh_token", sa.Text(), nullable=False, comment="Encrypted."),
        sa.Column(
            "refresh_expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="UTC; null when Intuit did not say.",
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="UTC."),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_secrets_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_secrets")),
    )
    op.create_table(
        "unlinked",
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column("kind", sa.String(length=10), nullable=False, comment="user or project"),
        sa.Column("clockify_id", sa.String(length=64), nullable=False),
        sa.Column("clockify_name", sa.Text(), nullable=True),
        sa.Column(
            "problem", sa.String(length=10), nullable=False, comment="missing, near or ambiguous"
        ),
        sa.Column(
            "candidates", sa.Text(), nullable=False, comment="The likeliest partners, as text."
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_unlinked_connection_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("connection_id", "kind", "clockify_id", name=op.f("pk_unlinked")),
        comment="What the last sync could not link, so that a send can name the near misses.",
    )
    op.create_table(
        "batches",
        sa.Column(
            "request_id", sa.String(length=36), nullable=False, comment="QuickBooks' requestid."
        ),
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column(
            "fingerprint",
            sa.String(length=64),
            nullable=False,
            comment="SHA-256 of the exact bytes.",
        ),
        sa.Column(
            "claimed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="UTC; before the first byte left.",
        ),
        sa.Column(
            "quiet_from",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="UTC; from then on QuickBooks can no longer be at work on it. Null until in doubt.",
        ),
        sa.Column(
            "qbo_time",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="QuickBooks' own clock before the claim: what it made of the batch is younger.",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_batches_connection_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_batches_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_batches")),
    )
    with op.batch_alter_table("batches", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_batches_connection_id"), ["connection_id"], unique=False
        )

    op.create_table(
        "verdicts",
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column("entry_id", sa.String(length=64), nullable=False, comment="The source's id."),
        sa.Column("run_id", sa.String(length=36), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "ready",
                "sent",
                "skipped",
                "rejected",
                "in_doubt",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=30,
            ),
            nullable=False,
        ),
        sa.Column(
            "reason",
            sa.Enum(
                "running",
                "already_sent",
                "filtered",
                "not_approved",
                "break",
                "too_long",
                "rounds_to_zero",
                "billable_without_project",
                "unlinked_user",
                "unlinked_project",
                "ambiguous_name",
                "books_closed",
                "rate_currency",
                "billable_without_rate",
                "qbo_refused",
                "unconfirmed",
                name="reason",
                native_enum=False,
                create_constraint=True,
                length=30,
            ),
            nullable=True,
        ),
        sa.Column("detail", sa.Text(), nullable=True, comment="What a person can do about it."),
        sa.Column("date", sa.String(length=10), nullable=False, comment="Local day."),
        sa.Column(
            "minutes", sa.Integer(), nullable=True, comment="Billed; null while the timer runs."
        ),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("client", sa.Text(), nullable=True),
        sa.Column("project", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_verdicts_connection_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_verdicts_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection_id", "entry_id", name=op.f("pk_verdicts")),
        comment="What the latest run said of each entry. What is sent, the ledger alone says.",
    )
    with op.batch_alter_table("verdicts", schema=None) as batch_op:
        batch_op.create_index("ix_verdicts_day", ["connection_id", "date"], unique=False)

    op.create_table(
        "ledger",
        sa.Column(
            "connection_id",
            sa.Integer(),
            nullable=False,
            comment="The connection that the row belongs to.",
        ),
        sa.Column("entry_id", sa.String(length=64), nullable=False, comment="The source's id."),
        sa.Column(
            "state",
            sa.Enum(
                "sending",
                "sent",
                "refused",
                "recalled",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=30,
            ),
            nullable=False,
        ),
        sa.Column("run_id", sa.String(length=36), nullable=False, comment="Who claimed it last."),
        sa.Column("request_id", sa.String(length=36), nullable=False),
        sa.Column("bid", sa.String(length=10), nullable=False, comment="Its bId in that request."),
        sa.Column(
            "body", sa.Text(), nullable=False, comment="The TimeActivity as sent, to the byte."
        ),
        sa.Column("minutes", sa.Integer(), nullable=False, comment="Billed, as sent."),
        sa.Column("txn_date", sa.String(length=10), nullable=False, comment="Local day, as sent."),
        sa.Column(
            "time_activity_id",
            sa.String(length=20),
            nullable=True,
            comment="QuickBooks' Id; null unless sent.",
        ),
        sa.Column(
            "sync_token",
            sa.String(length=20),
            nullable=True,
            comment="QuickBooks' SyncToken; null unless sent.",
        ),
        sa.Column(
            "proof",
            sa.Enum(
                "answer",
                "books",
                name="proof",
                native_enum=False,
                create_constraint=True,
                length=30,
            ),
            nullable=True,
            comment="How we know that it was sent; null unless sent.",
        ),
        sa.Column(
            "fault", sa.Text(), nullable=True, comment="QuickBooks' own words; null unless refused."
        ),
        sa.Column(
            "qbo_time",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="QuickBooks' own clock when it answered.",
        ),
        sa.Column(
            "company_state",
            sa.Text(),
            nullable=True,
            comment="What the company said of itself then; null unless refused.",
        ),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="UTC."),
        sa.CheckConstraint(
            "(state = 'refused') = (fault IS NOT NULL)", name=op.f("ck_ledger_refused_has_a_fault")
        ),
        sa.CheckConstraint(
            "(state IN ('sent', 'recalled')) = (time_activity_id IS NOT NULL)",
            name=op.f("ck_ledger_sent_has_an_id"),
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_ledger_connection_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["batches.request_id"], name=op.f("fk_ledger_request_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_ledger_run_id")),
        sa.PrimaryKeyConstraint("connection_id", "entry_id", name=op.f("pk_ledger")),
        sa.UniqueConstraint(
            "connection_id",
            "time_activity_id",
            name=op.f("uq_ledger_connection_id_time_activity_id"),
        ),
        sa.UniqueConstraint("request_id", "bid", name=op.f("uq_ledger_request_id_bid")),
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index(
            "ix_ledger_open", ["connection_id", "state", "request_id"], unique=False
        )
