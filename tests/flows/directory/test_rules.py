"""`clockbooks rules`: where the time lands in QuickBooks' books, field by field."""

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.usefixtures("in_this_process")

KOFI = "64d0000000000000000000a8"

DAY = ("--start", "2026-09-22", "--end", "2026-09-22")

DEMO_RULES = Path(__file__).parents[3] / "data" / "demo_rules.yaml"

LATER = "2099-01-01T00:00:00-08:00"


def make(house, entity, name, parent=None):
    """Make a class, item or department in QuickBooks; return its id."""
    row = {"Name": name}
    if entity == "Item":
        row |= {"Type": "Service", "IncomeAccountRef": {"value": "1"}}
    if parent:
        row |= {f"Sub{entity}": True, "ParentRef": {"value": parent}}
    return house.quickbooks.books.save(entity, row, "create")["Id"]


def deactivate(house, entity, id_):
    """Make one of them inactive, or active again."""
    rows = {"Item": house.quickbooks.items, "Class": house.quickbooks.classes}[entity]
    change = {"Id": id_, "SyncToken": rows[id_]["SyncToken"], "sparse": True}
    house.quickbooks.books.save(entity, change | {"Active": not rows[id_]["Active"]}, "update")


@pytest.fixture
def tracking(week):
    """Return the small week, in a company with classes and locations."""
    accounting = week.quickbooks.preferences["AccountingInfoPrefs"]
    accounting |= {"ClassTrackingPerTxn": True, "TrackDepartments": True}
    make(week, "Department", "Chicago")
    return week


def rule(house, *options):
    """Add a rule, which must succeed; return the document."""
    ran = house.run("rules", "add", *options, "--json")
    assert ran.code == 0, ran.err
    return ran.document


def placed(house):
    """Return item, class and department of each TimeActivity, by entry, from the books."""
    books = house.quickbooks
    lists = {"ItemRef": books.items, "ClassRef": books.classes, "DepartmentRef": books.departments}
    return {
        entry["entry_id"]: tuple(
            rows[row[member]["value"]]["FullyQualifiedName"] if member in row else None
            for row in [books.activities[entry["time_activity_id"]]]
            for member, rows in lists.items()
        )
        for entry in house.run("entries", "--state", "sent", "--json").document["entries"]
    }


def reckoned(house, decide):
    """Return what each entry should have, by a function of its Clockify row."""
    return {id_: decide(entry) for id_, entry in house.clockify.entries.items()}


def test_each_condition_decides_in_the_books(tracking, send_day):
    """Item, class and location land as the first matching rule says, each on its own."""
    ids = sorted(tracking.clockify.entries)
    entries, projects = tracking.clockify.entries, tracking.clockify.projects
    for id_ in ids:
        entries[id_] |= {"taskId": None, "tagIds": []}
    tagged, tasked, grouped = ids[0], ids[1], entries[ids[2]]["userId"]
    tracking.clockify.tags["f" * 24] = {"id": "f" * 24, "name": "site visit, remote"}
    entries[tagged]["tagIds"] = ["f" * 24]
    project = entries[tasked]["projectId"]
    tracking.clockify.tasks["e" * 24] = {"id": "e" * 24, "name": "Plan", "projectId": project}
    entries[tasked]["taskId"] = "e" * 24
    tracking.clockify.user_groups["d" * 24] = {
        "id": "d" * 24, "name": "Field", "userIds": [grouped]
    }  # fmt: skip
    client = next(
        tracking.clockify.clients[one["clientId"]]
        for entry in entries.values()
        if (one := projects[entry["projectId"]]).get("clientId")
    )
    rule(tracking, "--item", "Site observation", "--tag", "site visit, remote")
    rule(tracking, "--item", "Architectural design", "--task", "Plan")
    rule(tracking, "--item", "Services", "--non-billable")
    rule(tracking, "--item", "Landscape design", "--project", projects[project]["name"])
    rule(tracking, "--class", "Public", "--client", client["name"])
    rule(tracking, "--class", "Private")
    rule(tracking, "--location", "Chicago", "--group", "Field")

    assert send_day(tracking).code == 0

    def item(entry):
        if entry["id"] == tagged:
            return "Site observation"
        if entry["id"] == tasked:
            return "Architectural design"
        if not entry["billable"]:
            return "Services"
        same = projects[entry["projectId"]]["name"] == projects[project]["name"]
        return "Landscape design" if same else "Hours"

    assert placed(tracking) == reckoned(
        tracking,
        lambda entry: (
            item(entry),
            "Public" if projects[entry["projectId"]]["clientId"] == client["id"] else "Private",
            "Chicago" if entry["userId"] == grouped else None,
        ),
    )


def test_a_file_gives_the_same_rules_back(tracking):
    """What was written out is read in again, with all conditions, in the same order."""
    written = [
        {"item": "Architectural design", "task": "Plan", "billable": True},
        {"class": "Public", "client": "Riverside Park District", "group": "Field"},
        {"location": "Chicago", "user": KOFI, "tag": "site visit", "project": "Phase 2"},
        {"item": "Hours"},
    ]
    file = tracking.folder / "rules.yaml"
    file.write_text(json.dumps(written))  # JSON is YAML

    ran = tracking.run("rules", "--file", str(file), "--json")
    assert ran.code == 0, ran.err
    assert any("no user group 'Field'" in note for note in ran.document["notes"])
    assert tracking.run("rules", "remove", "4").code == 0
    assert tracking.run("rules", "export", "--file", "out.yaml").code == 0

    out = tracking.folder / "out.yaml"
    assert yaml.safe_load(out.read_text(encoding="utf-8")) == written[:3]
    assert out.stat().st_mode & 0o077 == 0
    again = tracking.run("rules", "--file", "out.yaml", "--json").document
    assert again["rules"] == ran.document["rules"][:3]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- {task: Plan}", "rule 1: a rule gives one thing"),
        ("- {item: [", "this is not YAML"),
        ("- {item: Hours}\n- {item: Services, task: Plan}", "Rule 2 would never decide"),
        ("- {class: Web}", "several: 'Public:Web', 'Private:Web'"),
        *[
            pytest.param(text, problem, marks=pytest.mark.slow)
            for text, problem in (
                ("- {item: Hours, class: Public}", "rule 1: a rule gives one thing"),
                ("- {item: Hours}\n- {item: Hours, colour: red}", "rule 2: colour"),
                ("- {item: Hours, task: no}", "rule 1: task: Input should be a valid string"),
                ("- {item: Hours, user: DeletedUser}", "use the user's id"),
                ("item: Hours", "is no list of rules"),
                ("- {item: Hour}", "'Hour', which QuickBooks does not have"),
                ("- {item: hours}", "QuickBooks has 'Hours'"),
                ("- {item: Stone}", "'Stone', which QuickBooks does not have"),
            )
        ],
    ],
)
def test_a_wrong_file_changes_nothing(tracking, text, problem):
    """The text says which rule is wrong, and why; the rules that were there stay."""
    for parent in ("1", "2"):
        make(tracking, "Class", "Web", parent)
    account = {"value": "1"}
    stone = {"Name": "Stone", "Type": "NonInventory", "IncomeAccountRef": account}
    tracking.quickbooks.books.save("Item", stone, "create")
    before = rule(tracking, "--class", "Public:Web")["rules"]
    (tracking.folder / "rules.yaml").write_text(text)

    ran = tracking.run("rules", "--file", "rules.yaml", "--json")

    assert ran.code == 1
    assert problem in ran.document["error"]["message"]
    assert tracking.run("rules", "--json").document["rules"] == before


def test_rules_are_put_in_order(tracking):
    """A new one goes before the default of its kind; moved and removed ones move the others."""

    def names():
        return [row["name"] for row in tracking.run("rules", "--json").document["rules"]]

    rule(tracking, "--item", "Hours")
    rule(tracking, "--item", "Services", "--task", "Plan")
    rule(tracking, "--item", "Landscape design", "--tag", "rework", "--at", "1")
    assert names() == ["Landscape design", "Services", "Hours"]
    assert tracking.run("rules", "order", "2", "1").code == 0
    assert names() == ["Services", "Landscape design", "Hours"]

    refused = tracking.run("rules", "order", "3", "1")
    assert refused.code == 1
    assert "Rule 2 would never decide: rule 1 has no condition" in refused.err
    assert tracking.run("rules", "order", "9", "1").code == 1
    assert tracking.run("rules", "add", "--item", "Services").code == 1
    assert tracking.run("rules", "add", "--class", "Public", "--item", "Hours").code == 2
    assert tracking.run("rules", "add").code == 2
    assert names() == ["Services", "Landscape design", "Hours"]

    assert tracking.run("rules", "remove", "1", "2").code == 0
    assert names() == ["Hours"]
    assert "no rule 2" in tracking.run("rules", "remove", "2").err


def test_an_inactive_target_is_told_before_the_send(tracking, send_day):
    """Its entries wait, and none reaches QuickBooks; active again, they go."""
    rule(tracking, "--item", "Hours")
    rule(tracking, "--class", "Public")
    deactivate(tracking, "Class", "1")

    plan = tracking.run("send", *DAY, "--dry-run", "--json")
    sent = send_day(tracking)

    for ran in (plan, sent):
        assert ran.document["counts"]["rejected"] == {"class_required": 9}
        assert ran.document["entries"][0]["detail"].startswith(
            "Rule 2 gives the class 'Public', which is inactive in QuickBooks."
        )
    assert not tracking.quickbooks.activities
    [told] = [row for row in tracking.run("sync", "--json").document["rules"] if row["problem"]]
    assert (told["number"], told["problem"]) == (2, "inactive")

    deactivate(tracking, "Class", "1")  # active again
    assert tracking.run("sync", "--json").document["rules"][1]["problem"] is None
    assert send_day(tracking).document["counts"]["sent"] == 9


def test_a_new_name_in_quickbooks_changes_nothing(tracking, send_day):
    """What was found is known by its id; the list shows the new name after a sync."""
    rule(tracking, "--class", "Public")
    row = tracking.quickbooks.classes["1"]
    change = {"Id": "1", "SyncToken": row["SyncToken"], "sparse": True, "Name": "Civic"}
    tracking.quickbooks.books.save("Class", change, "update")

    assert tracking.run("sync").code == 0
    assert tracking.run("rules", "--json").document["rules"][0]["name"] == "Civic"
    assert send_day(tracking).code == 0
    assert {one[1] for one in placed(tracking).values()} == {"Civic"}


@pytest.mark.parametrize("tracked", [pytest.param(True, marks=pytest.mark.slow), False])
def test_only_what_the_company_keeps_is_sent(week, send_day, tracked):
    """FACTS 1.1: classes and locations only where they are tracked; the plan says so."""
    make(week, "Department", "Chicago")
    accounting = week.quickbooks.preferences["AccountingInfoPrefs"]
    accounting |= {"ClassTrackingPerTxn": tracked, "TrackDepartments": tracked}
    week.quickbooks.switches.without_tracking = "refused"
    rule(week, "--class", "Public")
    notes = rule(week, "--location", "Chicago")["notes"]

    sent = send_day(week).document

    assert sent["counts"]["sent"] == 9
    given = ("Hours", "Public", "Chicago") if tracked else ("Hours", None, None)
    assert set(placed(week).values()) == {given}
    for told in (notes, sent["notes"]):
        assert any("class do nothing" in note for note in told) is not tracked


@pytest.mark.parametrize("said", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_company_that_wants_a_class(tracking, send_day, said):
    """Said beforehand, no entry without one reaches QuickBooks; unsaid, its fault is told."""
    tracking.quickbooks.switches.requires_class = True
    if said:
        done = tracking.run("configure", "--set", "required_on_time=class, location")
        assert done.code == 0, done.err
        rule(tracking, "--location", "Chicago")
    [user] = {tracking.clockify.entries[min(tracking.clockify.entries)]["userId"]}
    his = sum(one["userId"] == user for one in tracking.clockify.entries.values())
    rule(tracking, "--class", "Public", "--user", user)

    sent = send_day(tracking).document

    reason = "class_required" if said else "qbo_refused"
    assert sent["counts"]["rejected"] == {reason: 9 - his}
    assert sent["counts"]["sent"] == his
    detail = next(row["detail"] for row in sent["entries"] if row["reason"] == reason)
    assert ("clockbooks rules add --class NAME" in detail) is said
    rule(tracking, "--class", "Private")
    assert send_day(tracking).document["counts"]["sent"] == 9 - his
    assert Counter(one[1] for one in placed(tracking).values()) == {
        "Public": his, "Private": 9 - his,
    }  # fmt: skip


def test_rows_of_a_file_get_the_same(tracking, export):
    """An import goes by the same rules: by the names in the file, and by groups of its users."""
    entries = tracking.clockify.entries
    user = entries[min(entries)]["userId"]
    tracking.clockify.user_groups["d" * 24] = {"id": "d" * 24, "name": "Field", "userIds": [user]}
    rule(tracking, "--class", "Public", "--group", "Field")
    rule(tracking, "--class", "Private", "--user", "Nobody at all")
    file = export(tracking)

    ran = tracking.run("import", str(file), "--yes", "--json")

    assert ran.document["counts"]["sent"] == 9, ran.out
    mine = sum(one["userId"] == user for one in entries.values())
    classes = Counter(
        row.get("ClassRef", {}).get("value") for row in tracking.quickbooks.activities.values()
    )
    assert classes == {"1": mine, None: 9 - mine}


def test_other_rules_change_nothing_about_time_that_was_sent(tracking, send_day):
    """A reconciliation agrees, and what a repair writes keeps item, class and location."""
    rule(tracking, "--item", "Landscape design")
    rule(tracking, "--class", "Public")
    rule(tracking, "--location", "Chicago")
    assert send_day(tracking).code == 0
    activities = tracking.quickbooks.activities
    by_hand, *_ = activities.values()  # what somebody chose in QuickBooks stays, too
    by_hand["ItemRef"] = {"value": "5"}
    assert tracking.run("rules", "remove", "1", "2", "3").code == 0
    rule(tracking, "--class", "Private")

    agreed = tracking.run("reconcile", *DAY, "--json")
    assert (agreed.code, agreed.document["counts"]) == (0, {"agrees": 9})
    before = placed(tracking)
    for entry in tracking.clockify.entries.values():
        entry["description"] = "Corrected"
    gone = max(activities)
    del activities[gone]
    ran = tracking.run("reconcile", *DAY, "--repair", "--resend", "--yes", "--json")

    assert ran.code == 0, ran.out
    assert {row["Description"] for row in activities.values()} == {"Corrected"}
    assert gone not in activities
    assert placed(tracking) == before
    assert Counter(before.values()) == {
        ("Landscape design", "Public", "Chicago"): 8,
        ("Site observation", "Public", "Chicago"): 1,
    }


def test_what_quickbooks_refused_goes_once_its_item_has_changed(tracking, send_day):
    """What a TimeActivity refers to may be what was wrong, so that it is tried again."""
    rule(tracking, "--item", "Landscape design")
    item = tracking.quickbooks.items["4"]
    item["Type"] = "NonInventory"
    for _ in range(2):  # the second time it is not handed over
        assert send_day(tracking).document["counts"]["rejected"] == {"qbo_refused": 9}
    assert not tracking.quickbooks.activities

    item |= {"Type": "Service", "MetaData": item["MetaData"] | {"LastUpdatedTime": LATER}}

    assert send_day(tracking).document["counts"]["sent"] == 9


def test_an_entry_is_explained(tracking):
    """Each rule says which of its conditions is not met; the first that meets all decides."""
    entry_id, entry = min(tracking.clockify.entries.items())
    project = tracking.clockify.projects[entry["projectId"]]["name"]
    user = tracking.clockify.users[entry["userId"]]["name"]
    rule(tracking, "--item", "Services", "--user", user, "--tag", "nowhere", "--group", "Field")
    rule(tracking, "--item", "Landscape design", "--project", project)
    rule(tracking, "--item", "Hours")
    rule(tracking, "--class", "Public", "--user", "Somebody else")

    ran = tracking.run("rules", "--explain", entry_id, "--json")

    assert ran.code == 0, ran.err
    assert [(row["not_met"], row["decides"]) for row in ran.document["rules"]] == [
        (["tag", "group"], False),
        ([], True),
        ([], False),
        (["user"], False),
    ]
    [decided] = ran.document["decided"]
    assert (decided["name"], decided["qbo_id"], decided["is_sent"]) == (
        "Landscape design",
        "4",
        True,
    )
    plan = tracking.run("send", *DAY, "--dry-run", "--json").document
    [shown] = [row for row in plan["entries"] if row["entry_id"] == entry_id]
    assert shown["decided_by"] == "item 2"
    told = tracking.run("rules", "--explain", entry_id).out
    assert "Its item is Landscape design, by rule 2." in told
    assert "not its tag, group" in told
    unknown = tracking.run("rules", "--explain", "f" * 24)
    assert (unknown.code, "Clockify has no entry" in unknown.err) == (1, True)


def test_check_says_what_is_wrong_with_rules(tracking):
    """Before any send: what is inactive by now, what is kept nowhere, what lacks a default."""

    def told():
        checks = tracking.run("check", "--json").document["checks"]
        return next((row for row in checks if row["name"] == "Rules"), None)

    assert told() is None
    rule(tracking, "--class", "Public")
    rule(tracking, "--location", "Chicago", "--tag", "site visit")
    assert told()["state"] == "ok"

    deactivate(tracking, "Class", "1")
    accounting = tracking.quickbooks.preferences["AccountingInfoPrefs"]
    accounting["TrackDepartments"] = False
    assert tracking.run("configure", "--set", "required_on_time=item,location").code == 0
    line = told()

    assert line["state"] == "warning"
    for part in (
        "Rule 1 gives the class 'Public', which is inactive",
        "Rules that give a location do nothing",
        "wants the service item of all time, and no rule gives it to all",
        "wants the location of all time (CLOCKBOOKS_REQUIRED_ON_TIME), but keeps none",
    ):
        assert part in line["to_do"]


def test_the_demos_rules_send_its_time_where_they_say(synced):
    """They are good for the demo's company as it is, and use each of its items and classes."""
    ran = synced.run("rules", "--file", str(DEMO_RULES), "--json")

    assert ran.code == 0, ran.err
    assert ran.document["notes"] == []
    assert len(ran.document["rules"]) == len(yaml.safe_load(DEMO_RULES.read_text()))
    assert {(row["gives"], row["problem"]) for row in ran.document["rules"]} == {
        ("item", None),
        ("class", None),
    }


@pytest.mark.parametrize("gone", ["Public", pytest.param("Private", marks=pytest.mark.slow)])
def test_twins_in_doubt_are_told_apart_by_where_they_land(tracking, gone):
    """Of two entries that differ in their class alone, the lost one goes again, and no other."""
    tracking.environment["CLOCKBOOKS_QBO_BATCH_SIZE"] = "30"
    tracking.quickbooks.switches.remembers_request_ids = False
    first, second = sorted(tracking.clockify.entries)[:2]
    entries = tracking.clockify.entries
    entries[second] |= {
        name: entries[first][name]
        for name in ("userId", "projectId", "start", "end", "description", "billable", "rate")
    }
    for id_ in set(entries) - {first, second}:
        del entries[id_]
    tracking.clockify.tags["f" * 24] = {"id": "f" * 24, "name": "public"}
    entries[first] |= {"taskId": None, "tagIds": []}
    entries[second] |= {"taskId": None, "tagIds": ["f" * 24]}
    rule(tracking, "--class", "Public", "--tag", "public")
    rule(tracking, "--class", "Private")
    tracking.quickbooks.faults.plan("POST .*/batch", "drop_after")
    assert tracking.run("send", *DAY, "--yes").code == 3

    rows = tracking.quickbooks.activities
    classes = {id_: row["ClassRef"]["value"] for id_, row in rows.items()}
    names = {id_: tracking.quickbooks.classes[value]["Name"] for id_, value in classes.items()}
    assert sorted(names.values()) == ["Private", "Public"]
    tracking.quickbooks.people.delete_time(next(id_ for id_ in names if names[id_] == gone))

    tracking.run("send", *DAY, "--yes")

    landed = {id_: place[1] for id_, place in placed(tracking).items()}
    assert landed == {first: "Private", second: "Public"}
    assert len(rows) == 2
