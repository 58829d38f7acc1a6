"""Checks the address of Prefect's server before a password goes there."""

import os
from urllib.parse import urlsplit

from connectors.errors import AskPerson
from connectors.hosts import LOOPBACK
from connectors.masking import mask

#: `1` in the environment lets Prefect's password leave this machine unencrypted.
ALLOW_PLAIN = "CLOCKBOOKS_ALLOW_PLAIN_PREFECT"


def check_server_address() -> None:
    """Make sure that PREFECT_API_URL is encrypted or on this machine.

    Raises:
        AskPerson: It is neither, and the environment does not allow that.
    """
    url = os.environ.get("PREFECT_API_URL", "")
    parts = urlsplit(url)
    plain = parts.scheme == "http" and parts.hostname not in LOOPBACK
    if plain and os.environ.get(ALLOW_PLAIN) not in {"1", "true"}:
        raise AskPerson(
            f"PREFECT_API_URL is {mask(url)}, so the password, plans and decisions would cross the"
            " network unencrypted. Put a proxy with TLS in front of Prefect's server and use"
            f" https://, or set {ALLOW_PLAIN}=1 if the network itself is encrypted."
        )
