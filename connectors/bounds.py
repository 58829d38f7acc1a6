"""Bounds on what others send, and a last look before anything is sent to them.

A timeout of a socket starts anew with every byte, and a compressed answer can unpack to a thousand
times its size: neither bounds anything. Between the start of a request and its first byte, a
connection may take seconds to come about. Requests has no setting for any of these.
"""

import http.client
import io
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_BLOCK = 1 << 16


class AnswerTooLong(requests.RequestException):
    """An answer is longer than anything that the service has to say."""


def bounded(session: requests.Session, most: int) -> requests.Session:
    """Let *session* give up on answers of more than *most* bytes, decoded, and on slow ones.

    Its read timeout then holds for the whole answer. Both end in a `requests.RequestException`:
    what came before is thrown away, its status too.
    """
    for scheme in ("https://", "http://"):
        session.mount(scheme, _Bounded(most))
    return session


class _Bounded(HTTPAdapter):
    def __init__(self, most: int) -> None:
        self._most = most
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override] # sessions name all options
        response = super().send(request, **{**options, "stream": True})
        with closing(response.raw) as raw:  # a connection that was read to its end is kept
            try:
                response.raw = io.BytesIO(self._read(raw))
            except urllib3.exceptions.ReadTimeoutError as error:
                raise requests.ReadTimeout(error, request=request) from None
            except urllib3.exceptions.HTTPError as error:
                raise requests.exceptions.ChunkedEncodingError(error, request=request) from None
        return response

    def _read(self, raw: urllib3.HTTPResponse) -> bytes:
        body = bytearray()
        for piece in raw.stream(_BLOCK, decode_content=True):
            body += piece
            if len(body) > self._most:
                raise AnswerTooLong(f"more than {self._most >> 20:,} MB")
        return bytes(body)


def read_in_time(sock: socket.socket, seconds: float, most: int | None = None) -> io.BufferedReader:
    """Return the reading side of *sock*, which ends *seconds* from now, or after *most* bytes.

    Raises:
        TimeoutError: By a read: the time is over.
    """
    return io.BufferedReader(_InTime(sock, seconds, most))


class _InTime(io.RawIOBase):
    """Bytes of a socket until a fixed moment, however many reads that takes."""

    def __init__(self, sock: socket.socket, seconds: float, most: int | None) -> None:
        super().__init__()
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._end = time.monotonic() + seconds
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left_s)
        if self._left is None:
            return self._raw.readinto(buffer)
        number = self._raw.readinto(memoryview(buffer)[: self._left])
        self._left -= number or 0
        return number

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(http.client.HTTPResponse):
    """An answer whose status, headers and body share one timeout: that of the socket."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        timeout_s = sock.gettimeout()
        self.fp = sock.makefile("rb") if timeout_s is None else read_in_time(sock, timeout_s)


#: What `last_look` gave, for the connection, which requests makes by itself.
_LAST_LOOK: ContextVar[Callable[[], None]] = ContextVar("last_look", default=lambda: None)


@contextmanager
def last_look(check: Callable[[], None]) -> Iterator[None]:
    """Call *check* just before bytes of a request leave, for the requests of a block.

    It is called once the connection is there, before the headers and before the body. If it raises,
    they do not leave, and a request without its body does nothing.
    """
    token = _LAST_LOOK.set(check)
    try:
        yield
    finally:
        _LAST_LOOK.reset(token)


class _PlainConnection(HTTPConnection):
    response_class = _Answer

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _LAST_LOOK.get()()
        super().send(data)


class _SecureConnection(_PlainConnection, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _PlainPool, "https": _SecurePool}
