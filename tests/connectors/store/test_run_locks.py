"""Turns: one run of a connection at a time, wherever it runs, and none for ever."""

from datetime import UTC, datetime, timedelta

from connectors.store import run_locks

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
LEASE = timedelta(minutes=2)


def _take(engine, connection_id, holder, *, after=timedelta(0)):
    return run_locks.take(
        engine, connection_id, holder=holder, what="send-time", now=NOW + after, lease=LEASE
    )


def test_the_first_has_the_turn_and_the_second_is_told_who(engine, connection_id):
    """Whoever comes second learns who is at work, with what, since when."""
    assert _take(engine, connection_id, "one").holder == "one"

    found = _take(engine, connection_id, "two", after=timedelta(seconds=1))

    assert found == run_locks.Turn("one", "send-time", NOW, NOW + LEASE)


def test_a_turn_that_is_given_back_is_free(engine, connection_id):
    """And only its holder can give it back."""
    _take(engine, connection_id, "one")

    run_locks.give_back(engine, connection_id, holder="two")
    assert _take(engine, connection_id, "two").holder == "one"
    run_locks.give_back(engine, connection_id, holder="one")
    assert _take(engine, connection_id, "two").holder == "two"


def test_a_dead_holder_loses_the_turn_and_a_living_one_keeps_it(engine, connection_id):
    """A lease that is not renewed runs out; one that is does not."""
    late = LEASE + timedelta(seconds=1)
    _take(engine, connection_id, "one")
    run_locks.renew(engine, connection_id, holder="one", now=NOW + LEASE, lease=LEASE)
    assert _take(engine, connection_id, "two", after=late).holder == "one"

    assert _take(engine, connection_id, "two", after=2 * late).holder == "two"
    run_locks.renew(engine, connection_id, holder="one", now=NOW + 2 * late, lease=10 * LEASE)
    assert _take(engine, connection_id, "three", after=4 * late).holder == "three"
