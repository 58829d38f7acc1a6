"""Connects a workspace and a company: checks both, and stores their secrets encrypted."""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from connectors.clockify.answers import unknown_workspace
from connectors.clockify.client import Clockify
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
from connectors.store.reads import Reads
from connectors.store.revocations import Revocations
from flows.connections.browser_consent import Browser, ask_in_browser
from flows.connections.disconnect import try_now
from flows.connections.requirements import check_company, check_workspace
from flows.context import oauth_app, open_company, open_vault, start, utc_now
from flows.settings import Settings, required, with_own
from flows.text import tell_aside
from schemas.quickbooks import Company
from transforms.entries.local_days import zone

#: The name of a first connection that nobody named.
DEFAULT_NAME = "main"

_NOT_ACCEPTED = (
    "Intuit does not accept the refresh token: it was replaced by a newer one, was revoked, or"
    " belongs to another app than CLOCKBOOKS_QBO_CLIENT_ID. Get a new one with Intuit's consent."
    " Nothing was stored."
)

_CODE_ENDED = (
    "Intuit does not accept the code of the consent, which works once and only for minutes."
    " Nothing was stored. Run `clockbooks connect` again."
)


@dataclass(frozen=True)
class Pasted:
    """A refresh token that somebody already has from Intuit's consent; a secret."""

    realm_id: str
    refresh_token: str = field(repr=False)


@dataclass(frozen=True)
class _Prepared:
    """What is known and checked before Intuit is asked."""

    name: str
    settings: Settings
    vault: Vault
    api_key: str
    timezone: str
    workspace: dict[str, Any]
    allow_payroll: bool | None


def connect(
    name: str | None, *, consent: Pasted | Browser, allow_payroll: bool | None
) -> Connection:
    """Connect the workspace of the settings' key with a QuickBooks company.

    Clockify is checked before a refresh token is exchanged or a consent asked for. Nothing is
    stored unless everything is fine.

    Args:
        name: What to call the connection; without one, the only one there is, or `main`.
        consent: A refresh token, or how to ask a person for consent.
        allow_payroll: `False` refuses a company with payroll; `None` for what the settings say.

    Raises:
        AskPerson: Something must be fixed first; nothing was stored.
        TryAgain: A service could not be reached; nothing was stored.
    """
    settings = start()
    app = oauth_app(settings)
    prepared = _check_clockify(name, settings, allow_payroll=allow_payroll)
    if isinstance(consent, Pasted):
        tokens = app.refresh(consent.refresh_token, now=utc_now, ended=_NOT_ACCEPTED)
        return _join(prepared, consent.realm_id, tokens)

    def use(answer: Answer, asked: Question) -> Connection:
        given = app.redeem(
            answer.code,
            redirect_uri=asked.redirect_uri,
            verifier=asked.verifier,
            now=utc_now,
            ended=_CODE_ENDED,
        )
        with _revoked_if_unused(prepared, app, answer.realm_id, given):
            return _join(prepared, answer.realm_id, given)

    return ask_in_browser(settings, consent, use)


def _check_clockify(
    name: str | None, settings: Settings, *, allow_payroll: bool | None
) -> _Prepared:
    api_key = required(settings.clockify_api_key, "CLOCKBOOKS_CLOCKIFY_API_KEY")
    vault = open_vault(settings)
    clockify = Clockify(
        url=settings.clockify_url, reports_url=settings.clockify_reports_url, api_key=api_key
    )
    with closing(clockify):
        timezone = settings.timezone or _own_zone(clockify)
        clockify.workspace_id = _choose_workspace(clockify, settings)
        workspace = check_workspace(clockify)
    chosen, own = _choose_name(name, settings)
    mine = with_own(own)
    return _Prepared(
        name=chosen,
        settings=mine,
        vault=vault,
        api_key=api_key,
        timezone=timezone,
        workspace={**workspace, "id": clockify.workspace_id},
        allow_payroll=mine.allow_payroll if allow_payroll is None else allow_payroll,
    )


def _choose_name(name: str | None, settings: Settings) -> tuple[str, dict[str, str]]:
    """Return the connection's name, and the settings of its own if it is there already."""
    with closing_database(settings.database_url) as engine:
        known = all_connections(engine)
        real = [connection.name for connection in known if connection.name != DEMO]
        chosen = name or (real[0] if len(real) == 1 else DEFAULT_NAME)
        same = next((connection for connection in known if connection.name == chosen), None)
        if same is None:
            return chosen, {}
        # An old consent of the same company is ended before a new one is given, not after.
        for note in try_now(settings, Revocations(engine, same.id, utc_now)):
            tell_aside(note)
        return chosen, ConnectionSettings(engine, same.id, utc_now).stored()


def _join(prepared: _Prepared, realm_id: str, tokens: Tokens) -> Connection:
    settings = prepared.settings
    with closing_database(settings.database_url) as engine:
        reads = Reads(engine, settings.qbo_client_id or "", utc_now)
        quickbooks = open_company(
            settings, realm_id, lambda: tokens.access_token, lambda _: tokens.access_token, reads
        )
        with closing(quickbooks):
            company = _open(quickbooks, realm_id)
        check_company(company, allow_payroll=prepared.allow_payroll)
        joined = Joined(
            workspace_id=str(prepared.workspace["id"]),
            workspace_name=str(prepared.workspace.get("name", "")),
            realm_id=realm_id,
            company_name=company.name,
            timezone=prepared.timezone,
            api_key=prepared.api_key,
            tokens=tokens,
        )
        stored = store_connection(
            engine, prepared.name, joined, vault=prepared.vault, now=utc_now()
        )
    if prepared.settings.timezone is None and stored.timezone != prepared.timezone:
        tell_aside(
            f"The connection keeps its time zone, {stored.timezone}. The key's Clockify user now"
            f" has {prepared.timezone}; to use that, run `clockbooks configure --set"
            f" timezone={prepared.timezone}`."
        )
    return replace(stored, timezone=prepared.settings.timezone or stored.timezone)


@contextmanager
def _revoked_if_unused(
    prepared: _Prepared, app: OAuthApp, realm_id: str, tokens: Tokens
) -> Iterator[None]:
    """Revoke a new consent if the block fails, so that no connection uses it.

    Not if another connection has a consent of the same company: Intuit does not document whether
    revoking one ends the other.
    """
    try:
        yield
    except BaseException:
        with closing_database(prepared.settings.database_url) as engine:
            in_use = has_consent_of(engine, realm_id)
        if not in_use:
            try:
                revoke(app, prepared.settings.qbo_revoke_url, tokens.refresh_token)
            except ClockbooksError as error:
                tell_aside(
                    "The new consent is not used, and could not be revoked"
                    f" ({error}). To end it, use Apps › My apps › Disconnect in QuickBooks."
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
        raise AskPerson(f"{file} is empty: it should hold the refresh token.")
    return text.strip()


def _open(quickbooks: QuickBooks, realm_id: str) -> Company:
    try:
        return quickbooks.company()
    except Refused as error:
        if error.status != HTTPStatus.FORBIDDEN:
            raise
        raise AskPerson(
            f"The consent is not for the company {realm_id!r} ({error}): check --realm-id, or get"
            " the consent of that company. Nothing was stored."
        ) from None


def _own_zone(clockify: Clockify) -> str:
    settings = clockify.me().get("settings") or {}
    name = settings.get("timeZone") or ""
    try:
        return str(zone(name))
    except ValueError:
        raise AskPerson(
            "The Clockify user of the key has no usable time zone. Set CLOCKBOOKS_TIMEZONE, for"
            " example to America/Chicago: it decides on which day an entry falls."
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
            f"The Clockify key sees {len(ids)} workspaces. Set CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID to"
            f" the id of one: {names}."
        )
    return ids[0]
