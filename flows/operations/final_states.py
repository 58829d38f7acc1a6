"""The final state of a flow run whose work is done: completed, or partly done.

The state's message says what is left and what to do; notifications carry it
(`flows.operations.notifications`). It is to Prefect's pages what exit code 3 is to the commands.
"""

from typing import Any, cast

from prefect.client.schemas.objects import State
from prefect.states import Completed

#: The name of the state, and of the event, of a run that left something to do.
PARTLY_DONE = "PartlyDone"

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


def shown(state: State[Any]) -> dict[str, Any]:
    """Return a state from a flow: Prefect shows it, and gives callers its data."""
    return cast("dict[str, Any]", state)


def left_over(document: dict[str, Any], connection: str) -> list[str]:
    """Return what a send, an import or a settling left to do, and the commands for it."""
    counts = document.get("counts", document)
    rejected, in_doubt = counts.get("rejected", {}), counts.get("in_doubt", 0)
    which = f" --connection {connection}"
    messages: list[str] = []
    if document.get("stopped"):
        messages.append(f"It ended early: {document['stopped']} Run it again to continue.")
    if rejected:
        listed = ", ".join(f"{number:,} {reason}" for reason, number in sorted(rejected.items()))
        messages.append(
            f"{sum(rejected.values()):,} of {counts['extracted']:,} entries were rejected"
            f" ({listed}). What to do about each: `clockbooks entries --state rejected{which}`."
        )
    if len(document.get("set_aside", ())):
        messages.append(f"{len(document['set_aside']):,} rows could not be read.")
    if document.get("refused"):
        messages.append(
            f"QuickBooks refused {document['refused']:,} entries. Why: `clockbooks entries"
            f" --state rejected{which}`."
        )
    if in_doubt:
        messages.append(
            f"{in_doubt:,} entries are in doubt. The next run settles them; to do that now, run"
            f" `clockbooks settle{which}`."
        )
    return messages
