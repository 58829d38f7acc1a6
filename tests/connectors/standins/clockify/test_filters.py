"""No filter of a list is ignored in silence; pages and windows can be read either way."""

import pytest
from clockify_studio import ADA, APP, BO, CY, DEE, WEB, refusal

from connectors.standins.clockify.app import Switches


@pytest.mark.parametrize(
    "path",
    [
        "/clients",
        "/projects",
        f"/projects/{WEB}/tasks",
        "/tags",
        "/users",
        "/custom-fields",
        "/approval-requests",
        f"/user/{ADA}/time-entries",
        "/time-entries/status/in-progress",
    ],
)
def test_a_list_refuses_a_filter_that_it_does_not_know(api, path):
    """Rather than ignore it in silence, so that no caller believes that it filtered."""
    answer = api.at("GET", path, params={"surprise": "1"})
    assert refusal(answer) == (501, 501, "The stand-in does not know surprise")


def test_bodies_that_filter_refuse_what_they_do_not_know(api):
    """The same for the list of users by body, and for what is documented but not modelled."""
    assert api.at("POST", "/users/info", json={"surprise": 1}).status_code == 501
    assert api.at("POST", "/users/info", json={"userGroups": []}).status_code == 501
    assert api.at("GET", "/users", params={"sort-column": "ACCESS"}).status_code == 501
    assert api.at("GET", "/projects", params={"sort-column": "BUDGET"}).status_code == 501


def test_projects_are_filtered_by_member_and_sorted_by_client(api):
    """FACTS 2.6."""
    api.at("PUT", f"/projects/{APP}/users/{BO}/hourly-rate", json={"amount": 1})
    assert [row["id"] for row in api.list("/projects", users=BO)] == [APP]
    without = api.list("/projects", users=BO, **{"contains-user": "false"})
    assert APP not in [row["id"] for row in without]
    names = [row["clientName"] for row in api.list("/projects", **{"sort-column": "CLIENT_NAME"})]
    assert names == ["", "Acme", "Acme", "Oldco"]
    assert api.list("/projects", **{"is-template": "true"}) == []
    deactivated = {"users": BO, "user-status": "INACTIVE"}
    assert api.list("/projects", **deactivated) == []
    api.at("PUT", f"/users/{BO}", json={"status": "INACTIVE"})
    assert [row["id"] for row in api.list("/projects", **deactivated)] == [APP]
    of_users = {"custom-field-entity-type": "USER", "hydrated": "true"}
    assert api.at("GET", f"/projects/{APP}", params=of_users).json()["customFields"] == []


def test_entries_of_the_week_before_are_those_with_a_project(api):
    """The OpenAPI: `get-week-before` wants a project or a task, too."""
    path = f"/user/{DEE}/time-entries"
    week = {"get-week-before": "2026-08-10T00:00:00Z"}
    assert api.list(path, **week) == []  # it has no project
    api.at("POST", path, json={"start": "2026-08-06T08:00:00Z", "projectId": WEB})
    assert len(api.list(path, **week)) == 1
    assert api.list(path, **{"get-week-before": "2026-08-06T00:00:00Z"}) == []
    assert api.list(path, **{"get-week-before": "2026-08-14T00:00:00Z"}) == []
    assert api.at("GET", path, params={"get-week-before": "August"}).status_code == 400


def test_users_are_filtered_by_the_project_that_they_may_work_on(api, clockify):
    """FACTS 2.4: everybody on a public one, members and admins on a private one."""
    assert len(api.list("/users", **{"project-id": WEB})) == 4
    clockify.projects[WEB]["public"] = False
    api.at("PUT", f"/projects/{WEB}/users/{CY}/hourly-rate", json={"amount": 1})
    assert [row["id"] for row in api.list("/users", **{"project-id": WEB})] == [ADA, BO, CY]


@pytest.mark.parametrize("switches", [Switches(larger_pages="refused", largest_core_page=2)])
def test_a_page_that_is_too_large_can_be_refused(api):
    """FACTS 1.5 and 11: cut or refused is not known."""
    assert refusal(api.at("GET", "/projects", params={"page-size": 3}))[:2] == (400, 501)
    assert len(api.list("/projects", **{"page-size": 2})) == 2


@pytest.mark.parametrize("switches", [Switches(window_zone="owner")])
def test_windows_can_be_on_the_owners_clock(plain):
    """FACTS 1.6(2) and 11: the user's zone and the workspace's could not be told apart."""
    window = {"start": "2026-08-05T10:30:00Z", "end": "2026-08-06T00:00:00Z"}
    assert plain.list(f"/user/{CY}/time-entries", **window) == []  # 08:00Z is 10:00 in Belgrade
    assert len(plain.list(f"/user/{CY}/time-entries", start="2026-08-05T10:00:00Z")) == 2


@pytest.mark.parametrize("switches", [Switches(no_client_is_null=True)])
def test_a_project_without_client_can_have_null_for_it(api):
    """FACTS 2.6: the empty text is recalled, not seen."""
    (inner,) = api.list("/projects", name="Inner")
    assert (inner["clientId"], inner["clientName"]) == (None, None)
