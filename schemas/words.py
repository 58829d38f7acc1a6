"""The words that the code, the database and the JSON share: states and reasons.

They are those of the domain's table "Which entries go"; the order of `REASONS` is the order in
which reasons are given when several apply.
"""

from enum import StrEnum


class State(StrEnum):
    """Where one entry of a run ends."""

    READY = "ready"  # a dry run would send it
    SENT = "sent"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"


class Reason(StrEnum):
    """Why an entry did not go, in the order in which reasons are given."""

    RUNNING = "running"
    ALREADY_SENT = "already_sent"
    FILTERED = "filtered"
    WAITING_FOR_REVIEW = "waiting_for_review"
    LEFT_OUT = "left_out"
    CHANGED_SINCE_REVIEW = "changed_since_review"
    DUPLICATE_ROW = "duplicate_row"
    NOT_APPROVED = "not_approved"
    BREAK = "break"
    TOO_LONG = "too_long"
    ROUNDS_TO_ZERO = "rounds_to_zero"
    BILLABLE_WITHOUT_PROJECT = "billable_without_project"
    UNLINKED_USER = "unlinked_user"
    UNLINKED_PROJECT = "unlinked_project"
    AMBIGUOUS_NAME = "ambiguous_name"
    BOOKS_CLOSED = "books_closed"
    RATE_CURRENCY = "rate_currency"
    BILLABLE_WITHOUT_RATE = "billable_without_rate"
    QBO_REFUSED = "qbo_refused"
    NOT_ATTEMPTED = "not_attempted"
    UNCONFIRMED = "unconfirmed"


STATE_OF = {
    Reason.RUNNING: State.SKIPPED,
    Reason.ALREADY_SENT: State.SKIPPED,
    Reason.FILTERED: State.SKIPPED,
    Reason.WAITING_FOR_REVIEW: State.SKIPPED,
    Reason.LEFT_OUT: State.SKIPPED,
    Reason.CHANGED_SINCE_REVIEW: State.SKIPPED,
    Reason.DUPLICATE_ROW: State.SKIPPED,
    Reason.NOT_APPROVED: State.SKIPPED,
    Reason.BREAK: State.SKIPPED,
    Reason.TOO_LONG: State.REJECTED,
    Reason.ROUNDS_TO_ZERO: State.REJECTED,
    Reason.BILLABLE_WITHOUT_PROJECT: State.REJECTED,
    Reason.UNLINKED_USER: State.REJECTED,
    Reason.UNLINKED_PROJECT: State.REJECTED,
    Reason.AMBIGUOUS_NAME: State.REJECTED,
    Reason.BOOKS_CLOSED: State.REJECTED,
    Reason.RATE_CURRENCY: State.REJECTED,
    Reason.BILLABLE_WITHOUT_RATE: State.REJECTED,
    Reason.QBO_REFUSED: State.REJECTED,
    Reason.NOT_ATTEMPTED: State.REJECTED,
    Reason.UNCONFIRMED: State.IN_DOUBT,
}


class LedgerState(StrEnum):
    """What the ledger holds of an entry that was ever claimed."""

    SENDING = "sending"  # claimed by a run; in doubt once that run has ended
    SENT = "sent"
    REFUSED = "refused"
    RECALLED = "recalled"


class Proof(StrEnum):
    """How the ledger knows that an entry was sent."""

    ANSWER = "answer"  # QuickBooks said so, under the entry's own request id and bId
    BOOKS = "books"  # it was found there, by its content or by a person; a twin may be meant


class Kind(StrEnum):
    """What a link joins on Clockify's side; clients only group projects, and are never linked."""

    USER = "user"
    CLIENT = "client"
    PROJECT = "project"


class QboKind(StrEnum):
    """What a link joins on QuickBooks' side."""

    EMPLOYEE = "employee"
    VENDOR = "vendor"
    CUSTOMER = "customer"


class Origin(StrEnum):
    """How a link came to be; none is ever replaced by one by name."""

    NAME = "name"  # a sync found exactly one partner of that name
    MANUAL = "manual"  # a person said so
    CREATED = "created"  # Clockbooks made the partner, when told to


class Problem(StrEnum):
    """Why a sync left somebody without a partner."""

    MISSING = "missing"  # nobody bears that name
    NEAR = "near"  # somebody bears nearly that name
    AMBIGUOUS = "ambiguous"  # several do, or it is borne by several here
    UNLINKED = "unlinked"  # a person said that the partner of that name is not meant
    GONE = "gone"  # deleted in Clockify, which lists them no more; seen in entries


class Side(StrEnum):
    """Where something is missing, or is made."""

    CLOCKIFY = "clockify"
    QUICKBOOKS = "quickbooks"


class Source(StrEnum):
    """Where an entry comes from, and so who gave it its id."""

    CLOCKIFY = "clockify"  # Clockify's own interface: two ids are two entries
    FILE = "file"  # a row of an export: its content must do


class PlanState(StrEnum):
    """How far the review of a kept plan has come."""

    MAKING = "making"  # its entries are being written down; it holds nothing back
    WAITING = "waiting"  # somebody is to decide; its entries go with no other send
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"  # nobody decided in time
    WITHDRAWN = "withdrawn"  # its run was cancelled or is gone, or somebody took it back
