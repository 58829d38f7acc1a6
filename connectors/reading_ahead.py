"""Fetches the next page while the last one is worked on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Page = TypeVar("Page")


def read_ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield what *pages* yields, and have it make the next one meanwhile, in a thread.

    Never more than one page ahead, so that memory stays flat. An error of *pages* is raised when
    its turn comes. Whoever stops early waits for the page under way: afterwards there is no thread.

    Args:
        pages: Used by the thread alone from now on.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="next page") as ahead:
        coming = ahead.submit(next, pages, None)
        while (page := coming.result()) is not None:
            coming = ahead.submit(next, pages, None)
            yield page
