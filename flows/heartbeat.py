"""Renews a lease again and again, so that it does not run out while its holder lives."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import sqlalchemy as sa

#: How often a lease is renewed while it lasts; some renewals may fail before it is over.
BEATS_PER_LEASE = 4


@contextmanager
def kept_alive(name: str, lease: timedelta, renew: Callable[[], bool]) -> Iterator[None]:
    """Renew a lease for the block, in a thread of its own.

    A renewal that the database refuses is not the end: the next one may get through. One that
    returns `False` is: the lease is lost.
    """
    ended = threading.Event()

    def beat() -> None:
        while not ended.wait(lease.total_seconds() / BEATS_PER_LEASE):
            try:
                if not renew():
                    return
            except sa.exc.SQLAlchemyError:
                continue

    heart = threading.Thread(target=beat, name=name, daemon=True)
    heart.start()
    try:
        yield
    finally:
        ended.set()
        heart.join()
