"""Plain HTTP to a service, real or a stand-in: recorded, and at the real one's own pace."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from contract_records import Records
from requests.adapters import HTTPAdapter
from urllib3 import Retry

#: A real service that throttles all the same is waited for; nothing else is tried again.
_WAITING = Retry(
    total=None, connect=0, read=0, redirect=0, other=0, status=3,
    status_forcelist=[429], allowed_methods=None, backoff_factor=20, raise_on_status=False,
)  # fmt: skip


@dataclass(frozen=True)
class Where:
    """A service and how to get in.

    Attributes:
        urls: Its addresses by what is there.
        account: The company, or the workspace.
        credentials: Headers that open it.
        secrets: Texts that no recording may show, with what stands there instead.
        standin: The stand-in; `None` for the real service.
        switches: The stand-in's switches; for the real service, those that are its defaults.
        pause_s: Seconds from the beginning of a call to that of the next one.
        app: Client id and secret, where the suite has an app of Intuit's.
    """

    urls: dict[str, str]
    account: str
    credentials: dict[str, str]
    secrets: dict[str, str]
    standin: Any
    switches: Any
    pause_s: float = 0
    app: tuple[str, str] | None = None


class Service:
    """A service, and what the suite made there.

    Attributes:
        prefix: How every name begins that the suite gives; no other run has it.
        records: The exchanges of the test that runs.
    """

    def __init__(self, where: Where, session: requests.Session) -> None:
        self.where = where
        self.prefix = f"Contract {uuid4().hex[:8]}"
        self.records = Records(self.prefix, where.secrets)
        self.session = session
        self._free_at = 0.0
        self._is_recording = True

    @property
    def standin(self) -> Any:
        """The stand-in behind the service; tests that use it are marked `only`."""
        return self.where.standin

    @property
    def is_real(self) -> bool:
        return self.where.standin is None

    def check_account(self) -> None:
        """Skip the tests on an account that the suite cannot run on."""

    def begin(self) -> None:
        """Begin a test: forget what the one before recorded."""
        self.records = Records(self.prefix, self.where.secrets)

    def shows(self, switch: str, seen: Any) -> None:
        """Hold an answer that is not known against the stand-in's switch, and record it."""
        self.records.observed[switch] = seen
        setting = getattr(self.where.switches, switch)
        assert seen == setting, f"{switch} is {seen!r} here; the stand-in has {setting!r}"

    def needs(self, condition: object, what: str) -> None:
        """Skip the test where the account lacks *what*; a stand-in never does."""
        if not condition:
            assert self.is_real, what
            pytest.skip(f"the account lacks {what}")

    @contextmanager
    def unrecorded(self) -> Iterator[None]:
        """Record nothing in a block: what a test only prepares, and does not look at."""
        before, self._is_recording = self._is_recording, False
        try:
            yield
        finally:
            self._is_recording = before

    def let_pass(self, seconds: float) -> None:
        """Let time pass: a stand-in's clock moves on, a real service is waited for."""
        if self.is_real:
            time.sleep(seconds)
        else:
            self.standin.now.advance(seconds)

    def send(
        self, method: str, url: str, *, pause_s: float | None = None, **options: Any
    ) -> requests.Response:
        """Send one request; *options* are those of `requests`, the credentials' headers default."""
        if self.is_real:  # its limits (FACTS, QBO, 2.2; FACTS, Clockify, 1.3)
            time.sleep(max(0, self._free_at - time.monotonic()))
        self._free_at = time.monotonic() + (self.where.pause_s if pause_s is None else pause_s)
        options.setdefault("headers", self.where.credentials)
        response = self.session.request(method, url, timeout=130, **options)
        if self._is_recording:
            self.records.add(response, options.get("json", options.get("data")))
        return response


def open_session(*, is_real: bool) -> requests.Session:
    """Open connections; to a stand-in they go past any proxy."""
    session = requests.Session()
    if is_real:
        session.mount("https://", HTTPAdapter(max_retries=_WAITING))
    else:
        session.trust_env = False
    return session


class Clock:
    """The clock of a stand-in: the real one, moved on by tests."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        """Tell the time."""
        return datetime.now(UTC) + self.ahead

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.ahead += timedelta(seconds=seconds)
