"""Steps of a job as Prefect tasks."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.states import Failed

from connectors.errors import ClockbooksError

#: What people read in place of the names of our functions.
NAMES = {
    "look_around": "Check Clockify and QuickBooks",
    "check_both_sides": "Check Clockify and QuickBooks",
    "settle": "Settle doubts",
    "settle_alone": "Settle doubts",
    "extract": "Read time entries",
    "read_links": "Read links",
    "read_rules": "Read rules and rates",
    "read_files": "Read files",
    "resolve_names": "Match names of the files",
    "look_again": "Look at QuickBooks again",
    "load": "Send to QuickBooks",
    "mend": "Take back parts that stand alone",
    "sync": "Compare people and projects",
    "reconcile": "Compare with both services",
    "recall": "Take time back out of QuickBooks",
}


def run_as_task(step: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Run one step as a Prefect task; its arguments are neither hashed nor kept.

    An error of ours makes the task fail with its sentence, without a traceback, and goes on to the
    caller.
    """
    errors: list[ClockbooksError] = []

    @wraps(step)
    def told(*args: Any, **options: Any) -> Any:
        try:
            return step(*args, **options)
        except ClockbooksError as error:
            errors.append(error)
            return Failed(message=str(error))

    name = NAMES.get(step.__name__, step.__name__.replace("_", " "))
    result = task(name=name, cache_policy=NO_CACHE)(told)(*args, **options)
    if errors:
        raise errors[0]
    return result
