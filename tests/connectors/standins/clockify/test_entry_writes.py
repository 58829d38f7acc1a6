"""Time entries can be edited, deleted, locked and marked as the real service does it."""

import pytest
from clockify_studio import (
    ADA,
    ATTIC,
    BO,
    CY,
    DESIGN,
    HOUR,
    ONE,
    RUNNING,
    THREE,
    TWO,
    URGENT,
    WEB,
    entry,
    read,
    refusal,
)

from connectors.standins.clockify.app import Switches


def make_field(api, name="Ticket"):
    made = api.at("POST", "/custom-fields", json={"name": name, "type": "TXT"})
    assert made.status_code == 201
    return made.json()["id"]


def test_a_put_replaces_and_clears_what_it_leaves_out(api):
    """FACTS 3: only `start` is needed, and everything that is not said is gone."""
    answer = api.at("PUT", f"/time-entries/{ONE}", json=HOUR)

    row = read(api, ONE)
    assert (answer.status_code, answer.json()["timeInterval"]["duration"]) == (200, "PT1H")
    assert (row["description"], row["projectId"], row["taskId"], row["tagIds"]) == (
        "", None, None, None,
    )  # fmt: skip
    assert (row["billable"], row["hourlyRate"]["amount"]) == (False, 0)
    assert refusal(api.at("PUT", f"/time-entries/{ONE}", json={"end": HOUR["end"]})) == (
        400, 501, "start is required",
    )  # fmt: skip


def test_a_put_without_an_end_lets_the_timer_run_again(api):
    """FACTS 3: the end is cleared like all else."""
    api.at("PUT", f"/time-entries/{ONE}", json={"start": HOUR["start"]})
    assert read(api, ONE)["timeInterval"] == {"start": HOUR["start"], "end": None, "duration": None}


def test_answers_to_writes_show_no_rates(api):
    """FACTS 3 and the OpenAPI: rates come with reads alone."""
    made = api.at("POST", "/time-entries", json=HOUR)
    assert not {"hourlyRate", "costRate"} & set(made.json())
    assert {"hourlyRate", "costRate"} <= set(read(api, made.json()["id"]))


def test_custom_fields_have_one_word_for_writes_and_one_for_reads(api):
    """FACTS 3: `customFields` is kept, `customFieldValues` is accepted and dropped in silence."""
    field = make_field(api)
    value = [{"customFieldId": field, "sourceType": "WORKSPACE", "value": "T-1"}]
    kept = api.at("POST", "/time-entries", json=HOUR | {"customFields": value})
    dropped = api.at("POST", "/time-entries", json=HOUR | {"customFieldValues": value})

    assert (kept.status_code, dropped.status_code) == (201, 201)
    shown = [read(api, made.json()["id"])["customFieldValues"][0] for made in (kept, dropped)]
    assert [(row["customFieldId"], row["value"]) for row in shown] == [
        (field, "T-1"),
        (field, None),
    ]

    api.at("PUT", f"/time-entries/{kept.json()['id']}", json=HOUR)
    assert read(api, kept.json()["id"])["customFieldValues"][0]["value"] is None


@pytest.mark.parametrize(("means", "type_"), [("source", "WORKSPACE"), ("field", "TXT")])
def test_the_type_of_a_custom_value_can_be_its_source_or_its_fields(api, clockify, means, type_):
    """The OpenAPI calls it "source type", beside a name of the field's."""
    clockify.switches.custom_value_type = means
    make_field(api)

    made = api.at("POST", "/time-entries", json=HOUR).json()

    assert [value["type"] for value in made["customFieldValues"]] == [type_]


def test_several_entries_are_replaced_at_once_or_none(api):
    """FACTS 3: PUT on a user's entries takes an array."""
    made = api.at("POST", "/time-entries", json=HOUR | {"description": "two"}).json()["id"]
    edits = [{"id": ONE, "description": "a", **HOUR}, {"id": made, "description": "b", **HOUR}]

    answer = api.at("PUT", f"/user/{ADA}/time-entries", json=edits)
    assert [row["description"] for row in answer.json()] == ["a", "b"]
    hydrated = api.at("PUT", f"/user/{ADA}/time-entries?hydrated=true", json=edits)
    assert {"project", "tags", "hourlyRate"} <= set(hydrated.json()[0])

    stranger = [{"id": ONE, "description": "c", **HOUR}, {"id": TWO, **HOUR}]
    assert api.at("PUT", f"/user/{ADA}/time-entries", json=stranger).status_code == 400
    assert read(api, ONE)["description"] == "a"


def test_a_running_timer_is_stopped_where_it_is_listed(api):
    """FACTS 3: PATCH with `end`; the documented looking `/stop` does not exist."""
    path = f"/user/{CY}/time-entries"
    early = {"end": "2026-08-09T07:00:00Z"}
    assert api.at("PATCH", path, json=early).status_code == 400
    stopped = api.at("PATCH", path, json={"end": "2026-08-09T09:30:00Z"})

    assert (stopped.status_code, stopped.json()["id"]) == (200, RUNNING)
    assert read(api, RUNNING)["timeInterval"]["duration"] == "PT1H30M"
    assert api.at("PATCH", path, json={"end": "2026-08-09T09:30:00Z"}).status_code == 400
    for route in (f"{path}/stop", f"/time-entries/{RUNNING}/stop", "/time-entries/invoiced/bulk"):
        assert refusal(api.at("PATCH", route, json={}))[:2] == (404, 3000)


def test_entries_are_deleted_one_by_one_or_many_at_once(api, clockify):
    """FACTS 3: 204 for one; its id is then unknown, with 400."""
    gone = api.at("DELETE", f"/time-entries/{ONE}")
    assert (gone.status_code, gone.content, read(api, ONE)) == (204, b"", 400)

    made = [api.at("POST", "/time-entries", json=HOUR).json()["id"] for _ in range(3)]
    missing = api.at("DELETE", f"/user/{ADA}/time-entries")
    assert refusal(missing)[:2] == (400, 3001)
    query = {"time-entry-ids": [*made[:2], TWO]}
    assert api.at("DELETE", f"/user/{ADA}/time-entries", params=query).status_code == 400
    assert set(made) <= set(clockify.entries)
    query = {"time-entry-ids": ",".join(made)}
    assert api.at("DELETE", f"/user/{ADA}/time-entries", params=query).status_code == 200
    assert not set(made) & set(clockify.entries)


def test_a_copy_is_another_entry(api):
    """The OpenAPI: 201, with what the first one says."""
    made = api.at("POST", f"/user/{ADA}/time-entries/{ONE}/duplicate")
    assert made.status_code == 201
    copy, first = read(api, made.json()["id"]), read(api, ONE)
    assert copy["id"] != first["id"]
    assert (copy["description"], copy["timeInterval"]) == (
        first["description"], first["timeInterval"],
    )  # fmt: skip


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_approved_time_is_locked_for_everyone(api, plain, method):
    """FACTS 6: for admins, too; only the mark of an invoice may be set."""
    for one in (api, plain):
        assert one.at(method, f"/time-entries/{THREE}", json=HOUR).status_code == 403
    marks = {"invoiced": True, "timeEntryIds": [THREE]}
    assert api.at("PATCH", "/time-entries/invoiced", json=marks).status_code == 200


def test_the_lock_date_binds_only_who_is_no_admin(api, plain, clockify):
    """FACTS 6: `isLocked` does not tell which of the two locks it means."""
    clockify.entries[RUNNING]["end"] = "2026-08-09T09:00:00Z"
    clockify.settings["lockTimeEntries"] = "2026-08-09T12:00:00Z"
    past = {"start": "2026-08-09T08:00:00Z", "end": "2026-08-09T08:30:00Z"}

    assert read(api, RUNNING)["isLocked"] is True
    assert plain.at("PUT", f"/time-entries/{RUNNING}", json=HOUR).status_code == 403
    assert plain.at("POST", "/time-entries", json=past).status_code == 403
    assert plain.at("POST", "/time-entries", json=HOUR).status_code == 201
    assert api.at("PUT", f"/time-entries/{RUNNING}", json=past).status_code == 200
    assert api.at("DELETE", f"/time-entries/{RUNNING}").status_code == 204


def test_time_can_lock_itself_when_it_is_old(api, plain, clockify):
    """FACTS 2.2: `automaticLock`; a rule that is not modelled is refused, not ignored."""
    rule = {"type": "OLDER_THAN", "olderThanPeriod": "WEEKS", "olderThanValue": 1}
    clockify.settings["automaticLock"] = rule
    week = {"start": "2026-08-02T23:59:59Z", "end": "2026-08-03T08:00:00Z"}
    assert plain.at("POST", "/time-entries", json=week).status_code == 403
    later = week | {"start": "2026-08-03T00:00:00Z"}
    assert plain.at("POST", "/time-entries", json=later).status_code == 201
    assert api.at("POST", "/time-entries", json=week).json()["isLocked"] is True
    clockify.settings["automaticLock"] = {"type": "MONTHLY", "dayOfMonth": 3}
    assert api.at("GET", f"/time-entries/{ONE}").status_code == 501


def test_only_admins_may_say_what_is_billable_where_the_workspace_says_so(api, plain, clockify):
    """FACTS 2.2: others' time is as billable as its project, and stays so."""
    clockify.settings["onlyAdminsCanChangeBillableStatus"] = True
    body = HOUR | {"projectId": WEB, "billable": False}
    made = plain.at("POST", "/time-entries", json=body).json()
    assert made["billable"] is True
    assert plain.at("PUT", f"/time-entries/{made['id']}", json=HOUR).json()["billable"] is True
    assert api.at("PUT", f"/time-entries/{made['id']}", json=HOUR).json()["billable"] is False


def test_time_can_be_for_the_stopwatch_alone(api, clockify):
    """FACTS 2.2: then nobody types in finished time."""
    clockify.settings["timeTrackingMode"] = "STOPWATCH_ONLY"
    assert refusal(api.at("POST", "/time-entries", json=HOUR))[:2] == (400, 501)
    assert api.at("POST", "/time-entries", json={"start": HOUR["start"]}).status_code == 201


@pytest.mark.parametrize("switches", [Switches(pending_is_locked=True)])
def test_what_waits_for_approval_can_be_locked_for_its_owner(api, plain, clockify):
    """FACTS 6 knows the lock of approved time alone."""
    mine = entry(40, "2026-08-09T08:00:00", userId=CY, submitted=True)
    clockify.entries[mine["id"]] = mine
    assert plain.at("DELETE", f"/time-entries/{mine['id']}").status_code == 403
    assert api.at("DELETE", f"/time-entries/{mine['id']}").status_code == 204


def test_others_time_is_for_admins(api, plain, clockify):
    """FACTS 3: and to make it, the plan needs ADD_TIME_FOR_OTHERS."""
    assert plain.at("PUT", f"/time-entries/{ONE}", json=HOUR).status_code == 403
    assert plain.at("POST", f"/user/{ADA}/time-entries", json=HOUR).status_code == 403
    assert api.at("POST", f"/user/{BO}/time-entries", json=HOUR).json()["userId"] == BO
    clockify.workspace["features"].remove("ADD_TIME_FOR_OTHERS")
    assert api.at("POST", f"/user/{BO}/time-entries", json=HOUR).status_code == 403
    assert api.at("POST", f"/user/{ADA}/time-entries", json=HOUR).status_code == 201


def test_a_description_has_3000_characters_at_most(api):
    """FACTS 3."""
    assert (
        api.at("POST", "/time-entries", json=HOUR | {"description": "x" * 3000}).status_code == 201
    )
    for method, path in (("POST", "/time-entries"), ("PUT", f"/time-entries/{ONE}")):
        refused = api.at(method, path, json=HOUR | {"description": "x" * 3001})
        assert refusal(refused)[:2] == (400, 501)


@pytest.mark.parametrize("type_", ["HOLIDAY", "TIME_OFF", "WORK"])
def test_writes_take_only_regular_time_and_breaks(api, type_):
    """FACTS 3: the other types are made by Clockify itself."""
    assert refusal(api.at("POST", "/time-entries", json=HOUR | {"type": type_}))[:2] == (400, 501)


@pytest.mark.parametrize(
    ("setting", "given"),
    [
        ("forceProjects", {"projectId": WEB}),
        ("forceTasks", {"projectId": WEB, "taskId": DESIGN}),
        ("forceTags", {"tagIds": [URGENT]}),
        ("forceDescription", {"description": "said"}),
    ],
)
def test_finished_time_needs_what_the_workspace_requires(api, clockify, setting, given):
    """FACTS 1.4 and 2.2: a timer may start without it, but not end; archived projects will do."""
    clockify.settings[setting] = True

    refused = refusal(api.at("POST", "/time-entries", json=HOUR))
    assert refused[:2] == (400, 501)
    assert refused[2].startswith("Time entry couldn't be created. ")
    assert api.at("POST", "/time-entries", json=HOUR | given).status_code == 201
    if setting == "forceProjects":
        assert api.at("POST", "/time-entries", json=HOUR | {"projectId": ATTIC}).status_code == 201
    assert api.at("POST", "/time-entries", json={"start": HOUR["start"]}).status_code == 201
    assert (
        api.at("PATCH", f"/user/{ADA}/time-entries", json={"end": HOUR["end"]}).status_code == 400
    )


@pytest.mark.parametrize("year", ["0002", "0493"])
def test_time_of_long_ago_keeps_the_form_of_times(api, year):
    """FACTS 1.6(1): four digits a year, whatever the year; what is stored can be read again."""
    body = {"start": f"{year}-07-16T00:00:00Z", "end": f"{year}-07-16T01:00:00Z"}

    answer = api.at("POST", "/time-entries", json=body)

    assert answer.status_code == 201, answer.text
    assert answer.json()["timeInterval"] == body | {"duration": "PT1H"}
