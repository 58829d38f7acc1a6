"""Every setting, its unit and its default; read once, when a command or a flow starts.

From environment variables with the prefix CLOCKBOOKS_, and from a `.env` file in the working
folder. Secrets come only from there, from a file or from standard input.
"""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.errors import AskPerson
from transforms.days import zone


def _safe_url(url: str) -> str:
    parts = urlsplit(url)
    loopback = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise ValueError("must begin with https:// (http:// only on this machine)")
    return url


def _known_zone(name: str) -> str:
    zone(name)
    return name


Url = Annotated[str, AfterValidator(_safe_url)]
Zone = Annotated[str, AfterValidator(_known_zone)]


class Settings(BaseSettings):
    """What the environment says; see README, Settings."""

    model_config = SettingsConfigDict(
        env_prefix="CLOCKBOOKS_", env_file=".env", env_ignore_empty=True, extra="ignore"
    )

    database_url: str = "sqlite:///data/clockbooks.db"
    secret_key: SecretStr | None = None
    clockify_api_key: SecretStr | None = None
    clockify_workspace_id: str | None = None
    clockify_url: Url = "https://api.clockify.me/api/v1"
    clockify_reports_url: Url = "https://reports.api.clockify.me/v1"
    qbo_client_id: str | None = None
    qbo_client_secret: SecretStr | None = None
    qbo_url: Url = "https://quickbooks.api.intuit.com"
    qbo_token_url: Url = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105 - an address
    qbo_batch_size: Annotated[int, Field(ge=1, le=30)] = 30
    qbo_batches_per_minute: Annotated[int, Field(ge=1)] = 40
    qbo_requests_per_minute: Annotated[int, Field(ge=1)] = 500
    qbo_requests_per_second: Annotated[int, Field(ge=1)] = 10
    qbo_concurrency: Annotated[int, Field(ge=1, le=100)] = 10
    qbo_timeout_s: Annotated[float, Field(gt=0)] = 120
    qbo_at_work_s: Annotated[float, Field(gt=0)] = 150
    lease_s: Annotated[float, Field(gt=0)] = 120
    timezone: Zone | None = None
    sync_before_send: bool = False

    @property
    def key_file(self) -> Path:
        """Where the encryption key is kept when no setting gives it: beside the database."""
        address = sa.make_url(self.database_url)
        if address.get_backend_name() == "sqlite" and address.database:
            return Path(address.database).with_suffix(".key")
        return Path("data/clockbooks.key")

    @property
    def zone(self) -> ZoneInfo | None:
        """The time zone that overrides the connection's, if one is set."""
        return ZoneInfo(self.timezone) if self.timezone else None


def read_settings() -> Settings:
    """Read the settings.

    Raises:
        AskPerson: One of them cannot be used; the text names it, and never shows its value.
    """
    try:
        return Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"CLOCKBOOKS_{str(problem['loc'][0]).upper()}: {problem['msg']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        raise AskPerson(f"A setting cannot be used. {problems}.") from None


def required(value: str | SecretStr | None, name: str) -> str:
    """Give a setting's value in clear.

    Raises:
        AskPerson: It is not set.
    """
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if not text:
        raise AskPerson(f"{name} is not set: put it into the environment or into a .env file.")
    return text
