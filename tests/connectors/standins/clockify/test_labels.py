"""Tags and tasks are made, renamed, given and deleted as the real service does it."""

from clockify_studio import ADA, DESIGN, HOUR, ONE, URGENT, WEB, read, refusal


def test_tags_are_renamed_archived_and_deleted(api, clockify):
    """FACTS 2.5: a PUT replaces, so that a new name alone takes a tag out of the archive."""
    path = f"/tags/{URGENT}"
    assert api.at("PUT", path, json={"name": "now", "archived": True}).json()["archived"] is True
    assert api.at("PUT", path, json={"name": "at once"}).json()["archived"] is False
    assert api.at("POST", "/tags", json={"name": "at once"}).status_code == 400

    deleted = api.at("DELETE", path)
    assert (deleted.status_code, deleted.json()["name"]) == (200, "at once")
    assert refusal(api.at("GET", path)) == (400, 501, "Tag doesn't belong to Workspace")
    assert clockify.entries[ONE]["tagIds"] == []
    assert api.at("POST", "/tags", json={"name": "at once"}).status_code == 201


def test_tags_are_given_and_taken_with_a_put(api):
    """FACTS 3: the ids are replaced like all else, and must be known."""
    later = api.at("POST", "/tags", json={"name": "later"}).json()["id"]
    api.at("PUT", f"/time-entries/{ONE}", json=HOUR | {"tagIds": [URGENT, later]})
    assert read(api, ONE)["tagIds"] == [URGENT, later]
    unknown = api.at("PUT", f"/time-entries/{ONE}", json=HOUR | {"tagIds": ["f" * 24]})
    assert refusal(unknown) == (400, 501, "Tag doesn't belong to Workspace")
    assert [row["id"] for row in api.list("/tags", **{"excluded-ids": URGENT})] == [later]


def test_a_task_is_done_before_it_is_deleted(api):
    """FACTS 2.7."""
    path = f"/projects/{WEB}/tasks/{DESIGN}"
    assert refusal(api.at("DELETE", path)) == (400, 501, "Cannot delete an active task")
    assert api.at("PUT", path, json={"name": "Design", "status": "DONE"}).json()["status"] == "DONE"
    assert api.list(f"/projects/{WEB}/tasks", **{"is-active": "true"}) == []
    assert api.at("DELETE", path).status_code == 200
    assert api.list(f"/projects/{WEB}/tasks") == []


def test_user_groups_have_the_ids_of_their_users(api, clockify):
    """OpenAPI, `getUserGroups`: by name, in pages, as all lists."""
    for letter, name in (("a", "Field"), ("b", "Office")):
        id_ = letter * 24
        clockify.user_groups[id_] = {"id": id_, "name": name, "userIds": [ADA]}

    assert [row["name"] for row in api.list("/user-groups")] == ["Field", "Office"]
    [row] = api.list("/user-groups", name="off")
    assert (row["id"], row["userIds"]) == ("b" * 24, [ADA])
