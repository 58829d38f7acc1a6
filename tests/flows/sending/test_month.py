"""`clockbooks month`: one answer to how much of a month's time is in QuickBooks."""

import csv
import shutil
from collections import Counter

import pytest

from connectors.standins.scenario import load_scenario

SEPTEMBER = ("--start", "2026-09-01", "--end", "2026-09-30")

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture(scope="module")
def half_sent(open_house, shared_house, demo_scenario, tmp_path_factory):
    """Yield a house of which the first half of September is sent: for commands that only look."""
    with open_house(load_scenario(demo_scenario), tmp_path_factory.mktemp("half_sent")) as house:
        _halve(house)
        for name in ("clockbooks.db", "clockbooks.key"):
            shutil.copy(shared_house.folder / name, house.folder)
        half = ("--start", "2026-09-01", "--end", "2026-09-15")
        ran = house.run_here("send", *half, "--yes", "--json")
        assert ran.document["counts"]["sent"] > 100
        yield house


@pytest.fixture
def own_half_sent(house, half_sent):
    """Return such a house to do with as one likes."""
    _halve(house)
    for name in ("clockbooks.db", "clockbooks.key"):
        shutil.copy(half_sent.folder / name, house.folder)
    house.quickbooks.activities |= half_sent.quickbooks.activities
    return house


def _halve(house):
    """Take every other entry away: half of them is enough."""
    for id_ in sorted(house.clockify.entries)[::2]:
        del house.clockify.entries[id_]


def _month(house, *options):
    ran = house.run("month", "2026-09", "--json", *options)
    assert ran.code == 0, ran.err
    return ran.document


def test_a_month_is_what_was_sent_what_is_open_and_what_stays_behind(half_sent):
    """Every entry that a dry run reads is counted once, in hours and money, under one reason."""
    entries = half_sent.run("send", *SEPTEMBER, "--dry-run", "--json").document["entries"]

    found = _month(half_sent)

    totals = found["totals"]
    shares = [totals[f"{outcome}_minutes"] for outcome in ("sent", "open", "not_sent")]
    assert sum(shares) == totals["minutes"] == sum(row["minutes"] or 0 for row in entries)
    assert shares[0] == sum(row["minutes"] for row in entries if row["reason"] == "already_sent")
    assert shares[1] == sum(row["minutes"] for row in entries if row["state"] == "ready")
    for of in ("people", "projects"):
        for name, total in totals.items():
            assert sum(row[name] for row in found[of]) == total
    by_user = Counter()
    for row in entries:
        by_user[row["user"] or "(no name)"] += row["minutes"] or 0
    assert {row["name"]: row["minutes"] for row in found["people"]} == by_user
    reasons = {row["reason"]: row["entries"] for row in found["reasons"]}
    wanted = Counter(row["reason"] or "never_read" for row in entries)
    assert reasons == wanted


def test_what_a_run_has_read_is_told_from_what_none_has(own_half_sent):
    """Time that a run could not send and the next one can is ready; days without a run are not."""
    entries = own_half_sent.clockify.entries
    later = sorted(id_ for id_, entry in entries.items() if entry["start"] > "2026-09-17")
    kept = set(later[::3])  # a third of the other half is enough
    for id_ in later:
        if id_ not in kept:
            del entries[id_]
    link = own_half_sent.run("unlink", "user", "64d0000000000000000000a1", "--json")
    assert link.code == 0
    reasons = {row["reason"] for row in _month(own_half_sent)["reasons"]}
    assert "never_read" in reasons
    assert "ready" not in reasons

    own_half_sent.run("send", *SEPTEMBER, "--yes", "--json")
    assert own_half_sent.run("sync", "--json").code == 0
    reasons = {row["reason"] for row in _month(own_half_sent)["reasons"]}
    assert "never_read" not in reasons


def test_time_that_was_edited_after_it_was_sent_is_told(own_half_sent):
    """What was sent is not what Clockify has now: the note names the command that says more."""
    assert "clockbooks reconcile" not in own_half_sent.run("month", "2026-09").out
    sent = own_half_sent.run("entries", "--state", "sent", "--json").document["entries"]
    del own_half_sent.clockify.entries[sent[0]["entry_id"]]

    found, shown = _month(own_half_sent), own_half_sent.run("month", "2026-09").out

    assert found["ledger_minutes"] - found["totals"]["sent_minutes"] == sent[0]["minutes"]
    assert "clockbooks reconcile --start 2026-09-01 --end 2026-09-30" in " ".join(shown.split())


def test_the_sums_can_be_kept_as_csv(half_sent):
    """People and projects in one file, with the sums of the document."""
    file = half_sent.folder / "september.csv"
    found = _month(half_sent, "--csv", str(file))

    with file.open(encoding="utf-8-sig", newline="") as rows:
        kept = list(csv.DictReader(rows))

    for of, rows in (("person", "people"), ("project", "projects")):
        assert [(row["name"], int(row["sent_minutes"])) for row in kept if row["of"] == of] == [
            (row["name"], row["sent_minutes"]) for row in found[rows]
        ]


def test_nothing_changes_and_a_month_that_is_none_is_explained(half_sent, rows_of):
    """It is a look, not a run; `2026-13` gets a sentence."""
    before = [len(rows_of(half_sent, name)) for name in ("runs", "ledger", "verdicts", "history")]

    _month(half_sent)
    ran = half_sent.run("month", "2026-13")

    assert (ran.code, "Write the month as YYYY-MM" in ran.err) == (1, True)
    after = [len(rows_of(half_sent, name)) for name in ("runs", "ledger", "verdicts", "history")]
    assert after == before
