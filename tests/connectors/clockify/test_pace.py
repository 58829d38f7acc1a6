"""Calls to Clockify keep a pace, slow down when they are throttled, and recover."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from connectors.clockify.pace import SLOWEST_S, Pace
from connectors.errors import Throttled, TryAgain, Unsure


class Time:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    def clock(self) -> float:
        return self.now_s


def paced(per_second: float) -> tuple[Pace, Time]:
    time = Time()
    return Pace(per_second, sleep=time.sleep, clock=time.clock), time


@given(st.integers(1, 100), st.lists(st.floats(0, 2), min_size=1, max_size=50))
def test_calls_begin_no_closer_than_the_setting_says(per_second, takes_s):
    """However long each call takes; and no later than they must."""
    pace, time = paced(per_second)
    began_s = []
    for taken_s in takes_s:
        ready_s = time.now_s
        pace.wait()
        began_s.append(time.now_s)
        earliest = began_s[-2] + 1 / per_second if len(began_s) > 1 else 0
        assert abs(time.now_s - max(ready_s, earliest)) < 1e-6
        pace.ended(None)
        time.sleep(taken_s)

    assert all(after - before >= 1 / per_second - 1e-6 for before, after in pairwise(began_s))


@given(st.lists(st.booleans(), max_size=30))
def test_a_throttle_slows_down_and_quiet_recovers(throttles):
    """Never slower than once in ten seconds, and as fast as before after enough good calls."""
    pace, time = paced(10)
    for throttled in throttles:
        before_s = time.now_s
        pace.wait()
        assert time.now_s - before_s <= SLOWEST_S + 1e-6
        pace.ended(Unsure("429", throttled=True) if throttled else None)
    for _ in range(60):
        pace.wait()
        pace.ended(None)
    began_s = time.now_s
    pace.wait()
    assert abs(time.now_s - began_s - 0.1) < 1e-6


def test_a_throttled_call_doubles_the_pause():
    """Another error changes nothing about it."""
    pace, time = paced(10)
    pace.wait()
    pace.ended(Throttled("too many"))
    pace.wait()  # a tenth of a second later: the pause of the call before
    pace.ended(TryAgain("down"))
    began_s = time.now_s
    pace.wait()
    assert abs(time.now_s - began_s - 0.2) < 1e-6


def test_nobody_calls_before_the_time_that_clockify_asked_for():
    """Retry-After holds for all threads, not only for the one that was told."""
    pace, time = paced(10)
    pace.wait()
    pace.ended(Throttled("too many", wait_s=30))
    pace.wait()
    assert time.now_s == 30
