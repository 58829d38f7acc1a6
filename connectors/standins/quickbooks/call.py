"""One request to the API, read as the service reads it."""

from datetime import datetime

from fastapi import Request

from connectors.standins.quickbooks import faults, wire
from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.wire import Json

# What each kind of request may be asked besides.
_EVERYWHERE = {"minorversion", "requestid", "format"}  # node-quickbooks says format=json
_PARAMETERS = {
    ("GET", "query"): {"query"},
    ("GET", "cdc"): {"entities", "changedSince"},
    ("POST", "batch"): set(),
    ("POST", "query"): set(),
}


class NotModelledError(Exception):
    """The service may know this; the stand-in does not, and takes nothing in silence."""


class Call:
    """A request below `/v3`.

    Attributes:
        realm: The company in the path; `None` when the path names none.
        parts: What follows the company, e.g. `["timeactivity", "5"]`.
        request_id: The caller's idempotency key; empty when there is none.
        began: When the service began to process: the `time` of its answer.
    """

    def __init__(self, request: Request, body: bytes, *, began: datetime) -> None:
        self._request = request
        self._body = body
        self._json: Json | None = None
        self.began = began
        self.method = request.method
        steps = request.url.path.lstrip("/").split("/")
        in_company = len(steps) > 2 and steps[1] == "company"
        self.realm = steps[2] if in_company else None
        self.parts = [step for step in steps[3:] if step] if in_company else []
        self.request_id = self.query("requestid")

    @property
    def wants_json(self) -> bool:
        return "json" in self.header("accept")

    def check_query(self) -> None:
        """Refuse what the service could not read, and what the stand-in does not know."""
        version = self.query("minorversion")
        if version and not version.isdecimal():  # also after a second question mark (FACTS 10)
            raise faults.unreadable_number(version.partition("=")[0])
        known = _PARAMETERS.get((self.method, self.parts[0] if self.parts else ""))
        if known is None:
            known = {"operation"} if self.method == "POST" else {"include"}
        unknown = sorted(self._request.query_params.keys() - known - _EVERYWHERE)
        for name, value in (("format", "json"), ("include", "firsttxndate")):
            if self.query(name) not in {"", value}:
                unknown.append(name)
        if unknown:
            raise NotModelledError(f"The stand-in does not know the parameter {unknown[0]}.")

    def header(self, name: str) -> str:
        return self._request.headers.get(name, "")

    def query(self, name: str) -> str:
        return self._request.query_params.get(name, "")

    def json(self) -> Json:
        if self._json is None:
            self._json = wire.read_json(self._body)
        return self._json

    def statement(self) -> str:
        """Return the query's text, which a POST has as its body."""
        if self.method == "GET":
            return self.query("query")
        return self._body.decode(errors="replace")

    def batch(self) -> list[Json]:
        items = self.json().get("BatchItemRequest")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise faults.required("BatchItemRequest")
        return items

    @property
    def reads(self) -> bool:
        """Whether it is one of the metered reads: all but writes (FACTS 13.2)."""
        return self.method == "GET" or self.parts == ["query"]

    def batch_size(self) -> int | None:
        """Count the items of a batch; `None` when this is no batch."""
        if self.parts != ["batch"]:
            return None
        try:
            return len(self.batch())
        except FaultError:
            return 1

    def no_such_resource(self) -> FaultError:
        url = self._request.url
        return faults.unsupported(
            f"Could not find resource for relative : {url.path} of full path: {url}"
        )
