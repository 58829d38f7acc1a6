"""QuickBooks Online on loopback: the parts that a loader of time uses, with the real rules.

`QuickBooksStandin` is the server: it knows HTTP, tokens, throttles and request ids. The rules of
the books stand in the modules beside it; what is not known of the real service has a switch in
`switches`. Sections such as "FACTS 2.1" are those of the project's notes on QBO.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from connectors.standins.fault_injection import Faults, with_faults
from connectors.standins.quickbooks import faults, oauth, wire
from connectors.standins.quickbooks.books import Books
from connectors.standins.quickbooks.call import Call, NotModelledError
from connectors.standins.quickbooks.faults import FaultError, GatewayError
from connectors.standins.quickbooks.oauth import OAuth
from connectors.standins.quickbooks.people import People
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.throttle import Memory, Throttle
from connectors.standins.quickbooks.webhooks import Webhooks
from connectors.standins.quickbooks.wire import Json
from connectors.standins.quickbooks.xml import write_xml

__all__ = ["QuickBooksStandin", "Switches"]

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


def utc_now() -> datetime:
    """Return the time of now: the clock of a stand-in that was not given one."""
    return datetime.now(UTC)


class QuickBooksStandin:
    """One company, one app.

    Attributes:
        app: The ASGI application: the API under `/v3/company/{realm}`, OAuth beside it.
        faults: Failures planned for `app`.
        switches: What is not known of the real service; may be changed at any time.
        activities: The TimeActivities in the books by Id, in the order of their creation.
        customers: Rows by Id, as a read answers them; likewise `employees`, `vendors`, `items`,
            `classes`, `departments`, `invoices` and `estimates`.
        pay_types: Names of pay types by their ids, by the employee's; empty unless a test says so.
        people: What people do in QuickBooks' own pages.
        webhooks: Tells an endpoint what happened, when a test says so.
        company: CompanyInfo; change it to change the company. Likewise `preferences`.
        requests: Every request that `faults` let through: method, path, request id.
    """

    def __init__(
        self,
        scenario: Json,
        *,
        now: Callable[[], datetime] = utc_now,
        switches: Switches | None = None,
    ) -> None:
        """Load a company.

        Args:
            scenario: A scenario, or its `quickbooks` part; it is not changed.
            now: The stand-in's clock, for MetaData, tokens, throttles and request ids.
            switches: What is not known of the real service; by default the likeliest.
        """
        scenario = scenario.get("quickbooks", scenario)
        self.now = now
        self.switches = switches or Switches()
        self.books = Books(scenario, now=now, switches=self.switches)
        self.oauth = OAuth(scenario, now=now, switches=self.switches)
        self.memory = Memory(now=now, switches=self.switches)
        self.throttle = Throttle(now=now, switches=self.switches)
        company = self.books.company
        self.activities = company.activities
        self.customers = company.customers
        self.employees = company.employees
        self.vendors = company.vendors
        self.items = company.items
        self.classes = company.classes
        self.departments = company.departments
        self.pay_types = company.pay_types
        self.invoices = company.invoices
        self.estimates = company.estimates
        self.people = People(self.books)
        self.webhooks = Webhooks(company, now=now, switches=self.switches)
        self.company = company.company
        self.preferences = company.preferences
        self.requests: list[tuple[str, str, str | None]] = []
        self.faults = Faults()
        self.app = with_faults(self._noting(self._application()), self.faults)

    @property
    def realm_id(self) -> str:
        """The company's number; tests change it in `books.company` and in `oauth`."""
        return self.books.company.realm_id

    @property
    def throttled(self) -> int:
        """How many requests were answered 429."""
        return self.throttle.refused

    def access_token(self) -> str:
        """Return a valid access token, for callers that do not test OAuth."""
        return self.oauth.access_token()

    def _application(self) -> FastAPI:
        app = FastAPI(openapi_url=None, redirect_slashes=False)
        oauth.add_routes(app, self.oauth)
        app.add_api_route("/v3/{path:path}", self._answer, methods=METHODS, response_model=None)
        app.add_exception_handler(HTTPException, _unrouted)
        return app

    def _noting(self, app: Any) -> Any:
        async def noting(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                request_id = parse_qs(scope["query_string"].decode()).get("requestid", [None])[0]
                self.requests.append((scope["method"], scope["path"], request_id))
            await app(scope, receive, send)

        return noting

    # --- one request ---

    async def _answer(self, request: Request) -> Response:
        call = Call(request, await request.body(), began=self.now())
        try:
            self._check_caller(call)
            with self.throttle.admitted(batch_items=call.batch_size(), reads=call.reads):
                call.check_query()
                answer = await self._routed(call)
        except NotModelledError as error:
            return Response(str(error), 501, media_type="text/plain")
        except GatewayError as fault:
            if fault.code == faults.THROTTLED and self.switches.works_when_throttled:
                await self._work_unseen(call)
            return self._turned_away(call, fault)
        except FaultError as fault:
            return self._refused(call, fault)
        # An answer that is remembered has its time already: that of the first time.
        answer.setdefault("time", wire.millisecond(call.began))
        return self._respond(call, 400 if "Fault" in answer else 200, answer)

    async def _work_unseen(self, call: Call) -> None:
        with suppress(FaultError, NotModelledError):
            call.check_query()
            await self._routed(call)

    def _check_caller(self, call: Call) -> None:
        self.oauth.check(call.header("authorization"))
        if call.realm == "":  # an address that was put together without one
            raise faults.business("Unexpected Internal Error. (-30000)")
        if call.realm not in {self.realm_id, None}:
            raise faults.foreign_realm(self.switches.foreign_realm_status)

    def _refused(self, call: Call, fault: FaultError) -> Response:
        answer: Json = {"Fault": wire.fault_body(fault)}
        if fault.code != "2030":  # the one fault that was recorded without a time
            answer["time"] = wire.millisecond(call.began)
        is_missing = fault.code == "610" and call.method == "GET"
        return self._respond(
            call, self.switches.missing_status if is_missing else fault.status, answer
        )

    async def _routed(self, call: Call) -> Json:
        match call.method, *call.parts:
            case "POST", "batch":
                return await self._batch(call)
            case "GET" | "POST", "query":
                return {"QueryResponse": self.books.query(call.statement())}
            case "GET", "cdc":
                return self.books.changes(call.query("entities"), call.query("changedSince"))
        return self._single(call)

    def _single(self, call: Call) -> Json:
        """Answer a call about one object."""
        match call.method, *call.parts:
            case "GET", "preferences":
                return {"Preferences": self.books.read("Preferences", "")}
            case "GET", "companyinfo", _ if call.query("include"):
                return {"CompanyInfo": self.books.company_with_first_day()}
            case "GET", name, id_:
                entity = self.books.entity(name)
                return {entity: self.books.read(entity, id_)}
            case "POST", name:
                return self._write(call, self.books.entity(name))
        raise call.no_such_resource()

    def _write(self, call: Call, entity: str) -> Json:
        body = call.json()
        operation = call.query("operation") or ("update" if "Id" in body else "create")
        return self._once(
            call.request_id,
            None,
            {operation: body},
            lambda: {entity: self.books.save(entity, body, operation)},
            time=wire.millisecond(call.began),
        )

    async def _batch(self, call: Call) -> Json:
        """Do the items one after another, each on its own: a batch is no transaction."""
        items = call.batch()
        most = self.switches.largest_batch
        if len(items) > most:
            raise FaultError("1040", f"Batch size exceeds allowed limit of {most}.")
        self.memory.begin(call.request_id)
        try:
            answers = []
            for item in reversed(items) if self.switches.runs_batches_backwards else items:
                if self.switches.latency_s:
                    await asyncio.sleep(self.switches.latency_s)
                answers.append(self._batch_item(call.request_id, item))
        finally:
            self.memory.end(call.request_id)
        if self.switches.shuffles_batch_answers:
            Random(call.request_id).shuffle(answers)  # noqa: S311 - the same order every time
        return {"BatchItemResponse": answers}

    def _batch_item(self, request_id: str, item: Json) -> Json:
        bid = item.get("bId")
        try:
            if not isinstance(bid, str) or not bid:
                raise faults.required("bId")
            if "Query" in item:
                answer = self.books.batch_item(item)
            else:
                answer = self._once(request_id, bid, item, lambda: self.books.batch_item(item))
        except FaultError as fault:
            answer = {"Fault": wire.fault_body(fault, in_batch=True)}
        return {**answer, "bId": bid}

    def _once(
        self,
        request_id: str,
        bid: str | None,
        content: Json,
        work: Callable[[], Json],
        *,
        time: str = "",
    ) -> Json:
        """Do a write, unless it was done before: then its answer is given again (FACTS 3).

        Outside a batch the answer bears the *time* of its own, which is kept with it.
        """
        answer = self.memory.recall(request_id, bid, content)
        if answer is None:
            try:
                answer = work()
            except FaultError as fault:  # an answer like any other, and remembered like one
                answer = {"Fault": wire.fault_body(fault, in_batch=bid is not None)}
            if time:
                answer["time"] = time
            self.memory.keep(request_id, bid, content, answer)
        return answer

    # --- answers ---

    def _turned_away(self, call: Call, fault: GatewayError) -> Response:
        if fault.code == faults.THROTTLED:
            as_json = self.switches.throttle_in_json
        else:
            as_json = call.wants_json or not self.switches.xml_by_default
        answer = (
            wire.gateway_body(fault, call.began)
            if as_json
            else {"Fault": wire.fault_body(fault), "time": wire.millisecond(call.began)}
        )
        response = self._respond(call, fault.status, answer, as_json=as_json)
        if fault.code == faults.THROTTLED and self.switches.retry_after_s is not None:
            response.headers["Retry-After"] = str(self.switches.retry_after_s)
        return response

    def _respond(
        self, call: Call, status: int, answer: Json, *, as_json: bool | None = None
    ) -> Response:
        if as_json is None:
            as_json = call.wants_json or not self.switches.xml_by_default
        if as_json and self.switches.lower_case_faults and "Fault" in answer:
            answer["fault"] = wire.in_lower_case(answer.pop("Fault"))
        text = wire.write_json(answer) if as_json else write_xml(answer)
        charset = ";charset=utf-8" if status == 200 else ""
        return Response(
            text.encode(errors="replace"),
            status,
            wire.headers(status, call.began, self.switches.tid_header),
            media_type=f"application/{'json' if as_json else 'xml'}{charset}",
        )


async def _unrouted(_request: Request, error: Exception) -> Response:
    """Answer what is no address of Intuit's: its servers say nothing in FastAPI's words."""
    if not isinstance(error, HTTPException):
        raise error
    return Response(status_code=error.status_code, headers=error.headers)
