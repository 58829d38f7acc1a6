"""How people log in to Prefect's page: the count of wrong passwords, and links that sign one in."""

import base64
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from flows.operations.asgi import Send, network_of

#: The page that signs a browser in; see `SignIn`.
SIGN_IN = "/clockbooks/sign-in"

#: Seconds for which a sign-in link works.
SIGN_IN_S = 900

#: Wrong guesses per address within `GUESSING_S` seconds; further ones are not checked.
GUESSES, GUESSING_S = 10, 60

#: Addresses whose guesses are remembered; beyond that, the oldest are forgotten.
GUESSERS = 1000


class Guesses:
    """Counts wrong passwords by address, so that only a few a minute are checked."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, address: str) -> int:
        """Return the seconds until the next guess from *address* is checked; 0 means now."""
        wrong = self._wrong.get(network_of(address))
        if wrong is None or len(wrong) < GUESSES:
            return 0
        return max(0, round(wrong[0] + GUESSING_S - self._now() + 0.5))

    def wrong(self, address: str) -> None:
        """Count a wrong guess."""
        network = network_of(address)
        self._wrong.setdefault(network, deque(maxlen=GUESSES)).append(self._now())
        self._wrong.move_to_end(network)
        while len(self._wrong) > GUESSERS:
            self._wrong.popitem(last=False)


class SignIn:
    """One-time links that sign a browser in.

    Prefect's pages read the login from the browser's local storage, which only a page of this
    server can fill. Ours gets its token from the fragment of its address, which browsers neither
    send nor log, and exchanges it for the login.
    """

    def __init__(self, login: str, now: Callable[[], float] = time.monotonic) -> None:
        self._login = login
        self._now = now
        self._until: dict[str, float] = {}

    def offer(self) -> str:
        """Return the path of a new link."""
        token = secrets.token_urlsafe(32)
        self._until[token] = self._now() + SIGN_IN_S
        return f"{SIGN_IN}#{token}"

    def take(self, token: str) -> str | None:
        """Return what Prefect's pages store as login; `None` for a used, old or unknown token."""
        until = self._until.pop(token, None)
        if until is None or until < self._now():
            return None
        return base64.b64encode(self._login.encode()).decode()


_SCRIPT = """\
const token = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
fetch(location.pathname, {method: "POST", body: JSON.stringify({token})})
  .then((answer) => answer.json())
  .then(({login}) => {
    if (!login) throw 0;
    localStorage.setItem("prefect-password", login);
    location.replace("/");
  })
  .catch(() => {
    document.body.textContent = "This link was used, or is too old. Log in with the password:" +
      " clockbooks ui says where it is.";
  });
"""


async def show_sign_in(send: Send) -> None:
    """Answer with the page that signs a browser in."""
    nonce = secrets.token_urlsafe(16)
    policy = f"default-src 'none'; script-src 'nonce-{nonce}'; connect-src 'self';"
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Clockbooks</title>'
        f'</head><body>Signing in …<script nonce="{nonce}">{_SCRIPT}</script></body></html>'
    )
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", f"{policy} frame-ancestors 'none'".encode()),
        (b"cache-control", b"no-store"),
        (b"referrer-policy", b"no-referrer"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": page.encode()})
