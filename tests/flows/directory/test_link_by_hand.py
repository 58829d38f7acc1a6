"""`clockbooks link`, `unlink`, `links`, and a send of people whom the last sync has not seen."""

import csv

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

DANA = "64d0000000000000000000ad"  # Dana mcallister; QuickBooks has Dana McAllister, 61
ZOE = "64d0000000000000000000a1"
COURTYARD = "Courtyard"  # a project without a client; two customers are called so

#: Days on which Dana has entries that nothing else is wrong with.
DANAS_DAYS = ("--start", "2026-10-26", "--end", "2026-10-27", "--user", DANA)

FORTNIGHT = ("--start", "2026-09-14", "--end", "2026-09-27")


def stored(house, clockify_id):
    """Return a stored link, by Clockify's id."""
    links = house.run("links", "--json").document["links"]
    return next((link for link in links if link["clockify_id"] == clockify_id), None)


def test_a_link_by_hand_beats_names_and_survives_every_sync(synced):
    """The entries that were rejected for lack of it go with the next send."""
    before = synced.run("send", *DANAS_DAYS, "--dry-run", "--json").document
    assert "unlinked_user" in before["counts"]["rejected"]
    assert f"`clockbooks link user {DANA} QBO_ID`" in before["entries"][0]["detail"]

    ran = synced.run("link", "user", DANA, "61", "--json")

    assert (ran.code, ran.document["origin"]) == (0, "manual")
    assert synced.run("sync").code == 0
    assert stored(synced, DANA)["qbo_id"] == "61"
    after = synced.run("send", *DANAS_DAYS, "--dry-run", "--json").document
    assert "unlinked_user" not in after["counts"]["rejected"]

    synced.run("link", "user", ZOE, "61")  # also over a link by name
    assert synced.run("sync").code == 0
    assert (stored(synced, ZOE)["qbo_id"], stored(synced, ZOE)["origin"]) == ("61", "manual")


def test_an_ambiguous_project_is_decided_by_hand(synced):
    """The report has the candidates and their ids; a person chooses."""
    found = synced.run("sync", "--json").document["ambiguous"]
    [project] = {item["clockify_id"] for item in found}
    assert {item["qbo_id"] for item in found} == {"6", "11"}

    ran = synced.run("link", "project", project, "11")

    assert ran.code == 0
    assert "customer 'Hôtel Saint-Clair:Courtyard' (id 11)" in ran.out
    assert synced.run("sync", "--json").document["ambiguous"] == []
    assert stored(synced, project)["qbo_name"] == "Hôtel Saint-Clair:Courtyard"


def test_what_is_unlinked_stays_so_until_somebody_says_otherwise(synced):
    """The next sync does not link them by their equal names again: a person has decided."""
    assert synced.run("unlink", "user", ZOE).code == 0

    found = synced.run("sync", "--json").document
    assert [item["clockify_id"] for item in found["unlinked"]] == [ZOE]
    assert stored(synced, ZOE) is None
    sent = synced.run("send", "--start", "2026-09-22", "--end", "2026-09-22", "--user", ZOE,
                      "--dry-run", "--json").document  # fmt: skip
    assert set(sent["counts"]["rejected"]) == {"unlinked_user"}
    assert "was unlinked by hand" in sent["entries"][0]["detail"]

    assert synced.run("unlink", "user", ZOE, "--rematch").code == 0
    assert synced.run("sync").code == 0
    assert (stored(synced, ZOE)["qbo_id"], stored(synced, ZOE)["origin"]) == ("51", "name")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("link", "user", "nobody", "61"), "Clockify has no user with the id or name 'nobody'"),
        (("link", "user", "Dana mcalister", "61"), "Did you mean 'Dana mcallister'?"),
        (("link", "user", DANA, "Dana Mcalister"), "Did you mean 'Dana McAllister'?"),
        (("never", "project", COURTYARD), "Clockify has several projects named 'Courtyard'"),
        (("link", "project", ZOE, "2"), "Clockify has no project"),
        (("link", "user", DANA, "999"), "QuickBooks has no employee or vendor"),
        (("link", "user", DANA, "2"), "QuickBooks has no employee or vendor"),  # a customer's
        (("link", "user", DANA, "' OR Id > '0"), "QuickBooks has no employee or vendor"),
        (("link", "user", DANA, "61", "--as", "vendor"), "QuickBooks has no vendor"),
        (("link", "project", DANA, "61"), "Clockify has no project"),
        (("unlink", "user", DANA), "is not linked"),
        (("unlink", "user", "Zoe Lindquist"), "Did you mean 'Zoë Lindqvist'?"),
        (("unlink", "project", COURTYARD), "several projects named 'Courtyard'; use an id: 64"),
        (("unlink", "project", COURTYARD), "(Lakeshore University › Courtyard)"),
        (("unlink", "project", ZOE), "is not linked"),
        (("unlink", "user", DANA, "--rematch"), "is not linked"),
    ],
)
def test_ids_that_are_none_are_told(shared_house, rows_of, arguments, told):
    """Nothing is stored, and the text says where to find the ids."""
    before = rows_of(shared_house, "links")
    ran = shared_house.run(*arguments)
    assert ran.code == 1
    assert told in ran.err.replace("\n", " ")
    assert rows_of(shared_house, "links") == before


def test_a_name_will_do_where_only_one_has_it(synced):
    """On both sides; a project also with its client before it, or as QuickBooks writes it."""
    assert synced.run("link", "user", "Dana mcallister", "Dana  McAllister").code == 0
    assert stored(synced, DANA)["qbo_id"] == "61"

    names = ("Hôtel Saint-Clair › Rooftop Terrace", "Brasserie Lenoir:Terrace")
    linked = synced.run("link", "project", *names, "--json").document
    assert linked["qbo_id"] == "28"
    assert stored(synced, linked["clockify_id"])["origin"] == "manual"


def test_a_link_is_removed_by_a_name_that_only_one_has(synced):
    """Also by a project's name with its client; the undoing hint keeps to the id."""
    ran = synced.run("unlink", "project", "Hôtel Saint-Clair › Rooftop Terrace")
    assert ran.code == 0
    assert "Unlinked: project 'Hôtel Saint-Clair › Rooftop Terrace'" in ran.out

    name = stored(synced, ZOE)["clockify_name"]
    assert synced.run("never", "user", name).code == 0
    gone = synced.run("unlink", "user", name, "--rematch", "--json").document
    assert (gone["clockify_id"], gone["rematch"]) == (ZOE, True)


def test_an_id_of_an_employee_and_a_vendor_needs_a_word(synced):
    """QuickBooks' lists may share ids: nothing is guessed."""
    vendor = dict(synced.quickbooks.vendors["73"]) | {"Id": "61"}
    synced.quickbooks.vendors["61"] = vendor

    ran = synced.run("link", "user", DANA, "61")
    assert ran.code == 1
    assert "--as employee or --as vendor" in ran.err

    assert synced.run("link", "user", DANA, "61", "--as", "vendor").code == 0
    assert stored(synced, DANA)["qbo_kind"] == "vendor"


def test_a_link_to_somebody_inactive_is_made_with_a_warning(synced):
    """QuickBooks refuses their time until they are active again."""
    synced.quickbooks.employees["61"] |= {
        "Active": False,
        "DisplayName": "Dana McAllister (deleted)",
    }
    ran = synced.run("link", "user", DANA, "61")
    assert ran.code == 0
    assert "inactive in QuickBooks" in ran.out
    changes = synced.run("sync", "--json").document["changes"]
    assert [(item["clockify_id"], item["change"]) for item in changes] == [(DANA, "deactivated")]


def test_links_are_listed_and_written_for_a_spreadsheet(shared_house):
    """Every link with both ids, how it came to be and since when."""
    ran = shared_house.run("links", "--csv", "links.csv")
    assert ran.code == 0
    assert "35 links." in ran.out
    assert "Lakeshore" in ran.out
    assert "same name" in ran.out
    with (shared_house.folder / "links.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 35
    assert {row["origin"] for row in rows} == {"name"}
    assert all(row["qbo_id"] and row["clockify_id"] and row["linked_at"] for row in rows)


# --- staleness ----------------------------------------------------------------------------------


@pytest.fixture
def newcomer(week):
    """Return a week in which somebody works who came after the last sync."""
    entry = next(iter(week.clockify.entries.values()))
    user = dict(week.clockify.users[entry["userId"]])
    user |= {"id": "64d0000000000000000000ff", "name": "New Comer", "email": "new@example.com"}
    week.clockify.users[user["id"]] = user
    entry["userId"] = user["id"]
    employee = dict(week.quickbooks.employees["51"])
    employee |= {"Id": "95", "DisplayName": "New Comer"}
    week.quickbooks.employees["95"] = employee
    return week


def test_a_send_says_that_somebody_is_newer_than_the_last_sync(newcomer, send_day):
    """With the time of that sync, and what to do; the others go."""
    document = send_day(newcomer).document
    [note] = document["notes"]
    assert note.startswith("1 user with entries here is newer than the last sync (20")
    assert "clockbooks sync" in note
    assert document["counts"]["rejected"] == {"unlinked_user": 1}
    assert document["counts"]["sent"] == 8


@pytest.mark.usefixtures("in_this_process")
def test_somebody_deleted_is_linked_by_the_id_in_their_entries(newcomer, send_day):
    """Clockify may not list them: each send says so, even after a sync, until they are linked."""
    id_ = "64d0000000000000000000ff"
    newcomer.clockify.users[id_]["status"] = "DELETED"
    newcomer.clockify.faults.plan(
        "/users", "edit", times=99, edit=lambda rows: [row for row in rows if row["id"] != id_]
    )
    for _ in range(2):
        assert newcomer.run("sync").code == 0
        document = send_day(newcomer).document
        assert document["notes"] == []
        assert document["counts"]["rejected"] == {"unlinked_user": 1}
    [told] = [row["detail"] for row in document["entries"] if row["reason"] == "unlinked_user"]
    assert f"`clockbooks link user {id_} QBO_ID`" in told

    assert newcomer.run("sync").code == 0
    assert newcomer.run("link", "user", id_, "95").code == 0
    assert newcomer.run("link", "user", id_, "95").code == 0  # again, as one may for a list
    assert newcomer.run("sync").code == 0
    assert send_day(newcomer).document["counts"]["sent"] == 1
    assert newcomer.run("link", "user", f"{id_}0", "95").code == 1


@pytest.mark.parametrize("by", [pytest.param("option", marks=pytest.mark.slow), "setting"])
def test_a_send_syncs_first_where_it_is_told_to(newcomer, send_day, by):
    """By the option, or always by the setting: the newcomer's entry goes with the others."""
    if by == "option":
        ran = send_day(newcomer, "--sync")
    else:
        ran = send_day(newcomer, CLOCKBOOKS_SYNC_BEFORE_SEND="true")
    assert ran.document["notes"] == []
    assert ran.document["counts"]["sent"] == 9
    assert stored(newcomer, "64d0000000000000000000ff")["qbo_id"] == "95"


def test_the_option_beats_the_setting(newcomer, send_day):
    """`--no-sync` sends with the existing links."""
    ran = send_day(newcomer, "--no-sync", CLOCKBOOKS_SYNC_BEFORE_SEND="true")
    assert ran.document["counts"]["sent"] == 8


def test_a_dry_run_that_syncs_first_keeps_nothing(newcomer, rows_of):
    """The plan uses the links as they would be."""
    before = rows_of(newcomer, "links")
    ran = newcomer.run("send", "--start", "2026-09-22", "--end", "2026-09-22", "--sync",
                       "--dry-run", "--json")  # fmt: skip
    assert ran.document["counts"]["ready"] == 9
    assert rows_of(newcomer, "links") == before


@pytest.mark.slow
def test_only_what_matched_takes_part(house):
    """A partial connection: synced without creating, sent with a filter, the rest stays behind."""
    assert house.connect().code == 0
    assert house.run("sync").code == 0
    days = ("--start", "2026-09-01", "--end", "2026-09-30", "--project", "Kessler Residence")
    document = house.run("send", *days, "--yes", "--json").document
    assert {entry["project"] for entry in document["entries"]} == {"Kessler Residence"}
    assert len(house.quickbooks.activities) == document["counts"]["sent"]


@pytest.mark.parametrize(
    ("kind", "column"),
    [("user", "userId"), pytest.param("project", "projectId", marks=pytest.mark.slow)],
)
def test_the_time_of_what_is_excluded_is_never_sent(synced, kind, column):
    """No send takes it, no sync links it again or makes a partner for it; a link by hand undoes."""
    entries = synced.clockify.entries.values()
    chosen = ZOE if kind == "user" else next(row for row in entries if row["userId"] == ZOE)[column]
    theirs = {row["id"] for row in entries if row[column] == chosen}
    link = stored(synced, chosen)

    ran = synced.run("never", kind, chosen, "--json")

    assert (ran.code, ran.document["clockify_id"]) == (0, chosen)
    shown = synced.run("sync", "--json", "--create", "both", "--dry-run").document
    assert [row["clockify_id"] for row in shown["excluded"]] == [chosen]
    assert chosen not in {row["clockify_id"] for row in [*shown["links"], *shown["created"]]}
    found = synced.run("send", *FORTNIGHT, "--sync", "--dry-run", "--json").document["entries"]
    assert synced.run("sync").code == 0
    sent = synced.run("send", *FORTNIGHT, "--yes", "--json").document["entries"]
    for rows in (found, sent):
        reasons = {row["reason"] for row in rows if row["entry_id"] in theirs}
        assert reasons == {"excluded"} | (reasons & {"running"})
        assert {row["entry_id"] for row in rows if row["reason"] == "excluded"} <= theirs
    words = next(row["detail"] for row in sent if row["reason"] == "excluded")
    assert f"clockbooks unlink {kind} {chosen} --rematch" in words

    assert synced.run("unlink", kind, chosen, "--rematch").code == 0
    assert synced.run("sync").code == 0
    assert stored(synced, chosen)["qbo_id"] == link["qbo_id"]
    assert synced.run("never", kind, chosen).code == 0
    assert synced.run("link", kind, chosen, link["qbo_id"]).code == 0
    again = synced.run("send", *FORTNIGHT, "--dry-run", "--json").document["counts"]
    assert "excluded" not in again["skipped"]
