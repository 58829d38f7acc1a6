"""Other people's clients, unchanged but for the address: what the documents allow passes."""

import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kept_environment import kept_environment

HERE = Path(__file__).parent
#: Where `make test-peers` installs them, each kind apart from the product and from the others.
INSTALLED = HERE.parents[1] / ".peers"
PYTHON = INSTALLED / "python" / "bin" / "python"
AIRBYTE = INSTALLED / "airbyte" / "bin" / "python"
NODE_MODULES = INSTALLED / "node" / "node_modules"

_NAME = "FACTS, Clockify, 2.4: an invited user's name is null; its model wants a text"


@dataclass(frozen=True)
class Peer:
    """A script that makes another program's calls, and what it needs.

    Attributes:
        script: Its file, beside this one.
        runs: The program that runs it.
        needs: What must be there.
        unable: The calls that fail by the peer's own fault, each with the reason.
    """

    script: str
    runs: Path
    needs: Path
    unable: dict[str, str] = field(default_factory=dict)


PEERS = [
    Peer("with_python_quickbooks.py", PYTHON, PYTHON),
    Peer("with_intuit_oauth.py", PYTHON, PYTHON),
    Peer("with_node_quickbooks.js", Path(shutil.which("node") or "node"), NODE_MODULES),
    Peer("with_airbyte.py", AIRBYTE, AIRBYTE),
    Peer(
        "with_clockify_sdk.py",
        PYTHON,
        PYTHON,
        {"time_entries.delete": "FACTS, Clockify, 3: 204 has no body; it reads one"},
    ),
    Peer(
        "with_clockify_python_115.py",
        PYTHON,
        PYTHON,
        {
            "users.list by sort_column": _NAME,
            "users.list by sort_order": _NAME,
            "users.list by memberships": _NAME,
            "users.list by include_roles": _NAME,
            "reports.detailed without a match": "FACTS, Clockify, 4: totals may hold null",
        },
    ),
]


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: Path(peer.script).stem)
def test_what_the_documents_allow_passes(peer, house):
    """Every call passes, and returns what it must, but for those that the peer itself breaks."""
    if not peer.needs.exists():
        pytest.skip("`make test-peers` installs it")
    house.clockify.features.append("CUSTOM_FIELDS")

    ended = calls_of(peer, house)

    failed = {name: words for name, words in ended.items() if words}
    print(f"{peer.script}: {len(ended)} calls, {len(failed)} failed")  # noqa: T201 - the measure
    assert len(ended) > 5
    assert {name: failed[name] for name in failed.keys() - peer.unable.keys()} == {}
    assert failed.keys() == peer.unable.keys()


def calls_of(peer, house):
    """Run a peer's script, and return how each of its calls ended."""
    quickbooks = house.environment["CLOCKBOOKS_QBO_URL"]
    clockify = house.environment["CLOCKBOOKS_CLOCKIFY_URL"].removesuffix("/api/v1")
    realm, app = house.quickbooks.realm_id, house.scenario["quickbooks"]
    secrets = [app["client_id"], app["client_secret"]]
    arguments = {
        "with_python_quickbooks.py": [quickbooks, realm, house.quickbooks.access_token()],
        "with_intuit_oauth.py": [quickbooks, realm, *secrets],
        "with_node_quickbooks.js": [quickbooks, realm, *secrets, app["refresh_token"]],
    }
    workspace, key = house.clockify.workspace_id, next(iter(house.clockify.api_keys))
    more = arguments.get(peer.script, [clockify, workspace, key])
    ran = subprocess.run(
        [peer.runs, HERE / peer.script, *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=house.folder,
        env=kept_environment()
        | {
            "NODE_PATH": str(NODE_MODULES),
            "OAUTHLIB_INSECURE_TRANSPORT": "1",  # the stand-ins speak HTTP
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)
