"""Whatever Clockify's OpenAPI allows or not, the stand-in neither breaks down nor drifts."""

import json
import subprocess
from copy import deepcopy
from pathlib import Path

import published
import pytest
from clockify_studio import NOW, SCENARIO, WORKSPACE
from kept_environment import kept_environment

from connectors.standins.clockify.app import ClockifyStandin, Switches
from connectors.standins.clockify.timesheets import timesheets
from connectors.standins.server import serving

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".peers" / "python" / "bin" / "python"
EXAMPLES = 15

UNLIMITED = Switches(requests_per_second=None)

#: A workspace in which most operations can succeed: with a custom field, and with time that waits.
HOUSE = deepcopy(SCENARIO)
HOUSE["clockify"]["custom_fields"] = [{"id": "f" * 24, "name": "Deal", "type": "TXT"}]
HOUSE["clockify"]["entries"][1]["submitted"] = True


class Renewed:
    """An ASGI application: a workspace, and `POST /_new` for another one."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> dict[str, list[str]]:
        """Put a new workspace there, and return what fits where."""
        state = self.clockify = ClockifyStandin(HOUSE, now=lambda: NOW, switches=UNLIMITED)
        return {
            "user": list(state.users),
            "client": list(state.clients),
            "project": list(state.projects),
            "task": list(state.tasks),
            "tag": list(state.tags),
            "timeentry": list(state.entries),
            "customfield": list(state.custom_fields),
            "approvalrequest": [sheet.id for sheet, _ in timesheets(state)],
            "currency": ["c" * 24],
            "start": ["2026-08-05T09:00:00Z", "2026-08-31T23:59:59Z"],
            "end": ["2026-08-05T10:00:00Z", "2026-08-01T00:00:00Z"],
            "since": ["2026-08-01T00:00:00Z"],
            "periodstart": ["2026-08-03T00:00:00Z"],
            "daterangestart": ["2026-08-01T00:00:00"],
            "daterangeend": ["2026-08-31T23:59:59"],
            "timezone": ["UTC", "Asia/Tokyo"],
            "color": ["#00ff00"],
            "email": ["new@example.com", "ada.byron@example.com"],
            "name": ["Another", "Website", "Acme"],
        }

    async def __call__(self, scope, receive, send):
        """Answer as the workspace does."""
        if scope["path"] != "/_new":
            await self.clockify.app(scope, receive, send)
            return
        body = json.dumps(self.renew()).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


@pytest.mark.slow
def test_no_operation_breaks_the_stand_in(tmp_path):
    """No 5xx, and no shape that is not published, also of what is read afterwards."""
    if not PYTHON.exists() or not published.OPENAPI.exists():
        pytest.skip("`make test-peers` installs it; it needs Clockify's OpenAPI, too")
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(published._published()))  # noqa: SLF001
    with serving(Renewed()) as address:
        arguments = [address, WORKSPACE, "owner", document, str(EXAMPLES)]
        ran = subprocess.run(
            [PYTHON, HERE / "with_schemathesis.py", *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=kept_environment() | {"PYTHONDONTWRITEBYTECODE": "1"},
        )

    assert ran.returncode == 0, ran.stderr
    ended = json.loads(ran.stdout)
    print(f"schemathesis: {len(ended)} operations, {EXAMPLES} right and wrong examples each")  # noqa: T201
    assert len(ended) > 50
    assert {name: words for name, words in ended.items() if words} == {}
