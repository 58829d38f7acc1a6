"""The database: connections, their secrets, links, runs, and the ledger.

The tables are the same on SQLite and PostgreSQL. A test holds them equal to the migrations beside
this file. The file is long because each column has its comment here, for the database and for
data/DICTIONARY.md.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from schemas.words import LedgerState, PlanState, Proof, Reason, Source, State

#: The newest migration, which creates these tables; a test holds the two equal.
REVISION = "0011"

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
    """An instant. A naive one is refused; one that is read has its UTC, which SQLite drops."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """Convert *value* to UTC before it is stored."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"an instant without a time zone: {value}")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Mark a stored value as UTC."""
        if value is None:
            return None
        instant: datetime = value
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def _one_of(name: str, words: type[StrEnum]) -> sa.Enum:
    """Return a type for text that is one of *words*, which the database checks."""
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
        comment="The connection the row belongs to.",
        **options,
    )


connections = sa.Table(
    "connections",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, comment="Our id of the connection."),
    sa.Column(
        "name", sa.String(100), nullable=False, unique=True, comment="As in --connection NAME."
    ),
    sa.Column("workspace_id", sa.String(64), nullable=False, comment="Clockify's id."),
    sa.Column("workspace_name", sa.String(250), nullable=False, comment="Its name when connected."),
    sa.Column("realm_id", sa.String(64), nullable=False, comment="The QuickBooks company."),
    sa.Column("company_name", sa.String(250), nullable=False, comment="Its name when connected."),
    sa.Column(
        "timezone", sa.String(64), nullable=False, comment="IANA name; decides an entry's day."
    ),
    sa.Column(
        "link_vendors", sa.Boolean, nullable=False, comment="Whether users may link to vendors."
    ),
    sa.Column("connected_at", Utc, nullable=False, comment="UTC; renewed by each connect."),
    sa.Column("synced_at", Utc, comment="UTC; null until the first sync."),
    sa.UniqueConstraint("workspace_id", "realm_id"),
    comment="Each Clockify workspace joined to a QuickBooks company.",
)

secrets = sa.Table(
    "secrets",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("clockify_api_key", sa.Text, nullable=False, comment="Clockify's key, encrypted."),
    sa.Column("access_token", sa.Text, nullable=False, comment="Intuit's, encrypted."),
    sa.Column("access_expires_at", Utc, nullable=False, comment="UTC; when that token ends."),
    sa.Column("refresh_token", sa.Text, nullable=False, comment="Intuit's, encrypted."),
    sa.Column(
        "refresh_expires_at",
        Utc,
        comment="UTC; when that token ends. Null when Intuit did not say.",
    ),
    sa.Column(
        "consent_expires_at",
        Utc,
        comment="UTC; the hard end, which no refresh extends. Null when Intuit did not say.",
    ),
    sa.Column(
        "consent_ended_at",
        Utc,
        comment="UTC; when Intuit rejected the refresh token for good. Null while it is valid.",
    ),
    sa.Column(
        "refresher", sa.String(36), comment="Who holds the refresh lease; null when nobody does."
    ),
    sa.Column("refresher_until", Utc, comment="UTC; when the refresh lease ends."),
    sa.Column("changed_at", Utc, nullable=False, comment="UTC; the last change of the row."),
    comment="The secrets of each connection; a disconnected one has no row.",
)

own_settings = sa.Table(
    "own_settings",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("name", sa.String(50), primary_key=True, comment="The setting's name."),
    sa.Column(
        "value", sa.Text, nullable=False, comment="Its value, written as in the environment."
    ),
    sa.Column("changed_at", Utc, nullable=False, comment="UTC; when it was set."),
    comment="Settings of one connection that override the environment.",
)

revocations = sa.Table(
    "revocations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, comment="Our id of the revocation."),
    _connection_id(index=True),
    sa.Column("refresh_token", sa.Text, nullable=False, comment="Encrypted."),
    sa.Column("asked_at", Utc, nullable=False, comment="UTC; when somebody disconnected."),
    sa.Column("tried_at", Utc, comment="UTC; null before the first try."),
    sa.Column("problem", sa.Text, comment="Why the last try failed; null before the first."),
    comment="Tokens that Intuit has yet to revoke; later commands try again.",
)

links = sa.Table(
    "links",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("kind", sa.String(10), primary_key=True, comment="user or project"),
    sa.Column("clockify_id", sa.String(64), primary_key=True, comment="Clockify's id."),
    sa.Column("clockify_name", sa.Text, comment="Its name when linked."),
    sa.Column("qbo_kind", sa.String(10), nullable=False, comment="employee, vendor or customer"),
    sa.Column("qbo_id", sa.String(20), nullable=False, comment="QuickBooks' id."),
    sa.Column("qbo_name", sa.Text, nullable=False, comment="Its DisplayName when linked."),
    sa.Column("origin", sa.String(10), nullable=False, comment="name, manual (by hand) or created"),
    sa.Column("linked_at", Utc, nullable=False, comment="UTC; when it was linked."),
    comment="Which Clockify user or project is which person or customer in QuickBooks.",
)

unlinked = sa.Table(
    "unlinked",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("kind", sa.String(10), primary_key=True, comment="user or project"),
    sa.Column("clockify_id", sa.String(64), primary_key=True, comment="Clockify's id."),
    sa.Column("clockify_name", sa.Text, comment="Its name, with its client."),
    sa.Column(
        "problem",
        sa.String(10),
        nullable=False,
        comment="missing, near, ambiguous, unlinked (by hand) or gone",
    ),
    sa.Column("candidates", sa.Text, nullable=False, comment="The likeliest matches, as text."),
    comment="What the last sync could not link, so that a send can name the near misses.",
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True, comment="UUID; run_id in JSON."),
    _connection_id(index=True),
    sa.Column("started_at", Utc, nullable=False, comment="UTC; when it began."),
    sa.Column(
        "lease_until",
        Utc,
        nullable=False,
        comment="UTC; renewed while the run is alive. After it, the run's claims are in doubt.",
    ),
    sa.Column("finished_at", Utc, comment="UTC; null while it runs, and after a crash."),
    comment="Every send, import and settlement, with the lease on what it claims.",
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("request_id", sa.String(36), primary_key=True, comment="QuickBooks' requestid."),
    _connection_id(index=True),
    sa.Column(
        "run_id",
        sa.ForeignKey("runs.id", ondelete="CASCADE"),
        nullable=False,
        comment="The run that sent it.",
    ),
    sa.Column("fingerprint", sa.String(64), nullable=False, comment="SHA-256 of the exact bytes."),
    sa.Column("claimed_at", Utc, nullable=False, comment="UTC; before the first byte was sent."),
    sa.Column(
        "quiet_from",
        Utc,
        comment="UTC; after it QuickBooks cannot still be working on it. Null until in doubt.",
    ),
    sa.Column(
        "qbo_time",
        Utc,
        comment="QuickBooks' own clock before the claim: what the batch created is newer.",
    ),
    sa.Column(
        "claim_no",
        sa.Integer,
        comment="The number of its claim, also after that was given back. Null where an earlier"
        " version claimed it.",
    ),
    sa.Index("ix_batches_claim_no", "connection_id", "claim_no"),
    comment="Each batch that was handed to QuickBooks, under the request id it was sent with.",
)

ledger = sa.Table(
    "ledger",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("entry_id", sa.String(64), primary_key=True, comment="The source's id."),
    sa.Column(
        "state",
        _one_of("state", LedgerState),
        nullable=False,
        comment="sending until QuickBooks answers; in doubt once its run has ended.",
    ),
    sa.Column(
        "run_id", sa.ForeignKey("runs.id"), nullable=False, comment="The run that claimed it last."
    ),
    sa.Column(
        "request_id",
        sa.ForeignKey("batches.request_id"),
        nullable=False,
        comment="The batch it was sent in.",
    ),
    sa.Column("bid", sa.String(10), nullable=False, comment="Its bId in that batch."),
    sa.Column("body", sa.Text, nullable=False, comment="The TimeActivity as sent, to the byte."),
    sa.Column("minutes", sa.Integer, nullable=False, comment="Rounded minutes, as sent."),
    sa.Column("txn_date", sa.String(10), nullable=False, comment="Local day, as sent."),
    sa.Column(
        "time_activity_id", sa.String(20), comment="QuickBooks' Id; null unless sent or recalled."
    ),
    sa.Column("sync_token", sa.String(20), comment="QuickBooks' SyncToken; null unless sent."),
    sa.Column(
        "proof",
        _one_of("proof", Proof),
        comment="How we know it was sent: QuickBooks' answer, or its books. Null unless sent.",
    ),
    sa.Column("fault", sa.Text, comment="QuickBooks' own words; null unless refused."),
    sa.Column("qbo_time", Utc, comment="QuickBooks' own clock when it answered."),
    sa.Column(
        "company_state",
        sa.Text,
        comment="The company's plan, currency and closing date then; null unless refused.",
    ),
    sa.Column("changed_at", Utc, nullable=False, comment="UTC; the last change of state."),
    sa.CheckConstraint(
        "(state IN ('sent', 'recalled')) = (time_activity_id IS NOT NULL)", name="sent_has_an_id"
    ),
    sa.CheckConstraint("(state = 'refused') = (fault IS NOT NULL)", name="refused_has_a_fault"),
    sa.UniqueConstraint("request_id", "bid"),
    sa.UniqueConstraint("connection_id", "time_activity_id"),
    sa.Index("ix_ledger_open", "connection_id", "state", "request_id"),
    comment="Every entry that was ever claimed for sending: the only record of what was sent.",
)

contents = sa.Table(
    "contents",
    metadata,
    sa.Column(
        "connection_id", sa.Integer, primary_key=True, comment="The connection the row belongs to."
    ),
    sa.Column("entry_id", sa.String(64), primary_key=True, comment="The source's id."),
    sa.Column(
        "claim_no",
        sa.BigInteger,
        nullable=False,
        comment="Grows with each claim of the connection, to find what is new since a plan.",
    ),
    sa.Column(
        "source",
        _one_of("source", Source),
        nullable=False,
        comment="Whether Clockify gave the id, or we did for a row of a file.",
    ),
    sa.Column("user_id", sa.String(64), nullable=False, comment="Who worked: Clockify's id."),
    sa.Column(
        "person",
        sa.String(40),
        comment="Who worked in QuickBooks: kind and id, such as employee:61.",
    ),
    sa.Column("day", sa.String(10), nullable=False, comment="Local day."),
    sa.Column("start", Utc, comment="UTC; null where the source gives only the day."),
    sa.Column(
        "wall",
        sa.String(16),
        comment="Start as the source's own clock showed it, YYYY-MM-DDTHH:MM; in a file, no matter"
        " which time zone it was read in.",
    ),
    sa.Column(
        "duration_s", sa.Integer, nullable=False, comment="Time worked in seconds, before rounding."
    ),
    sa.Column(
        "slack_s", sa.Integer, nullable=False, comment="By how many seconds that may be off."
    ),
    sa.Column("project_id", sa.String(64), comment="Clockify's id of the project."),
    sa.Column("project", sa.Text, comment="Name of the project."),
    sa.Column("client", sa.Text, comment="Name of its client."),
    sa.Column("task", sa.Text, comment="Name of the task."),
    sa.Column("description", sa.String(32), comment="SHA-256 of what was done, shortened."),
    sa.ForeignKeyConstraint(
        ["connection_id", "entry_id"],
        ["ledger.connection_id", "ledger.entry_id"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    sa.Index("ix_contents_day", "connection_id", "day"),
    sa.Index("ix_contents_claim_no", "connection_id", "claim_no"),
    comment="The content of the ledger's entries, to recognize the same work where no id does."
    " Null means that the source does not say; an empty text, that it says there is none.",
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("entry_id", sa.String(64), primary_key=True, comment="The source's id."),
    sa.Column(
        "run_id",
        sa.ForeignKey("runs.id", ondelete="CASCADE"),
        nullable=False,
        comment="The latest run that judged it.",
    ),
    sa.Column(
        "state", _one_of("state", State), nullable=False, comment="How it ended in that run."
    ),
    sa.Column("reason", _one_of("reason", Reason), comment="Why it did not go; null when it did."),
    sa.Column("detail", sa.Text, comment="What a person can do about it."),
    sa.Column("date", sa.String(10), nullable=False, comment="Local day."),
    sa.Column("minutes", sa.Integer, comment="Rounded minutes; null while the timer runs."),
    sa.Column("user", sa.Text, comment="Who worked."),
    sa.Column("client", sa.Text, comment="Name of the client."),
    sa.Column("project", sa.Text, comment="Name of the project."),
    sa.Column("description", sa.Text, nullable=False, comment="What was done."),
    sa.Index("ix_verdicts_day", "connection_id", "date"),
    comment="How each entry ended in the latest run that judged it. For what was sent, only the"
    " ledger counts.",
)

pacing = sa.Table(
    "pacing",
    metadata,
    sa.Column("realm_id", sa.String(64), primary_key=True, comment="The QuickBooks company."),
    sa.Column("api_url", sa.Text, primary_key=True, comment="The address its calls go to."),
    sa.Column(
        "state", sa.Text, nullable=False, comment="Recent calls and learned limits, as JSON."
    ),
    comment="The calls of the last minute and the learned limits of a company, shared by all"
    " processes that call it. What is lost here is learned again.",
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, comment="The number people see: plan 12."),
    _connection_id(),
    sa.Column(
        "state",
        _one_of("plan_state", PlanState),
        nullable=False,
        comment="How far its review has come.",
    ),
    sa.Column("first_day", sa.String(10), nullable=False, comment="Local day, included."),
    sa.Column("last_day", sa.String(10), nullable=False, comment="Local day, included."),
    sa.Column("flow_run_id", sa.String(36), comment="The Prefect run that waits."),
    sa.Column("address", sa.Text, comment="The page where somebody decides."),
    sa.Column("made_at", Utc, nullable=False, comment="UTC; when it was made."),
    sa.Column(
        "expires_at",
        Utc,
        comment="UTC; after it nobody can approve. Null while the plan is being made.",
    ),
    sa.Column(
        "fingerprint",
        sa.String(64),
        comment="SHA-256 of its entries' ids and TimeActivities, in order. Null while it is made.",
    ),
    sa.Column("entries", sa.Integer, nullable=False, comment="How many would go."),
    sa.Column(
        "minutes", sa.BigInteger, nullable=False, comment="Rounded minutes of all that would go."
    ),
    sa.Column(
        "amount_cents",
        sa.BigInteger,
        nullable=False,
        comment="Billable amount, in hundredths of the currency unit.",
    ),
    sa.Column(
        "currency",
        sa.String(3),
        nullable=False,
        comment="The company's currency; empty when unknown.",
    ),
    sa.Column("decided_at", Utc, comment="UTC; null until decided."),
    sa.Column("decided_by", sa.Text, comment="Who decided, in their own words."),
    sa.Column("note", sa.Text, comment="What they noted."),
    sa.Column(
        "verified_by",
        sa.Text,
        comment="Who decided, according to a proxy with its own login; null without one.",
    ),
    sa.Column(
        "answer_id",
        sa.String(32),
        comment="The answer that verified_by gave, by the id that the page's guard gave it.",
    ),
    sa.Column("run_id", sa.ForeignKey("runs.id"), comment="The run that sent it; null until then."),
    sa.Index("ix_plans_waiting", "connection_id", "state"),
    sa.Index("ix_plans_flow_run_id", "flow_run_id"),
    comment="Plans that were shown to somebody for review, and what they decided.",
)

plan_entries = sa.Table(
    "plan_entries",
    metadata,
    sa.Column(
        "plan_id",
        sa.ForeignKey("plans.id", ondelete="CASCADE"),
        primary_key=True,
        comment="The plan it belongs to.",
    ),
    sa.Column("number", sa.Integer, primary_key=True, comment="Its place in the plan, from 1."),
    sa.Column("entry_id", sa.String(64), nullable=False, comment="The source's id."),
    sa.Column("date", sa.String(10), nullable=False, comment="Local day."),
    sa.Column("minutes", sa.Integer, nullable=False, comment="Rounded minutes."),
    sa.Column("user", sa.Text, comment="Who worked."),
    sa.Column("client", sa.Text, comment="Name of the client."),
    sa.Column("project", sa.Text, comment="Name of the project."),
    sa.Column("description", sa.Text, nullable=False, comment="What was done."),
    sa.Column("body", sa.Text, nullable=False, comment="The TimeActivity as shown, to the byte."),
    sa.Column("left_out", sa.Boolean, nullable=False, comment="Whether the reviewer left it out."),
    sa.Index("ix_plan_entries_entry_id", "entry_id"),
    comment="The entries of a plan that would go.",
)

turns = sa.Table(
    "turns",
    metadata,
    _connection_id(primary_key=True),
    sa.Column("holder", sa.String(36), nullable=False, comment="UUID of whoever holds the lock."),
    sa.Column("what", sa.String(50), nullable=False, comment="The name of the flow that holds it."),
    sa.Column("since", Utc, nullable=False, comment="UTC; when it was taken."),
    sa.Column("until", Utc, nullable=False, comment="UTC; after it the holder counts as dead."),
    comment="The run lock of each connection: which deployed run is working on it, if any.",
)
