"""The change feed tells what was created, updated and deleted as the real service does it."""

from datetime import timedelta

import pytest
from clockify_studio import ADA, HOUR, NOW, ONE, SCENARIO, TWO, WEB, refusal

from connectors.standins.clockify.app import ClockifyStandin, Switches


class Clock:
    """A clock that a test sets."""

    now = NOW

    def __call__(self):
        return self.now

    def wait(self, **time):
        self.now += timedelta(**time)


@pytest.fixture
def clock():
    """Give the stand-in's clock."""
    return Clock()


@pytest.fixture
def clockify(clock, switches):
    """Give the workspace on a clock that can be set."""
    return ClockifyStandin(SCENARIO, now=clock, switches=switches)


def ids(api, what, **query):
    rows = api.list(f"/entities/{what}", **{"type": "TIME_ENTRY", **query})
    assert isinstance(rows, list)
    return [row["id"] for row in rows]


def test_an_edit_shows_as_updated_with_its_time(api, clock):
    """FACTS 3: what the report does not tell; the rows are whole, with `auditMetadata`."""
    clock.wait(hours=1)
    api.at("PUT", f"/time-entries/{ONE}", json=HOUR | {"description": "edited"})
    clock.wait(hours=1)

    (row,) = api.list("/entities/updated", type="TIME_ENTRY")
    assert (row["id"], row["description"], row["documentCode"]) == (ONE, "edited", "TIME_ENTRY")
    assert row["auditMetadata"]["updatedAt"] == "2026-08-10T01:00:00Z"
    assert ids(api, "created") == ids(api, "deleted") == []


def test_what_was_created_and_updated_is_created_alone(api, clock):
    """FACTS 3: unless it was created before the range."""
    made = api.at("POST", "/time-entries", json=HOUR).json()["id"]
    clock.wait(hours=1)
    api.at("PUT", f"/time-entries/{made}", json=HOUR | {"description": "edited"})

    assert (ids(api, "created"), ids(api, "updated")) == ([made], [])
    later = {"start": "2026-08-10T00:30:00Z"}
    assert (ids(api, "created", **later), ids(api, "updated", **later)) == ([], [made])


def test_what_was_created_and_deleted_is_nowhere(api, clock):
    """FACTS 3: unless it was created before the range."""
    made = api.at("POST", "/time-entries", json=HOUR).json()["id"]
    clock.wait(hours=1)
    api.at("DELETE", f"/time-entries/{made}")
    clock.wait(hours=1)

    assert [ids(api, what) for what in ("created", "updated", "deleted")] == [[], [], []]
    assert ids(api, "deleted", start="2026-08-10T00:30:00Z") == [made]


def test_a_deletion_takes_about_a_minute_to_show(api, clock, switches):
    """FACTS 3: in a bare array, with little of what was deleted."""
    api.at("DELETE", f"/time-entries/{ONE}")
    clock.wait(seconds=59)
    assert ids(api, "deleted") == []
    clock.wait(seconds=1)
    (row,) = api.list("/entities/deleted", type="TIME_ENTRY")

    assert (row["id"], row["deletedAt"]) == (ONE, "2026-08-10T00:00:00.000Z")
    assert (row["documentCode"], row["document"]["_id"]) == ("TIME_ENTRY", ONE)
    api.at("DELETE", f"/time-entries/{TWO}")
    switches.deleted_lag_s = 0
    assert ids(api, "deleted") == [ONE, TWO]


def test_a_change_of_the_state_itself_is_seen_too(api, clockify, clock):
    """What a test does to the stand-in's rows is in the feed; what it marks in them is not."""
    clockify.entries[ONE]["end"] = "2026-08-07T23:45:00Z"
    clockify.entries[TWO] |= {"approved": True, "invoiced": True}
    del clockify.entries[f"{0x104:024x}"]
    assert ids(api, "updated") == [ONE]
    clock.wait(minutes=1)
    assert ids(api, "deleted") == [f"{0x104:024x}"]


def test_a_new_rate_is_no_change_of_its_entry(api, clock):
    """FACTS 3: TIME_ENTRY_RATE is a type of its own, so the feed alone does not show all drift."""
    clock.wait(hours=1)
    rate = {"amount": 9900, "since": "2026-08-01T00:00:00Z"}
    api.at("PUT", f"/projects/{WEB}/users/{ADA}/hourly-rate", json=rate)
    assert api.list(f"/time-entries/{ONE}")["hourlyRate"]["amount"] == 9900
    assert ids(api, "updated") == []


@pytest.mark.parametrize(
    ("type_", "path", "body"),
    [
        ("CLIENTS", "/clients", {"name": "Newco"}),
        ("PROJECTS", "/projects", {"name": "Shop"}),
        ("TAGS", "/tags", {"name": "later"}),
        ("TASKS", f"/projects/{WEB}/tasks", {"name": "Build"}),
    ],
)
def test_other_things_are_in_the_feed(api, type_, path, body):
    """FACTS 3: each under its own type."""
    made = api.at("POST", path, json=body).json()["id"]
    assert ids(api, "created", type=type_) == [made]
    assert ids(api, "created", type=f"TIME_ENTRY,{type_}") == [made]


def test_the_range_is_30_days_where_an_edge_is_missing(api, clock):
    """FACTS 3: from the start, to the end, or to now."""
    api.at("PUT", f"/time-entries/{ONE}", json=HOUR)
    clock.wait(days=31)
    assert ids(api, "updated") == []
    assert ids(api, "updated", start="2026-08-09T00:00:00Z") == [ONE]
    assert ids(api, "updated", start="2026-07-01T00:00:00Z") == []
    assert ids(api, "updated", end="2026-08-12T00:00:00Z") == [ONE]


def test_pages_are_ignored_and_the_type_is_not(api):
    """FACTS 3 and 1.5: everything comes at once; the refusals' words were seen."""
    made = [api.at("POST", "/time-entries", json=HOUR).json()["id"] for _ in range(3)]
    assert ids(api, "created", page=2, limit=1) == made
    missing = refusal(api.at("GET", "/entities/created"))
    assert missing[:2] == (400, 3001)
    assert missing[2].startswith("Required request parameter 'type' for method parameter type List")
    unknown = refusal(api.at("GET", "/entities/deleted", params={"type": "WORK"}))
    assert unknown[:2] == (400, 501)
    assert "[type] must be from the following set: CLIENTS, PROJECTS" in unknown[2]
    rates = api.at("GET", "/entities/updated", params={"type": "TIME_ENTRY_RATE"})
    assert rates.status_code == 501


@pytest.mark.parametrize("switches", [Switches(feed_window_on_account_clock=True)])
def test_the_range_can_be_on_the_accounts_clock(api):
    """FACTS 1.6(2) was seen on another route: 02:00 in Belgrade is midnight in UTC."""
    made = api.at("POST", "/time-entries", json=HOUR).json()["id"]
    at = {"start": "2026-08-10T02:00:00Z", "end": "2026-08-10T02:00:00Z"}
    assert ids(api, "created", **at) == [made]


def test_the_feed_is_for_admins_and_can_be_missing(api, plain, switches):
    """FACTS 3: it is called experimental."""
    query = {"type": "TIME_ENTRY"}
    assert plain.at("GET", "/entities/updated", params=query).status_code == 403
    switches.serves_change_feed = False
    assert api.at("GET", "/entities/updated", params=query).status_code == 403


def test_a_scenario_may_make_its_entries_as_they_are_asked_for(api, serve, clock):
    """A million need not be there twice; then only what comes and goes is seen."""
    clockify_part = SCENARIO["clockify"]
    rows = (dict(entry) for entry in clockify_part["entries"])
    made = ClockifyStandin({"clockify": clockify_part | {"entries": rows}}, now=clock)
    serve(made.app)
    assert [ids(api, what) for what in ("created", "updated")] == [[], []]
    assert api.at("DELETE", f"/time-entries/{ONE}").status_code == 204
    clock.wait(minutes=1)
    assert ids(api, "deleted", start="2026-08-01T00:00:00Z") == [ONE]
    assert api.list(f"/user/{ADA}/time-entries") == []
