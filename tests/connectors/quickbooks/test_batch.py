"""Every item of a batch is created, refused or in doubt: never taken for another, never lost."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import AskPerson, Refused, TryAgain, Unsure
from connectors.quickbooks.answers import read_outcomes
from connectors.quickbooks.batch import Done, NotDone, batch_bytes, fingerprint
from connectors.quickbooks.rate_limit.limiter import RateLimiter
from connectors.quickbooks.rate_limit.pace import PAUSES_MS
from connectors.quickbooks.rate_limit.quotas import Quotas
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from schemas.words import Operation

ITEMS = [("1", '{"Hours":1}'), ("2", '{"Hours":2}'), ("3", '{"Hours":3}')]
REQUEST = "0123456789abcdef0123456789abcdef"


def body(**fields):
    return json.dumps(
        {
            "TxnDate": "2026-03-02",
            "NameOf": "Employee",
            "EmployeeRef": {"value": "55"},
            "Hours": 1,
            "Minutes": 30,
        }
        | fields
    )


def made(bid, id_=None, **more):
    activity = {"Id": id_ or f"10{bid}", "SyncToken": "0", "Hours": int(bid)}
    return {"TimeActivity": activity | more, "bId": bid}


def refused(bid, *codes, kind="ValidationFault"):
    errors = [
        {"Message": "No", "Detail": "Not so", "code": code, "element": ""}
        for code in codes or ["6000"]
    ]
    return {"Fault": {"Error": errors, "type": kind}, "bId": bid}


def sent(books, items=ITEMS):
    return {
        outcome.bid: outcome for outcome in books.write_time_activities(items, request_id=REQUEST)
    }


@pytest.fixture
def answer(open_books, script):
    """Return the outcomes of a batch that is answered with these items."""

    def ask(*items):
        script.answers = [json.dumps({"BatchItemResponse": items, "time": "2026-03-02T01:00:00Z"})]
        return sent(open_books(script.url))

    return ask


# --- the bytes ---------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.text(max_size=10), st.dictionaries(st.text(), st.text())), max_size=30)
)
def test_a_batch_is_json_with_each_body_to_the_byte(items):
    """Whatever a description says, the batch parses to what was meant, in its order."""
    written = [(bid, json.dumps(fields)) for bid, fields in items]

    data = batch_bytes(written)

    assert json.loads(data) == {
        "BatchItemRequest": [
            {"bId": bid, "operation": "create", "TimeActivity": fields} for bid, fields in items
        ]
    }
    assert all(text.encode() in data for _, text in written)
    assert batch_bytes(written) == data
    assert len(fingerprint(data)) == 64


def test_what_arrives_is_what_the_ledger_holds(open_books, script):
    """The very bytes of `batch_bytes` go out, under the request id, as JSON."""
    items = [("1", '{"Description":"Grün › ☘ \\"x\\"","HourlyRate":75.50}')]
    script.answers = [json.dumps({"BatchItemResponse": [made("1")]})]

    sent(open_books(script.url), items)

    (asked,) = script.asked
    assert asked.body == batch_bytes(items)
    assert b'"HourlyRate":75.50' in asked.body
    assert asked.query == {"requestid": REQUEST, "minorversion": "75"}
    assert asked.headers["content-type"] == "application/json"


# --- outcomes ----------------------------------------------------------------------------------


def test_each_item_has_its_own_outcome(open_books, serve):
    """A batch is no transaction: a refused row leaves its neighbors created."""
    standin = standin_with()
    books = open_books(serve(standin.app), access_token=standin.access_token)
    stranger = body(EmployeeRef={"value": "9999"})

    outcomes = sent(books, [("a", body(Hours=1)), ("b", stranger), ("c", body(Hours=3))])

    assert isinstance(outcomes["b"], NotDone)
    assert outcomes["b"].fault.code
    for bid, hours in (("a", 1), ("c", 3)):
        id_ = outcomes[bid].qbo_id
        assert standin.activities[id_]["Hours"] == hours
    assert len(standin.activities) == 2
    assert books.time is not None


def test_outcomes_go_by_bid_and_not_by_place(answer):
    """No order is promised, so none is relied on."""
    outcomes = answer(made("3", "30"), refused("1"), made("2", "20"))

    assert outcomes["3"] == Done("3", "30", "0")
    assert outcomes["2"] == Done("2", "20", "0")
    assert outcomes["1"].fault.detail == "Not so"


@pytest.mark.parametrize(
    ("items", "clear"),
    [
        pytest.param([made("1"), made("3")], "13", id="an item lacks"),
        pytest.param([made("1"), made("2"), made("3"), made("4")], "123", id="one too many"),
        pytest.param([made("1"), made("2"), made("2", "99"), made("3")], "13", id="a bId twice"),
        pytest.param([made("1"), made("2"), refused("2")], "1", id="made and refused"),
        pytest.param([made("1"), made("2", "101"), made("3")], "3", id="one for two"),
        pytest.param([made("1"), made("2", Hours=3), made("3")], "13", id="another's"),
        pytest.param([made("1"), made("2") | refused("2"), made("3")], "13", id="both"),
        pytest.param([made("1"), refused("2", "000600"), made("3")], "13", id="with zeros"),
        pytest.param([made("1"), refused("2", "6002"), made("3")], "13", id="6002"),
        pytest.param([made("1"), refused("2", "2130"), made("3")], "13", id="2130"),
        pytest.param([made("1"), refused("2", "6240", "600"), made("3")], "13", id="second code"),
        pytest.param([], "", id="no items"),
        pytest.param([made("1"), refused("2", kind="SystemFault"), made("3")], "13", id="system"),
        pytest.param([made("1"), refused("2", "10000"), made("3")], "13", id="10000"),
        pytest.param([made("1"), refused("2", "600"), made("3")], "13", id="still at work"),
        pytest.param([made("1"), {"bId": "2"}, made("3")], "13", id="neither"),
        pytest.param([made("1"), {"bId": "2", "TimeActivity": {}}], "1", id="without an Id"),
        pytest.param([made("1"), {"bId": "2", "TimeActivity": {"Id": None}}], "1", id="null Id"),
        pytest.param([made("1"), {"bId": "2", "TimeActivity": []}, 7, None], "1", id="odd types"),
        pytest.param([{**made("1"), "bId": None}, made("2")], "2", id="without a bId"),
        pytest.param([refused("1"), refused("2"), refused("3")], "123", id="all refused"),
    ],
)
def test_what_is_not_answered_exactly_once_is_in_doubt(answer, items, clear):
    """An item without one clear answer of its own is neither sent nor refused: nobody knows."""
    outcomes = answer(*items)

    assert "".join(sorted(outcomes)) == clear


def test_recorded_batch_faults_are_refusals(open_books, script, shared_samples):
    """The faults of a recorded batch are told in QuickBooks' own words."""
    path = shared_samples("qbo/samples/http-qbo_api/batch_basic.0.json")
    script.answers = [path.read_bytes()]

    outcomes = sent(open_books(script.url), [(f"bid{n}", "{}") for n in range(1, 5)])

    assert {bid: outcome.fault.code for bid, outcome in outcomes.items()} == {
        "bid2": "610",
        "bid3": "5010",
    }


@given(
    st.lists(
        st.fixed_dictionaries(
            {"bId": st.sampled_from(["1", "2", "3", "4", 1, None])},
            optional={
                "TimeActivity": st.none()
                | st.fixed_dictionaries({"Id": st.sampled_from(["7", "", None, 8])}),
                "Fault": st.none()
                | st.just({"Error": [{"code": "6000"}], "type": "ValidationFault"}),
            },
        )
        | st.none()
        | st.text(max_size=3),
        max_size=6,
    )
)
def test_no_answer_gives_an_item_two_outcomes(items):
    """Whatever comes back, an item that was sent has one outcome or none, and no other has any."""
    bids = [outcome.bid for outcome in read_outcomes({"BatchItemResponse": items}, ITEMS)]

    assert len(bids) == len(set(bids))
    assert set(bids) <= {"1", "2", "3"}


# --- no clear answer at all --------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<html>",
        "{",
        "[]",
        "null",
        "7",
        "{}",
        '{"BatchItemResponse": null}',
        '{"BatchItemResponse": {"bId": "1"}}',
        '{"Fault": {"Error": [{"Detail": "x", "code": "10000"}], "type": "SystemFault"}}',
        '{"Fault": {"Error": [{"Detail": "x", "code": "6000"}], "type": "ValidationFault"}}',
        "[" * 100_000,
    ],
    ids=lambda content: content[:40] or "nothing",
)
def test_an_answer_that_cannot_be_read_is_unsure(open_books, script, content):
    """A 200 without its items says nothing about the work: all of it is in doubt."""
    script.answers = [content]

    with pytest.raises(Unsure):
        sent(open_books(script.url))

    assert len(script.asked) == 1


def test_xml_instead_of_json_is_unsure(open_books, script, shared_samples):
    """So does an answer in the other language."""
    name = "qbo/samples/xml-quickbooks-ruby/batch_response.xml"
    script.answers = [shared_samples(name).read_bytes()]

    with pytest.raises(Unsure):
        sent(open_books(script.url))


def standin_with(**switches):
    lifted = {"requests_per_second": None, "requests_per_minute": None, "batches_per_minute": None}
    scenario = {
        "realm_id": "77",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
        "company": {"NameValue": [{"Name": "OfferingSku", "Value": "QuickBooks Online Plus"}]},
        "employees": [{"Id": "55", "DisplayName": "Ada Byron", "GivenName": "Ada"}],
        "items": [{"Id": "2", "Name": "Hours", "Type": "Service"}],
    }
    return QuickBooksStandin(scenario, switches=Switches(**{**lifted, **switches}))


@pytest.mark.parametrize(
    ("fault", "created"),
    [
        ({"kind": "answer", "status": 503}, 0),
        ({"kind": "answer_after", "status": 503}, 1),
        ({"kind": "answer_after", "status": 504, "body": "<html>"}, 1),
        ({"kind": "drop_before"}, 0),
        ({"kind": "drop_after"}, 1),
        ({"kind": "cut"}, 1),
    ],
    ids=str,
)
def test_a_lost_answer_is_unsure_and_never_asked_for_again(open_books, serve, fault, created):
    """Whether QuickBooks did the work cannot be told, so exactly one request is made."""
    standin = standin_with()
    standin.faults.plan("POST .*/batch", **fault)
    arrived = []

    async def counting(scope, receive, send):
        arrived.append(scope["path"])
        await standin.app(scope, receive, send)

    books = open_books(serve(counting), access_token=standin.access_token)

    with pytest.raises(Unsure):
        sent(books, [("1", body())])

    assert arrived == ["/v3/company/77/batch"]
    assert len(standin.activities) == created
    assert books.slept == []


def test_the_same_request_repeats_without_doing_it_twice(open_books, serve):
    """The same id with the same bytes gives the first answer again, as far as it is remembered."""
    standin = standin_with()
    books = open_books(serve(standin.app), access_token=standin.access_token)

    assert sent(books, [("1", body())]) == sent(books, [("1", body())])
    assert len(standin.activities) == 1


# --- clear failures of the whole batch ---------------------------------------------------------


def test_a_batch_that_is_refused_created_nothing(open_books, serve):
    """Too many items, say: QuickBooks refuses all of them at once, and says why."""
    standin = standin_with()
    books = open_books(serve(standin.app), access_token=standin.access_token)

    with pytest.raises(Refused) as raised:
        sent(books, [(str(n), body()) for n in range(31)])

    assert raised.value.code == "1040"
    assert raised.value.trace_id
    assert standin.activities == {}


EXPIRED = '{"fault":{"error":[{"code":"3200"}],"type":"AUTHENTICATION"}}'


def test_a_refused_token_repeats_the_very_same_call(open_books, script):
    """After one renewal the batch goes again, with the same request id and the same bytes."""
    script.answers = [(401, EXPIRED), json.dumps({"BatchItemResponse": [made("1")]})]
    renewed = []

    sent(open_books(script.url, renew=renewed.append))

    first, second = script.asked
    assert renewed == ["token"]
    assert first.body == second.body == batch_bytes(ITEMS)
    assert first.query == second.query
    assert first.query["requestid"] == REQUEST


def test_a_token_that_is_refused_twice_created_nothing(open_books, script):
    """The person is asked, and nothing is left in doubt."""
    script.answers = [(401, EXPIRED)]

    with pytest.raises(AskPerson, match="connect"):
        sent(open_books(script.url))

    assert len(script.asked) == 2


@pytest.mark.parametrize(
    ("status", "sample"), [(429, "too_many_requests_error"), (403, "throttle_exceeded_error")]
)
def test_a_throttled_batch_goes_again_after_a_pause(
    open_books, script, shared_samples, clock, status, sample
):
    """It comes in XML whatever was asked for, once with 403: all pause, the same bytes go again."""
    name = f"qbo/samples/xml-quickbooks-ruby/{sample}.xml"
    throttled = (status, shared_samples(name).read_bytes(), {"Content-Type": "application/xml"})
    script.answers = [throttled, throttled, json.dumps({"BatchItemResponse": [made("1")]})]
    quotas = Quotas(500, 10, 40, in_flight=10, batch_size=30, timeout_ms=120_000)
    limiter = RateLimiter(quotas, now=lambda: clock.now, sleep=clock.sleep)

    outcomes = sent(open_books(script.url, limiter=limiter))

    assert set(outcomes) == {"1"}
    assert clock.seconds == pytest.approx(sum(PAUSES_MS[:2]) / 1000)
    assert len({(asked.body, asked.query["requestid"]) for asked in script.asked}) == 1


def test_a_batch_that_stays_throttled_created_nothing(open_books, serve):
    """After six attempts it is given back: certainly nothing was created."""
    standin = standin_with(batches_per_minute=0)
    books = open_books(serve(standin.app), access_token=standin.access_token)

    with pytest.raises(TryAgain):
        sent(books, [("1", body())])

    assert standin.activities == {}
    assert standin.throttled == 6


def test_the_last_word_before_a_batch_leaves_is_the_callers(open_books, script):
    """A run whose lease is over by the time it has a permit sends nothing, not even a byte."""
    script.answers = [json.dumps({"BatchItemResponse": [made("1")]})]
    books = open_books(script.url)

    def check():
        raise TryAgain("the lease is over")

    with pytest.raises(TryAgain, match="the lease is over"):
        books.write_time_activities(ITEMS, request_id=REQUEST, check=check)

    assert script.asked == []


@pytest.mark.parametrize(
    ("asked", "has", "is_done"),
    [
        ("NotBillable", "NotBillable", True),
        ("Billable", "HasBeenBilled", True),
        ("NotBillable", "Billable", False),
        ("NotBillable", "HasBeenBilled", False),
        ("Billable", "NotBillable", False),
    ],
)
def test_an_update_that_leaves_the_billable_status_is_not_done(asked, has, is_done):
    """Intuit's page calls it not updatable (FACTS 1.1): the answer shows what became of it."""
    items = [("1", json.dumps({"Id": "101", "Hours": 1, "BillableStatus": asked}))]
    answer = {"BatchItemResponse": [made("1", BillableStatus=has)]}

    outcomes = read_outcomes(answer, items, operation=Operation.UPDATE)

    assert [type(outcome) for outcome in outcomes] == [Done] * is_done


def test_the_time_of_the_answer_is_kept(open_books, script):
    """QuickBooks' own clock is told by the answer to a batch too."""
    script.answers = ['{"BatchItemResponse": [], "time": "2026-03-02T01:00:00.000-08:00"}']
    books = open_books(script.url)

    assert sent(books) == {}
    assert books.time == datetime(2026, 3, 2, 9, tzinfo=UTC)
