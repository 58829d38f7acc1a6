"""Eight processes that find the access token expired: one asks Intuit, no consent is lost."""

import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.standins.scenario import load_scenario

DEMO_SCENARIO = Path(__file__).parents[3] / "data" / "demo_scenario.yaml"

TOKENS = "/oauth2/v1/tokens/bearer"

#: Long ago, in the database and at Intuit.
EXPIRED = "2026-01-01 00:00:00.000000"


@pytest.fixture
def strict(open_house, tmp_path, empty_database, in_this_process):  # noqa: ARG001 - to connect
    """Yield a connected house whose Intuit kills a refresh token as soon as it is used."""
    with open_house(load_scenario(DEMO_SCENARIO), tmp_path, rotates_every_refresh=True) as house:
        house.environment["CLOCKBOOKS_DATABASE_URL"] = empty_database
        assert house.connect().code == 0
        yield house


def _expire(url):
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE secrets SET access_expires_at = :then"), {"then": EXPIRED}
        )


def test_eight_processes_refresh_once(strict):
    """They start together, on either database; all of them work with the one token."""
    _expire(strict.environment["CLOCKBOOKS_DATABASE_URL"])
    strict.quickbooks.requests.clear()
    came = []

    def note(workspaces):
        came.append(True)
        return workspaces

    # A sync asks Clockify for the roles first, and QuickBooks right after it.
    strict.clockify.faults.plan(r"/workspaces\?roles", "edit", times=99, edit=note)
    answer, pause = strict.quickbooks.oauth.grant, threading.Event()

    def answer_when_all_are_there(*args, **options):
        while len(came) < 8:
            pause.wait(0.05)
        return answer(*args, **options)

    strict.quickbooks.oauth.grant = answer_when_all_are_there

    started = [strict.fork("sync", "--json") for _ in range(8)]
    ended = [process.communicate(timeout=120) for process in started]

    assert [process.returncode for process in started] == [0] * 8, ended
    assert sum(path == TOKENS for _, path, _ in strict.quickbooks.requests) == 1
    assert "invalid_grant" not in str(ended)
