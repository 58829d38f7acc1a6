"""The database: connections, their secrets, links, runs, and the ledger.

The tables are the same on SQLite and PostgreSQL. A test holds them equal to the migrations beside
this file. The file is long because each column has its comment here, for the database and for
data/DICTIONARY.md.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from schemas.words import (
    ActorKind,
    Block,
    Event,
    LedgerState,
    Mark,
    Operation,
    PayOrigin,
    PlanState,
    Proof,
    Reason,
    Source,
    State,
    Target,
    TargetProblem,
    Verdict,
)

#: The newest migration, which creates these tables; a test holds the two equal.
REVISION = "0027"

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
    values = [str(word) for word in words]
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=30)


def _column(
    name: str, kind: Any, comment: str, *, null: bool = False, **options: Any
) -> sa.Column[Any]:
    """Describe a column, which is never null unless that is said; *kind* may be a foreign key."""
    return sa.Column(name, kind, nullable=null, comment=comment, **options)


def _connection_id(**options: Any) -> sa.Column[int]:
    of_connection = sa.ForeignKey("connections.id", ondelete="CASCADE")
    return _column("connection_id", of_connection, "The connection the row belongs to.", **options)


connections = sa.Table(
    "connections",
    metadata,
    _column("id", sa.Integer, "Our id of the connection.", primary_key=True),
    _column("name", sa.String(100), "As in --connection NAME.", unique=True),
    _column("workspace_id", sa.String(64), "Clockify's id."),
    _column("workspace_name", sa.String(250), "Its name when connected."),
    _column("realm_id", sa.String(64), "The QuickBooks company."),
    _column("company_name", sa.String(250), "Its name when connected."),
    _column("timezone", sa.String(64), "IANA name; decides an entry's day."),
    _column("link_vendors", sa.Boolean, "Whether users may link to vendors."),
    _column("connected_at", Utc, "UTC; renewed by each connect."),
    _column("synced_at", Utc, "UTC; null until the first sync.", null=True),
    _column(
        "pay_types_as_of",
        Utc,
        "QuickBooks' clock: pay types were learned from time that changed before it. Null: never.",
        null=True,
    ),
    sa.UniqueConstraint("workspace_id", "realm_id"),
    comment="Each Clockify workspace joined to a QuickBooks company.",
)

secrets = sa.Table(
    "secrets",
    metadata,
    _connection_id(primary_key=True),
    _column("clockify_api_key", sa.Text, "Clockify's key, encrypted."),
    _column("access_token", sa.Text, "Intuit's, encrypted."),
    _column("access_expires_at", Utc, "UTC; when that token ends."),
    _column("refresh_token", sa.Text, "Intuit's, encrypted."),
    _column(
        "refresh_expires_at",
        Utc,
        "UTC; when that token ends. Null when Intuit did not say.",
        null=True,
    ),
    _column(
        "consent_expires_at",
        Utc,
        "UTC; the hard end, which no refresh extends. Null when Intuit did not say.",
        null=True,
    ),
    _column(
        "consent_ended_at",
        Utc,
        "UTC; when Intuit rejected the refresh token for good. Null while it is valid.",
        null=True,
    ),
    _column(
        "refresher", sa.String(36), "Who holds the refresh lease; null when nobody does.", null=True
    ),
    _column("refresher_until", Utc, "UTC; when the refresh lease ends.", null=True),
    _column("changed_at", Utc, "UTC; the last change of the row."),
    comment="The secrets of each connection; a disconnected one has no row.",
)

own_settings = sa.Table(
    "own_settings",
    metadata,
    _connection_id(primary_key=True),
    _column("name", sa.String(50), "The setting's name.", primary_key=True),
    _column("value", sa.Text, "Its value, written as in the environment."),
    _column("changed_at", Utc, "UTC; when it was set."),
    comment="Settings of one connection that override the environment.",
)

revocations = sa.Table(
    "revocations",
    metadata,
    _column("id", sa.Integer, "Our id of the revocation.", primary_key=True),
    _connection_id(index=True),
    _column("refresh_token", sa.Text, "Encrypted."),
    _column("asked_at", Utc, "UTC; when somebody disconnected."),
    _column("tried_at", Utc, "UTC; null before the first try.", null=True),
    _column("problem", sa.Text, "Why the last try failed; null before the first.", null=True),
    comment="Tokens that Intuit has yet to revoke; later commands try again.",
)

links = sa.Table(
    "links",
    metadata,
    _connection_id(primary_key=True),
    _column("kind", sa.String(10), "user or project", primary_key=True),
    _column("clockify_id", sa.String(64), "Clockify's id.", primary_key=True),
    _column("clockify_name", sa.Text, "Its name when linked.", null=True),
    _column("qbo_kind", sa.String(10), "employee, vendor or customer"),
    _column("qbo_id", sa.String(20), "QuickBooks' id."),
    _column("qbo_name", sa.Text, "Its DisplayName when linked."),
    _column("origin", sa.String(10), "name, manual (by hand) or created"),
    _column("linked_at", Utc, "UTC; when it was linked."),
    comment="Which Clockify user or project is which person or customer in QuickBooks.",
)

unlinked = sa.Table(
    "unlinked",
    metadata,
    _connection_id(primary_key=True),
    _column("kind", sa.String(10), "user or project", primary_key=True),
    _column("clockify_id", sa.String(64), "Clockify's id.", primary_key=True),
    _column("clockify_name", sa.Text, "Its name, with its client.", null=True),
    _column(
        "problem",
        sa.String(10),
        "missing, near, ambiguous, unlinked or excluded (by hand), or gone",
    ),
    _column("candidates", sa.Text, "The likeliest matches, as text."),
    comment="What the last sync could not link, so that a send can name the near misses.",
)

rules = sa.Table(
    "rules",
    metadata,
    _connection_id(primary_key=True),
    _column("number", sa.Integer, "Its place, from 1.", primary_key=True),
    _column("gives", _one_of("gives", Target), "item, class, location or pay_type"),
    _column("name", sa.Text, "Name of that in QuickBooks."),
    _column(
        "qbo_id",
        sa.String(20),
        "QuickBooks' id; null until it is found, and of a pay type.",
        null=True,
    ),
    _column(
        "problem",
        _one_of("problem", TargetProblem),
        "missing, ambiguous or inactive; null when there is none.",
        null=True,
    ),
    _column("candidates", sa.Text, "What the name may mean, as text.", null=True),
    _column("task", sa.Text, "Condition: name of the task.", null=True),
    _column("tag", sa.Text, "Condition: name of a tag.", null=True),
    _column("project", sa.Text, "Condition: name or id of the project.", null=True),
    _column("client", sa.Text, "Condition: name or id of the client.", null=True),
    _column("user_group", sa.Text, "Condition: name or id of a group of the user.", null=True),
    _column("user", sa.Text, "Condition: name or id of the user.", null=True),
    _column("billable", sa.Boolean, "Condition: whether it is billable.", null=True),
    _column("hours", sa.String(20), "Condition: overtime or double_time.", null=True),
    comment="Which service item, class, location and pay type time gets: the first match decides.",
)

pay_types = sa.Table(
    "pay_types",
    metadata,
    _connection_id(primary_key=True),
    _column("qbo_person_id", sa.String(20), "QuickBooks' id of the employee.", primary_key=True),
    _column("origin", _one_of("origin", PayOrigin), "learned or by_hand", primary_key=True),
    _column(
        "pay_type_id", sa.String(100), "QuickBooks' id of it, for this employee.", primary_key=True
    ),
    _column("name", sa.Text, "Its name; null where QuickBooks does not say.", null=True),
    comment="What the pay types that rules give are for each employee (PayrollItemRef).",
)

runs = sa.Table(
    "runs",
    metadata,
    _column("id", sa.String(36), "UUID; run_id in JSON.", primary_key=True),
    _connection_id(index=True),
    _column("started_at", Utc, "UTC; when it began."),
    _column(
        "lease_until",
        Utc,
        "UTC; renewed while the run is alive. After it, the run's claims are in doubt.",
    ),
    _column("finished_at", Utc, "UTC; null while it runs, and after a crash.", null=True),
    _column(
        "approved_only",
        sa.Boolean,
        "Whether it sent approved entries alone; null where it did not ask.",
        null=True,
    ),
    _column(
        "actor_id",
        sa.String(64),
        "Who ran it; see `actors`. Null where an earlier version did.",
        null=True,
    ),
    _column("plan_id", sa.Integer, "The approved plan that it sends, if any.", null=True),
    comment="Every send, import and settlement, with the lease on what it claims.",
)

batches = sa.Table(
    "batches",
    metadata,
    _column("request_id", sa.String(36), "QuickBooks' requestid.", primary_key=True),
    _connection_id(index=True),
    _column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), "The run that sent it."),
    _column("fingerprint", sa.String(64), "SHA-256 of the exact bytes."),
    _column("claimed_at", Utc, "UTC; before the first byte was sent."),
    _column(
        "quiet_from",
        Utc,
        "UTC; after it QuickBooks cannot still be working on it. Null until in doubt.",
        null=True,
    ),
    _column(
        "qbo_time",
        Utc,
        "QuickBooks' own clock before the claim: what the batch created is newer.",
        null=True,
    ),
    _column(
        "claim_no",
        sa.Integer,
        "The number of its claim, also after that was given back. Null where an earlier"
        " version claimed it.",
        null=True,
    ),
    _column(
        "has_payroll",
        sa.Boolean,
        "Whether the company had payroll when new entries were claimed; null for changes, what was"
        " adopted or resent, and what an earlier version claimed.",
        null=True,
    ),
    sa.Index("ix_batches_claim_no", "connection_id", "claim_no"),
    sa.Index("ix_batches_has_payroll", "connection_id", "has_payroll", "claimed_at"),
    comment="Each batch that was handed to QuickBooks, under the request id it was sent with.",
)

ledger = sa.Table(
    "ledger",
    metadata,
    _connection_id(primary_key=True),
    _column("entry_id", sa.String(64), "The source's id.", primary_key=True),
    _column(
        "state",
        _one_of("state", LedgerState),
        "sending until QuickBooks answers; in doubt once its run has ended.",
    ),
    _column("run_id", sa.ForeignKey("runs.id"), "The run that claimed it last."),
    _column("request_id", sa.ForeignKey("batches.request_id"), "The batch it was sent in."),
    _column("bid", sa.String(10), "Its bId in that batch."),
    _column("body", sa.Text, "The TimeActivity as sent, to the byte."),
    _column("minutes", sa.Integer, "Rounded minutes, as sent."),
    _column("txn_date", sa.String(10), "Local day, as sent."),
    _column(
        "time_activity_id",
        sa.String(20),
        "QuickBooks' Id; null unless sent or recalled.",
        null=True,
    ),
    _column("sync_token", sa.String(20), "QuickBooks' SyncToken; null unless sent.", null=True),
    _column(
        "proof",
        _one_of("proof", Proof),
        "How we know it was sent: QuickBooks' answer, or its books. Null unless sent.",
        null=True,
    ),
    _column("fault", sa.Text, "QuickBooks' own words; null unless refused.", null=True),
    _column("qbo_time", Utc, "QuickBooks' own clock when it answered.", null=True),
    _column(
        "company_state",
        sa.Text,
        "The company's plan, currency and closing date then; null unless refused.",
        null=True,
    ),
    _column("changed_at", Utc, "UTC; the last change of state."),
    _column(
        "approved_only",
        sa.Boolean,
        "Whether the run that claimed it sent approved entries alone.",
        null=True,
    ),
    _column("adopted", sa.Boolean, "True where QuickBooks had its time from elsewhere.", null=True),
    sa.CheckConstraint(
        "(state IN ('sent', 'recalled')) = (time_activity_id IS NOT NULL)", name="sent_has_an_id"
    ),
    sa.CheckConstraint("(state = 'refused') = (fault IS NOT NULL)", name="refused_has_a_fault"),
    sa.UniqueConstraint("request_id", "bid"),
    sa.UniqueConstraint("connection_id", "time_activity_id"),
    sa.Index("ix_ledger_open", "connection_id", "state", "request_id"),
    sa.Index("ix_ledger_day", "connection_id", "txn_date"),
    comment="Every entry that was ever claimed for sending: the only record of what was sent.",
)

changes = sa.Table(
    "changes",
    metadata,
    _column("connection_id", sa.Integer, "The connection the row belongs to.", primary_key=True),
    _column("entry_id", sa.String(64), "An entry that was sent.", primary_key=True),
    _column("operation", _one_of("operation", Operation), "update or delete"),
    _column("time_activity_id", sa.String(20), "The TimeActivity that is to change."),
    _column("run_id", sa.ForeignKey("runs.id"), "The run that claimed it."),
    _column("request_id", sa.ForeignKey("batches.request_id"), "The batch it is sent in."),
    _column("bid", sa.String(10), "Its bId in that batch."),
    _column("body", sa.Text, "The TimeActivity as sent, to the byte."),
    _column(
        "replacement",
        sa.Text,
        "The TimeActivity to create after the deletion, to the byte; null for none.",
        null=True,
    ),
    _column(
        "contents",
        sa.Text,
        "What the entry is about afterwards: a row of `contents`, as JSON.",
        null=True,
    ),
    _column("minutes", sa.Integer, "Rounded minutes afterwards; null if deleted.", null=True),
    _column("txn_date", sa.String(10), "Local day afterwards, also if deleted.", null=True),
    sa.ForeignKeyConstraint(
        ["connection_id", "entry_id"],
        ["ledger.connection_id", "ledger.entry_id"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    sa.UniqueConstraint("request_id", "bid"),
    sa.Index("ix_changes_run_id", "run_id"),
    comment="Changes of sent entries that are claimed and not confirmed yet; in doubt once their"
    " run has ended.",
)

parts = sa.Table(
    "parts",
    metadata,
    _connection_id(primary_key=True),
    _column("entry_id", sa.String(64), "A part of an entry, by its id.", primary_key=True),
    comment="Parts of entries that are handed over or taken back together, until QuickBooks is"
    " known to have all of an entry's, or none.",
)

lines = sa.Table(
    "lines",
    metadata,
    _column("connection_id", sa.Integer, "The connection the row belongs to.", primary_key=True),
    _column("entry_id", sa.String(64), "One of several entries of a line.", primary_key=True),
    _column("first_id", sa.String(64), "The first of them: the ledger has the line as its row."),
    _column("before_min", sa.Integer, "Rounded minutes of those before it."),
    _column("minutes", sa.Integer, "Its own rounded minutes, as sent."),
    _column("body", sa.Text, "The TimeActivity that it would have been alone."),
    _column("contents", sa.Text, "What it is about: a row of `contents`, as JSON."),
    sa.ForeignKeyConstraint(
        ["connection_id", "first_id"],
        ["ledger.connection_id", "ledger.entry_id"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    sa.Index("ix_lines_first_id", "connection_id", "first_id"),
    comment="Entries that went together, as one TimeActivity: what the ledger has of the first one,"
    " it has of each. An older row of theirs in the ledger does not count meanwhile.",
)

history_heads = sa.Table(
    "history_heads",
    metadata,
    _connection_id(primary_key=True),
    _column("number", sa.Integer, "The number of the newest row."),
    _column("hash", sa.String(64), "Its hash."),
    _column("dropped", sa.Integer, "The newest row that was dropped for its age; 0 for none."),
    _column("dropped_hash", sa.String(64), "Its hash: the anchor of the oldest row."),
    _column("since", Utc, "UTC; the history tells nothing of what happened before."),
    comment="The newest row of each connection's history, so that none is removed unseen.",
)

actors = sa.Table(
    "actors",
    metadata,
    _column("id", sa.String(64), "SHA-256 of salt, kind and name.", primary_key=True),
    _column("salt", sa.String(32), "Random; empty once the name was replaced."),
    _column("kind", _one_of("actor_kind", ActorKind), "How the actor is known."),
    _column("name", sa.Text, "Who it is; a pseudonym once that was asked for."),
    _column("pseudonym", sa.Boolean, "Whether the name was replaced."),
    comment="Who acted, apart from the history, so that a name can be replaced in it.",
)

history = sa.Table(
    "history",
    metadata,
    _connection_id(primary_key=True),
    _column("number", sa.Integer, "Its place, from 1.", primary_key=True),
    _column("at", sa.String(32), "UTC, ISO 8601."),
    _column("event", _one_of("event", Event), "What happened."),
    _column("entry_id", sa.String(64), "The entry."),
    _column("operation", sa.String(10), "What QuickBooks was asked to do.", null=True),
    _column("run_id", sa.String(36), "The run that did it.", null=True),
    _column("actor_id", sa.String(64), "Who ran it; see `actors`.", null=True),
    _column("request_id", sa.String(36), "QuickBooks' requestid.", null=True),
    _column("fingerprint", sa.String(64), "SHA-256 of the TimeActivity's bytes.", null=True),
    _column("minutes", sa.Integer, "Rounded minutes.", null=True),
    _column("time_activity_id", sa.String(20), "QuickBooks' Id.", null=True),
    _column(
        "note", sa.Text, "QuickBooks' own words; or the other id of a renamed entry.", null=True
    ),
    _column("hash", sa.String(64), "SHA-256 of the row before and this one."),
    sa.Index("ix_history_entry_id", "connection_id", "entry_id"),
    comment="Everything that happened to each entry. Rows are only ever added, each with the hash"
    " of the one before.",
)

unknown_time = sa.Table(
    "unknown_time",
    metadata,
    _connection_id(primary_key=True),
    _column("time_activity_id", sa.String(20), "QuickBooks' Id.", primary_key=True),
    _column("person", sa.String(40), "Kind and id, such as employee:61."),
    _column("day", sa.String(10), "TxnDate."),
    _column("minutes", sa.Integer, "Hours and Minutes, in minutes."),
    _column("is_other", sa.Boolean, "Whether somebody said that no entry is meant by it."),
    sa.Index("ix_unknown_time_day", "connection_id", "day"),
    comment="TimeActivities that no ledger of the company accounts for.",
)

not_this_entry = sa.Table(
    "not_this_entry",
    metadata,
    _connection_id(primary_key=True),
    _column("entry_id", sa.String(64), "The entry that was in doubt.", primary_key=True),
    _column("time_activity_id", sa.String(20), "QuickBooks' Id.", primary_key=True),
    _column("person", sa.String(40), "Kind and id, such as employee:61, when that was said."),
    _column("day", sa.String(10), "TxnDate then."),
    _column("minutes", sa.Integer, "Hours and Minutes then, in minutes."),
    comment="TimeActivities of which somebody said that an entry is not one of them: they hold that"
    " entry back no more.",
)

drift = sa.Table(
    "drift",
    metadata,
    _column("id", sa.Integer, "Our id of the difference.", primary_key=True),
    _connection_id(),
    _column("run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), "The run that found it."),
    _column("entry_id", sa.String(64), "The entry; null for unknown time.", null=True),
    _column("time_activity_id", sa.String(20), "QuickBooks' Id; null if unsent.", null=True),
    _column("verdict", _one_of("verdict", Verdict), "What differs."),
    _column("blocked", _one_of("blocked", Block), "What forbids a repair.", null=True),
    _column("detail", sa.Text, "What a person can do about it."),
    _column("date", sa.String(10), "Local day."),
    _column("differs", sa.Text, "The fields that differ, as JSON."),
    sa.Index("ix_drift_day", "connection_id", "date"),
    comment="What the latest reconciliation of each day found, except for what agrees.",
)

contents = sa.Table(
    "contents",
    metadata,
    _column("connection_id", sa.Integer, "The connection the row belongs to.", primary_key=True),
    _column("entry_id", sa.String(64), "The source's id.", primary_key=True),
    _column(
        "claim_no",
        sa.BigInteger,
        "Grows with each claim of the connection, to find what is new since a plan.",
    ),
    _column(
        "source",
        _one_of("source", Source),
        "Whether Clockify gave the id, or we did for a row of a file.",
    ),
    _column("user_id", sa.String(64), "Who worked: Clockify's id."),
    _column(
        "person",
        sa.String(40),
        "Who worked in QuickBooks: kind and id, such as employee:61.",
        null=True,
    ),
    _column("day", sa.String(10), "Local day."),
    _column("start", Utc, "UTC; null where the source gives only the day.", null=True),
    _column(
        "wall",
        sa.String(16),
        "Start as the source's own clock showed it, YYYY-MM-DDTHH:MM; in a file, no matter"
        " which time zone it was read in.",
        null=True,
    ),
    _column("duration_s", sa.Integer, "Time worked in seconds, before rounding."),
    _column("slack_s", sa.Integer, "By how many seconds that may be off."),
    _column("project_id", sa.String(64), "Clockify's id of the project.", null=True),
    _column("project", sa.Text, "Name of the project.", null=True),
    _column("client", sa.Text, "Name of its client.", null=True),
    _column("task", sa.Text, "Name of the task.", null=True),
    _column("description", sa.String(32), "SHA-256 of what was done, shortened.", null=True),
    _column(
        "rate",
        sa.String(40),
        "Hourly rate that the source reported, in millionths of the currency unit, and that:"
        " 75500000 USD; empty for none, untold of a file without rates, null where it was not"
        " kept.",
        null=True,
    ),
    _column(
        "hours",
        sa.String(40),
        "Which hours of the workweek it went as, behind the settings of then: weekly sunday"
        " overtime; null where no rule for overtime decided.",
        null=True,
    ),
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

former_contents = sa.Table(
    "former_contents",
    metadata,
    _column("id", sa.Integer, "Our id of the row.", primary_key=True),
    _column("connection_id", sa.Integer, "The connection the row belongs to."),
    _column("entry_id", sa.String(64), "The source's id."),
    _column("day", sa.String(10), "Local day."),
    _column("contents", sa.Text, "The row of `contents` as it was, as JSON."),
    sa.ForeignKeyConstraint(
        ["connection_id", "entry_id"],
        ["ledger.connection_id", "ledger.entry_id"],
        onupdate="CASCADE",
        ondelete="CASCADE",
    ),
    sa.Index("ix_former_contents_day", "connection_id", "day"),
    comment="What entries were about before a repair, to recognize them in older exports.",
)

verdicts = sa.Table(
    "verdicts",
    metadata,
    _connection_id(primary_key=True),
    _column("entry_id", sa.String(64), "The source's id.", primary_key=True),
    _column(
        "run_id", sa.ForeignKey("runs.id", ondelete="CASCADE"), "The latest run that judged it."
    ),
    _column("state", _one_of("state", State), "How it ended in that run."),
    _column("reason", _one_of("reason", Reason), "Why it did not go; null when it did.", null=True),
    _column("detail", sa.Text, "What a person can do about it.", null=True),
    _column("date", sa.String(10), "Local day."),
    _column("minutes", sa.Integer, "Rounded minutes; null while the timer runs.", null=True),
    _column("user", sa.Text, "Who worked.", null=True),
    _column("client", sa.Text, "Name of the client.", null=True),
    _column("project", sa.Text, "Name of the project.", null=True),
    _column("description", sa.Text, "What was done."),
    _column(
        "start",
        sa.String(25),
        "When it begins on the connection's clock, ISO 8601 with its offset; null where the source"
        " gives only the day, or the run was an earlier version's.",
        null=True,
    ),
    _column(
        "billable",
        sa.Boolean,
        "Whether the customer pays for it; null if the run was an earlier version's.",
        null=True,
    ),
    _column(
        "amount_cents",
        sa.BigInteger,
        "Billable amount, in hundredths of the currency unit; null where it has none.",
        null=True,
    ),
    sa.Index("ix_verdicts_day", "connection_id", "date"),
    comment="How each entry ended in the latest run that judged it. For what was sent, only the"
    " ledger counts.",
)

marks = sa.Table(
    "marks",
    metadata,
    _connection_id(primary_key=True),
    _column("entry_id", sa.String(64), "Clockify's id of the entry.", primary_key=True),
    _column("mark", _one_of("mark", Mark), "Which mark it is.", primary_key=True),
    _column(
        "settled",
        sa.Boolean,
        "Whether the mark is known to be there, and ours; false before a call has set it, while one"
        " that sets it or takes it off is on the way, and after one whose end is not known.",
    ),
    _column("since", Utc, "UTC; when it was wanted, or the latest of these calls began."),
    _column("tag_id", sa.String(64), "Clockify's id of the tag; null for others.", null=True),
    sa.Index("ix_marks_settled", "connection_id", "mark", "settled"),
    comment="The marks on entries in Clockify that are ours. Nobody else's is ever taken off.",
)

pacing = sa.Table(
    "pacing",
    metadata,
    _column("realm_id", sa.String(64), "The QuickBooks company.", primary_key=True),
    _column("api_url", sa.Text, "The address its calls go to.", primary_key=True),
    _column("state", sa.Text, "Recent calls and learned limits, as JSON."),
    comment="The calls of the last minute and the learned limits of a company, shared by all"
    " processes that call it. What is lost here is learned again.",
)

reads = sa.Table(
    "reads",
    metadata,
    _column("app", sa.String(64), "SHA-256 of the Intuit app's client id.", primary_key=True),
    _column("month", sa.String(7), "YYYY-MM, in UTC.", primary_key=True),
    _column("reads", sa.BigInteger, "How many reads left for QuickBooks, repeated ones too."),
    comment="How often each app has read from QuickBooks, which Intuit meters by the month.",
)

list_copies = sa.Table(
    "list_copies",
    metadata,
    _connection_id(primary_key=True),
    _column("entity", sa.String(20), "QuickBooks' word for the list.", primary_key=True),
    _column("rows", sa.Text, "What a sync needs of each row, as JSON."),
    _column("as_of", Utc, "UTC, by QuickBooks' clock; all older changes are in the rows."),
    _column("whole_at", Utc, "UTC; when the list was last read as a whole."),
    comment="A copy of QuickBooks' lists: a sync asks for what has changed since. It may be lost.",
)

plans = sa.Table(
    "plans",
    metadata,
    _column("id", sa.Integer, "The number people see: plan 12.", primary_key=True),
    _connection_id(),
    _column("state", _one_of("plan_state", PlanState), "How far its review has come."),
    _column("first_day", sa.String(10), "Local day, included."),
    _column("last_day", sa.String(10), "Local day, included."),
    _column("flow_run_id", sa.String(36), "The Prefect run that waits.", null=True),
    _column("address", sa.Text, "The page where somebody decides.", null=True),
    _column("made_at", Utc, "UTC; when it was made."),
    _column(
        "expires_at",
        Utc,
        "UTC; after it nobody can approve. Null while the plan is being made.",
        null=True,
    ),
    _column(
        "fingerprint",
        sa.String(64),
        "SHA-256 of its entries' ids and TimeActivities, in order. Null while it is made.",
        null=True,
    ),
    _column("entries", sa.Integer, "How many would go."),
    _column("minutes", sa.BigInteger, "Rounded minutes of all that would go."),
    _column("amount_cents", sa.BigInteger, "Billable amount, in hundredths of the currency unit."),
    _column("currency", sa.String(3), "The company's currency; empty when unknown."),
    _column("decided_at", Utc, "UTC; null until decided.", null=True),
    _column("decided_by", sa.Text, "Who decided, in their own words.", null=True),
    _column("note", sa.Text, "What they noted.", null=True),
    _column(
        "verified_by",
        sa.Text,
        "Who decided, according to a proxy with its own login; null without one.",
        null=True,
    ),
    _column(
        "answer_id",
        sa.String(32),
        "The answer that verified_by gave, by the id that the page's guard gave it.",
        null=True,
    ),
    _column(
        "run_id", sa.ForeignKey("runs.id"), "The run that sent it; null until then.", null=True
    ),
    _column(
        "files",
        sa.Text,
        "Path and SHA-256 of each file that it was made of, as JSON; null of a send.",
        null=True,
    ),
    sa.Index("ix_plans_waiting", "connection_id", "state"),
    sa.Index("ix_plans_flow_run_id", "flow_run_id"),
    comment="Plans that were shown to somebody for review, and what they decided.",
)

plan_entries = sa.Table(
    "plan_entries",
    metadata,
    _column(
        "plan_id",
        sa.ForeignKey("plans.id", ondelete="CASCADE"),
        "The plan it belongs to.",
        primary_key=True,
    ),
    _column("number", sa.Integer, "Its place in the plan, from 1.", primary_key=True),
    _column("entry_id", sa.String(64), "The source's id."),
    _column("date", sa.String(10), "Local day."),
    _column("minutes", sa.Integer, "Rounded minutes."),
    _column("user", sa.Text, "Who worked.", null=True),
    _column("client", sa.Text, "Name of the client.", null=True),
    _column("project", sa.Text, "Name of the project.", null=True),
    _column("description", sa.Text, "What was done."),
    _column("body", sa.Text, "The TimeActivity as shown, to the byte."),
    _column("left_out", sa.Boolean, "Whether the reviewer left it out."),
    sa.Index("ix_plan_entries_entry_id", "entry_id"),
    comment="The entries of a plan that would go.",
)

turns = sa.Table(
    "turns",
    metadata,
    _connection_id(primary_key=True),
    _column("holder", sa.String(36), "UUID of whoever holds the lock."),
    _column("what", sa.String(50), "The name of the flow that holds it."),
    _column("since", Utc, "UTC; when it was taken."),
    _column("until", Utc, "UTC; after it the holder counts as dead."),
    comment="The run lock of each connection: which deployed run is working on it, if any.",
)
