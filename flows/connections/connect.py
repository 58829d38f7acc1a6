"""Joins a workspace and a company: checks both sides, and stores their secrets encrypted."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from connectors.clockify.client import Clockify, unknown_workspace
from connectors.database import closing_database
from connectors.encryption import Vault
from connectors.errors import AskPerson, ClockbooksError, Refused
from connectors.intuit.consent import Answer, Question, revoke
from connectors.intuit.oauth_app import OAuthApp, Tokens
from connectors.quickbooks.client import QuickBooks
from connectors.store.connection_settings import ConnectionSettings
from connectors.store.connections import (
    DEMO,
    Connection,
    Joined,
    all_connections,
    has_consent_of,
    store_connection,
)
from connectors.store.revocations import Revocations
from flows.connections.browser_consent import Browser, ask_in_browser
from flows.connections.disconnect import try_now
from flows.connections.preflight import check_company, check_workspace
from flows.context import oauth_app, open_company, open_vault, start, utc_now
from flows.settings import Settings, required, with_own
from flows.text import tell_aside
from schemas.quickbooks import Company
from transforms.entries.local_days import zone

#: What a first connection is called when nobody names it.
DEFAULT_NAME = "main"

_NOT_ACCEPTED = (
    "Intuit does not accept the refresh token: it has been used up, revoked, or belongs to another"
    " app than CLOCKBOOKS_QBO_CLIENT_ID. Get a new one with Intuit's consent. Nothing was stored."
)


_CODE_ENDED = (
    "Intuit does not accept the code of the consent: it lives for minutes and works once. Nothing"
    " was stored; run `clockbooks connect` again."
)


@dataclass(frozen=True)
class Pasted:
    """A refresh token that somebody already has.

    Attributes:
        realm_id: The QuickBooks company.
        refresh_token: From Intuit's consent; a secret.
    """

    realm_id: str
    refresh_token: str = field(repr=False)


@dataclass(frozen=True)
class _Half:
    """What is known before Intuit is asked."""

    name: str
    settings: Settings
    vault: Vault
    api_key: str
    timezone: str
    workspace: dict[str, Any]
    allow_payroll: bool


def connect(
    name: str | None, *, consent: Pasted | Browser, allow_payroll: bool | None
) -> Connection:
    """Join the workspace of the settings' key with a QuickBooks company.

    Everything that can be checked in Clockify is checked before a refresh token is spent or a
    consent asked for, and nothing is stored unless all is well.

    Args:
        name: What to call the connection; without one, the only one there is, or `main`.
        consent: A refresh token that is there, or how to ask a person for one.
        allow_payroll: Whether a company with payroll is taken all the same; `None` for what the
            settings say.

    Raises:
        AskPerson: Something must be mended first; nothing was stored.
        TryAgain: A service could not be reached; nothing was stored.
    """
    settings = start()
    app = oauth_app(settings)
    half = _check_clockify(name, settings, allow_payroll=allow_payroll)
    if isinstance(consent, Pasted):
        tokens = app.refresh(consent.refresh_token, now=utc_now, ended=_NOT_ACCEPTED)
        return _join(half, consent.realm_id, tokens)

    def use(answer: Answer, asked: Question) -> Connection:
        given = app.redeem(
            answer.code,
            redirect_uri=asked.redirect_uri,
            verifier=asked.verifier,
            now=utc_now,
            ended=_CODE_ENDED,
        )
        with _taken_back_if_unused(half, app, answer.realm_id, given):
            return _join(half, answer.realm_id, given)

    return ask_in_browser(settings, consent, use)


def _check_clockify(name: str | None, settings: Settings, *, allow_payroll: bool | None) -> _Half:
    api_key = required(settings.clockify_api_key, "CLOCKBOOKS_CLOCKIFY_API_KEY")
    vault = open_vault(settings)
    clockify = Clockify(
        url=settings.clockify_url, reports_url=settings.clockify_reports_url, api_key=api_key
    )
    with closing(clockify):
        timezone = settings.timezone or _own_zone(clockify)
        clockify.workspace_id = _choose_workspace(clockify, settings)
        workspace = check_workspace(clockify)
    with closing_database(settings.database_url) as engine:
        known = [connection for connection in all_connections(engine) if connection.name != DEMO]
        chosen = name or (known[0].name if len(known) == 1 else DEFAULT_NAME)
        same = next((one for one in all_connections(engine) if one.name == chosen), None)
        own = ConnectionSettings(engine, same.id, utc_now).stored() if same else {}
        if same is not None:
            # An old consent of the same company is ended before a new one is given, not after.
            for words in try_now(settings, Revocations(engine, same.id, utc_now)):
                tell_aside(words)
    mine = with_own(own)
    return _Half(
        name=chosen,
        settings=mine,
        vault=vault,
        api_key=api_key,
        timezone=timezone,
        workspace={**workspace, "id": clockify.workspace_id},
        allow_payroll=mine.allow_payroll if allow_payroll is None else allow_payroll,
    )


def _join(half: _Half, realm_id: str, tokens: Tokens) -> Connection:
    quickbooks = open_company(
        half.settings, realm_id, lambda: tokens.access_token, lambda _: tokens.access_token
    )
    with closing(quickbooks):
        company = _open(quickbooks, realm_id)
    check_company(company, allow_payroll=half.allow_payroll)
    joined = Joined(
        workspace_id=str(half.workspace["id"]),
        workspace_name=str(half.workspace.get("name", "")),
        realm_id=realm_id,
        company_name=company.name,
        timezone=half.timezone,
        api_key=half.api_key,
        tokens=tokens,
    )
    with closing_database(half.settings.database_url) as engine:
        stored = store_connection(engine, half.name, joined, vault=half.vault, now=utc_now())
    if half.settings.timezone is None and stored.timezone != half.timezone:
        tell_aside(
            f"The connection keeps its time zone {stored.timezone}; the key's Clockify user has"
            f" {half.timezone} now. To change it: `clockbooks configure --set"
            f" timezone={half.timezone}`."
        )
    return replace(stored, timezone=half.settings.timezone or stored.timezone)


@contextmanager
def _taken_back_if_unused(
    half: _Half, app: OAuthApp, realm_id: str, tokens: Tokens
) -> Iterator[None]:
    """Revoke a fresh consent when the block ends without a connection that uses it.

    Not where a connection lives on a consent of the same company: whether Intuit ends that one
    too, because it is of the same app and company, is written nowhere.
    """
    try:
        yield
    except BaseException:
        with closing_database(half.settings.database_url) as engine:
            in_use = has_consent_of(engine, realm_id)
        if not in_use:
            try:
                revoke(app, half.settings.qbo_revoke_url, tokens.refresh_token)
            except ClockbooksError as error:
                tell_aside(
                    f"The consent that was just given is not used, and could not be revoked"
                    f" ({error}). It can be ended in QuickBooks: Apps › My apps › Disconnect."
                )
        raise


def read_token(file: Path) -> str:
    """Read a refresh token from *file*; `-` is standard input.

    Raises:
        AskPerson: It cannot be read, or is empty.
    """
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise AskPerson(f"The refresh token cannot be read from {file} ({reason}).") from None
    if not text.strip():
        raise AskPerson(f"There is no refresh token in {file}: it is empty.")
    return text.strip()


def _open(quickbooks: QuickBooks, realm_id: str) -> Company:
    try:
        return quickbooks.company()
    except Refused as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise AskPerson(
            f"The consent does not open the company {realm_id!r} ({error}): check --realm-id, or"
            " give the consent of that company. Nothing was stored."
        ) from None


def _own_zone(clockify: Clockify) -> str:
    settings = clockify.me().get("settings") or {}
    name = settings.get("timeZone") or ""
    try:
        return str(zone(name))
    except ValueError:
        raise AskPerson(
            "The Clockify user of the key has no usable time zone: set CLOCKBOOKS_TIMEZONE, for"
            " example to America/Chicago. It decides on which day an entry falls."
        ) from None


def _choose_workspace(clockify: Clockify, settings: Settings) -> str:
    known = clockify.workspaces()
    wanted = settings.clockify_workspace_id
    ids = [str(workspace.get("id")) for workspace in known]
    if wanted is not None:
        if wanted not in ids:
            raise unknown_workspace(wanted, known)
        return wanted
    if len(ids) != 1:
        names = ", ".join(f"{found.get('name')} ({found.get('id')})" for found in known) or "none"
        raise AskPerson(
            "The Clockify key sees more or less than one workspace: set"
            f" CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID to one of these ids: {names}."
        )
    return ids[0]
