"""The detailed report: what the runs said of each entry, without asking either service again."""

import csv
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from flows.sending.entry_list import SENT_BY

pytestmark = pytest.mark.usefixtures("in_this_process")

#: Nobody listens there.
AWAY = {
    "CLOCKBOOKS_CLOCKIFY_URL": "http://127.0.0.1:9",
    "CLOCKBOOKS_CLOCKIFY_REPORTS_URL": "http://127.0.0.1:9",
    "CLOCKBOOKS_QBO_URL": "http://127.0.0.1:9",
    "CLOCKBOOKS_QBO_TOKEN_URL": "http://127.0.0.1:9",
}

FORTNIGHT = ("--start", "2026-10-05", "--end", "2026-10-18")


@pytest.fixture(scope="module")
def sent(shared_house: Any, open_house: Callable[..., Any], tmp_path_factory: Any) -> Any:
    """Yield a fortnight that was sent, with three entries that QuickBooks left in doubt."""
    folder = tmp_path_factory.mktemp("sent")
    for name in ("clockbooks.db", "clockbooks.key"):
        (folder / name).write_bytes((shared_house.folder / name).read_bytes())
        (folder / name).chmod(0o600)
    with open_house(shared_house.scenario, folder) as house:
        house.quickbooks.faults.plan(
            "POST .*/batch", "edit", edit=lambda answer: _without_last(answer, 3)
        )
        sent = house.run_here("send", *FORTNIGHT, "--yes", "--json")
        assert sent.code == 3, sent.err
        yield house, {row["entry_id"]: row for row in sent.document["entries"]}


def _without_last(answer: dict[str, Any], number: int) -> dict[str, Any]:
    return {**answer, "BatchItemResponse": answer["BatchItemResponse"][:-number]}


def _listed(house: Any, *options: str, **environment: str) -> dict[str, Any]:
    ran = house.run("entries", "--json", *options, **environment or AWAY)
    assert (ran.code, ran.err) == (0, "")
    assert list(ran.document) == ["entries"]
    found = {row["entry_id"]: row for row in ran.document["entries"]}
    assert len(found) == len(ran.document["entries"])
    for row in found.values():  # how it went: the run's own document need not say that of each
        went = [row.pop(name) for name in SENT_BY]
        assert (went[:2] == [None, None]) is (row["state"] != "sent")
        assert went[2] is None  # nobody reviewed a plan
    return found


def test_an_entry_can_be_found_again(sent):
    """By when it began on the connection's clock, and what it comes to in the company's money."""
    house, told = sent
    some = [row for row in told.values() if row["state"] == "sent" and row["billable"]]

    assert some
    for row in some:
        entry = house.clockify.entries[row["entry_id"]]
        start = datetime.fromisoformat(row["start"])
        assert start == datetime.fromisoformat(entry["start"])
        assert row["start"][:10] == row["date"]
        assert row["amount_cents"] == (row["minutes"] * entry["rate"] + 30) // 60
    assert {row["amount_cents"] for row in told.values() if not row["billable"]} == {None}


def test_live_asks_for_what_is_unsent_now(sent):
    """Also on days that no run has read; nothing is sent or kept, and what is sent is left out."""
    house, told = sent
    days = ("--start", "2026-10-15", "--end", "2026-10-20")
    before = _listed(house)

    found = _listed(house, "--live", *days, COLUMNS="80")

    known = {id_: row for id_, row in told.items() if id_ in found}
    assert {row["state"] for row in known.values()} <= {"skipped", "rejected", "in_doubt"}
    assert set(known) == {
        id_ for id_, row in told.items() if row["state"] != "sent" and row["date"] >= "2026-10-15"
    }
    unread = [row for id_, row in found.items() if id_ not in told and row["reason"] != "running"]
    assert {row["date"] for row in unread} <= {"2026-10-19", "2026-10-20"}
    assert "ready" in {row["state"] for row in unread}
    assert _listed(house) == before
    for wrong in (("--live",), ("--live", *days, "--state", "sent")):
        assert house.run("entries", *wrong).code == 2


def test_all_says_what_the_send_said_while_both_services_are_down(sent):
    """Every member of every entry is as the run told it, from the database alone."""
    house, told = sent

    assert _listed(house) == told
    assert _listed(house, "--state", "all") == told


@pytest.mark.parametrize(
    ("state", "states"),
    [
        ("sent", {"sent"}),
        ("unsent", {"skipped", "rejected", "in_doubt"}),
        ("rejected", {"rejected"}),
        ("in-doubt", {"in_doubt"}),
    ],
)
def test_a_state_shows_its_entries_and_no_others(sent, state, states):
    """Sent ones have their TimeActivity, the others a reason and what to do."""
    house, told = sent

    found = _listed(house, "--state", state)

    assert found == {id_: row for id_, row in told.items() if row["state"] in states}
    assert found
    for row in found.values():
        assert (row["time_activity_id"] is not None) == (state == "sent")
        assert (row["reason"] is None) == (row["detail"] is None) == (state == "sent")
    assert state != "in-doubt" or len(found) == 3


def _of_the_lab(row: dict[str, Any]) -> bool:
    return row["client"] == "Lab Building" and bool(row["billable"])


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        (("--start", "2026-10-10"), lambda row: row["date"] >= "2026-10-10"),
        (("--end", "2026-10-10"), lambda row: row["date"] <= "2026-10-10"),
        (
            ("--start", "2026-10-10", "--end", "2026-10-10"),
            lambda row: row["date"] == "2026-10-10",
        ),
        (("--user", "Zoë  Lindqvist"), lambda row: row["user"] == "Zoë Lindqvist"),
        (
            ("--user", "Kofi Mensah", "--user", "Inés Núñez", "--project", "Phase 2"),
            lambda row: (
                row["user"] in {"Kofi Mensah", "Inés Núñez"} and row["project"] == "Phase 2"
            ),
        ),
        (("--project", "No such project"), lambda _: False),
        (("--client", "Lab Building", "--billable"), _of_the_lab),
        (("--non-billable",), lambda row: not row["billable"]),
    ],
)
def test_days_people_and_projects_narrow_it(sent, options, fits):
    """Days are inclusive; several names widen, different options narrow."""
    house, told = sent

    assert _listed(house, *options) == {id_: row for id_, row in told.items() if fits(row)}


def test_the_csv_has_every_row_and_no_formula(sent):
    """A spreadsheet reads its accents and line breaks, and runs nothing that somebody typed."""
    house, told = sent

    ran = house.run("entries", "--csv", "all.csv", **AWAY)

    assert ran.code == 0
    assert f"Wrote {len(told)} entries to all.csv." in ran.out
    raw = (house.folder / "all.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    with (house.folder / "all.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(told)
    for row in rows:
        assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@", "\t"))]
        original = told[row["entry_id"]]
        # Apostrophes keep it from running, also after another locale's delimiter.
        assert row["description"].replace("'", "") == original["description"].replace("'", "")
        assert row["minutes"] == str(original["minutes"])
        assert row["state"] == original["state"]
    assert '\'=HYPERLINK("http://x")' in {row["description"] for row in rows}


def test_a_csv_that_cannot_be_written_is_told(sent):
    """A folder that is not there: exit code 1, with the file's name."""
    house, _ = sent
    ran = house.run("entries", "--csv", "no/such/folder.csv", **AWAY)

    assert ran.code == 1
    assert "no/such/folder.csv" in ran.err
    assert "Traceback" not in ran.err


def test_a_table_for_people_tells_how_many_more_there_are(sent):
    """A screen shows the first rows, and says how to see the others."""
    house, told = sent
    ran = house.run("entries", **AWAY)

    assert ran.code == 0
    assert f"{len(told):,} entries, " in ran.out
    assert f"… and {len(told) - 40:,} more" in ran.out
    assert "2026-10-05" in ran.out


def test_what_a_later_run_settled_is_shown_settled(week, send_day):
    """The ledger decides: once the doubt is settled, no entry is in doubt."""
    week.quickbooks.faults.plan("POST .*/batch", "drop_after", skip=1)
    assert send_day(week).document["counts"]["in_doubt"] == 3
    assert len(_listed(week, "--state", "in-doubt")) == 3

    assert week.run("settle").code == 0

    assert _listed(week, "--state", "in-doubt") == {}
    found = _listed(week, "--state", "sent")
    assert {row["time_activity_id"] for row in found.values()} == set(week.quickbooks.activities)
    assert all(row["reason"] is None and row["detail"] is None for row in found.values())
