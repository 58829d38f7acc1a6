"""A sync that asks what has changed says the same as one that reads whole lists of QuickBooks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.standins.quickbooks.faults import FaultError
from flows.context import Clock, open_context
from flows.directory.lists import LISTS, read_lists
from flows.directory.sync import SyncRequest, sync
from flows.directory.sync_report import sync_document
from schemas.words import Side

BEGIN = datetime(2026, 11, 2, 1, 30, tzinfo=UTC)

WHOLE = ["query"] * 3


class Nights:
    """A company, and a sync of it every night, on a clock that is moved by hand."""

    def __init__(self, house: Any) -> None:
        self.quickbooks = house.quickbooks
        self.now = BEGIN
        self._lists = deepcopy({name: self.quickbooks.books.rows[name] for name in LISTS})
        for part in (self.quickbooks, self.quickbooks.books.company, self.quickbooks.oauth):
            part.now = lambda: self.now

    def start_again(self) -> None:
        """Let the lists be as they were, a month later."""
        self.pass_(24 * 30)
        for name, rows in deepcopy(self._lists).items():
            self.quickbooks.books.rows[name].clear()
            self.quickbooks.books.rows[name].update(rows)
        # The stand-in notices what a test does to rows when it is asked what has changed.
        self.quickbooks.books.changes("Customer", self.now.isoformat())

    def pass_(self, hours: float) -> None:
        """Let time pass."""
        self.now += timedelta(hours=hours)

    @contextmanager
    def context(self) -> Iterator[Any]:
        """Open the connection."""
        with open_context(None, clock=Clock(now=lambda: self.now)) as opened:
            yield opened

    def calls(self, work: Callable[[Any], Any]) -> tuple[Any, list[str]]:
        """Do something; return what came of it, and the last word of each address that it read."""
        before = len(self.quickbooks.requests)
        with self.context() as context:
            done = work(context)
        read = [path for method, path, _ in self.quickbooks.requests[before:] if method == "GET"]
        return done, [path.rpartition("/")[2] for path in read]

    def edit(self, entity: str, id_: str, **members: Any) -> None:
        """Change a row as QuickBooks' pages do, if its rules allow that."""
        row = self.quickbooks.books.rows[entity][id_]
        body = {"Id": id_, "SyncToken": row["SyncToken"], "sparse": True, **members}
        self.quickbooks.books.save(entity, body, "update")


@pytest.fixture
def nights(synced: Any, monkeypatch: pytest.MonkeyPatch) -> Nights:
    """Return the demo's company, to be synced by night."""
    for name, value in synced.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(synced.folder)
    nights = Nights(synced)
    nights.calls(lambda context: context.quickbooks.company())  # with a token of that time
    return nights


def _read(context: Any) -> Any:
    return read_lists(context)


def test_one_call_tells_what_has_changed(nights):
    """After the first night; a sync right after another one asks as well."""
    assert nights.calls(_read)[1] == WHOLE
    nights.pass_(24)
    nights.edit("Customer", "25", DisplayName="Kessler House")
    lists, calls = nights.calls(_read)

    assert calls == ["cdc"]
    names = {row["Id"]: row["DisplayName"] for row in lists["Customer"]}
    assert names["25"] == "Kessler House"
    assert len(names) == len(nights.quickbooks.customers)
    assert nights.calls(_read)[1] == ["cdc"]


def test_every_seventh_night_reads_the_whole_lists(nights):
    """What left no trace is found then."""
    calls = []
    for _ in range(15):
        calls.append(nights.calls(_read)[1])
        nights.pass_(23.99)

    assert [nth for nth, one in enumerate(calls) if one == WHOLE] == [0, 7, 14]
    assert calls.count(["cdc"]) == 12


def test_another_consent_lets_whole_lists_be_read(nights, synced):
    """Whoever does not trust the copy connects again."""
    nights.calls(_read)
    assert synced.connect().code == 0

    assert nights.calls(_read)[1][-3:] == WHOLE


def test_an_empty_answer_is_not_kept_for_a_week(nights):
    """All customers would count as gone until then; so an empty list is read again."""
    empty = {"QueryResponse": {}}
    nights.quickbooks.faults.plan("GET .*Customer", "edit", edit=lambda answer: answer | empty)

    first = nights.calls(_read)[0]
    nights.pass_(24)

    for lists in (first, nights.calls(_read)[0]):
        assert len(lists["Customer"]) == len(nights.quickbooks.customers)


def test_what_was_created_from_here_is_read_at_once(nights):
    """Whole lists are read after it: what is new may not be told yet."""
    nights.calls(_read)
    request = SyncRequest(create=frozenset({Side.QUICKBOOKS}))

    result, calls = nights.calls(lambda context: sync(context, request))

    assert result.created
    assert [one for one in calls if one in {"cdc", "query"}] == ["cdc", *WHOLE]


def test_what_is_not_told_is_found_within_a_week(nights):
    """Whether a deactivation is told is not known; a whole list shows it."""
    nights.quickbooks.switches.cdc_shows_inactive = False
    nights.calls(_read)
    nights.pass_(24)
    nights.edit("Employee", "51", Active=False)

    def is_active():
        lists = nights.calls(_read)[0]
        return {row["Id"]: row["Active"] for row in lists["Employee"]}["51"]

    assert is_active()
    nights.pass_(6 * 24)
    assert not is_active()


def test_a_change_that_shows_late_is_not_missed(nights):
    """A row that bears a time before the last sync, and was not there yet."""
    nights.calls(_read)
    nights.pass_(24)
    nights.calls(_read)
    moment = (nights.now - timedelta(minutes=50)).isoformat(timespec="seconds")
    nights.pass_(24)
    nights.edit("Vendor", "71", DisplayName="Lucia F.")
    nights.quickbooks.vendors["71"]["MetaData"]["LastUpdatedTime"] = moment

    lists, calls = nights.calls(_read)

    assert calls == ["cdc"]
    assert "Lucia F." in {row["DisplayName"] for row in lists["Vendor"]}


def test_a_clock_that_is_set_back_misses_nothing(nights):
    """Ours was three hours fast until the lists were being read."""
    ahead = [timedelta(hours=3)]
    nights.quickbooks.faults.plan(
        "GET .*Customer", "edit", edit=lambda answer: ahead.clear() or answer
    )
    with open_context(None, clock=Clock(now=lambda: sum(ahead, nights.now))) as context:
        read_lists(context)
    nights.pass_(1)
    nights.edit("Customer", "25", DisplayName="Kessler House")
    nights.pass_(24)

    lists, calls = nights.calls(_read)

    assert calls == ["cdc"]
    assert "Kessler House" in {row["DisplayName"] for row in lists["Customer"]}


@pytest.mark.parametrize(
    "edit",
    [
        lambda answer: {"time": answer["time"]},
        lambda answer: answer | {"CDCResponse": [{"QueryResponse": [{}, {}]}]},
        lambda answer: answer | {"CDCResponse": [{"QueryResponse": [{}, {}, {"Customer": [{}]}]}]},
        lambda answer: answer | {"CDCResponse": [{"QueryResponse": [{}, {}, _old()]}]},
        lambda answer: answer | {"CDCResponse": [{"QueryResponse": [{}, {}, _many()]}]},
    ],
    ids=["none", "a part lacks", "no time", "of another call", "a thousand"],
)
def test_an_answer_that_may_lack_something_is_not_taken(nights, edit):
    """The lists are read as a whole then."""
    nights.calls(_read)
    nights.pass_(24)
    nights.quickbooks.faults.plan("GET .*/cdc", "edit", edit=edit)
    nights.edit("Customer", "25", DisplayName="Kessler House")

    lists, calls = nights.calls(_read)

    assert calls == ["cdc", *WHOLE]
    assert "Kessler House" in {row["DisplayName"] for row in lists["Customer"]}


def _old():
    times = {"LastUpdatedTime": (BEGIN - timedelta(days=9)).isoformat()}
    return {"Customer": [{"Id": "25", "DisplayName": "Another", "MetaData": times}]}


def _many():
    times = {"LastUpdatedTime": (BEGIN + timedelta(days=1)).isoformat()}
    rows = [{"Id": f"{n}", "DisplayName": f"C {n}", "MetaData": times} for n in range(1000)]
    return {"Customer": rows}


def test_where_changes_are_refused_the_lists_are_read(nights):
    """A company that does not answer the question can be synced as before."""
    nights.calls(_read)
    nights.pass_(24)
    body = '{"Fault":{"Error":[{"Message":"No","code":"500"}],"type":"ValidationFault"}}'
    answer = {"status": 400, "body": body, "content_type": "application/json"}
    nights.quickbooks.faults.plan("GET .*/cdc", "answer", **answer)

    assert nights.calls(_read)[1] == WHOLE  # the refused one did not arrive


#: What people do with names, by list.
CUSTOMERS = ["2", "3", "4", "7", "8", "14", "15", "25", "30"]
PEOPLE = [("Employee", "51"), ("Employee", "61"), ("Vendor", "71"), ("Vendor", "73")]
NAMES = ["Kessler Residence", "Theo Park", "Dana mcallister", "Courtyard", "New Name"]

_ROWS = st.one_of(
    st.sampled_from(PEOPLE), st.sampled_from(CUSTOMERS).map(lambda id_: ("Customer", id_))
)
EDITS = st.one_of(
    st.tuples(st.just("rename"), _ROWS, st.sampled_from(NAMES)),
    st.tuples(st.just("active"), _ROWS, st.booleans()),
    st.tuples(st.just("move"), st.sampled_from(CUSTOMERS), st.sampled_from(CUSTOMERS)),
    st.tuples(
        st.just("add"), st.sampled_from(["Employee", "Vendor", "Customer"]), st.sampled_from(NAMES)
    ),
    st.tuples(st.just("merge"), st.sampled_from(CUSTOMERS), st.none()),
)


def _do(nights, what, row, value):
    books = nights.quickbooks.books
    match what:
        case "rename":
            nights.edit(*row, DisplayName=value)
        case "active":
            nights.edit(*row, Active=value)
        case "move":
            nights.edit("Customer", row, Job=True, ParentRef={"value": value})
        case "add":
            given = {"GivenName": value} if row == "Employee" else {}
            books.save(row, {"DisplayName": value, **given}, "create")
        case "merge":
            del books.rows["Customer"][row]


def _reported(context, *, whole):
    """Sync in a dry run; read the lists as a whole, or as the copies allow."""
    copies = context.store.list_copies
    before = copies.stored()
    if whole:
        copies.keep({name: _aged(copy) for name, copy in before.items()})
    document = sync_document(sync(context, SyncRequest(dry_run=True)))
    if whole:
        copies.keep(before)
    return document


def _aged(copy):
    return type(copy)(copy.rows, copy.as_of, copy.whole_at - timedelta(days=30))


@settings(
    max_examples=settings().max_examples // 4,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.lists(EDITS, max_size=4), min_size=1, max_size=3))
def test_whatever_people_do_a_sync_says_the_same(nights, rounds):
    """Added, renamed, moved, deactivated, reactivated, merged: all of it between two syncs."""
    nights.start_again()
    with nights.context() as context:
        read_lists(context)
        for edits in rounds:
            nights.pass_(20)
            for edit in edits:
                try:
                    _do(nights, *edit)
                except (FaultError, KeyError):
                    continue  # QuickBooks would not have it, or it is gone
            nights.pass_(20)
            before = len(nights.quickbooks.requests)
            by_changes = _reported(context, whole=False)
            asked = [path for _, path, _ in nights.quickbooks.requests[before:]]
            assert [path for path in asked if path.endswith(("cdc", "query"))] == asked[-1:]

            assert by_changes == _reported(context, whole=True)
            read_lists(context)
