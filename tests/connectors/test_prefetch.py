"""The next page is fetched while the last one is worked on: one, and nobody must wait for it."""

import threading

import pytest

from connectors.prefetch import read_ahead


def join_threads():
    """Wait for the threads that fetch; they end by themselves."""
    for found in threading.enumerate():
        if found.name == "next page":
            found.join(timeout=60)
            assert not found.is_alive()


def test_pages_come_in_order_and_to_the_end():
    """Nothing is lost, repeated or reordered."""
    assert list(read_ahead(iter([[n] for n in range(100)]))) == [[n] for n in range(100)]
    assert list(read_ahead(iter([]))) == []


def test_the_next_page_is_fetched_while_the_last_is_worked_on_and_no_other():
    """Work on a page waits for the fetch of the next to begin; the one after that never begins."""
    begun = [threading.Event() for _ in range(5)]

    def pages():
        for number, event in enumerate(begun):
            event.set()
            yield number

    ahead = read_ahead(pages())
    for number in ahead:
        if number < 4:
            assert begun[number + 1].wait(timeout=60)
        assert not any(event.is_set() for event in begun[number + 2 :])


def test_an_error_comes_in_its_turn():
    """What was fetched before it is given first; then it is raised as it is."""

    def pages():
        yield 1
        raise LookupError("page 2")

    ahead = read_ahead(pages())

    assert next(ahead) == 1
    with pytest.raises(LookupError, match="page 2"):
        next(ahead)


def test_who_stops_early_waits_for_no_page():
    """A service may let a page wait for minutes: Ctrl-C works meanwhile; no other is fetched."""
    answers = threading.Event()
    fetched = []

    def pages():
        for number in range(100):
            fetched.append(number)
            yield number
            answers.wait(timeout=60)

    ahead = read_ahead(pages())
    next(ahead)
    ahead.close()  # while the second page is under way

    assert fetched == [0]
    answers.set()
    join_threads()
    assert len(fetched) <= 2
