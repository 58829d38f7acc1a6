"""Connects, refreshes and disconnects by intuit-oauth.

Arguments: address, realm, client id, secret.
"""

import sys
from urllib.parse import parse_qs, parse_qsl, urlsplit

import requests
from calls import call, check
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes

ADDRESS, REALM, CLIENT_ID, SECRET = sys.argv[1:]
BACK = "http://localhost:8000/back"
STATE = "peer's own state"


def allow(page: str) -> dict[str, list[str]]:
    """Be the person who allows: return what their browser is sent back with."""
    form = dict(parse_qsl(urlsplit(page).query)) | {"decision": "allow"}
    answer = requests.post(f"{ADDRESS}/connect/oauth2", form, allow_redirects=False, timeout=30)
    return parse_qs(urlsplit(answer.headers["location"]).query)


def connected(name: str, discovery: str) -> AuthClient:
    """Return a client that a person has allowed."""
    client = call(
        f"AuthClient {name}", AuthClient, CLIENT_ID, SECRET, BACK, f"{ADDRESS}/{discovery}"
    )
    scopes = [Scopes.ACCOUNTING, Scopes.OPENID, Scopes.EMAIL]
    page = call(f"get_authorization_url {name}", client.get_authorization_url, scopes, STATE)
    back = allow(page)
    check(
        f"the state and the realm come back {name}",
        holds=(back["state"], back["realmId"]) == ([STATE], [REALM]),
    )
    call(f"get_bearer_token {name}", client.get_bearer_token, back["code"][0], realm_id=REALM)
    return client


client = connected("", ".well-known/openid_configuration")
check("the tokens last", holds=client.expires_in == 3600 < client.x_refresh_token_expires_in)
call("refresh", client.refresh)
call("refresh with a token", client.refresh, refresh_token=client.refresh_token)
user = call("get_user_info", client.get_user_info)
check("get_user_info names somebody", holds=bool(user.json()["sub"]))
check("revoke", holds=call("revoke, asked", client.revoke) is True)
other = connected("in the sandbox", ".well-known/openid_sandbox_configuration")
call("revoke by the access token", other.revoke, token=other.access_token)
