"""The final state of a flow run whose work is done: completed, or partly done.

The state's message says what is left and what to do; notifications carry it
(`flows.operations.notifications`). It is to Prefect's pages what exit code 3 is to the commands.
"""

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, TypeVar, cast

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from connectors.errors import ClockbooksError
from flows.text import VERDICTS, entries, reason_text
from schemas.words import Verdict

Flow = TypeVar("Flow", bound=Callable[..., Any])

#: The name of the state, and of the event, of a run that left something to do.
PARTLY_DONE = "PartlyDone"

#: The name of the state, and of the event, of a run that found sent time that differs.
DRIFTED = "Drifted"

#: The message of a run whose process ended without one.
CRASHED = (
    "Its machine or process stopped. The next run settles what it left in doubt; to do that now,"
    " run `clockbooks settle`."
)


def ended(document: dict[str, Any], result: dict[str, Any], *, connection: str) -> dict[str, Any]:
    """Return what a flow returns: *result*, in a state that says so if something is left.

    The flow's caller gets *result* in both cases: the document, or the beginning of it. A dry run
    leaves nothing.
    """
    left = [] if document.get("dry_run") else left_over(document, connection)
    if not left:
        return result
    return shown(Completed(name=PARTLY_DONE, message=" ".join(left), data=result))


def reconciled(
    document: dict[str, Any], result: dict[str, Any], *, connection: str
) -> dict[str, Any]:
    """Return what the flow `reconcile` returns: *result*, in a state that says so if it differs.

    What was not sent yet is no drift: the next send takes it, or says why not. A dry run leaves
    nothing, as in `ended`.
    """
    left = {verdict: n for verdict, n in document["left"].items() if verdict != Verdict.UNSENT}
    undone = document["undone"]
    if document["dry_run"] or not (left or undone or document["unsettled"]):
        return result
    days = f"--start {document['start']} --end {document['end']} --connection {connection}"
    messages = []
    if left:
        listed = ", ".join(f"{n:,} {VERDICTS[verdict]}" for verdict, n in left.items())
        messages.append(
            f"Sent time differs: {listed}. What to do about each is on this run's page; `clockbooks"
            f" reconcile {days}` says it too."
        )
    if undone:
        messages.append(f"{undone:,} entries could not be compared or marked: see the page.")
    if document["unsettled"]:
        messages.append(_in_doubt(document["unsettled"], f" --connection {connection}"))
    return shown(Completed(name=DRIFTED, message=" ".join(messages), data=result))


class _LeavesOutOurErrors(logging.Filter):
    """Leaves out the traceback of an error of ours: the run's state has its sentence."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ClockbooksError))


for _logger in ("prefect.flow_runs", "prefect.engine"):
    logging.getLogger(_logger).addFilter(_LeavesOutOurErrors())


def without_traceback(flow: Flow) -> Flow:
    """Let a flow's run fail with an error's own sentence, which says what to do.

    Whoever calls the flow gets the error itself. Defects keep their traceback.
    """

    @wraps(flow)
    def run(*args: Any, **options: Any) -> Any:
        try:
            return flow(*args, **options)
        except ClockbooksError as error:
            return Failed(message=str(error), data=error)

    return cast("Flow", run)


def shown(state: State[Any]) -> dict[str, Any]:
    """Return a state from a flow: Prefect shows it, and gives callers its data."""
    return cast("dict[str, Any]", state)


def left_over(document: dict[str, Any], connection: str) -> list[str]:
    """Return what a send, an import, a settling or a recall left, and the commands for it."""
    counts = document.get("counts", document)
    rejected, in_doubt = counts.get("rejected", {}), counts.get("in_doubt", 0)
    which = f" --connection {connection}"
    messages: list[str] = []
    if document.get("stopped"):
        messages.append(f"It ended early: {document['stopped']} Run it again to continue.")
    if rejected:
        messages.append(
            f"{sum(rejected.values()):,} of {counts['extracted']:,} entries were rejected"
            f" ({_listed(rejected)}). What to do about each: `clockbooks entries --state"
            f" rejected{which}`."
        )
    if len(document.get("set_aside", ())):
        messages.append(f"{len(document['set_aside']):,} rows could not be read.")
    if document.get("refused"):
        messages.append(
            f"QuickBooks refused {document['refused']:,} entries. Why: `clockbooks entries"
            f" --state rejected{which}`."
        )
    staying = counts["refused"] if isinstance(counts.get("refused"), dict) else {}
    if staying:
        messages.append(
            f"{entries(sum(staying.values()))} could not be taken out of QuickBooks"
            f" ({_listed(staying)}). Why is on this run's page."
        )
    if in_doubt:
        messages.append(_in_doubt(in_doubt, which))
    return messages


def _listed(counts: Mapping[str, int]) -> str:
    """Return how many entries each reason keeps back, in words."""
    return ", ".join(
        f"{number:,} {reason_text(reason)}" for reason, number in sorted(counts.items())
    )


def _in_doubt(number: int, which: str) -> str:
    return (
        f"{number:,} entries are in doubt. The next run settles them; to do that now, run"
        f" `clockbooks settle{which}`."
    )
