"""Intuit's OAuth 2.0: tokens, their rotation, consent and revocation (FACTS 8)."""

import base64
import binascii
import hashlib
import html
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.wire import Json, write_json

ACCESS_S = 3600
REFRESH_S = 8_726_400  # 101 days
HARD_END = timedelta(days=5 * 365)  # of a consent, however often it is refreshed
ROTATION = timedelta(hours=24)  # age at which a refresh brings a new refresh token
GRACE = timedelta(hours=24)  # what the old one lives on then
SCOPES = {"com.intuit.quickbooks.accounting", "openid", "email", "profile", "address", "phone"}


class OAuthError(Exception):
    """A refusal by the token endpoint: a status and one word, no description."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


@dataclass
class _Refresh:
    value: str
    born: datetime
    dies: datetime


@dataclass
class _Consent:
    """What one person's Allow gave: a line of refresh tokens, the last of which is current."""

    given: datetime
    refresh: list[_Refresh] = field(default_factory=list)
    access: dict[str, datetime] = field(default_factory=dict)  # token, when it expires


@dataclass
class _Code:
    redirect_uri: str
    dies: datetime
    challenge: str  # PKCE's; empty where none came


class OAuth:
    """The tokens of one app and one company."""

    def __init__(self, scenario: Json, *, now: Callable[[], datetime], switches: Switches) -> None:
        self.now = now
        self.switches = switches
        self.realm_id = str(scenario["realm_id"])
        self.client_id = str(scenario["client_id"])
        self.client_secret = str(scenario["client_secret"])
        self._codes: dict[str, _Code] = {}
        self._consents = [self._new_consent(str(scenario["refresh_token"]))]

    # --- access tokens ---

    def access_token(self) -> str:
        """Return a fresh access token, as a refresh would; the refresh token stays as it is."""
        if not self._consents:
            self._consents.append(self._new_consent(_refresh_value()))
        return self._new_access(self._consents[-1])

    def check(self, authorization: str | None) -> None:
        """Refuse a request whose bearer token is not one of ours, or no more."""
        scheme, _, token = (authorization or "").partition(" ")
        for consent in self._consents:
            if scheme.lower() == "bearer" and token in consent.access:
                if consent.access[token] <= self.now():
                    # The real one names the token too: callers must not log this.
                    raise faults.unauthenticated(f"Token expired: {token}")
                return
        raise faults.unauthenticated("Malformed bearer token: too short or too long")

    # --- the token endpoint ---

    def check_client(self, authorization: str | None, form: Mapping[str, str]) -> None:
        given = (form.get("client_id", ""), form.get("client_secret", ""))
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() == "basic":
            try:
                name, _, secret = base64.b64decode(encoded).decode().partition(":")
                given = (name, secret)
            except (binascii.Error, UnicodeDecodeError):
                given = ("", "")
        if given != (self.client_id, self.client_secret):
            raise OAuthError(self.switches.bad_client_status, "invalid_client")

    def grant(self, form: Mapping[str, str], *, hard_end: bool = False) -> Json:
        """Answer a token request whose client was checked.

        Args:
            form: The decoded form.
            hard_end: Whether to say when the consent ends for good.
        """
        match form.get("grant_type"):
            case "refresh_token":
                consent = self._refreshed(form.get("refresh_token", ""))
            case "authorization_code":
                consent = self._redeemed(form)
            case _:
                raise OAuthError(400, "unsupported_grant_type")
        current = consent.refresh[-1]
        answer: Json = {
            "token_type": "bearer",
            "expires_in": ACCESS_S,
            "refresh_token": current.value,
            "x_refresh_token_expires_in": int((current.dies - self.now()).total_seconds()),
            "access_token": self._new_access(consent),
        }
        if hard_end:
            left = consent.given + HARD_END - self.now()
            answer["x_refresh_token_hard_expires_in"] = int(left.total_seconds())
        return answer

    def _refreshed(self, value: str) -> _Consent:
        now = self.now()
        for consent in self._consents:
            if not any(token.value == value and token.dies > now for token in consent.refresh):
                continue
            if now >= consent.given + HARD_END:
                break
            current = consent.refresh[-1]
            if self.switches.rotates_every_refresh:
                consent.refresh = [self._new_refresh()]
            elif now - current.born >= ROTATION:
                current.dies = min(current.dies, now + GRACE)
                consent.refresh.append(self._new_refresh())
            return consent
        raise OAuthError(400, "invalid_grant")

    def _redeemed(self, form: Mapping[str, str]) -> _Consent:
        # A code works once, also when it then fails.
        known = self._codes.pop(form.get("code", ""), None)
        if known is None or known.dies <= self.now():
            raise OAuthError(400, "invalid_grant")
        if known.redirect_uri != form.get("redirect_uri", ""):
            raise OAuthError(400, "invalid_grant")
        hashed = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        shown = base64.urlsafe_b64encode(hashed).decode().rstrip("=")
        if known.challenge and known.challenge != shown:
            raise OAuthError(400, "invalid_grant")
        consent = self._new_consent(_refresh_value())
        self._consents.append(consent)
        return consent

    def revoke(self, token: str) -> None:
        """End the consent that *token*, of either kind, belongs to."""
        for consent in self._consents:
            if token in consent.access or any(r.value == token for r in consent.refresh):
                self._consents.remove(consent)
                return
        raise OAuthError(400, "invalid_request")

    def new_code(self, redirect_uri: str, challenge: str = "") -> str:
        code = "AB11" + secrets.token_urlsafe(33)
        dies = self.now() + timedelta(seconds=self.switches.code_life_s)
        self._codes[code] = _Code(redirect_uri, dies, challenge if self.offers_pkce else "")
        return code

    @property
    def offers_pkce(self) -> bool:
        return self.switches.offers_pkce

    def _new_consent(self, refresh_token: str) -> _Consent:
        return _Consent(self.now(), [self._new_refresh(refresh_token)])

    def _new_refresh(self, value: str | None = None) -> _Refresh:
        now = self.now()
        return _Refresh(value or _refresh_value(), now, now + timedelta(seconds=REFRESH_S))

    def _new_access(self, consent: _Consent) -> str:
        token = "eyJ" + secrets.token_urlsafe(48)
        consent.access[token] = self.now() + timedelta(seconds=ACCESS_S)
        return token


def _refresh_value() -> str:
    return "AB1" + secrets.token_urlsafe(36)


# --- over HTTP ---------------------------------------------------------------------------------


def add_routes(app: FastAPI, oauth: OAuth) -> None:
    """Give *app* the addresses of Intuit's OAuth servers, which here are one."""
    _add_identity(app, oauth)

    async def token(request: Request) -> Response:
        form = await _form(request)
        wants_end = request.headers.get("x-include-refresh-token-hard-expires-in") == "true"
        try:
            oauth.check_client(request.headers.get("authorization"), form)
            return _json(200, oauth.grant(form, hard_end=wants_end))
        except OAuthError as refusal:
            return _json(refusal.status, {"error": refusal.error})

    async def revoke(request: Request) -> Response:
        body = await request.body()
        try:
            oauth.check_client(request.headers.get("authorization"), {})
            oauth.revoke(_token_in(body, request.headers.get("content-type", "")))
        except OAuthError as refusal:
            return _json(refusal.status, {"error": refusal.error})
        return Response(status_code=200)

    async def ask(request: Request) -> Response:
        return _consent_page(oauth, dict(request.query_params))

    async def decide(request: Request) -> Response:
        return _decision(oauth, await _form(request))

    async def discovery(request: Request) -> Response:
        return _json(200, _discovery(str(request.base_url).rstrip("/"), oauth))

    for path, handler, method in (
        ("/oauth2/v1/tokens/bearer", token, "POST"),
        ("/v2/oauth2/tokens/revoke", revoke, "POST"),
        ("/connect/oauth2", ask, "GET"),
        ("/connect/oauth2", decide, "POST"),
        ("/.well-known/openid_configuration", discovery, "GET"),
        ("/.well-known/openid_sandbox_configuration", discovery, "GET"),
        # node-quickbooks asks with a stroke at the end.
        ("/.well-known/openid_configuration/", discovery, "GET"),
        ("/.well-known/openid_sandbox_configuration/", discovery, "GET"),
    ):
        app.add_api_route(path, handler, methods=[method], response_model=None)


def _add_identity(app: FastAPI, oauth: OAuth) -> None:
    """Give *app* the addresses about persons that the discovery document names."""

    async def keys(_request: Request) -> Response:
        return _json(200, {"keys": []})  # no id token is given, so none is signed

    async def user(request: Request) -> Response:
        try:
            oauth.check(request.headers.get("authorization"))
        except faults.GatewayError as refusal:
            return Response(status_code=refusal.status)
        return _json(200, {"sub": "4ebd51d3", "email": "books@standin.example"})

    for path, handler in (("/op/v1/jwks", keys), ("/v1/openid_connect/userinfo", user)):
        app.add_api_route(path, handler, methods=["GET"], response_model=None)


def _discovery(base: str, oauth: OAuth) -> Json:
    """Make the discovery document, with the stand-in's own addresses."""
    pkce = {"code_challenge_methods_supported": ["S256"]} if oauth.offers_pkce else {}
    return {
        "issuer": "https://oauth.platform.intuit.com/op/v1",
        "authorization_endpoint": f"{base}/connect/oauth2",
        "token_endpoint": f"{base}/oauth2/v1/tokens/bearer",
        "userinfo_endpoint": f"{base}/v1/openid_connect/userinfo",
        "revocation_endpoint": f"{base}/v2/oauth2/tokens/revoke",
        "jwks_uri": f"{base}/op/v1/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", "address", "phone"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
        **pkce,
    }


def _consent_page(oauth: OAuth, query: Mapping[str, str]) -> Response:
    """Show the page where a person allows or denies; it is plain, so that tests can read it."""
    if query.get("client_id") != oauth.client_id or not query.get("redirect_uri"):
        return HTMLResponse("<h1>The client or its redirect URI is not known.</h1>", 400)
    scopes = set(query.get("scope", "").split())
    if query.get("response_type") != "code" or not scopes or scopes - SCOPES:
        return _back(query, {"error": "invalid_scope"})
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(query.get(name, ""))}">'
        for name in ("client_id", "redirect_uri", "state", "code_challenge")
    )
    return HTMLResponse(
        "<!doctype html><title>Connect to QuickBooks (stand-in)</title>"
        "<h1>Connect to QuickBooks</h1>"
        f"<p>May this app read and write the books of company {html.escape(oauth.realm_id)}?</p>"
        f'<form method="post" action="/connect/oauth2">{hidden}'
        '<button name="decision" value="allow">Allow</button> '
        '<button name="decision" value="deny">Deny</button></form>'
    )


def _decision(oauth: OAuth, form: Mapping[str, str]) -> Response:
    if form.get("client_id") != oauth.client_id or not form.get("redirect_uri"):
        return HTMLResponse("<h1>The client or its redirect URI is not known.</h1>", 400)
    if form.get("decision") != "allow":
        return _back(form, {"error": "access_denied"})
    code = oauth.new_code(form["redirect_uri"], form.get("code_challenge", ""))
    return _back(form, {"code": code, "realmId": oauth.realm_id})


def _back(asked: Mapping[str, str], result: Mapping[str, str]) -> Response:
    target = asked["redirect_uri"]
    state = {"state": asked["state"]} if asked.get("state") else {}
    joint = "&" if "?" in target else "?"
    return RedirectResponse(f"{target}{joint}{urlencode({**result, **state})}", 302)


async def _form(request: Request) -> Mapping[str, str]:
    return dict(parse_qsl((await request.body()).decode(errors="replace"), keep_blank_values=True))


def _token_in(body: bytes, content_type: str) -> str:
    """Read the token to revoke: JSON as documented, or a form as RFC 7009 has it."""
    if "json" not in content_type:
        return dict(parse_qsl(body.decode(errors="replace"))).get("token", "")
    try:
        return str(json.loads(body)["token"])
    except (ValueError, KeyError, TypeError):
        raise OAuthError(400, "invalid_request") from None


def _json(status: int, body: Json) -> Response:
    return Response(write_json(body), status, media_type="application/json;charset=utf-8")
