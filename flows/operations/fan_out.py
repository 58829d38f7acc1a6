"""Runs a flow for every connection: each a run of its own, shown as a subflow.

The runs are those of a deployment, served by the runner of `clockbooks ui`, or by the workers of a
pool on any number of machines. Each is independent: one company's trouble stops no other. The page
of the run that starts them links to each.

That run waits for them, so that somebody can read in one place which companies failed. It takes a
slot of its own while it waits, so a pool needs more slots than such runs. A company whose run died
with its machine is started once more; the ledger says what is left to do.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.deployments import run_deployment
from prefect.runtime import deployment, flow_run
from prefect.states import Completed, Failed

from connectors.errors import AskPerson
from connectors.store.connections import DEMO, all_connections, find_connection
from connectors.store.credentials import all_lifetimes
from flows.context import open_installation
from flows.operations.final_states import PARTLY_DONE, shown
from flows.operations.recovery import every_run
from flows.operations.run_lock import own_run, why_missed

#: Seconds between two checks of the runs.
PAUSE_S = 2

#: How long a run that goes over all connections waits for theirs.
LONGEST_MINUTES = 240

#: The type of a run's state if its process or machine died, not its work: it is started again.
DIED = "CRASHED"


def run_for_each(
    target: str, connections: Sequence[str], parameters: Mapping[str, Any], *, wait_minutes: int
) -> dict[str, Any]:
    """Start a run of a deployment for each connection, and wait for all of them.

    Args:
        target: The deployment, as `send-time/nightly`; its flow takes `connection`.
        connections: Their names; empty for all that are connected.
        parameters: What else each run gets.
        wait_minutes: How long to wait for the runs to end.

    Returns:
        `{"connections": [{"connection", "state", "message", "flow_run_id"}]}`, in a state that
        tells which companies did not succeed.

    Raises:
        AskPerson: There is no such connection, or none at all.
    """
    runs = {name: _Company(name, target, parameters) for name in _chosen(connections)}
    deadline_s = time.monotonic() + wait_minutes * 60
    while not _all_ended(runs) and time.monotonic() < deadline_s:
        # One call for all of them; Prefect's own `wait_for_flow_run` asks about one.
        time.sleep(PAUSE_S)
    return _outcome(list(runs.values()))


def run_for_all(connection: str | None, *, scheduled_only: bool = False) -> dict[str, Any] | None:
    """Let a deployed run that names no connection, where there are several, go over all of them.

    Args:
        connection: The connection that the run names.
        scheduled_only: Whether a run that a person started is to name its connection.

    Returns:
        What `run_for_each` returns, of runs of the same deployment; `None` if this run is for one
        connection, or of no deployment.

    Raises:
        AskPerson: Nothing is connected.
    """
    run = own_run()
    if connection or run is None or run.deployment_id is None:
        return None
    if scheduled_only and not run.auto_scheduled:
        return None
    if not _are_several():
        return None
    missed = why_missed()
    if missed:
        return missed
    target = f"{flow_run.flow_name}/{deployment.name}"
    return run_for_each(target, (), run.parameters, wait_minutes=LONGEST_MINUTES)


@dataclass
class _Company:
    """One company's run, and the next one if it dies."""

    name: str
    target: str
    parameters: Mapping[str, Any]
    begun: int = 0
    run_id: UUID | None = None
    state: State[Any] | None = None

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start its run; whatever serves the deployment takes it."""
        self.begun += 1
        started: FlowRun = run_deployment(  # type: ignore[assignment]
            self.target,
            parameters={**self.parameters, "connection": self.name},
            flow_run_name=f"{self.name} ({self.begun})" if self.begun > 1 else self.name,
            timeout=0,
            as_subflow=True,
        )
        self.run_id = started.id

    def saw(self, state: State[Any] | None) -> None:
        """Note the run's state; start a run that died once more."""
        self.state = state
        if state is not None and state.type == DIED and self.begun == 1:
            self.begin()
            self.state = None

    @property
    def ended(self) -> bool:
        return self.state is not None and self.state.is_final()

    def row(self) -> dict[str, Any]:
        """Return its line of the document."""
        return {
            "connection": self.name,
            "state": self.state.name if self.state else "Scheduled",
            "message": self.state.message if self.state else None,
            "flow_run_id": str(self.run_id),
        }

    def reason(self) -> str:
        """Return what became of it, for a sentence."""
        row = self.row()
        return f"{self.name} ({row['state']}: {row['message'] or 'not ended yet'})"


def _are_several() -> bool:
    """Whether a run has to name its connection; disconnected ones count, too."""
    with open_installation() as (_, engine):
        return sum(one.name != DEMO for one in all_connections(engine)) > 1


def _chosen(names: Sequence[str]) -> list[str]:
    """Return the named connections, or all that have their secrets."""
    with open_installation() as (_, engine):
        if names:
            return [find_connection(engine, name).name for name in dict.fromkeys(names)]
        alive, known = all_lifetimes(engine), all_connections(engine)
    found = [one.name for one in known if one.id in alive and one.name != DEMO]
    if not found:
        raise AskPerson("Nothing is connected yet: run `clockbooks connect` first.")
    return found


def _all_ended(companies: Mapping[str, _Company]) -> bool:
    waiting = {one.run_id: one for one in companies.values() if not one.ended}
    if waiting:
        ids = [str(id_) for id_ in waiting]
        with get_client(sync_client=True) as client:
            for run in every_run(client, id={"any_": ids}):
                waiting[run.id].saw(run.state)
    return all(one.ended for one in companies.values())


def _outcome(companies: Sequence[_Company]) -> dict[str, Any]:
    document = {"connections": [one.row() for one in companies]}
    troubled = [one for one in companies if one.state is None or one.state.name != "Completed"]
    if not troubled:
        return document
    reasons = "; ".join(one.reason() for one in troubled)
    message = f"{len(troubled):,} of {len(companies):,} companies did not succeed: {reasons}"
    # A run that left something undone has come to its end all the same.
    if not any(one.state is not None and one.state.is_completed() for one in companies):
        return shown(Failed(message=message, data=document))
    return shown(Completed(name=PARTLY_DONE, message=message, data=document))
