"""Entries get their rates and currencies in the real service's order."""

import pytest
from clockify_studio import ACME, ADA, APP, CY, DESIGN, EURO, HOUR, ONE, WEB, read, refusal


def test_the_finest_rate_wins_and_zero_counts(api):
    """FACTS 6: project member, task, project, workspace member, workspace."""
    task_time = HOUR | {"projectId": WEB, "taskId": DESIGN, "billable": True}
    scales = [
        ("/hourly-rate", 1000),
        (f"/users/{ADA}/hourly-rate", 2000),
        (None, 3000),
        (f"/projects/{WEB}/tasks/{DESIGN}/hourly-rate", 4000),
        (f"/projects/{WEB}/users/{ADA}/hourly-rate", 0),
    ]
    for path, amount in scales:
        if path is None:
            body = {"name": "Website", "clientId": ACME, "hourlyRate": {"amount": amount}}
            assert api.at("PUT", f"/projects/{WEB}", json=body).status_code == 200
        else:
            assert api.at("PUT", path, json={"amount": amount}).status_code == 200
        made = api.at("POST", "/time-entries", json=task_time).json()["id"]
        assert read(api, made)["hourlyRate"] == {"amount": amount, "currency": "USD"}


@pytest.mark.parametrize(("member_first", "amount"), [(False, 3000), (True, 2000)])
def test_a_project_and_a_member_of_the_workspace_can_go_either_way(
    api, clockify, member_first, amount
):
    """FACTS 6: the project's goes first by three help pages, the member's by one."""
    clockify.switches.member_rate_first = member_first
    api.at("PUT", f"/users/{ADA}/hourly-rate", json={"amount": 2000})
    priced = {"name": "Website", "clientId": ACME, "hourlyRate": {"amount": 3000}}
    api.at("PUT", f"/projects/{WEB}", json=priced)
    time = HOUR | {"projectId": WEB, "billable": True}

    made = api.at("POST", "/time-entries", json=time).json()["id"]

    assert read(api, made)["hourlyRate"]["amount"] == amount


def test_costs_have_rates_of_their_own(api):
    """FACTS 1.7 and 4: they count for time that is not billable, too; profit is what is left."""
    api.at("PUT", f"/users/{ADA}/cost-rate", json={"amount": 40})
    api.at("PUT", f"/users/{ADA}/hourly-rate", json={"amount": 100})
    for billable in (True, False):
        day = {"start": "2026-08-10T00:00:00Z", "end": "2026-08-10T08:00:00Z"}
        api.at("POST", "/time-entries", json=day | {"billable": billable, "description": "new"})

    report = api.report(amounts=["EARNED", "COST", "PROFIT"], description="new")
    shown = [
        (row["earnedAmount"], row["costAmount"], row["profitAmount"], row["costRate"])
        for row in sorted(report["timeentries"], key=lambda row: row["billable"])
    ]
    assert shown == [(None, 320, -320, 40), (800, 320, 480, 40)]
    totals = {part["type"]: part["value"] for part in report["totals"][0]["amounts"]}
    assert totals == {"EARNED": 800, "COST": 640, "PROFIT": 160}
    core = read(api, report["timeentries"][0]["_id"])
    assert core["costRate"] == {"amount": 40, "currency": "USD"}


def test_rates_are_put_and_never_got(api, plain):
    """FACTS 2.8: GET is 405; a project's own rate has no route; only admins set rates."""
    assert refusal(api.at("GET", "/hourly-rate"))[:2] == (405, 3000)
    no_route = api.at("PUT", f"/projects/{WEB}/hourly-rate", json={"amount": 1})
    assert refusal(no_route)[:2] == (404, 3000)
    assert plain.at("PUT", "/hourly-rate", json={"amount": 1}).status_code == 403
    assert api.at("PUT", "/hourly-rate", json={"amount": -1}).status_code == 400


def test_an_entry_keeps_its_rate_until_what_it_hangs_on_is_edited(api):
    """FACTS 6: project or billable status; or a new rate that says since when."""
    body = HOUR | {"projectId": WEB, "billable": True}
    api.at("PUT", f"/users/{ADA}/hourly-rate", json={"amount": 5000})
    made = api.at("POST", "/time-entries", json=body).json()["id"]
    rates = [read(api, made)["hourlyRate"]["amount"]]
    api.at("PUT", f"/users/{ADA}/hourly-rate", json={"amount": 6000})
    for edit in ({"description": "edited"}, {"projectId": APP}):
        api.at("PUT", f"/time-entries/{made}", json=body | edit)
        rates.append(read(api, made)["hourlyRate"]["amount"])
    since = {"amount": 7000, "since": "2026-08-10T00:00:00Z"}
    api.at("PUT", f"/users/{ADA}/hourly-rate", json=since)
    rates.append(read(api, made)["hourlyRate"]["amount"])

    assert rates == [5000, 5000, 6000, 7000]
    assert read(api, ONE)["hourlyRate"]["amount"] == 4500


def test_a_clients_currency_is_set_by_id_with_a_put_and_stays(api):
    """FACTS 2.5 and 6: it is the currency of its projects' rates and of their new entries."""
    path = f"/clients/{ACME}"
    inert = api.at("PUT", path, json={"name": "Acme", "currencyCode": "EUR"}).json()
    assert inert["currencyCode"] == "USD"
    euros = api.at("PUT", path, json={"name": "Acme", "currencyId": EURO}).json()
    assert (euros["currencyId"], euros["currencyCode"]) == (EURO, "EUR")
    assert api.at("PUT", path, json={"name": "Acme"}).json()["currencyCode"] == "EUR"
    assert api.at("PUT", path, json={"name": "Acme", "currencyId": "f" * 24}).status_code == 400

    made = api.at("POST", "/time-entries", json=HOUR | {"projectId": WEB, "billable": True})
    assert read(api, made.json()["id"])["hourlyRate"]["currency"] == "EUR"
    project = api.list(f"/projects/{WEB}", hydrated="true")
    assert (project["hourlyRate"]["currency"], project["currency"]["code"]) == ("EUR", "EUR")


def test_a_client_has_three_more_addresses_at_most(api):
    """FACTS 2.5: the words of the refusal are off by one, as the real one's are."""
    path, four = f"/clients/{ACME}", [f"{n}@example.com" for n in range(4)]
    assert api.at("PUT", path, json={"name": "Acme", "ccEmails": four[:3]}).status_code == 200
    refused = api.at("PUT", path, json={"name": "Acme", "ccEmails": four})
    assert refusal(refused) == (400, 501, "Number of additional emails must be less than 3")


def test_a_new_project_may_have_members_with_rates_and_tasks(api):
    """FACTS 2.6: its maker is a member in any case."""
    body = {
        "name": "Shop",
        "memberships": [{"userId": CY, "hourlyRate": {"amount": 4200}}],
        "tasks": [{"name": "Build"}, {"name": "Test"}],
    }
    project = api.at("POST", "/projects", json=body).json()
    rates = {row["userId"]: row["hourlyRate"] for row in project["memberships"]}
    assert rates == {ADA: None, CY: {"amount": 4200, "currency": "USD"}}
    assert len(api.list(f"/projects/{project['id']}/tasks")) == 2
    assert api.at("POST", "/projects", json=body | {"name": "x2", "tasks": [{}]}).status_code == 400


def test_rates_can_be_for_admins_alone(api, plain, clockify):
    """FACTS 2.3: then others see none, on entries, projects, members and the workspace."""
    clockify.settings["onlyAdminsSeeBillableRates"] = True
    clockify.projects[WEB]["hourlyRate"] = {"amount": 4500, "currency": "USD"}
    path = f"/user/{CY}/time-entries"

    assert plain.list(path)[0]["hourlyRate"] is None
    assert api.list(path)[0]["hourlyRate"] is not None
    for one, seen in ((plain, False), (api, True)):
        shown = [
            one.list(f"/projects/{WEB}")["hourlyRate"],
            one.list("/projects", name="Web")[0]["hourlyRate"],
            one("GET", "/workspaces").json()[0]["hourlyRate"],
        ]
        assert [rate is not None for rate in shown] == [seen] * 3
