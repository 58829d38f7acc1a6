"""Looks at the way to Prefect's server before a password goes along it."""

import os
from urllib.parse import urlsplit

from connectors.errors import AskPerson
from connectors.hosts import LOOPBACK
from connectors.masking import mask

#: In the environment, `1` lets Prefect's password leave this machine without encryption.
ALLOW_PLAIN = "CLOCKBOOKS_ALLOW_PLAIN_PREFECT"


def check_server_address() -> None:
    """Make sure that what PREFECT_API_URL names is reached encrypted, or on this machine.

    Raises:
        AskPerson: It is not, and the environment does not allow it.
    """
    url = os.environ.get("PREFECT_API_URL", "")
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname not in LOOPBACK
    if plain and os.environ.get(ALLOW_PLAIN) not in {"1", "true"}:
        raise AskPerson(
            f"PREFECT_API_URL is {mask(url)}: the password, plans and decisions would cross the"
            " network in plain text. Put a proxy with TLS in front of Prefect's server and use"
            f" https://, or set {ALLOW_PLAIN}=1 where the network itself is encrypted."
        )
