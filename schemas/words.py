"""The words that the code, the database and the JSON share: states, reasons and kinds."""

from enum import StrEnum


class State(StrEnum):
    """How an entry of a run ends."""

    READY = "ready"  # a dry run would send it
    SENT = "sent"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    IN_DOUBT = "in_doubt"
    RECALLED = "recalled"  # by a recall, which takes sent time back out of QuickBooks


class Reason(StrEnum):
    """Why an entry did not go. If several reasons apply, the first in this order is given."""

    RUNNING = "running"
    ALREADY_SENT = "already_sent"
    FILTERED = "filtered"
    WAITING_FOR_REVIEW = "waiting_for_review"
    LEFT_OUT = "left_out"
    CHANGED_SINCE_REVIEW = "changed_since_review"
    DUPLICATE_ROW = "duplicate_row"
    NOT_APPROVED = "not_approved"
    EXCLUDED = "excluded"
    TOO_EARLY = "too_early"
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
    CLASS_REQUIRED = "class_required"
    MAYBE_IN_BOOKS = "maybe_in_books"
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
    Reason.EXCLUDED: State.SKIPPED,
    Reason.TOO_EARLY: State.SKIPPED,
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
    Reason.CLASS_REQUIRED: State.REJECTED,
    Reason.MAYBE_IN_BOOKS: State.REJECTED,
    Reason.QBO_REFUSED: State.REJECTED,
    Reason.NOT_ATTEMPTED: State.REJECTED,
    Reason.UNCONFIRMED: State.IN_DOUBT,
}


class Hours(StrEnum):
    """What the hours of a workweek are."""

    REGULAR = "regular"
    OVERTIME = "overtime"
    DOUBLE_TIME = "double_time"


class LedgerState(StrEnum):
    """The state of an entry in the ledger, which has every entry that was ever claimed."""

    SENDING = "sending"  # claimed by a run; in doubt once that run has ended
    SENT = "sent"
    REFUSED = "refused"
    RECALLED = "recalled"


#: States of what QuickBooks has, or may have.
IN_BOOKS = (LedgerState.SENT, LedgerState.SENDING)


class Operation(StrEnum):
    """What an item of a batch asks QuickBooks to do."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Verdict(StrEnum):
    """What a reconciliation says of one entry or TimeActivity."""

    AGREES = "agrees"
    CHANGED_IN_CLOCKIFY = "changed_in_clockify"
    GONE_FROM_CLOCKIFY = "gone_from_clockify"
    UNAPPROVED_SINCE = "unapproved_since"
    CHANGED_IN_QUICKBOOKS = "changed_in_quickbooks"
    CHANGED_IN_BOTH = "changed_in_both"
    GONE_FROM_QUICKBOOKS = "gone_from_quickbooks"
    UNKNOWN_IN_QUICKBOOKS = "unknown_in_quickbooks"  # no entry of the ledger accounts for it
    UNSENT = "unsent"


class Block(StrEnum):
    """What forbids a repair."""

    BILLED = "billed"
    BOOKS_CLOSED = "books_closed"
    LINK_LOST = "link_lost"


class Repair(StrEnum):
    """What a repair did about one difference."""

    UPDATED = "updated"
    DELETED = "deleted"
    REPLACED = "replaced"  # deleted, and created anew for another person or customer
    RESENT = "resent"
    IN_DOUBT = "in_doubt"
    REFUSED = "refused"


class Mark(StrEnum):
    """A mark that we set on entries in Clockify."""

    INVOICED = "invoiced"
    SENT_TAG = "sent_tag"  # a tag, on what the ledger has as sent


class Event(StrEnum):
    """What the history records of an entry."""

    CLAIMED = "claimed"
    RELEASED = "released"  # QuickBooks certainly did nothing
    UNCLEAR = "unclear"  # no clear answer: in doubt
    SENT = "sent"
    REFUSED = "refused"
    UPDATED = "updated"
    RECALLED = "recalled"  # its TimeActivity is deleted, or was found gone
    ADOPTED = "adopted"  # its TimeActivity was in the books before
    TAKEN_BACK = "taken_back"  # its TimeActivity proved to be another entry's: in doubt again
    RENAMED = "renamed"  # from the id of a file's row to Clockify's


class ActorKind(StrEnum):
    """Who acted: how an actor is known."""

    USER = "user"  # of the operating system, at a terminal
    FLOW_RUN = "flow_run"  # of Prefect, by its id
    REVIEWER = "reviewer"  # by the name that they typed
    VERIFIED = "verified_reviewer"  # by a proxy's login


class Proof(StrEnum):
    """How the ledger knows that an entry was sent."""

    ANSWER = "answer"  # QuickBooks' answer to the entry's own request id and bId
    BOOKS = "books"  # found in the books, by content or by a person; it may be a twin


class Kind(StrEnum):
    """What a link joins on Clockify's side. Clients only group projects, and are never linked."""

    USER = "user"
    CLIENT = "client"
    PROJECT = "project"


class QboKind(StrEnum):
    """What a link joins on QuickBooks' side."""

    EMPLOYEE = "employee"
    VENDOR = "vendor"
    CUSTOMER = "customer"


class Origin(StrEnum):
    """How a link was made. A match by name never replaces an existing link."""

    NAME = "name"  # a sync found exactly one partner of that name
    MANUAL = "manual"  # by a person
    CREATED = "created"  # Clockbooks created the partner, when told to


class Problem(StrEnum):
    """Why a sync found no partner for a user or project."""

    MISSING = "missing"  # nobody has that name
    NEAR = "near"  # somebody has nearly that name
    AMBIGUOUS = "ambiguous"  # several have that name, on either side
    UNLINKED = "unlinked"  # a person removed the link to the partner of that name
    EXCLUDED = "excluded"  # a person said that its time is never to be sent
    GONE = "gone"  # deleted in Clockify, which no longer lists them; known from entries


#: Problems that a person made: no sync decides otherwise.
BY_HAND = (Problem.UNLINKED, Problem.EXCLUDED)


class RateSource(StrEnum):
    """Where the hourly rate of billable time comes from."""

    CLOCKIFY = "clockify"  # the entry, or the row of a file
    ITEM = "item"  # the sales price of its service item in QuickBooks
    PERSON = "person"  # the billing rate of its employee or vendor in QuickBooks
    ZERO = "zero"


class Target(StrEnum):
    """What a rule gives to an entry, as QuickBooks' pages call it."""

    ITEM = "item"  # of type Service
    CLASS = "class"
    LOCATION = "location"  # Department in QuickBooks' API
    PAY_TYPE = "pay_type"  # PayrollItemRef in QuickBooks' API: an id for each employee


class TargetProblem(StrEnum):
    """Why what a rule gives cannot be used."""

    MISSING = "missing"  # nothing has that name
    AMBIGUOUS = "ambiguous"  # several have that name, below different parents
    INACTIVE = "inactive"


class TimeKind(StrEnum):
    """Time of which QuickBooks' answer tells something: payroll pays employees alone.

    An answer about a contractor's time tells nothing of an employee's, and one about time with a
    pay type nothing of time without one, or the other way round. Where it takes any of an
    employee's, it takes a contractor's.
    """

    PLAIN = "plain"  # an employee's, without a pay type
    PAID = "paid"  # an employee's, with one
    CONTRACTORS = "contractors"


class PayOrigin(StrEnum):
    """How it is known which id an employee's pay type has."""

    LEARNED = "learned"  # from a TimeActivity in the books
    BY_HAND = "by_hand"


class Side(StrEnum):
    """Where something is missing, or is created."""

    CLOCKIFY = "clockify"
    QUICKBOOKS = "quickbooks"


class Source(StrEnum):
    """Where an entry comes from, which decides what its id means."""

    CLOCKIFY = "clockify"  # Clockify's API: two ids are two entries
    FILE = "file"  # a row of an export: only its content identifies it


class PlanState(StrEnum):
    """How far the review of a stored plan has come."""

    MAKING = "making"  # its entries are being stored; it holds nothing back yet
    WAITING = "waiting"  # for a decision; no other send takes its entries
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"  # nobody decided in time
    WITHDRAWN = "withdrawn"  # its run was canceled or is gone, or somebody withdrew it
