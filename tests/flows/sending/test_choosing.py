"""What takes part in a send, and on which day: filters, approval, rounding, time zones.

All by dry runs over a house that stays as it is; what a dry run says is ready is what would go.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

FORTNIGHT = ("--start", "2026-09-14", "--end", "2026-09-27")

MARCUS = "64d0000000000000000000a3"
PRIYA = "64d0000000000000000000a2"
PLANTING_PLAN = "64e1000000000000000000a4"
PERMITS = "64e1000000000000000000a5"
SITE_VISIT = "64f0000000000000000000a1"
LAGOON = "64b0000000000000000000aa"
HOTEL = "64c0000000000000000000a5"
UNIVERSITY_COURTYARD = "64b0000000000000000000a5"
HOTEL_COURTYARD = "64b0000000000000000000a6"


@pytest.fixture(scope="module", autouse=True)
def groups(shared_house: Any) -> Iterator[None]:
    """Let the workspace have a group of two, and one of nobody."""
    there = shared_house.clockify.user_groups
    there |= {
        one["id"]: one
        for one in (
            {"id": "64a1", "name": "Landscape", "userIds": [MARCUS, PRIYA]},
            {"id": "64a2", "name": "Interns", "userIds": []},
        )
    }
    yield
    there.clear()


@pytest.fixture(scope="module")
def plan(shared_house: Any) -> Callable[..., dict[str, Any]]:
    """Return a function to make a plan, by entry id."""

    def make(*options: str, **environment: str) -> dict[str, Any]:
        ran = shared_house.run("send", "--dry-run", "--json", *options, **environment)
        assert ran.code in {0, 3}, ran.err
        return {row["entry_id"]: row for row in ran.document["entries"]}

    return make


@pytest.fixture(scope="module")
def ready(shared_house: Any, becomes: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the fortnight's entries that would go without any filter, as Clockify holds them."""
    return {
        id_: entry
        for id_, entry in shared_house.clockify.entries.items()
        if becomes[id_] == "sent" and "2026-09-14" <= _day(entry, "America/Chicago") <= "2026-09-27"
    }


def _day(entry: dict[str, Any], zone: str) -> str:
    start = datetime.fromisoformat(entry["start"]).astimezone(ZoneInfo(zone))
    return start.date().isoformat()


def _seconds(entry: dict[str, Any]) -> int:
    start, end = (datetime.fromisoformat(entry[name]).astimezone(UTC) for name in ("start", "end"))
    return int((end - start).total_seconds())


FILTERS: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], bool]]] = {
    "user by name": (("--user", "Marcus O'Brien"), lambda row: row["userId"] == MARCUS),
    "users by id and name": (
        ("--user", PRIYA, "--user", "Marcus  O'Brien"),
        lambda row: row["userId"] in {PRIYA, MARCUS},
    ),
    "composed letters": (
        ("--user", "Tomasz W\u00f3jcik"),
        lambda row: row["userId"] == "64d0000000000000000000a5",
    ),
    "project by id": (("--project", LAGOON), lambda row: row["projectId"] == LAGOON),
    "project by name, of a client": (
        ("--client", "Hôtel Saint-Clair", "--project", "Courtyard"),
        lambda row: row["projectId"] == HOTEL_COURTYARD,
    ),
    "client by id": (
        ("--client", HOTEL),
        lambda row: row["projectId"] in {HOTEL_COURTYARD, "64b0000000000000000000a7"},
    ),
    "tasks by name and id": (
        ("--task", "Planting  plan", "--task", PERMITS),
        lambda row: row["taskId"] in {PLANTING_PLAN, PERMITS},
    ),
    "tag, by its name": (("--tag", "site visit"), lambda row: SITE_VISIT in (row["tagIds"] or [])),
    "group and a user of it": (
        ("--group", "Landscape", "--user", MARCUS),
        lambda row: row["userId"] == MARCUS,
    ),
    "group": (("--group", "Landscape"), lambda row: row["userId"] in {MARCUS, PRIYA}),
    "text of the description": (
        ("--description", "PLANTING"),
        lambda row: "planting" in row["description"].casefold(),
    ),
    "billable": (("--billable",), lambda row: row["billable"]),
    "others": (("--non-billable",), lambda row: not row["billable"]),
    "all at once": (
        ("--user", MARCUS, "--project", LAGOON, "--billable"),
        lambda row: row["userId"] == MARCUS and row["projectId"] == LAGOON and row["billable"],
    ),
}


#: A project of a client, names and ids, several filters at once, letters, words, and a flag.
TELLING = {
    "project by name, of a client", "tasks by name and id", "group and a user of it",
    "composed letters", "text of the description", "others",
}  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in TELLING else pytest.mark.slow) for name in FILTERS],
)
def test_a_filter_takes_what_it_names_and_nothing_else(plan, ready, name):
    """Names or ids, one or many: what is ready is what fits all of them."""
    options, fits = FILTERS[name]

    planned = plan(*FORTNIGHT, *options)

    going = {id_ for id_, row in planned.items() if row["state"] == "ready"}
    assert going == {id_ for id_, row in ready.items() if fits(row)}
    assert going
    others = {row["reason"] for id_, row in planned.items() if id_ in ready and id_ not in going}
    assert others <= {"filtered"}


def test_a_name_that_means_two_is_answered_with_both_ids(shared_house):
    """Courtyard is the university's, the hotel's or nobody's: the ids and clients tell."""
    ran = shared_house.run("send", *FORTNIGHT, "--dry-run", "--json", "--project", "Courtyard")

    assert ran.code == 1
    message = ran.document["error"]["message"]
    assert f"{UNIVERSITY_COURTYARD} (of Lakeshore University)" in message
    assert f"{HOTEL_COURTYARD} (of Hôtel Saint-Clair)" in message


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--task", "Planting plam"), "Clockify has no task 'Planting plam'"),
        (("--tag", "sitevisit"), "Did you mean 'site visit'?"),
        (("--group", "Interns"), "Nobody is in the group Interns"),
        (("--group", "Landscape", "--user", "Tomasz Wójcik"), "None of these users is in"),
    ],
)
def test_a_filter_that_fits_nothing_stops_the_run(shared_house, options, told):
    """An unknown name asks for the nearest; a group of nobody does not let everybody pass."""
    ran = shared_house.run("send", *FORTNIGHT, "--dry-run", "--json", *options)

    assert ran.code == 1
    assert told in ran.document["error"]["message"]


def test_only_approved_time_goes_when_that_is_asked(plan, shared_house, becomes):
    """Unapproved timesheets stay behind with their reason; approved ones go as before."""
    week = ("--start", "2026-10-19", "--end", "2026-10-31")
    planned = plan(*week, "--approved-only")

    unapproved = {row["reason"] for id_, row in planned.items()
                  if not shared_house.clockify.entries[id_]["approved"]}  # fmt: skip
    assert unapproved == {"not_approved"}
    going = {id_ for id_, row in planned.items() if row["state"] == "ready"}
    assert going == {
        id_
        for id_ in planned
        if becomes[id_] == "sent" and shared_house.clockify.entries[id_]["approved"]
    }
    assert len(plan(*week)) == len(planned)


ROUNDINGS: dict[str, Callable[[int], int]] = {
    "up:6": lambda seconds: -(-seconds // 360) * 6,
    "down:30": lambda seconds: seconds // 1800 * 30,
    "NEAREST:7": lambda seconds: (seconds + 210) // 420 * 7,
    "none": lambda seconds: (seconds + 30) // 60,
}


@pytest.mark.parametrize(
    "rounding",
    [
        "up:6",
        "NEAREST:7",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("down:30", "none")),
    ],
)
def test_the_commands_rounding_goes_before_the_workspaces(plan, shared_house, rounding):
    """Each entry's minutes are its seconds, rounded as requested."""
    planned = plan(*FORTNIGHT, "--rounding", rounding)

    assert planned
    assert {id_: row["minutes"] for id_, row in planned.items()} == {
        id_: ROUNDINGS[rounding](_seconds(shared_house.clockify.entries[id_])) for id_ in planned
    }


def test_the_workspaces_own_rounding_counts_when_nothing_is_asked(synced):
    """Switched off in the workspace, minutes are worked minutes; unknown words stop the run."""
    settings = synced.clockify.settings
    settings["timeRoundingInReports"] = False
    command = ("send", *FORTNIGHT, "--dry-run", "--json")
    for row in synced.run(*command).document["entries"]:
        entry = synced.clockify.entries[row["entry_id"]]
        assert row["minutes"] == (_seconds(entry) + 30) // 60

    settings |= {"timeRoundingInReports": True, "round": {"round": "sideways", "minutes": "15"}}
    refused = synced.run(*command)
    assert refused.code == 1
    assert "--rounding" in refused.document["error"]["message"]


@pytest.mark.parametrize(
    "zone",
    [
        "Asia/Tokyo",
        *(pytest.param(one, marks=pytest.mark.slow) for one in ("Pacific/Auckland", "UTC")),
    ],
)
def test_another_time_zone_moves_entries_to_other_days(plan, shared_house, zone):
    """The window and each entry's day are cut on that zone's calendar, both ends included."""
    planned = plan("--start", "2026-09-16", "--end", "2026-09-18", CLOCKBOOKS_TIMEZONE=zone)

    days = {id_: _day(entry, zone) for id_, entry in shared_house.clockify.entries.items()}
    assert {id_: row["date"] for id_, row in planned.items() if row["reason"] != "running"} == {
        id_: day for id_, day in days.items() if "2026-09-16" <= day <= "2026-09-18"
    }
    moved = [
        id_
        for id_ in planned
        if days[id_] != _day(shared_house.clockify.entries[id_], "America/Chicago")
    ]
    assert moved


def test_another_workspace_in_the_environment_stops_the_run(shared_house):
    """A connection sends its own workspace's time, whatever a stray setting says."""
    ran = shared_house.run(
        "send", *FORTNIGHT, "--yes", "--json", CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID="f" * 24
    )

    assert ran.code == 1
    message = ran.document["error"]["message"]
    assert "f" * 24 in message
    assert shared_house.clockify.workspace_id in message
    assert shared_house.quickbooks.activities == {}


def test_nothing_tracked_is_nothing_to_do(synced):
    """An empty window is no error: all counts are zero."""
    ran = synced.run("send", "--start", "2025-01-01", "--end", "2025-03-31", "--yes", "--json")

    assert ran.code == 0
    assert ran.document["counts"] == {
        "extracted": 0, "sent": 0, "in_doubt": 0, "skipped": {}, "rejected": {}
    }  # fmt: skip
    assert ran.document["minutes_sent"] == 0


@pytest.mark.parametrize(
    "zone", ["Pacific/Kiritimati", pytest.param("Pacific/Pago_Pago", marks=pytest.mark.slow)]
)
def test_each_workers_own_zone_may_decide_on_days(synced, zone):
    """Of those who chose one; the window is cut by it, too. For others the connection's decides."""
    users = synced.clockify.users
    users[MARCUS]["settings"] = {"timeZone": zone}
    users[PRIYA]["settings"] = None
    command = ("send", "--start", "2026-09-16", "--end", "2026-09-18", "--dry-run", "--json")
    planned = synced.run(*command, "--day-zone", "worker").document["entries"]

    own = {id_: (user["settings"] or {}).get("timeZone") for id_, user in users.items()}
    days = {
        id_: _day(entry, own[entry["userId"]] or "America/Chicago")
        for id_, entry in synced.clockify.entries.items()
    }
    assert {row["entry_id"]: row["date"] for row in planned if row["reason"] != "running"} == {
        id_: one for id_, one in days.items() if "2026-09-16" <= one <= "2026-09-18"
    }
    assert [id_ for id_ in days if days[id_] != _day(synced.clockify.entries[id_], "UTC")]


def test_nothing_from_before_the_first_day_of_a_connection_goes(synced):
    """Its own `not_before` beats the days of every send and the approval; the day itself goes."""
    wrong = synced.run("configure", "--set", "not_before=2026-09-31")
    assert wrong.code == 2
    assert synced.run("configure", "--set", "not_before=2026-09-21", "--json").code == 0

    entries = synced.run("send", *FORTNIGHT, "--yes", "--json").document["entries"]

    early = [row for row in entries if row["date"] < "2026-09-21" and row["reason"] != "running"]
    assert {(row["state"], row["reason"]) for row in early} == {("skipped", "too_early")}
    assert {"2026-09-21"} < {row["date"] for row in entries if row["state"] == "sent"}
    days = {activity["TxnDate"] for activity in synced.quickbooks.activities.values()}
    assert min(days) == "2026-09-21"
    shown = synced.run("configure", "--json").document["settings"]
    assert {"name": "not_before", "value": "2026-09-21", "source": "own"} in shown
