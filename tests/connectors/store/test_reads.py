"""Reads are counted by app and month, over all processes, with few writes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from connectors.store.reads import AT_ONCE, Reads
from schemas.tables import reads as table


@pytest.fixture
def meter(engine, clock):
    """Return a way to open a meter, as each process does."""

    def make(client_id="the-client"):
        return Reads(engine, client_id, lambda: clock.now)

    return make


def test_each_app_and_month_has_a_count_of_its_own(meter, clock):
    """Months are those of UTC."""
    clock.now = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)
    one, other = meter(), meter("another-client")
    for _ in range(3):
        one.add()
    other.add()
    assert one.of_month() == ("2026-03", 3)
    assert other.of_month() == ("2026-03", 1)

    clock.now = datetime(2026, 4, 1, tzinfo=UTC)
    assert one.of_month() == ("2026-04", 0)
    one.add()
    assert one.of_month() == ("2026-04", 1)


def test_processes_and_threads_add_up(meter):
    """None is lost, whoever writes at the same time."""
    meters = [meter() for _ in range(4)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda nth: meters[nth % 4].add(), range(203)))
    for one in meters:
        one.close()

    assert meter().of_month()[1] == 203


def test_a_process_that_dies_loses_few(meter):
    """The database hears of them now and then, not of each."""
    dies = meter()
    for _ in range(AT_ONCE + 5):
        dies.add()

    assert meter().of_month()[1] == AT_ONCE


def test_the_client_id_itself_is_not_kept(meter, engine):
    """A digest tells apps apart as well."""
    one = meter()
    one.add()
    one.close()

    with engine.connect() as connection:
        (row,) = connection.execute(sa.select(table)).all()
    assert "client" not in row.app
    assert len(row.app) == 64
