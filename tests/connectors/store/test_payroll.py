"""What the ledgers know of time that a company with payroll was handed: all connections to it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import TryAgain
from connectors.quickbooks.batch import Done, NotDone
from connectors.quickbooks.faults import Fault, is_of_the_item
from connectors.store import connections
from connectors.store.connection_store import ConnectionStore
from schemas.words import TimeKind

LEASE = timedelta(minutes=10)

EMPLOYEE = '{"NameOf":"Employee","Description":"x"}'
PAID = '{"NameOf":"Employee","PayrollItemRef":{"value":"7"}}'
VENDOR = '{"NameOf":"Vendor","Description":"\\"NameOf\\":\\"Employee\\""}'

REFUSED = Fault("6000", "No", "Time needs a pay type", "ValidationFault")


class Side:
    """One connection, and a run of its own."""

    def __init__(self, book: Any, connection_id: int) -> None:
        self.store = ConnectionStore(book.engine, connection_id, lambda: book.clock.now)
        self.book, self.run_id = book, self.store.runs.start(LEASE)

    def claim(self, entry_id: str, *, body: str = EMPLOYEE, **payroll: Any) -> Any:
        """Claim one entry, a second after whatever was before."""
        self.book.clock.sleep(1)
        row = {"entry_id": entry_id, "body": body, "minutes": 60, "date": "2026-03-02"}
        about = self.book.about(entry_id)
        return self.store.ledger.claim(
            self.run_id, [row], about, lease=LEASE, qbo_time=None, **payroll
        )

    def answer(self, made: Any, outcome: Any) -> None:
        """Record what QuickBooks answered."""
        self.store.ledger.record(made, [outcome], qbo_time=None, company_state=None)

    def send(self, entry_id: str, **claim: Any) -> None:
        """Claim an entry that QuickBooks takes."""
        made = self.claim(entry_id, **{"has_payroll": True, **claim})
        self.answer(made, Done("1", entry_id.removeprefix("e"), "0"))

    def refuse(self, entry_id: str, **claim: Any) -> None:
        """Claim an entry that QuickBooks refuses."""
        made = self.claim(entry_id, **{"has_payroll": True, **claim})
        self.answer(made, NotDone("1", REFUSED))

    def taken(self, kind: TimeKind = TimeKind.PLAIN) -> bool:
        """Whether QuickBooks has taken time that tells something of a kind."""
        return self.store.payroll.taken_at(kind) is not None


@pytest.fixture
def connect(book: Any, vault: Any, joined: Callable[..., Any]) -> Callable[..., Side]:
    """Return a function to connect another workspace to a company, by its realm."""

    def make(workspace: str, realm: str = "77") -> Side:
        found = joined(workspace_id=workspace, realm_id=realm)
        stored = connections.store_connection(
            book.engine, workspace, found, vault=vault, now=book.clock.now
        )
        return Side(book, stored.id)

    return make


def test_only_time_handed_over_with_payroll_proves_anything(connect):
    """Neither what went before, nor what an earlier version claimed, nor what has no answer."""
    side = connect("w2")
    side.send("e1", has_payroll=False)
    side.send("e2", has_payroll=None)
    side.claim("e3", has_payroll=True)
    side.refuse("e4")
    assert not side.taken()

    side.send("e5")
    assert side.taken()


def test_the_company_is_what_is_known(connect):
    """Another workspace's time counts, another company's does not."""
    side, neighbor, stranger = connect("w2"), connect("w3"), connect("w4", "88")
    neighbor.send("e1")
    neighbor.refuse("e2")

    assert side.taken()
    assert [one.fault for one in side.store.payroll.refusals()] == [str(REFUSED)]
    assert not stranger.taken()
    assert stranger.store.payroll.refusals() == []


def test_contractors_time_proves_nothing_of_employees(connect):
    """Payroll pays employees; and what a description says is no proof."""
    side = connect("w2")
    side.send("e1", body=VENDOR)

    assert side.taken(TimeKind.CONTRACTORS)
    assert not side.taken()


def test_time_with_a_pay_type_proves_nothing_of_time_without(connect):
    """Nor the other way round; either of them is an employee's."""
    plain, paid = connect("w2"), connect("w3", "88")
    plain.send("e1")
    paid.send("e1", body=PAID)

    assert [plain.taken(kind) for kind in TimeKind] == [True, False, True]
    assert [paid.taken(kind) for kind in TimeKind] == [False, True, True]


def test_payroll_that_was_off_begins_anew(connect):
    """Answers of the time before count no longer, whoever saw that payroll was off."""
    side, neighbor = connect("w2"), connect("w3")
    side.send("e1")
    side.refuse("e2")
    neighbor.send("e3", has_payroll=False)
    assert not side.taken()
    assert side.store.payroll.refusals() == []

    side.send("e4")
    assert side.taken()


def test_the_newest_refusal_comes_first_until_it_goes_again(connect):
    """What is handed over again is no refusal any more."""
    side = connect("w2")
    side.refuse("e1")
    side.refuse("e2")
    newest = [one.at for one in side.store.payroll.refusals()]
    assert newest == sorted(newest, reverse=True)
    side.send("e1")
    side.send("e2")

    assert side.store.payroll.refusals() == []


def test_an_entry_goes_alone_only_if_nothing_of_the_company_is_on_its_way(connect):
    """Of two runs that find out together, one waits; a dead run keeps nobody waiting."""
    side, neighbor, stranger = connect("w2"), connect("w3"), connect("w4", "88")
    stranger.claim("e1", has_payroll=True)
    made = neighbor.claim("e2", has_payroll=True, alone=True)

    with pytest.raises(TryAgain, match="Another run"):
        side.claim("e3", has_payroll=True, alone=True)
    assert side.store.ledger.count() == {}
    neighbor.answer(made, Done("1", "2", "0"))
    assert side.claim("e3", has_payroll=True, alone=True) is not None
    assert side.claim("e4", has_payroll=True, alone=True) is not None
    neighbor.claim("e5", has_payroll=True)
    neighbor.store.runs.finish(neighbor.run_id)
    assert side.claim("e6", has_payroll=True, alone=True) is not None


@pytest.mark.parametrize(
    ("words", "of_the_item"),
    [
        ("The account period has closed (code 6210)", True),
        ("Something has been made inactive (code 2500)", True),
        ("Missing Customer (code 6310)", True),
        ("Business Validation Error: no (code 6210) (code 6000)", False),
        ("Feature Not Supported Error (code 5030)", False),
        ("Required parameter PayrollItemRef is missing (code 2020)", False),
        ("Something new (code unknown)", False),
        ("QuickBooks refused the whole batch.", False),
    ],
)
def test_which_refusals_are_about_the_entry_alone(words, of_the_item):
    """By its code, as FACTS give them: all others may be payroll's."""
    assert is_of_the_item(words) is of_the_item
