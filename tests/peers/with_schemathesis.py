"""Calls each operation of Clockify's OpenAPI that the stand-in serves, allowed or not.

Arguments: address, workspace, key, the OpenAPI as JSON, examples of each operation. A `POST /_new`
puts a new workspace there; it answers with ids of what it holds.

Each example is sent to a new workspace; what it changed is then read by every list, and by the
report. Whether the shapes are those that are published, the stand-in's own process looks at.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from requests.adapters import HTTPAdapter
from schemathesis import GenerationMode
from urllib3 import Retry

ADDRESS, WORKSPACE, KEY, DOCUMENT, EXAMPLES = sys.argv[1:]
HEADERS = {"X-Api-Key": KEY}
LISTS = (
    "user", "workspaces", "users?memberships=ALL&include-roles=true", "clients", "projects",
    "projects?hydrated=true", "tags", "custom-fields", "approval-requests", "webhooks",
    "time-entries/status/in-progress",
)  # fmt: skip
THINGS = {"time-entrie": "timeentry"}
FEED = ("created", "updated", "deleted")

Draw = Any  # hypothesis does not publish the type of what `st.data()` gives

session = requests.Session()
session.trust_env = False
# While examples are made up, the server may hang up on a connection that is idle.
session.mount("http://", HTTPAdapter(max_retries=Retry(3, allowed_methods=None)))
ended: dict[str, str] = {}


def host_of(path: str) -> str:
    return f"{ADDRESS}/report" if "/reports/" in path else f"{ADDRESS}/api"


def new_workspace() -> dict[str, list[str]]:
    """Start anew; return values that fit, by what they are."""
    ids: dict[str, list[str]] = session.post(f"{ADDRESS}/_new", timeout=30).json()
    return ids


def new_webhook() -> str:
    """Make a webhook; return its id."""
    body = {
        "name": "Hook",
        "url": "http://127.0.0.1:9/",
        "webhookEvent": "TIME_ENTRY_UPDATED",
        "triggerSourceType": "WORKSPACE_ID",
        "triggerSource": [WORKSPACE],
    }
    url = f"{ADDRESS}/api/v1/workspaces/{WORKSPACE}/webhooks"
    id_: str = session.post(url, json=body, headers=HEADERS, timeout=30).json()["id"]
    return id_


def is_served(path: str, method: str) -> bool:
    """Return whether the stand-in has the route: to another one it says 404 or 405, code 3000."""
    url = host_of(path) + path.replace("{workspaceId}", WORKSPACE)
    answer = session.request(method, url, headers=HEADERS, timeout=30)
    return answer.status_code not in {404, 405}


def with_real_values(value: Any, real: dict[str, list[str]], data: Draw, name: str) -> Any:
    """Put ids, times and words that fit in place of most that were made up."""
    if isinstance(value, dict) and name == "timeEntryIds":
        value = ""  # the export has an object for the id that it is
    if isinstance(value, dict):
        return {key: with_real_values(one, real, data, key) for key, one in value.items()}
    if isinstance(value, list):
        return [with_real_values(one, real, data, name) for one in value]
    fitting = real.get(kind_of(name))
    if not isinstance(value, str) or not fitting:
        return value
    choice = data.draw(st.integers(0, 5))
    if choice == 0:
        return value
    return data.draw(st.sampled_from(fitting)) if choice == 1 else fitting[0]


def kind_of(name: str) -> str:
    """Return the kind that a member's name is of: `userId`, `user-id` and `userIds` are `user`."""
    words = name.replace("-", "").lower()
    for ending in ("ids", "id", "s"):
        if words.endswith(ending) and words != ending:
            return words.removesuffix(ending)
    return words


def examples(operation: Any, mode: GenerationMode) -> None:
    """Send examples of one operation; raise for the first answer that may not be."""

    @settings(
        max_examples=int(EXAMPLES), deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck), phases=(Phase.generate,),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def send(case: Any, data: Draw) -> None:
        real = new_workspace()
        thing = re.search(r"([\w-]+)s/\{id\}", case.path)
        real["id"] = real[THINGS.get(thing[1], thing[1])] if thing else real["timeentry"]
        if "/webhooks/" in case.path:
            real["webhook"] = [new_webhook()]
        case.path_parameters = with_real_values(case.path_parameters or {}, real, data, "")
        case.path_parameters["workspaceId"] = WORKSPACE
        case.query = with_real_values(case.query or {}, real, data, "")
        if isinstance(case.body, dict | list):
            case.body = with_real_values(case.body, real, data, "")
        case.headers = {}  # no keys that were made up
        answer = case.call(
            base_url=host_of(case.path), headers=HEADERS, session=session, timeout=30
        )
        check(answer.status_code, answer.text, case.as_curl_command())
        if case.method != "GET" and answer.status_code < 300:
            for url, body in reads():
                method = "GET" if body is None else "POST"
                read = session.request(method, url, json=body, headers=HEADERS, timeout=30)
                check(read.status_code, read.text, f"then {method} {url.removeprefix(ADDRESS)}")

    send()


def reads() -> Iterator[tuple[str, Any]]:
    """Yield what is read after a change."""
    here = f"{ADDRESS}/api/v1/workspaces/{WORKSPACE}"
    for name in LISTS:
        yield (
            f"{ADDRESS}/api/v1/{name}" if name in {"user", "workspaces"} else f"{here}/{name}",
            None,
        )
    for name in FEED:
        yield f"{here}/entities/{name}?type=CLIENTS,PROJECTS,TAGS,TASKS,TIME_ENTRY", None
    body = {
        "dateRangeStart": "0100-01-01T00:00:00",
        "dateRangeEnd": "9900-01-01T00:00:00",
        "detailedFilter": {"page": 1, "pageSize": 1000},
    }
    yield f"{ADDRESS}/report/v1/workspaces/{WORKSPACE}/reports/detailed", body


def check(status: int, text: str, what: str) -> None:
    """Refuse a breakdown; that a stand-in says what it does not know is none."""
    if status >= 500 and "The stand-in does not know" not in text:
        raise AssertionError(f"{what}: {status}: {text[:300]}")


schema = schemathesis.openapi.from_path(DOCUMENT)
for result in schema.get_all_operations():
    operation = result.ok()
    if not is_served(operation.path, operation.method):
        continue
    label = f"{operation.method.upper()} {operation.path}"
    try:
        examples(operation, GenerationMode.POSITIVE)
        with suppress(Unsatisfiable):  # where nothing can be wrong: an id in a path is any text
            examples(operation, GenerationMode.NEGATIVE)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the report
        ended[label] = f"{type(error).__name__}: {error}"[:1000]
    else:
        ended[label] = ""
json.dump(ended, sys.stdout)
