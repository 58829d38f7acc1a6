"""What can go wrong outside, named for what to do next.

An error's text says what is wrong, which value, what to do, and what happens then. It never has a
token, an address with a query, or the body of a request in it: what a service put into its own text
is masked here, because every error passes through.
"""

from connectors.masking import mask


class ClockbooksError(Exception):
    """Anything that Clockbooks reports to a person; its text has no secret in it.

    Attributes:
        found: What is wrong.
        to_do: What a person can do about it; empty where *found* says it, or nothing can be done.
    """

    def __init__(self, found: str = "", *, to_do: str = "") -> None:
        self.found, self.to_do = mask(found), mask(to_do)
        super().__init__(" ".join(text for text in (self.found, self.to_do) if text))


class AskPerson(ClockbooksError):
    """Nothing will change until a person does something: the text says what."""


class TryAgain(ClockbooksError):
    """Nothing was done; the same call may go through later.

    Attributes:
        wait_s: Seconds that the service asks to wait, if it says.
    """

    def __init__(self, found: str, *, to_do: str = "", wait_s: float | None = None) -> None:
        super().__init__(found, to_do=to_do)
        self.wait_s = wait_s


class NeverLeft(TryAgain):
    """No connection came about, or the run may send nothing more: the call did not leave."""


class Throttled(TryAgain):
    """The service takes no more just now (HTTP 429); nothing was done.

    Attributes:
        in_a_row: How often in a row it has refused, however many calls it refused each time.
    """

    in_a_row: int = 1


class Unsure(ClockbooksError):
    """A write without a clear answer: the service may or may not have done it.

    Attributes:
        timed_out: Whether there was no answer in time.
        throttled: Whether the answer was a 429 that is not the service's own: slow down.
    """

    def __init__(
        self, found: str, *, to_do: str = "", timed_out: bool = False, throttled: bool = False
    ) -> None:
        super().__init__(found, to_do=to_do)
        self.timed_out = timed_out
        self.throttled = throttled


class Refused(ClockbooksError):
    """The service understood and said no; the same call gets the same answer.

    Attributes:
        status: HTTP status.
        code: The service's own code, as text; empty when it gave none.
        trace_id: The service's id of the request (`intuit_tid`), for its support.
    """

    def __init__(self, text: str, *, status: int, code: str = "", trace_id: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.trace_id = trace_id


class NotAuthorized(Refused):
    """The credentials were not accepted (HTTP 401)."""
