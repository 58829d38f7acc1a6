"""Asks a person on the page of a run, and suspends the run until they have answered."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from prefect.context import FlowRunContext
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput, keyset_from_paused_state
from prefect.settings import get_current_settings
from prefect.states import Suspended

from flows.operations.run_lock import own_run

#: Seconds that Prefect may take from suspending a run to the end of its process.
NEAR_S = 3


def was_asked(key: str) -> bool:
    """Whether this run comes back with the answer to a question; one that is retried does not."""
    run = own_run()
    return run is not None and key in (run.empirical_policy.pause_keys or ())


def ask(form: type[RunInput], *, key: str, timeout_s: int, show: Callable[[], None]) -> Any:
    """Return the answer to a form.

    The first call with a *key* shows what it is about and suspends the run. When the run comes
    back, the same call only reads the answer: suspending it again would do that, too, but Prefect's
    log would say that it waits.
    """
    if was_asked(key):
        return form.load(keyset_from_paused_state(Suspended(pause_key=key)))
    show()
    let_the_heart_beat()
    return suspend_flow_run(wait_for_input=form, timeout=timeout_s, key=key)


def let_the_heart_beat() -> None:
    """Wait for the run's next heartbeat if it is due.

    If it came just after the run was suspended, `flows.operations.notifications` would wait for
    another one, and mark a run as crashed that only waits.
    """
    flow_run_context = FlowRunContext.get()
    every_s = get_current_settings().flows.heartbeat_frequency
    if flow_run_context is None or every_s is None:
        return
    beating_s = (datetime.now(UTC) - flow_run_context.start_time).total_seconds()
    left_s = every_s - beating_s % every_s  # Prefect counts by the wall clock, in a thread
    if left_s < NEAR_S:
        time.sleep(left_s + NEAR_S / 2)
