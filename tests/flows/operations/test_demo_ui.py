"""`clockbooks demo --ui`: the pages, for somebody who has no account yet."""

import signal
from typing import Any

import pytest

#: Runs that the demo proposes, with their days.
PROPOSED = {
    "sync-directory/review": {},
    "send-time/by-hand": {"start": "2026-10-01", "end": "2026-10-31"},
    "reconcile/by-hand": {"start": "2026-09-17", "end": "2026-09-17"},
}


@pytest.mark.slow
def test_the_demo_leaves_something_to_decide(house: Any, running_ui: Any, until: Any) -> None:
    """Links, a send and a repair wait on the pages, while the stand-ins still run."""
    with running_ui(house, command=("demo", "--ui")) as ui:
        for name, days in PROPOSED.items():
            assert all(word in ui.said for word in (name, *days.values()))
            deployment = ui.deployment(name)
            run_id = ui.start(name, **deployment["parameters"] | days)
            state = until(lambda run_id=run_id: _settled(ui.state(run_id)))
            assert state["name"] == "Suspended", state["message"]
        assert ui.stop(signal.SIGINT) == 0, ui.said


def _settled(state: Any) -> Any:
    return None if state["type"] in {"SCHEDULED", "PENDING", "RUNNING"} else state
