"""When the next call to a company may begin, and how many entries it may carry: pure arithmetic.

The published quotas are kept by `connectors.quickbooks.rate_limit.quotas`. A call is dated when its
first byte leaves; windows are a little longer than the service's, because calls are delayed
differently on the way. How many are in flight follows from rate and latency (Little's law), up to
the settings' limit.

What the service takes beyond the published quotas is measured, on three measures: entries a
minute, calls a second, calls in flight. A level that was ever taken cannot have caused a refusal:
the measure is blamed whose level was never taken before. Where several may be the cause, the next
call goes alone, after everything in flight has come back: if it is taken, the entries of the minute
were not the cause; if it is refused, they were. The blamed measure is held at the highest level
that was taken (see `connectors.quickbooks.rate_limit.learned_limit`), and tried beyond it at
growing distances: first by one call, then by one more for each that was taken.

Sources, and where we differ: additive increase as in AIMD (Chiu and Jain, 1989, Computer Networks
17), but the decrease goes to the level that was measured, not to a fraction of it: the service
counts exactly, it is no queue that must drain. The remembered maximum, approached by halves, is
that of CUBIC's predecessor BIC (RFC 9438, 4.7 keeps it as W_max). One decrease for all refusals
of one event is NewReno's recovery point (RFC 6582).

Times are whole milliseconds of the epoch, so that every comparison is exact. All machines that
serve a company share them: a time in the future, of a clock that ran ahead, counts as now.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from connectors.quickbooks.rate_limit.learned_limit import Limit
from connectors.quickbooks.rate_limit.model import MINUTE_MS, Call, End, Hypothesis, Measure, Want
from connectors.quickbooks.rate_limit.quotas import Quotas, published_waits
from connectors.quickbooks.rate_limit.windows import in_flight, level_of, recent, wait_ms

DAY_MS = 86_400_000

#: How long to wait before asking again where nobody knows how long, until another call has come
#: back: this part of the time that answers take, within bounds.
POLL, SOONEST_MS, LATEST_MS = 4, 20, 1_000

#: Pauses after refusals in a row that do not say how long; a quota of a second is over sooner than
#: the minute that QuickBooks' documentation advises (FACTS, QBO, 2.3).
PAUSES_MS = (1_200, 10_000, 20_000, 45_000, 60_000)

#: The longest pause that a service is granted.
LONGEST_PAUSE_MS = 300_000

#: After so many quick answers in a row, batches that had been too slow are doubled again.
QUICK_IN_A_ROW = 5

#: A call of one's own counts as in flight for this long beyond its timeout.
GRACE_MS = 30_000

#: A call of another process does so for twice the time that answers take, and this long at least:
#: then its process is dead, and nobody is to wait for it.
STRANGER_MS = 5_000


@dataclass
class Pace:
    """All that is known about one company's pace; kept between calls and between processes."""

    calls: list[Call] = field(default_factory=list)
    last_id: int = 0
    pause_until_ms: int = 0
    refusals: int = 0  # in a row; those of one event count once
    event_ms: int = 0  # the last refusal; of calls that began before, refusals say nothing new
    limits: dict[Measure, Limit] = field(default_factory=lambda: {m: Limit() for m in Measure})
    hypothesis: Hypothesis | None = None
    slow_size: int | None = None  # entries a batch, after larger ones were not answered in time
    slow_ms: int = 0
    quick: int = 0
    answer_ms: int = 0  # how long the slow ones of the latest answers took
    learned_ms: int = 0

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
            written.pop("case", None)  # an earlier version's hypothesis
            written["calls"] = [Call(*call) for call in written["calls"]]
            written["limits"] = {m: Limit(**written["limits"][m]) for m in Measure}
            if written.get("hypothesis"):
                written["hypothesis"] = Hypothesis(**written["hypothesis"])
            return cls(**written)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()

    # --- a call begins ---

    def begin(self, want: Want, quotas: Quotas, now_ms: int) -> Call | int:
        """Let a call begin, or return for how many milliseconds to wait before asking again."""
        self._forget_old(now_ms)
        entries = want.entries if want.exactly else min(want.entries, self.size(quotas))
        others_ms = max(STRANGER_MS, 2 * self.answer_ms)
        out = in_flight(self.calls, want.owner, now_ms, others_ms=others_ms)
        call = Call(
            id=self.last_id + 1,
            begun_ms=now_ms,
            entries=entries,
            until_ms=now_ms + quotas.timeout_ms + GRACE_MS,
            at_once=len(out) + 1,
            owner=want.owner,
            granted_ms=now_ms,
        )
        a_second = self.limits[Measure.SECOND].next_level(now_ms)
        needed_ms = max(
            self.pause_until_ms - now_ms,
            self._poll_ms() if self._must_wait_for(call, out, quotas) else 0,
            *published_waits(self.calls, call, quotas, most_a_second=a_second),
            *(self._learned(measure, call, out) for measure in Measure),
        )
        if needed_ms > 0:
            return needed_ms
        call.beyond = any(self._is_beyond(measure, call) for measure in Measure)
        self.last_id = call.id
        self.calls.append(call)
        if self.hypothesis is not None:
            self.hypothesis.test_id = call.id
        return call

    def _poll_ms(self) -> int:
        return min(max(self.answer_ms // POLL, SOONEST_MS), LATEST_MS)

    def size(self, quotas: Quotas) -> int:
        """Return how many entries the next batch carries at most.

        A budget of entries a minute is cut into equal batches: 493 are 17 batches of 29.
        """
        size = min(quotas.batch_size, self.slow_size or quotas.batch_size)
        limit = self.limits[Measure.MINUTE]
        if limit.allowed is None:
            return size
        budget = limit.aim or limit.allowed
        return max(1, budget // -(-budget // size))

    def set_back(self, now_ms: int) -> bool:
        """Let times in the future be now, and return whether there were any, to be kept so."""
        before = [*(call.begun_ms for call in self.calls), self.pause_until_ms]
        for call in self.calls:
            call.begun_ms = min(call.begun_ms, now_ms)
            call.granted_ms = min(call.granted_ms, now_ms)
        self.pause_until_ms = min(self.pause_until_ms, now_ms + LONGEST_PAUSE_MS)
        self.event_ms, self.slow_ms = min(self.event_ms, now_ms), min(self.slow_ms, now_ms)
        self.learned_ms = min(self.learned_ms, now_ms)
        for limit in self.limits.values():
            limit.probe_ms = min(limit.probe_ms, now_ms + limit.gap_ms)
        return before != [*(call.begun_ms for call in self.calls), self.pause_until_ms]

    def _forget_old(self, now_ms: int) -> None:
        """Forget the calls that are over, and what a day has made doubtful."""
        self.set_back(now_ms)
        self.calls = recent(self.calls, now_ms)
        if now_ms - self.learned_ms > DAY_MS:
            self.limits = {measure: Limit() for measure in Measure}
            self.slow_size = None
            self.learned_ms = now_ms

    def _must_wait_for(self, call: Call, out: Sequence[Call], quotas: Quotas) -> bool:
        """Return whether another call must come back first."""
        is_test = self.hypothesis is not None
        going_alone = is_test and any(call.begun_ms - one.begun_ms < MINUTE_MS for one in out)
        # More entries a minute are tried where nothing else can be to blame for a refusal.
        unclear = self._is_beyond(Measure.MINUTE, call) and any(
            self._level(measure, call) > max(self.limits[measure].taken, 1)
            for measure in (Measure.SECOND, Measure.FLIGHT)
        )
        return len(out) >= quotas.in_flight or going_alone or (unclear and bool(out))

    def _learned(self, measure: Measure, call: Call, out: Sequence[Call]) -> int:
        """Return the wait for what the service was seen to take of one measure."""
        limit = self.limits[measure]
        if limit.allowed is None or measure is Measure.SECOND:  # its distance sees to that
            return 0
        reach = max(limit.reach(call.begun_ms), call.cost(measure))
        if self._level(measure, call, margin=True) <= reach:
            trying = sum(other.beyond for other in out)
            too_many = self._is_beyond(measure, call) and trying > limit.raised
            return self._poll_ms() if too_many else 0
        if measure is Measure.FLIGHT:
            return self._poll_ms()
        return min(self._room_ms(limit, call), max(limit.probe_ms - call.begun_ms, 1))

    def _room_ms(self, limit: Limit, call: Call) -> int:
        """Return the wait until the entries of a call fit into what is allowed a minute."""
        cost = call.cost(Measure.MINUTE)
        taken = [
            (one.begun_ms, one.cost(Measure.MINUTE))
            for one in self.calls
            if one.end is not End.REFUSED
        ]
        most = max(limit.aim or limit.allowed or 0, cost)
        return wait_ms(taken, most, MINUTE_MS, cost, call.begun_ms)

    def _is_beyond(self, measure: Measure, call: Call) -> bool:
        limit = self.limits[measure]
        level = self._level(measure, call, margin=True)
        return limit.allowed is not None and level > max(limit.allowed, call.cost(measure))

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
            self._refused(call, now_ms, pause_ms)
        elif how is End.SILENT:
            self._silent(call, quotas, now_ms)

    def _taken(self, call: Call, quotas: Quotas, now_ms: int) -> None:
        for measure, limit in self.limits.items():
            if limit.took(self._level(measure, call), quotas.most(measure), now_ms):
                self.learned_ms = now_ms
        if call.entries:  # a read is answered sooner, and says nothing of how long a batch takes
            self.answer_ms = max(now_ms - call.begun_ms, self.answer_ms * 7 // 8)
        if call.granted_ms > self.event_ms:
            self.refusals = 0
        if self.slow_size is not None and call.entries >= min(self.slow_size, self.size(quotas)):
            self._enlarge(now_ms - call.begun_ms, quotas)
        # What comes back meanwhile may leave one cause; else the call that goes alone decides.
        hypothesis = self.hypothesis
        if hypothesis and (hypothesis.test_id == call.id or len(self._causes()) <= 1):
            self._conclude(now_ms)

    def _enlarge(self, took_ms: int, quotas: Quotas) -> None:
        """Double batches that had been too slow, after some quick answers in a row."""
        # Twice as many would take twice as long: that must still be half of the timeout.
        self.quick = self.quick + 1 if 4 * took_ms < quotas.timeout_ms else 0
        if self.slow_size is not None and self.quick >= QUICK_IN_A_ROW:
            self.quick, self.slow_size = 0, 2 * self.slow_size
            if self.slow_size >= quotas.batch_size:
                self.slow_size = None

    def _refused(self, call: Call, now_ms: int, pause_ms: int | None) -> None:
        is_new = call.granted_ms > self.event_ms
        self.refusals += is_new
        if pause_ms is None:
            pause_ms = PAUSES_MS[min(max(self.refusals, 1), len(PAUSES_MS)) - 1]
        until_ms = now_ms + min(max(pause_ms, 0), LONGEST_PAUSE_MS)
        self.pause_until_ms = max(self.pause_until_ms, until_ms)
        if is_new:
            self.event_ms = now_ms
            self._explain(call)
            self._too_large(call, now_ms)
            if len(self._causes()) == 1:
                self._conclude(now_ms)

    def _explain(self, call: Call) -> None:
        """Suppose what may have caused a refusal."""
        levels = {measure: self._level(measure, call) for measure in Measure}
        costs = {measure: call.cost(measure) for measure in Measure}
        # Where nothing else was under way, nothing can have been too much.
        loaded = {measure: n for measure, n in levels.items() if n > costs[measure]}
        sudden = all(level <= self.limits[measure].taken for measure, level in loaded.items())
        if sudden:
            for measure, level in loaded.items():
                self.limits[measure].taken = level - costs[measure]
        self.hypothesis = Hypothesis(loaded, costs, sudden, call.entries) if loaded else None

    def _too_large(self, call: Call, now_ms: int) -> None:
        """Halve a batch that is refused again, all by itself, and was never taken: it may not fit.

        Where as much was taken before, the service takes nothing at all just now.
        """
        limit = self.limits[Measure.MINUTE]
        if self.hypothesis is None and self.refusals > 1 and call.entries > max(limit.taken, 1):
            limit.refuse(
                call.entries,
                call.entries - call.entries // 2,
                certain=False,
                sudden=False,
                now_ms=now_ms,
            )
            self.learned_ms = now_ms

    def _causes(self) -> dict[Measure, int]:
        """Return the measures that may have caused the refusal: their levels were never taken."""
        levels = self.hypothesis.levels if self.hypothesis else {}
        return {measure: n for measure, n in levels.items() if n > self.limits[measure].taken}

    def _conclude(self, now_ms: int) -> None:
        """Blame all possible causes that are left; the entries only where a batch was refused.

        A read that is refused says that the company's requests are used up, by another app perhaps:
        nothing about how many entries it takes.
        """
        causes, hypothesis = self._causes(), self.hypothesis
        for measure, level in causes.items():
            if hypothesis is not None and (hypothesis.entries or measure is not Measure.MINUTE):
                self.limits[measure].refuse(
                    level,
                    hypothesis.costs[measure],
                    certain=len(causes) == 1,
                    sudden=hypothesis.sudden,
                    now_ms=now_ms,
                )
                self.learned_ms = now_ms
        self.hypothesis = None

    def _silent(self, call: Call, quotas: Quotas, now_ms: int) -> None:
        """Halve the batches; once for all that were on their way together.

        A larger one, of before they were halved, says nothing about the smaller ones.
        """
        size = min(quotas.batch_size, self.slow_size or quotas.batch_size)
        if call.entries and call.entries <= size and call.granted_ms > self.slow_ms:
            self.slow_size, self.slow_ms, self.quick = max(size // 2, 1), now_ms, 0
            self.learned_ms = now_ms

    def _level(self, measure: Measure, call: Call, *, margin: bool = False) -> int:
        return level_of(self.calls, measure, call, margin=margin)
