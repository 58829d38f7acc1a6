"""Sends requests to a service, and again while that is safe.

What a failed call means is decided in one place (`classify`): a read may be repeated, a write only
when the service itself says that it did nothing. Waits are tenacity's; `sleep` is a field, so no
test waits.
"""

import json
import logging
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import requests
import tenacity
from urllib3.exceptions import NameResolutionError, NewConnectionError
from urllib3.util.ssl_match_hostname import CertificateError

from connectors.bounds import AnswerTooLong, bounded, last_look
from connectors.errors import (
    AskPerson,
    ClockbooksError,
    NeverLeft,
    NotAuthorized,
    Refused,
    Throttled,
    TryAgain,
    Unsure,
)

#: Seconds to wait for a connection; the wait for the whole answer is the caller's.
CONNECT_TIMEOUT_S = 10

#: Bytes of an answer, decoded. The longest known ones, 5000 rows of a list, have some 10 MB.
LARGEST_ANSWER = 64 << 20

#: How often one call is sent at most.
ATTEMPTS = 6

#: The longest wait that a service is granted before a request is sent again: if it asks for hours,
#: the run ends and says so.
LONGEST_WAIT_S = 300

#: NUL, and halves of surrogate pairs: JSON can write them, PostgreSQL and UTF-8 cannot.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_UNSTORABLE_ESCAPE = re.compile(rb"(?i)\\u(?:0000|d[89a-f])")

logger = logging.getLogger("clockbooks.http")


@dataclass(frozen=True)
class HttpRequest:
    """One request, which may be sent several times.

    Attributes:
        method: GET or POST.
        url: Address without a query.
        read: Whether it changes nothing, so that it may be repeated after silence.
        params: The query.
        data: The body, JSON to the byte; a repeated request carries the same one.
    """

    method: str
    url: str
    read: bool
    params: Any = None
    data: bytes | None = None


@dataclass(frozen=True)
class Failure:
    """What a service says in the body of a failed call.

    Attributes:
        text: Its explanation.
        code: Its own code, as text; empty when it gave none.
        proves: `Throttled`, `NotAuthorized` or `Refused` where the body is the service's own word
            that it did nothing; `None` where the answer may come from something on the way.
    """

    text: str
    code: str
    proves: type[ClockbooksError] | None


def classify(
    *, read: bool, status: int | None, proves: type[ClockbooksError] | None = None
) -> type[ClockbooksError]:
    """Classify a failed call by what its answer proves; a *status* of `None` is silence.

    A status alone proves nothing about a write: a proxy answers 302, 403, 408 or 502 after the
    service has done the work as well as before it (FACTS, QBO, 13.4).
    """
    if proves is not None:
        return proves
    if not read:
        return Unsure
    if status == 429:
        return Throttled
    if status == 401:
        return NotAuthorized
    if status is not None and 300 <= status < 500 and status != 408:
        return Refused
    return TryAgain


def wait_before_next(state: tenacity.RetryCallState) -> float:
    """Return how many seconds to wait: what the service asks for, else longer each time."""
    error = state.outcome.exception() if state.outcome else None
    asked_s = error.wait_s if isinstance(error, TryAgain) else None
    if asked_s is not None:
        return asked_s
    return tenacity.wait_random_exponential(multiplier=1, max=60)(state)


@dataclass
class Http:
    """Calls to one service.

    Attributes:
        service: Its name, for messages.
        timeout_s: Seconds to wait for an answer, to its last byte.
        describe: Reads a failed answer.
        sleep: Waits; tests replace it.
    """

    service: str
    timeout_s: float
    describe: Callable[[requests.Response], Failure]
    sleep: Callable[[float], None] = time.sleep
    session: requests.Session = field(
        default_factory=lambda: bounded(requests.Session(), LARGEST_ANSWER)
    )

    def send(
        self,
        request: HttpRequest,
        *,
        headers: Callable[[], Mapping[str, str]],
        ended: Callable[[Exception | None], None] = lambda _: None,
        check: Callable[[], None] = lambda: None,
        resend_throttled: bool = True,
    ) -> requests.Response:
        """Send a request, and again while that is safe and may help.

        Args:
            request: What to send.
            headers: Called before each attempt: waits for a permit, returns the credentials.
            ended: Called after each attempt with what went wrong; `None` when nothing did. It may
                change how long the error asks to wait: a rate limiter sees to that itself.
            check: Called last of all, with nothing but the bytes left to send; may raise.
            resend_throttled: Whether a throttled request is sent again here.

        Raises:
            TryAgain: It went wrong again and again, and nothing was done.
            Unsure: A write that may or may not have been done.
            NotAuthorized: HTTP 401.
            Refused: The service said no.
            AskPerson: Its certificate is not trusted; nothing left this machine. Or the answer to
                a read is too long.
        """

        def may_help(error: BaseException) -> bool:
            throttled = isinstance(error, Throttled)
            return isinstance(error, TryAgain) and (resend_throttled or not throttled)

        for attempt in tenacity.Retrying(
            retry=tenacity.retry_if_exception(may_help),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=wait_before_next,
            sleep=self.sleep,
            reraise=True,
        ):
            with attempt:
                given = headers()
                try:
                    with last_look(check):
                        response = self._once(request, given)
                except ClockbooksError as error:
                    ended(error)
                    raise
                ended(None)
                return response
        raise AssertionError("tenacity either returns or raises")

    def _once(self, request: HttpRequest, headers: Mapping[str, str]) -> requests.Response:
        read, url = request.read, request.url
        body_type = {} if request.data is None else {"Content-Type": "application/json"}
        try:
            response = self.session.request(
                request.method,
                url,
                params=request.params,
                data=request.data,
                headers={"Accept": "application/json", **body_type, **headers},
                auth=_as_given,
                timeout=(CONNECT_TIMEOUT_S, self.timeout_s),
                allow_redirects=False,  # a redirect would carry the key elsewhere
            )
        except requests.RequestException as error:
            if untrusted(error):
                raise not_trusted(self.service, url) from None
            found, to_do = self._silence(url, error)
            if read and isinstance(error, AnswerTooLong):
                raise AskPerson(found, to_do=to_do) from None
            # `from None`: the library's text has the whole address, query included.
            kind = NeverLeft if _never_left(error) else classify(read=read, status=None)
            if kind is Unsure:
                timed_out = isinstance(error, requests.Timeout)
                raise Unsure(found, to_do=to_do, timed_out=timed_out) from None
            raise kind(found, to_do=to_do) from None
        status, named = response.status_code, in_brackets(trace_id(response))
        logger.debug("%s answered %s to %s%s", self.service, status, request.method, named)
        if status in {200, 201, 204}:
            return response
        raise self._failure(response, read=read)

    def _failure(self, response: requests.Response, *, read: bool) -> Exception:
        failure, status = self.describe(response), response.status_code
        request = trace_id(response)
        named = in_brackets(request)
        kind = classify(read=read, status=status, proves=failure.proves)
        if kind is NotAuthorized:
            # Its own text may repeat the token (FACTS, QBO, 7.1 b).
            return NotAuthorized(
                f"{self.service} does not accept the credentials{named}.",
                status=401,
                trace_id=request,
            )
        if issubclass(kind, Refused):
            return kind(
                f"{self.service} answered {status}: {failure.text}{named}",
                status=status,
                code=failure.code,
                trace_id=request,
            )
        if issubclass(kind, TryAgain):
            trouble = f"{self.service} is busy or failing (HTTP {status}: {failure.text}){named}."
            again = "Run the command again later."
            return kind(trouble, to_do=again, wait_s=_retry_after_s(response))
        return Unsure(
            f"{self.service}, or something on the way to it, answered {status} to a write{named}:"
            " it may or may not have been done.",
            timed_out=status == 504,
            throttled=status == 429,
        )

    def _silence(self, url: str, error: Exception) -> tuple[str, str]:
        """Return what is wrong, and what to do."""
        host = urlsplit(url).netloc.rpartition("@")[2]
        if isinstance(error, AnswerTooLong):
            return (
                f"{self.service} at {host} sent {error}, which is too long to read.",
                "Check the address, and what is on the way to it; then run the command again.",
            )
        return (
            f"{self.service} at {host} did not answer ({type(error).__name__}).",
            "Check the network and the address, then run the command again.",
        )


def read_json(service: str, response: requests.Response) -> Any:
    """Decode an answer, with exact numbers.

    Raises:
        TryAgain: It is not JSON: cut, or a page of some proxy.
    """
    try:
        answer = json.loads(response.content, parse_float=Decimal)
        # Looked at only where an escape could have made one: reports are long.
        return _storable(answer) if _UNSTORABLE_ESCAPE.search(response.content) else answer
    except (ValueError, ArithmeticError, RecursionError):
        raise TryAgain(
            f"{service} sent an answer that cannot be read (not JSON,"
            f" {len(response.content)} bytes). Nothing was changed.",
            to_do="Run the command again.",
        ) from None


def _storable(part: Any) -> Any:
    """Replace, in all texts, what no database and no encoding takes: NUL and half characters."""
    if isinstance(part, str):
        return _UNSTORABLE.sub("\ufffd", part)
    if isinstance(part, list):
        return [_storable(one) for one in part]
    if isinstance(part, dict):
        return {_storable(name): _storable(value) for name, value in part.items()}
    return part


def untrusted(error: BaseException | None) -> bool:
    """Return whether a call failed because the other side's certificate is not trusted."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError | CertificateError):
            return True
        inner = getattr(error, "reason", None) or (error.args[0] if error.args else None)
        error = inner if isinstance(inner, BaseException) else None
    return False


def not_trusted(service: str, url: str) -> AskPerson:
    """Return the error of a certificate that is not trusted; trying again would not help."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    return AskPerson(
        f"{service} at {host} has a certificate that this machine does not trust, so nothing was"
        " sent to it.",
        to_do="Check the address and the machine's clock; behind your own proxy, name its"
        " certificate in REQUESTS_CA_BUNDLE.",
    )


def _never_left(error: Exception) -> bool:
    """Return whether a call failed before its first byte was sent."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, NewConnectionError | NameResolutionError)


def _as_given(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Leave the credentials alone; without this, a .netrc file's would take their place."""
    return request


def _retry_after_s(response: requests.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return min(float(text), LONGEST_WAIT_S) if text.isdecimal() else None


def trace_id(response: requests.Response) -> str:
    """Return the id by which Intuit's support finds a request; empty from other services."""
    # Documented as intuit_tid, recorded as Intuit-Tid: FACTS, QBO, 7.3.
    named = (response.headers.get(name) for name in ("intuit_tid", "Intuit-Tid"))
    return next((value for value in named if value), "")


def in_brackets(request: str) -> str:
    """Return a request's id as it is put into a message; empty where there is none."""
    return f" (intuit_tid {request})" if request else ""
