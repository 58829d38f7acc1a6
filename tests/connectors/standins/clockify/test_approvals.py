"""Periods are submitted, approved, rejected and withdrawn as the real service does it."""

import pytest
from clockify_studio import ADA, CY, HOUR, ONE, THREE, TWO, entry, numbers, refusal

from connectors.standins.clockify.app import Switches

WEEK = {"period": "WEEKLY", "periodStart": "2026-08-03T00:00:00Z"}


@pytest.fixture
def submitted(api):
    """Give the id of Ada's week, which waits for approval."""
    answer = api.at("POST", "/approval-requests", json=WEEK)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def decide(api, request_id, state, **more):
    return api.at("PATCH", f"/approval-requests/{request_id}", json={"state": state, **more})


def shown(api, number):
    """Show an entry in the report: what it names, whether it is approved and locked."""
    (row,) = [row for row in api.report()["timeentries"] if numbers([row]) == [number]]
    approved = number in api.numbers(approvalState="APPROVED")
    return row["approvalRequestId"], approved, row["isLocked"]


def test_an_entry_names_its_request_from_submission_on(api, submitted):
    """FACTS 4: so the name proves no approval, and who takes it for one sends too early."""
    assert shown(api, 1) == (submitted, False, False)
    assert 1 in api.numbers(approvalState="UNAPPROVED")

    answer = decide(api, submitted, "APPROVED", note="fine")
    assert (answer.status_code, answer.json()["status"]["note"]) == (200, "fine")
    assert shown(api, 1) == (submitted, True, True)
    assert 1 not in api.numbers(approvalState="UNAPPROVED")
    assert api.at("DELETE", f"/time-entries/{ONE}").status_code == 403


def test_pending_requests_are_listed_with_what_they_hold(api, submitted):
    """FACTS 6: the owner's local week in UTC; nothing of it is approved yet."""
    (request,) = api.list("/approval-requests", status="PENDING")

    about = request["approvalRequest"]
    assert (about["id"], about["owner"]["userId"], about["creator"]["userId"]) == (
        submitted, ADA, ADA,
    )  # fmt: skip
    assert about["dateRange"] == {"start": "2026-08-02T22:00:00Z", "end": "2026-08-09T21:59:59Z"}
    assert (about["status"]["state"], about["status"]["updatedAt"]) == (
        "PENDING", "2026-08-10T00:00:00Z",
    )  # fmt: skip
    assert (request["pendingTime"], request["approvedTime"]) == ("PT1H", "PT0S")
    assert [row["approvalRequestId"] for row in request["entries"]] == [submitted]


@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("state", ["REJECTED", "WITHDRAWN_SUBMISSION", "WITHDRAWN_APPROVAL"])
def test_what_is_turned_down_is_open_again(api, submitted, switches, state, keeps):
    """FACTS 6: whether it still names its request is not known."""
    switches.keeps_request_id = keeps
    if state == "WITHDRAWN_APPROVAL":
        decide(api, submitted, "APPROVED")
    assert decide(api, submitted, state).json()["status"]["state"] == state

    assert shown(api, 1) == (submitted if keeps else None, False, False)
    assert api.list("/approval-requests", status="PENDING") == []
    again = api.at("POST", "/approval-requests", json=WEEK)
    assert again.status_code == 201
    assert shown(api, 1)[0] == again.json()["id"] != submitted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([], "WITHDRAWN_APPROVAL"),
        ([], "PENDING"),
        (["APPROVED"], "REJECTED"),
        (["APPROVED"], "WITHDRAWN_SUBMISSION"),
        (["REJECTED"], "APPROVED"),
    ],
)
def test_a_request_goes_only_where_it_can(api, submitted, before, after):
    """FACTS 6: what is pending is decided, what is approved is withdrawn."""
    for state in before:
        assert decide(api, submitted, state).status_code == 200
    assert refusal(decide(api, submitted, after))[:2] == (400, 501)


def test_a_rejected_request_can_wait_again(api, submitted):
    """FACTS 6: PENDING is a state that a PATCH may set."""
    decide(api, submitted, "REJECTED")
    assert decide(api, submitted, "PENDING").status_code == 200
    assert decide(api, submitted, "APPROVED").status_code == 200
    assert shown(api, 1) == (submitted, True, True)


def test_a_period_is_submitted_once_and_then_added_to(api, submitted):
    """FACTS 6: what was tracked since is added to the request, which then waits once more."""
    assert api.at("POST", "/approval-requests", json=WEEK).status_code == 400
    decide(api, submitted, "APPROVED")
    late = {"start": "2026-08-06T08:00:00Z", "end": "2026-08-06T08:30:00Z"}
    assert api.at("POST", "/time-entries", json=late).status_code == 201

    path = "/approval-requests/resubmit-entries-for-approval"
    assert api.at("POST", path, json=WEEK).json()["id"] == submitted
    (request,) = api.list("/approval-requests", status="PENDING")
    assert (request["approvedTime"], request["pendingTime"]) == ("PT1H", "PT30M")
    assert shown(api, 1)[1] is True


def test_what_a_scenario_marks_as_submitted_is_pending(api, clockify):
    """FACTS 6: pending requests exist; one can be approved as any other."""
    mine = entry(41, "2026-07-28T08:00:00", userId=CY, submitted=True)
    clockify.entries[mine["id"]] = mine
    (request,) = api.list("/approval-requests", status="PENDING")
    id_ = request["approvalRequest"]["id"]
    assert shown_in_july(api) == (id_, False)

    assert decide(api, id_, "APPROVED").status_code == 200
    assert shown_in_july(api) == (id_, True)
    assert len(api.list("/approval-requests", status="APPROVED")) == 2


def shown_in_july(api):
    july = {"dateRangeStart": "2026-07-01T00:00:00", "dateRangeEnd": "2026-07-31T23:59:59"}
    (row,) = api.report(**july)["timeentries"]
    return row["approvalRequestId"], api.numbers(**july, approvalState="APPROVED") == [41]


def test_approval_can_be_withdrawn_from_what_a_scenario_marks(api):
    """FACTS 6: then even what was approved from the beginning can be edited."""
    (request,) = api.list("/approval-requests", status="APPROVED")
    id_ = request["approvalRequest"]["id"]
    assert decide(api, id_, "WITHDRAWN_APPROVAL").status_code == 200

    assert shown(api, 3) == (id_, False, False)
    assert [row["approvalRequest"]["id"] for row in api.list("/approval-requests",
            status="WITHDRAWN_APPROVAL")] == [id_]  # fmt: skip
    assert api.at("PUT", f"/time-entries/{THREE}", json=HOUR).status_code == 200


def test_only_admins_decide_and_submit_for_others(api, plain, submitted):
    """FACTS 6: the owner may take back what waits; others' requests stay hidden."""
    assert [decide(plain, submitted, state).status_code for state in ("APPROVED", "REJECTED",
            "WITHDRAWN_SUBMISSION")] == [403, 403, 403]  # fmt: skip
    assert plain.list("/approval-requests", status="PENDING") == []
    assert plain.at("POST", f"/approval-requests/users/{ADA}", json=WEEK).status_code == 403

    decide(api, request_of(api, CY), "WITHDRAWN_APPROVAL")
    made = api.at("POST", f"/approval-requests/users/{CY}", json=WEEK).json()
    assert (made["owner"]["userId"], made["creator"]["userId"]) == (CY, ADA)
    assert decide(plain, made["id"], "WITHDRAWN_SUBMISSION").status_code == 200


def request_of(api, user_id):
    rows = [row["approvalRequest"] for row in api.list("/approval-requests")]
    return next(row["id"] for row in rows if row["owner"]["userId"] == user_id)


@pytest.mark.parametrize(
    ("period", "start", "first", "last"),
    [
        ("SEMI_MONTHLY", "2026-08-01T00:00:00Z", "2026-07-31T22:00:00Z", "2026-08-15T21:59:59Z"),
        ("MONTHLY", "2026-08-01T00:00:00Z", "2026-07-31T22:00:00Z", "2026-08-31T21:59:59Z"),
    ],
)
def test_periods_can_be_longer(api, clockify, period, start, first, last):
    """FACTS 6: the period must be the workspace's."""
    body = {"period": period, "periodStart": start}
    assert api.at("POST", "/approval-requests", json=body).status_code == 400
    clockify.workspace["approvalPeriod"] = period
    made = api.at("POST", "/approval-requests", json=body)
    assert made.json()["dateRange"] == {"start": first, "end": last}
    empty = {"period": period, "periodStart": "2027-01-20T00:00:00Z"}
    assert api.at("POST", "/approval-requests", json=empty).status_code == 400


def test_the_list_takes_three_states_and_ignores_whose_and_when(api, submitted, switches):
    """FACTS 6: the refusal's words were seen; user and dates are no filters."""
    refused = refusal(api.at("GET", "/approval-requests", params={"status": "REJECTED"}))
    assert refused[:2] == (400, 501)
    assert refused[2].endswith("following set: PENDING, APPROVED, WITHDRAWN_APPROVAL.")
    decide(api, submitted, "REJECTED")
    switches.lists_every_approval_state = True
    assert len(api.list("/approval-requests", status="REJECTED")) == 1
    other = {"userId": TWO, "start": "2099-01-01T00:00:00Z", "end": "2099-01-02T00:00:00Z"}
    assert len(api.list("/approval-requests", **other)) == 2


def test_requests_are_sorted_and_paged(api, submitted):
    """FACTS 6: by owner, start or last change."""

    def owners(**asked):
        rows = api.list("/approval-requests", **asked)
        return [row["approvalRequest"]["owner"]["userId"] for row in rows]

    assert owners(**{"sort-column": "USER_ID"}) == [ADA, CY]
    assert owners(**{"sort-column": "USER_ID", "sort-order": "DESCENDING"}) == [CY, ADA]
    assert owners(**{"sort-column": "START"}) == [ADA, CY]  # Belgrade's week begins earlier
    assert owners(**{"sort-column": "START", "page-size": "1", "page": "2"}) == [CY]
    assert submitted


def test_approval_needs_a_plan_that_has_it(api, clockify):
    """FACTS 6: Standard and up; the feature says so."""
    clockify.workspace["features"].remove("APPROVAL")
    assert api.at("GET", "/approval-requests").status_code == 403
    assert api.at("POST", "/approval-requests", json=WEEK).status_code == 403


@pytest.mark.parametrize("switches", [Switches(keeps_request_id=False)])
def test_amounts_drift_as_floats_do(api, clockify):
    """FACTS 1.7: sums came as 7090133.833333326; they are no integers, nor cut to cents."""
    for number in range(60, 63):
        row = entry(number, f"2026-08-05T1{number - 60}:00:00", minutes=10, rate=10001)
        clockify.entries[row["id"]] = row | {"submitted": True}
    (request,) = api.list("/approval-requests", status="PENDING")
    assert request["billableAmount"] == 10001 / 6 + 10001 / 6 + 10001 / 6
    assert isinstance(api.list("/approval-requests")[0]["billableAmount"], float)
