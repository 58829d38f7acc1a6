"""How a flow run ends when its work is done: as completed, or as partly done, which is told.

The state's message says what is left and what to do, in the words that a notification carries on
(`flows.operations.notifications`); the exit code 3 of the commands, for those who read Prefect's
page.
"""

from typing import Any, cast

from prefect.client.schemas.objects import State
from prefect.states import Completed

#: A run that came through, but left something: its state's name, and its event's.
PARTLY_DONE = "PartlyDone"

#: What a run's page says that ended without a word.
WHAT_DIED = (
    "Its machine or its process went away. The next run settles what it left in doubt; to do it"
    " now: `clockbooks settle`."
)


def ended(document: dict[str, Any], result: dict[str, Any], *, connection: str) -> dict[str, Any]:
    """Give what a flow returns: *result*, within a state that says so if something is left.

    Who calls the flow gets *result* in both cases; it is the document, or the beginning of it.

    A dry run leaves nothing, whatever it finds: somebody looks at it.
    """
    left = [] if document.get("dry_run") else left_over(document, connection)
    if not left:
        return result
    return shown(Completed(name=PARTLY_DONE, message=" ".join(left), data=result))


def shown(state: State[Any]) -> dict[str, Any]:
    """Let a flow return a state: Prefect shows it as the run's, and gives callers its data."""
    return cast("dict[str, Any]", state)


def left_over(document: dict[str, Any], connection: str) -> list[str]:
    """Say what a send, an import or a settling left, and which command tells more or mends it."""
    counts = document.get("counts", document)
    rejected, in_doubt = counts.get("rejected", {}), counts.get("in_doubt", 0)
    which = f" --connection {connection}"
    told: list[str] = []
    if document.get("stopped"):
        told.append(f"It ended early: {document['stopped']} Run it again to go on.")
    if rejected:
        listed = ", ".join(f"{number:,} {reason}" for reason, number in sorted(rejected.items()))
        told.append(
            f"{sum(rejected.values()):,} of {counts['extracted']:,} entries were rejected"
            f" ({listed}). What to do about each: `clockbooks entries --state rejected{which}`."
        )
    if len(document.get("set_aside", ())):
        told.append(f"{len(document['set_aside']):,} rows could not be read as entries.")
    if document.get("refused"):
        told.append(
            f"QuickBooks refused {document['refused']:,} entries. Why: `clockbooks entries"
            f" --state rejected{which}`."
        )
    if in_doubt:
        told.append(
            f"{in_doubt:,} entries are in doubt: the next run settles them, or now `clockbooks"
            f" settle{which}`."
        )
    return told
