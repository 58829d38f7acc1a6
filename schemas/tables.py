"""The database: connections, their secrets, links, runs, and the ledger.

The same tables on SQLite and PostgreSQL. Migrations stand beside this file; a test holds the two
equal.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from schemas.words import LedgerState, PlanState, Proof, Reason, Source, State

#: The migration that makes these tables; a test holds it equal to the newest one.
REVISION = "0009"

# Constraints have names, so that a migration can change them on every database.
metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(sa.TypeDecorator[datetime]):
    """An instant: naive ones are refused; comes back in UTC, which SQLite forgets."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Bring *value* to UTC before it is stored."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant without a time zone: {value}")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Mark what comes back as the UTC that it is."""
        if value is None:
            return None
        instant: datetime = value
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _one_of(name: str, words: type[StrEnum]) -> sa.Enum:
    """Text that is one of *words*: checked by the database, readable in it."""
    return sa.Enum(
        *[str(word) for word in words],
        name=name,
        native_enum=False,
        create_constraint=True,
        length=30,
    )


def _connection_id(**options: Any) -> sa.Column[int]:
    return sa.Column(
        "connection_id",
        sa.ForeignKey("connections.id", ondelete="CASCADE"),
        nullable=False,
        comment="The connection that the row belongs to.",
        **options,
    )


connections = sa.Table(
    "connections",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(100), nullable=False, unique=True, comment="--connection NAME"),
    sa.Column("workspace_id", sa.String(64), nullable=False, comment="Clockify's."),
    sa.Column("workspace_name", sa.String(250), nullable=False, comment="When connected."),
    sa.Column("realm_id", sa.String(64), nullable=False, comment="The QuickBooks company."),
    sa.Column("company_name", sa.String(250), nullable=False, comment="When connected."),
    sa.Column(
        "timezone", sa.String(64), nullable=False, comment="IANA name; decides an entry's day."
    ),
    sa.Column("link_vendors", sa.Boolean, nullable=False, comment="Whether vendors may work."),
    sa.Column("connected_at", Utc, nullable=False, comment="UTC; renewed by each connect."),
    sa.Column("synced_at", Utc, comment="UTC; null until the first sync."),
    sa.UniqueConstraint("workspace_id", "realm_id"),
)

secrets = sa.Table(
    "secrets",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("clockify_api_key", sa.Text, nullable=False, comment="Encrypted."),
    sa.Column("access_token", sa.Text, nullable=False, comment="Encrypted."),
    sa.Column("access_expires_at", Utc, nullable=False, comment="UTC."),
    sa.Column("refresh_token", sa.Text, nullable=False, comment="Encrypted."),
    sa.Column("refresh_expires_at", Utc, comment="UTC; null when Intuit did not say."),
    sa.Column(
        "consent_expires_at",
        Utc,
        comment="UTC; the end that no refresh puts off. Null when Intuit did not say.",
    ),
    sa.Column(
        "consent_ended_at",
        Utc,
        comment="UTC; when Intuit refused the refresh token for good. Null while it does not.",
    ),
    sa.Column("refresher", sa.String(36), comment="Who is asking Intuit; null when nobody is."),
    sa.Column("refresher_until", Utc, comment="UTC; past it, whoever was asking counts as dead."),
    sa.Column("changed_at", Utc, nullable=False, comment="UTC."),
    comment="None for a connection that was disconnected.",
)

own_settings = sa.Table(
    "own_settings",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("name", sa.String(50), primary_key=True, comment="As in `Settings`."),
    sa.Column("value", sa.Text, nullable=False, comment="As text, as in the environment."),
    sa.Column("changed_at", Utc, nullable=False, comment="UTC."),
    comment="What one connection has otherwise than the environment says for all.",
)

revocations = sa.Table(
    "revocations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    _connection_id(index=True),
    sa.Column("refresh_token", sa.Text, nullable=False, comment="Encrypted."),
    sa.Column("asked_at", Utc, nullable=False, comment="UTC; when somebody disconnected."),
    sa.Column("tried_at", Utc, comment="UTC; null before the first try."),
    sa.Column("problem", sa.Text, comment="Why the last try failed; null before the first."),
    comment="Tokens that Intuit has still to be told to revoke.",
)

links = sa.Table(
    "links",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("kind", sa.String(10), primary_key=True, comment="user or project"),
    sa.Column("clockify_id", sa.String(64), primary_key=True),
    sa.Column("clockify_name", sa.Text, comment="When linked."),
    sa.Column("qbo_kind", sa.String(10), nullable=False, comment="employee, vendor or customer"),
    sa.Column("qbo_id", sa.String(20), nullable=False),
    sa.Column("qbo_name", sa.Text, nullable=False, comment="When linked."),
    sa.Column("origin", sa.String(10), nullable=False, comment="name, or manual: by hand"),
    sa.Column("linked_at", Utc, nullable=False, comment="UTC."),
)

unlinked = sa.Table(
    "unlinked",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("kind", sa.String(10), primary_key=True, comment="user or project"),
    sa.Column("clockify_id", sa.String(64), primary_key=True),
    sa.Column("clockify_name", sa.Text),
    sa.Column("problem", sa.String(10), nullable=False, comment="missing, near or ambiguous"),
    sa.Column("candidates", sa.Text, nullable=False, comment="The likeliest partners, as text."),
    comment="What the last sync could not link, so that a send can name the near misses.",
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True, comment="UUID; run_id in JSON."),
    _connection_id(index=True),
    sa.Column("started_at", Utc, nullable=False, comment="UTC."),
    sa.Column(
        "lease_until",
        Utc,
        nullable=False,
        comment="UTC; renewed while the run lives. Past it, its claims are in doubt.",
    ),
    sa.Column("finished_at", Utc, comment="UTC; null while it lives, and after a crash."),
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("request_id", sa.String(36), primary_key=True, comment="QuickBooks' requestid."),
    _connection_id(index=True),
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False, comment="SHA-256 of the exact bytes."),
    sa.Column("claimed_at", Utc, nullable=False, comment="UTC; before the first byte left."),
    sa.Column(
        "quiet_from",
        Utc,
        comment="UTC; from then on QuickBooks can no longer be at work on it. Null until in doubt.",
    ),
    sa.Column(
        "qbo_time",
        Utc,
        comment="QuickBooks' own clock before the claim: what it made of the batch is younger.",
    ),
)

ledger = sa.Table(
    "ledger",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("entry_id", sa.String(64), primary_key=True, comment="The source's id."),
    sa.Column("state", _one_of("state", LedgerState), nullable=False),
    sa.Column("run_id", sa.ForeignKey("runs.id"), nullable=False, comment="Who claimed it last."),
    sa.Column("request_id", sa.ForeignKey("batches.request_id"), nullable=False),
    sa.Column("bid", sa.String(10), nullable=False, comment="Its bId in that request."),
    sa.Column("body", sa.Text, nullable=False, comment="The TimeActivity as sent, to the byte."),
    sa.Column("minutes", sa.Integer, nullable=False, comment="Billed, as sent."),
    sa.Column("txn_date", sa.String(10), nullable=False, comment="Local day, as sent."),
    sa.Column("time_activity_id", sa.String(20), comment="QuickBooks' Id; null unless sent."),
    sa.Column("sync_token", sa.String(20), comment="QuickBooks' SyncToken; null unless sent."),
    sa.Column(
        "proof",
        _one_of("proof", Proof),
        comment="How we know that it was sent; null unless sent.",
    ),
    sa.Column("fault", sa.Text, comment="QuickBooks' own words; null unless refused."),
    sa.Column("qbo_time", Utc, comment="QuickBooks' own clock when it answered."),
    sa.Column(
        "company_state",
        sa.Text,
        comment="What the company said of itself then; null unless refused.",
    ),
    sa.Column("changed_at", Utc, nullable=False, comment="UTC."),
    sa.CheckConstraint(
        "(state IN ('sent', 'recalled')) = (time_activity_id IS NOT NULL)", name="sent_has_an_id"
    ),
    sa.CheckConstraint("(state = 'refused') = (fault IS NOT NULL)", name="refused_has_a_fault"),
    sa.UniqueConstraint("request_id", "bid"),
    sa.UniqueConstraint("connection_id", "time_activity_id"),
    sa.Index("ix_ledger_open", "connection_id", "state", "request_id"),
)

contents = sa.Table(
    "contents",
    metadata,
    sa.Column("connection_id", sa.Integer, primary_key=True),
    sa.Column("entry_id", sa.String(64), primary_key=True),
    sa.Column(
        "claim_no",
        sa.BigInteger,
        nullable=False,
        comment="Grows with each claim of the connection: what is new since a plan was made.",
    ),
    sa.Column("source", _one_of("source", Source), nullable=False, comment="Who gave the id."),
    sa.Column("user_id", sa.String(64), nullable=False),
    sa.Column("person", sa.String(40), comment="QuickBooks' kind and id: employee:61"),
    sa.Column("day", sa.String(10), nullable=False, comment="Local day."),
    sa.Column("start", Utc, comment="UTC; null where the source told only the day."),
    sa.Column(
        "wall",
        sa.String(16),
        comment="Start as the source's own clock showed it, YYYY-MM-DDTHH:MM: in a file, whatever"
        " time zone it was taken to be in.",
    ),
    sa.Column("duration_s", sa.Integer, nullable=False, comment="Worked, before rounding."),
    sa.Column("slack_s", sa.Integer, nullable=False, comment="By how much that may be off."),
    sa.Column("project_id", sa.String(64)),
    sa.Column("project", sa.Text),
    sa.Column("client", sa.Text),
    sa.Column("task", sa.Text),
    sa.Column("description", sa.String(32), comment="SHA-256, shortened."),
    sa.ForeignKeyConstraint(
        ["connection_id", "entry_id"],
        ["ledger.connection_id", "ledger.entry_id"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    sa.Index("ix_contents_day", "connection_id", "day"),
    sa.Index("ix_contents_claim_no", "connection_id", "claim_no"),
    comment="What the ledger's entries are about, to know them again where no id says so."
    " A null text was not told; an empty one was told to be empty.",
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("entry_id", sa.String(64), primary_key=True, comment="The source's id."),
    sa.Column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("state", _one_of("state", State), nullable=False),
    sa.Column("reason", _one_of("reason", Reason)),
    sa.Column("detail", sa.Text, comment="What a person can do about it."),
    sa.Column("date", sa.String(10), nullable=False, comment="Local day."),
    sa.Column("minutes", sa.Integer, comment="Billed; null while the timer runs."),
    sa.Column("user", sa.Text),
    sa.Column("client", sa.Text),
    sa.Column("project", sa.Text),
    sa.Column("description", sa.Text, nullable=False),
    sa.Index("ix_verdicts_day", "connection_id", "date"),
    comment="What the latest run said of each entry. What is sent, the ledger alone says.",
)

pacing = sa.Table(
    "pacing",
    metadata,
    sa.Column("realm_id", sa.String(64), primary_key=True, comment="The QuickBooks company."),
    sa.Column("api_url", sa.Text, primary_key=True, comment="Where its calls go."),
    sa.Column("state", sa.Text, nullable=False, comment="JSON: `connectors.pacing.Pace`."),
    comment="The calls of the last minute and what was learned of a company's limits: shared by all"
    " processes that serve it. Whatever is lost here is learned again.",
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, comment="For people: plan 12."),
    _connection_id(),
    sa.Column("state", _one_of("plan_state", PlanState), nullable=False),
    sa.Column("first_day", sa.String(10), nullable=False, comment="Local day, included."),
    sa.Column("last_day", sa.String(10), nullable=False, comment="Local day, included."),
    sa.Column("flow_run_id", sa.String(36), comment="The run that waits, in Prefect."),
    sa.Column("address", sa.Text, comment="Of that run's page, where somebody decides."),
    sa.Column("made_at", Utc, nullable=False, comment="UTC."),
    sa.Column("expires_at", Utc, comment="UTC; from then on nobody can approve. Null in making."),
    sa.Column(
        "fingerprint",
        sa.String(64),
        comment="SHA-256 of its entries' ids and TimeActivities, in order. Null in making.",
    ),
    sa.Column("entries", sa.Integer, nullable=False, comment="How many would go."),
    sa.Column("minutes", sa.BigInteger, nullable=False, comment="Billed, of all that would go."),
    sa.Column("amount_cents", sa.BigInteger, nullable=False, comment="In hundredths."),
    sa.Column("currency", sa.String(3), nullable=False, comment="The company's; empty: unknown."),
    sa.Column("decided_at", Utc, comment="UTC; null until decided."),
    sa.Column("decided_by", sa.Text, comment="Who decided, in their own words."),
    sa.Column("note", sa.Text, comment="What they wrote to it."),
    sa.Column(
        "verified_by",
        sa.Text,
        comment="Who decided, as a proxy with a login of its own says; null where none does.",
    ),
    sa.Column("run_id", sa.ForeignKey("runs.id"), comment="The run that sent it; null until then."),
    sa.Index("ix_plans_waiting", "connection_id", "state"),
    sa.Index("ix_plans_flow_run_id", "flow_run_id"),
    comment="What was shown to somebody before it went, and what they decided.",
)

plan_entries = sa.Table(
    "plan_entries",
    metadata,
    sa.Column("plan_id", sa.ForeignKey("plans.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, comment="Its place in the plan, from 1."),
    sa.Column("entry_id", sa.String(64), nullable=False, comment="The source's id."),
    sa.Column("date", sa.String(10), nullable=False, comment="Local day."),
    sa.Column("minutes", sa.Integer, nullable=False, comment="Billed."),
    sa.Column("user", sa.Text),
    sa.Column("client", sa.Text),
    sa.Column("project", sa.Text),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False, comment="The TimeActivity as shown, to the byte."),
    sa.Column("left_out", sa.Boolean, nullable=False, comment="Whether who approved left it out."),
    sa.Index("ix_plan_entries_entry_id", "entry_id"),
    comment="The entries of a kept plan that would go.",
)

turns = sa.Table(
    "turns",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("holder", sa.String(36), nullable=False, comment="UUID of whoever has the turn."),
    sa.Column("what", sa.String(50), nullable=False, comment="What it does: a flow's name."),
    sa.Column("since", Utc, nullable=False, comment="UTC."),
    sa.Column("until", Utc, nullable=False, comment="UTC; past it the holder counts as dead."),
    comment="Which scheduled or served run of a connection is at work; none when nobody is.",
)
