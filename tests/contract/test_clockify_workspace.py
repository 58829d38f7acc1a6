"""Keys, lists, people, clients, projects and settings of a Clockify workspace."""

import pytest
from contract_clockify import RATE, refusal
from contract_rules import rule

NOBODY = "0123456789abcdef01234567"

# --- keys and refusals -------------------------------------------------------------------------


@rule("Clockify 1.2")
@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, 1000), ({"X-Api-Key": "nonsense"}, 4003), ({"Authorization": "Bearer nonsense"}, 1000)],
    ids=["no-key", "unknown-key", "bearer"],
)
def test_a_key_is_needed(clockify, headers, code):
    """401; the code says whether there was none or an unknown one."""
    assert refusal(clockify.at("GET", "/user", headers=headers)) == (401, code)


@rule("Clockify 2.1")
def test_a_key_is_a_users(clockify):
    """`GET /user` says whose, with their time zone."""
    me = clockify.at("GET", "/user").json()

    assert len(me["id"]) == 24
    assert "/" in me["settings"]["timeZone"] or me["settings"]["timeZone"] == "UTC"


@rule("Clockify 1.4")
@pytest.mark.parametrize("path", ["/projects", "/clients", "/time-entries", "/tags"])
def test_what_is_not_there_is_no_404(clockify, path):
    """An unknown id of the workspace gets 400 with code 501: deleted and foreign ones, too."""
    assert refusal(clockify.call("GET", f"{path}/{NOBODY}")) == (400, 501)


@rule("Clockify 1.4")
def test_an_unknown_route(clockify):
    """404 with code 3000."""
    assert refusal(clockify.call("GET", "/no-such-thing")) == (404, 3000)


@rule("Clockify 3")
def test_nobody_lists_all_entries_at_once(clockify):
    """The core host lists entries of one user; of all, 405."""
    assert refusal(clockify.call("GET", "/time-entries")) == (405, 3000)


@rule("Clockify 1.4")
def test_a_repeated_post_makes_two(clockify):
    """There is no idempotency: the same body twice is two entries, key or not."""
    headers = {**clockify.where.credentials, "Idempotency-Key": "once"}
    body = clockify.body()

    made = [clockify.call("POST", "/time-entries", json=body, headers=headers) for _ in range(2)]

    for answer in made:
        assert answer.status_code == 201
        clockify.undo("DELETE", f"/time-entries/{answer.json()['id']}")
    assert made[0].json()["id"] != made[1].json()["id"]


@rule("Clockify 1.3", only="to reach a limit would stop the workspace's other integrations")
def test_requests_are_limited(clockify):
    """50 a second, then 429; a second later they are taken again."""
    clockify.standin.switches.requests_per_second = 50
    clockify.standin.now.advance(10)

    answers = [clockify.at("GET", "/user").status_code for _ in range(51)]
    clockify.standin.now.advance(1)

    assert 429 in answers
    assert clockify.at("GET", "/user").status_code == 200


@rule("Clockify 1.3", switch="throttles_in_json", only="a 429 cannot be had without reaching it")
def test_what_a_429_says(clockify):
    """JSON or text; only its status counts."""
    clockify.standin.switches.requests_per_second = 0

    answer = clockify.at("GET", "/user")

    assert answer.status_code == 429
    clockify.shows("throttles_in_json", answer.text.startswith("{"))


@rule(
    "Clockify 1.3", switch="retry_after_s", settings=(None, 7),
    only="a 429 cannot be had without reaching it",
)  # fmt: skip
def test_a_429_may_say_how_long(clockify):
    """`Retry-After` was not seen; where it comes, it is read."""
    clockify.standin.switches.requests_per_second = 0

    wait = clockify.at("GET", "/user").headers.get("Retry-After")

    clockify.shows("retry_after_s", wait and int(wait))


@rule("Clockify 1.3", only="it takes a workspace on the free plan, and its hour")
def test_the_free_plan_has_30_requests_an_hour(clockify):
    """For the whole workspace."""
    clockify.standin.workspace["featureSubscriptionType"] = "FREE"

    answers = [clockify.at("GET", "/user").status_code for _ in range(31)]

    assert answers == [200] * 30 + [429]


# --- pages -------------------------------------------------------------------------------------


@rule("Clockify 1.5")
def test_lists_say_which_page_is_the_last(clockify):
    """`Last-Page`; a page past the end is an empty list."""
    name = clockify.name("page")
    for number in range(3):
        clockify.new_project(f"{name} {number}")

    pages = [
        clockify.call("GET", "/projects", params={"name": name, "page": page, "page-size": 2})
        for page in (1, 2, 3)
    ]

    assert [len(page.json()) for page in pages] == [2, 1, 0]
    assert [page.headers["Last-Page"] for page in pages[:2]] == ["false", "true"]


@rule("Clockify 11", switch="larger_pages")
def test_a_page_that_is_too_large(clockify):
    """More than 5,000: cut, or refused."""
    answer = clockify.call("GET", "/tags", params={"page-size": 5001})

    clockify.shows("larger_pages", "cut" if answer.ok else "refused")


# --- the workspace and its people --------------------------------------------------------------


@rule("Clockify 2.2")
def test_a_workspace_says_what_it_can(clockify):
    """`features` by name, the rounding of its reports, its currencies."""
    row = clockify.call("GET", "").json()

    assert all(isinstance(feature, str) for feature in row["features"])
    settings = row["workspaceSettings"]
    assert isinstance(settings["timeRoundingInReports"], bool)
    assert int(settings["round"]["minutes"]) > 0
    assert {"id", "code", "isDefault"} <= set(row["currencies"][0])


@rule("Clockify 2.3")
def test_an_owner_is_no_admin_in_the_list_of_workspaces(clockify):
    """So both roles are asked for; whoever is one of them finds the workspace."""
    params = {"roles": ["WORKSPACE_ADMIN", "OWNER"]}
    found = clockify.at("GET", "/workspaces", params=params).json()

    assert clockify.where.account in {row["id"] for row in found}


@rule("Clockify 2.4")
def test_users_come_with_their_membership(clockify):
    """Only when asked for; it alone tells whether somebody is active here."""
    statuses = "ACTIVE,PENDING_EMAIL_VERIFICATION,NOT_REGISTERED,LIMITED,DELETED"
    params = {"account-statuses": statuses, "page-size": 5000}

    users = clockify.list("/users", memberships="WORKSPACE", **params)

    (mine,) = [user for user in users if user["id"] == clockify.me["id"]]
    assert [one["membershipStatus"] for one in mine["memberships"]] == ["ACTIVE"]
    bare = clockify.list("/users", **params)
    assert not any(user["memberships"] for user in bare)


@rule("Clockify 2.4", only="an invitation sends an e-mail and takes a seat")
def test_an_invitation_answers_with_the_workspace(clockify):
    """Not with the user, who is looked for afterwards."""
    answer = clockify.call("POST", "/users", json={"email": "new@example.com"})

    assert answer.json()["id"] == clockify.where.account
    assert clockify.list("/users", email="new@example.com")[0]["status"] == "NOT_REGISTERED"


# --- clients and projects ----------------------------------------------------------------------


@rule("Clockify 2.5")
def test_a_client_is_made_once(clockify):
    """Its name is its own: another one gets 400."""
    name = clockify.name("client")
    made = clockify.new_client(name)

    assert (made["name"], made["archived"]) == (name, False)
    assert refusal(clockify.call("POST", "/clients", json={"name": name})) == (400, 501)


@rule("Clockify 2.5")
def test_lists_have_archived_ones_too(clockify):
    """Without `archived`, both; an archived one keeps its name."""
    row = clockify.new_client()
    body = {"name": row["name"], "archived": True}
    assert clockify.call("PUT", f"/clients/{row['id']}", json=body).ok

    found = clockify.list("/clients", name=row["name"])

    assert [one["archived"] for one in found] == [True]
    assert refusal(clockify.call("POST", "/clients", json={"name": row["name"]}))[0] == 400


@rule("Clockify 2.6")
def test_two_clients_may_have_projects_of_one_name(clockify):
    """One client may not; so a project is known by its client and its name."""
    name = clockify.name("project")
    clockify.new_project(name, clientId=clockify.client)
    clockify.new_project(name, clientId=clockify.new_client()["id"])

    body = {"name": name, "clientId": clockify.client}
    assert refusal(clockify.call("POST", "/projects", json=body)) == (400, 501)


@rule("Clockify 2.6")
def test_projects_are_looked_for(clockify):
    """By their whole name and their client."""
    row = clockify.new_project(clientId=clockify.client)
    clockify.new_project(f"{row['name']} more", clientId=clockify.client)

    params = {"name": row["name"], "strict-name-search": "true", "clients": clockify.client}
    found = clockify.list("/projects", **params)

    assert [(one["id"], one["clientId"]) for one in found] == [(row["id"], clockify.client)]


@rule("Clockify 2.6")
def test_a_project_says_what_it_was_made_with(clockify):
    """Public or not, billable or not, its client, its rate in hundredths."""
    row = clockify.new_project(
        clientId=clockify.client, isPublic=False, billable=False, hourlyRate={"amount": RATE}
    )

    assert (row["public"], row["billable"], row["clientId"]) == (False, False, clockify.client)
    assert row["hourlyRate"]["amount"] == RATE


@rule("Clockify 11", switch="no_client_is_null")
def test_a_project_without_a_client(clockify):
    """Its client's id: nothing, or an empty text."""
    row = clockify.new_project()

    (found,) = clockify.list("/projects", name=row["name"])

    clockify.shows("no_client_is_null", found["clientId"] is None)


@rule("Clockify 11", switch="case_insensitive_names")
def test_case_in_names(clockify):
    """Whether "acme" is taken when "Acme" is there."""
    row = clockify.new_client()
    name = row["name"].replace("client", "CLIENT")

    answer = clockify.call("POST", "/clients", json={"name": name})
    if answer.ok:
        clockify.undo("DELETE", f"/clients/{answer.json()['id']}")
        archived = {"name": name, "archived": True}
        clockify.undo("PUT", f"/clients/{answer.json()['id']}", json=archived)

    clockify.shows("case_insensitive_names", not answer.ok)
