"""A QuickBooks company is read to the end of every list, and asked under its own quotas."""

import json
from datetime import UTC, date, datetime

import pytest

from connectors.errors import AskPerson, Refused, TryAgain
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches

REALM = "77"


def make_scenario(**parts):
    return {
        "realm_id": REALM,
        "client_id": "the-client",
        "client_secret": "the-secret",
        "refresh_token": "the-refresh-token",
        "company": {
            "CompanyName": "Studio Ltd",
            "Country": "US",
            "NameValue": [
                {"Name": "OfferingSku", "Value": "QuickBooks Online Plus"},
                {"Name": "SubscriptionStatus", "Value": "PAID"},
                {"Name": "PayrollFeature", "Value": "false"},
                {"Name": "Unsaid"},
            ],
        },
        "preferences": {
            "AccountingInfoPrefs": {"BookCloseDate": "2026-01-31"},
            "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}},
            "OtherPrefs": {"NameValue": []},
        },
        "customers": [{"Id": "21", "DisplayName": "Garden"}],
        "employees": [
            {"Id": "55", "DisplayName": "Ada Byron", "GivenName": "Ada", "FamilyName": "Byron"}
        ],
        "vendors": [{"Id": "31", "DisplayName": "Bo Li"}],
        "items": [{"Id": "2", "Name": "Hours", "Type": "Service"}],
    } | parts


LIFTED = Switches(requests_per_second=None, requests_per_minute=None, batches_per_minute=None)


@pytest.fixture
def open_standin(open_books, serve):
    """Return a way to open a scenario: the stand-in, and a client of it."""

    def make(**parts):
        standin = QuickBooksStandin(make_scenario(**parts), switches=LIFTED)
        return standin, open_books(serve(standin.app), access_token=standin.access_token)

    return make


# --- lists -------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2000, 2300])
def test_every_customer_is_read(open_standin, count):
    """QuickBooks gives a thousand rows at most; the rest is asked for, and nothing comes twice."""
    customers = [{"Id": str(n + 1), "DisplayName": f"Customer {n}"} for n in range(count)]
    standin, books = open_standin(customers=customers, employees=[], vendors=[])

    rows = books.customers()

    assert sorted(int(row["Id"]) for row in rows) == list(range(1, count + 1))
    assert len(standin.requests) == count // 1000 + 1


def test_inactive_people_and_customers_are_read_too(open_standin):
    """Who left or was closed still has links, and hours that go."""
    _, books = open_standin(
        customers=[
            {"Id": "21", "DisplayName": "Garden"},
            {"Id": "22", "DisplayName": "Gone (deleted)", "Active": False},
        ],
        employees=[
            {"Id": "55", "DisplayName": "Ada (deleted)", "GivenName": "Ada", "Active": False}
        ],
        vendors=[{"Id": "31", "DisplayName": "Bo (deleted)", "Active": False}],
    )

    assert {row["Id"]: row["Active"] for row in books.customers()} == {"21": True, "22": False}
    assert [row["Active"] for row in books.employees() + books.vendors()] == [False, False]
    assert [row["Id"] for row in books.by_ids("Customer", ["22", "21"])] == ["21", "22"]


def test_rows_are_found_by_their_ids(open_standin):
    """More ids than fit one address are asked for in parts; unknown and broken ids give none."""
    customers = [{"Id": str(n + 1), "DisplayName": f"Customer {n}"} for n in range(250)]
    standin, books = open_standin(customers=customers, employees=[], vendors=[])
    ids = [str(n + 1) for n in range(0, 250, 2)]

    rows = books.by_ids("Customer", [*ids, "9999", "", "x' OR Id > '0", "-1", "1.5"])

    assert sorted(row["Id"] for row in rows) == sorted(ids)
    assert len(standin.requests) == 2
    assert books.by_ids("Customer", []) == []


@pytest.mark.parametrize("gone", [0, 999])
def test_a_list_that_moves_is_read_again(open_standin, gone):
    """A customer goes while the first page is read: the one that moves up is read all the same."""
    customers = [{"Id": str(n + 1), "DisplayName": f"Customer {n}"} for n in range(1500)]
    standin, books = open_standin(customers=customers, employees=[], vendors=[])

    def one_goes(answer):
        del standin.customers[str(gone + 1)]
        return answer

    standin.faults.plan("/query", "edit", edit=one_goes)
    rows = books.customers()

    assert {row["Id"] for row in rows} == set(standin.customers)
    assert len(rows) == 1499
    assert len(standin.requests) == 4


@pytest.mark.parametrize("second", [[{"Id": "1000"}, {"Id": "7"}], [], [{}]])
def test_a_list_that_never_stays_is_an_error(open_books, script, second):
    """Rows move again and again: what was read may lack some."""
    rows = [{"Id": str(n)} for n in range(1000)]
    pages = [{"QueryResponse": {"Customer": page}} for page in (rows, second)]
    script.answers = [json.dumps(page) for page in pages * 4]

    with pytest.raises(TryAgain, match="list of Customer changed each of the 4 times"):
        open_books(script.url).customers()

    assert [f"STARTPOSITION {n} " in asked.query["query"] for n, asked in
            zip((1, 1000) * 4, script.asked, strict=True)] == [True] * 8  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "<html>",
        "[]",
        "null",
        "7",
        "{}",
        '{"QueryResponse": null}',
        '{"QueryResponse": []}',
        '{"QueryResponse": {"Customer": null}}',
        '{"QueryResponse": {"Customer": {"Id": "1"}}}',
        '{"QueryResponse": {"Customer": [{"Id": "1"}, 7]}}',
        '{"Fault": {"Error": [{"Detail": "No", "code": "10000"}], "type": "SystemFault"}}',
    ],
)
def test_a_garbled_list_is_no_list(open_books, script, answer):
    """What cannot be read, a fault under HTTP 200 included, is never taken for an empty list."""
    script.answers = [answer]

    with pytest.raises(TryAgain, match="Nothing was changed"):
        open_books(script.url).customers()


def test_an_empty_list_is_one(open_books, script):
    """Where nothing is found, QuickBooks leaves the rows out."""
    script.answers = ['{"QueryResponse": {}, "time": "2026-03-02T01:00:00.000-08:00"}']

    assert open_books(script.url).customers() == []


def test_captured_time_is_read(open_books, script, shared_samples):
    """Rows that the real service answered come through as they are."""
    content = shared_samples("qbo/samples/json-dotnet-sdk/query_timeactivity.json").read_text()
    captured = json.loads(content)["QueryResponse"]["TimeActivity"]
    last = json.dumps({"QueryResponse": {"TimeActivity": captured[-1:]}})
    script.answers = [content, last]

    rows = open_books(script.url).time_activities("2013-01-01", "2013-12-31", created_from=None)

    assert captured
    assert [row["Id"] for row in rows] == [row["Id"] for row in captured]


def made(id_, **more):
    return {
        "Id": id_,
        "TxnDate": "2026-03-02",
        "MetaData": {"CreateTime": "2026-03-02T00:00:00-08:00"},
    } | more


@pytest.mark.parametrize(
    ("row", "since"),
    [
        (made("1", TxnDate="2026-03-07"), None),
        (made("1", TxnDate="2026-03-01"), None),
        (made("1", TxnDate=None), None),
        (made("1"), datetime(2026, 3, 2, 8, 0, 1, tzinfo=UTC)),
        (made("1", MetaData={}), datetime(2026, 3, 2, 8, 0, 0, tzinfo=UTC)),
    ],
)
def test_rows_of_another_call_are_no_list(open_books, script, row, since):
    """A cache's answer to another question would hide what the books hold."""
    script.answers = [json.dumps({"QueryResponse": {"TimeActivity": [row]}})]

    with pytest.raises(TryAgain, match="another call"):
        open_books(script.url).time_activities("2026-03-02", "2026-03-06", created_from=since)


def test_an_empty_list_of_time_is_counted(open_books, script):
    """Days without time are believed once QuickBooks counts none, and not before."""
    empty, some = '{"QueryResponse": {}}', '{"QueryResponse": {"totalCount": 1}}'
    rows = json.dumps({"QueryResponse": {"TimeActivity": [made("1")]}})
    script.answers = [empty, some, rows, rows]

    found = open_books(script.url).time_activities("2026-03-02", "2026-03-06", created_from=None)

    assert [row["Id"] for row in found] == ["1"]


@pytest.mark.parametrize(
    "counted",
    ["{}", '{"QueryResponse": {"totalCount": "0"}}', '{"QueryResponse": {"TimeActivity": []}}'],
)
def test_an_unreadable_count_is_no_count(open_books, script, counted):
    """Nothing but a count says that there is none."""
    script.answers = ['{"QueryResponse": {}}', counted]

    with pytest.raises(TryAgain, match="no count of TimeActivity"):
        open_books(script.url).time_activities("2026-03-02", "2026-03-06", created_from=None)


@pytest.mark.parametrize("status", [400, 404])
def test_time_is_gone_where_quickbooks_says_so(open_books, script, status):
    """A list without it proves nothing; fault 610 to a read of it alone does."""
    fault = {"Error": [{"code": "610", "Message": "Object Not Found"}], "type": "ValidationFault"}
    some = json.dumps({"QueryResponse": {"TimeActivity": [made("1")]}})
    script.answers = [
        some,
        json.dumps({"TimeActivity": made("2")}),
        (status, json.dumps({"Fault": fault})),
    ]

    rows = open_books(script.url).time_activities_by_id(["1", "02", "3", "2", "x"])

    assert [row["Id"] for row in rows] == ["1", "2"]


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"TimeActivity": made("2")}),
        '{"QueryResponse": {}}',
        (404, "<html>"),
        (400, '{"Fault": {"Error": [{"code": "2010"}], "type": "ValidationFault"}}'),
    ],
    ids=["another one", "another answer", "a page", "another fault"],
)
def test_an_unclear_answer_about_one_is_no_deletion(open_books, script, answer):
    """What may still be in the books is never taken for gone."""
    script.answers = ['{"QueryResponse": {}}', answer]

    with pytest.raises(TryAgain):
        open_books(script.url).time_activities_by_id(["1"])


def test_a_list_by_id_has_what_was_asked_for(open_books, script):
    """Rows with other ids are another call's."""
    script.answers = [json.dumps({"QueryResponse": {"TimeActivity": [made("2")]}})]

    with pytest.raises(TryAgain, match="another call"):
        open_books(script.url).time_activities_by_id(["1"])


def test_a_short_page_of_time_is_not_taken_for_the_last(open_books, script):
    """Time that is overlooked is booked again: one more call makes sure of the end."""
    pages = [["1", "2"], ["2", "3"], ["3"]]
    script.answers = [
        json.dumps({"QueryResponse": {"TimeActivity": [made(id_) for id_ in page]}})
        for page in pages
    ]

    rows = open_books(script.url).time_activities("2026-03-02", "2026-03-06", created_from=None)

    assert [row["Id"] for row in rows] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "answer",
    [
        {"QueryResponse": {"maxResults": 2, "startPosition": 1}},
        {"QueryResponse": {"maxResults": 2, "TimeActivity": [{"Id": "1"}]}},
        {"QueryResponse": {"Customer": [{"Id": "1"}]}},
        {"QueryResponse": {}, "Fault": {"Error": [{"code": "10000"}], "type": "SystemFault"}},
    ],
    ids=["no rows", "a row lacks", "another list", "a fault beside"],
)
def test_an_answer_that_contradicts_itself_is_no_list(open_books, script, answer):
    """What is not in the books may be booked again: only a sound answer says that."""
    script.answers = [json.dumps(answer)]

    with pytest.raises(TryAgain, match="TimeActivity"):
        open_books(script.url).time_activities("2026-03-02", "2026-03-06", created_from=None)


def test_preferences_without_the_books_do_not_open_them(open_books, script):
    """A part of an answer says nothing about closed books."""
    script.answers = ['{"CompanyInfo": {"CompanyName": "C"}}', '{"Preferences": {"sparse": true}}']

    with pytest.raises(TryAgain, match="AccountingInfoPrefs"):
        open_books(script.url).company()


def test_time_is_found_by_day_and_by_when_it_was_made(open_books, script):
    """Days are inclusive; the instant is QuickBooks' own, with its offset, to the second."""
    script.answers = ['{"QueryResponse": {}}']
    books = open_books(script.url)

    books.time_activities("2026-03-02", "2026-03-06", created_from=None)
    since = datetime(2026, 3, 2, 8, 0, 0, 999_000, tzinfo=UTC)
    books.time_activities("2026-03-02", "2026-03-06", created_from=since)

    plain, _, later, _ = (asked.query["query"] for asked in script.asked)
    assert "WHERE TxnDate >= '2026-03-02' AND TxnDate <= '2026-03-06' ORDERBY Id" in plain
    assert "MetaData.CreateTime >= '2026-03-02T08:00:00+00:00'" in later


# --- the company -------------------------------------------------------------------------------


def test_the_company_says_what_decides(open_standin):
    """Plan, payroll, currency and closed books are read from where QuickBooks keeps them."""
    standin, books = open_standin()

    company = books.company()

    assert (company.name, company.plan, company.subscription) == (
        "Studio Ltd", "QuickBooks Online Plus", "PAID"
    )  # fmt: skip
    assert (company.has_payroll, company.tracks_time, company.currency) == (False, True, "USD")
    assert company.closed_until == date(2026, 1, 31)

    standin.company["NameValue"][2]["Value"] = "TRUE"
    standin.preferences["AccountingInfoPrefs"] = {}
    standin.preferences["OtherPrefs"]["NameValue"] = [
        {"Name": "TimeTrackingFeatureEnabled", "Value": "false"}
    ]
    changed = books.company()

    assert (changed.has_payroll, changed.tracks_time, changed.closed_until) == (True, False, None)
    assert changed.state != company.state


@pytest.mark.parametrize(
    ("sample", "closed_until", "currency"),
    [
        ("preferences-python-quickbooks/preferences.json", date(2018, 12, 31), None),
        ("json-dotnet-sdk/query_preferences.json", None, "USD"),
    ],
)
def test_recorded_preferences_are_read(
    open_books, script, shared_samples, sample, closed_until, currency
):
    """Groups that lack, names without a value and members nobody knows are no trouble."""
    recorded = json.loads(shared_samples(f"qbo/samples/{sample}").read_text())
    preferences = recorded.get("Preferences") or recorded["QueryResponse"]["Preferences"][0]
    script.answers = [
        '{"CompanyInfo": {"CompanyName": "Craig"}}',
        json.dumps({"Preferences": preferences}),
    ]

    company = open_books(script.url).company()

    home = preferences.get("CurrencyPrefs", {}).get("HomeCurrency", {}).get("value", "")
    assert (company.name, company.closed_until) == ("Craig", closed_until)
    assert company.currency == home
    assert currency in {None, home}
    assert company.tracks_time
    assert not company.has_payroll


@pytest.mark.parametrize("empty", ["CompanyInfo", "Preferences"])
def test_a_company_that_says_nothing_is_not_guessed(open_books, script, empty):
    """Without a word about closed books or payroll nothing may be sent."""
    script.answers = [
        json.dumps({"CompanyInfo": {} if empty == "CompanyInfo" else {"CompanyName": "Craig"}}),
        json.dumps({"Preferences": {}}),
    ]

    with pytest.raises(TryAgain, match=f"no {empty}"):
        open_books(script.url).company()


@pytest.mark.parametrize(
    ("time", "kept"),
    [
        ('"2026-03-02T01:00:00.500-08:00"', datetime(2026, 3, 2, 9, 0, 0, 500_000, tzinfo=UTC)),
        ('"2026-03-02T01:00:00"', None),
        ('"soon"', None),
        ("1601391072830", None),
        ("null", None),
    ],
)
def test_the_services_own_clock_is_kept(open_books, script, time, kept):
    """Each answer tells QuickBooks' time; what is no instant is not taken for one."""
    script.answers = [f'{{"QueryResponse": {{}}, "time": {time}}}']
    books = open_books(script.url)
    assert books.time is None

    books.customers()

    assert books.time == kept


# --- credentials and quotas --------------------------------------------------------------------


def test_a_refused_token_is_renewed_once(open_books, serve):
    """A token that QuickBooks no longer takes is exchanged, and the call goes again."""
    standin = QuickBooksStandin(make_scenario(), switches=LIFTED)
    renewed = []

    def renew(refused):
        renewed.append(refused)
        tokens.append(standin.access_token())
        return tokens[-1]

    tokens = ["stale"]
    books = open_books(serve(standin.app), access_token=lambda: tokens[-1], renew=renew)

    assert [row["Id"] for row in books.employees()] == ["55"]
    assert renewed == ["stale"]


def test_a_token_that_is_refused_again_asks_the_person(open_books, serve):
    """One renewal is enough: a second refusal is for a person, and no token is told."""
    standin = QuickBooksStandin(make_scenario(), switches=LIFTED)
    renewed = []
    books = open_books(serve(standin.app), access_token=lambda: "stale-31aa", renew=renewed.append)

    with pytest.raises(AskPerson, match="Run `clockbooks connect` again") as raised:
        books.employees()

    assert len(standin.requests) == 2
    assert renewed == ["stale-31aa"]
    assert "stale-31aa" not in str(raised.value)


def test_another_company_is_refused_in_its_words(open_books, serve):
    """The keys of one company do not open another."""
    standin = QuickBooksStandin(make_scenario(), switches=LIFTED)
    url = serve(standin.app)

    with pytest.raises(Refused, match="403"):
        open_books(url, access_token=standin.access_token, realm_id="999").employees()


def test_every_attempt_takes_a_permit(open_books, script, permits):
    """Repeated calls count against the quotas like first ones, and batches as batches."""
    script.answers = [(503, ""), '{"QueryResponse": {}}', '{"BatchItemResponse": []}']
    books = open_books(script.url)

    books.customers()
    books.write_time_activities([("1", "{}")], request_id="r")

    assert permits == [0, 0, 1]


def test_the_client_asks_as_documented(open_books, script):
    """JSON is asked for, and the minor version that is answered anyway is named."""
    script.answers = ['{"QueryResponse": {}}']

    open_books(f"{script.url}/").employees()

    (asked,) = script.asked
    assert asked.path == f"/v3/company/{REALM}/query"
    assert asked.query["minorversion"] == "75"
    assert asked.headers["accept"] == "application/json"
    assert asked.headers["authorization"] == "Bearer token"
