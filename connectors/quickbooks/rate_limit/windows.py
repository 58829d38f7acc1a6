"""A sliding-window log: what the calls of the last minute, and those in flight, add up to."""

from collections.abc import Sequence

from connectors.quickbooks.rate_limit.model import MARGIN_MS, MINUTE_MS, Call, End


def recent(calls: Sequence[Call], now_ms: int) -> list[Call]:
    """Return the calls that still count, in order; one that is out for too long is dead."""
    alive = [call for call in calls if call.end is not End.OUT or call.until_ms > now_ms]
    # What was there when those in flight began is to be counted once they have come back.
    first_ms = min([now_ms, *(call.begun_ms for call in alive if call.end is End.OUT)])
    since_ms = first_ms - MINUTE_MS - MARGIN_MS[MINUTE_MS]
    counted = (call for call in alive if call.begun_ms > since_ms)
    return sorted(counted, key=lambda call: (call.begun_ms, call.id))


def in_flight(calls: Sequence[Call], owner: str, now_ms: int, *, others_ms: int) -> list[Call]:
    """Return the calls in flight: those of *owner*, and others' that began *others_ms* ago."""
    return [
        call
        for call in calls
        if call.end is End.OUT and (call.owner == owner or now_ms - call.begun_ms < others_ms)
    ]


def alike(calls: Sequence[Call], call: Call) -> list[Call]:
    """Return the other calls of a call's kind, batches or not, that the service did not refuse."""
    return [
        other
        for other in calls
        if other.id != call.id and other.end is not End.REFUSED and other.kind is call.kind
    ]


def minute_before(calls: Sequence[Call], call: Call) -> int:
    """Return what calls of its kind counted in the minute before a call."""
    return sum(
        other.cost
        for other in alike(calls, call)
        if call.begun_ms - MINUTE_MS < other.begun_ms
        and (other.begun_ms, other.id) < (call.begun_ms, call.id)
    )


def wait_ms(
    begun: Sequence[tuple[int, int]], most: int, window_ms: int, cost: int, now_ms: int
) -> int:
    """Return how long until *cost* more fits into the service's window; ours is a margin longer.

    Takes when each call began, in milliseconds of the epoch, and what it counts, in order.
    """
    window_ms += MARGIN_MS[window_ms]
    inside = [(begun_ms, each) for begun_ms, each in begun if begun_ms > now_ms - window_ms]
    total = cost + sum(each for _, each in inside)
    longest_ms = 0
    for begun_ms, each in inside:
        if total <= most:
            break
        total -= each
        longest_ms = begun_ms + window_ms - now_ms
    return longest_ms
