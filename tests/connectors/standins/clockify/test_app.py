"""The Clockify stand-in keeps the rules of the real one, as far as they are known."""

import copy
import json

import pytest
from clockify_studio import (
    ACME,
    ADA,
    APP,
    ATTIC,
    BO,
    CY,
    DEE,
    DESIGN,
    EVE,
    FAY,
    LOOSE,
    OLDCO,
    RUNNING,
    SCENARIO,
    URGENT,
    WEB,
    WORKSPACE,
    entry,
    numbers,
    refusal,
)

from connectors.standins.clockify.app import ClockifyStandin, Switches


def test_the_scenario_is_copied_and_never_changed():
    """Two stand-ins of one scenario do not see each other's writes."""
    before = copy.deepcopy(SCENARIO)
    standin = ClockifyStandin(SCENARIO)

    standin.entries.clear()
    standin.users[ADA]["name"] = "changed"
    standin.settings["timeRoundingInReports"] = True

    assert before == SCENARIO


# Keys, routes, pages


@pytest.mark.parametrize(
    ("headers", "code", "message"),
    [
        ({}, 1000, "Multiple or none auth tokens present"),
        (
            {"X-Api-Key": "owner", "X-Addon-Token": "x"},
            1000,
            "Multiple or none auth tokens present",
        ),
        ({"Authorization": "Bearer owner"}, 1000, "Multiple or none auth tokens present"),
        ({"X-Api-Key": "stranger"}, 4003, "Api key does not exist"),
        ({"X-Addon-Token": "x"}, 4017, "Token is not valid"),
    ],
)
def test_a_request_needs_exactly_one_good_key(api, headers, code, message):
    """The three 401 answers tell what is wrong with the key, on both hosts."""
    assert refusal(api("GET", "/user", headers=headers)) == (401, code, message)
    api.headers = headers
    assert refusal(api.ask_report()) == (401, code, message)


def test_header_names_have_no_case(api):
    """`x-api-key` is the same header."""
    assert api("GET", "/user", headers={"x-api-key": "owner"}).json()["id"] == ADA


def test_unknown_routes_and_verbs_are_told_apart(api):
    """404 means no such route, 405 no such verb on it; ids are never 404."""
    missing = api.at("GET", "/nothing")
    assert refusal(missing) == (
        404,
        3000,
        f"No static resource v1/workspaces/{WORKSPACE}/nothing.",
    )
    not_supported = (405, 3000, "Request method 'PATCH' is not supported")
    assert refusal(api("PATCH", f"/workspaces/{WORKSPACE}")) == not_supported


def test_there_is_no_list_of_everybodys_entries(api):
    """`GET …/time-entries` is 405: one user at a time, or the report."""
    expected = (405, 3000, "Request method 'GET' is not supported")
    assert refusal(api.at("GET", "/time-entries")) == expected


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/projects/{id}", "Project"),
        ("/projects/{id}/tasks", "Project"),
        (f"/projects/{WEB}/tasks/{{id}}", "Task"),
        ("/clients/{id}", "Client"),
        ("/tags/{id}", "Tag"),
        ("/time-entries/{id}", "Time entry"),
        ("/user/{id}/time-entries", "User"),
    ],
)
def test_an_unknown_id_is_refused_with_400(api, path, kind):
    """Unknown, deleted and foreign ids look the same."""
    answer = api.at("GET", path.format(id="f" * 24))
    assert refusal(answer) == (400, 501, f"{kind} doesn't belong to Workspace")


def test_another_workspace_is_out_of_reach(api):
    """A key opens its own workspace alone."""
    assert refusal(api("GET", f"/workspaces/{'b' * 24}/users")) == (403, 501, "Access Denied")


def test_a_badly_typed_query_value_is_echoed(api):
    """The text repeats what was sent: a caller must not log it raw."""
    answer = api.at("GET", f"/projects/{WEB}/tasks", params={"is-active": "SECRET"})
    assert refusal(answer) == (
        400,
        3000,
        (
            "Method parameter 'is-active': Failed to convert value of type 'java.lang.String' "
            "to required type 'java.lang.Boolean'; Invalid boolean value [SECRET]"
        ),
    )


def test_a_body_that_is_no_json_has_a_code_of_its_own(api):
    """Broken JSON is 3002."""
    headers = api.headers | {"Content-Type": "application/json"}
    answer = api.at("POST", "/clients", data="{", headers=headers)
    assert refusal(answer)[:2] == (400, 3002)


def test_lists_come_in_pages_and_say_which_is_the_last(api):
    """Every row comes once; a page past the end is empty, not an error."""
    pages = [
        api.at("GET", "/projects", params={"page": page, "page-size": 3}) for page in (1, 2, 3)
    ]

    assert [len(page.json()) for page in pages] == [3, 1, 0]
    assert [page.headers["Last-Page"] for page in pages] == ["false", "true", "true"]
    ids = [row["id"] for page in pages for row in page.json()]
    assert ids == [WEB, APP, LOOSE, ATTIC]


@pytest.mark.parametrize("switches", [Switches(largest_core_page=2, largest_report_page=2)])
def test_pages_can_be_cut_without_a_word(api):
    """A short page does not prove that it was the last."""
    projects = api.at("GET", "/projects", params={"page-size": 500})
    report = api.ask_report()

    assert (len(projects.json()), projects.headers["Last-Page"]) == (2, "false")
    assert (len(report.json()["timeentries"]), report.headers["Last-Page"]) == (2, "false")


# People


def test_the_keys_user_has_memberships_only_on_demand(api):
    """`memberships` is empty unless asked for."""
    assert api("GET", "/user").json()["memberships"] == []
    full = api("GET", "/user", params={"include-memberships": "true"}).json()
    assert full["memberships"][0]["membershipStatus"] == "ACTIVE"
    assert full["settings"]["timeZone"] == "Europe/Belgrade"


@pytest.mark.parametrize(
    ("key", "roles", "count"),
    [
        ("owner", None, 1),
        ("plain", None, 1),
        ("owner", "WORKSPACE_ADMIN", 0),
        ("admin", "WORKSPACE_ADMIN", 1),
        ("owner", ["WORKSPACE_ADMIN", "OWNER"], 1),
        ("owner", "WORKSPACE_ADMIN,OWNER", 1),
        ("plain", ["WORKSPACE_ADMIN", "OWNER"], 0),
    ],
)
def test_workspaces_can_be_asked_by_role_and_an_owner_is_no_admin(api, key, roles, count):
    """Who asks only for admins misses the owner."""
    answer = api("GET", "/workspaces", params={"roles": roles}, headers={"X-Api-Key": key})
    assert len(answer.json()) == count


def test_the_workspace_shows_plan_features_and_every_setting(api):
    """A setting that the scenario leaves out has Clockify's default."""
    workspace = api("GET", f"/workspaces/{WORKSPACE}").json()

    assert workspace["featureSubscriptionType"] == "BUNDLE_YEAR_2024"
    assert "QUICKBOOKS_INTEGRATION" in workspace["features"]
    assert workspace["workspaceSettings"]["round"] == {"round": "Round to nearest", "minutes": "15"}
    assert workspace["workspaceSettings"]["timeTrackingMode"] == "DEFAULT"


def test_users_hide_deleted_and_limited_accounts_unless_asked(api):
    """The default list is short of people whose time still counts."""
    assert [row["id"] for row in api.list("/users")] == [ADA, BO, CY, DEE]
    hidden = api.list("/users", **{"account-statuses": "DELETED,LIMITED"})
    assert {row["id"] for row in hidden} == {EVE, FAY}


def test_a_deleted_user_has_lost_name_and_email(api):
    """All deleted users are called alike: only the id tells them apart."""
    (deleted,) = api.list("/users", **{"account-statuses": "DELETED"})
    assert (deleted["name"], deleted["email"]) == ("DeletedUser", "")


def test_name_and_settings_can_be_null(api):
    """The keys are there, the values are not."""
    (limited,) = api.list("/users", **{"account-statuses": "LIMITED"})
    assert (limited["name"], limited["settings"]) == (None, None)


def test_only_the_membership_tells_a_deactivated_user(api):
    """The account of a deactivated user still says ACTIVE."""
    (dee,) = api.list("/users", name="dee")
    assert (dee["status"], dee["memberships"]) == ("ACTIVE", [])

    (dee,) = api.list("/users", status="INACTIVE", memberships="WORKSPACE")
    assert (dee["status"], dee["memberships"][0]["membershipStatus"]) == ("ACTIVE", "INACTIVE")


def test_roles_are_shown_on_demand(api):
    """`include-roles` adds what a user may do, and where."""
    ada = api.list("/users", **{"include-roles": "true"})[0]
    assert ada["roles"] == [{"role": "OWNER", "entities": [{"id": WORKSPACE, "name": "Studio"}]}]
    assert "roles" not in api.list("/users")[0]


def test_users_by_body_count_owners_as_admins(api):
    """Unlike the list of workspaces."""
    body = {"roles": ["WORKSPACE_ADMIN"], "includeRoles": True, "page": 1, "pageSize": 200}
    rows = api.at("POST", "/users/info", json=body).json()
    assert [row["id"] for row in rows] == [ADA, BO]
    assert rows[0]["roles"]


def test_an_invitation_answers_with_the_workspace(api, clockify, plain):
    """The new user has no name yet; inviting twice, badly, or as nobody is refused."""
    answer = api.at("POST", "/users?send-email=false", json={"email": "gil@example.com"})

    assert (answer.status_code, answer.json()["id"]) == (200, WORKSPACE)
    (gil,) = [one for one in clockify.users.values() if one["email"] == "gil@example.com"]
    assert (gil["name"], gil["membershipStatus"]) == (None, "PENDING")
    assert gil["id"] in {one["userId"] for one in answer.json()["memberships"]}

    assert api.at("POST", "/users", json={"email": "GIL@example.com"}).status_code == 400
    assert api.at("POST", "/users", json={"email": "gil"}).status_code == 400
    assert api.at("POST", "/users", json={}).status_code == 400
    assert plain.at("POST", "/users", json={"email": "h@example.com"}).status_code == 403


# Directory


def test_lists_show_archived_rows_unless_told_otherwise(api):
    """Without `archived` both kinds come."""
    assert {row["id"] for row in api.list("/clients")} == {ACME, OLDCO}
    assert [row["id"] for row in api.list("/clients", archived="false")] == [ACME]
    assert [row["id"] for row in api.list("/projects", archived="true")] == [ATTIC]


def test_names_are_searched_by_part_or_strictly(api):
    """Part of a name finds it, unless the search is strict."""
    assert {row["id"] for row in api.list("/projects", name="web")} == {WEB, APP}
    assert api.list("/projects", name="Web", **{"strict-name-search": "true"}) == []
    assert [row["id"] for row in api.list("/projects", clients=ACME)] == [WEB, ATTIC]
    without = api.list("/projects", clients=ACME, **{"contains-client": "false"})
    assert [row["id"] for row in without] == [APP, LOOSE]


def test_a_project_without_client_says_so_with_empty_text(api):
    """Not null: `""`."""
    (inner,) = api.list("/projects", name="Inner")
    assert (inner["clientId"], inner["clientName"]) == ("", "")


def test_a_hydrated_project_trades_the_clients_name_for_the_client(api):
    """`clientName` goes, `client` and `tasks` come."""
    project = api.list(f"/projects/{WEB}", hydrated="true")
    assert "clientName" not in project
    assert (project["client"]["name"], project["tasks"][0]["name"]) == ("Acme", "Design")


def test_a_new_client_is_created_once(api):
    """201; the name is then taken, and an archived client's name is, too."""
    made = api.at("POST", "/clients", json={"name": "Newco", "ccEmails": ["x@example.com"]})

    assert made.status_code == 201
    assert made.json()["ccEmails"] is None
    for name in ("Newco", "Oldco"):
        refused = api.at("POST", "/clients", json={"name": name})
        assert refusal(refused) == (400, 501, "Client with this name already exists")


@pytest.mark.parametrize("name", [None, "", " ", "x" * 101])
def test_a_clients_name_has_1_to_100_characters(api, name):
    """Anything else is refused."""
    assert refusal(api.at("POST", "/clients", json={"name": name}))[:2] == (400, 501)


def test_a_new_project_belongs_to_its_client_and_its_maker(api, clockify):
    """201; the name is taken within the client alone."""
    made = api.at("POST", "/projects", json={"name": "Shop", "clientId": ACME})

    assert made.status_code == 201
    assert (made.json()["clientName"], made.json()["memberships"][0]["userId"]) == ("Acme", ADA)
    again = api.at("POST", "/projects", json={"name": "Shop", "clientId": ACME})
    assert refusal(again) == (400, 501, "Project with this name already exists")
    assert api.at("POST", "/projects", json={"name": "Shop"}).status_code == 201
    assert len(clockify.projects) == 6


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": "x"}, "Project name has to be between 2 and 250 characters long"),
        ({"name": "x" * 251}, "Project name has to be between 2 and 250 characters long"),
        ({"name": "Shop", "clientId": "f" * 24}, "Client doesn't belong to Workspace"),
    ],
)
def test_a_bad_project_is_refused(api, clockify, body, message):
    """Nothing is made then."""
    assert refusal(api.at("POST", "/projects", json=body)) == (400, 501, message)
    assert len(clockify.projects) == 4


@pytest.mark.parametrize("switches", [Switches(case_insensitive_names=True)])
def test_names_can_be_taken_in_any_case(api):
    """Whether the real one minds case is not known."""
    assert api.at("POST", "/clients", json={"name": "ACME"}).status_code == 400


def test_only_archived_rows_can_be_deleted(api, clockify):
    """Archive first; then the name is free again."""
    refused = api.at("DELETE", f"/projects/{WEB}")
    assert refusal(refused) == (400, 501, "Cannot delete an active project")
    assert api.at("DELETE", f"/clients/{ACME}").status_code == 400

    archived = api.at("PUT", f"/projects/{WEB}", json={"name": "Website", "archived": True})
    assert archived.json()["archived"] is True
    assert api.at("DELETE", f"/projects/{WEB}").status_code == 200
    assert WEB not in clockify.projects
    assert api.at("DELETE", f"/clients/{OLDCO}").status_code == 200
    assert OLDCO not in clockify.clients


def test_a_put_keeps_omitted_rates_and_clears_the_rest(api, clockify):
    """Projects keep their rate; clients lose their `ccEmails`."""
    clockify.projects[WEB]["hourlyRate"] = {"amount": 700, "currency": "USD"}
    clockify.clients[ACME]["ccEmails"] = ["x@example.com"]

    project = api.at("PUT", f"/projects/{WEB}", json={"name": "Site"}).json()
    client = api.at("PUT", f"/clients/{ACME}", json={"name": "Acme"}).json()

    assert (project["name"], project["hourlyRate"]["amount"]) == ("Site", 700)
    assert client["ccEmails"] is None
    assert api.at("PUT", f"/projects/{WEB}", json={}).status_code == 400


def test_who_is_no_admin_makes_no_projects(plain):
    """Unless the workspace lets everyone."""
    assert plain.at("POST", "/projects", json={"name": "Mine"}).status_code == 403


def test_tasks_and_tags_are_listed_and_made(api):
    """A task belongs to its project, a tag to the workspace."""
    path = f"/projects/{WEB}/tasks"
    assert [row["name"] for row in api.list(path)] == ["Design"]
    assert api.at("POST", path, json={"name": "Build"}).status_code == 201
    assert api.at("POST", path, json={"name": "Build"}).status_code == 400
    assert api.at("POST", "/tags", json={"name": "later"}).status_code == 201
    assert [row["name"] for row in api.list("/tags")] == ["later", "urgent"]


# Time entries


def test_the_windows_clock_is_the_accounts_clock(api):
    """`Z` does not choose the window: on a UTC+2 account it begins two hours early."""
    window = {"start": "2026-08-08T00:00:00Z", "end": "2026-08-09T00:00:00Z"}

    assert numbers(api.list(f"/user/{ADA}/time-entries", **window)) == [1]  # 08-07T22:15Z
    assert numbers(api.list(f"/user/{BO}/time-entries", **window)) == []  # not 08-08T22:30Z


def test_a_date_without_zone_is_no_bound(api):
    """The core host takes `yyyy-MM-ddThh:mm:ssZ`."""
    path = f"/user/{ADA}/time-entries"
    assert api.at("GET", path, params={"start": "2026-08-08T00:00:00"}).status_code == 400
    assert api.at("GET", path, params={"start": "2026-08-08"}).status_code == 400


def test_entries_come_newest_first_with_the_running_one(api):
    """A running timer has neither end nor duration."""
    rows = api.list(f"/user/{CY}/time-entries")

    assert [row["id"] for row in rows] == [RUNNING, f"{0x103:024x}"]
    assert rows[0]["timeInterval"] == {
        "start": "2026-08-09T08:00:00Z",
        "end": None,
        "duration": None,
    }
    assert rows[1]["timeInterval"]["duration"] == "PT22M"
    assert [row["isLocked"] for row in rows] == [False, True]
    assert [row["tagIds"] for row in rows] == [None, []]


@pytest.mark.parametrize(("order", "reverse"), [("newest", True), ("oldest", False)])
def test_entries_come_in_either_order(api, clockify, switches, order, reverse):
    """FACTS 3: newest first is recalled; so it is with the timers that run."""
    switches.entry_order = order
    for number, day in ((20, 10), (21, 12), (22, 11)):
        row = entry(number, f"2026-08-{day}T08:00:00", end=None)
        clockify.entries[row["id"]] = row

    for path in (f"/user/{ADA}/time-entries", "/time-entries/status/in-progress"):
        starts = [row["timeInterval"]["start"] for row in api.list(path)]
        assert len(starts) > 3
        assert starts == sorted(starts, reverse=reverse)


def test_entries_are_filtered(api):
    """By text, project, task, tag, and what is required."""
    path = f"/user/{ADA}/time-entries"
    for fitting in (
        {"description": "WORK"},
        {"project": WEB},
        {"task": DESIGN},
        {"tags": URGENT},
        {"project-required": "true", "task-required": "true"},
    ):
        assert numbers(api.list(path, **fitting)) == [1], fitting
    for unfit in ({"description": "play"}, {"project": APP}, {"tags": "f" * 24}):
        assert api.list(path, **unfit) == [], unfit


def test_a_hydrated_entry_keeps_its_flat_ids(api):
    """In the list with its user, alone without."""
    (listed,) = api.list(f"/user/{ADA}/time-entries", hydrated="true")
    alone = api.list(f"/time-entries/{listed['id']}", hydrated="true")

    assert (listed["user"]["id"], alone["user"]) == (ADA, None)
    assert (alone["projectId"], alone["project"]["clientName"]) == (WEB, "Acme")
    assert (alone["task"]["name"], alone["tags"][0]["name"]) == ("Design", "urgent")


def test_running_entries_come_ten_a_page(api, clockify):
    """Their list has a default of its own."""
    for number in range(20, 32):
        row = entry(number, "2026-08-10T08:00:00", end=None)
        clockify.entries[row["id"]] = row

    answer = api.at("GET", "/time-entries/status/in-progress")
    assert (len(answer.json()), answer.headers["Last-Page"]) == (10, "false")
    assert len(api.list("/time-entries/status/in-progress", page=2)) == 3


def test_two_equal_writes_make_two_entries(api, clockify):
    """There is no idempotency key; and what is approved cannot be deleted."""
    body = {"start": "2026-08-10T08:00:00Z", "end": "2026-08-10T09:00:00Z", "projectId": WEB}
    made = [api.at("POST", "/time-entries", json=body) for _ in range(2)]

    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json()["id"] != made[1].json()["id"]
    assert api.at("DELETE", f"/time-entries/{made[0].json()['id']}").status_code == 204
    assert made[0].json()["id"] not in clockify.entries
    assert api.at("DELETE", f"/time-entries/{0x103:024x}").status_code == 403


def test_approval_requests_are_the_owners_weeks(api, plain):
    """One a user and week; the week is the owner's own, written in UTC."""
    (request,) = api.list("/approval-requests", status="APPROVED")

    about = request["approvalRequest"]
    assert about["owner"]["userId"] == CY
    assert about["dateRange"] == {"start": "2026-08-03T07:00:00Z", "end": "2026-08-10T06:59:59Z"}
    assert about["status"]["state"] == "APPROVED"
    assert (request["approvedTime"], request["billableAmount"]) == ("PT22M", 1650)
    assert api.list("/approval-requests", status="PENDING") == []
    assert len(plain.list("/approval-requests")) == 1


# The detailed report


def test_a_report_holds_finished_entries_that_start_in_its_range(api):
    """Running timers are absent, deleted and deactivated users are not."""
    assert api.numbers() == [5, 3, 4, 1, 2]
    assert api.numbers(sortOrder="DESCENDING") == [2, 1, 4, 3, 5]
    one_day = {"dateRangeStart": "2026-08-05T08:00:00", "dateRangeEnd": "2026-08-06T07:59:59"}
    assert api.numbers(**one_day) == [3]


@pytest.mark.parametrize(
    ("zone", "start", "found"),
    [
        ("UTC", "2026-08-07T22:15:00Z", []),
        ("America/Los_Angeles", "2026-08-07T15:15:00-07:00", []),
        ("Europe/Belgrade", "2026-08-08T00:15:00+02:00", [1]),
        ("Pacific/Auckland", "2026-08-08T10:15:00+12:00", [1]),
        (None, "2026-08-08T00:15:00+02:00", [1]),
    ],
)
def test_the_requests_zone_chooses_the_range_and_shows_the_times(api, zone, start, found):
    """One instant, several days; without a zone it is the key's own."""
    day = {"dateRangeStart": "2026-08-08T00:00:00Z", "dateRangeEnd": "2026-08-08T23:59:59.999Z"}
    assert [number for number in api.numbers(**day, timeZone=zone) if number == 1] == found

    rows = api.report(timeZone=zone)["timeentries"]
    (row,) = [row for row in rows if numbers([row]) == [1]]
    assert row["timeInterval"]["start"] == start
    assert row["timeInterval"]["duration"] == 3600


@pytest.mark.parametrize("switches", [Switches(newer_report_times=True)])
def test_times_can_come_in_the_newer_style(api):
    """`Z`, and the zone's reading beside it."""
    row = api.report(timeZone="Europe/Belgrade", description="work 1")["timeentries"][0]
    assert row["timeInterval"] == {
        "start": "2026-08-07T22:15:00Z",
        "end": "2026-08-07T23:15:00Z",
        "timeZone": "Europe/Belgrade",
        "zonedStart": "2026-08-08T00:15:00",
        "zonedEnd": "2026-08-08T01:15:00",
        "offStart": 7200,
        "offEnd": 7200,
        "duration": 3600,
    }


def test_absent_things_are_absent_in_their_own_way(api):
    """Null, `""` and no key at all: each where the real one has it."""
    rows = {numbers([row])[0]: row for row in api.report()["timeentries"]}

    assert (rows[2]["rate"], rows[2]["amount"]) == (None, None)
    assert (rows[2]["clientId"], rows[2]["clientName"]) == ("", "")
    assert (rows[2]["taskId"], "taskName" in rows[2], rows[1]["taskName"]) == (
        None,
        False,
        "Design",
    )
    assert (rows[1]["tagIds"], rows[2]["tagIds"], rows[3]["tagIds"]) == ([URGENT], None, [])
    assert rows[5]["projectId"] is None
    assert (rows[4]["userName"], rows[4]["userEmail"], rows[4]["currency"]) == (
        "DeletedUser",
        "",
        "EUR",
    )
    assert "invoicingInfo" not in rows[1]


def test_money_is_in_minor_units_and_may_have_a_fraction(api, clockify):
    """45.00 an hour for 22 minutes is 1650; for a second it is 1.25."""
    clockify.entries[f"{0x101:024x}"]["end"] = "2026-08-07T22:15:01Z"

    report = api.report(users={"ids": [ADA, CY], "contains": "CONTAINS", "status": "ALL"})

    assert [row["amount"] for row in report["timeentries"]] == [1650, 1.25]
    assert report["totals"] == [
        {
            "_id": "",
            "totalTime": 1321,
            "totalBillableTime": 1321,
            "entriesCount": 2,
            "totalAmount": 1651.25,
            "totalAmountByCurrency": [{"amount": 1651.25, "currency": "USD"}],
            "numOfCurrencies": 1,
            "amounts": [
                {
                    "type": "EARNED",
                    "value": 1651.25,
                    "amountByCurrency": [{"amount": 1651.25, "currency": "USD"}],
                }
            ],
        }
    ]


def test_amounts_can_be_hidden(api):
    """`HIDE_AMOUNT` leaves neither rate nor amount."""
    report = api.report(amountShown="HIDE_AMOUNT")
    assert not {"rate", "amount"}.intersection(report["timeentries"][0])
    assert "totalAmount" not in report["totals"][0]


def test_several_amounts_can_be_asked(api):
    """Each has fields of its own beside the main ones."""
    row = api.report(amounts=["EARNED", "COST"], description="work 1")["timeentries"][0]
    assert (row["amount"], row["earnedAmount"], row["costAmount"]) == (4500, 4500, None)


@pytest.mark.parametrize(
    ("mode", "minutes", "rounded"),
    [
        ("Round to nearest", 22, 15),
        ("Round to nearest", 22.5, 30),
        ("Round up to", 16, 30),
        ("Round down to", 29, 15),
        ("Round to nearest", 7, 0),
    ],
)
def test_rounding_changes_durations_and_amounts_and_not_the_times(
    api, clockify, mode, minutes, rounded
):
    """Each entry on its own, by the workspace's rule; an exact half goes up."""
    clockify.settings["round"] = {"round": mode, "minutes": "15"}
    row = entry(3, "2026-08-05T08:00:00", minutes=minutes)
    clockify.entries.clear()
    clockify.entries[row["id"]] = row

    report = api.report(rounding=True)

    (shown,) = report["timeentries"]
    assert shown["timeInterval"] == {
        "start": row["start"],
        "end": row["end"],
        "duration": rounded * 60,
    }
    assert shown["amount"] == 4500 * rounded / 60
    assert report["totals"][0]["totalTime"] == rounded * 60
    exact = api.report(rounding=False)["timeentries"][0]
    assert exact["timeInterval"]["duration"] == minutes * 60


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"users": {"ids": [ADA, BO], "contains": "CONTAINS", "status": "ALL"}}, [1, 2]),
        ({"users": {"ids": [ADA, BO], "contains": "DOES_NOT_CONTAIN"}}, [5, 3, 4]),
        ({"users": {"ids": [], "status": "ACTIVE"}}, [3, 1, 2]),
        ({"users": {"ids": [], "status": "INACTIVE"}}, [5, 4]),
        ({"clients": {"ids": [ACME], "contains": "CONTAINS", "status": "ALL"}}, [3, 1]),
        ({"clients": {"ids": [ACME], "contains": "DOES_NOT_CONTAIN"}}, [5, 4, 2]),
        ({"clients": {"ids": [], "status": "ACTIVE"}}, [5, 3, 1, 2]),
        ({"clients": {"ids": [], "status": "ARCHIVED"}}, [5, 4, 2]),
        ({"projects": {"ids": [LOOSE, APP], "contains": "CONTAINS"}}, [4, 2]),
        ({"projects": {"ids": [LOOSE, APP], "contains": "DOES_NOT_CONTAIN"}}, [5, 3, 1]),
        ({"tasks": {"ids": [DESIGN], "contains": "CONTAINS"}}, [1]),
        ({"tags": {"ids": [URGENT], "containedInTimeentry": "DOES_NOT_CONTAIN"}}, [5, 3, 4, 2]),
        ({"billable": True}, [5, 3, 4, 1]),
        ({"billable": False}, [2]),
        ({"approvalState": "APPROVED"}, [3]),
        ({"approvalState": "UNAPPROVED"}, [5, 4, 1, 2]),
        ({"invoicingState": "INVOICED"}, []),
        ({"invoicingState": "ALL", "approvalState": "ALL"}, [5, 3, 4, 1, 2]),
        ({"description": "LOOSE"}, [5]),
        ({"withoutDescription": True}, []),
    ],
)
def test_a_report_is_filtered(api, body, found):
    """By id and by state; what belongs to no client stays when clients are asked by status."""
    assert api.numbers(**body) == found


def test_invoiced_entries_say_so(api):
    """The mark is set by the core host, seen by the report alone, and answered with nothing."""
    one = f"{0x101:024x}"
    answer = api.at(
        "PATCH", "/time-entries/invoiced", json={"invoiced": True, "timeEntryIds": [one]}
    )

    assert (answer.status_code, answer.content) == (200, b"")
    (row,) = api.report(invoicingState="INVOICED")["timeentries"]
    assert (row["_id"], row["invoicingInfo"]) == (one, {"manuallyInvoiced": True})
    assert api.numbers(invoicingState="UNINVOICED") == [5, 3, 4, 2]


def test_an_approved_entry_names_its_request(api):
    """It is the request that the core host lists."""
    (row,) = api.report(approvalState="APPROVED")["timeentries"]
    (request,) = api.list("/approval-requests")
    assert row["approvalRequestId"] == request["approvalRequest"]["id"]
    assert row["isLocked"] is True


@pytest.mark.parametrize(
    ("column", "found"),
    [("ID", [1, 2, 3, 4, 5]), ("DURATION", [3]), ("USER", [1, 2, 3, 5, 4]), ("DESCRIPTION", [5])],
)
def test_a_report_is_sorted(api, column, found):
    """By the column that is asked for."""
    order = api.numbers(detailedFilter={"page": 1, "pageSize": 50, "sortColumn": column})
    assert order[: len(found)] == found


def test_a_reports_pages_hold_every_entry_once(api):
    """Two pages and a rest; totals are the whole report's on each."""
    answers = [
        api.ask_report(detailedFilter={"page": page, "pageSize": 2}) for page in (1, 2, 3, 4)
    ]

    rows = [answer.json()["timeentries"] for answer in answers]
    assert [numbers(page) for page in rows] == [[5, 3], [4, 1], [2], []]
    assert [answer.headers["Last-Page"] for answer in answers] == ["false", "false", "true", "true"]
    assert {answer.json()["totals"][0]["entriesCount"] for answer in answers} == {5}


def test_entries_shift_between_pages_while_people_work(api, clockify):
    """An entry that comes in front pushes one over the page's edge: it is seen twice."""
    first = api.numbers(detailedFilter={"page": 1, "pageSize": 2})
    early = entry(9, "2026-08-02T08:00:00")
    clockify.entries[early["id"]] = early
    second = api.numbers(detailedFilter={"page": 2, "pageSize": 2})

    assert (first, second) == ([5, 3], [3, 4])


def test_every_request_sees_the_entries_as_they_are(api, clockify):
    """An edit is in the next report, be it the same question or the next page."""
    first_two = {"detailedFilter": {"page": 1, "pageSize": 2}}
    last = {"detailedFilter": {"page": 3, "pageSize": 2}}
    assert api.numbers(**first_two) == [5, 3]
    assert api.report(**last)["timeentries"][0]["description"] == "work 2"

    clockify.entries[f"{0x102:024x}"] |= {"description": "edited", "approved": True}
    del clockify.entries[f"{0x105:024x}"]

    assert api.numbers(**first_two) == [3, 4]
    assert api.numbers(approvalState="APPROVED") == [3, 2]
    assert api.report(description="edited")["totals"][0]["entriesCount"] == 1


def test_a_page_holds_a_thousand_at_most(api, clockify):
    """A larger page is cut, and the header says that more follows."""
    clockify.entries.clear()
    for number in range(1001):
        row = entry(number, "2026-08-05T08:00:00")
        clockify.entries[row["id"]] = row

    answer = api.ask_report(detailedFilter={"page": 1, "pageSize": 5000})
    assert (len(answer.json()["timeentries"]), answer.headers["Last-Page"]) == (1000, "false")
    assert len(api.numbers(detailedFilter={"page": 2, "pageSize": 5000})) == 1


def test_totals_of_nothing_hold_null_and_can_be_left_out(api):
    """An empty report has totals that a careless reader falls over."""
    assert api.report(description="no such thing")["totals"] == [None]
    without = {"page": 1, "pageSize": 9, "options": {"totals": "EXCLUDE"}}
    assert api.report(detailedFilter=without)["totals"] == []


@pytest.mark.parametrize("field", ["dateRangeStart", "dateRangeEnd", "detailedFilter"])
def test_a_report_needs_its_three_fields(api, field):
    """Range and filter are required."""
    assert refusal(api.ask_report(**{field: None}))[:2] == (400, 501)


def test_a_report_refuses_what_it_cannot_do(api):
    """Unknown zones and dates; and what the stand-in does not model, rather than ignore it."""
    assert api.ask_report(timeZone="Mars/Base").status_code == 400
    assert api.ask_report(dateRangeStart="yesterday").status_code == 400
    assert api.ask_report(userGroups={"ids": ["f" * 24]}).status_code == 501


def test_a_free_workspace_gets_31_days_at_most(api, clockify):
    """A month goes, a longer range is refused."""
    clockify.workspace["featureSubscriptionType"] = "FREE"
    assert api.numbers()
    assert refusal(api.ask_report(dateRangeEnd="2026-09-01T23:59:59"))[:2] == (400, 501)


def test_who_is_no_admin_sees_only_their_own_time(plain, clockify):
    """Without a word: a partial extract looks like a whole one. The workspace may allow all."""
    assert plain.numbers() == [3]
    assert plain.list(f"/user/{ADA}/time-entries") == []
    assert plain.at("GET", f"/time-entries/{0x101:024x}").status_code == 403

    clockify.settings["onlyAdminsSeeAllTimeEntries"] = False

    assert plain.numbers() == [5, 3, 4, 1, 2]
    assert numbers(plain.list(f"/user/{ADA}/time-entries")) == [1]


def test_amounts_can_be_for_admins_alone(api, plain, clockify):
    """Then others must ask without."""
    clockify.settings["onlyAdminsSeeBillableRates"] = True
    assert plain.ask_report().status_code == 403
    assert len(plain.numbers(amountShown="HIDE_AMOUNT")) == 1
    assert api.report()["timeentries"][0]["rate"] == 4500


def test_planned_failures_strike_before_anything_else(api, clockify):
    """429 comes only when planned, and once."""
    body = '{"message":"Too many requests","code":429}'
    clockify.faults.plan("/reports/detailed", "answer", status=429, body=body)

    assert api.ask_report().status_code == 429
    assert api.ask_report().status_code == 200


# Held to what was captured


@pytest.mark.parametrize(
    ("sample", "path", "params"),
    [
        ("core_projects_list_unhydrated_2023", "/projects", {"name": "Website"}),
        ("core_projects_list_hydrated_2023", "/projects", {"name": "Website", "hydrated": "true"}),
        ("core_time_entries_list_unhydrated_2023", f"/user/{ADA}/time-entries", {}),
        (
            "core_time_entries_list_hydrated_2023",
            f"/user/{ADA}/time-entries",
            {"hydrated": "true"},
        ),
        ("core_approval_request_item_2026_live", "/approval-requests", {}),
    ],
)
def test_core_rows_have_every_captured_key(api, sample, path, params, shared_samples):
    """The stand-in leaves out nothing that the real one was seen to send."""
    found = shared_samples(f"clockify/samples/json/{sample}.json")
    (captured,) = json.loads(found.read_text())
    row = api.list(path, **params)[0]
    assert missing_keys(captured, row) == []


def test_report_rows_have_every_captured_key(api, shared_samples):
    """The same for the report and its totals."""
    found = shared_samples("clockify/samples/json/report_detailed_response_2023_au.json")
    captured = json.loads(found.read_text())
    assert missing_keys(captured, api.report(description="work 1")) == []


def missing_keys(captured, ours, path=""):
    """Name what is in *captured* and not in *ours*, at any depth."""
    if isinstance(captured, list) and isinstance(ours, list):
        return missing_keys(captured[0], ours[0], f"{path}[]") if captured and ours else []
    if not (isinstance(captured, dict) and isinstance(ours, dict)):
        return []
    return [
        missing
        for key, value in captured.items()
        for missing in (
            missing_keys(value, ours[key], f"{path}.{key}") if key in ours else [f"{path}.{key}"]
        )
    ]
