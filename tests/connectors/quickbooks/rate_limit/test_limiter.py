"""Processes that serve one company share its pace, on both databases; and people are told of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.quickbooks.rate_limit.limiter import RateLimiter
from connectors.quickbooks.rate_limit.model import End, Want
from connectors.quickbooks.rate_limit.quotas import Quotas
from connectors.store.pace import SharedPaceStore
from schemas.tables import pacing

QUICKBOOKS = Quotas(
    requests_per_minute=500,
    requests_per_second=10,
    batches_per_minute=40,
    in_flight=10,
    batch_size=30,
    timeout_ms=120_000,
)

#: Quotas that a test does not wait for.
WIDE = Quotas(10**6, 10**6, 10**6, in_flight=100, batch_size=30, timeout_ms=120_000)


@pytest.fixture
def open_limiter(engine, clock):
    """Return a way to open a limiter as a process of its own would, on one simulated clock."""

    def make(quotas=QUICKBOOKS, *, realm_id="77", api_url="https://books.example", **fields):
        known = {"now": lambda: clock.now, "sleep": clock.sleep}
        return RateLimiter(
            quotas, store=SharedPaceStore(engine, realm_id, api_url), **known | fields
        )

    return make


def seconds_of(clock, limiters, number, want):
    """Acquire permits of the limiters in turn, and return when each began."""
    begun = []
    for nth in range(number):
        limiter = limiters[nth % len(limiters)]
        permit = limiter.acquire(want)
        limiter.leaves(permit)
        begun.append(clock.seconds)
        limiter.ended(permit, End.TAKEN)
    return begun


def test_two_processes_keep_one_quota(open_limiter, clock):
    """Forty batches a minute are forty, however many processes send them."""
    begun = seconds_of(clock, [open_limiter(), open_limiter()], 81, Want(30))

    for first, later in zip(begun, begun[40:], strict=False):
        assert later - first >= 60
    assert begun[-1] <= 2 * 60.5 + 1


def test_companies_and_addresses_have_paces_of_their_own(open_limiter, clock):
    """Another company, or the sandbox, waits for nobody."""
    first = open_limiter()
    for _ in range(40):
        first.ended(first.acquire(Want(30)), End.TAKEN)
    before_s = clock.seconds

    for other in (open_limiter(realm_id="78"), open_limiter(api_url="https://sandbox.example")):
        other.acquire(Want(30))
    assert clock.seconds == before_s

    first.acquire(Want(30))
    assert clock.seconds > before_s + 40


def test_at_most_so_many_calls_are_in_flight_over_all_processes(open_limiter, clock):
    """The eleventh waits until one of the others has come back."""
    one, other = open_limiter(), open_limiter()
    permits = [limiter.acquire(Want(30)) for limiter in (one, other) * 5]
    asked = []

    def wanted():
        asked.append(clock.seconds)
        if len(asked) == 30:
            one.ended(permits[0], End.TAKEN)
        return len(asked) < 100

    assert other.acquire_while(wanted, Want(30)) is not None
    assert 30 <= len(asked) < 35


def test_a_pause_holds_every_process(open_limiter, clock):
    """Who is throttled lets all others wait as long as QuickBooks asks."""
    one, other = open_limiter(), open_limiter()
    assert one.ended(one.acquire(Want(30)), End.REFUSED, pause_s=33) == 1
    before_s = clock.seconds

    other.acquire(Want())

    assert clock.seconds - before_s == pytest.approx(33, abs=0.01)


def test_who_is_not_wanted_any_more_gets_no_permit(open_limiter, clock):
    """A run that was halted while it waited begins nothing."""
    limiter = open_limiter()
    limiter.ended(limiter.acquire(Want(30)), End.REFUSED, pause_s=60)

    assert limiter.acquire_while(lambda: clock.seconds < 10, Want(30)) is None
    assert 10 <= clock.seconds < 11


def test_a_clock_that_is_set_back_while_somebody_waits(open_limiter, clock):
    """It is not waited for until it has come round again: what was to be slept is slept once."""
    limiter = open_limiter()
    limiter.ended(limiter.acquire(Want(30)), End.REFUSED, pause_s=60)
    sleep = clock.sleep

    def sleep_and_fall_back(seconds):
        sleep(seconds)
        if len(clock.slept) == 4:
            clock.now -= timedelta(hours=1)

    open_limiter(sleep=sleep_and_fall_back).acquire(Want(30))

    assert clock.seconds <= 360


def test_threads_never_get_the_same_permit(open_limiter, engine):
    """Sixty permits that eight threads of two processes acquire at once are sixty calls."""
    limiters = [open_limiter(WIDE), open_limiter(WIDE)]

    with ThreadPoolExecutor(8) as threads:
        permits = list(threads.map(lambda nth: limiters[nth % 2].acquire(Want(1)), range(60)))

    assert sorted(permit.id for permit in permits) == list(range(1, 61))
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(pacing)) == 1


def test_a_permit_that_nobody_uses_is_given_back(open_limiter, clock):
    """A batch of which nothing was left costs the company nothing."""
    limiter = open_limiter()
    for _ in range(100):
        limiter.ended(limiter.acquire(Want(30)), End.NEVER_LEFT)

    assert clock.seconds == 0


def test_people_are_told_of_a_company_that_takes_less(open_limiter, clock):
    """What was learned is said in words, by any process, until it is over."""
    limiter = open_limiter()
    assert limiter.notes() == []
    taken = [limiter.acquire(Want(30)) for _ in range(2)]
    for permit in taken:
        limiter.ended(permit, End.TAKEN)
    limiter.ended(limiter.acquire(Want(30)), End.REFUSED)
    limiter.ended(limiter.acquire(Want(30)), End.REFUSED)

    (told,) = open_limiter().notes()
    assert "300 entries a minute" in told
    assert "less than the settings" in told

    clock.sleep(25 * 3600)
    permit = limiter.acquire(Want(30))
    assert open_limiter().notes() == []
    limiter.ended(permit, End.SILENT)
    (told,) = open_limiter().notes()
    assert "batches of 30" in told
    assert "15 entries" in told
