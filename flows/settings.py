"""Every setting, with its unit and default; read when a command or a flow starts.

They come from environment variables with the prefix CLOCKBOOKS_ and from the `.env` file of the
working folder (`flows.settings_file`).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from pydantic import AfterValidator, Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from connectors.encryption import SHORTEST_PASSPHRASE
from connectors.errors import AskPerson
from connectors.hosts import LOOPBACK, plain_host, safe_url
from connectors.masking import SHORTEST, remember
from flows.installed import data_folder, default_database_url
from flows.settings_file import ADDRESSES, PREFIX, file_settings, is_own
from transforms.entries.local_days import zone
from transforms.exports.formats import parse_mapping
from transforms.plan.descriptions import parse_template
from transforms.plan.rounding import parse_rounding
from transforms.plan.rules import parse_targets


def _readable_by(parse: Callable[[str], object]) -> AfterValidator:
    """Return a validator for texts that *parse* can read."""

    def check(text: str) -> str:
        parse(text)
        return text

    return AfterValidator(check)


def _whole_path(text: str) -> None:
    if not Path(text).is_absolute():
        raise ValueError("must be a whole path, from the root: runs start in other folders")


def mapping_lines(text: str) -> list[str]:
    """Split a mapping of columns in a setting, `Who=user; Day=date`, into its parts."""
    return [part.strip() for part in re.split("[;\n]", text) if part.strip()]


def _hard_to_guess(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value()) < SHORTEST_PASSPHRASE:
        raise ValueError(
            "must be a key from `clockbooks rotate-key --generate`, or a passphrase of at least"
            f" {SHORTEST_PASSPHRASE} characters; to replace a shorter one, set that as"
            " CLOCKBOOKS_OLD_SECRET_KEY and run `clockbooks rotate-key`"
        )
    return secret


def _good_password(password: SecretStr) -> SecretStr:
    if len(password.get_secret_value()) < SHORTEST_PASSWORD:
        raise ValueError(f"must have at least {SHORTEST_PASSWORD} characters")
    return password


#: Minimum length of the pages' password: who guesses it can send and approve.
SHORTEST_PASSWORD = 12

Key = Annotated[SecretStr, AfterValidator(_hard_to_guess)]
Password = Annotated[SecretStr, AfterValidator(_good_password)]
Url = Annotated[str, AfterValidator(safe_url)]
Zone = Annotated[str, _readable_by(zone)]
ImportMap = Annotated[str, _readable_by(lambda text: parse_mapping(mapping_lines(text)))]
Folder = Annotated[str, _readable_by(_whole_path)]
RoundingWords = Annotated[str, _readable_by(parse_rounding)]
TemplateText = Annotated[str, _readable_by(parse_template)]
TagName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
TargetWords = Annotated[str, _readable_by(parse_targets)]

#: What to do about a secret that is too short to be hidden in output. The old secret key may be
#: short: it is about to be replaced.
_LONGER = {
    "clockify_api_key": "copy the whole key from Clockify",
    "qbo_client_secret": "copy the whole secret from developer.intuit.com",
    "notify": "use whole addresses",
}

#: The settings that a connection may have of its own.
OWN = (
    "timezone",
    "not_before",
    "day_zone",
    "split",
    "overtime",
    "workweek_begins",
    "rounding",
    "rounding_per",
    "line_per",
    "rate",
    "missing_rate",
    "foreign_rate",
    "description_template",
    "description_marker",
    "sent_tag",
    "approved_only",
    "allow_payroll",
    "required_on_time",
    "sync_before_send",
    "review_hours",
    "history_years",
    "import_map",
    "import_folder",
    "second_run",
    "clockify_requests_per_second",
    "qbo_batch_size",
    "qbo_batches_per_minute",
    "qbo_requests_per_minute",
    "qbo_requests_per_second",
    "qbo_concurrency",
    "qbo_timeout_s",
)


class Settings(BaseSettings):
    """All settings; docs/settings.md describes them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore")

    database_url: str = Field(default_factory=default_database_url)
    secret_key: Key | None = None
    old_secret_key: SecretStr | None = None
    clockify_api_key: SecretStr | None = None
    clockify_workspace_id: str | None = None
    clockify_url: Url = "https://api.clockify.me/api/v1"
    clockify_reports_url: Url = "https://reports.api.clockify.me/v1"
    qbo_client_id: str | None = None
    qbo_client_secret: SecretStr | None = None
    qbo_url: Url = "https://quickbooks.api.intuit.com"
    qbo_token_url: Url = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105 - an address
    qbo_authorize_url: Url = "https://appcenter.intuit.com/connect/oauth2"
    qbo_revoke_url: Url = "https://developer.api.intuit.com/v2/oauth2/tokens/revoke"
    qbo_discovery_url: Url = "https://developer.intuit.com/.well-known/openid_configuration"
    clockify_requests_per_second: Annotated[int, Field(ge=1)] = 10
    qbo_batch_size: Annotated[int, Field(ge=1, le=30)] = 30
    qbo_batches_per_minute: Annotated[int, Field(ge=1)] = 40
    qbo_requests_per_minute: Annotated[int, Field(ge=1)] = 500
    qbo_requests_per_second: Annotated[int, Field(ge=1)] = 10
    qbo_reads_per_month: Annotated[int, Field(ge=1)] = 500_000
    qbo_concurrency: Annotated[int, Field(ge=1, le=100)] = 10
    qbo_timeout_s: Annotated[float, Field(gt=0)] = 120
    qbo_at_work_s: Annotated[float, Field(gt=0)] = 150
    lease_s: Annotated[float, Field(gt=0)] = 120
    history_years: Annotated[int, Field(ge=1)] | None = None
    review_hours: Annotated[float, Field(gt=0, le=24 * 365)] = 72
    timezone: Zone | None = None
    rounding: RoundingWords | None = None
    not_before: date | None = None
    day_zone: Literal["connection", "worker"] = "connection"
    split: Literal["none", "midnight"] = "none"
    overtime: Literal["none", "weekly", "daily", "both"] = "none"
    workweek_begins: Literal[
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
    ] = "sunday"
    rate: Literal["clockify", "item", "person"] = "clockify"
    missing_rate: Literal["reject", "zero", "item"] = "reject"
    foreign_rate: Literal["reject", "zero", "item"] = "reject"
    rounding_per: Literal["entry", "day"] = "entry"
    line_per: Literal["entry", "day"] = "entry"
    description_template: TemplateText | None = None
    description_marker: bool = False
    sent_tag: TagName | None = None
    approved_only: bool = False
    allow_payroll: bool | None = None
    required_on_time: TargetWords | None = None
    sync_before_send: bool = False
    import_map: ImportMap | None = None
    import_folder: Folder | None = None
    second_run: Literal["wait", "skip"] = "wait"
    notify: SecretStr | None = None
    late_after_s: Annotated[float, Field(ge=10)] = 600
    ui_password: Password | None = None
    ui_hosts: str = ""
    ui_user_header: Annotated[str, Field(pattern="^[A-Za-z0-9-]+$")] | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - it trusts any file
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - we have no such folder
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Prefer arguments to the environment, and that to the `.env`, which we read ourselves."""
        file = InitSettingsSource(settings_cls, init_kwargs=dict(file_settings()))
        return init_settings, env_settings, file

    @property
    def folder(self) -> Path:
        """The folder for files of the installation: the database's, or else `data_folder`."""
        return self._sqlite_file.parent if self._sqlite_file else data_folder()

    @property
    def key_file(self) -> Path:
        """The file of the encryption key, if no setting has one: beside the database."""
        return (self._sqlite_file or self.folder / "clockbooks").with_suffix(".key")

    @property
    def _sqlite_file(self) -> Path | None:
        address = sa.make_url(self.database_url)
        is_file = address.get_backend_name() == "sqlite" and address.database
        return Path(str(address.database)) if is_file else None

    @property
    def strangers(self) -> dict[str, str]:
        """Addresses that are not the services' own: the setting's name, and the host."""
        return {name: host for name, host in self._hosts() if host not in LOOPBACK}

    @property
    def standins(self) -> dict[str, str]:
        """Addresses of this machine: the setting's name, and the host."""
        return {name: host for name, host in self._hosts() if host in LOOPBACK}

    def _hosts(self) -> Iterator[tuple[str, str]]:
        for name in ADDRESSES:
            url = getattr(self, name.removeprefix(PREFIX).lower())
            if not is_own(name, url):
                yield name, plain_host(url) or ""

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone that overrides the connection's, if one is set."""
        return ZoneInfo(self.timezone) if self.timezone else None


def read_settings() -> Settings:
    """Read the settings.

    Raises:
        AskPerson: One of them is wrong; the text names it, and never shows its value.
    """
    try:
        settings = Settings()
        _remember_secrets(settings)
    except ValidationError as error:
        problems = "; ".join(
            f"{PREFIX}{name.upper()}: {problem}" for name, problem in _problems(error).items()
        )
        raise AskPerson(f"A setting is wrong. {problems}.") from None
    return settings


def _remember_secrets(settings: Settings) -> None:
    """Hide every secret of the settings in all output from now on; refuse one too short for it."""
    values = {
        name: value.get_secret_value() for name, value in settings if isinstance(value, SecretStr)
    }
    with suppress(sa.exc.ArgumentError):  # reported when the database is opened
        values["database_url"] = str(sa.make_url(settings.database_url).password or "")
    for name, to_do in _LONGER.items():
        if 0 < len(values.get(name, "")) < SHORTEST:
            raise AskPerson(
                f"A secret in CLOCKBOOKS_{name.upper()} has fewer than {SHORTEST} characters, which"
                f" is too short to hide in output: {to_do}."
            )
    remember(*values.values())


def strangers_told(settings: Settings) -> list[str]:
    """Return a warning for each host that is neither a service's own nor this machine."""
    return [
        f"{name} leads to {host}, which is not the service's own. Keys, tokens and hours go there."
        for name, host in settings.strangers.items()
    ]


def with_own(own: Mapping[str, str]) -> Settings:
    """Read the settings of one connection: its own override those of the environment.

    Names that are not in `OWN` are ignored.

    Raises:
        AskPerson: One of its own settings is no longer valid.
    """
    try:
        given: dict[str, Any] = {name: value for name, value in own.items() if name in OWN}
        return Settings(**given)
    except ValidationError as error:
        name, problem = next(iter(_problems(error).items()))
        raise AskPerson(
            f"The connection's own setting {name} is wrong ({problem}). Fix it with `clockbooks"
            f" configure --set {name}=…`, or remove it with `--unset {name}`."
        ) from None


def problem_with(name: str, value: str) -> str | None:
    """Return what is wrong with *value* for the setting *name*; `None` if nothing is."""
    given: dict[str, Any] = {name: value}
    try:
        Settings(**given)
    except ValidationError as error:
        # Problems of the environment are reported when it is read.
        return _problems(error).get(name)
    return None


def _problems(error: ValidationError) -> dict[str, str]:
    """Return what is wrong with each setting, without its value."""
    return {
        str(problem["loc"][0]).lower(): problem["msg"].removeprefix("Value error, ").rstrip(".")
        for problem in error.errors(include_input=False, include_url=False)
    }


def required(value: str | SecretStr | None, name: str) -> str:
    """Return a setting's value, secrets in clear.

    Raises:
        AskPerson: It is not set.
    """
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not text:
        raise AskPerson(f"{name} is not set: set it in the environment or in a .env file.")
    return text
