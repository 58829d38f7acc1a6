"""When the next call to a company may begin, and how many entries it may carry: pure arithmetic.

Sliding-window log: every call of the last minute is kept, so that no window of the service's ever
holds more than a published quota (FACTS, QBO, 2.2), where a token bucket lets a burst on top of
its rate. A call is dated when its first byte leaves; windows are a little longer than the
service's, because calls are delayed differently on the way. Calls are spaced as well, so that a
surprise costs one or two refusals and not ten. How many are in flight follows from rate and
latency (Little's law), up to the settings' limit.

What the service takes beyond the published quotas is measured, on three measures: entries a
minute, calls a second, calls in flight. A level that was ever taken is above suspicion. A refusal
blames the measure whose level was never taken before; where several are suspect, the next call
goes alone, after everything in flight has come back: taken, it clears the minute; refused, it
convicts it. The blamed measure is held at the highest level that was taken (see
`connectors.quickbooks.rate_limit.learned_limit`), and tried beyond it at growing distances: first
by one call, then by one more for each that was taken.

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
from connectors.quickbooks.rate_limit.model import (
    MARGIN_MS,
    MINUTE_MS,
    SECOND_MS,
    Call,
    Case,
    End,
    Measure,
    Rules,
    Want,
)

DAY_MS = 86_400_000

#: A minute's batches leave over this part of the minute at least: a surprise is met by few.
BURST = 10

#: How long to wait where nobody knows how long, until another call has come back: this part of the
#: time that answers take, within bounds.
LOOK_AGAIN, SOONEST_MS, LATEST_MS = 4, 20, 1_000

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
    case: Case | None = None
    slow_size: int | None = None  # entries a batch, after larger ones were not answered in time
    slow_ms: int = 0
    quick: int = 0
    answer_ms: int = 0  # how long the slow ones of the latest answers took
    learned_ms: int = 0

    # --- as text ---

    def to_json(self) -> str:
        """Write it down; calls without the names of their fields, for there may be hundreds."""
        told = asdict(replace(self, calls=[]))
        told["calls"] = [list(vars(call).values()) for call in self.calls]
        return json.dumps(told, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Pace":
        """Read what was written down; what cannot be read, as of another version, is forgotten."""
        try:
            told = json.loads(text)
            case = told["case"]
            return cls(
                **told
                | {
                    "calls": [Call(*call) for call in told["calls"]],
                    "limits": {m: Limit(**told["limits"][m]) for m in Measure},
                    "case": case
                    and Case(
                        **case
                        | {
                            "levels": {Measure(m): n for m, n in case["levels"].items()},
                            "costs": {Measure(m): n for m, n in case["costs"].items()},
                        }
                    ),
                }
            )
        except (ValueError, TypeError, KeyError):
            return cls()

    # --- a call begins ---

    def begin(self, want: Want, rules: Rules, now_ms: int) -> Call | int:
        """Let a call begin, or say for how many milliseconds to wait before asking again."""
        self._tidy(now_ms)
        entries = want.entries if want.exactly else min(want.entries, self.size(rules))
        stranger_ms = max(STRANGER_MS, 2 * self.answer_ms)
        out = [
            call
            for call in self.calls
            if call.end is End.OUT
            and (call.owner == want.owner or now_ms - call.begun_ms < stranger_ms)
        ]
        call = Call(
            id=self.last_id + 1,
            begun_ms=now_ms,
            entries=entries,
            until_ms=now_ms + rules.timeout_ms + GRACE_MS,
            at_once=len(out) + 1,
            owner=want.owner,
            granted_ms=now_ms,
        )
        wait_ms = max(
            self.pause_until_ms - now_ms,
            self._look_again_ms() if self._must_wait_for(call, out, rules) else 0,
            *self._published(call, rules),
            *(self._learned(measure, call, out) for measure in Measure),
        )
        if wait_ms > 0:
            return wait_ms
        call.beyond = any(self._is_beyond(measure, call) for measure in Measure)
        self.last_id = call.id
        self.calls.append(call)
        if self.case is not None:
            self.case.trial = call.id
        return call

    def _look_again_ms(self) -> int:
        return min(max(self.answer_ms // LOOK_AGAIN, SOONEST_MS), LATEST_MS)

    def size(self, rules: Rules) -> int:
        """Say how many entries the next batch carries at most.

        A budget of entries a minute is cut into equal batches: 493 are 17 batches of 29.
        """
        size = min(rules.batch_size, self.slow_size or rules.batch_size)
        limit = self.limits[Measure.MINUTE]
        if limit.allowed is None:
            return size
        budget = limit.aim or limit.allowed
        return max(1, budget // -(-budget // size))

    def set_back(self, now_ms: int) -> bool:
        """Let times in the future be now, and say whether there were any, to be kept so."""
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

    def _tidy(self, now_ms: int) -> None:
        """Forget what is over, and what a day has made doubtful."""
        self.set_back(now_ms)
        out = [call for call in self.calls if call.end is End.OUT and call.until_ms > now_ms]
        # What was there when they began is to be counted once they have come back.
        first_ms = min([now_ms, *(call.begun_ms for call in out)])
        since_ms = first_ms - MINUTE_MS - MARGIN_MS[MINUTE_MS]
        self.calls = [
            call
            for call in self.calls
            if call.begun_ms > since_ms and (call.end is not End.OUT or call.until_ms > now_ms)
        ]
        self.calls.sort(key=lambda call: (call.begun_ms, call.id))
        if now_ms - self.learned_ms > DAY_MS:
            self.limits = {measure: Limit() for measure in Measure}
            self.slow_size = None
            self.learned_ms = now_ms

    def _must_wait_for(self, call: Call, out: Sequence[Call], rules: Rules) -> bool:
        """Say whether another call must come back first."""
        recent = any(call.begun_ms - other.begun_ms < MINUTE_MS for other in out)
        going_alone = self.case is not None and recent
        # More entries a minute are tried where nothing else can be to blame for a refusal.
        unclear = self._is_beyond(Measure.MINUTE, call) and any(
            self._level(measure, call) > max(self.limits[measure].taken, 1)
            for measure in (Measure.SECOND, Measure.FLIGHT)
        )
        return len(out) >= rules.in_flight or going_alone or (unclear and bool(out))

    def _published(self, call: Call, rules: Rules) -> list[int]:
        """Give the wait for each quota of the settings, and for the distance to the last call."""
        batches = [other for other in self.calls if other.entries]
        a_second = min(
            rules.requests_per_second, self.limits[Measure.SECOND].next_level(call.begun_ms)
        )
        spaces = [(self.calls, int((SECOND_MS + MARGIN_MS[SECOND_MS]) // a_second))]
        quotas = [
            (self.calls, rules.requests_per_minute, MINUTE_MS),
            (self.calls, rules.requests_per_second, SECOND_MS),
        ]
        if call.entries:
            spaces.append((batches, MINUTE_MS // BURST // rules.batches_per_minute))
            quotas.append((batches, rules.batches_per_minute, MINUTE_MS))
        return [
            *(calls[-1].begun_ms + space - call.begun_ms for calls, space in spaces if calls),
            *(_wait_ms([(c.begun_ms, 1) for c in calls], most, window, 1, call.begun_ms)
              for calls, most, window in quotas),
        ]  # fmt: skip

    def _learned(self, measure: Measure, call: Call, out: Sequence[Call]) -> int:
        """Give the wait for what the service was seen to take of one measure."""
        limit = self.limits[measure]
        cost = _cost(measure, call)
        if limit.allowed is None or measure is Measure.SECOND:  # its distance sees to that
            return 0
        if self._level(measure, call, margin=True) <= max(limit.reach(call.begun_ms), cost):
            trying = sum(other.beyond for other in out)
            too_many = self._is_beyond(measure, call) and trying > limit.raised
            return self._look_again_ms() if too_many else 0
        if measure is Measure.FLIGHT:
            return self._look_again_ms()
        taken = [(c.begun_ms, c.cost) for c in self.calls if c.end is not End.REFUSED]
        room_ms = _wait_ms(
            taken, max(limit.aim or limit.allowed, cost), MINUTE_MS, cost, call.begun_ms
        )
        return min(room_ms, max(limit.probe_ms - call.begun_ms, 1))

    def _is_beyond(self, measure: Measure, call: Call) -> bool:
        limit = self.limits[measure]
        level = self._level(measure, call, margin=True)
        return limit.allowed is not None and level > max(limit.allowed, _cost(measure, call))

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
        rules: Rules,
        now_ms: int,
        *,
        left_ms: int | None = None,
        pause_ms: int | None = None,
    ) -> None:
        """Learn from how a call ended.

        Args:
            call_id: The call; one that is forgotten already teaches nothing.
            how: How it ended.
            rules: The settings.
            now_ms: The time.
            left_ms: When its first byte left; it was allowed to a little earlier.
            pause_ms: How long the service asks to wait, if it says.
        """
        call = next((call for call in self.calls if call.id == call_id), None)
        if call is None:
            return
        granted_ms = call.granted_ms
        call.begun_ms = min(max(call.begun_ms, left_ms or 0), now_ms)
        call.end = how
        if how is End.NEVER_LEFT:
            self.calls.remove(call)
        elif how is End.TAKEN:
            self._taken(call, granted_ms, rules, now_ms)
        elif how is End.REFUSED:
            self._refused(call, granted_ms, now_ms, pause_ms)
        elif how is End.SILENT:
            self._silent(call, granted_ms, rules, now_ms)
        # What comes back meanwhile may clear all but one suspect; else the trial decides.
        found = self.case is not None and (self.case.trial == call.id or len(self._suspects()) <= 1)
        if found and how is End.TAKEN:
            self._conclude(now_ms)

    def _taken(self, call: Call, granted_ms: int, rules: Rules, now_ms: int) -> None:
        for measure, limit in self.limits.items():
            if limit.took(self._level(measure, call), rules.most(measure), now_ms):
                self.learned_ms = now_ms
        if call.entries:  # a read is answered sooner, and says nothing of how long a batch takes
            self.answer_ms = max(now_ms - call.begun_ms, self.answer_ms * 7 // 8)
        if granted_ms > self.event_ms:
            self.refusals = 0
        if self.slow_size is not None and call.entries >= min(self.slow_size, self.size(rules)):
            # Twice as many would take twice as long: that must still be half of the timeout.
            is_quick = 4 * (now_ms - call.begun_ms) < rules.timeout_ms
            self.quick = self.quick + 1 if is_quick else 0
            if self.quick >= QUICK_IN_A_ROW:
                self.quick, self.slow_size = 0, 2 * self.slow_size
                if self.slow_size >= rules.batch_size:
                    self.slow_size = None

    def _refused(self, call: Call, granted_ms: int, now_ms: int, pause_ms: int | None) -> None:
        is_new = granted_ms > self.event_ms
        self.refusals += is_new
        if pause_ms is None:
            pause_ms = PAUSES_MS[min(max(self.refusals, 1), len(PAUSES_MS)) - 1]
        self.pause_until_ms = max(
            self.pause_until_ms, now_ms + min(max(pause_ms, 0), LONGEST_PAUSE_MS)
        )
        if not is_new:
            return
        self.event_ms = now_ms
        levels = {measure: self._level(measure, call) for measure in Measure}
        costs = {measure: _cost(measure, call) for measure in Measure}
        # Where nothing else was under way, nothing can have been too much.
        loaded = {measure: n for measure, n in levels.items() if n > costs[measure]}
        sudden = all(level <= self.limits[measure].taken for measure, level in loaded.items())
        if sudden:
            for measure, level in loaded.items():
                self.limits[measure].taken = level - costs[measure]
        self.case = Case(loaded, costs, sudden, call.entries) if loaded else None
        self._too_large(call, now_ms)
        if len(self._suspects()) == 1:
            self._conclude(now_ms)

    def _too_large(self, call: Call, now_ms: int) -> None:
        """Halve a batch that is refused again, all by itself, and was never taken: it may not fit.

        Where as much was taken before, the service takes nothing at all just now.
        """
        limit = self.limits[Measure.MINUTE]
        if self.case is None and self.refusals > 1 and call.entries > max(limit.taken, 1):
            limit.refuse(
                call.entries,
                call.entries - call.entries // 2,
                certain=False,
                sudden=False,
                now_ms=now_ms,
            )
            self.learned_ms = now_ms

    def _suspects(self) -> dict[Measure, int]:
        """Give the measures whose level of the open case was never taken yet."""
        levels = self.case.levels if self.case else {}
        return {measure: n for measure, n in levels.items() if n > self.limits[measure].taken}

    def _conclude(self, now_ms: int) -> None:
        """Blame whatever is still suspect; the entries only where a batch was refused.

        A read that is refused says that the company's requests are used up, by another app perhaps:
        nothing about how many entries it takes.
        """
        suspects, case = self._suspects(), self.case
        for measure, level in suspects.items():
            if case is not None and (case.entries or measure is not Measure.MINUTE):
                self.limits[measure].refuse(
                    level,
                    case.costs[measure],
                    certain=len(suspects) == 1,
                    sudden=case.sudden,
                    now_ms=now_ms,
                )
                self.learned_ms = now_ms
        self.case = None

    def _silent(self, call: Call, granted_ms: int, rules: Rules, now_ms: int) -> None:
        """Halve the batches; once for all that were on their way together.

        A larger one, of before they were halved, says nothing about the smaller ones.
        """
        size = min(rules.batch_size, self.slow_size or rules.batch_size)
        if call.entries and call.entries <= size and granted_ms > self.slow_ms:
            self.slow_size, self.slow_ms, self.quick = max(size // 2, 1), now_ms, 0
            self.learned_ms = now_ms

    def _level(self, measure: Measure, call: Call, *, margin: bool = False) -> int:
        """Say how much of a measure there was when a call began, itself included."""
        if measure is Measure.FLIGHT:
            return call.at_once
        window_ms = MINUTE_MS if measure is Measure.MINUTE else SECOND_MS
        margin = margin or measure is Measure.SECOND  # our own distances have it
        since_ms = call.begun_ms - window_ms - (MARGIN_MS[window_ms] if margin else 0)
        return _cost(measure, call) + sum(
            _cost(measure, other)
            for other in self.calls
            if other.id != call.id
            and other.end is not End.REFUSED
            and since_ms < other.begun_ms
            and (other.begun_ms, other.id) < (call.begun_ms, call.id)
        )


def _cost(measure: Measure, call: Call) -> int:
    return call.cost if measure is Measure.MINUTE else 1


def _wait_ms(
    begun: Sequence[tuple[int, int]], most: int, window_ms: int, cost: int, now_ms: int
) -> int:
    """Say how long until *cost* more fits into a window: *begun* are times and costs, in order."""
    window_ms += MARGIN_MS[window_ms]
    inside = [(begun_ms, each) for begun_ms, each in begun if begun_ms > now_ms - window_ms]
    total = cost + sum(each for _, each in inside)
    wait_ms = 0
    for begun_ms, each in inside:
        if total <= most:
            break
        total -= each
        wait_ms = begun_ms + window_ms - now_ms
    return wait_ms
