"""A Clockify workspace on loopback: where time is tracked, corrected, approved and read.

Core host under `/api/v1`, reports host under `/report/v1`, as on a regional host (FACTS 1.1). It
is held to what is known of the real one, traps included; what is not known has a switch. A
route that is not here answers 404 or 405, although the real one may have it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import FastAPI

from connectors.standins.clockify import (
    approvals,
    directory,
    entries,
    entry_writes,
    feed,
    labels,
    people,
    rate_routes,
    reports,
    webhooks,
)
from connectors.standins.clockify.changes import Change
from connectors.standins.clockify.http import speak_clockify, with_keys
from connectors.standins.clockify.outbox import event_of
from connectors.standins.clockify.state import State
from connectors.standins.clockify.switches import Switches
from connectors.standins.fault_injection import Faults, with_faults

__all__ = ["ClockifyStandin", "Switches"]


ROOMS = (people, directory, labels, entries, entry_writes, rate_routes, approvals, feed, webhooks)


def utc_now() -> datetime:
    return datetime.now(UTC)


class ClockifyStandin(State):
    """A Clockify workspace and the server in front of it.

    Tests change what it holds (`entries`, `users`, `projects`, `clients`, `settings`, …; see
    `State`), and the next request sees it.

    Attributes:
        app: The ASGI application.
        faults: The failures planned for it.
        walks: Readers' ways through reports that are under way.
    """

    def __init__(
        self,
        scenario: Mapping[str, Any],
        *,
        now: Callable[[], datetime] = utc_now,
        switches: Switches | None = None,
    ) -> None:
        """Load the `clockify` part of *scenario*, which is copied and never changed.

        Args:
            scenario: What `connectors.standins.scenario.load_scenario` gives.
            now: The clock, of which new ids are made.
            switches: Answers to what is not known of the real service.
        """
        super().__init__(scenario, now=now, switches=switches or Switches())
        self.faults = Faults()
        self.walks = reports.Walks()
        self.app = with_faults(with_keys(_routed(), self), self.faults)

    def _seen(self, change: Change) -> None:
        row = change.after or change.before or {}
        self.outbox.publish(event_of(change), row, lambda: webhooks.told(self, change.kind, row))


@cache
def _routed() -> FastAPI:
    """Return the routes: the same for every workspace, as making them takes longer than a test."""
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    speak_clockify(app)
    for room in ROOMS:
        app.include_router(room.router, prefix="/api/v1")
    app.include_router(reports.router, prefix="/report/v1")
    return app
