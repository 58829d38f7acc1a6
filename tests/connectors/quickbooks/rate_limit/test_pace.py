"""The pace of a company, against simulated services: time passes from event to event."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.quickbooks.rate_limit.learned_limit import Limit
from connectors.quickbooks.rate_limit.model import Call, End, Measure, Want
from connectors.quickbooks.rate_limit.pace import PAUSES_MS, Pace
from connectors.quickbooks.rate_limit.quotas import Quotas

MINUTE, SECOND = 60_000, 1_000
QUICKBOOKS = Quotas(
    requests_per_minute=500,
    requests_per_second=10,
    batches_per_minute=40,
    in_flight=10,
    batch_size=30,
    timeout_ms=120_000,
)

#: A service's verdict on a call: its time of arrival, its entries (0: no batch), calls in flight.
Verdict = Callable[["Service", int, int], bool]


@dataclass
class Service:
    """A service that takes or refuses calls, and remembers those that it took."""

    takes: Verdict
    taken: list[tuple[int, int]] = field(default_factory=list)  # arrival, entries
    refused: list[int] = field(default_factory=list)
    flying: int = 0

    def inside(self, now_ms: int, window_ms: int) -> list[int]:
        """Return the entries of the calls taken within a window that ends now."""
        return [n for at, n in self.taken if at > now_ms - window_ms]

    def arrives(self, now_ms: int, entries: int) -> bool:
        """Take a call, or refuse it; what is refused is not counted."""
        if not self.takes(self, now_ms, entries):
            self.refused.append(now_ms)
            return False
        self.taken.append((now_ms, entries))
        self.flying += 1
        return True


def published(service, now_ms, entries):
    """Take what the limits page says."""
    minute, batches = (
        service.inside(now_ms, MINUTE),
        [n for n in service.inside(now_ms, MINUTE) if n],
    )
    return (
        len(minute) < 500
        and len(service.inside(now_ms, SECOND)) < 10
        and (not entries or len(batches) < 40)
    )


def metered(most, window_ms=MINUTE):
    """Take *most* entries a minute beside the published quotas."""

    def takes(service, now_ms, entries):
        used = sum(max(n, 1) for n in service.inside(now_ms, window_ms))
        return published(service, now_ms, entries) and used + max(entries, 1) <= most

    return takes


def calls_in(window_ms, most):
    """Take *most* calls in a window beside the published quotas."""
    return lambda service, now_ms, entries: (
        published(service, now_ms, entries) and len(service.inside(now_ms, window_ms)) < most
    )


def at_once(most):
    """Take *most* calls in flight beside the published quotas."""
    return lambda service, now_ms, entries: (
        published(service, now_ms, entries) and service.flying < most
    )


@dataclass
class Run:
    """A simulated load: workers share a pace, calls travel, the service works on them.

    Attributes:
        service: The service.
        entries: How many entries are to go; 0 for single calls instead.
        single: How many single calls are to go.
        latency_ms: Of a call that is taken, by its number and entries.
        delay_ms: On the way there, by the number of the call.
        end: How a call that was taken ends, by its latency.
    """

    service: Service
    entries: int = 0
    single: int = 0
    latency_ms: Callable[[int, int], int] = lambda *_: 2_000
    delay_ms: Callable[[int], int] = lambda _: 50
    quotas: Quotas = QUICKBOOKS
    pace: Pace = field(default_factory=Pace)
    now_ms: int = 1_000_000
    done: int = 0
    sizes: list[int] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    _events: list = field(default_factory=list)
    _number: int = 0
    _asking: bool = False

    def go(self, until_ms: int | None = None) -> "Run":
        """Let time pass until all is done, or to a moment."""
        self._ask()
        while self._events and (until_ms is None or self._events[0][0] <= until_ms):
            self.now_ms, _, what = heapq.heappop(self._events)
            what()
        return self

    def _at(self, when_ms, what):
        self._number += 1
        heapq.heappush(self._events, (when_ms, self._number, what))

    def _ask(self):
        """Ask for permits until one must wait; a single asker stands for all workers."""
        self._asking = False
        while self.entries or self.single:
            answer = self.pace.begin(Want(self.entries), self.quotas, self.now_ms)
            # What is kept between two calls is text.
            self.pace = Pace.from_json(self.pace.to_json())
            if not isinstance(answer, Call):
                assert answer > 0
                self._asking = True
                self._at(self.now_ms + answer, self._ask)
                return
            self._send(answer)

    def _send(self, call):
        if call.entries:
            self.entries -= call.entries
            self.sizes.append(call.entries)
        else:
            self.single -= 1
        self.begun.append(self.now_ms)
        number, left_ms = len(self.begun), self.now_ms

        def arrive():
            if self.service.arrives(self.now_ms, call.entries):
                latency_ms = self.latency_ms(number, call.entries)
                silent = latency_ms > self.quotas.timeout_ms
                self._at(self.now_ms + min(latency_ms, self.quotas.timeout_ms) + 50,
                         lambda: answer(End.SILENT if silent else End.TAKEN))  # fmt: skip
            else:
                self._at(self.now_ms + 50, lambda: answer(End.REFUSED))

        def answer(how):
            self.pace.end(call.id, how, self.quotas, self.now_ms, left_ms=left_ms)
            if how is End.REFUSED:
                self.entries += call.entries
                self.single += not call.entries
            else:
                self.service.flying -= 1
                self.done += max(call.entries, 1)
            if not self._asking:
                self._ask()

        self._at(self.now_ms + self.delay_ms(number), arrive)


def load(takes, *, latency_ms=2_000, **fields):
    """Run a load to its end against a service with a rule."""
    return Run(Service(takes), latency_ms=lambda *_: latency_ms, **fields).go()


def minutes(run):
    return (run.now_ms - 1_000_000) / MINUTE


# --- the settings are right --------------------------------------------------------------------

latencies = st.integers(20, 20_000)


@given(
    st.lists(st.tuples(latencies, st.integers(0, 190)), min_size=1, max_size=12),
    st.integers(2, 12),
    st.integers(1, 5),
    st.integers(1, 6),
    st.booleans(),
)
def test_no_window_of_the_service_ever_holds_more_than_its_quota(
    travels, minute, second, in_flight, batches
):
    """Whatever calls take on the way and at work, none is refused, and each gets its permit."""
    quotas = Quotas(minute, second, max(minute // 2, 1), in_flight, 30, 120_000)

    def takes(service, now_ms, entries):
        inside = service.inside(now_ms, MINUTE)
        return (
            len(inside) < minute
            and len(service.inside(now_ms, SECOND)) < second
            and (not entries or sum(n > 0 for n in inside) < quotas.batches_per_minute)
            and service.flying < in_flight
        )

    run = Run(
        Service(takes),
        entries=450 if batches else 0,
        single=0 if batches else 25,
        latency_ms=lambda number, _: travels[number % len(travels)][0],
        delay_ms=lambda number: travels[number % len(travels)][1],
        quotas=quotas,
    ).go()

    assert run.service.refused == []
    assert run.done == (450 if batches else 25)


@pytest.mark.parametrize("latency_ms", [300, 2_000, 10_000])
def test_none_of_the_published_quota_is_left_lying(latency_ms):
    """Four minutes' worth of batches are through in little more than three, without a refusal."""
    run = load(published, entries=4 * 1_200, latency_ms=latency_ms)

    assert run.service.refused == []
    most_s = 3 * 60 + max(10, 4 * latency_ms / 1000) + latency_ms / 1000 + 4
    assert minutes(run) * 60 <= most_s


def test_calls_never_begin_in_one_instant():
    """A surprise meets one or two of them: a tenth of a second and more lies between two."""
    run = load(published, single=30)

    assert min(b - a for a, b in zip(run.begun, run.begun[1:], strict=False)) >= 120


# --- the service is stricter than the settings -------------------------------------------------


@pytest.mark.parametrize("latency_ms", [300, 2_000, 10_000])
@pytest.mark.parametrize(
    ("takes", "a_minute"), [(metered(500), 500), (calls_in(MINUTE, 20), 600)], ids=["item", "batch"]
)
def test_a_stricter_minute_is_found_and_held(takes, a_minute, latency_ms):
    """One refusal finds it, one more try may narrow it; after that, its rate is what goes."""
    run = load(takes, entries=5 * a_minute, latency_ms=latency_ms)

    assert len(run.service.refused) <= 3
    assert run.done / a_minute >= 0.95 * (minutes(run) - latency_ms / MINUTE - 0.25)


@pytest.mark.parametrize("read_before", [0, 3])
@pytest.mark.parametrize("latency_ms", [20, 300, 2_000, 10_000])
@pytest.mark.parametrize("delay_ms", [5, 50, 180])
def test_refusals_before_any_batch_was_taken_are_soon_forgotten(delay_ms, latency_ms, read_before):
    """Two of them at the start, whoever was to blame, do not hold a load up for minutes."""

    def takes(service, now_ms, entries):
        return published(service, now_ms, entries) and (not entries or len(service.refused) >= 2)

    run = Run(Service(takes), single=read_before, delay_ms=lambda _: delay_ms).go()
    run.latency_ms = lambda *_: latency_ms
    run.entries = 600
    begun_ms = run.now_ms
    run.go()

    assert run.done == read_before + 600
    # By one more at once for each that is taken: the slower the answers, the longer it takes.
    assert run.now_ms - begun_ms <= MINUTE + 15 * latency_ms


@pytest.mark.parametrize("read_before", [1, 5, 200])
def test_reads_that_are_refused_say_nothing_of_entries(read_before):
    """When another app has used up the company's requests, the load afterwards is not held down."""
    busy_until_ms = 1_000_000 + 2 * MINUTE

    def takes(service, now_ms, entries):
        is_free = len(service.taken) < read_before or now_ms > busy_until_ms
        return published(service, now_ms, entries) and is_free

    run = Run(Service(takes), single=read_before + 3).go()
    assert run.service.refused
    begun_ms, before = run.now_ms, len(run.sizes)
    run.entries = 1_200
    run.go()

    assert run.done == read_before + 3 + 1_200
    assert run.sizes[before] == 30
    assert run.now_ms - begun_ms <= 2 * MINUTE


def test_a_budget_that_batches_do_not_fill_is_filled_by_smaller_ones():
    """Of 500 entries a minute, 16 batches of 30 leave 20: 17 of 29 leave only 7."""
    run = load(metered(500), entries=2_000)

    assert run.sizes[0] == 30
    assert run.sizes[40] == 29


def test_a_budget_smaller_than_a_batch_is_found():
    """A batch that is refused all by itself, again and again, is halved until it fits."""
    run = load(metered(20), entries=60)

    assert run.done == 60
    assert max(run.sizes[-2:]) <= 20


@pytest.mark.parametrize(
    ("takes", "at_least_a_minute"), [(at_once(3), 1_100), (calls_in(SECOND, 3), 800)]
)
def test_another_quota_does_not_strangle_the_minute(takes, at_least_a_minute):
    """Three in flight, or three a second, still let more than twenty batches a minute through."""
    run = load(takes, entries=4_800)

    assert run.done / minutes(run) >= at_least_a_minute
    assert len(run.service.refused) <= 4


def test_refusals_grow_rare():
    """A rule that never changes is tried after 5, 10, 20 minutes and so on: a few times a day."""
    run = load(metered(100), entries=100 * 120)

    assert len(run.service.refused) <= 8
    assert max(run.service.refused) < run.now_ms - 30 * MINUTE


def squeezed(from_s, until_s, most):
    """Take only *most* entries a minute for a while, beside the published quotas."""

    def takes(service, now_ms, entries):
        squeeze = from_s <= (now_ms - 1_000_000) / SECOND < until_s
        rule = metered(most) if squeeze else published
        return rule(service, now_ms, entries)

    return takes


@pytest.mark.parametrize("most", [0, 100])
@pytest.mark.parametrize("latency_ms", [300, 10_000])
def test_a_squeeze_is_recovered_from(most, latency_ms):
    """When another app has used the company's quota for two minutes, the old rate returns soon."""
    run = load(squeezed(180, 300, most), entries=12_000, latency_ms=latency_ms)

    assert run.done == 12_000
    assert len(run.service.refused) <= 9
    late = [at for at, _ in run.service.taken if run.now_ms - 2 * MINUTE < at]
    assert len(late) >= 60
    assert minutes(run) <= 18


def test_refusals_of_calls_that_were_under_way_say_nothing_new():
    """Ten that are refused together are one event: the pause is the first one's."""
    pace = Pace()
    now_ms, calls = 1_000_000, []
    for _ in range(10):
        call = pace.begin(Want(30), QUICKBOOKS, now_ms)
        while not isinstance(call, Call):
            now_ms += call
            call = pace.begin(Want(30), QUICKBOOKS, now_ms)
        calls.append(call)
    for call in calls:
        pace.end(call.id, End.REFUSED, QUICKBOOKS, now_ms + 100)

    assert pace.refusals == 1
    assert pace.pause_until_ms == now_ms + 100 + PAUSES_MS[0]


def test_a_wait_that_the_service_asks_for_holds_all():
    """Retry-After is obeyed by everybody, up to five minutes."""
    for asked_ms, kept_ms in ((33_000, 33_000), (7_200_000, 300_000)):
        pace = Pace()
        call = pace.begin(Want(30), QUICKBOOKS, 1_000_000)
        pace.end(call.id, End.REFUSED, QUICKBOOKS, 1_000_100, pause_ms=asked_ms)

        assert pace.begin(Want(), QUICKBOOKS, 1_000_100) == kept_ms
        assert isinstance(pace.begin(Want(), QUICKBOOKS, 1_000_100 + kept_ms), Call)


# --- batches that are not answered in time -----------------------------------------------------


def test_batches_that_time_out_are_halved_and_grow_again():
    """A service that needs ten seconds an entry gets seven a batch; a quick one 30 again."""
    slow = Run(Service(published), entries=3_000, latency_ms=lambda _, n: 10_000 * n)
    slow.go(until_ms=slow.now_ms + 20 * MINUTE)
    assert slow.sizes[-1] == 7
    assert set(slow.sizes) <= {30, 15, 7}

    quick = Run(Service(published), entries=1_200, pace=slow.pace, now_ms=slow.now_ms + 5 * MINUTE)
    quick.go()
    assert quick.sizes[0] == 7
    assert max(quick.sizes) == 30


def test_silence_halves_once_for_all_that_were_on_their_way():
    """Ten batches that time out together are one event: 30 become 15, not none."""
    run = Run(Service(published), entries=300, latency_ms=lambda *_: 10**6)
    run.go(until_ms=run.now_ms + 130_000)

    assert set(run.sizes[:10]) == {30}
    assert run.pace.size(QUICKBOOKS) == 15


# --- what is kept ------------------------------------------------------------------------------


def test_silence_of_a_larger_batch_says_nothing_of_smaller_ones():
    """What was handed over as thirty, and is handed over again, must go whole or in parts."""
    pace, now_ms = Pace(), 1_000_000
    for _ in range(3):
        now_ms += 130 * SECOND
        call = pace.begin(Want(30, exactly=True), QUICKBOOKS, now_ms)
        assert isinstance(call, Call)
        now_ms += 120 * SECOND
        pace.end(call.id, End.SILENT, QUICKBOOKS, now_ms)

    assert pace.size(QUICKBOOKS) == 15


def test_a_call_counts_from_its_first_byte():
    """When claims were held up, the calls leave later than allowed, and all at once."""
    pace, now_ms = Pace(), 1_000_000
    calls = []
    while len(calls) < 10:
        answer = pace.begin(Want(30), QUICKBOOKS, now_ms)
        calls += [answer] if isinstance(answer, Call) else []
        now_ms += 0 if isinstance(answer, Call) else answer
    now_ms += 2 * SECOND
    for call in calls:
        pace.left(call.id, now_ms)
    pace.end(calls[0].id, End.TAKEN, QUICKBOOKS, now_ms + 300)

    wait_ms = pace.begin(Want(30), QUICKBOOKS, now_ms + 300)

    assert isinstance(wait_ms, int)
    assert wait_ms >= 700


def test_a_limit_that_the_settings_have_anyway_is_forgotten():
    """With 20 requests a minute in the settings, 600 entries are no limit of the service's."""
    quotas = replace(QUICKBOOKS, requests_per_minute=20)
    limit = Limit(taken=300, allowed=300, probe_ms=0)

    assert limit.took(600, quotas.most(Measure.MINUTE), now_ms=1_000_000)
    assert limit.allowed is None


def test_what_was_learned_serves_the_next_run_and_is_forgotten_after_a_day():
    """The next night begins with the budget, without a refusal; a day without news ends it."""
    first = load(metered(500), entries=1_000)
    soon = first.now_ms + 2 * MINUTE

    second = Run(Service(metered(500)), entries=493, pace=first.pace, now_ms=soon).go()
    assert second.service.refused == []
    assert set(second.sizes) == {29}

    third = Run(Service(published), entries=1_200, pace=second.pace, now_ms=soon + 25 * 60 * MINUTE)
    third.go()
    assert set(third.sizes) == {30}


def test_a_clock_that_ran_ahead_stops_nobody_for_longer_than_a_window():
    """Calls that seem to lie an hour ahead count as made now: a minute later all is as it was."""
    pace = load(published, entries=1_200, now_ms=1_000_000 + 60 * MINUTE).pace

    first = pace.begin(Want(30), QUICKBOOKS, 1_000_000)
    assert 0 < first <= MINUTE + 500
    assert isinstance(pace.begin(Want(30), QUICKBOOKS, 1_000_000 + MINUTE + 500), Call)


def test_calls_that_nobody_can_wait_for_any_more_are_not_in_flight():
    """Even one's own, long after their timeout."""
    pace, now_ms = Pace(), 1_000_000
    for _ in range(10):
        while not isinstance(pace.begin(Want(), QUICKBOOKS, now_ms), Call):
            now_ms += 10
    assert not isinstance(pace.begin(Want(), QUICKBOOKS, now_ms + 5_000), Call)

    assert isinstance(pace.begin(Want(), QUICKBOOKS, now_ms + 150_000), Call)


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"calls": 7}', '{"from": "the future"}'])
def test_a_pace_that_cannot_be_read_is_begun_anew(text):
    """Another version's row is no reason to fail: what is lost is learned again."""
    assert Pace.from_json(text) == Pace()


def test_a_dead_process_gives_its_place_back_soon():
    """What another process has in flight counts for twice the time that answers take."""
    pace, now_ms = Pace(), 1_000_000
    for _ in range(10):
        while not isinstance(pace.begin(Want(owner="dead"), QUICKBOOKS, now_ms), Call):
            now_ms += 10
    assert not isinstance(pace.begin(Want(owner="next"), QUICKBOOKS, now_ms + 1_000), Call)

    assert isinstance(pace.begin(Want(owner="next"), QUICKBOOKS, now_ms + 6_000), Call)


def test_a_slow_process_keeps_its_place():
    """Where batches take twenty seconds, half a minute says nothing about who is alive.

    Reads meanwhile, which are answered at once, change nothing about that.
    """
    run = load(published, entries=600, latency_ms=20_000)
    run.latency_ms, run.single = lambda *_: 100, 50
    pace = run.go().pace
    now_ms = 10_000_000
    for _ in range(10):
        while not isinstance(pace.begin(Want(owner="slow"), QUICKBOOKS, now_ms), Call):
            now_ms += 10

    assert not isinstance(pace.begin(Want(owner="next"), QUICKBOOKS, now_ms + 30_000), Call)
