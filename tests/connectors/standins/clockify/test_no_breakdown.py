"""Whatever a caller sends, Clockify's stand-in answers as the service does (FACTS 1.4)."""

from clockify_studio import ACME, ADA, BO, DESIGN, HOUR, ONE, URGENT, WEB
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

WEEK = {"period": "WEEKLY", "periodStart": "2026-08-03T00:00:00Z"}
HOOK = {"name": "ours", "url": "http://127.0.0.1:9/", "webhookEvent": "NEW_INVOICE",
        "triggerSourceType": "TAG_ID", "triggerSource": [URGENT]}  # fmt: skip
WRITES = [
    ("POST", "/time-entries", HOUR),
    ("PUT", f"/time-entries/{ONE}", HOUR),
    ("PUT", f"/user/{ADA}/time-entries", HOUR | {"id": ONE}),
    ("PATCH", f"/user/{ADA}/time-entries", {"end": HOUR["end"]}),
    ("PATCH", "/time-entries/invoiced", {"invoiced": True, "timeEntryIds": [ONE]}),
    ("POST", "/approval-requests", WEEK),
    ("PATCH", f"/approval-requests/{ONE}", {"state": "APPROVED"}),
    ("PUT", f"/tags/{URGENT}", {"name": "now"}),
    ("PUT", f"/clients/{ACME}", {"name": "Acme"}),
    ("POST", "/projects", {"name": "Shop", "clientId": ACME}),
    ("PUT", f"/projects/{WEB}/tasks/{DESIGN}", {"name": "Design"}),
    ("PUT", f"/users/{BO}/hourly-rate", {"amount": 1}),
    ("POST", "/custom-fields", {"name": "Ticket", "type": "TXT"}),
    ("POST", "/webhooks", HOOK),
    ("POST", "/users/info", {}),
]
READS = [
    "/users", "/clients", "/projects", "/tags", f"/projects/{WEB}/tasks", "/custom-fields",
    f"/user/{ADA}/time-entries", "/time-entries/status/in-progress", f"/time-entries/{ONE}",
    "/approval-requests", "/entities/created", "/entities/updated", "/entities/deleted",
]  # fmt: skip
MEMBERS = ["start", "end", "billable", "description", "projectId", "taskId", "tagIds", "type",
           "customFields", "id", "name", "archived", "clientId", "hourlyRate", "status", "state",
           "periodStart", "memberships", "tasks", "ccEmails", "since", "page"]  # fmt: skip
PARAMETERS = ["page", "page-size", "start", "end", "type", "status", "name", "archived",
              "hydrated", "sort-column", "sort-order", "clients", "tags", "surprise"]  # fmt: skip

odd_texts = st.text(max_size=5) | st.sampled_from(
    ["TIME_ENTRY", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-08-10", "true", ONE, WEB]
)
odd_values = st.recursive(
    st.none() | st.booleans() | st.integers() | odd_texts,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["amount", "name", "userId"]), inner, max_size=2)
    ),
    max_leaves=3,
)
few = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(api, switches, method, path, **options):
    """Ask, and see an answer of Clockify's."""
    switches.requests_per_second = None
    answer = api.at(method, path, **options)
    assert answer.status_code < 500 or answer.status_code == 501, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"message", "code"}


@few
@given(write=st.sampled_from(WRITES), more=st.dictionaries(st.sampled_from(MEMBERS), odd_values,
       max_size=2), whole=st.none() | odd_values)  # fmt: skip
def test_odd_bodies_are_taken_or_refused(api, switches, write, more, whole):
    """FACTS 1.4: creating and changing alike."""
    method, path, body = write
    told = body | more if whole is None else whole
    check(api, switches, method, path, json=[told] if path.startswith("/user/") else told)


@few
@given(path=st.sampled_from(READS), query=st.dictionaries(st.sampled_from(PARAMETERS), odd_texts,
       max_size=2))  # fmt: skip
def test_odd_queries_are_answered_or_refused(api, switches, path, query):
    """FACTS 1.4: rows, a refusal, or 501 for what the stand-in does not know."""
    check(api, switches, "GET", path, params=query)


@few
@given(more=st.dictionaries(st.sampled_from(["users", "tags", "clients", "amounts", "rounding",
       "billable", "timeZone", "currency", "dateRangeStart", "description"]), odd_values,
       max_size=2))  # fmt: skip
def test_odd_reports_are_given_or_refused(api, switches, more):
    """FACTS 4 and 1.4: the same on the reports host."""
    switches.requests_per_second = None
    answer = api.ask_report(**more)
    assert answer.status_code in {200, 400, 501}, answer.text
