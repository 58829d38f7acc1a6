"""Attack: a name in Clockify or in a file puts markup into the notice that an operator gets."""

import asyncio
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from flows.operations.notifications import ClockbooksNotice

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr':DeprecationWarning")  # Apprise's mail

HOSTILE = 'Run of <img src="https://evil.example/seen.png">[Log in](https://evil.example) failed.'


@pytest.fixture
def inbox():
    """Serve an address to which notices go, and keep what comes."""
    posted = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Print nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}", posted
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("shown_as", "never"), [("html", "<img"), ("markdown", "[Log in](https")])
def test_a_name_is_only_a_name_in_a_notice(inbox, tmp_path, monkeypatch, shown_as, never):
    """Where a notice is shown as HTML, as e-mail is, or as Markdown, it arrives as plain words."""
    address, posted = inbox
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOCKBOOKS_NOTIFY", f"json://{address}/?format={shown_as}")

    asyncio.run(ClockbooksNotice().notify(HOSTILE, "Clockbooks: a run failed"))

    (notice,) = posted
    assert never not in notice["message"]
    assert "evil" in notice["message"]
