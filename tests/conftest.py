"""What the tests share: both stand-ins over loopback, a database, and the installed command."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from connectors.standins.clockify import ClockifyStandin
from connectors.standins.quickbooks import QuickBooksStandin, Switches
from connectors.standins.server import serving
from connectors.standins.world import load_world

ROOT = Path(__file__).parent.parent
DEMO_WORLD = ROOT / "data" / "demo_world.yaml"

#: Vendors' samples stand beside the project, where they may; their licences keep them out of it.
SHARED = ROOT.parent / "shared"

COMMAND = Path(sys.executable).parent / "clockbooks"

settings.register_profile("suite", deadline=None)  # a slow machine is no failure
settings.load_profile("suite")


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON document on standard output."""
        return json.loads(self.out)


@dataclass
class House:
    """Both services on loopback, and the settings with which the command finds them."""

    clockify: ClockifyStandin
    quickbooks: QuickBooksStandin
    world: dict[str, Any]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        """Run the installed command as a user would, in an empty folder of its own."""
        kept = {
            name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}
        }
        done = subprocess.run(
            [str(COMMAND), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=self.folder,
            env={**kept, **self.environment, **environment},
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def connect(self, *arguments: str, **environment: str) -> Ran:
        """Connect with the stand-in's refresh token, given on standard input."""
        realm_id = self.world["quickbooks"]["realm_id"]
        options = ["--realm-id", realm_id, "--refresh-token-file", "-", *arguments]
        token = self.world["quickbooks"]["refresh_token"]
        return self.run("connect", *options, stdin=token, **environment)


@contextmanager
def open_house(world: dict[str, Any], folder: Path, **switches: Any) -> Iterator[House]:
    """Serve both stand-ins with *world*; the limits are lifted unless *switches* set them."""
    lifted = {"requests_per_second": None, "requests_per_minute": None, "batches_per_minute": None}
    clockify = ClockifyStandin(world)
    quickbooks = QuickBooksStandin(world, switches=Switches(**{**lifted, **switches}))
    with serving(clockify.app) as clockify_url, serving(quickbooks.app) as quickbooks_url:
        environment = {
            "CLOCKBOOKS_DATABASE_URL": f"sqlite:///{folder}/clockbooks.db",
            "CLOCKBOOKS_CLOCKIFY_API_KEY": next(iter(world["clockify"]["api_keys"])),
            "CLOCKBOOKS_CLOCKIFY_URL": f"{clockify_url}/api/v1",
            "CLOCKBOOKS_CLOCKIFY_REPORTS_URL": f"{clockify_url}/report/v1",
            "CLOCKBOOKS_QBO_CLIENT_ID": world["quickbooks"]["client_id"],
            "CLOCKBOOKS_QBO_CLIENT_SECRET": world["quickbooks"]["client_secret"],
            "CLOCKBOOKS_QBO_URL": quickbooks_url,
            "CLOCKBOOKS_QBO_TOKEN_URL": f"{quickbooks_url}/oauth2/v1/tokens/bearer",
            "CLOCKBOOKS_QBO_BATCHES_PER_MINUTE": "100000",
            "CLOCKBOOKS_QBO_REQUESTS_PER_MINUTE": "100000",
            "CLOCKBOOKS_QBO_REQUESTS_PER_SECOND": "100000",
        }
        yield House(clockify, quickbooks, world, folder, environment)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give both services with the demo's world, not connected yet."""
    with open_house(load_world(DEMO_WORLD), tmp_path) as opened:
        yield opened


@pytest.fixture
def connected(house: House) -> House:
    """Give both services with the demo's world, connected and synced."""
    assert house.connect().code == 0
    assert house.run("sync").code == 0
    return house


@pytest.fixture
def shared_samples() -> Callable[[str], Path]:
    """Give the path of a vendor's sample, or skip where the samples are not."""

    def find(name: str) -> Path:
        path = SHARED / "reference" / name
        if not path.exists():
            pytest.skip(f"the vendors' samples are not beside the project: {name}")
        return path

    return find
