"""The pace of a company, against simulated services: time passes from event to event."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pace_simulator import (
    HOUR,
    MINUTE,
    QUICKBOOKS,
    SECOND,
    START,
    AtOnce,
    Moody,
    Rest,
    Rule,
    Run,
    Service,
    Window,
    batches,
    calls,
    items,
    published,
)

from connectors.quickbooks.rate_limit.level import Level
from connectors.quickbooks.rate_limit.model import Call, End, Kind, Want
from connectors.quickbooks.rate_limit.pace import PAUSES_MS, Pace
from connectors.quickbooks.rate_limit.quotas import Quotas


def metered(most, **fields):
    """Return the rules of a service that takes so many entries a minute."""
    return [*published(), Window(most, items, **fields)]


def load(rules, *, latency_ms=2_000, **fields):
    """Run a load to its end against a service with these rules."""
    return Run(Service(rules), latency_ms=lambda *_: latency_ms, **fields).go()


def minutes(run):
    return (run.now_ms - START) / MINUTE


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
    travels, minute, second, in_flight, are_batches
):
    """Whatever calls take on the way and at work, none is refused, and each gets its permit."""
    quotas = Quotas(minute, second, max(minute // 2, 1), in_flight, 30, 120_000)

    rules: list[Rule] = [
        Window(minute),
        Window(second, length_ms=SECOND),
        Window(quotas.batches_per_minute, batches),
        AtOnce(in_flight),
    ]
    run = Run(
        Service(rules),
        entries=450 if are_batches else 0,
        single=0 if are_batches else 25,
        latency_ms=lambda number, _: travels[number % len(travels)][0],
        delay_ms=lambda number: travels[number % len(travels)][1],
        quotas=quotas,
    ).go()

    assert run.service.refused == []
    assert run.done == (450 if are_batches else 25)


@pytest.mark.parametrize("latency_ms", [300, 2_000, 10_000])
def test_none_of_the_published_quota_is_left_lying(latency_ms):
    """Four minutes' worth of batches are through in little more than three, without a refusal."""
    run = load(published(), entries=4 * 1_200, latency_ms=latency_ms)

    assert run.service.refused == []
    most_s = 3 * 60 + max(10, 4 * latency_ms / 1000) + latency_ms / 1000 + 4
    assert minutes(run) * 60 <= most_s


def test_calls_never_begin_in_one_instant():
    """A surprise meets one or two of them: a tenth of a second and more lies between two."""
    run = load(published(), single=30)

    assert min(b - a for a, b in zip(run.begun, run.begun[1:], strict=False)) >= 120


@given(st.floats(0, 0.9), st.integers(20, 5_000), st.booleans())
@settings(max_examples=10)
def test_no_window_of_our_calls_ever_exceeds_the_settings(part, latency_ms, are_batches):
    """Refused calls count too: no minute begins more than 40 batches, no second more than 10."""
    run = Run(
        Service([Moody(part)]),
        entries=5_000 if are_batches else 0,
        single=0 if are_batches else 200,
        latency_ms=lambda *_: latency_ms,
    ).go(START + 2 * MINUTE)

    for most, window_ms in ((40 if are_batches else 500, MINUTE), (10, SECOND)):
        for first, later in zip(run.begun, run.begun[most:], strict=False):
            assert later - first > window_ms


# --- the service is stricter than the settings -------------------------------------------------


@pytest.mark.parametrize("latency_ms", [300, 10_000])
@pytest.mark.parametrize(
    ("rule", "a_minute"),
    [
        (lambda: Window(500, items), 500),
        (lambda: Window(493, items), 493),
        (lambda: Window(500, items, slides=False), 500),
        (lambda: Window(20, calls), 600),
    ],
    ids=["500", "493", "calendar", "calls"],
)
def test_a_stricter_minute_is_found_and_held(rule, a_minute, latency_ms):
    """A few refusals find it; after the first minute, nine tenths of its rate go."""
    run = load([*published(), rule()], entries=15 * a_minute, latency_ms=latency_ms)

    assert len(run.service.refused) <= 6
    assert run.done / a_minute >= 0.9 * (minutes(run) - latency_ms / MINUTE - 1)


@pytest.mark.parametrize(
    ("rule", "a_minute"),
    [
        (lambda: Rest(1_000), lambda _: 1_200),
        (lambda: Rest(4_000), lambda _: 450),
        (lambda: Rest(1_000, from_answer=True), lambda s: min(1_800 / (s + 1), 1_200)),
        (lambda: AtOnce(3), lambda s: min(5_400 / s, 1_200)),
        (lambda: Window(40, items, SECOND), lambda _: 1_200),
        (lambda: Window(20, items, SECOND), lambda _: 800),
        (lambda: Window(300_000, lambda n: 500 * n + 300), lambda _: 570),
    ],
    ids=["rest", "long rest", "after answers", "at once", "40 s", "20 s", "bytes"],
)
def test_a_rule_that_nobody_knows_is_kept(rule, a_minute):
    """In a quarter of an hour, six tenths of what it allows go, with few refusals."""
    run = Run(Service([*published(), rule()]), entries=10**6, latency_ms=lambda *_: 10_000)
    run.go(START + HOUR // 4)

    assert run.done >= 0.6 * 15 * a_minute(10)
    assert len(run.service.refused) <= 10


def test_a_small_minute_is_filled():
    """Of 100 entries a minute, batches of 30 would leave a tenth: equal ones use them up."""
    run = Run(Service(metered(100)), entries=10**6).go(START + HOUR)

    assert run.done >= 0.95 * 60 * 100
    assert len(run.service.refused) <= 10


def test_a_second_that_takes_less_than_a_batch_is_found_in_few_tries():
    """Two thirds of 20 entries a second go, though 30 at once never do; an hour costs ten tries."""
    run = Run(Service([*published(), Window(20, items, SECOND)]), entries=10**6).go(START + HOUR)

    assert run.done >= 60 * 600
    assert len(run.service.refused) <= 10


@given(
    st.lists(
        st.one_of(
            st.builds(Window, st.integers(30, 1_200), st.just(items), slides=st.booleans()),
            st.builds(Rest, st.integers(0, 20_000), from_answer=st.booleans()),
            st.builds(AtOnce, st.integers(1, 10)),
            st.builds(Window, st.integers(2, 10), length_ms=st.just(SECOND)),
        ),
        min_size=1,
        max_size=3,
    ),
    st.integers(100, 20_000),
)
@settings(max_examples=4)
def test_whatever_a_service_minds_refusals_stay_few(rules, latency_ms):
    """Any mixture of rules: few refusals in the first half hour, hardly any later."""
    run = Run(
        Service([*published(), *rules]),
        entries=10**6,
        latency_ms=lambda *_: latency_ms,
        processes=2,
        keeps=50,
    ).go(START + HOUR)

    assert len(run.service.refused) <= 20
    assert sum(at > START + HOUR // 2 for at in run.service.refused) <= 6
    assert run.done > 0


@pytest.mark.parametrize("read_before", [0, 3])
@pytest.mark.parametrize("latency_ms", [300, 10_000])
@pytest.mark.parametrize("delay_ms", [5, 180])
def test_refusals_before_any_batch_was_taken_are_soon_forgotten(delay_ms, latency_ms, read_before):
    """Ten seconds of them at the start, whoever was to blame, do not hold a load up for long."""
    service = Service([*published()])
    run = Run(service, single=read_before, delay_ms=lambda _: delay_ms).go()
    begun_ms = run.now_ms
    service.rules.append(Moody(storms=[(begun_ms - START, begun_ms - START + 10_000)]))
    run.latency_ms = lambda *_: latency_ms
    run.entries = 1_200
    run.go()

    assert run.done == read_before + 1_200
    assert run.now_ms - begun_ms <= 3 * MINUTE


@pytest.mark.parametrize("read_before", [1, 5, 200])
def test_reads_that_are_refused_say_nothing_of_entries(read_before):
    """When another app has used up the company's requests, the load afterwards is not held down."""
    service = Service(published())
    run = Run(service, single=read_before).go()
    passed_ms = run.now_ms - START
    service.rules.append(Moody(storms=[(passed_ms, passed_ms + MINUTE)]))
    run.single = 3
    run.go()
    assert run.service.refused
    begun_ms, before = run.now_ms, len(run.sizes)
    run.entries = 1_200
    run.go()

    assert run.done == read_before + 3 + 1_200
    assert run.sizes[before] == 30
    assert run.now_ms - begun_ms <= 2 * MINUTE


def test_reads_find_their_own_rate():
    """Three calls a second are found by the reads alone, within a few refusals."""
    run = load([*published(), Window(3, length_ms=SECOND)], single=500, latency_ms=100)

    assert len(run.service.refused) <= 6
    assert run.done / minutes(run) >= 0.6 * 180
    assert run.pace.levels[Kind.BATCHES].allowed is None


@pytest.mark.parametrize("most", [20, 10, 1])
def test_a_budget_smaller_than_a_batch_is_found(most):
    """A batch that is refused all by itself is halved until it fits; nobody gives up before."""
    run = load(metered(most), entries=10 * most)

    assert run.done == 10 * most
    assert max(run.sizes[-2:]) <= most
    assert len(run.service.refused) <= 12


def test_refusals_grow_rare():
    """A rule that never changes is tried after 3, 6, 12 minutes and so on: a few times a day."""
    run = load(metered(100), entries=100 * 240)

    assert len(run.service.refused) <= 10
    assert max(run.service.refused) < run.now_ms - 30 * MINUTE


@pytest.mark.parametrize("most", [0, 100])
@pytest.mark.parametrize("latency_ms", [300, 10_000])
def test_a_squeeze_is_recovered_from(most, latency_ms):
    """When another app has used the company's quota for two minutes, the old rate returns soon."""
    squeeze = Window(lambda now_ms: most if 3 <= now_ms / MINUTE < 5 else 10**6, items)
    run = load([*published(), squeeze], entries=12_000, latency_ms=latency_ms)

    assert run.done == 12_000
    assert len(run.service.refused) <= 9
    late = [at for at, _ in run.service.taken if run.now_ms - 2 * MINUTE < at]
    assert len(late) >= 60
    assert minutes(run) <= 18


def test_a_chance_refusal_now_and_then_costs_little():
    """One call in two hundred that is refused for no cause leaves most of the rate."""
    run = Run(Service([*published(), Moody(0.005)]), entries=10**6).go(START + HOUR // 4)

    assert run.done >= 0.7 * 15 * 1_200


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
    slow = Run(Service(published()), entries=3_000, latency_ms=lambda _, n: 10_000 * n)
    slow.go(until_ms=slow.now_ms + 20 * MINUTE)
    assert slow.sizes[-1] == 7
    assert set(slow.sizes) <= {30, 15, 7}

    quick = Run(
        Service(published()), entries=1_200, pace=slow.pace, now_ms=slow.now_ms + 5 * MINUTE
    )
    quick.go()
    assert quick.sizes[0] == 7
    assert max(quick.sizes) == 30


def test_silence_halves_once_for_all_that_were_on_their_way():
    """Ten batches that time out together are one event: 30 become 15, not none."""
    run = Run(Service(published()), entries=300, latency_ms=lambda *_: 10**6)
    run.go(until_ms=run.now_ms + 130_000)

    assert set(run.sizes[:10]) == {30}
    assert run.pace.size(QUICKBOOKS, run.now_ms) == 15


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

    assert pace.size(QUICKBOOKS, now_ms) == 15


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


@given(st.lists(st.tuples(st.integers(1, 1_500), st.integers(0, 900), st.booleans()), max_size=40))
def test_a_level_stays_within_the_settings_and_tries_ever_more_rarely(steps):
    """Whatever is taken and refused: 1 to 1,200, and a try in vain doubles the distance."""
    level, now_ms = Level(first_ms=180_000, proof_ms=120_000), START
    for n, after_s, is_refused in steps:
        now_ms += after_s * SECOND
        before, was_try = replace(level), level.is_trying(now_ms)
        if is_refused:
            level.refused(n // 2, 1_200, now_ms, reached=min(n, 1_200))
            assert not level.is_trying(now_ms)
            assert not was_try or level.gap_ms == 2 * before.gap_ms
        else:
            level.took(min(n, level.most(now_ms) or 1_200), 1_200, now_ms)
        most = level.most(now_ms)
        assert most is None or 1 <= most <= 1_200


def test_what_was_learned_serves_the_next_run_and_is_forgotten_after_a_day():
    """The next night begins with the budget, without a burst or a refusal; a day ends it."""
    first = load(metered(500), entries=1_000)
    soon = first.now_ms + 2 * MINUTE

    second = Run(Service(metered(500)), entries=480, pace=first.pace, now_ms=soon)
    second.go(soon + MINUTE)
    assert second.service.refused == []
    assert second.begun[-1] - second.begun[0] > 20 * SECOND

    third = Run(
        Service(published()), entries=1_200, pace=second.pace, now_ms=soon + 25 * 60 * MINUTE
    )
    third.go()
    assert third.now_ms - third.begun[0] < MINUTE // 2


def test_a_clock_that_ran_ahead_stops_nobody_for_longer_than_a_window():
    """Calls that seem to lie an hour ahead count as made now: a minute later all is as it was."""
    pace = load(published(), entries=1_200, now_ms=1_000_000 + 60 * MINUTE).pace

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


EARLIER = {
    "calls": [[1, 1_000_000, 30, 1_150_000, 1, "me", False, "taken", 1_000_000]],
    "last_id": 1,
    "limits": {"minute": {"taken": 30}},
    "hypothesis": None,
}


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"calls": 7}', '{"from": "the future"}', json.dumps(EARLIER)],
)
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
    run = load(published(), entries=600, latency_ms=20_000)
    run.latency_ms, run.single = lambda *_: 100, 50
    pace = run.go().pace
    now_ms = 10_000_000
    for _ in range(10):
        while not isinstance(pace.begin(Want(owner="slow"), QUICKBOOKS, now_ms), Call):
            now_ms += 10

    assert not isinstance(pace.begin(Want(owner="next"), QUICKBOOKS, now_ms + 30_000), Call)
