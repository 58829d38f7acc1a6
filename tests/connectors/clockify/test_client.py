"""A Clockify workspace is read to the end of every list, or not at all."""

import json
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from connectors.clockify.answers import missing_route, unknown_workspace
from connectors.clockify.client import Clockify
from connectors.clockify.report import Moved
from connectors.errors import AskPerson, Refused, TryAgain
from connectors.standins.clockify.app import ClockifyStandin, Switches

WORKSPACE = "a" * 24
ADA, BO, CY, DEE, EVE = (f"{n:024x}" for n in range(1, 6))
UTC_ZONE = ZoneInfo("UTC")
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)


def user(id_, name, **fields):
    return {
        "id": id_,
        "name": name,
        "email": f"{id_[-2:]}@example.com",
        "status": "ACTIVE",
        "settings": {"timeZone": "UTC"},
        "membershipStatus": "ACTIVE",
        "roles": [],
    } | fields


def entry(number, start="2026-03-02T09:00:00Z", end="2026-03-02T10:00:00Z", **fields):
    return {
        "id": f"{0x1000 + number:024x}",
        "userId": ADA,
        "projectId": None,
        "taskId": None,
        "tagIds": [],
        "description": f"work {number}",
        "start": start,
        "end": end,
        "billable": number % 2 == 0,
        "type": "REGULAR",
        "rate": 4500,
        "currency": "USD",
        "approved": number % 3 == 0,
    } | fields


def make_scenario():
    return {
        "clockify": {
            "api_keys": {"key-of-ada": ADA},
            "workspace": {
                "id": WORKSPACE,
                "name": "Studio",
                "features": ["QUICKBOOKS_INTEGRATION"],
                "featureSubscriptionType": "PRO_2021",
                "currencies": [{"id": "c" * 24, "code": "USD", "isDefault": True}],
                "workspaceSettings": {},
            },
            "users": [
                user(ADA, "Ada", roles=["OWNER"]),
                user(BO, "Bo", membershipStatus="INACTIVE"),
                user(CY, "Cy", status="LIMITED"),
                user(DEE, "Dee", status="DELETED", membershipStatus="INACTIVE"),
                user(EVE, None, status="NOT_REGISTERED", settings=None),
            ],
            "clients": [
                {"id": f"{0x200 + n:024x}", "name": f"Client {n}", "archived": n == 3}
                for n in range(7)
            ],
            "projects": [
                {
                    "id": f"{0x300 + n:024x}",
                    "name": f"Project {n}",
                    "clientId": "",
                    "billable": True,
                    "archived": n == 5,
                }
                for n in range(8)
            ],
            "tasks": [],
            "tags": [],
            "entries": [entry(n) for n in range(11)],
        }
    }


@pytest.fixture
def build():
    """Return a client of an address; its waits are noted instead of waited."""
    made = []

    def make(url, **fields):
        slept = []
        options = {"api_key": "key-of-ada", "workspace_id": WORKSPACE, "sleep": slept.append}
        client = Clockify(
            url=f"{url}/api/v1", reports_url=f"{url}/report/v1", **{**options, **fields}
        )
        client.slept = slept
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def standin():
    """Return a workspace that gives three rows a page, whatever is asked for."""
    return ClockifyStandin(
        make_scenario(),
        switches=Switches(largest_core_page=3, largest_report_page=3, requests_per_second=None),
    )


@pytest.fixture
def clockify(build, serve, standin):
    """Return a client of the stand-in."""
    return build(serve(standin.app))


def report(client, **options):
    pages = client.report((FIRST, LAST), timezone=UTC_ZONE, **options)
    return [row for page in pages for row in page]


# --- to the end --------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 11, 5000])
def test_every_list_is_read_to_its_end(build, serve, size):
    """However few rows the service gives a page, every one of them is read, once."""
    switches = Switches(largest_core_page=size, largest_report_page=size, requests_per_second=None)
    standin = ClockifyStandin(make_scenario(), switches=switches)
    standin.entries.update({row["id"]: row for row in (entry(50 + n, end=None) for n in range(4))})
    client = build(serve(standin.app))

    assert sorted(row["id"] for row in client.users()) == sorted(standin.users)
    assert sorted(row["id"] for row in client.clients()) == sorted(standin.clients)
    assert sorted(row["id"] for row in client.projects()) == sorted(standin.projects)
    assert len(client.running()) == 4
    assert sorted(row["_id"] for row in report(client)) == sorted(
        id_ for id_, row in standin.entries.items() if row["end"]
    )


def test_an_empty_workspace_is_read_too(build, serve):
    """Nothing there is no error."""
    scenario = make_scenario()
    for name in ("clients", "projects", "entries"):
        scenario["clockify"][name] = []
    client = build(serve(ClockifyStandin(scenario).app))

    assert (client.clients(), client.projects(), client.running(), report(client)) == ([],) * 4


def test_everybody_is_listed(clockify):
    """Deactivated, limited, invited and deleted users have entries too; a deleted one no name."""
    names = {row["id"]: row["name"] for row in clockify.users()}

    assert names == {ADA: "Ada", BO: "Bo", CY: "Cy", DEE: "DeletedUser", EVE: None}


def test_archived_clients_and_projects_are_listed(clockify):
    """What is archived was worked on before."""
    assert [row["name"] for row in clockify.clients() if row["archived"]] == ["Client 3"]
    assert [row["name"] for row in clockify.projects() if row["archived"]] == ["Project 5"]


def test_running_timers_are_listed(clockify, standin):
    """The report leaves them out, so they have a list of their own."""
    running = entry(99, end=None)
    standin.entries[running["id"]] = running

    (row,) = clockify.running()

    assert (row["id"], row["timeInterval"]["end"]) == (running["id"], None)
    assert running["id"] not in {row["_id"] for row in report(clockify)}


def test_the_key_and_its_workspaces(clockify):
    """Who the key belongs to, what it sees, and where it may send."""
    assert clockify.me()["id"] == ADA
    assert [row["id"] for row in clockify.workspaces()] == [WORKSPACE]
    assert [row["id"] for row in clockify.workspaces(roles=["OWNER", "WORKSPACE_ADMIN"])]
    assert clockify.workspaces(roles=["WORKSPACE_ADMIN"]) == []
    assert clockify.workspace()["workspaceSettings"]["timeRoundingInReports"] is False


# --- the report's question ---------------------------------------------------------------------


def test_a_report_has_the_days_of_its_zone_both_included(clockify, standin):
    """An entry belongs to the day on which it started on the wall clock of that zone."""
    standin.entries.clear()
    for number, start in enumerate(["2026-02-28T13:59:59Z", "2026-02-28T14:00:00Z",
                                    "2026-03-31T13:59:59Z", "2026-03-31T14:00:00Z"]):  # fmt: skip
        row = entry(number, start=start, end="2026-04-01T00:00:00Z")
        standin.entries[row["id"]] = row

    [rows] = clockify.report((FIRST, LAST), timezone=ZoneInfo("Australia/Brisbane"))

    assert [row["description"] for row in rows] == ["work 1", "work 2"]


def test_a_report_leaves_out_what_was_not_asked_for(clockify, standin):
    """Filters reach the service: people, projects, billable or not, approved."""
    other = entry(77, userId=DEE, projectId=f"{0x305:024x}", billable=True)
    standin.entries[other["id"]] = other

    assert [row["_id"] for row in report(clockify, filters={"users": [DEE]})] == [other["id"]]
    assert len(report(clockify, filters={"projects": [other["projectId"]]})) == 1
    assert len(report(clockify, billable=True)) == 7
    assert len(report(clockify, billable=False)) == 5
    assert len(report(clockify, approved_only=True)) == 4


def test_durations_come_as_worked(clockify, standin):
    """The workspace's own rounding is off: ours is applied afterwards, once."""
    standin.settings["timeRoundingInReports"] = True
    row = entry(88, end="2026-03-02T09:07:29Z")
    standin.entries[row["id"]] = row

    (found,) = (row for row in report(clockify) if row["description"] == "work 88")

    assert found["timeInterval"]["duration"] == 449


# --- what goes wrong in between ----------------------------------------------------------------


def test_rows_that_come_twice_are_given_once_by_lists(build, script):
    """Somebody adds a client while the list is read: rows move on, and come again."""
    pages = [[{"id": "1"}, {"id": "2"}], [{"id": "2"}, {"id": "3"}], []]
    script.answers = [json.dumps(rows) for rows in pages * 2]

    assert build(script.url).clients() == [{"id": "1"}, {"id": "2"}, {"id": "3"}]
    assert [asked.query["page"] for asked in script.asked] == ["1", "2", "3"] * 2


def test_a_list_that_moves_is_read_until_two_readings_agree(build, serve, standin):
    """A client goes after the first page: the one that moves onto it is read all the same."""

    def one_goes(answer):
        del standin.clients[answer[0]["id"]]
        return answer

    standin.faults.plan("/clients", "edit", edit=one_goes)
    clockify = build(serve(standin.app))
    assert {row["id"] for row in clockify.clients()} == set(standin.clients)

    standin.faults.plan(
        "/users",
        "edit",
        times=99,
        edit=lambda rows: [{**row, "id": standin.new_id()} for row in rows],
    )
    with pytest.raises(TryAgain, match="list of users changed each of the 4 times"):
        clockify.users()


@pytest.mark.parametrize("comes", [False, True])
def test_a_report_that_loses_a_row_between_two_pages_has_moved(clockify, standin, comes):
    """The one that moves up is on no page; the last page's count agrees with what was read.

    So it does when another entry comes at the end, even with as many entries as before.
    """

    def one_goes(answer):
        del standin.entries[answer["timeentries"][0]["_id"]]
        if comes:
            late = entry(99, "2026-03-09T09:00:00Z", "2026-03-09T09:30:00Z")
            standin.entries[late["id"]] = late
        return answer

    standin.faults.plan("/reports/detailed", "edit", edit=one_goes)
    with pytest.raises(Moved, match="changed while it was read"):
        report(clockify)
    assert len(report(clockify)) == len(standin.entries)


def test_a_row_that_comes_twice_counts_once_in_a_report(build, script):
    """A row that moved to the next page is given again, but does not stand for a missing one.

    A row without a usable id is no reason to read in vain: it is given, to be set aside.
    """

    def answer(rows, told):
        totals = [{"entriesCount": told}]
        return json.dumps({"totals": totals, "timeentries": [{"_id": id_} for id_ in rows]})

    script.answers = [answer("ab", 3), answer("bc", 3), answer("", 3)]
    assert [row["_id"] for row in report(build(script.url))] == ["a", "b", "b", "c"]

    script.answers = [answer(rows, 6) for rows in ("ab", ["b", "c", None, ["d"], "e"], "")]
    assert [row["_id"] for row in report(build(script.url))][-3:] == [None, ["d"], "e"]

    script.answers = [answer("ab", 4), answer("bc", 4), answer("", 4)]
    with pytest.raises(TryAgain, match="counts 4 entries but gave 3"):
        report(build(script.url))


@pytest.mark.parametrize("name", ["users", "clients", "projects", "running"])
def test_a_page_that_repeats_is_an_error(build, script, name):
    """A service that gives the same page for ever is told of, and not read for ever."""
    script.answers = ['[{"id": "1"}, {"id": "2"}]'] * 9 + ["[]"]

    with pytest.raises(TryAgain, match=r"page 2 of .* twice"):
        getattr(build(script.url), name)()

    assert len(script.asked) == 2


@pytest.mark.parametrize("rows", [[{"_id": "1"}], [{"other": 1}], [7]])
def test_a_page_of_the_report_that_repeats_is_an_error(build, script, rows):
    """The same for the report, also when its rows cannot be told apart."""
    script.answers = [json.dumps({"timeentries": rows})] * 9 + ['{"timeentries": []}']

    with pytest.raises(TryAgain, match="page 2 of report twice"):
        report(build(script.url))

    assert len(script.asked) == 2


def test_a_report_that_gives_less_than_it_counts_is_an_error(clockify, standin):
    """Entries that were lost between two pages would not be in the books, unseen."""

    def lose_one(answer):
        return {**answer, "timeentries": answer["timeentries"][1:]}

    standin.faults.plan("/reports/detailed", "edit", skip=1, edit=lose_one)
    # The edited answer loses its headers too: the page after the last is empty, and ends it.

    with pytest.raises(TryAgain, match="counts 11 entries but gave 10"):
        report(clockify)


@pytest.mark.parametrize("totals", [None, [], [None], "x", [{}], [{"entriesCount": "many"}], {}])
def test_a_report_without_a_count_is_read_all_the_same(build, script, totals):
    """An empty report has no totals, and a newer service may spell them in another way."""
    answer = json.dumps({"totals": totals, "timeentries": [{"_id": "1"}]})
    script.answers = [(200, answer, {"Last-Page": "true"})]

    assert report(build(script.url)) == [{"_id": "1"}]


@pytest.mark.parametrize(
    "answer",
    ["", "<html>", "[", "null", "{}", '"text"', '{"message": "x"}', "[1, 2]", '[["a"]]', "7"],
)
@pytest.mark.parametrize("name", ["users", "clients", "projects", "running", "workspaces"])
def test_a_garbled_list_is_no_list(build, script, name, answer):
    """What cannot be read is never taken for an empty directory."""
    script.answers = [answer]

    with pytest.raises(TryAgain, match="Nothing was changed"):
        getattr(build(script.url), name)()


@pytest.mark.parametrize(
    "answer", ["", "<html>", "[]", "null", "{}", '{"timeentries": null}', '{"timeentries": {}}']
)
def test_a_garbled_report_is_no_report(build, script, answer):
    """What cannot be read is never taken for a week without work."""
    script.answers = [answer]

    with pytest.raises(TryAgain, match="Nothing was changed"):
        report(build(script.url))


@pytest.mark.parametrize("answer", ["", "[]", "null", "7", "<html>"])
def test_a_garbled_object_is_no_object(build, script, answer):
    """Neither the key's user nor the workspace is guessed."""
    script.answers = [answer]

    for ask in (build(script.url).me, build(script.url).workspace):
        with pytest.raises(TryAgain):
            ask()


def test_the_report_is_read_again_after_trouble(clockify, standin):
    """Its POST changes nothing, so it may be repeated like any other read."""
    for kind in ("drop_before", "drop_after", "cut"):
        standin.faults.plan("POST .*/reports/detailed", kind, skip=1)
    standin.faults.plan("GET", "answer", status=502, body="<html>")

    assert len(report(clockify)) == 11
    assert clockify.me()["id"] == ADA


# --- who may -----------------------------------------------------------------------------------


def test_a_wrong_key_asks_the_person(build, serve, standin):
    """The person learns where to make a key, and which setting takes it; the key is not told."""
    client = build(serve(standin.app), api_key="key-of-nobody")

    for ask in (client.me, client.users, lambda: report(client)):
        with pytest.raises(AskPerson, match="set CLOCKBOOKS_CLOCKIFY_API_KEY") as raised:
            ask()
        assert "key-of-nobody" not in str(raised.value)


def test_an_unknown_workspace_is_refused(build, serve, standin):
    """Clockify does not say that it is unknown; we say which ones there are."""
    client = build(serve(standin.app), workspace_id="b" * 24)

    with pytest.raises(Refused) as raised:
        client.workspace()

    assert raised.value.status == 403
    text = str(unknown_workspace("b" * 24, client.workspaces()))
    assert "b" * 24 in text
    assert f"It sees: Studio ({WORKSPACE})." in text
    assert "Set CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID" in text
    assert "It sees: none." in str(unknown_workspace("x", []))


def test_an_address_that_the_service_does_not_have(build, serve, standin):
    """A route that is missing can be told from one that is forbidden."""
    client = build(f"{serve(standin.app)}/elsewhere")

    with pytest.raises(Refused) as raised:
        client.me()

    assert missing_route(raised.value)
    assert not missing_route(Refused("", status=403))


def test_recorded_refusals_are_told_in_clockifys_words(build, script, shared_samples):
    """Each recorded error gives its own text and code; an unknown key alone asks for another."""
    observed = json.loads(shared_samples("clockify/samples/json/errors_observed.json").read_text())
    for refusal in observed:
        script.answers = [(refusal["http"], json.dumps(refusal["body"]))]
        expected = AskPerson if refusal["http"] == 401 else Refused
        with pytest.raises(expected) as raised:
            build(script.url).me()
        if expected is Refused:
            assert refusal["body"]["message"][:200] in str(raised.value)
            assert raised.value.code == str(refusal["body"]["code"])


@pytest.mark.parametrize("body", ["", "<html>", "[]", "7", "[" * 100_000])
def test_a_refusal_without_words_is_told_too(build, script, body):
    """A proxy refuses in HTML, or in nothing at all."""
    script.answers = [(403, body)]

    with pytest.raises(Refused, match="403: without an explanation"):
        build(script.url).me()


# --- as captured -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sample", ["report_detailed_response_2023_au", "report_detailed_response_2023_br_no_rate"]
)
def test_captured_reports_are_read(build, script, shared_samples, sample):
    """What the real service was seen to send comes through row by row, unchanged."""
    answer = json.loads(shared_samples(f"clockify/samples/json/{sample}.json").read_text())
    captured = answer["timeentries"]
    answer["totals"][0]["entriesCount"] = len(captured)  # the captures are excerpts
    script.answers = [(200, json.dumps(answer), {"Last-Page": "true"})]

    rows = report(build(script.url))

    assert captured
    assert [row["_id"] for row in rows] == [row["_id"] for row in captured]
    assert [set(row) for row in rows] == [set(row) for row in captured]


@pytest.mark.parametrize(
    "sample", ["core_projects_list_unhydrated_2023", "core_projects_list_hydrated_2023"]
)
def test_captured_projects_are_read(build, script, shared_samples, sample):
    """The same for a list of the core host."""
    content = shared_samples(f"clockify/samples/json/{sample}.json").read_text()
    script.answers = [(200, content, {"Last-Page": "true"})]

    assert [row["id"] for row in build(script.url).projects()] == [
        row["id"] for row in json.loads(content)
    ]


def test_all_calls_keep_one_pace(script, build):
    """Each waits for the one before, whatever it asks: `connectors.clockify.pace` has the rule."""
    script.answers = ["[]", "{}", "{}"]
    clockify = build(script.url, requests_per_second=1)

    clockify.tags()
    clockify.me()
    clockify.workspace()

    first_s, second_s = clockify.slept  # nobody really waited, so the second has two ahead of it
    assert 0 < first_s <= 1 < second_s <= 2
