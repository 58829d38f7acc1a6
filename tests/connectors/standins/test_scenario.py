"""What the demo scenario promises: stable, well formed, human, and something for every reason."""

import json
import re
import unicodedata
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.clockify.rates import currency_of, rate_of
from connectors.standins.scenario import expected_reasons, load_scenario

SCENARIO_FILE = Path(__file__).parents[3] / "data" / "demo_scenario.yaml"
FIRST_DAY, LAST_DAY = date(2026, 7, 27), date(2026, 10, 31)
COMPANY_ZONE = ZoneInfo("America/Chicago")
STEP_S = 15 * 60  # the workspace rounds to the nearest quarter of an hour
LONGEST_S = (23 * 60 + 55) * 60

# How many entries a first send of the demo's days must leave in each state, approved time only.
EXPECTED_COUNTS = {
    "running": 1,
    "not_approved": 34,
    "break": 25,
    "too_long": 2,
    "rounds_to_zero": 2,
    "billable_without_project": 2,
    "unlinked_user": 9,
    "unlinked_project": 5,
    "ambiguous_name": 2,
    "books_closed": 3,
    "rate_currency": 2,
    "billable_without_rate": 2,
    "qbo_refused": 3,
    "sent": 1959,
}


@pytest.fixture(scope="module")
def scenario():
    return load_scenario(SCENARIO_FILE)


@pytest.fixture(scope="module")
def clockify(scenario):
    return scenario["clockify"]


@pytest.fixture(scope="module")
def books(scenario):
    return scenario["quickbooks"]


@pytest.fixture(scope="module")
def entries(clockify):
    return {entry["id"]: entry for entry in clockify["entries"]}


@pytest.fixture(scope="module")
def reasons():
    return expected_reasons(SCENARIO_FILE)


@pytest.fixture(scope="module")
def users(clockify):
    return {user["id"]: user for user in clockify["users"]}


def start(entry):
    return datetime.fromisoformat(entry["start"])


def end(entry):
    return datetime.fromisoformat(entry["end"])


def lasts_s(entry):
    return (end(entry) - start(entry)) // timedelta(seconds=1)


def day(entry):
    """The day it counts for: that of its start, on the company's clock."""
    return start(entry).astimezone(COMPANY_ZONE).date()


def own_zone(user):
    return ZoneInfo(user["settings"]["timeZone"]) if user["settings"] else COMPANY_ZONE


def same_name(name):
    return " ".join(unicodedata.normalize("NFC", name).split())


def is_special(entry):
    return entry["id"].startswith("64ee")


class Judge:
    """The rules of the books once more, straight from the scenario's rows and as short as can be.

    It shares nothing with the loader, so that the reasons written in the file are proved by the
    data and not by the file itself.
    """

    def __init__(self, scenario):
        clockify, books = scenario["clockify"], scenario["quickbooks"]
        self.books = books
        self.workers = {same_name(row["DisplayName"]) for row in books["employees"]}
        self.workers |= {same_name(row["DisplayName"]) for row in books["vendors"]}
        self.users = {user["id"]: user for user in clockify["users"]}
        self.projects = {project["id"]: project for project in clockify["projects"]}
        self.clients = {client["id"]: client["name"] for client in clockify["clients"]}

    def reason(self, entry):
        """The first reason, in the order of the table, that keeps *entry* from the books."""
        if entry["end"] is None:
            return "running"
        rounded_s = (lasts_s(entry) + STEP_S // 2) // STEP_S * STEP_S
        customers = self.customers(entry["projectId"])
        billable = entry["billable"]
        return next(
            reason
            for reason, applies in {
                "not_approved": not entry["approved"],
                "break": entry["type"] != "REGULAR",
                "too_long": max(lasts_s(entry), rounded_s) > LONGEST_S,
                "rounds_to_zero": rounded_s == 0,
                "billable_without_project": billable and entry["projectId"] is None,
                "unlinked_user": same_name(self.users[entry["userId"]]["name"]) not in self.workers,
                "unlinked_project": entry["projectId"] and not customers,
                "ambiguous_name": len(customers) > 1,
                "books_closed": f"{day(entry)}" <= self.closed_until(),
                "rate_currency": billable and entry["currency"] != "USD",
                "billable_without_rate": billable and entry["rate"] is None,
                "qbo_refused": self.books["demo"]["refused_customer_id"] in customers,
                "sent": True,
            }.items()
            if applies
        )

    def closed_until(self):
        return self.books["preferences"]["AccountingInfoPrefs"]["BookCloseDate"]

    def customers(self, project_id):
        """Ids of the customers that bear the project's name under its client's."""
        if project_id is None:
            return []
        project = self.projects[project_id]
        client = self.clients.get(project["clientId"])
        parents = {row["Id"]: row["DisplayName"] for row in self.books["customers"]}
        named = [
            (row["Id"], parents.get(row.get("ParentRef", {}).get("value")))
            for row in self.books["customers"]
            if row["DisplayName"] == project["name"] and row.get("Active", True)
        ]
        at_its_place = [customer for customer, parent in named if parent == client]
        return at_its_place or ([] if client else [customer for customer, _ in named])


def test_the_scenario_is_the_same_on_every_load(scenario):
    """Whoever runs the demo sees the same entries, and nobody else's changes to them."""
    again = load_scenario(SCENARIO_FILE)

    assert again == scenario
    again["clockify"]["entries"][0]["description"] = "changed"
    again["quickbooks"]["customers"].clear()
    assert load_scenario(SCENARIO_FILE) == scenario


def test_the_scenario_is_json(scenario):
    """What a stand-in is given can be served as it is: no dates, no keys of the file's own."""
    assert json.loads(json.dumps(scenario)) == scenario


def test_every_row_has_the_fields_that_the_stand_ins_read(clockify):
    """No field is missing, and none is extra."""
    fields = {
        "users": "id name email status settings membershipStatus roles hourlyRate",
        "clients": "id name archived currency",
        "projects": "id name clientId billable archived hourlyRate",
        "tasks": "id name projectId",
        "tags": "id name",
        "entries": "id userId projectId taskId tagIds description start end billable type rate"
        " currency approved submitted",
    }
    for kind, names in fields.items():
        for row in clockify[kind]:
            assert set(row) == set(names.split()), (kind, row)


def test_rates_and_currencies_are_those_that_clockify_would_give(clockify):
    """The finest rate wins, in the client's currency; a special entry may have another rate."""
    state = ClockifyStandin({"clockify": clockify})
    priced = [entry for entry in state.entries.values() if entry["billable"]]
    others = [entry for entry in priced if entry["rate"] != rate_of(state, entry)]
    assert len(others) < 10 < len(priced)
    for entry in priced:
        project = state.projects.get(entry["projectId"] or "", {})
        assert entry["currency"] == currency_of(state, project)


def test_a_timesheet_waits_for_approval_and_another_was_never_submitted(entries):
    """So that a pending request is met, and not taken for an approval."""
    open_ones = [entry for entry in entries.values() if not entry["approved"]]
    assert {entry["submitted"] for entry in open_ones} == {True, False}
    assert not any(entry["submitted"] for entry in entries.values() if entry["approved"])


def test_entries_say_things_as_clockify_does(entries):
    """Instants are in UTC to the second, descriptions within Clockify's 3000, money in cents."""
    instant = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    for entry in entries.values():
        assert instant.fullmatch(entry["start"])
        assert entry["end"] is None or instant.fullmatch(entry["end"])
        assert entry["end"] is None or lasts_s(entry) >= 0
        assert len(entry["description"]) <= 3000
        assert entry["type"] in {"REGULAR", "BREAK", "HOLIDAY", "TIME_OFF"}
        assert entry["rate"] is None or (type(entry["rate"]) is int and entry["billable"])


def test_every_id_is_unique_and_looks_like_clockifys(clockify):
    """24 hex characters, lower case, and no two things share one."""
    kinds = ("users", "clients", "projects", "tasks", "tags", "entries")
    ids = [clockify["workspace"]["id"], *(row["id"] for kind in kinds for row in clockify[kind])]

    assert all(re.fullmatch(r"[0-9a-f]{24}", id_) for id_ in ids)
    assert len(ids) == len(set(ids))


def test_everything_that_clockify_refers_to_is_there(clockify, users):
    """No entry points to a person, project, task or tag that the scenario does not have."""
    projects = {project["id"]: project for project in clockify["projects"]}
    task_project = {task["id"]: task["projectId"] for task in clockify["tasks"]}
    clients = {client["id"] for client in clockify["clients"]} | {""}
    tags = {tag["id"] for tag in clockify["tags"]}

    assert set(clockify["api_keys"].values()) <= set(users)
    assert {project["clientId"] for project in projects.values()} <= clients
    for entry in clockify["entries"]:
        assert entry["userId"] in users
        assert entry["projectId"] is None or entry["projectId"] in projects
        assert entry["taskId"] is None or task_project[entry["taskId"]] == entry["projectId"]
        assert set(entry["tagIds"]) <= tags


def test_the_books_are_in_order(books):
    """Ids are unique, parents come first, and no name is taken twice where QuickBooks forbids."""
    people = [*books["customers"], *books["employees"], *books["vendors"]]
    ids = [row["Id"] for row in people]
    assert len(ids) == len(set(ids))

    above = {}
    for customer in books["customers"]:
        parent = customer.get("ParentRef", {}).get("value")
        above[customer["Id"]] = above[parent] + 1 if parent else 0  # fails for a later parent
    assert max(above.values()) == 3  # four levels: the top and three below

    places = Counter(
        (row.get("ParentRef", {}).get("value"), same_name(row["DisplayName"]).casefold())
        for row in people
    )
    assert max(places.values()) == 1
    assert {"Id": "2", "Name": "Hours", "Type": "Service"} in books["items"]


def test_the_company_may_use_the_integration(clockify, books):
    """The demo fails on no plan, payroll or rounding setting before it has begun."""
    offering = {row["Name"]: row["Value"] for row in books["company"]["NameValue"]}
    assert offering["OfferingSku"] == "QuickBooks Online Plus"
    assert offering["SubscriptionStatus"] == "SUBSCRIBED"
    assert offering["PayrollFeature"] == "false"
    assert "QUICKBOOKS_INTEGRATION" in clockify["workspace"]["features"]
    settings = clockify["workspace"]["workspaceSettings"]
    assert settings["timeRoundingInReports"] is True
    assert settings["round"] == {"round": "Round to nearest", "minutes": "15"}


def test_one_key_may_send_and_one_may_not(clockify, users):
    """The demo can show both what an owner's key does and that a plain member's is refused."""
    roles = [users[user_id]["roles"] for user_id in clockify["api_keys"].values()]

    assert roles == [["OWNER"], []]


def test_about_two_thousand_entries_on_the_demos_days(entries):
    """Enough to look like a real company; none outside of what the demo sends."""
    assert 1_900 <= len(entries) <= 2_200
    assert all(FIRST_DAY <= day(entry) <= LAST_DAY for entry in entries.values())


def test_nobody_works_twice_at_once(entries, users):
    """Routine entries of one person never overlap, nor do they overlap with special ones."""
    by_user = defaultdict(list)
    for entry in entries.values():
        by_user[entry["userId"]].append(entry)
    for own in by_user.values():
        for earlier, later in pairwise(sorted(own, key=start)):
            if not (is_special(earlier) and is_special(later)):
                assert earlier["end"], (users[earlier["userId"]]["name"], earlier, later)
                assert end(earlier) <= start(later), (earlier, later)


def test_routine_work_keeps_human_hours(entries, users):
    """Between six in the morning and nine in the evening on the worker's clock, on weekdays."""
    for entry in entries.values():
        if not is_special(entry):
            zone = own_zone(users[entry["userId"]])
            begins, ends = start(entry).astimezone(zone), end(entry).astimezone(zone)
            assert begins.weekday() < 5
            assert begins.date() == ends.date()
            assert begins.hour >= 6
            assert ends.hour < 21


def test_durations_are_odd_enough_for_rounding_to_matter(entries):
    """Hardly any routine entry is a whole number of minutes."""
    worked = [e for e in entries.values() if not is_special(e) and e["type"] == "REGULAR"]

    whole = sum(lasts_s(entry) % 60 == 0 for entry in worked)

    assert whole < len(worked) / 20


def test_each_reason_is_proved_by_the_data(scenario, entries, reasons):
    """The rules, applied to the rows alone, find for every entry what the file says of it."""
    judge = Judge(scenario)

    found = {entry_id: judge.reason(entry) for entry_id, entry in entries.items()}

    assert found == reasons


def test_every_reason_has_its_entries(reasons):
    """Each word of the table that data can produce is there, and most entries go."""
    assert Counter(reasons.values()) == EXPECTED_COUNTS


def test_without_approval_only_the_open_timesheets_go_too(reasons):
    """Whoever sends unapproved time sends those, and nothing else changes."""
    all_time = expected_reasons(SCENARIO_FILE, approved_only=False)

    changed = {entry_id for entry_id, reason in all_time.items() if reasons[entry_id] != reason}

    assert changed == {key for key, reason in reasons.items() if reason == "not_approved"}
    assert {all_time[entry_id] for entry_id in changed} == {"sent"}


def test_near_misses_and_strangers_are_among_the_unlinked(clockify, books, entries, reasons):
    """One user and one project differ by case alone, others have no partner at all."""
    judge = Judge({"clockify": clockify, "quickbooks": books})
    folded = {name.casefold() for name in judge.workers}
    users = {judge.users[entries[i]["userId"]]["name"] for i in of(reasons, "unlinked_user")}
    assert {name for name in users if name.casefold() in folded} == {"Dana mcallister"}
    assert users == {"Dana mcallister", "Theo Park", "DeletedUser"}

    projects = [judge.projects[entries[i]["projectId"]] for i in of(reasons, "unlinked_project")]
    assert {(judge.clients.get(p["clientId"]), p["name"]) for p in projects} == {
        (None, "Willow creek Vineyard"),  # Willow Creek Vineyard
        (None, "Pocket Park Competition"),  # nobody
        ("Riverside Park District", "Parish Hall"),  # St. Brigid's
    }


def test_those_who_left_are_told_apart(users, entries, books):
    """An inactive member keeps name and employee; a deleted one is only "DeletedUser"."""
    sam = next(user for user in users.values() if user["membershipStatus"] == "INACTIVE")
    left = [user for user in users.values() if user["status"] == "DELETED"]
    working = {entry["userId"] for entry in entries.values()}
    employees = {row["DisplayName"] for row in books["employees"]}

    assert sam["status"] == "ACTIVE"
    assert sam["name"] in employees
    assert [user["name"] for user in left] == ["DeletedUser"]
    assert {sam["id"], left[0]["id"]} <= working


def test_contractors_are_vendors(users, entries, books):
    """Two people who track time are vendors, and no employee has their name."""
    vendors = {row["DisplayName"] for row in books["vendors"]}
    employees = {row["DisplayName"] for row in books["employees"]}
    working = {users[entry["userId"]]["name"] for entry in entries.values()}

    assert working & vendors == {"Lucía Ferreira", "Bjørn Aas"}
    assert not vendors & employees


def test_twins_differ_in_their_start_and_doubles_in_nothing(entries, reasons):
    """Two entries that QuickBooks could not tell apart are both to go."""

    def content(entry):
        return {key: value for key, value in entry.items() if key not in {"id", "start", "end"}}

    sent = [entries[i] for i in of(reasons, "sent") if is_special(entries[i])]
    calls = [entry for entry in sent if entry["description"] == "Call with the fire marshal"]
    webinars = [entry for entry in sent if entry["description"] == "LEED webinar"]

    for first, second in (calls, webinars):
        assert content(first) == content(second)
        assert (lasts_s(first), day(first)) == (lasts_s(second), day(second))
    assert calls[0]["start"] != calls[1]["start"]
    assert webinars[0]["start"] == webinars[1]["start"]


def test_some_entries_cross_midnight_and_a_change_of_clocks(entries, users):
    """July's and October's last midnight are crossed, and so is Oslo's change to winter time."""
    over_midnight, over_change = [], []
    for entry in entries.values():
        if entry["end"] and lasts_s(entry) < LONGEST_S:
            zone = own_zone(users[entry["userId"]])
            begins, ends = start(entry).astimezone(zone), end(entry).astimezone(zone)
            if begins.date() != ends.date():
                over_midnight.append(day(entry))
            if begins.utcoffset() != ends.utcoffset():
                over_change.append(users[entry["userId"]]["name"])

    assert {date(2026, 7, 31), date(2026, 9, 17), LAST_DAY} <= set(over_midnight)
    assert over_change == ["Bjørn Aas"]


@pytest.mark.parametrize(
    "part",
    ["🎉", "O'Brien's", '=HYPERLINK("http://x")', "Robert'); DROP TABLE Students;--", "\n\t", "é"],
)
def test_descriptions_ask_for_trouble(entries, part):
    """Emoji, quotes, formulas, SQL, line breaks and accents reach whoever reads the entries."""
    texts = [entry["description"] for entry in entries.values()]

    assert any(part in text for text in texts)


def test_descriptions_come_in_all_lengths(entries):
    """From none at all to nearly Clockify's limit."""
    lengths = {len(entry["description"]) for entry in entries.values()}

    assert {0, 2990} <= lengths


def of(reasons, reason):
    return [entry_id for entry_id, found in reasons.items() if found == reason]
