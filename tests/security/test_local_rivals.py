"""Attack: another process of this machine comes between, when a key is made or a consent comes."""

import errno
import socket
from contextlib import closing

import pytest

from connectors.errors import AskPerson
from connectors.intuit.callback_server import open_callback_server
from flows.operations.home import _kept


def test_nobody_reads_a_key_that_is_half_made(tmp_path):
    """A second start in the very moment of the first one's making ends with the same key."""
    path = tmp_path / "encryption.key"
    second = []

    def make():
        second.append(_kept(path, lambda: "the-key-of-the-second"))
        return "the-key-of-the-first"

    first = _kept(path, make)

    assert [first] == second == [path.read_text()]
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def _free_port():
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return found.getsockname()[1]


def _six(port):
    try:
        return socket.create_server(("::1", port), family=socket.AF_INET6)
    except OSError as error:
        if error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            pytest.skip("this machine has no IPv6")
        raise


def test_nobody_else_takes_the_code_by_the_other_localhost():
    """A browser tries `localhost` as ::1 first: whoever waits there is found before we ask."""
    port = _free_port()
    with (
        closing(_six(port)),
        pytest.raises(AskPerson, match=rf"port {port}.*cannot be used"),
        open_callback_server(f"http://localhost:{port}/", print),
    ):
        pass


def test_both_localhosts_are_ours_while_we_wait():
    """Nobody can come later either, and a browser finds us at both; other names open one alone."""
    port = _free_port()
    with closing(_six(0)):
        pass
    with open_callback_server(f"http://localhost:{port}/back", print):
        for host in ("127.0.0.1", "::1"):
            with closing(socket.create_connection((host, port), timeout=10)) as browser:
                browser.sendall(b"GET /back HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert browser.recv(12) == b"HTTP/1.0 410"
        with pytest.raises(OSError, match="in use"):
            _six(port)
    with open_callback_server(None, print) as server:
        _six(int(server.redirect_uri.rpartition(":")[2].partition("/")[0])).close()
