"""Shows and changes the settings that one connection has of its own."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from connectors.store.connection_settings import LINK_VENDORS, ConnectionSettings
from connectors.store.connections import Connection, find_connection
from flows.context import open_installation, utc_now
from flows.settings import OWN, Settings, problem_with, with_own

#: The settings that a connection may have of its own.
NAMES = (*OWN, LINK_VENDORS)

_YES = {"true", "yes", "on", "1"}
_NO = {"false", "no", "off", "0"}


class WrongSetting(ValueError):  # noqa: N818 - not an error of the run: the caller's mistake
    """An unknown setting or a wrong value; the text says what fits."""


def read_changes(
    wanted: Sequence[str], unwanted: Sequence[str]
) -> tuple[dict[str, str], list[str]]:
    """Read settings to set (`name=value`) and to unset (`name`).

    Raises:
        WrongSetting: One of them does not fit.
    """
    values: dict[str, str] = {}
    for text in wanted:
        name, sign, value = text.partition("=")
        name = _known(name)
        if not sign or not value.strip():
            raise WrongSetting(f"--set {name} has no value: write --set {name}=VALUE.")
        values[name] = _checked(name, value.strip())
    names = [_known(name) for name in unwanted]
    twice = sorted(set(values) & set(names))
    if twice:
        raise WrongSetting(f"{twice[0]} cannot be both set and unset.")
    return values, names


def configure(name: str | None, wanted: dict[str, str], unwanted: Sequence[str]) -> dict[str, Any]:
    """Change a connection's own settings, as `read_changes` read them.

    Returns all of them, and where each value comes from.

    Raises:
        AskPerson: No connection fits.
    """
    with open_installation() as (settings, engine):
        found = find_connection(engine, name)
        own_settings = ConnectionSettings(engine, found.id, utc_now)
        if wanted or unwanted:
            own_settings.change(wanted=wanted, unwanted=unwanted)
            found = find_connection(engine, found.name)
        own = own_settings.stored()
    return {
        "connection": found.name,
        "settings": [_row(name, found, own, settings) for name in NAMES],
    }


def _row(name: str, found: Connection, own: dict[str, str], settings: Settings) -> dict[str, Any]:
    if name == LINK_VENDORS:
        value: Any = found.link_vendors
    else:
        value = getattr(with_own({name: own[name]}) if name in own else settings, name)
    source = (
        "own" if name in own else "environment" if name in settings.model_fields_set else "default"
    )
    if name == "timezone" and value is None:
        value = found.timezone
    if isinstance(value, date):
        value = value.isoformat()
    return {"name": name, "value": value, "source": source}


def _known(text: str) -> str:
    name = text.strip().lower().replace("-", "_").removeprefix("clockbooks_")
    if name not in NAMES:
        raise WrongSetting(
            f"A connection has no setting {text!r} of its own. It may have: {', '.join(NAMES)}."
        )
    return name


def _checked(name: str, value: str) -> str:
    if name == LINK_VENDORS:
        if value.lower() not in _YES | _NO:
            raise WrongSetting(f"{name} must be true or false, not {value!r}.")
        return "true" if value.lower() in _YES else "false"
    problem = problem_with(name, value)
    if problem is not None:
        raise WrongSetting(f"{name} cannot be {value!r}: {problem}.")
    return value
