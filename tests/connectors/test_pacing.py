"""No window ever holds more calls than a quota allows, and none of the quota is left lying."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pacing import Pacer


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now_s = 0.0
        self.slept = []

    def time(self):
        return self.now_s

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now_s += seconds


def pacer(clock, *, minute=500, second=10, batches=40):
    return Pacer(
        requests_per_minute=minute,
        requests_per_second=second,
        batches_per_minute=batches,
        clock=clock.time,
        sleep=clock.sleep,
    )


def fullest(times, window_s):
    """Count the most calls that begin within any window, its end not included."""
    return max(sum(begun <= later < begun + window_s for later in times) for begun in times)


# Sixteenths of a second, so that no sum is rounded and every comparison is exact.
gaps = st.integers(0, 160).map(lambda sixteenths: sixteenths / 16)
calls = st.lists(st.tuples(gaps, st.booleans()), min_size=1, max_size=60)


@given(calls, st.integers(1, 12), st.integers(1, 4), st.integers(1, 6))
def test_no_window_holds_more_than_the_quota(calls, minute, second, batches):
    """Whenever calls come, any second and any minute has at most what QuickBooks allows."""
    clock = Clock()
    paced = pacer(clock, minute=minute, second=second, batches=batches)
    begun, batched = [], []

    for gap_s, batch in calls:
        clock.now_s += gap_s
        paced.wait_turn(batch=batch)
        begun.append(clock.now_s)
        if batch:
            batched.append(clock.now_s)

    assert fullest(begun, 1) <= second
    assert fullest(begun, 60) <= minute
    assert not batched or fullest(batched, 60) <= batches


@given(calls, st.integers(1, 12), st.integers(1, 4), st.integers(1, 6))
def test_nobody_waits_longer_than_needed(calls, minute, second, batches):
    """A call that waited could not have begun a moment sooner: some quota was full till then."""
    clock = Clock()
    paced = pacer(clock, minute=minute, second=second, batches=batches)
    begun, batched = [], []

    for gap_s, batch in calls:
        clock.now_s += gap_s
        came_s = clock.now_s
        paced.wait_turn(batch=batch)
        if clock.now_s > came_s:
            just_before = clock.now_s - 1 / 16
            full = [
                (begun, 1, second),
                (begun, 60, minute),
                *([(batched, 60, batches)] if batch else []),
            ]
            assert any(
                sum(just_before - window_s < time for time in times) >= quota
                for times, window_s, quota in full
            )
        begun.append(clock.now_s)
        if batch:
            batched.append(clock.now_s)


def test_the_whole_quota_is_used_at_once():
    """Ten calls begin without any wait, and the eleventh when the first is a second old."""
    clock = Clock()
    paced = pacer(clock)

    for _ in range(10):
        paced.wait_turn()
    assert clock.slept == []

    paced.wait_turn()
    assert clock.now_s == 1


def test_a_long_job_takes_no_longer_than_the_quota_asks():
    """A thousand calls at 500 a minute take a minute and what the last 500 need by the second."""
    clock = Clock()
    paced = pacer(clock)

    for _ in range(1000):
        paced.wait_turn()

    assert clock.now_s == 60 + 49


def test_batches_count_as_requests_too():
    """A batch takes from three quotas; a request that is none takes nothing from the batches."""
    clock = Clock()
    paced = pacer(clock, minute=4, second=100, batches=3)

    for _ in range(3):
        paced.wait_turn(batch=True)
    paced.wait_turn()  # the fourth request of the minute: no batch, so it may go
    assert clock.now_s == 0

    paced.wait_turn()
    assert clock.now_s == 60


def test_a_full_quota_of_batches_stops_no_read():
    """Forty batches are through; reads go on, and the next batch waits its minute."""
    clock = Clock()
    paced = pacer(clock, second=1000)
    for _ in range(40):
        paced.wait_turn(batch=True)

    paced.wait_turn()
    assert clock.now_s == 0

    paced.wait_turn(batch=True)
    assert clock.now_s == 60


def test_a_pause_holds_all():
    """After a throttle nobody begins before the pause is over, whatever the quotas say."""
    clock = Clock()
    paced = pacer(clock)

    paced.pause(30)
    paced.wait_turn()
    paced.wait_turn(batch=True)

    assert clock.now_s == 30


@pytest.mark.parametrize(("first_s", "second_s"), [(30, 5), (5, 30)])
def test_a_shorter_pause_never_ends_a_longer_one(first_s, second_s):
    """Two throttled calls ask for a pause each; the later end holds."""
    clock = Clock()
    paced = pacer(clock)

    paced.pause(first_s)
    paced.pause(second_s)
    paced.wait_turn()

    assert clock.now_s == 30


def test_a_pause_that_comes_meanwhile_holds_those_who_wait_already():
    """A call that waits for its turn looks again before it goes."""
    clock = Clock()
    paced = pacer(clock, second=1)
    sleep = clock.sleep

    def sleep_and_hear_of_a_throttle(seconds):
        sleep(seconds)
        if len(clock.slept) == 1:
            paced.pause(60)

    paced._sleep = sleep_and_hear_of_a_throttle  # noqa: SLF001 - the clock strikes in mid-wait
    paced.wait_turn()
    paced.wait_turn()

    assert clock.now_s == 61


class FullError(Exception):
    """There is no room, and time stands still."""


def test_threads_share_one_quota():
    """However many threads ask at the same instant, exactly the quota goes through."""

    def no_room(seconds):
        raise FullError(seconds)

    paced = pacer(SimpleNamespace(time=lambda: 0.0, sleep=no_room), second=100, batches=40)

    def ask(_):
        try:
            paced.wait_turn(batch=True)
        except FullError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(400))) == 40
