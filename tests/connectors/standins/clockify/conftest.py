"""A small workspace behind the one server that all tests of the connectors share."""

from contextlib import closing

import pytest
from clockify_studio import NOW, SCENARIO, Api

from connectors.standins.clockify.app import ClockifyStandin, Switches


@pytest.fixture
def switches():
    """Give the switches as they are by default; a test may set others."""
    return Switches()


@pytest.fixture
def clockify(switches):
    """Give the workspace, at a moment that stands still."""
    return ClockifyStandin(SCENARIO, now=lambda: NOW, switches=switches)


@pytest.fixture
def api(clockify, serve):
    """Give both hosts with the owner's key."""
    with closing(Api(serve(clockify.app))) as api:
        yield api


@pytest.fixture
def plain(api):
    """Give both hosts with the key of somebody who is no admin."""
    with closing(Api(api.address, key="plain")) as plain:
        yield plain
