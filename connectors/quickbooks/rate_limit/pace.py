"""When the next call to a company may begin, and how many entries it may carry: pure arithmetic.

The published quotas are kept by `connectors.quickbooks.rate_limit.quotas`. A call is dated when its
first byte leaves; windows are a little longer than the service's, because calls are delayed
differently on the way. How many are in flight follows from rate and latency (Little's law), up to
the settings' limit.

A service may mind more than is published, and nobody knows what: entries a minute, a rest between
batches, calls at once, bytes. Calls that are few enough and evenly spread keep nearly every such
rule. So no cause is looked for, and one quantity is learned: what goes a minute, for batches and
for other calls each. A refusal lowers it, and higher rates are tried at growing distances
(`connectors.quickbooks.rate_limit.level`). Only a batch that is refused with nothing else in its
minute, and larger than any that was taken, is halved.

Sources: a remembered maximum that is approached by halves is BIC's (RFC 9438, 4.7 keeps it as
W_max); one decrease for all refusals of one event is NewReno's recovery point (RFC 6582); the even
spread is the leaky bucket's.

Times are whole milliseconds of the epoch, so that every comparison is exact. All machines that
serve a company share them: a time in the future, of a clock that ran ahead, counts as now.
"""

import json
from dataclasses import asdict, dataclass, field, replace

from connectors.quickbooks.rate_limit.level import SAFE, Level
from connectors.quickbooks.rate_limit.model import MARGIN_MS, MINUTE_MS, Call, End, Kind, Want
from connectors.quickbooks.rate_limit.quotas import Quotas, published_waits
from connectors.quickbooks.rate_limit.windows import (
    alike,
    in_flight,
    minute_before,
    recent,
    wait_ms,
)

DAY_MS = 86_400_000

#: How long to wait before asking again where nobody knows how long, until another call has come
#: back: this part of the time that answers take, within bounds.
POLL, SOONEST_MS, LATEST_MS = 4, 20, 1_000

#: Pauses after refusals in a row that do not say how long; a quota of a second is over sooner than
#: the minute that QuickBooks' documentation advises (FACTS, QBO, 2.3).
PAUSES_MS = (1_200, 15_000, 60_000)

#: The longest pause that a service is granted.
LONGEST_PAUSE_MS = 300_000

#: A refusal lowers a rate to this part of it at least, in percent.
LOWER = 95

#: After so many quick answers in a row, batches that had been too slow are doubled again.
QUICK_IN_A_ROW = 5

#: A call of one's own counts as in flight for this long beyond its timeout.
GRACE_MS = 30_000

#: A call of another process does so for twice the time that answers take, and this long at least:
#: then its process is dead, and nobody is to wait for it.
STRANGER_MS = 5_000

#: After what time more is tried, and how long a try lasts: two of the service's minutes for a rate.
TRIES_MS = {
    Kind.BATCHES: (3 * MINUTE_MS, 2 * MINUTE_MS),
    Kind.CALLS: (3 * MINUTE_MS, 2 * MINUTE_MS),
    Kind.SIZE: (2 * MINUTE_MS, 0),
}


def unlearned() -> dict[Kind, Level]:
    """Return levels of which nothing is known."""
    return {kind: Level(*TRIES_MS[kind]) for kind in Kind}


@dataclass
class Pace:
    """All that is known about one company's pace; kept between calls and between processes."""

    calls: list[Call] = field(default_factory=list)
    last_id: int = 0
    pause_until_ms: int = 0
    refusals: int = 0  # in a row; those of one event count once
    event_ms: int = 0  # the last refusal; of calls that began before, refusals say nothing new
    levels: dict[Kind, Level] = field(default_factory=unlearned)
    slow_size: int | None = None  # entries a batch, after larger ones were not answered in time
    slow_ms: int = 0
    quick: int = 0
    answer_ms: int = 0  # how long the slow ones of the latest answers took

    # --- as text ---

    def to_json(self) -> str:
        """Write it down; calls without the names of their fields, for there may be hundreds."""
        written = asdict(replace(self, calls=[]))
        written["calls"] = [list(vars(call).values()) for call in self.calls]
        return json.dumps(written, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Pace":
        """Read what was written down; what cannot be read, as of another version, is forgotten."""
        try:
            written = json.loads(text)
            written["calls"] = [Call(*call) for call in written["calls"]]
            written["levels"] = {kind: Level(**written["levels"][kind]) for kind in Kind}
            return cls(**written)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    # --- a call begins ---

    def begin(self, want: Want, quotas: Quotas, now_ms: int) -> Call | int:
        """Let a call begin, or return for how many milliseconds to wait before asking again."""
        self._forget_old(now_ms)
        entries = want.entries if want.exactly else min(want.entries, self.size(quotas, now_ms))
        others_ms = max(STRANGER_MS, 2 * self.answer_ms)
        out = in_flight(self.calls, want.owner, now_ms, others_ms=others_ms)
        call = Call(
            id=self.last_id + 1,
            begun_ms=now_ms,
            entries=entries,
            until_ms=now_ms + quotas.timeout_ms + GRACE_MS,
            owner=want.owner,
            granted_ms=now_ms,
        )
        needed_ms = max(
            self.pause_until_ms - now_ms,
            self._poll_ms() if len(out) >= quotas.in_flight else 0,
            *published_waits(self.calls, call, quotas),
            self._learned_ms(call),
        )
        if needed_ms > 0:
            return needed_ms
        self.last_id = call.id
        self.calls.append(call)
        return call

    def _poll_ms(self) -> int:
        return min(max(self.answer_ms // POLL, SOONEST_MS), LATEST_MS)

    def size(self, quotas: Quotas, now_ms: int) -> int:
        """Return how many entries the next batch carries at most."""
        rate, learned = (self.levels[kind].most(now_ms) for kind in (Kind.BATCHES, Kind.SIZE))
        size = min(n for n in (quotas.batch_size, self.slow_size, learned) if n is not None)
        # A few batches a minute are of one size that uses it up; more are as large as may be.
        return size if rate is None or rate > 4 * size else rate // -(-rate // size)

    def _learned_ms(self, call: Call) -> int:
        """Return the wait for the rate that was learned, spread evenly over the minute."""
        rate = self.levels[call.kind].most(call.begun_ms)
        others = alike(self.calls, call)
        if rate is None or not others:
            return 0
        even_ms = others[-1].cost * (MINUTE_MS + MARGIN_MS[MINUTE_MS]) // rate
        costs = [(other.begun_ms, other.cost) for other in others]
        return max(
            others[-1].begun_ms + even_ms - call.begun_ms,
            wait_ms(costs, max(rate, call.cost), MINUTE_MS, call.cost, call.begun_ms),
        )

    def set_back(self, now_ms: int) -> bool:
        """Let times in the future be now, and return whether there were any, to be kept so."""
        before = [*(call.begun_ms for call in self.calls), self.pause_until_ms]
        for call in self.calls:
            call.begun_ms = min(call.begun_ms, now_ms)
            call.granted_ms = min(call.granted_ms, now_ms)
        self.pause_until_ms = min(self.pause_until_ms, now_ms + LONGEST_PAUSE_MS)
        self.event_ms, self.slow_ms = min(self.event_ms, now_ms), min(self.slow_ms, now_ms)
        for level in self.levels.values():
            level.try_ms = min(level.try_ms, now_ms + level.gap_ms)
        return before != [*(call.begun_ms for call in self.calls), self.pause_until_ms]

    def _forget_old(self, now_ms: int) -> None:
        """Forget the calls that are over, and what a day has made doubtful."""
        self.set_back(now_ms)
        self.calls = recent(self.calls, now_ms)
        if now_ms - max(self.event_ms, self.slow_ms) > DAY_MS:
            self.levels, self.slow_size = unlearned(), None

    def left(self, call_id: int, left_ms: int) -> None:
        """Date a call anew whose first byte left later than it was allowed to."""
        for call in self.calls:
            if call.id == call_id:
                call.begun_ms = max(call.begun_ms, left_ms)

    # --- a call has ended ---

    def end(
        self,
        call_id: int,
        how: End,
        quotas: Quotas,
        now_ms: int,
        *,
        left_ms: int | None = None,
        pause_ms: int | None = None,
    ) -> None:
        """Learn from how a call ended; one that is forgotten already teaches nothing.

        Its first byte left at *left_ms*, a little later than it was allowed to. The service may ask
        to wait for *pause_ms*.
        """
        call = next((call for call in self.calls if call.id == call_id), None)
        if call is None:
            return
        call.begun_ms = min(max(call.begun_ms, left_ms or 0), now_ms)
        call.end = how
        if how is End.NEVER_LEFT:
            self.calls.remove(call)
        elif how is End.TAKEN:
            self._taken(call, quotas, now_ms)
        elif how is End.REFUSED:
            self._refused(call, quotas, now_ms, pause_ms)
        elif how is End.SILENT:
            self._silent(call, quotas, now_ms)

    def _taken(self, call: Call, quotas: Quotas, now_ms: int) -> None:
        rate, size = minute_before(self.calls, call) + call.cost, call.entries
        self.levels[call.kind].took(rate, quotas.published(call.kind), now_ms)
        if call.entries:  # a read is answered sooner, and says nothing of how long a batch takes
            self.answer_ms = max(now_ms - call.begun_ms, self.answer_ms * 7 // 8)
            self.levels[Kind.SIZE].took(size, quotas.batch_size, now_ms)
        if call.granted_ms > self.event_ms:
            self.refusals = 0
        if self.slow_size and size >= min(self.slow_size, self.size(quotas, now_ms)):
            self._enlarge(now_ms - call.begun_ms, quotas)

    def _enlarge(self, took_ms: int, quotas: Quotas) -> None:
        """Double batches that had been too slow, after some quick answers in a row."""
        # Twice as many would take twice as long: that must still be half of the timeout.
        self.quick = self.quick + 1 if 4 * took_ms < quotas.timeout_ms else 0
        if self.slow_size is not None and self.quick >= QUICK_IN_A_ROW:
            self.quick, self.slow_size = 0, 2 * self.slow_size
            if self.slow_size >= quotas.batch_size:
                self.slow_size = None

    def _refused(self, call: Call, quotas: Quotas, now_ms: int, pause_ms: int | None) -> None:
        is_new = call.granted_ms > self.event_ms
        others = alike(self.calls, call)
        if any(self.event_ms < other.granted_ms < call.granted_ms for other in others):
            self.refusals = 0  # one was taken meanwhile, though it may not be answered yet
        self.refusals += is_new
        if pause_ms is None:
            pause_ms = PAUSES_MS[min(max(self.refusals, 1), len(PAUSES_MS)) - 1]
        until_ms = now_ms + min(max(pause_ms, 0), LONGEST_PAUSE_MS)
        self.pause_until_ms = max(self.pause_until_ms, until_ms)
        if is_new:
            self.event_ms = now_ms
            self._lower(call, quotas, now_ms)

    def _lower(self, call: Call, quotas: Quotas, now_ms: int) -> None:
        """Let less go from now on: smaller batches or, as a rule, fewer calls."""
        rate, size = self.levels[call.kind], self.levels[Kind.SIZE]
        is_try, taken = rate.is_trying(now_ms), minute_before(self.calls, call)
        is_larger = call.entries > max(size.proven, 1) and not is_try  # one fits always
        if is_larger and (not taken or size.is_trying(now_ms)):
            size.refused(call.entries // 2, quotas.batch_size, now_ms)
        elif taken or is_try:  # else the service takes nothing at all just now, however little
            published = quotas.published(call.kind)
            was_fine = taken + call.cost <= rate.proven
            refused = sum(one.end is End.REFUSED and one.kind is call.kind for one in self.calls)
            by_chance = was_fine and refused == 1
            less = taken * SAFE // 100 if is_try else published
            if rate.allowed is not None and not is_try:
                less = self._less(rate.allowed, taken, was_fine=was_fine, by_chance=by_chance)
            rate.refused(less, published, now_ms, reached=taken + call.cost, by_chance=by_chance)

    def _less(self, rate: int, taken: int, *, was_fine: bool, by_chance: bool) -> int:
        """Return the rate after a refusal: the more in a row, the nearer to what was taken."""
        if self.refusals == 1:
            less = rate if by_chance else max(rate // 2, taken)
        elif self.refusals == 2:
            less = max(rate // 4, 0 if was_fine else taken)  # what was fine may be over
        else:
            less = taken
        return min(less, rate * LOWER // 100)

    def _silent(self, call: Call, quotas: Quotas, now_ms: int) -> None:
        """Halve the batches; once for all that were on their way together.

        A larger one, of before they were halved, says nothing about the smaller ones.
        """
        size = min(quotas.batch_size, self.slow_size or quotas.batch_size)
        if call.entries and call.entries <= size and call.granted_ms > self.slow_ms:
            self.slow_size, self.slow_ms, self.quick = max(size // 2, 1), now_ms, 0
