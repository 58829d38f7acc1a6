"""The run lock: one run of a connection at a time, wherever it runs, and none for ever."""

from datetime import timedelta

import pytest

from connectors.store.run_locks import RunLock, RunLocks

LEASE = timedelta(minutes=2)


@pytest.fixture
def lock(engine, connection_id, clock):
    """Return the run lock of a connection, which nobody holds."""
    return RunLocks(engine, connection_id, lambda: clock.now)


def _take(lock, holder):
    return lock.take(holder, "send-time", lease=LEASE)


def test_the_first_has_the_lock_and_the_second_is_told_who(lock, clock):
    """Whoever comes second learns who is at work, with what, since when."""
    since = clock.now
    assert _take(lock, "one").holder == "one"

    clock.now += timedelta(seconds=1)

    assert _take(lock, "two") == RunLock("one", "send-time", since, since + LEASE)


def test_a_lock_that_is_released_is_free(lock):
    """And only its holder can release it."""
    _take(lock, "one")

    lock.release("two")
    assert _take(lock, "two").holder == "one"
    lock.release("one")
    assert _take(lock, "two").holder == "two"


def test_a_dead_holder_loses_the_lock_and_a_living_one_keeps_it(lock, clock):
    """A lease that is not renewed runs out; one that is does not."""
    late, since = LEASE + timedelta(seconds=1), clock.now
    _take(lock, "one")
    clock.now = since + LEASE
    assert lock.renew("one", lease=LEASE)
    clock.now = since + late
    assert _take(lock, "two").holder == "one"

    clock.now = since + 2 * late
    assert _take(lock, "two").holder == "two"
    assert not lock.renew("one", lease=10 * LEASE)
    clock.now = since + 4 * late
    assert _take(lock, "three").holder == "three"
