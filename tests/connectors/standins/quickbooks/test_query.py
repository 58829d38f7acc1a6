"""The query language of the QuickBooks stand-in: what it reads, refuses, selects and sorts."""

from datetime import UTC, datetime

import pytest
import requests

from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.standins.server import serving

NOW = datetime(2026, 3, 4, 17, tzinfo=UTC)


def scenario():
    return {
        "realm_id": "77",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
        "company": {},
        "preferences": {"CurrencyPrefs": {"HomeCurrency": {"value": "USD"}}},
        "customers": [
            {"Id": "1", "DisplayName": "Zoo"},
            {"Id": "2", "DisplayName": "Doe"},
            {"Id": "3", "DisplayName": "Doe Sons"},
            {"Id": "4", "DisplayName": "Attic", "ParentRef": {"value": "2"}},
            {"Id": "5", "DisplayName": r"Amy's \ Birds"},
            {"Id": "6", "DisplayName": "Gone", "Active": False},
        ],
        "employees": [{"Id": "11", "DisplayName": "Emily Platt", "GivenName": "Emily"}],
        "vendors": [
            {"Id": "20", "DisplayName": "Robertson & Associates", "Vendor1099": True},
            {"Id": "21", "DisplayName": "aas"},
        ],
        "items": [{"Id": "2", "Name": "Hours", "Type": "Service"}],
    }


class Client:
    def __init__(self, base, standin):
        self.standin = standin
        self.url = f"{base}/v3/company/77"
        self.headers = {
            "Authorization": f"Bearer {standin.access_token()}",
            "Accept": "application/json",
        }

    def get(self, path, **params):
        return requests.get(self.url + path, params=params, headers=self.headers, timeout=10)

    def query(self, text):
        answer = self.get("/query", query=text)
        assert answer.ok, answer.text
        return answer.json()["QueryResponse"]

    def ids(self, text):
        rows = next((v for v in self.query(text).values() if isinstance(v, list)), [])
        return [row["Id"] for row in rows]

    def refusal(self, text):
        answer = self.get("/query", query=text)
        assert answer.status_code == 400, answer.text
        error = answer.json()["Fault"]["Error"][0]
        return error["code"], error["Detail"]


@pytest.fixture(scope="module")
def qbo():
    """One company for all: queries change nothing. Its three activities are on three days."""
    standin = QuickBooksStandin(
        scenario(), now=lambda: NOW, switches=Switches(requests_per_second=None,
                                                    requests_per_minute=None)
    )  # fmt: skip
    with serving(standin.app) as base:
        client = Client(base, standin)
        for day, who in (("03", "Employee"), ("01", "Vendor"), ("02", "Employee")):
            ref = {"Employee": "11", "Vendor": "20"}[who]
            body = {
                "TxnDate": f"2026-03-{day}",
                "NameOf": who,
                f"{who}Ref": {"value": ref},
                "Hours": 1,
                "ProjectRef": {"value": f"4162961{day}"},
            }
            requests.post(
                f"{client.url}/timeactivity", json=body, headers=client.headers, timeout=10
            ).raise_for_status()
        yield client


def test_rows_say_where_they_start_and_how_many_they_are(qbo):
    """`maxResults` is the number of rows, not the limit; nothing found is an empty object."""
    page = qbo.query("select * from Customer startposition 2 maxresults 2")
    assert list(page) == ["Customer", "startPosition", "maxResults"]
    assert (page["startPosition"], page["maxResults"]) == (2, 2)
    last = qbo.query("SELECT * FROM customer MAXRESULTS 3 STARTPOSITION 4")
    assert (last["startPosition"], last["maxResults"]) == (4, 2)
    assert qbo.query("select * from Customer startposition 6") == {}
    assert qbo.query("select * from Vendor where DisplayName = 'Nobody'") == {}


def test_count_counts_all_and_not_the_page(qbo):
    """Inactive rows are counted only when asked for."""
    assert qbo.query("SELECT COUNT(*) FROM Customer") == {"totalCount": 5}
    assert qbo.query("select count(*) from Customer where Active IN (true, false)") == {
        "totalCount": 6
    }


def test_inactive_rows_come_only_when_asked_for(qbo):
    """`Active = false` gives them alone, with their new name."""
    (row,) = qbo.query("select * from Customer where Active = false")["Customer"]
    assert row["DisplayName"] == "Gone (deleted)"
    assert "6" not in qbo.ids("select * from Customer")


def test_default_orders_are_those_that_were_seen(qbo):
    """Names by name, a child right after its parent; time newest first (FACTS 4.4)."""
    assert qbo.ids("select * from Customer") == ["5", "2", "4", "3", "1"]
    assert qbo.ids("select * from Vendor") == ["21", "20"]
    assert qbo.ids("select * from TimeActivity") == ["3", "2", "1"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("select * from TimeActivity ORDERBY Id", ["1", "2", "3"]),
        ("select * from TimeActivity order by Id desc", ["3", "2", "1"]),
        ("select * from TimeActivity ORDERBY TxnDate", ["2", "3", "1"]),
        ("select * from TimeActivity ORDERBY TxnDate DESC STARTPOSITION 2 MAXRESULTS 1", ["3"]),
        ("select * from TimeActivity ORDERBY MetaData.CreateTime, Id ASC", ["1", "2", "3"]),
        ("select * from TimeActivity where TxnDate = '2026-03-02'", ["3"]),
        (
            "select * from TimeActivity where TxnDate >= '2026-03-02' and TxnDate < '2026-03-03'",
            ["3"],
        ),
        ("select * from TimeActivity where TxnDate <= '2026-03-01'", ["2"]),
        ("select * from TimeActivity where txndate > '2026-03-01' orderby id", ["1", "3"]),
        ("select * from TimeActivity where TxnDate < CURRENT_DATE orderby Id", ["1", "2", "3"]),
        ("select * from TimeActivity where Id = '2'", ["2"]),
        ("select * from TimeActivity where Id in ('1', '3', '99')", ["3", "1"]),
        ("select * from TimeActivity where ProjectRef = '416296102'", ["3"]),
        (
            "select * from TimeActivity where BillableStatus = 'notbillable' orderby Id",
            ["1", "2", "3"],
        ),
        ("select * from TimeActivity where BillableStatus = 'Billable'", []),
        (
            (
                "select * from TimeActivity where MetaData.CreateTime >= "
                "'2026-03-04T09:00:00-08:00' orderby Id"
            ),
            ["1", "2", "3"],
        ),
        (
            (
                "select * from TimeActivity where Metadata.LastUpdatedTime > "
                "'2026-03-04T17:00:00+00:00'"
            ),
            [],
        ),
        ("select * from TimeActivity where MetaData.CreateTime > '2026-03-05'", []),
    ],
)
def test_time_is_found_by_what_is_filterable(qbo, text, ids):
    """Id, TxnDate, MetaData, BillableStatus and ProjectRef (FACTS 4.3)."""
    assert qbo.ids(text) == ids


def test_quotes_and_backslashes_are_escaped_by_a_backslash(qbo):
    r"""`\'` and `\\`, and an ampersand needs nothing but its percent sign."""
    assert qbo.ids(r"select * from Customer where DisplayName = 'Amy\'s \\ Birds'") == ["5"]
    assert qbo.ids("select * from Vendor where DisplayName = 'Robertson & Associates'") == ["20"]
    code, detail = qbo.refusal("select * from Customer where DisplayName = 'Amy's'")
    assert code == "4000"
    assert detail.startswith('QueryParserError: Encountered " <IDENTIFIER> "s ""')


def test_like_knows_the_percent_sign_only(qbo):
    """Case is ignored; an underscore is an underscore."""
    assert qbo.ids("select * from Customer where DisplayName LIKE 'doe%'") == ["2", "3"]
    assert qbo.ids("select * from Customer where FullyQualifiedName like '%:a%'") == ["4"]
    assert qbo.ids("select * from Customer where DisplayName like 'D_e'") == []


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "4000", "The query provided was empty"),
        ("select from Customer", "4000", "Encountered"),
        ("select * from Customer where Id = 5", "4000", "Encountered"),
        ("select * from Customer where Id = '5' or Id = '6'", "4000", '"or ""'),
        ("select * from Customer where DisplayName % 'x'", "4000", 'Encountered: "%" (37)'),
        ("select * from Customer group by Id", "4000", '"group ""'),
        ("select * from Custmoer", "4001", "invalid context declaration: Custmoer"),
        ("select * from Customer startposition 0", "4001", "value 0 is too small"),
        ("select * from Customer maxresults 1001", "4001", "value 1001 is too large"),
        ("select * from TimeActivity where Id > '4'", "4001", "Id"),
        ("select * from TimeActivity where EmployeeRef = '1'", "4001",
         "property 'EmployeeRef' is not queryable"),
        ("select * from TimeActivity where Description = 'x'", "4001", "not queryable"),
        ("select * from Vendor where Vendor1099 = true", "4001", "not queryable"),
        ("select * from Vendor where Colour = 'x'", "4001",
         "Property Colour not found for Entity Vendor"),
        ("select * from TimeActivity orderby BillableStatus", "4001", "not sortable"),
        ("select * from TimeActivity where TxnDate = 'soon'", "4001", "not valid"),
        ("select * from TimeActivity where MetaData.CreateTime > '2026-03-04T09:00:00'", "4001",
         "not valid"),
    ],
)  # fmt: skip
def test_what_is_not_in_the_language_is_refused(qbo, text, code, words):
    """4000 for what cannot be read, 4001 for what cannot be asked (FACTS 4.2)."""
    refused = qbo.refusal(text)

    assert refused[0] == code
    assert words in refused[1]


def test_time_may_be_filtered_by_reference_if_the_switch_says_so(qbo):
    """Not marked as filterable, yet some peers do it."""
    qbo.standin.switches.filters_time_by_reference = True
    try:
        assert qbo.ids("select * from TimeActivity where VendorRef = '20'") == ["2"]
        assert qbo.ids("select * from TimeActivity where EmployeeRef in ('11')") == ["3", "1"]
    finally:
        qbo.standin.switches.filters_time_by_reference = False


def test_a_projection_gives_the_members_asked_for(qbo):
    """Undocumented, but sent by many peers."""
    (row,) = qbo.query("select Id, DisplayName from Employee")["Employee"]

    assert row == {"domain": "QBO", "sparse": False, "Id": "11", "DisplayName": "Emily Platt"}


def test_a_star_may_have_columns_besides(qbo):
    """`select *, Sku from Item`: all members; one that no item has is refused (FACTS 4.1)."""
    (row,) = qbo.query("select *, Sku from Item")["Item"]
    assert row["Name"] == "Hours"
    assert "Sku" not in row
    for text in ("select *, Colour from Item", "select Colour from Item"):
        assert qbo.refusal(text)[1].endswith("Property Colour not found for Entity Item")
    assert qbo.refusal("select *, from Item")[0] == "4000"


def test_a_query_may_be_posted(qbo):
    """As application/text, with the statement as body."""
    answer = requests.post(
        f"{qbo.url}/query",
        data="select count(*) from Item where Type = 'Service'",
        headers=qbo.headers | {"Content-Type": "application/text"},
        timeout=10,
    )

    assert answer.json()["QueryResponse"] == {"totalCount": 1}


def test_cdc_gives_what_changed_but_never_time(qbo):
    """One element an entity, `{}` where nothing changed; TimeActivity is not served."""
    since = "2026-03-04T08:00:00-08:00"
    (answer,) = qbo.get("/cdc", entities="Employee,Vendor", changedSince=since).json()[
        "CDCResponse"
    ]
    employees, vendors = answer["QueryResponse"]
    assert employees["totalCount"] == 1
    assert [row["Id"] for row in vendors["Vendor"]] == ["20", "21"]

    later = "2026-03-04T17:00:01+00:00"
    (answer,) = qbo.get("/cdc", entities="Employee", changedSince=later).json()["CDCResponse"]
    assert answer["QueryResponse"] == [{}]
    assert qbo.get("/cdc", entities="TimeActivity", changedSince=since).status_code == 400
