"""Steps of a job as Prefect tasks."""

from collections.abc import Callable
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE


def run_as_task(step: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Run one step as a Prefect task; its arguments are neither hashed nor kept."""
    as_task = task(name=step.__name__.replace("_", "-"), cache_policy=NO_CACHE)(step)
    return as_task(*args, **options)
