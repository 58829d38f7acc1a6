"""Joins a workspace and a company: checks both sides, and stores their secrets encrypted."""

import sys
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

from connectors.clockify import Clockify, unknown_workspace
from connectors.connections import DEMO, Connection, Joined, every, store
from connectors.database import closing_database
from connectors.errors import AskPerson, Refused
from connectors.quickbooks import QuickBooks
from flows.preflight import check_company, check_workspace
from flows.settings import Settings, read_settings, required
from flows.world import oauth_app, open_company, open_vault, utc_now
from schemas.quickbooks import Company
from transforms.days import zone

#: What a first connection is called when nobody names it.
DEFAULT_NAME = "main"

_NOT_ACCEPTED = (
    "Intuit does not accept the refresh token: it has been used up, revoked, or belongs to another"
    " app than CLOCKBOOKS_QBO_CLIENT_ID. Get a new one with Intuit's consent. Nothing was stored."
)


def connect(
    name: str | None, *, realm_id: str, refresh_token: str, allow_payroll: bool
) -> Connection:
    """Join the workspace of the settings' key with the company *realm_id*.

    Everything that can be checked in Clockify is checked before the refresh token is spent, and
    nothing is stored unless all is well.

    Args:
        name: What to call the connection; without one, the only one there is, or `main`.
        realm_id: The QuickBooks company.
        refresh_token: From Intuit's consent; a secret.
        allow_payroll: Whether a company with payroll is taken all the same.

    Raises:
        AskPerson: Something must be mended first; nothing was stored.
    """
    settings = read_settings()
    api_key = required(settings.clockify_api_key, "CLOCKBOOKS_CLOCKIFY_API_KEY")
    app = oauth_app(settings)
    vault = open_vault(settings)
    clockify = Clockify(
        url=settings.clockify_url, reports_url=settings.clockify_reports_url, api_key=api_key
    )
    with closing(clockify):
        timezone = settings.timezone or _own_zone(clockify)
        clockify.workspace_id = _choose_workspace(clockify, settings)
        workspace = check_workspace(clockify)
    tokens = app.refresh(refresh_token, now=utc_now, ended=_NOT_ACCEPTED)
    quickbooks = open_company(
        settings, realm_id, lambda: tokens.access_token, lambda _: tokens.access_token
    )
    with closing(quickbooks):
        company = _open(quickbooks, realm_id)
    check_company(company, allow_payroll=allow_payroll)
    joined = Joined(
        workspace_id=clockify.workspace_id,
        workspace_name=str(workspace.get("name", "")),
        realm_id=realm_id,
        company_name=company.name,
        timezone=timezone,
        api_key=api_key,
        tokens=tokens,
    )
    with closing_database(settings.database_url) as engine:
        known = [connection.name for connection in every(engine) if connection.name != DEMO]
        chosen = name or (known[0] if len(known) == 1 else DEFAULT_NAME)
        return store(engine, chosen, joined, vault=vault, now=utc_now())


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
            f"The refresh token does not open the company {realm_id!r} ({error}): check --realm-id,"
            " or get a token with the consent of that company. Nothing was stored."
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
