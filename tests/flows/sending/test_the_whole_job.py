"""The main job: what goes, what does not, and what the books hold.

The first test sends with the installed command; the others run the same command in this process.
"""

import unicodedata
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.standins.quickbooks.faults import THROTTLED_ANSWER, UNAUTHENTICATED_ANSWER
from connectors.standins.scenario import expected_reasons

DEMO_SCENARIO = Path(__file__).parents[3] / "data" / "demo_scenario.yaml"

QUARTER = ("--start", "2026-07-27", "--end", "2026-10-31")
WEEK = ("--start", "2026-09-14", "--end", "2026-09-18")


@pytest.fixture
def connected(synced, in_this_process):  # noqa: ARG001 - lets the commands run here
    """Return the demo's scenario, connected and synced."""
    return synced


@pytest.fixture
def refusing(connected):
    """Return the demo's quarter, with one customer deactivated after the names were compared."""
    deactivate_one(connected)
    return connected


def deactivate_one(house: Any) -> None:
    """Deactivate the customer whom the demo's scenario names for it."""
    id_ = house.scenario["quickbooks"]["demo"]["refused_customer_id"]
    house.quickbooks.customers[id_]["Active"] = False


def booked_by_hand(house: Any, entry: dict[str, Any]) -> tuple[Any, ...]:
    """Return what the books must hold for an entry, computed here again by the rules alone."""
    start = datetime.fromisoformat(entry["start"])
    end = datetime.fromisoformat(entry["end"])
    seconds = int((end.astimezone(UTC) - start.astimezone(UTC)).total_seconds())
    minutes = (seconds + 450) // 900 * 15  # nearest quarter of an hour, a half goes up
    user = house.clockify.users[entry["userId"]]["name"]
    people = [*house.quickbooks.employees.values(), *house.quickbooks.vendors.values()]
    project = house.clockify.projects.get(entry["projectId"])
    return (
        same(user) in {same(person["DisplayName"]) for person in people} and same(user),
        same(project["name"]) if project else None,
        start.astimezone(ZoneInfo("America/Chicago")).date().isoformat(),
        minutes,
        entry["billable"],
        Decimal(entry["rate"]) / 100 if entry["billable"] else Decimal(0),
        entry["description"],
    )


def same(name: str) -> str:
    """Compare names by their letters: composed or not, one space or two."""
    return " ".join(unicodedata.normalize("NFC", name).split())


def booked(house: Any, activity: dict[str, Any]) -> tuple[Any, ...]:
    """Read a TimeActivity out of the stand-in's books in the same form."""
    kind = activity["NameOf"]
    people = house.quickbooks.employees if kind == "Employee" else house.quickbooks.vendors
    customer = activity.get("CustomerRef")
    billable = activity["BillableStatus"] == "Billable"
    return (
        same(people[activity[f"{kind}Ref"]["value"]]["DisplayName"]),
        same(house.quickbooks.customers[customer["value"]]["DisplayName"]) if customer else None,
        activity["TxnDate"],
        activity["Hours"] * 60 + activity["Minutes"],
        billable,
        Decimal(activity["HourlyRate"]) if billable else Decimal(0),
        activity.get("Description", ""),
    )


def test_the_books_hold_exactly_what_should_go_and_the_rest_is_explained(synced):
    """Field by field: each entry of a quarter is in the books once, or has its one reason."""
    house = synced
    deactivate_one(house)
    sent = house.run("send", *QUARTER, "--approved-only", "--yes", "--json")

    assert sent.code == 3, sent.err
    document = sent.document
    by_id = {entry["entry_id"]: entry for entry in document["entries"]}
    expected = expected_reasons(DEMO_SCENARIO, approved_only=True)
    assert {id_: entry["reason"] or "sent" for id_, entry in by_id.items()} == {
        id_: reason or "sent" for id_, reason in expected.items()
    }
    counts = document["counts"]
    assert (
        counts["extracted"]
        == len(by_id)
        == counts["sent"]
        + counts["in_doubt"]
        + sum(counts["skipped"].values())
        + sum(counts["rejected"].values())
    )
    gone = {id_: entry for id_, entry in by_id.items() if entry["state"] == "sent"}
    assert document["minutes_sent"] == sum(entry["minutes"] for entry in gone.values())

    activities = house.quickbooks.activities
    assert {entry["time_activity_id"] for entry in gone.values()} == set(activities)
    for entry_id, entry in gone.items():
        source = house.clockify.entries[entry_id]
        activity = activities[entry["time_activity_id"]]
        assert booked(house, activity) == booked_by_hand(house, source)
        assert (entry["date"], entry["minutes"]) == (
            activity["TxnDate"],
            activity["Hours"] * 60 + activity["Minutes"],
        )
    for entry in by_id.values():
        assert bool(entry["detail"]) == bool(entry["reason"])


def test_a_second_send_sends_nothing(connected):
    """What the ledger holds is never sent again, and is reported as sent."""
    first = connected.run("send", *WEEK, "--yes", "--json").document
    books = dict(connected.quickbooks.activities)
    second = connected.run("send", *WEEK, "--yes", "--json").document

    assert first["counts"]["sent"] > 100
    assert second["counts"]["sent"] == 0
    assert second["counts"]["skipped"]["already_sent"] == first["counts"]["sent"]
    assert connected.quickbooks.activities == books


def test_a_dry_run_changes_nothing(connected):
    """A dry run shows the plan, and leaves no trace in the books or in the ledger."""
    plan = connected.run("send", *WEEK, "--dry-run", "--json")

    assert plan.document["dry_run"]
    assert plan.document["run_id"] is None
    states = Counter(entry["state"] for entry in plan.document["entries"])
    assert states["ready"] > 100
    assert states["sent"] == 0
    assert connected.quickbooks.activities == {}
    assert connected.run("entries", "--json").document == {"entries": []}


@pytest.mark.slow
def test_filters_take_only_what_they_name(connected):
    """A partial send carries one project of one person, and nothing else."""
    options = ("--user", "Marcus O'Brien", "--project", "North Lagoon Restoration", "--billable")
    sent = connected.run("send", *WEEK, *options, "--yes", "--json").document

    assert sent["counts"]["sent"] > 0
    assert {entry["user"] for entry in sent["entries"]} == {"Marcus O'Brien"}
    assert {entry["project"] for entry in sent["entries"]} == {"North Lagoon Restoration"}
    assert len(connected.quickbooks.activities) == sent["counts"]["sent"]


@pytest.mark.slow
def test_rounding_of_the_command_beats_the_workspaces(connected):
    """--rounding none sends the worked minutes, not the workspace's quarters."""
    sent = connected.run("send", *WEEK, "--rounding", "none", "--yes", "--json").document
    minutes = [entry["minutes"] % 15 for entry in sent["entries"] if entry["state"] == "sent"]

    assert any(minutes)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--start", "2026-09-30", "--end", "2026-09-01", "--yes"), 2, "is before"),
        (("--start", "30.09.2026", "--end", "2026-09-01", "--yes"), 2, "30.09.2026"),
        ((*WEEK, "--yes", "--rounding", "nearest:0"), 2, "not a valid rounding"),
        (WEEK, 2, "--yes"),
        ((*WEEK, "--yes", "--user", "Nobody"), 1, "no user 'Nobody'"),
        ((*WEEK, "--yes", "--project", "Nothing"), 1, "no project 'Nothing'"),
        ((*WEEK, "--yes", "--client", "Nobody"), 1, "no client 'Nobody'"),
        ((*WEEK, "--yes", "--project", "Courtyard"), 1, "the id of the right one"),
        ((*WEEK, "--yes", "--connection", "other"), 1, "No connection is called 'other'"),
    ],
)
def test_bad_input_gets_a_clear_error_and_changes_nothing(connected, options, code, words):
    """Whatever is wrong, a sentence says so, without a traceback, and nothing was sent."""
    ran = connected.run("send", *options)

    assert ran.code == code
    assert words in " ".join(ran.err.replace("│", " ").split())
    assert "Traceback" not in ran.err
    assert connected.quickbooks.activities == {}


def test_an_error_is_one_json_document_too(connected):
    """Scripts that asked for JSON get it, whatever happens."""
    ran = connected.run("send", *WEEK, "--yes", "--json", "--user", "Nobody")

    assert ran.code == 1
    assert "no user 'Nobody'" in ran.document["error"]["message"]


FAULTS = {
    "lost after the work": {"kind": "drop_after"},
    "lost before the work": {"kind": "drop_before"},
    "cut": {"kind": "cut"},
    "empty": {"kind": "answer_after", "status": 200, "body": '{"BatchItemResponse":[]}'},
    "a page": {"kind": "answer_after", "status": 502, "body": "<html>"},
}


@pytest.mark.parametrize(
    "fault", ["cut", *(pytest.param(one, marks=pytest.mark.slow) for one in FAULTS if one != "cut")]
)
def test_what_is_not_answered_is_in_doubt_and_settled_by_the_next_send(connected, fault):
    """Nothing is assumed of a batch without an answer; the next run asks the books.

    What it has to hand over again counts as sent by that run.
    """
    connected.quickbooks.faults.plan("POST .*/batch", skip=2, **FAULTS[fault])
    settings = {"CLOCKBOOKS_QBO_AT_WORK_S": "0.01"}

    first = connected.run("send", *WEEK, "--yes", "--json", **settings)
    second = connected.run("send", *WEEK, "--yes", "--json", **settings)

    assert first.code == 3
    doubted = first.document["counts"]["in_doubt"]  # a batch, of the size that the pace allows
    assert doubted > 0
    assert second.document["counts"]["in_doubt"] == 0
    sent = first.document["counts"]["sent"] + doubted
    counts = second.document["counts"]
    assert counts["sent"] == (doubted if fault == "lost before the work" else 0)
    assert counts["skipped"]["already_sent"] + counts["sent"] == sent
    assert len(connected.quickbooks.activities) == sent


@pytest.mark.slow
def test_settle_alone_sends_nothing_new(connected):
    """`clockbooks settle` asks about doubts and leaves the rest alone."""
    connected.quickbooks.faults.plan("POST .*/batch", "drop_after", skip=2)
    sent = connected.run("send", *WEEK, "--yes", "--json").document
    before = len(connected.quickbooks.activities)

    settled = connected.run("settle", "--json")

    assert settled.code == 0
    assert len(settled.document["sent"]) == sent["counts"]["in_doubt"] > 0
    assert len(connected.quickbooks.activities) == before


def test_throttles_and_expired_tokens_pass_unseen(connected):
    """A 429 and a 401 in the middle of a send cost time, not entries."""
    plan = connected.quickbooks.faults.plan
    plan("POST .*/batch", "answer", **THROTTLED_ANSWER, headers={"Retry-After": "0"}, times=2)
    plan("POST .*/batch", "answer", **UNAUTHENTICATED_ANSWER, skip=2)

    sent = connected.run("send", *WEEK, "--yes", "--json").document

    assert sent["counts"]["in_doubt"] == 0
    assert "qbo_refused" not in sent["counts"]["rejected"]
    assert len(connected.quickbooks.activities) == sent["counts"]["sent"]


def test_a_refused_entry_is_tried_again_when_its_cause_may_be_gone(refusing, becomes):
    """A refused entry is not tried again, unless its customer changed or a person asks for it."""
    october = ("--start", "2026-10-01", "--end", "2026-10-31")
    entries = refusing.clockify.entries
    others = [id_ for id_ in sorted(entries) if becomes[id_] != "qbo_refused"]
    for id_ in set(others) - set(others[::10]):  # a tenth of them is enough
        del entries[id_]

    def batches() -> int:
        return sum("batch" in path for _, path, _ in refusing.quickbooks.requests)

    first = refusing.run("send", *october, "--yes", "--json").document
    asked = batches()
    again = refusing.run("send", *october, "--yes", "--json").document
    assert first["counts"]["rejected"]["qbo_refused"] == 3
    assert again["counts"]["rejected"]["qbo_refused"] == 3
    assert batches() == asked, "nobody asked the same question again"
    assert refusing.run("send", *october, "--yes", "--retry-refused").code == 3
    assert batches() == asked + 1

    customer = refusing.quickbooks.customers[
        refusing.scenario["quickbooks"]["demo"]["refused_customer_id"]
    ]
    customer["Active"] = True
    customer["MetaData"]["LastUpdatedTime"] = "2099-01-01T00:00:00-08:00"
    mended = refusing.run("send", *october, "--yes", "--json").document
    assert mended["counts"]["sent"] == 3
    assert "qbo_refused" not in mended["counts"]["rejected"]


@pytest.mark.slow
def test_entries_shows_sent_and_unsent_without_either_service(refusing):
    """The detailed report lives in the database: every state, side by side, also as CSV."""
    refusing.run("send", *QUARTER, "--approved-only", "--yes")
    away = {
        "CLOCKBOOKS_CLOCKIFY_URL": "http://127.0.0.1:9",
        "CLOCKBOOKS_QBO_URL": "http://127.0.0.1:9",
    }

    def count(*options: str) -> int:
        return len(refusing.run("entries", "--json", *options, **away).document["entries"])

    every = count()
    assert every == 2051
    assert count("--state", "sent") == len(refusing.quickbooks.activities)
    assert count("--state", "sent") + count("--state", "unsent") == every
    assert count("--state", "rejected") == 32
    assert count("--state", "in-doubt") == 0
    assert count("--user", "Theo Park") == 3
    assert 0 < count("--start", "2026-09-01", "--end", "2026-09-02") < 100

    ran = refusing.run("entries", "--csv", "out.csv", **away)
    assert ran.code == 0
    table = (refusing.folder / "out.csv").read_text("utf-8-sig")
    assert "\"'=HYPERLINK" in table
    assert "\x1b" not in ran.out
