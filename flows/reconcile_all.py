"""The Prefect flow `reconcile-all`: reconciles every connection; see `flows.operations.fan_out`."""

from datetime import date
from typing import Annotated, Any

from prefect import flow
from pydantic import Field

from flows.operations.fan_out import run_for_each
from flows.operations.final_states import without_traceback
from flows.operations.parameters import in_words
from flows.operations.run_lock import why_missed
from flows.operations.run_names import run_name
from flows.pages.publish import then_status
from flows.sending.request import days_of

#: Which deployment reconciles one connection.
TARGET = "reconcile/nightly"


@flow(name="reconcile-all", flow_run_name=run_name)
@without_traceback
@then_status
@in_words
def reconcile_all(
    connections: list[str] = [],
    last_days: Annotated[int | None, Field(ge=1, le=366)] = None,
    start: date | None = None,
    end: date | None = None,
    repair: bool = False,
    wait_minutes: Annotated[int, Field(ge=1, le=1440)] = 240,
) -> dict[str, Any]:
    """Compare the sent time of every connection with both services, and report where it differs.

    Returns `{"connections": [{"connection", "state", "message", "flow_run_id"}]}`.

    Args:
        connections: Only these connections; empty for all that are connected.
        last_days: This many days before today instead of start and end, as a schedule needs it.
        start: First day, in each connection's time zone; or a number of last days instead.
        end: Last day, included.
        repair: Repair what may be repaired; what somebody edited in QuickBooks stays.
        wait_minutes: How long to wait for the companies' runs to end.
    """
    missed = why_missed()
    if missed:
        return missed
    days_of(start, end, last_days, today=date.today())  # noqa: DTZ011 - only to check them
    parameters = {
        "last_days": last_days,
        "start": start and start.isoformat(),
        "end": end and end.isoformat(),
        "repair": repair,
    }
    return run_for_each(TARGET, connections, parameters, wait_minutes=wait_minutes)
