"""Serves a stand-in on a free loopback port, for as long as a `with` block lasts."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def serving(app: Any, *, port: int = 0) -> Iterator[str]:
    """Serve *app* over HTTP on 127.0.0.1 and yield its base address, `http://127.0.0.1:PORT`.

    Args:
        app: An ASGI application; it runs in a thread of this process, so that the caller can
            look at what it holds.
        port: The port; 0 takes any free one.
    """
    listener = socket.create_server(("127.0.0.1", port))
    # Answers leave at once; Nagle's wait would cost every request some 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # Requests that a test left hanging must not keep the server: a second's grace, then it ends.
    config = uvicorn.Config(
        app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1, ws="none"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), name=f"standin {address}")
    thread.start()
    try:
        yield address  # the socket listens already: a first request waits in its queue
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
