"""The tag of sent entries in Clockify: put, kept true, never counted, and never in the way."""

import json
import sqlite3

import pytest

from connectors.standins.clockify.rows import entry_row

TAG = "In QuickBooks"
PUT = "PUT .*/time-entries/"
TAGGED = ("--sent-tag", TAG)


def tags_of(week, id_):
    names = week.house.clockify.tags
    return [names[one]["name"] for one in week.entry(id_)["tagIds"] or []]


def shown(week):
    """Return all entries as Clockify shows them."""
    state = week.house.clockify
    return {id_: entry_row(state, one) for id_, one in state.entries.items()}


def pending(week):
    with sqlite3.connect(week.house.folder / "clockbooks.db") as connection:
        rows = connection.execute("SELECT entry_id, settled FROM marks WHERE mark = 'sent_tag'")
        return dict(rows.fetchall())


def refusing(status, message):
    body = json.dumps({"message": message, "code": status})
    return {"status": status, "body": body, "content_type": "application/json"}


@pytest.fixture
def new(week):
    """Return an entry that is not sent yet, with all that an entry can have."""
    clockify = week.house.clockify
    clockify.custom_fields["f1"] = {"id": "f1", "name": "Ticket", "type": "TXT"}
    clockify.custom_fields["f2"] = {"id": "f2", "name": "Hours", "type": "NUMBER"}
    id_ = week.track()
    project = week.entry(id_)["projectId"]
    clockify.tasks["t1"] = {"id": "t1", "name": "Design", "projectId": project}
    week.entry(id_).update(
        approved=False,
        tagIds=[min(clockify.tags)],
        taskId="t1",
        customFields={"f1": "A-1", "f2": 1.5},
    )
    return id_


def send_tagged(week):
    """Send the new entry with the tag, as a set-up."""
    week.once("tagged", lambda: week.send(*TAGGED))


def test_a_sent_entry_gets_the_tag_and_keeps_all_else(week, new):
    """The tag is made once; entries that were sent before are not touched."""
    before = shown(week)

    found = week.send(*TAGGED, code=0)

    (made,) = [id_ for id_, one in week.house.clockify.tags.items() if one["name"] == TAG]
    before[new]["tagIds"] = [*before[new]["tagIds"], made]
    assert shown(week) == before
    assert "Tagged in Clockify: 1 entry." in found["notes"]
    assert pending(week) == {new: 1}


def test_the_entry_that_goes_first_alone_gets_the_tag_too(week, new):
    """Where QuickBooks has payroll, one entry is sent before all others."""
    week.house.quickbooks.company["NameValue"].append({"Name": "PayrollFeature", "Value": "true"})
    week.house.quickbooks.switches.payroll_code = None

    week.send(*TAGGED, code=0)

    assert (TAG in tags_of(week, new), pending(week)) == (True, {new: 1})


def test_a_connections_own_setting_counts_and_a_tag_that_is_there_is_used(week, new):
    """Also by a run that names none."""
    week.house.clockify.tags["t9"] = {"id": "t9", "name": TAG}
    assert week.house.run("configure", "--set", f"sent_tag={TAG}").code == 0

    week.send(code=0)

    assert "t9" in week.entry(new)["tagIds"]


def test_without_a_setting_and_in_a_dry_run_nothing_is_written(week, new):
    """Neither a tag nor a record."""
    tags = dict(week.house.clockify.tags)
    week.send("--dry-run", *TAGGED)
    week.send()

    assert (week.house.clockify.tags, pending(week)) == (tags, {})
    assert TAG not in tags_of(week, new)


def test_a_recall_takes_the_tag_off(week, new):
    """Although the recall says nothing of tags; another tag stays."""
    send_tagged(week)
    (other, _) = tags_of(week, new)

    found = week.run("recall", "--entry", new, "--yes", code=0)

    assert (tags_of(week, new), pending(week)) == ([other], {})
    assert "Tag taken off in Clockify: 1 entry." in found["notes"]


def test_a_repair_that_deletes_takes_the_tag_off(week, new):
    """Here of an entry that became a break."""
    send_tagged(week)
    week.entry(new)["type"] = "BREAK"

    week.reconcile("--repair", "--yes")

    assert (TAG in tags_of(week, new), pending(week)) == (False, {})


@pytest.mark.parametrize("locks", ["approved", "refused"])
def test_what_may_not_be_written_is_left_alone_and_counted(week, new, locks):
    """It is sent all the same, and no later run tries again."""
    before = week.entry(new)["approved"] = locks == "approved"
    if locks == "refused":
        week.house.clockify.faults.plan(PUT, "answer", **refusing(403, "Access Denied"))

    found = week.send(*TAGGED, code=0)

    assert any(f"{locks}" in note and "1 entry" in note for note in found["notes"])
    assert (TAG in tags_of(week, new), week.entry(new)["approved"]) == (False, before)
    assert pending(week) == {}


def test_a_recalled_entry_that_is_locked_loses_the_tag_once_it_is_open(week, new):
    """Until then each run counts it."""
    send_tagged(week)
    week.entry(new)["approved"] = True
    found = week.run("recall", "--entry", new, "--yes", code=0)
    assert any("still with the tag" in note for note in found["notes"])
    week.entry(new)["approved"] = False

    week.reconcile()

    assert (TAG in tags_of(week, new), pending(week)) == (False, {})


@pytest.mark.parametrize(
    ("where", "kind", "answer"),
    [
        (PUT, "drop_before", {}),
        ("(GET|POST) .*/tags", "answer", refusing(403, "Access Denied")),
        pytest.param(PUT, "answer", {"status": 500}, marks=pytest.mark.slow),
        pytest.param("GET .*/time-entries/f", "answer", {"status": 500}, marks=pytest.mark.slow),
        pytest.param("(GET|POST) .*/tags", "answer", {"status": 500}, marks=pytest.mark.slow),
        pytest.param(PUT, "answer", refusing(429, "Too many requests"), marks=pytest.mark.slow),
        (PUT, "answer", refusing(401, "Api key does not exist")),
    ],
)
def test_a_failure_changes_nothing_about_the_send_and_the_next_run_goes_on(
    week, new, monkeypatch, where, kind, answer
):
    """Whatever fails in Clockify: the entry is sent, a note says what happened."""
    monkeypatch.setattr("connectors.http.ATTEMPTS", 1)
    week.house.clockify.faults.plan(where, kind, times=99, **answer)
    found = week.send(*TAGGED, code=0)
    assert week.found(found, new)["state"] == "sent"
    assert found["notes"]
    assert (TAG in tags_of(week, new), pending(week)) == (False, {new: 0})
    week.house.clockify.faults.clear()

    week.send(*TAGGED, code=0)

    assert (TAG in tags_of(week, new), pending(week)) == (True, {new: 1})


def test_an_answer_that_is_lost_is_looked_up(week, new):
    """The entry is read again: it has its tag."""
    week.house.clockify.faults.plan(PUT, "drop_after")

    week.send(*TAGGED, code=0)

    assert (tags_of(week, new).count(TAG), pending(week)) == (1, {new: 1})


def test_a_run_that_died_before_it_could_record_the_tag_leaves_nothing_to_do_twice(week, new):
    """The next run finds the tag there, and writes nothing."""
    send_tagged(week)
    with sqlite3.connect(week.house.folder / "clockbooks.db") as connection:
        connection.execute("UPDATE marks SET settled = 0")
    week.house.clockify.faults.plan(PUT, "answer", status=500)

    found = week.send(*TAGGED, code=0)

    assert (tags_of(week, new).count(TAG), pending(week)) == (1, {new: 1})
    assert "Tagged in Clockify: 1 entry." in found["notes"]


def test_what_comes_back_otherwise_is_told_at_once_and_no_other_entry_is_touched(week, new):
    """With its old and new value; the send stands."""
    other = week.entry(new) | {"id": "e" * 24, "description": "Other work"}
    week.house.clockify.entries[other["id"]] = other
    tampered = "GET .*/time-entries/[ef]{24}"

    def edit(answer):
        return answer | {"hourlyRate": {"amount": 1, "currency": "USD"}}

    week.house.clockify.faults.plan(tampered, "edit", skip=1, edit=edit)
    found = week.send(*TAGGED, code=0)

    (note,) = [note for note in found["notes"] if "hourlyRate was" in note]
    assert "'amount': 1," in note.split(" and is ")[1]
    assert [TAG in tags_of(week, id_) for id_ in ("e" * 24, new)] == [True, False]
    assert pending(week) == {"e" * 24: 1, new: 0}


def test_an_entry_that_clockify_does_not_show_stops_no_other(week, new):
    """It is counted, and tried again by the next run, when others had their turn."""
    other = week.entry(new) | {"id": "e" * 24, "description": "Other work"}
    week.house.clockify.entries[other["id"]] = other
    week.house.clockify.faults.plan(f"GET .*/{'e' * 24}", "answer", **refusing(403, "Forbidden"))

    found = week.send(*TAGGED, code=0)

    assert any("Not shown by Clockify" in note for note in found["notes"])
    assert pending(week) == {new: 1, "e" * 24: 0}
    week.send(*TAGGED, code=0)
    assert pending(week) == {new: 1, "e" * 24: 1}


def test_a_run_tags_a_bounded_number(week, new, monkeypatch):
    """The rest is counted, and the next run goes on."""
    monkeypatch.setattr("flows.sending.sent_tags.MOST_A_RUN", 1)
    other = week.entry(new) | {"id": "e" * 24, "description": "Other work"}
    week.house.clockify.entries[other["id"]] = other

    found = week.send(*TAGGED, code=0)
    assert any("left to the next runs: 1 entry" in note for note in found["notes"])
    assert sum(TAG in tags_of(week, id_) for id_ in (new, "e" * 24)) == 1

    week.send(*TAGGED, code=0)
    assert all(TAG in tags_of(week, id_) for id_ in (new, "e" * 24))


def test_an_entry_that_was_deleted_meanwhile_is_forgotten(week, new):
    """There is nothing to take a tag off any more."""
    send_tagged(week)
    del week.house.clockify.entries[new]

    week.run("recall", "--entry", new, "--yes", code=0)

    assert pending(week) == {}


def test_our_tag_is_no_change_and_in_no_description(week, new):
    """The template has `{tags}`: sent time agrees, and goes again without our tag."""
    template = ("--description-template", "{description}[ #{tags}]")
    (named,) = tags_of(week, new)
    week.send(*TAGGED, *template)
    first = week.found(week.run("entries", "--state", "sent"), new)
    assert week.reconcile(code=0)["counts"] == {"agrees": len(week.sent) + 1}
    week.house.clockify.faults.plan(PUT, "answer", times=9, **refusing(403, "Access Denied"))
    week.run("recall", "--entry", new, "--yes")  # the tag stays on

    for options in (TAGGED, ()):  # by its name, and by the record of it
        planned = week.found(week.send("--dry-run", *template, *options), new)
        assert planned["description"] == f"Quite new work #{named}" == first["description"]
    week.send(*template)
    assert (
        week.books[week.found(week.run("entries", "--state", "sent"), new)["time_activity_id"]][
            "Description"
        ]
        == f"Quite new work #{named}"
    )


def test_no_rule_goes_by_our_tag(week, new, tmp_path):
    """It would give another class to what is sent a second time than to the first."""
    send_tagged(week)
    week.house.clockify.tags["t8"] = {"id": "t8", "name": "Site"}
    (tmp_path / "rules.yaml").write_text(
        "- item: Hours\n  tag: In QuickBooks\n- item: Hours\n  tag: Site\n"
    )
    file = str(tmp_path / "rules.yaml")
    ruled = week.house.run("rules", "--file", file)
    assert ruled.code == 0, ruled.err

    explained = week.run("rules", "--explain", new)

    assert TAG not in explained["tags"]
    assert not any(one["decides"] for one in explained["rules"]), explained


BODIES = ("{}", '{"error": "maintenance"}', '{"id": "x", "tagIds": []}')


@pytest.mark.parametrize(
    ("body", "recalled"),
    [
        (BODIES[0], True),
        (BODIES[2], False),
        *[pytest.param(body, True, marks=pytest.mark.slow) for body in BODIES[1:]],
        *[pytest.param(body, False, marks=pytest.mark.slow) for body in BODIES[:2]],
    ],
)
def test_what_is_not_the_entry_settles_nothing(week, new, body, recalled):
    """Something between us and Clockify answers: the tag is neither off nor given up."""
    if recalled:
        send_tagged(week)
    where = f"GET .*/time-entries/{new}"
    page = {"status": 200, "body": body, "content_type": "application/json"}
    week.house.clockify.faults.plan(where, "answer", times=99, **page)
    found = week.run("recall", "--entry", new, "--yes") if recalled else week.send(*TAGGED, code=0)
    assert any("is not that entry" in note for note in found["notes"])
    week.house.clockify.faults.clear()

    week.reconcile() if recalled else week.send(*TAGGED)

    assert (TAG in tags_of(week, new), pending(week)) == (
        not recalled,
        {} if recalled else {new: 1},
    )


def test_a_page_in_place_of_the_answer_is_told(week, new):
    """A proxy's 200: the entry is as before, and the next run writes it."""
    week.house.clockify.faults.plan(PUT, "answer", status=200, body="<p>Log in</p>")

    found = week.send(*TAGGED, code=0)

    assert any("not changed in Clockify" in note and "1 entry" in note for note in found["notes"])
    assert pending(week) == {new: 0}
    week.send(*TAGGED, code=0)
    assert pending(week) == {new: 1}


def test_a_tag_without_an_id_stops_no_send(week, new):
    """It is as good as none: whatever comes of making another is a note."""
    body = json.dumps([{"name": TAG}])
    answer = {"status": 200, "body": body, "content_type": "application/json"}
    week.house.clockify.faults.plan("GET .*/tags", "answer", **answer)

    assert week.found(week.send(*TAGGED, code=0), new)["state"] == "sent"


def test_blanks_around_a_tags_name_do_not_count(week, new):
    """As in the setting: Clockify has the name without them."""
    week.house.clockify.tags["t9"] = {"id": "t9", "name": TAG}

    week.send("--sent-tag", f" {TAG} ", code=0)

    assert "t9" in week.entry(new)["tagIds"]


def test_time_that_a_repair_could_neither_replace_nor_put_back_loses_the_tag(week, new):
    """QuickBooks does not have it, and `entries` says so too."""
    send_tagged(week)
    week.entry(new)["taskId"] = None
    week.move(new)
    error = {"code": "6240", "Message": "No", "Detail": "Not today"}
    item = {"bId": "1", "Fault": {"Error": [error], "type": "ValidationFault"}}
    answer = {"status": 200, "body": json.dumps({"BatchItemResponse": [item]})}
    answer["content_type"] = "application/json"
    week.house.quickbooks.faults.plan("POST .*/batch", "answer", skip=1, times=2, **answer)

    week.reconcile("--repair", "--yes", code=3)

    assert (TAG in tags_of(week, new), pending(week)) == (False, {})
    row = week.found(week.run("entries"), new)
    assert (row["state"], row["reason"]) == ("rejected", "qbo_refused")
    week.send(*TAGGED, code=0)
    assert (TAG in tags_of(week, new), pending(week)) == (True, {new: 1})
    assert week.found(week.run("entries"), new)["state"] == "sent"
