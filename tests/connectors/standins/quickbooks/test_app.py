"""The QuickBooks stand-in over HTTP: activities, batches, request ids, limits, and the wire."""

import json
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from xml.etree import ElementTree as ET

import pytest
import requests

from connectors.standins.quickbooks.app import Switches

ACTIVITY = {
    "TxnDate": "2026-03-02",
    "NameOf": "Employee",
    "EmployeeRef": {"value": "55"},
    "CustomerRef": {"value": "21"},
    "ItemRef": {"value": "8"},
    "BillableStatus": "Billable",
    "HourlyRate": 75,
    "Hours": 3,
    "Minutes": 15,
    "Description": "Garden lighting",
}
NS = "{http://schema.intuit.com/finance/v3}"


def code(response):
    assert response.status_code == 400, response.text
    return response.json()["Fault"]["Error"][0]["code"]


# --- one activity ------------------------------------------------------------------------------


def test_a_created_activity_is_echoed_as_the_real_one_is(qbo):
    """Members in the recorded order, names from the lists, Pacific times, nothing null."""
    answer = qbo.create()

    assert answer.status_code == 200
    assert answer.text == (
        '{"TimeActivity":{"TxnDate":"2026-03-02","NameOf":"Employee",'
        '"EmployeeRef":{"value":"55","name":"Emily Platt"},'
        '"CustomerRef":{"value":"21","name":"Rondonuwu Fruit"},'
        '"ItemRef":{"value":"8","name":"Lighting"},"BillableStatus":"Billable","Taxable":false,'
        '"HourlyRate":75,"Hours":3,"Minutes":15,"Description":"Garden lighting","domain":"QBO",'
        '"sparse":false,"Id":"1","SyncToken":"0","MetaData":{'
        '"CreateTime":"2026-03-04T09:30:15-08:00","LastUpdatedTime":"2026-03-04T09:30:15-08:00"}},'
        '"time":"2026-03-04T09:30:15.250-08:00"}'
    )
    assert list(qbo.standin.activities) == ["1"]


def test_what_is_left_out_gets_the_services_own_defaults(qbo):
    """Today, the default service, not billable, no tax, rate 0 (FACTS 1.1)."""
    row = qbo.post(
        "/timeactivity", {"NameOf": "Vendor", "VendorRef": {"value": "34"}, "Hours": 1}
    ).json()["TimeActivity"]

    assert row["VendorRef"] == {"value": "34", "name": "Bjørn Aas"}
    assert row["TxnDate"] == "2026-03-04"
    assert row["ItemRef"] == {"value": "2", "name": "Hours"}
    assert row["BillableStatus"] == "NotBillable"
    assert (row["Taxable"], row["HourlyRate"], row["Minutes"]) == (False, 0, 0)
    assert "CustomerRef" not in row


@pytest.mark.parametrize("digits", ["75.50", "0.1", "75.5", "1e2", "33.333333333333333333"])
def test_a_rate_is_echoed_with_the_digits_it_came_with(qbo, digits):
    """No float stands between what was sent and what is in the books."""
    body = json.dumps(ACTIVITY).replace("75", digits).encode()

    answer = requests.post(f"{qbo.url}/timeactivity", data=body, headers=qbo.headers, timeout=10)

    assert f'"HourlyRate":{"100" if digits == "1e2" else digits},' in answer.text
    again = qbo.get("/timeactivity/1").text
    assert f'"HourlyRate":{"100" if digits == "1e2" else digits},' in again


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"BadJson": True}, "2010"),
        ({"EmployeeRef": {"Id": "55"}}, "2010"),
        ({"Hours": "3"}, "2010"),
        ({"Hours": 3.5}, "2010"),
        ({"TxnDate": "2026-02-30"}, "2010"),
        ({"NameOf": None}, "2020"),
        ({"NameOf": "Robot"}, "2170"),
        ({"BillableStatus": "HasBeenBilled"}, "2170"),
        ({"Description": "x" * 4001}, "2050"),
        ({"EmployeeRef": {"value": "999"}}, "2500"),
        ({"EmployeeRef": {"value": "56"}}, "2500"),
        ({"CustomerRef": {"value": "no-such-id"}}, "2500"),
        ({"CustomerRef": {"value": "23"}}, "2500"),
        ({"ItemRef": {"value": "77"}}, "2500"),
        ({"ItemRef": {"value": "9"}}, "6000"),
        ({"VendorRef": {"value": "34"}}, "6290"),
        ({"NameOf": "Vendor"}, "6300"),
        ({"CustomerRef": None}, "6310"),
        ({"HourlyRate": None}, "6330"),
        ({"HourlyRate": -1}, "6330"),
        ({"Hours": None, "Minutes": None}, "6340"),
        ({"Hours": None, "Minutes": None, "StartTime": "08:00:00"}, "6350"),
        ({"Hours": 8761}, "6380"),
        ({"Hours": 8760, "Minutes": 1}, "6380"),
        ({"Minutes": 60}, "6380"),
        ({"StartTime": "08:00:00", "EndTime": "09:00:00"}, "6390"),
    ],
)
def test_each_broken_rule_has_its_own_code(qbo, changes, expected):
    """A refused activity leaves nothing in the books (FACTS 1.4)."""
    assert code(qbo.create(**changes)) == expected
    assert not qbo.standin.activities


@pytest.mark.parametrize(
    ("start", "end", "rest", "expected"),
    [("17:00:00", "08:00:00", 0, "6370"), ("08:00:00", "09:00:00", 2, "6360")],
)
def test_a_span_must_hold_its_break_and_run_forwards(qbo, start, end, rest, expected):
    """Start after end, and a break longer than the work, are refused."""
    span = {"StartTime": start, "EndTime": end, "BreakHours": rest, "Hours": None, "Minutes": None}

    assert code(qbo.create(**span)) == expected


@pytest.mark.parametrize("rest", ["BreakHours", "BreakMinutes", "BreakSeconds"])
def test_a_break_needs_a_start_and_an_end(qbo, rest):
    """Beside hours and minutes there is no break (FACTS 1.1)."""
    assert code(qbo.create(**{rest: 1})) == "6360"


def test_start_and_end_land_on_the_activitys_day_in_the_companys_zone(qbo):
    """The date inside a time is not looked at; the offset is turned into the company's."""
    row = qbo.create(
        StartTime="2013-01-01T08:00:00-05:00", EndTime="11:00:00-08:00", Hours=None, Minutes=None
    ).json()["TimeActivity"]

    assert row["StartTime"] == "2026-03-02T05:00:00-08:00"
    assert row["EndTime"] == "2026-03-02T11:00:00-08:00"
    assert "Hours" not in row
    local = {"StartTime": "08:00:00-05:00", "EndTime": "09:00:00", "HoursInEmployeeTimeZone": True}
    row = qbo.create(**local, Hours=None, Minutes=None).json()["TimeActivity"]
    assert row["StartTime"] == "2026-03-02T08:00:00-08:00"


@pytest.mark.parametrize("country", ["FR", "US"])
def test_a_place_in_france_is_frances_alone(qbo, country):
    """TransactionLocationType: kept for French companies only (FACTS 1.1)."""
    qbo.standin.company["Country"] = country
    row = qbo.create(TransactionLocationType="WithinFrance").json()["TimeActivity"]
    assert ("TransactionLocationType" in row) is (country == "FR")


def test_4000_characters_of_description_survive(qbo):
    """The limit is 4000, not less."""
    assert qbo.create(Description="é" * 4000).json()["TimeActivity"]["Description"] == "é" * 4000


def test_a_full_update_forgets_what_it_leaves_out(qbo):
    """Without `sparse`, the row is what was sent, and no more."""
    qbo.create()
    qbo.clock.advance(60)
    body = {k: ACTIVITY[k] for k in ("TxnDate", "NameOf", "EmployeeRef", "Hours")}

    row = qbo.post("/timeactivity", body | {"Id": "1", "SyncToken": "0"}).json()["TimeActivity"]

    assert row["SyncToken"] == "1"
    assert "Description" not in row
    assert "CustomerRef" not in row
    assert row["ItemRef"]["name"] == "Hours"
    assert row["MetaData"]["CreateTime"] == "2026-03-04T09:30:15-08:00"
    assert row["MetaData"]["LastUpdatedTime"] == "2026-03-04T09:31:15-08:00"


@pytest.mark.parametrize("sparse_time_updates", [True, False])
def test_a_sparse_update_keeps_the_rest_if_the_service_knows_them(qbo, sparse_time_updates):
    """Intuit's page is silent on sparse updates of time: both answers are possible."""
    qbo.switches.sparse_time_updates = sparse_time_updates
    qbo.create()

    answer = qbo.post(
        "/timeactivity", {"Id": "1", "SyncToken": "0", "sparse": True, "Description": "New"}
    )

    if sparse_time_updates:
        row = answer.json()["TimeActivity"]
        assert (row["Description"], row["Minutes"], row["HourlyRate"]) == ("New", 15, 75)
    else:
        assert code(answer) == "2020"


def test_a_stale_sync_token_changes_nothing(qbo):
    """Whoever comes second must read again first."""
    qbo.create()
    stale = {"Id": "1", "SyncToken": "4"}

    assert code(qbo.post("/timeactivity", ACTIVITY | stale)) == "5010"
    assert code(qbo.post("/timeactivity", stale, operation="delete")) == "5010"
    assert qbo.standin.activities["1"]["SyncToken"] == "0"


def test_a_deleted_activity_is_gone_and_its_id_is_not_used_again(qbo):
    """Deleting is for good; reading, changing and deleting it again give 610."""
    qbo.create()
    gone = {"Id": "1", "SyncToken": "0"}

    answer = qbo.post("/timeactivity", gone, operation="delete")

    assert answer.json()["TimeActivity"] == {"domain": "QBO", "status": "Deleted", "Id": "1"}
    assert code(qbo.get("/timeactivity/1")) == "610"
    assert code(qbo.post("/timeactivity", gone, operation="delete")) == "610"
    assert code(qbo.post("/timeactivity", ACTIVITY | gone)) == "610"
    assert qbo.create().json()["TimeActivity"]["Id"] == "2"


@pytest.mark.parametrize("billed_can_be_deleted", [True, False])
def test_billed_time_is_deleted_only_if_the_switch_says_so(qbo, billed_can_be_deleted):
    """Whether the real service lets go of billed time is not known."""
    qbo.switches.billed_can_be_deleted = billed_can_be_deleted
    qbo.create()
    qbo.standin.activities["1"]["BillableStatus"] = "HasBeenBilled"

    answer = qbo.post("/timeactivity", {"Id": "1", "SyncToken": "0"}, operation="delete")

    assert answer.ok is billed_can_be_deleted
    assert ("1" in qbo.standin.activities) is not billed_can_be_deleted


def test_references_show_the_names_of_now(qbo):
    """A renamed or deactivated person keeps the time, under the present name."""
    qbo.create()
    qbo.post("/employee", {"Id": "55", "SyncToken": "0", "sparse": True, "Active": False})

    row = qbo.get("/timeactivity/1").json()["TimeActivity"]

    assert row["EmployeeRef"] == {"value": "55", "name": "Emily Platt (deleted)"}


# --- companies that refuse ---------------------------------------------------------------------


def test_closed_books_refuse_their_last_day_and_take_the_next(qbo):
    """Create, change and delete are refused on or before BookCloseDate."""
    qbo.create(TxnDate="2026-02-28")
    qbo.standin.preferences["AccountingInfoPrefs"]["BookCloseDate"] = "2026-02-28"
    ids = {"Id": "1", "SyncToken": "0"}

    assert code(qbo.create(TxnDate="2026-02-28")) == "6210"
    assert code(qbo.post("/timeactivity", ACTIVITY | ids)) == "6210"
    assert code(qbo.post("/timeactivity", ids, operation="delete")) == "6210"
    assert qbo.create(TxnDate="2026-03-01").ok

    qbo.switches.refuses_closed_books = False
    assert qbo.create(TxnDate="2026-02-28").ok


def test_an_ended_subscription_can_be_read_but_not_written(qbo):
    """6190 names the plan; reads go on."""
    qbo.standin.company["NameValue"][1]["Value"] = "EXPIRED"

    assert code(qbo.create()) == "6190"
    assert qbo.get("/customer/21").ok


def test_payroll_and_small_plans_refuse_plain_time(qbo):
    """The real faults are unknown: their codes are switches."""
    pairs = {pair["Name"]: pair for pair in qbo.standin.company["NameValue"]}
    pairs["PayrollFeature"]["Value"] = "true"
    assert code(qbo.create()) == "6000"
    qbo.switches.payroll_code = "5030"
    assert code(qbo.create()) == "5030"
    assert qbo.create(PayrollItemRef={"value": "7"}).ok
    qbo.switches.payroll_code = None
    assert qbo.create().ok

    pairs["OfferingSku"]["Value"] = "QuickBooks Online Simple Start"
    assert code(qbo.create()) == "5030"


# --- batches -----------------------------------------------------------------------------------


def test_a_refused_item_leaves_its_neighbours_created(qbo):
    """A batch is not a transaction: 200 at the top, an outcome for each item."""
    stranger = ACTIVITY | {"EmployeeRef": {"value": "no-such-id"}}

    answer = qbo.batch(ACTIVITY, stranger, ACTIVITY)

    assert answer.status_code == 200
    first, second, third = answer.json()["BatchItemResponse"]
    assert list(first) == ["TimeActivity", "bId"]
    assert (first["bId"], first["TimeActivity"]["Id"]) == ("1", "1")
    assert second == {
        "Fault": {
            "Error": [
                {
                    "Message": "Invalid Reference Id",
                    "Detail": "Invalid Reference Id : Names element id no-such-id not found",
                    "code": "2500",
                    "element": "",
                }
            ],
            "type": "ValidationFault",
        },
        "bId": "2",
    }
    assert (third["bId"], third["TimeActivity"]["Id"]) == ("3", "2")
    assert len(qbo.standin.activities) == 2


def test_a_batch_takes_all_operations_and_queries(qbo):
    """Create, update, delete and Query may stand side by side."""
    qbo.batch(ACTIVITY, ACTIVITY)
    items = [
        {"bId": "u", "operation": "update", "TimeActivity": ACTIVITY | {
            "Id": "1", "SyncToken": "0", "Description": "Changed"}},
        {"bId": "d", "operation": "delete", "TimeActivity": {"Id": "2", "SyncToken": "0"}},
        {"bId": "c", "operation": "create", "Vendor": {"DisplayName": "New Vendor"}},
        {"bId": "q", "Query": "select * from TimeActivity where TxnDate = '2026-03-02'"},
        {"bId": "x", "operation": "void", "TimeActivity": {"Id": "1"}},
    ]  # fmt: skip

    update, delete, create, query, odd = qbo.post("/batch", {"BatchItemRequest": items}).json()[
        "BatchItemResponse"
    ]

    assert update["TimeActivity"]["Description"] == "Changed"
    assert delete["TimeActivity"]["status"] == "Deleted"
    assert create["Vendor"]["DisplayName"] == "New Vendor"
    assert [row["Id"] for row in query["QueryResponse"]["TimeActivity"]] == ["1"]
    assert query["QueryResponse"]["maxResults"] == 1
    assert odd["Fault"]["Error"][0]["code"] == "2170"


def test_31_items_are_refused_together(qbo):
    """The limit is 30, and nothing of a larger batch is done."""
    assert code(qbo.batch(*[ACTIVITY] * 31)) == "1040"
    assert not qbo.standin.activities
    assert qbo.batch(*[ACTIVITY] * 30).ok


def test_answers_may_come_in_another_order(qbo):
    """No order is promised: only the bId says which answer is whose."""
    qbo.switches.runs_batches_backwards = True

    answer = qbo.batch(ACTIVITY, ACTIVITY | {"Hours": 4}).json()["BatchItemResponse"]

    assert [item["bId"] for item in answer] == ["2", "1"]
    assert answer[0]["TimeActivity"]["Hours"] == 4


# --- request ids -------------------------------------------------------------------------------


def test_a_repeated_write_is_not_done_twice(qbo):
    """The same request id gives the same answer, byte for byte, later too."""
    first = qbo.post("/timeactivity", ACTIVITY, requestid="r-1")
    qbo.clock.advance(3600 * 24)
    qbo.headers["Authorization"] = f"Bearer {qbo.standin.access_token()}"

    again = qbo.post("/timeactivity", ACTIVITY, requestid="r-1")

    assert again.text == first.text
    assert len(qbo.standin.activities) == 1
    assert qbo.post("/timeactivity", ACTIVITY, requestid="r-2").json()["TimeActivity"]["Id"] == "2"
    assert [request_id for _, _, request_id in qbo.standin.requests] == ["r-1", "r-1", "r-2"]


def test_in_a_batch_the_identity_is_request_id_and_bid(qbo):
    """Items that were done answer from memory; a new bId under the same id is new work."""
    first = qbo.batch(ACTIVITY, requestid="r-1").json()["BatchItemResponse"]
    bad = ACTIVITY | {"NameOf": "Vendor"}

    again = qbo.batch(ACTIVITY, bad, requestid="r-1").json()["BatchItemResponse"]

    assert again[0] == first[0]
    assert again[1]["Fault"]["Error"][0]["code"] == "6300"
    assert len(qbo.standin.activities) == 1
    # A fault is remembered too, whatever the content is by now.
    third = qbo.batch(ACTIVITY, ACTIVITY, requestid="r-1").json()["BatchItemResponse"]
    assert third == again


def test_a_replay_shows_the_row_as_it_was(qbo):
    """The stored answer is a copy: later changes of the row do not reach it."""
    first = qbo.batch(ACTIVITY, requestid="r-1").json()["BatchItemResponse"]
    qbo.post("/timeactivity", ACTIVITY | {"Id": "1", "SyncToken": "0", "Description": "Later"})

    assert qbo.batch(ACTIVITY, requestid="r-1").json()["BatchItemResponse"] == first


def test_without_a_request_id_every_write_counts(qbo):
    """A blind resend makes a double, as on the real service."""
    qbo.batch(ACTIVITY)
    qbo.batch(ACTIVITY)
    qbo.post("/timeactivity", ACTIVITY, requestid="")

    assert len(qbo.standin.activities) == 3


@pytest.mark.parametrize("memory_s", [0, 1800, 86_400, 604_800, None])
def test_request_ids_may_be_forgotten_after_a_time(qbo, memory_s):
    """Within the time a replay is harmless, after it it doubles (FACTS 12, 13.3)."""
    qbo.switches.forgets_request_ids_after_s = memory_s
    qbo.batch(ACTIVITY, requestid="r-1")
    qbo.clock.advance((memory_s or 1) - 1)
    qbo.headers["Authorization"] = f"Bearer {qbo.standin.access_token()}"
    qbo.batch(ACTIVITY, requestid="r-1")
    assert len(qbo.standin.activities) == (2 if memory_s == 0 else 1)

    qbo.clock.advance(1)
    qbo.batch(ACTIVITY, requestid="r-1")
    assert len(qbo.standin.activities) == {0: 3, None: 1}.get(memory_s, 2)


def test_a_replay_may_be_answered_6000(qbo):
    """As seen in 2016: the row is there, the replay says fault, item by item."""
    qbo.switches.replay_answers_6000 = True
    qbo.batch(ACTIVITY, requestid="r-1")

    (item,) = qbo.batch(ACTIVITY, requestid="r-1").json()["BatchItemResponse"]

    assert item["Fault"]["Error"][0]["code"] == "6000"
    assert len(qbo.standin.activities) == 1


def test_ids_that_are_too_long_are_refused(qbo):
    """50 alone; in a batch 36 and 10, and the real words when both make more than 50."""
    assert code(qbo.post("/timeactivity", ACTIVITY, requestid="r" * 51)) == "6000"
    assert qbo.post("/timeactivity", ACTIVITY, requestid="r" * 50).ok
    (item,) = qbo.batch(ACTIVITY, requestid="r" * 37).json()["BatchItemResponse"]
    assert item["Fault"]["Error"][0]["code"] == "2130"
    (item,) = qbo.batch(ACTIVITY, requestid="r" * 50).json()["BatchItemResponse"]
    assert item["Fault"]["Error"][0]["Detail"] == (
        "Business Validation Error: You cannot enter more than 50 characters in the request_id "
        f"field. You tried entering {'r' * 50}1, which is 51 characters."
    )
    assert qbo.batch(ACTIVITY, requestid="r" * 36).json()["BatchItemResponse"][0]["TimeActivity"]
    assert len(qbo.standin.activities) == 2


def test_a_second_call_may_be_refused_while_the_first_runs(qbo):
    """600 while in progress; otherwise both get the same rows, and none is double."""
    qbo.switches.latency_s = 0.05
    qbo.switches.answers_600_in_progress = True
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(qbo.batch, *[ACTIVITY] * 4, requestid="r") for _ in range(2)]
    answers = sorted((call.result() for call in calls), key=lambda answer: answer.status_code)

    assert answers[0].ok
    assert code(answers[1]) == "600"

    qbo.switches.answers_600_in_progress = False
    with ThreadPoolExecutor() as pool:
        calls = [pool.submit(qbo.batch, *[ACTIVITY] * 4, requestid="s") for _ in range(2)]
    one, other = (call.result().json()["BatchItemResponse"] for call in calls)
    assert one == other
    assert len(qbo.standin.activities) == 8


# --- failures on the way -----------------------------------------------------------------------


def test_work_whose_answer_was_lost_is_found_again_by_its_ids(qbo):
    """The batch was done, the connection broke; the replay gives the answer it lost."""
    qbo.standin.faults.plan("POST .*/batch", "drop_after")

    with pytest.raises(requests.ConnectionError):
        qbo.batch(ACTIVITY, requestid="r-1")

    assert len(qbo.standin.activities) == 1
    (item,) = qbo.batch(ACTIVITY, requestid="r-1").json()["BatchItemResponse"]
    assert item["TimeActivity"]["Id"] == "1"
    assert len(qbo.standin.activities) == 1


def test_faults_are_counted_when_they_strike(qbo):
    """Who plans failures can tell which of them came to anything."""
    qbo.standin.faults.plan("POST .*/batch", "drop_before", skip=1)

    qbo.batch(ACTIVITY, requestid="r-1")
    assert qbo.standin.faults.struck == 0

    with pytest.raises(requests.ConnectionError):
        qbo.batch(ACTIVITY, requestid="r-2")
    assert qbo.standin.faults.struck == 1


# --- limits ------------------------------------------------------------------------------------


def test_the_limits_are_the_real_ones_unless_told_otherwise():
    """10 a second, 500 a minute, 40 batches a minute."""
    switches = Switches()

    assert switches.requests_per_second == 10
    assert switches.requests_per_minute == 500
    assert switches.batches_per_minute == 40


def test_the_eleventh_request_of_a_second_is_throttled_and_not_done(qbo):
    """429 comes in XML although JSON was asked for, without Retry-After; then it goes on."""
    qbo.switches.requests_per_second = 2
    qbo.create()
    qbo.create()

    answer = qbo.create()

    assert answer.status_code == 429
    assert "Retry-After" not in answer.headers
    assert answer.headers["content-type"].startswith("application/xml")
    error = ET.fromstring(answer.text).find(f"{NS}Fault/{NS}Error")  # noqa: S314 - our own
    assert error.get("code") == "3001"
    assert error.find(f"{NS}Message").text == (
        "message=ThrottleExceeded; errorCode=003001; statusCode=429"
    )
    assert qbo.standin.throttled == 1
    assert len(qbo.standin.activities) == 2
    qbo.clock.advance(1)
    assert qbo.create().ok


def test_batches_have_a_limit_of_their_own(qbo):
    """Two a minute here; other requests are not held back by it."""
    qbo.switches.batches_per_minute = 2
    qbo.batch(ACTIVITY)
    qbo.batch(ACTIVITY)

    assert qbo.batch(ACTIVITY).status_code == 429
    assert qbo.create().ok
    qbo.clock.advance(60)
    assert qbo.batch(ACTIVITY).ok


@pytest.mark.parametrize("counts_batch_items", [True, False])
def test_a_batch_counts_as_one_request_or_as_its_items(qbo, counts_batch_items):
    """Sources contradict each other, so both can be had."""
    qbo.switches.requests_per_minute = 10
    qbo.switches.counts_batch_items = counts_batch_items
    qbo.batch(*[ACTIVITY] * 8)

    assert qbo.batch(*[ACTIVITY] * 8).ok is not counts_batch_items


def test_a_throttle_may_speak_json_and_say_how_long(qbo):
    """By switch: the gateway's envelope, and Retry-After."""
    qbo.switches.requests_per_minute = 0
    qbo.switches.throttle_in_json = True
    qbo.switches.retry_after_s = 60

    answer = qbo.get("/customer/21")

    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "60"
    assert answer.json()["fault"]["error"][0]["code"] == "3001"


# --- the gate and the wire ---------------------------------------------------------------------


def test_an_expired_token_gives_the_gateways_envelope(qbo):
    """401 with lower-case members, a number as time, and WWW-Authenticate."""
    qbo.clock.advance(3600)

    answer = qbo.get("/customer/21")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="Intuit", error="invalid_token"'
    body = answer.json()
    assert body["fault"]["type"] == "AUTHENTICATION"
    assert body["fault"]["error"][0]["code"] == "3200"
    assert body["fault"]["error"][0]["detail"].startswith("Token expired: ")
    assert body["time"] == 1772649015250
    assert body["cdcresponse"] == []


def test_another_company_is_not_this_tokens(qbo):
    """403 with 3100: a token is bound to one realm."""
    url = qbo.url.replace(qbo.standin.realm_id, "999")

    answer = requests.get(f"{url}/customer/21", headers=qbo.headers, timeout=10)

    assert answer.status_code == 403
    error = answer.json()["fault"]["error"][0]
    assert error["message"] == (
        "message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403"
    )
    assert error["detail"] is None


def test_who_does_not_ask_for_json_gets_xml(qbo):
    """The real service's default, for answers and faults alike; a switch for the impatient."""
    qbo.headers["Accept"] = "*/*"

    good, bad = qbo.create(), qbo.get("/timeactivity/77")

    row = ET.fromstring(good.text).find(f"{NS}TimeActivity")  # noqa: S314 - our own
    assert row.find(f"{NS}EmployeeRef").get("name") == "Emily Platt"
    assert row.find(f"{NS}EmployeeRef").text == "55"
    assert ET.fromstring(bad.text).find(f"{NS}Fault/{NS}Error").get("code") == "610"  # noqa: S314
    qbo.switches.xml_by_default = False
    assert code(qbo.get("/timeactivity/77")) == "610"


def test_headers_are_those_that_were_recorded(qbo):
    """Both good and bad answers bear Intuit's trace id; only good ones bear the version."""
    good, bad = qbo.get("/customer/21"), qbo.get("/customer/77")

    assert good.headers["content-type"] == "application/json;charset=utf-8"
    assert bad.headers["content-type"] == "application/json"
    assert good.headers["intuit_tid"].startswith("1-")
    assert good.headers["intuit_tid"] != bad.headers["intuit_tid"]
    assert "Qbo-Version" in good.headers
    assert "Qbo-Version" not in bad.headers


def test_odd_addresses_and_ids_have_the_recorded_faults(qbo):
    """500 for what is no resource, 2030 (without time) for what is no id, 610 for no row."""
    odd, wrong = qbo.get("/customer/1/5"), qbo.get("/customer/1.5")

    assert code(odd) == "500"
    assert "Could not find resource for relative : /v3/company/" in odd.text
    assert code(wrong) == "2030"
    assert "time" not in wrong.json()
    assert code(qbo.get("/customer/4711")) == "610"
    assert code(qbo.get("/nonsense/1")) == "500"
    assert code(qbo.post("/customer", {"Id": "21", "SyncToken": "0"}, operation="delete")) == "500"
    broken = requests.post(f"{qbo.url}/timeactivity", data="{", headers=qbo.headers, timeout=10)
    assert code(broken) == "2010"


def test_other_methods_are_no_operations(qbo):
    """What HTTP allows is not what Intuit has: the fault for no resource (FACTS 7.2)."""
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = requests.request(method, f"{qbo.url}/customer/21", headers=qbo.headers, timeout=10)
        assert code(answer) == "500"


def test_a_missing_company_is_an_internal_error(qbo):
    """An address that was put together without its realm gets 6000 and -30000 (FACTS 7.2)."""
    url = qbo.url.replace(qbo.standin.realm_id, "")

    answer = requests.get(f"{url}/customer/21", headers=qbo.headers, timeout=10)

    assert code(answer) == "6000"
    assert "Unexpected Internal Error. (-30000)" in answer.text


def test_two_question_marks_break_the_service(qbo):
    """`?minorversion=4?requestid=`: Java cannot read the number (FACTS 10)."""
    url = f"{qbo.url}/timeactivity?minorversion=4?requestid=7"

    answer = requests.post(url, json=ACTIVITY, headers=qbo.headers, timeout=10)

    fault = answer.json()["Fault"]
    assert (answer.status_code, fault["type"]) == (500, "SystemFault")
    assert fault["Error"][0]["code"] == "10000"
    assert fault["Error"][0]["Detail"].endswith('For input string: "4?requestid"')
    assert not qbo.standin.activities


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/query", {"query": "select * from Item", "limit": "5"}),
        ("/customer/21", {"operation": "delete"}),
        ("/cdc", {"entities": "Item", "changedSince": "2026-03-01", "page": "2"}),
    ],
)
def test_no_parameter_is_ignored_in_silence(qbo, path, params):
    """What the stand-in does not know it says so with 501, and does nothing (FACTS 11.2)."""
    answer = qbo.get(path, **params)

    assert answer.status_code == 501
    assert "does not know the parameter" in answer.text
    assert qbo.post("/timeactivity", ACTIVITY, force="1").status_code == 501
    assert qbo.get("/customer/21", format="xml").status_code == 501
    assert qbo.get("/customer/21", format="json").ok
    assert not qbo.standin.activities


def test_companyinfo_tells_the_first_day_when_asked(qbo):
    """`include=firsttxndate` (FACTS 6.1)."""
    qbo.create()
    qbo.create(TxnDate="2025-12-31")

    path = f"/companyinfo/{qbo.standin.realm_id}"
    info = qbo.get(path, include="firsttxndate").json()["CompanyInfo"]

    assert info["NameValue"][-1] == {"Name": "firstTxnDate", "Value": "2025-12-31"}
    assert len(qbo.get(path).json()["CompanyInfo"]["NameValue"]) == 3
    assert qbo.get(path, include="everything").status_code == 501


def test_a_fault_may_come_in_lower_case(qbo):
    """The books' own faults were met in the gateway's spelling now and then (FACTS 7.1)."""
    qbo.switches.lower_case_faults = True

    for answer, code in ((qbo.get("/customer/77"), "610"), (qbo.create(Hours=-1), "6380")):
        fault = answer.json()["fault"]
        assert list(fault["error"][0]) == ["message", "detail", "code", "element"]
        assert (fault["error"][0]["code"], fault["type"]) == (code, "ValidationFault")


def test_company_and_preferences_can_be_read_and_queried(qbo):
    """A client finds plan, payroll, closing date and currency here."""
    info = qbo.get(f"/companyinfo/{qbo.standin.realm_id}").json()["CompanyInfo"]
    assert info["CompanyName"] == "Fern & Moss"
    assert info["domain"] == "QBO"
    assert code(qbo.get("/companyinfo/4711")) == "610"
    prefs = qbo.get("/preferences").json()["Preferences"]
    assert prefs["CurrencyPrefs"] == {"HomeCurrency": {"value": "USD"}}
    queried = qbo.get("/query", query="select * from CompanyInfo").json()["QueryResponse"]
    assert queried == {"CompanyInfo": [info], "maxResults": 1}


def test_the_scenarios_dicts_stay_as_they_were(qbo):
    """Whoever made a scenario may use it again."""
    untouched = deepcopy(qbo.scenario)

    qbo.standin.preferences["AccountingInfoPrefs"]["BookCloseDate"] = "2026-01-01"
    qbo.standin.customers["21"]["DisplayName"] = "Other"

    assert qbo.scenario == untouched


# --- against what was recorded -----------------------------------------------------------------


def test_rows_have_the_shape_of_recorded_rows(qbo, shared_samples):
    """Same members in the same order as in rows of the real sandbox."""
    samples = shared_samples("qbo/samples")
    lines = (samples / "airbyte/timeactivity_records.jsonl").read_text().splitlines()
    for line in lines:
        recorded = json.loads(line)
        body = {
            k: v for k, v in recorded.items() if k not in {"domain", "sparse", "Id", "SyncToken"}
        } | ACTIVITY
        ours = qbo.post("/timeactivity", body).json()["TimeActivity"]
        assert list(ours) == list(recorded)
        assert list(ours["MetaData"]) == list(recorded["MetaData"])

    recorded = json.loads((samples / "http-qbo_api/error_401.0.json").read_text())
    qbo.clock.advance(3600)
    ours = qbo.get("/customer/1").json()
    assert list(ours) == list(recorded)
    assert list(ours["fault"]["error"][0]) == list(recorded["fault"]["error"][0])
