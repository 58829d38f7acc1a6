"""Fetches the next page while the last one is worked on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import TypeVar

Page = TypeVar("Page")


def read_ahead(pages: Iterator[Page]) -> Iterator[Page]:
    """Yield what *pages* yields, and have it make the next one meanwhile, in a thread.

    Never more than one page ahead, so that memory stays flat. An error of *pages* is raised when
    its turn comes. Whoever stops early waits for nothing: a page under way may be one that the
    service lets wait for minutes. Its thread ends with that page, or with the process. It alone
    uses *pages* from now on.
    """
    coming = _in_a_thread(lambda: next(pages, None))
    while (page := coming.result()) is not None:
        coming = _in_a_thread(lambda: next(pages, None))
        yield page


def _in_a_thread(work: Callable[[], Page]) -> Future[Page]:
    """Begin some work in a thread that holds nobody up; an executor's would hold the exit up."""
    coming: Future[Page] = Future()

    def run() -> None:
        try:
            coming.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            coming.set_exception(error)

    threading.Thread(target=run, name="next page", daemon=True).start()
    return coming
