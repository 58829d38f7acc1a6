"""Time of a Clockify workspace: entries, the report, changes, rounding, money, approval."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest
from contract_clockify import MONDAY, RATE, refusal
from contract_rules import rule

from transforms.entries.sent_tag import differences, replacement

# --- entries -----------------------------------------------------------------------------------


@rule("Clockify 3")
def test_an_entry_comes_back_as_it_was_made(clockify):
    """Start and end in UTC, a duration, the project, the text."""
    body = clockify.body()

    row = clockify.track(body)

    assert row["timeInterval"] == {
        "start": body["start"], "end": body["end"], "duration": "PT1H"
    }  # fmt: skip
    assert {name: row[name] for name in ("billable", "description", "projectId")} == {
        name: body[name] for name in ("billable", "description", "projectId")
    }


@rule("Clockify 3")
def test_a_put_replaces(clockify):
    """What it leaves out is cleared: a change must send everything."""
    entry = clockify.entry()
    body = clockify.body(description=None, projectId=None, billable=None)

    assert clockify.change(entry, body).status_code == 200

    row = clockify.call("GET", f"/time-entries/{entry['id']}").json()
    assert (row["description"], row["projectId"], row["billable"]) == ("", None, False)


@rule("Clockify 3")
def test_an_entry_that_is_put_as_it_was_read_changes_in_its_tags_alone(clockify):
    """Also its rate stays; the write takes the custom fields under their other name."""
    tag = clockify.made("/tags", {"name": clockify.name("tag")})
    clockify.undo("DELETE", f"/tags/{tag['id']}")
    path = f"/time-entries/{clockify.entry()['id']}"
    before = clockify.call("GET", path).json()

    body = replacement(before, tag["id"], tagged=True)
    assert clockify.call("PUT", path, json=body).status_code == 200
    after = clockify.call("GET", path).json()
    clockify.call("PUT", path, json=replacement(after, tag["id"], tagged=False))

    assert after["tagIds"] == [*(before["tagIds"] or []), tag["id"]]
    assert differences(before, after, tag["id"]) == {}
    assert differences(before, clockify.call("GET", path).json(), tag["id"]) == {}


@rule("Clockify 1.4")
def test_what_was_deleted_is_not_there(clockify):
    """204 with nothing; then the id is like one that never was, and cannot be deleted again."""
    entry = clockify.entry()
    path = f"/time-entries/{entry['id']}"

    answer = clockify.call("DELETE", path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert refusal(clockify.call("GET", path)) == (400, 501)
    assert refusal(clockify.call("DELETE", path))[0] == 400
    assert clockify.row(entry) is None


@rule("Clockify 3")
def test_a_text_of_3000_characters(clockify):
    """One more is refused."""
    text = f"{clockify.prefix} ".ljust(3000, "x")

    assert clockify.track(clockify.body(description=text))["description"] == text
    body = clockify.body(description=f"{text}x")
    assert clockify.call("POST", "/time-entries", json=body).status_code == 400


@rule("Clockify 3", only="it would stop the timer that the key's user has running")
def test_a_running_timer_has_no_end(clockify):
    """Nor a duration; it is among those in progress, and in no report."""
    entry = clockify.track(clockify.body(end=None))

    assert (entry["timeInterval"]["end"], entry["timeInterval"]["duration"]) == (None, None)
    assert entry["id"] in {row["id"] for row in clockify.list("/time-entries/status/in-progress")}
    assert clockify.row(entry) is None


@rule("Clockify 3")
def test_running_timers_are_listed(clockify):
    """Of everybody, in an array."""
    found = clockify.list("/time-entries/status/in-progress")

    assert all(row["timeInterval"]["end"] is None for row in found)


@rule("Clockify 3")
def test_custom_fields_have_another_name_in_writes(clockify):
    """Written as `customFields`, read as `customFieldValues`; the latter is dropped in a write."""
    clockify.needs_feature("CUSTOM_FIELDS")
    field = clockify.made("/custom-fields", {"name": clockify.name("field")[:30], "type": "TXT"})
    clockify.undo("DELETE", f"/custom-fields/{field['id']}")
    value = {"customFieldId": field["id"], "sourceType": "WORKSPACE", "value": clockify.name()}

    kept, dropped = (
        clockify.track(clockify.body(**{name: [value]}))
        for name in ("customFields", "customFieldValues")
    )

    def value_of(entry):
        found = {one["customFieldId"]: one["value"] for one in entry["customFieldValues"]}
        return found.get(field["id"])

    assert (value_of(kept), value_of(dropped)) == (value["value"], None)


# --- what changed ------------------------------------------------------------------------------


def feed(clockify, what, since):
    """Ask the change feed; `None` where the workspace does not serve it."""
    params = {
        "type": "TIME_ENTRY",
        "start": f"{since - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{since + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}",
    }
    answer = clockify.call("GET", f"/entities/{what}", params=params)
    return {row["id"] for row in answer.json()} if answer.ok else None


def utc_now(clockify):
    """Return the time by the service's own clock."""
    with clockify.unrecorded():
        return parsedate_to_datetime(clockify.at("GET", "/user").headers["Date"])


@rule("Clockify 3", switch="serves_change_feed")
def test_the_change_feed_is_experimental(clockify):
    """Where it is served, what is made is in `created`, and stays there when it is changed."""
    entry, now = clockify.entry(), utc_now(clockify)
    clockify.change(entry, clockify.body())

    created = feed(clockify, "created", now)

    clockify.shows("serves_change_feed", created is not None)
    if created is not None:
        assert entry["id"] in created
        assert entry["id"] not in feed(clockify, "updated", now)


@rule("Clockify 3", only="an entry must be older than the range, and the feed lags by a minute")
def test_the_change_feed_tells_changes_and_deletions(clockify):
    """Of what is older than the range: `updated` at once, `deleted` about a minute later."""
    changed, gone = clockify.entry(), clockify.entry()
    clockify.standin.now.advance(3600)
    clockify.change(changed, clockify.body())
    clockify.call("DELETE", f"/time-entries/{gone['id']}")
    now = clockify.standin.now()

    assert feed(clockify, "updated", now) == {changed["id"]}
    assert feed(clockify, "deleted", now) == set()
    clockify.standin.now.advance(61)
    assert feed(clockify, "deleted", now) == {gone["id"]}


# --- the report --------------------------------------------------------------------------------


@rule("Clockify 4")
def test_a_row_of_the_report(clockify):
    """Ids in `_id`, seconds, names beside ids; no task, no task's name."""
    entry = clockify.entry(seconds=5025)

    row = clockify.row(entry)

    assert row["timeInterval"]["duration"] == 5025
    assert (row["userId"], row["projectId"]) == (clockify.me["id"], clockify.project["id"])
    assert (row["clientId"], row["projectName"]) == (clockify.client, clockify.project["name"])
    assert (row["billable"], row["description"]) == (True, entry["description"])
    assert "taskName" not in row


@rule("Clockify 4")
def test_a_row_without_a_project(clockify):
    """Client and client's id are empty texts."""
    row = clockify.row(clockify.entry(projectId=None))

    assert (row["clientId"], row["clientName"]) == ("", "")


@rule("Clockify 4")
def test_a_row_without_a_rate(clockify):
    """Time that is not billable: its rate is of no account, its amount nothing."""
    row = clockify.row(clockify.entry(billable=False))

    assert row["billable"] is False
    assert not row["amount"]


@rule("Clockify 4")
def test_a_report_counts_itself(clockify):
    """`totals` has the entries and their seconds: a change while reading shows."""
    rows = [clockify.entry(seconds=600 * n) for n in (1, 2)]

    whole = clockify.report(description=clockify.prefix)

    assert {row["id"] for row in rows} <= {row["_id"] for row in whole["timeentries"]}
    assert whole["totals"][0]["entriesCount"] == len(whole["timeentries"])
    seconds = sum(row["timeInterval"]["duration"] for row in whole["timeentries"])
    assert whole["totals"][0]["totalTime"] == seconds


@rule("Clockify 4")
def test_a_report_comes_in_pages(clockify):
    """By `detailedFilter`; `Last-Page` says when it ends."""
    for _ in range(3):
        clockify.entry()

    def page(number):
        asked = {"page": number, "pageSize": 2, "sortColumn": "DATE"}
        return clockify.ask_report(detailedFilter=asked, description=clockify.prefix)

    first = page(1)
    assert len(first.json()["timeentries"]) == 2
    assert first.headers["Last-Page"] == "false"
    ids = {row["_id"] for row in first.json()["timeentries"]}
    assert not ids & {row["_id"] for row in page(2).json()["timeentries"]}


@rule("Clockify 4")
def test_a_report_is_in_the_order_of_time(clockify):
    """Ascending by start, so that its pages follow each other."""
    for _ in range(3):
        clockify.entry()

    rows = clockify.report()["timeentries"]

    starts = [datetime.fromisoformat(row["timeInterval"]["start"]) for row in rows]
    assert starts == sorted(starts)


@rule("Clockify 4")
def test_a_report_shows_changes_at_once(clockify):
    """An entry that was changed has its new length under its old id."""
    entry = clockify.entry()
    body = clockify.body(seconds=1800, description=entry["description"])
    clockify.change(entry, body)

    assert clockify.row(entry)["timeInterval"]["duration"] == 1800


@rule("Clockify 4")
@pytest.mark.parametrize("kind", ["users", "clients", "projects"])
def test_a_report_can_be_narrowed(clockify, kind):
    """To people, clients and projects by their ids."""
    entry, other = clockify.entry(), clockify.entry(projectId=None)
    id_ = {
        "users": clockify.me["id"], "clients": clockify.client, "projects": clockify.project["id"]
    }[kind]  # fmt: skip
    asked = {kind: {"ids": [id_], "contains": "CONTAINS", "status": "ALL"}}

    assert clockify.row(entry, **asked) is not None
    assert (clockify.row(other, **asked) is None) is (kind != "users")


@rule("Clockify 4")
@rule("Clockify 2.7")
@pytest.mark.parametrize("kind", ["tasks", "tags"])
def test_a_report_can_be_narrowed_to_labels(clockify, kind):
    """To tasks and tags by their ids; a project that is listed hydrated has its tasks, done too."""
    label, field = (clockify.task, "taskId") if kind == "tasks" else (clockify.tag, "tagIds")
    entry = clockify.entry(**{field: label["id"] if kind == "tasks" else [label["id"]]})
    other = clockify.entry()
    asked = {"ids": [label["id"]], "contains": "CONTAINS", "status": "ALL"}
    if kind == "tags":
        asked["containedInTimeentry"] = "CONTAINS"

    assert clockify.row(entry, **{kind: asked}) is not None
    assert clockify.row(other, **{kind: asked}) is None
    listed = clockify.list("/projects", name=clockify.prefix, hydrated="true")
    tasks = [task["id"] for project in listed for task in project["tasks"]]
    assert (label["id"] in tasks) is (kind == "tasks")


@rule("Clockify 4")
def test_a_report_of_billable_time(clockify):
    """`billable` chooses either kind."""
    yes, no = clockify.entry(), clockify.entry(billable=False)

    for wanted in (True, False):
        assert (clockify.row(yes, billable=wanted) is not None) is wanted
        assert (clockify.row(no, billable=wanted) is not None) is not wanted


@rule("Clockify 4", only="it takes a workspace on the free plan")
def test_the_free_plan_reports_a_month(clockify):
    """31 days at most; a day more is refused."""
    clockify.standin.workspace["featureSubscriptionType"] = "FREE"

    def status(days):
        end = MONDAY + timedelta(days=days - 1)
        return clockify.ask_report(dateRangeEnd=f"{end:%Y-%m-%d}T23:59:59").status_code

    assert (status(31), status(32)) == (200, 400)


@rule("Clockify 4", only="nobody may be deleted")
def test_time_of_deleted_people_stays(clockify):
    """Under one name for all of them: only the id tells them apart."""
    state = clockify.standin
    gone = [user for user in state.users.values() if user["status"] == "DELETED"]
    entry = clockify.entry()
    state.entries[entry["id"]]["userId"] = gone[0]["id"]

    row = clockify.row(entry, users=None)

    assert (row["userName"], row["userId"]) == ("DeletedUser", gone[0]["id"])


@rule("Clockify 11", switch="not_invoiced")
def test_an_invoiced_mark(clockify):
    """Set by an empty answer, shown and filtered by the report; what is shown where none is."""
    entry = clockify.entry()
    none = clockify.row(entry).get("invoicingInfo", "absent")
    body = {"timeEntryIds": [entry["id"]], "invoiced": True}

    answer = clockify.call("PATCH", "/time-entries/invoiced", json=body)

    assert (answer.status_code, answer.content) == (200, b"")
    assert clockify.row(entry)["invoicingInfo"] == {"manuallyInvoiced": True}
    assert clockify.row(entry, invoicingState="INVOICED")
    clockify.call("PATCH", "/time-entries/invoiced", json=body | {"invoiced": False})
    assert clockify.row(entry, invoicingState="INVOICED") is None
    clockify.shows("not_invoiced", none if none == "absent" else "empty")


@rule(
    "Clockify 11", switch="deleted_user_email", settings=("", None, "gone@example.com"),
    only="nobody may be deleted",
)  # fmt: skip
def test_the_address_of_somebody_deleted(clockify):
    """Not known; so people are known by their ids."""
    state = clockify.standin
    (gone,) = [user for user in state.users.values() if user["status"] == "DELETED"]
    entry = clockify.entry()
    state.entries[entry["id"]]["userId"] = gone["id"]

    clockify.shows("deleted_user_email", clockify.row(entry, users=None)["userEmail"])


@rule("Clockify 11", switch="excluded_totals")
def test_totals_that_nobody_wants(clockify):
    """An empty list, or one with null."""
    assert clockify.entry()
    asked = {"page": 1, "pageSize": 9, "options": {"totals": "EXCLUDE"}}

    totals = clockify.report(detailedFilter=asked)["totals"]

    clockify.shows("excluded_totals", "empty" if totals == [] else "null")


@rule("Clockify 11", switch="empty_totals")
def test_totals_of_nothing(clockify):
    """An empty list, or one with null."""
    whole = clockify.report(description=clockify.name("nothing"))

    assert whole["timeentries"] == []
    clockify.shows("empty_totals", "empty" if whole["totals"] == [] else "null")


@rule("Clockify 6", switch="member_rate_first", only="the suite changes nobody's rate")
def test_a_members_rate_and_a_projects(clockify):
    """The project's goes first; one page says the member's. The report's own rate is taken."""
    path = f"/users/{clockify.me['id']}/hourly-rate"
    assert clockify.call("PUT", path, json={"amount": 9900}).ok

    rate = clockify.row(clockify.entry())["rate"]

    clockify.shows("member_rate_first", rate == 9900)


@rule("Clockify 2.3", switch="hidden_rates", only="it takes the key of somebody who is no admin")
def test_rates_that_are_hidden(clockify):
    """From those who may not see them: a report is refused, or lacks them."""
    state = clockify.standin
    assert clockify.entry()
    state.settings["onlyAdminsSeeBillableRates"] = True
    state.users[clockify.me["id"]]["roles"] = []

    answer = clockify.ask_report()

    clockify.shows("hidden_rates", "missing" if answer.ok else "refused")
    if answer.ok:
        assert "rate" not in answer.json()["timeentries"][0]


@rule("Clockify 2.3", only="it takes the key of somebody who is no admin")
def test_a_member_sees_their_own_time_alone(clockify):
    """Without a word: so the product asks whether the key is an administrator's."""
    state = clockify.standin
    mine, other = clockify.entry(), clockify.entry()
    state.entries[other["id"]]["userId"] = next(
        id_ for id_ in state.users if id_ != clockify.me["id"]
    )
    state.users[clockify.me["id"]]["roles"] = []

    rows = clockify.report(users=None)["timeentries"]

    assert [row["_id"] for row in rows] == [mine["id"]]


@rule("Clockify 11", switch="shows_type")
def test_the_type_of_a_row(clockify):
    """`REGULAR`; old reports had no type at all."""
    row = clockify.row(clockify.entry())

    clockify.shows("shows_type", "type" in row)
    assert row.get("type", "REGULAR") == "REGULAR"


@rule("Clockify 11", switch="tag_key")
def test_the_id_of_a_tag(clockify):
    """Under one of two names."""
    tag = clockify.made("/tags", {"name": clockify.name("tag")})
    clockify.undo("DELETE", f"/tags/{tag['id']}")
    clockify.undo("PUT", f"/tags/{tag['id']}", json={"name": tag["name"], "archived": True})

    (shown,) = clockify.row(clockify.entry(tagIds=[tag["id"]]))["tags"]

    clockify.shows("tag_key", next(name for name in ("id", "_id") if shown.get(name) == tag["id"]))


@rule("Clockify 11", switch="serves_csv")
def test_a_report_as_a_file(clockify):
    """Whether `exportType` is heard; the product reads JSON alone."""
    assert clockify.entry()

    answer = clockify.ask_report(exportType="CSV")

    clockify.shows("serves_csv", not answer.text.startswith("{"))


@rule("Clockify 11", switch="refuses_over_a_year")
def test_a_range_over_a_year(clockify):
    """Refused, on a plan whose reports span a year."""
    if not clockify.is_real:
        clockify.standin.workspace["features"].append("ONE_YEAR_RANGE_REPORTS")
    clockify.needs_feature("ONE_YEAR_RANGE_REPORTS")
    is_limited = "UNLIMITED_REPORTS" not in clockify.workspace["features"]
    clockify.needs(is_limited, "a limit of a year on its reports")
    start = MONDAY - timedelta(days=400)

    answer = clockify.ask_report(dateRangeStart=f"{start:%Y-%m-%d}T00:00:00")

    clockify.shows("refuses_over_a_year", not answer.ok)


# --- time zones --------------------------------------------------------------------------------


@rule("Clockify 1.6")
@pytest.mark.parametrize(("zone", "offset_h"), [("Asia/Tokyo", 9), ("Etc/GMT+8", -8)])
def test_a_report_reads_its_bounds_in_its_zone(clockify, zone, offset_h):
    """Wall clocks of `timeZone`, whatever offset they bear; the first second counts."""
    edge = MONDAY + timedelta(days=3) - timedelta(hours=offset_h)
    first = clockify.entry(start=edge)
    before = clockify.entry(start=edge - timedelta(hours=1))
    days = {"timeZone": zone, "dateRangeEnd": f"{MONDAY + timedelta(days=4):%Y-%m-%d}T23:59:59"}

    for suffix in ("", "Z"):
        start = f"{MONDAY + timedelta(days=3):%Y-%m-%d}T00:00:00{suffix}"
        rows = clockify.report(dateRangeStart=start, **days)["timeentries"]
        ids = {row["_id"] for row in rows}
        assert first["id"] in ids
        assert before["id"] not in ids


@rule("Clockify 11", switch="newer_report_times")
def test_a_report_shows_times_in_its_zone(clockify):
    """With an offset; newer ones as `Z` with the zone's reading beside them. Both are instants."""
    entry = clockify.entry()

    interval = clockify.row(entry, timeZone="Asia/Tokyo")["timeInterval"]

    start = datetime.fromisoformat(interval["start"])
    assert start == datetime.fromisoformat(entry["timeInterval"]["start"])
    clockify.shows("newer_report_times", "zonedStart" in interval)


def _put_the_caller_elsewhere(state, caller_id):
    """Let the key be an administrator's in Tokyo, and the owner somebody else."""
    (other,) = [user for user in state.users.values() if "WORKSPACE_ADMIN" in user["roles"]]
    caller = state.users[caller_id]
    caller |= {"settings": {"timeZone": "Asia/Tokyo"}, "roles": ["WORKSPACE_ADMIN"]}
    other["roles"] = ["OWNER"]


@rule("Clockify 11", switch="window_zone")
def test_a_list_reads_its_bounds_on_somebodys_clock(clockify):
    """`Z` does not choose the window: its digits count in the account's zone. Whose, is open."""
    if not clockify.is_real:
        _put_the_caller_elsewhere(clockify.standin, clockify.me["id"])
        del clockify.me
    offset = clockify.zone.utcoffset(MONDAY + timedelta(days=5))
    clockify.needs(offset, "a user whose zone is not UTC")
    noon = MONDAY + timedelta(days=5, hours=12)
    entry = clockify.entry(start=noon - offset, seconds=60)
    path = f"/user/{clockify.me['id']}/time-entries"
    window = {
        "start": f"{noon:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{noon + timedelta(minutes=30):%Y-%m-%dT%H:%M:%SZ}",
    }

    is_on_users_clock = entry["id"] in {row["id"] for row in clockify.list(path, **window)}

    clockify.shows("window_zone", "user" if is_on_users_clock else "owner")


# --- money and rounding ------------------------------------------------------------------------


@rule("Clockify 1.7")
@pytest.mark.parametrize(("seconds", "amount"), [(3600, 4500), (100, 125), (101, 126.25)])
def test_money_is_in_hundredths(clockify, seconds, amount):
    """An hour at 45.00 is 4500; amounts of reports have fractions."""
    row = clockify.row(clockify.entry(seconds=seconds))

    assert (row["rate"], row["amount"]) == (RATE, amount)


@rule("Clockify 6")
def test_an_entry_keeps_the_rate_of_its_day(clockify):
    """A project's new rate is that of new entries; the report shows each entry's own."""
    old = clockify.entry()
    project = clockify.project
    body = {"name": project["name"], "clientId": clockify.client, "billable": True}
    path = f"/projects/{project['id']}"
    body |= {"isPublic": True}
    assert clockify.call("PUT", path, json=body | {"hourlyRate": {"amount": 2 * RATE}}).ok
    new = clockify.entry()
    clockify.call("PUT", path, json=body | {"hourlyRate": {"amount": RATE}})

    assert [clockify.row(entry)["rate"] for entry in (old, new)] == [RATE, 2 * RATE]


@pytest.fixture
def rounded(clockify):
    """Return the step in seconds and an entry of half a step; a stand-in gets a setting for it."""
    if not clockify.is_real:
        settings = clockify.standin.settings
        settings["timeRoundingInReports"] = True
    clockify.needs_feature("WORKSPACE_TIME_ROUNDING")
    rule_ = clockify.workspace["workspaceSettings"]["round"]
    clockify.needs("nearest" in rule_["round"].lower(), "rounding to the nearest step")
    step_s = int(rule_["minutes"]) * 60
    return step_s, clockify.entry(seconds=step_s // 2)


@rule("Clockify 5")
def test_without_rounding_seconds_stay(clockify, rounded):
    """`rounding: false` gives the seconds as they were tracked, whatever the workspace says."""
    step_s, entry = rounded

    assert clockify.row(entry)["timeInterval"]["duration"] == step_s // 2


@rule("Clockify 11", switch="half_rounds")
def test_an_exact_half_of_a_step(clockify, rounded):
    """Goes up, or down."""
    step_s, entry = rounded

    seconds = clockify.row(entry, rounding=True)["timeInterval"]["duration"]

    clockify.shows("half_rounds", {step_s: "up", 0: "down"}[seconds])


@rule("Clockify 11", switch="rounds_by_default")
def test_rounding_where_nothing_is_said(clockify, rounded):
    """As the workspace has it, or not at all; the product always says."""
    setting = clockify.workspace["workspaceSettings"]["timeRoundingInReports"]
    clockify.needs(setting, "rounding that is on")
    step_s, entry = rounded

    seconds = clockify.row(entry, rounding=None)["timeInterval"]["duration"]

    clockify.shows("rounds_by_default", "never" if seconds == step_s // 2 else "workspace")


@rule("Clockify 11", switch="rounds_amounts")
def test_rounding_of_amounts(clockify, rounded):
    """Whether they go with the rounded seconds."""
    _, entry = rounded

    amounts = {mode: clockify.row(entry, rounding=mode)["amount"] for mode in (True, False)}

    clockify.shows("rounds_amounts", amounts[True] != amounts[False])


# --- approval ----------------------------------------------------------------------------------


@pytest.fixture
def submitted(clockify):
    """Return an entry of the suite's week, and its request for approval."""
    clockify.needs_feature("APPROVAL")
    clockify.clean_up()  # of the tests before: what is submitted is the whole week
    with clockify.unrecorded():
        rows = clockify.report()["timeentries"]
    clockify.needs(not rows, f"a week without time: that of {MONDAY:%Y-%m-%d}")
    yield clockify.entry(), clockify.submit()
    clockify.clean_up()


def in_report(clockify, entry, state):
    return clockify.row(entry, approvalState=state) is not None


@rule("Clockify 6")
def test_a_submitted_entry_is_not_approved(clockify, submitted):
    """It names its request already: the id alone proves no approval."""
    entry, request = submitted

    assert clockify.row(entry)["approvalRequestId"] == request["id"]
    assert request["status"]["state"] == "PENDING"
    assert not in_report(clockify, entry, "APPROVED")
    assert in_report(clockify, entry, "UNAPPROVED")


@rule("Clockify 6")
def test_an_approved_entry_is_in_the_report_of_approved_ones(clockify, submitted):
    """The report's `approvalState` is the proof; the entry is locked, also to an admin."""
    entry, request = submitted
    clockify.decide(request, "APPROVED")

    assert in_report(clockify, entry, "APPROVED")
    assert not in_report(clockify, entry, "UNAPPROVED")
    assert clockify.row(entry)["isLocked"] is True
    assert not clockify.change(entry, clockify.body()).ok


@rule("Clockify 6")
def test_a_withdrawn_approval_is_none(clockify, submitted):
    """The entry is unapproved again, and may be changed."""
    entry, request = submitted
    clockify.decide(request, "APPROVED")
    clockify.decide(request, "WITHDRAWN_APPROVAL")

    assert not in_report(clockify, entry, "APPROVED")
    assert clockify.change(entry, clockify.body()).ok


@rule("Clockify 6")
def test_a_rejected_entry_is_not_approved(clockify, submitted):
    """Nor locked."""
    entry, request = submitted
    clockify.decide(request, "REJECTED")

    assert not in_report(clockify, entry, "APPROVED")
    assert clockify.change(entry, clockify.body()).ok


@rule("Clockify 6", switch="keeps_request_id")
def test_the_request_of_a_rejected_entry(clockify, submitted):
    """Whether the entry still names it."""
    entry, request = submitted
    clockify.decide(request, "REJECTED")

    clockify.shows("keeps_request_id", clockify.row(entry)["approvalRequestId"] is not None)


@rule("Clockify 6", switch="pending_is_locked", only="it takes the key of somebody who is no admin")
def test_a_pending_entry_of_ones_own(clockify):
    """Whether it is locked for its owner."""
    owner = clockify.standin.users[clockify.me["id"]]
    entry = clockify.entry()
    clockify.submit()
    owner["roles"] = []

    answer = clockify.change(entry, clockify.body())

    clockify.shows("pending_is_locked", not answer.ok)


@rule("Clockify 6", switch="lists_every_approval_state")
def test_requests_by_state(clockify):
    """Three states can be asked for; whether the others can, is open."""
    clockify.needs_feature("APPROVAL")
    listed = clockify.call("GET", "/approval-requests", params={"status": "PENDING"})

    answer = clockify.call("GET", "/approval-requests", params={"status": "REJECTED"})

    assert listed.ok
    clockify.shows("lists_every_approval_state", answer.ok)


# --- the end -----------------------------------------------------------------------------------


@rule("Clockify 1.4")
def test_nothing_of_the_suite_is_left(clockify):
    """The suite takes away what it made: entries, projects, clients."""
    entry = clockify.entry()

    clockify.clean_up()

    assert clockify.row(entry) is None
    assert clockify.list("/projects", name=clockify.prefix) == []
    assert clockify.list("/clients", name=clockify.prefix) == []
