r"""Which hosts an address may lead to: this machine, the services' own domains, or anybody else.

Names are compared whole, label by label: `quickbooks.api.intuit.com.evil.example` and
`notintuit.com` are not Intuit's.
"""

import re
from urllib.parse import urlsplit

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

#: Where plain HTTP is safe: it does not leave the machine.
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

#: Hosts that Clockify serves: global, regional, and a workspace's subdomain (FACTS, Clockify, 1).
CLOCKIFY = re.compile(r"(?:[a-z0-9-]+\.)*clockify\.me")

#: Hosts that Intuit serves: the API, its sandbox, consent, tokens (FACTS, QBO, 8).
INTUIT = re.compile(r"(?:[a-z0-9-]+\.)*intuit\.com")


def plain_host(url: str) -> str | None:
    r"""Return the host of an address in lower case, or `None` if two readers could disagree on it.

    `https://127.0.0.1\@evil.example` is this machine to one library and another's to the next.
    """
    if not url.isascii() or not url.isprintable() or any(letter in url for letter in "\\@?# "):
        return None
    try:
        called = parse_url(url)  # how requests reads it
        host = urlsplit(url).hostname
    except (ValueError, LocationParseError):
        return None
    same = host is not None and (called.host or "").strip("[]").lower() == host
    return host if same and called.auth is None else None


def safe_url(url: str) -> str:
    """Return an address if every library reads the same host in it, and nobody can listen.

    Raises:
        ValueError: Two readers could disagree on the host, or plain HTTP would leave this machine.
    """
    host = plain_host(url)
    if host is None:
        raise ValueError(
            "must be a plain address: scheme, host, port and path, without user, query or fragment"
        )
    if not (url.startswith("https://") or (url.startswith("http://") and host in LOOPBACK)):
        raise ValueError("must begin with https:// (http:// is for this machine only)")
    return url
