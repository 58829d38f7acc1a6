"""How QuickBooks is called: batches, request ids, limits, queries, faults, tokens."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from contract_quickbooks import fault, item, key_of
from contract_rules import rule

# --- batches -----------------------------------------------------------------------------------


@rule("QBO 2.1")
def test_a_refused_item_leaves_its_neighbors(qbo):
    """A batch is no transaction: status 200, each item with its own outcome, matched by bId."""
    answer = qbo.send_batch(
        item(1, "create", qbo.activity()),
        item(2, "create", qbo.activity(HourlyRate=None)),
        item(3, "create", qbo.activity(Hours=2)),
    )

    assert answer.status_code == 200
    items = {one["bId"]: one for one in answer.json()["BatchItemResponse"]}
    assert fault(items["2"])["code"] == "6330"
    assert items["2"]["Fault"]["type"] == "ValidationFault"
    assert [items[bid]["TimeActivity"]["Hours"] for bid in ("1", "3")] == [1, 2]


@rule("QBO 2.1")
def test_a_batch_holds_30_items(qbo):
    """30 are taken."""
    items = [item(n, "create", qbo.activity(Hours=n)) for n in range(1, 31)]

    answers = qbo.batch(*items)

    assert {one["bId"]: one["TimeActivity"]["Hours"] for one in answers} == {
        str(n): n for n in range(1, 31)
    }


@rule("QBO 2.1")
def test_a_larger_batch_is_refused_whole(qbo):
    """31 items get 1040, and none of them is made."""
    name = qbo.name("row")
    items = [item(n, "create", qbo.activity(Description=name)) for n in range(1, 32)]

    assert fault(qbo.send_batch(*items))["code"] == "1040"
    today = f"select * from TimeActivity where TxnDate = '{qbo.today}' maxresults 1000"
    assert name not in {row.get("Description") for row in qbo.query(today)}


@rule("QBO 12", switch="largest_batch", settings=(10, 25, 30, 50))
def test_the_largest_batch(qbo):
    """30, says the reference; other pages say 10, 25 and 50."""
    items = [{"bId": str(n), "Query": "select * from Item"} for n in range(1, 51)]

    qbo.shows(
        "largest_batch", max(size for size in (10, 25, 30, 50) if qbo.send_batch(*items[:size]).ok)
    )


@rule("QBO 2.1")
def test_a_batch_mixes_operations(qbo):
    """Create, update, delete and query in one: what corrections need."""
    old, gone = qbo.time(), qbo.time()

    answers = {
        one["bId"]: one
        for one in qbo.batch(
            item(1, "create", qbo.activity(Hours=2)),
            item(2, "update", qbo.activity(Hours=3) | key_of(old)),
            item(3, "delete", key_of(gone)),
            {"bId": "4", "Query": f"select * from Customer where Id = '{qbo.customer}'"},
        )
    }

    assert answers["1"]["TimeActivity"]["Hours"] == 2
    changed = answers["2"]["TimeActivity"]
    assert (changed["Hours"], changed["SyncToken"]) == (3, "1")
    assert answers["3"]["TimeActivity"]["status"] == "Deleted"
    assert answers["4"]["QueryResponse"]["Customer"][0]["Id"] == qbo.customer


@rule("QBO 2.1")
def test_a_stale_item_leaves_its_neighbors(qbo):
    """5010 is one item's outcome."""
    old, other = qbo.time(), qbo.time()
    qbo.made("TimeActivity", qbo.activity(Hours=2) | key_of(old))

    stale, done = qbo.batch(
        item(1, "delete", key_of(old)),
        item(2, "delete", key_of(other)),
    )

    assert fault(stale)["code"] == "5010"
    assert done["TimeActivity"]["status"] == "Deleted"


@rule("QBO 12", switch="shuffles_batch_answers")
def test_the_order_of_answers(qbo):
    """Not promised: recorded in the order of the request."""
    items = [item(n, "create", qbo.activity(Hours=n)) for n in range(1, 13)]

    order = [one["bId"] for one in qbo.batch(*items, request_id=qbo.request_id())]

    qbo.shows("shuffles_batch_answers", order != [str(n) for n in range(1, 13)])


@rule("QBO 2.1", switch="runs_batches_backwards", only="ids may be given in any order at any time")
def test_the_order_of_work(qbo):
    """Not promised: no item may use what another one makes."""
    items = [item(n, "create", qbo.activity(Hours=n)) for n in (1, 2)]

    hours = [row["Hours"] for row in sorted(qbo.standin.activities.values(), key=_id)]
    assert hours == []
    qbo.batch(*items)
    hours = [row["Hours"] for row in sorted(qbo.standin.activities.values(), key=_id)]

    qbo.shows("runs_batches_backwards", hours == [2, 1])


def _id(row):
    return int(row["Id"])


# --- request ids -------------------------------------------------------------------------------


def count_of(qbo, name):
    today = f"select * from TimeActivity where TxnDate = '{qbo.today}' maxresults 1000"
    return [row.get("Description") for row in qbo.query(today)].count(name)


@rule("QBO 3", switch="remembers_request_ids")
def test_a_repeated_batch_is_done_once(qbo):
    """Same request id, bId and bytes: the first answer again, and one activity."""
    name, request_id = qbo.name("row"), qbo.request_id()
    one = item(1, "create", qbo.activity(Description=name))

    (first,), (again,) = (qbo.batch(one, request_id=request_id) for _ in range(2))

    is_one = count_of(qbo, name) == 1
    assert (first["TimeActivity"]["Id"] == again["TimeActivity"]["Id"]) is is_one
    qbo.shows("remembers_request_ids", is_one)


@rule("QBO 3")
@pytest.mark.parametrize("operation", ["update", "delete"])
def test_a_repeated_correction_is_done_once(qbo, operation):
    """The first answer again, no stale token and no 610: a lost answer can be asked for."""
    row, request_id = qbo.time(), qbo.request_id()
    one = item(1, operation, qbo.activity(Hours=3) | key_of(row))

    (first,), (again,) = (qbo.batch(one, request_id=request_id) for _ in range(2))

    assert first == again
    assert "Fault" not in first


@rule("QBO 3")
def test_a_repeated_refusal_is_the_same(qbo):
    """A fault is an answer like any other."""
    request_id = qbo.request_id()
    one = item(1, "create", qbo.activity(HourlyRate=None))

    (first,), (again,) = (qbo.batch(one, request_id=request_id) for _ in range(2))

    assert fault(first)["code"] == fault(again)["code"] == "6330"


@rule("QBO 3")
def test_another_bid_is_another_request(qbo):
    """The key is request id and bId together."""
    name, request_id = qbo.name("row"), qbo.request_id()
    body = qbo.activity(Description=name)

    for number in (1, 2):
        qbo.batch(item(number, "create", body), request_id=request_id)

    assert count_of(qbo, name) == 2


@rule("QBO 12", switch="other_content")
def test_one_request_id_with_other_content(qbo):
    """The first answer again, a refusal, or new work."""
    request_id = qbo.request_id()
    (first,) = qbo.batch(item(1, "create", qbo.activity(Hours=2)), request_id=request_id)
    (other,) = qbo.batch(item(1, "create", qbo.activity(Hours=3)), request_id=request_id)

    if "Fault" in other:
        seen = "refused"
    else:
        same = other["TimeActivity"]["Id"] == first["TimeActivity"]["Id"]
        seen = "replayed" if same else "done"
    qbo.shows("other_content", seen)


@rule("QBO 3")
def test_the_longest_request_id_of_a_batch(qbo):
    """36 characters, with a bId of 10: the longest that is taken."""
    request_id = (qbo.request_id() + qbo.request_id())[:36]

    (done,) = qbo.batch(item("1234567890", "create", qbo.activity()), request_id=request_id)

    assert done["bId"] == "1234567890"
    assert "TimeActivity" in done


@rule("QBO 3")
def test_a_joined_key_over_50_is_refused(qbo):
    """Request id and bId make one key: 51 characters get 6000."""
    request_id = (qbo.request_id() + qbo.request_id())[:41]

    answer = qbo.send_batch(item("1234567890", "create", qbo.activity()), request_id=request_id)

    body = answer.json()
    assert fault(body if "Fault" in body else body["BatchItemResponse"][0])["code"] == "6000"


@rule(
    "QBO 12", switch="forgets_request_ids_after_s", settings=(0.0, 1800.0, 86400.0, 604800.0, None),
    only="it takes from half an hour to a week to see",
)  # fmt: skip
def test_how_long_a_request_id_is_remembered(qbo):
    """Written nowhere: the ledger does not lean on it."""
    request_id = qbo.request_id()
    one = item(1, "create", qbo.activity())
    steps = (0.0, 1800.0, 86400.0, 604800.0)
    (first,) = qbo.batch(one, request_id=request_id)

    passed, seen = 0.0, None
    for step in steps:
        qbo.standin.now.advance(step - passed)
        passed = step
        qbo.where.credentials["Authorization"] = f"Bearer {qbo.standin.access_token()}"
        (again,) = qbo.batch(one, request_id=request_id)
        if again["TimeActivity"]["Id"] != first["TimeActivity"]["Id"]:
            seen = step
            break

    qbo.shows("forgets_request_ids_after_s", seen)


@rule("QBO 12", switch="replay_answers_6000", only="seen once, in 2016, and never on purpose")
def test_a_repeated_batch_may_be_answered_6000(qbo):
    """A repeat's 6000 proves nothing: the product looks into the books."""
    request_id = qbo.request_id()
    one = item(1, "create", qbo.activity())
    qbo.batch(one, request_id=request_id)

    (again,) = qbo.batch(one, request_id=request_id)

    qbo.shows("replay_answers_6000", "Fault" in again)
    if "Fault" in again:
        assert fault(again)["code"] == "6000"


# --- limits and breakdowns ---------------------------------------------------------------------


@rule("QBO 2.2", only="to reach a limit would throttle the company's other apps")
@pytest.mark.parametrize(
    ("switch", "limit", "step_s"),
    [("requests_per_second", 10, 0), ("requests_per_minute", 500, 0.2)],
)
def test_requests_are_limited(qbo, switch, limit, step_s):
    """10 a second and 500 a minute for a company and app; the next one gets 429."""
    setattr(qbo.standin.switches, switch, limit)

    for _ in range(limit):
        assert qbo.call("GET", "/preferences").status_code == 200
        qbo.standin.now.advance(step_s / 2)

    assert qbo.call("GET", "/preferences").status_code == 429


@rule("QBO 2.2", only="to reach a limit would throttle the company's other apps")
def test_batches_are_limited(qbo):
    """40 a minute; a minute later they are taken again."""
    qbo.standin.switches.batches_per_minute = 40
    query = {"bId": "1", "Query": "select * from Item"}

    for _ in range(40):
        qbo.batch(query)

    assert qbo.send_batch(query).status_code == 429
    qbo.standin.now.advance(61)
    assert qbo.send_batch(query).status_code == 200


@rule("QBO 2.3", switch="throttle_in_json", only="a throttle cannot be had without reaching it")
def test_a_throttle_speaks_xml(qbo):
    """Also to who asked for JSON: code 3001, and nothing was done."""
    body = qbo.activity()
    qbo.standin.switches.requests_per_second = 0

    answer = qbo.post("TimeActivity", body)

    assert "003001" in answer.text
    assert not qbo.standin.activities
    qbo.shows("throttle_in_json", "json" in answer.headers["Content-Type"])


@rule(
    "QBO 2.3", switch="retry_after_s", settings=(None, 30),
    only="a throttle cannot be had without reaching it",
)  # fmt: skip
def test_a_throttle_may_say_how_long(qbo):
    """`Retry-After` was not seen; where it comes, it is read."""
    qbo.standin.switches.requests_per_second = 0

    wait = qbo.call("GET", "/preferences").headers.get("Retry-After")

    qbo.shows("retry_after_s", wait and int(wait))


@rule("QBO 2.4", only="a gateway's timeout cannot be had on purpose")
def test_an_answer_may_be_lost_after_the_work(qbo):
    """504 in XML, and the activity is there all the same: an answer in doubt, never a refusal."""
    body = qbo.activity()
    qbo.standin.faults.plan("POST .*/timeactivity", "answer_after", status=504)

    assert qbo.call("POST", "/timeactivity", json=body).status_code == 504
    assert len(qbo.standin.activities) == 1


# --- queries -----------------------------------------------------------------------------------


@rule("QBO 4.2")
def test_a_query_without_findings(qbo):
    """`QueryResponse` is empty: no list, no error."""
    answer = qbo.ask("select * from TimeActivity where Id = '999999999'")

    assert (answer.status_code, answer.json()["QueryResponse"]) == (200, {})


@rule("QBO 4.2")
def test_max_results_counts_the_rows(qbo):
    """It is the number of rows returned, not the limit that was asked for."""
    assert qbo.time()

    found = qbo.ask("select * from TimeActivity orderby Id maxresults 1000").json()

    rows = found["QueryResponse"]["TimeActivity"]
    assert found["QueryResponse"]["maxResults"] == len(rows)


@rule("QBO 4.1")
def test_a_query_names_ids(qbo):
    """`Id IN (…)` and `=`; unknown ones find nothing."""
    ids = [qbo.time()["Id"] for _ in range(2)]

    named = ", ".join(f"'{id_}'" for id_ in [*ids, "999999999"])
    rows = qbo.query(f"select * from TimeActivity where Id IN ({named}) orderby Id")

    assert sorted(row["Id"] for row in rows) == sorted(ids)


@rule("QBO 4.1")
def test_ids_cannot_be_compared(qbo):
    """`Id >` is refused, so that pages go by position."""
    answer = qbo.ask("select * from TimeActivity where Id > '1'")

    assert (answer.status_code, fault(answer)["code"][:2]) == (400, "40")


@rule("QBO 4.4")
def test_pages_in_the_order_of_ids(qbo):
    """Positions count from 1, and a page begins with the row that it names."""
    ids = [qbo.time()["Id"] for _ in range(3)]
    named = ", ".join(f"'{id_}'" for id_ in ids)

    pages = [
        qbo.query(
            f"select * from TimeActivity where Id IN ({named})"
            f" orderby Id startposition {start} maxresults 2"
        )
        for start in (1, 2, 3, 4)
    ]

    got = [[row["Id"] for row in page] for page in pages]
    assert got == [ids[0:2], ids[1:3], ids[2:3], []]


@rule("QBO 4.1")
def test_position_0_is_refused(qbo):
    """4001: they count from 1."""
    answer = qbo.ask("select * from Customer startposition 0")

    assert fault(answer)["code"] == "4001"


@rule("QBO 12", switch="cuts_long_pages")
def test_more_than_1000_rows(qbo):
    """Refused, or 1,000 come."""
    qbo.shows("cuts_long_pages", qbo.ask("select * from Customer maxresults 1001").ok)


@rule("QBO 4.2")
@pytest.mark.parametrize(
    ("statement", "code"),
    [("selec * from Customer", "4000"), ("select * from Custmoer", "4001")],
    ids=["4000", "4001"],
)
def test_what_cannot_be_asked(qbo, statement, code):
    """4000 for what cannot be read, 4001 for what cannot be asked."""
    answer = qbo.ask(statement)

    assert (answer.status_code, fault(answer)["code"]) == (400, code)


@rule("QBO 4.3")
def test_time_of_some_days(qbo):
    """`TxnDate` with two bounds, both included."""
    row = qbo.time()

    found = qbo.query(
        f"select * from TimeActivity where TxnDate >= '{qbo.today}' and TxnDate <= '{qbo.today}'"
        " orderby Id maxresults 1000"
    )

    assert row["Id"] in {one["Id"] for one in found}
    assert {one["TxnDate"] for one in found} == {qbo.today}


@rule("QBO 4.3")
def test_time_that_was_made_lately(qbo):
    """`MetaData.CreateTime` with an offset; what changed later keeps it."""
    row = qbo.time()
    made = row["MetaData"]["CreateTime"]
    after = (datetime.fromisoformat(made) + timedelta(hours=1)).isoformat()
    qbo.made("TimeActivity", qbo.activity(Hours=2) | key_of(row))

    def found(since):
        statement = f"select * from TimeActivity where MetaData.CreateTime >= '{since}'"
        return row["Id"] in {one["Id"] for one in qbo.query(f"{statement} maxresults 1000")}

    assert (found(made), found(after)) == (True, False)


@rule("QBO 4.3")
def test_time_that_was_billed(qbo):
    """`BillableStatus` can be asked for."""
    row = qbo.time()
    qbo.invoice(row)

    found = qbo.query(
        "select * from TimeActivity where BillableStatus = 'HasBeenBilled' maxresults 1000"
    )

    assert row["Id"] in {one["Id"] for one in found}


@rule("QBO 12", switch="filters_time_by_reference")
def test_time_of_a_person(qbo):
    """Whether `EmployeeRef` can be asked for; the product filters at home."""
    answer = qbo.ask(f"select * from TimeActivity where EmployeeRef = '{qbo.employee}'")

    qbo.shows("filters_time_by_reference", answer.ok)


@rule("QBO 4.5", switch="cdc_serves_time")
def test_change_data_capture(qbo):
    """Whether it has time: the product never leans on it."""
    row = qbo.time()
    since = (datetime.fromisoformat(row["MetaData"]["CreateTime"]) - timedelta(hours=1)).isoformat()

    params = {"entities": "TimeActivity", "changedSince": since}
    answer = qbo.call("GET", "/cdc", params=params)

    qbo.shows("cdc_serves_time", answer.ok and row["Id"] in answer.text)


@rule("QBO 4.5")
def test_changes_of_names(qbo):
    """One call tells of several lists what is new or was changed: a part for each, maybe empty."""
    since = datetime.now(UTC) - timedelta(minutes=5)
    row = qbo.made("Customer", {"DisplayName": qbo.name("customer")})
    changed = qbo.made("Customer", row | {"DisplayName": qbo.name("customer")})

    parts = _changes(qbo, since)

    assert len(parts) == 3
    (found,) = [one for one in parts[2]["Customer"] if one["Id"] == row["Id"]]
    assert found["DisplayName"] == changed["DisplayName"]


@rule("QBO 4.5", switch="cdc_shows_inactive")
def test_changes_of_inactive_names(qbo):
    """Whether a deactivation is told: if it is not, the next reading of the whole list finds it."""
    since = datetime.now(UTC) - timedelta(minutes=5)
    row = qbo.made("Customer", {"DisplayName": qbo.name("customer")})
    qbo.made("Customer", key_of(row) | {"sparse": True, "Active": False})

    found = _changes(qbo, since)[2].get("Customer", [])

    qbo.shows("cdc_shows_inactive", row["Id"] in {one["Id"] for one in found})


def _changes(qbo, since):
    params = {
        "entities": "Employee,Vendor,Customer",
        "changedSince": since.isoformat(timespec="seconds"),
    }
    answer = qbo.call("GET", "/cdc", params=params)
    (response,) = answer.json()["CDCResponse"]
    return response["QueryResponse"]


# --- faults, tokens, headers -------------------------------------------------------------------


@rule("QBO 7.1")
def test_a_token_that_is_none(qbo):
    """The gateway answers 401 with code 3200 and type AUTHENTICATION, in its own spelling."""
    headers = {**qbo.where.credentials, "Authorization": "Bearer not-a-token"}

    answer = qbo.call("GET", "/preferences", headers=headers)

    assert answer.status_code == 401
    found = answer.json()
    assert found["fault"]["error"][0]["code"] == "3200"
    assert found["fault"]["type"] == "AUTHENTICATION"


@rule("QBO 12", switch="foreign_realm_status")
def test_another_company(qbo):
    """A token is good for its own company alone: 401 or 403."""
    url = f"{qbo.where.urls['api']}/v3/company/123456789012345/preferences"

    qbo.shows("foreign_realm_status", qbo.send("GET", url).status_code)


@rule("QBO 7.3", switch="tid_header", settings=("intuit_tid", "Intuit-Tid"))
def test_every_answer_has_an_id(qbo):
    """For Intuit's support, under one of two names."""
    headers = qbo.call("GET", "/preferences").headers

    (seen,) = [name for name in ("intuit_tid", "Intuit-Tid") if name in headers]
    qbo.shows("tid_header", seen)


@rule("QBO 7.1", switch="lower_case_faults")
def test_how_a_fault_is_spelled(qbo):
    """`Fault` with `Error`, or all in lower case: both are read."""
    answer = qbo.post("TimeActivity", qbo.activity(HourlyRate=None)).json()

    seen = "fault" in answer
    error = answer["fault"]["error"][0] if seen else answer["Fault"]["Error"][0]
    assert error["code"] == "6330"
    qbo.shows("lower_case_faults", seen)


@rule("QBO 12", switch="names_time_faults")
def test_the_words_of_a_refusal(qbo):
    """Not known: the product goes by the code alone."""
    found = fault(qbo.post("TimeActivity", qbo.activity(HourlyRate=None)))

    assert found["code"] == "6330"
    qbo.shows("names_time_faults", bool(found.get("Message")))


@rule("QBO 11.2", switch="xml_by_default")
def test_json_must_be_asked_for(qbo):
    """By `Accept`; without it XML may come."""
    headers = {"Authorization": qbo.where.credentials["Authorization"]}

    answer = qbo.call("GET", "/preferences", headers=headers)

    qbo.shows("xml_by_default", "xml" in answer.headers["Content-Type"])


@rule("QBO 2.3", switch="throttle_status", only="a throttle cannot be had without reaching it")
def test_the_status_of_a_throttle(qbo):
    """429; in October 2016 it was 403 with the same code."""
    qbo.standin.switches.requests_per_second = 0

    answer = qbo.call("GET", "/preferences")

    assert "003001" in answer.text
    qbo.shows("throttle_status", answer.status_code)


@rule("QBO 12", switch="counts_batch_items", only="it takes 500 requests in a minute to see")
def test_what_a_batch_counts(qbo):
    """One request, or as many as it has items."""
    qbo.standin.switches.requests_per_minute = 10
    items = [{"bId": str(n), "Query": "select * from Item"} for n in range(1, 9)]

    qbo.batch(*items)

    qbo.shows("counts_batch_items", qbo.send_batch(*items).status_code == 429)


@rule("QBO 12", switch="answers_600_in_progress", only="two calls must meet within one")
def test_a_repeat_while_the_first_one_runs(qbo):
    """Refused with 600, or answered; 600 proves nothing of the first."""
    request_id = qbo.request_id()
    one = item(1, "create", qbo.activity())
    qbo.standin.memory.begin(request_id)

    answer = qbo.send_batch(one, request_id=request_id)

    qbo.shows("answers_600_in_progress", not answer.ok)
    if not answer.ok:
        assert fault(answer)["code"] == "600"


@rule("QBO 8")
def test_a_refresh_token_that_is_none(qbo):
    """400 and `invalid_grant`: final."""
    qbo.needs(qbo.where.app, "CLOCKBOOKS_CONTRACT_QBO_CLIENT_ID and …_SECRET")

    answer = _refresh(qbo, *qbo.where.app, "AB1nonsense")

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@rule("QBO 8", switch="bad_client_status")
def test_a_client_that_is_none(qbo):
    """`invalid_client`, with a status that was seen both ways."""
    qbo.needs(qbo.where.app, "CLOCKBOOKS_CONTRACT_QBO_CLIENT_ID and …_SECRET")

    answer = _refresh(qbo, qbo.where.app[0], "wrong", "AB1nonsense")

    assert answer.json()["error"] == "invalid_client"
    qbo.shows("bad_client_status", answer.status_code)


@rule("QBO 8", only="a refresh may end the token that somebody else uses")
def test_a_refresh(qbo):
    """An access token for an hour, and a refresh token to be kept from now on."""
    answer = _refresh(qbo, *qbo.where.app, "AB1first").json()

    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    assert {"access_token", "refresh_token", "x_refresh_token_expires_in"} <= set(answer)


@rule("QBO 8", only="it takes a day to see")
def test_a_refresh_token_changes_once_a_day(qbo):
    """The new one counts; the old one lives for another day, then it is `invalid_grant`."""
    qbo.standin.now.advance(25 * 3600)
    new = _refresh(qbo, *qbo.where.app, "AB1first").json()["refresh_token"]
    assert new != "AB1first"

    assert _refresh(qbo, *qbo.where.app, "AB1first").ok
    qbo.standin.now.advance(25 * 3600)
    assert _refresh(qbo, *qbo.where.app, "AB1first").json() == {"error": "invalid_grant"}
    assert _refresh(qbo, *qbo.where.app, new).ok


@rule("QBO 8", switch="rotates_every_refresh", only="a refresh may end a token in use")
def test_whether_each_refresh_changes_the_token(qbo):
    """At once, or about once a day: the newest is stored before it is used."""
    new = _refresh(qbo, *qbo.where.app, "AB1first").json()["refresh_token"]

    qbo.shows("rotates_every_refresh", new != "AB1first")
    assert _refresh(qbo, *qbo.where.app, new).ok


@rule("QBO 8", only="it takes an hour to see")
def test_an_access_token_ends(qbo):
    """After an hour the gateway answers 401; it may repeat the token, which nobody may log."""
    qbo.standin.now.advance(3601)

    answer = qbo.call("GET", "/preferences")

    assert answer.status_code == 401
    assert answer.json()["fault"]["error"][0]["detail"].startswith("Token expired")


@rule("QBO 8")
def test_the_addresses_of_tokens(qbo):
    """The discovery document names those that the product uses."""
    found = qbo.send("GET", qbo.where.urls["discovery"], headers={}).json()

    assert found["token_endpoint"] == qbo.where.urls["token"]
    for name, end in (
        ("authorization_endpoint", "/connect/oauth2"),
        ("revocation_endpoint", "/v2/oauth2/tokens/revoke"),
    ):
        assert urlsplit(found[name]).path == end


@rule("QBO 8", switch="offers_pkce")
def test_proof_of_who_asked_for_a_code(qbo):
    """PKCE is used where the discovery document offers it."""
    found = qbo.send("GET", qbo.where.urls["discovery"], headers={}).json()

    qbo.shows("offers_pkce", "code_challenge_methods_supported" in found)


CONSENT = "somebody must consent in a browser"


def consent(qbo, decision):
    """Decide on the page of the stand-in; return what the browser is sent back with."""
    url = qbo.where.urls["token"].partition("/oauth2/")[0] + "/connect/oauth2"
    form = {
        "client_id": qbo.where.app[0],
        "redirect_uri": "http://127.0.0.1:9/back",
        "state": "s1",
        "decision": decision,
    }
    answer = qbo.send("POST", url, data=form, headers={}, allow_redirects=False)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def redeem(qbo, code, redirect_uri="http://127.0.0.1:9/back"):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return qbo.send("POST", qbo.where.urls["token"], data=form, headers={}, auth=qbo.where.app)


@rule("QBO 8", only=CONSENT)
def test_a_consent_comes_back_with_the_company(qbo):
    """`code`, `state` as it was sent, and `realmId`; or `error` when it was denied."""
    allowed = consent(qbo, "allow")

    assert (allowed["state"], allowed["realmId"]) == ("s1", qbo.where.account)
    assert len(allowed["code"]) <= 512
    assert consent(qbo, "deny") == {"error": "access_denied", "state": "s1"}


@rule("QBO 8", only=CONSENT)
def test_a_code_works_once(qbo):
    """For the address that it was sent to; a second time it is `invalid_grant`."""
    code = consent(qbo, "allow")["code"]

    assert redeem(qbo, code).json()["token_type"] == "bearer"
    assert redeem(qbo, code).json() == {"error": "invalid_grant"}
    other = consent(qbo, "allow")["code"]
    assert redeem(qbo, other, "http://127.0.0.1:9/elsewhere").status_code == 400


@rule("QBO 8", switch="code_life_s", settings=(60.0, 300.0), only=CONSENT)
def test_how_long_a_code_lives(qbo):
    """Some minutes; so it is redeemed at once."""
    lives = []
    for seconds in (60.0, 300.0):
        code = consent(qbo, "allow")["code"]
        qbo.standin.now.advance(seconds - 1)
        if redeem(qbo, code).ok:
            lives.append(seconds)

    qbo.shows("code_life_s", max(lives))


@rule("QBO 8", only="it would end the consent that the suite runs on")
def test_revoking_ends_a_consent(qbo):
    """By either token; both are worth nothing afterwards."""
    tokens = redeem(qbo, consent(qbo, "allow")["code"]).json()
    url = qbo.where.urls["token"].partition("/oauth2/")[0] + "/v2/oauth2/tokens/revoke"
    body = {"token": tokens["refresh_token"]}

    assert qbo.send("POST", url, json=body, headers={}, auth=qbo.where.app).status_code == 200

    assert _refresh(qbo, *qbo.where.app, tokens["refresh_token"]).status_code == 400
    headers = {"Authorization": f"Bearer {tokens['access_token']}", "Accept": "application/json"}
    assert qbo.call("GET", "/preferences", headers=headers).status_code == 401


def _refresh(qbo, client_id, secret, token):
    data = {"grant_type": "refresh_token", "refresh_token": token}
    url = qbo.where.urls["token"]
    headers = {"Accept": "application/json"}
    return qbo.send("POST", url, data=data, headers=headers, auth=(client_id, secret))
