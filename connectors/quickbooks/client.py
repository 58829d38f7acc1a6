"""Reads a QuickBooks Online company, and creates TimeActivities and names in batches.

Every list is read to its end; every answer of a batch is counted.

Source: FACTS, QBO, sections 1 to 7.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import requests

from connectors.errors import (
    AskPerson,
    ClockbooksError,
    NeverLeft,
    NotAuthorised,
    Refused,
    Throttled,
    TryAgain,
    Unsure,
)
from connectors.http import Failure, Http, in_brackets, read_json, trace_id
from connectors.quickbooks.batch import (
    Created,
    NotCreated,
    batch_bytes,
    created_at,
    instant_of,
    part_of,
)
from connectors.quickbooks.faults import Fault, fault_in, fault_of
from connectors.quickbooks.rate_limit.limiter import Permit, RateLimiter
from connectors.quickbooks.rate_limit.model import End, Want
from schemas.quickbooks import Company

SERVICE = "QuickBooks"

#: Since August 2025 every request is answered as 75, whatever it asks for: fact 11.
MINOR_VERSION = "75"

#: Most rows of a query (4.1).
QUERY_PAGE = 1000

#: How often a list is read that changes while it is read.
READINGS = 4

#: Ids in one question; they travel in an address.
IDS_A_QUERY = 100

#: Codes that prove nothing even in a ValidationFault: they are about the request id (600, 2130) or
#: a breakdown (6002, 10000): 3, 2.4. A fault without a code proves nothing either.
UNCLEAR_CODES = frozenset({"", "600", "2130", "6002", "10000"})

#: Code of a business rule, which also hides breakdowns and replays (3, 7.2). For a whole request it
#: proves nothing.
BUSINESS_CODE = "6000"

#: How the gateway names a throttle; it was once seen with HTTP 403 (2.3).
THROTTLE_CODE = "3001"


class QuickBooks:
    """One company.

    Attributes:
        limiter: Gives permits for calls; a batch may bring one that was acquired before.
        time: QuickBooks' own clock, as its latest answer told; `None` before the first one.
    """

    def __init__(
        self,
        *,
        url: str,
        realm_id: str,
        access_token: Callable[[], str],
        renew: Callable[[str], str],
        limiter: RateLimiter,
        timeout_s: float,
        **http: Any,
    ) -> None:
        """Open the company *realm_id* at *url*.

        Args:
            url: The API's base, without `/v3`.
            realm_id: The company.
            access_token: Gives a token that lives for some minutes yet.
            renew: Gives another token than the one that was refused.
            limiter: Keeps the calls within the company's quotas.
            timeout_s: Seconds to wait for an answer.
            http: Further fields of `Http`.
        """
        self._realm_id = realm_id
        self._base = f"{url.rstrip('/')}/v3/company/{realm_id}"
        self._access_token = access_token
        self._renew = renew
        self.limiter = limiter
        self.time: datetime | None = None
        self._http = Http(
            service=SERVICE,
            timeout_s=timeout_s,
            describe=_describe,
            **http,
        )

    def close(self) -> None:
        """Close the connections to the service."""
        self._http.session.close()

    def company(self) -> Company:
        """Read what decides which entries may go: CompanyInfo and Preferences (section 6)."""
        info = self._one(f"companyinfo/{self._realm_id}", "CompanyInfo")
        preferences = self._one("preferences", "Preferences")
        features = _name_values(info.get("NameValue"))
        others = _name_values(part_of(preferences, "OtherPrefs").get("NameValue"))
        if "AccountingInfoPrefs" not in preferences:  # closed books would count as open
            raise _unreadable("AccountingInfoPrefs", preferences)
        closed = part_of(preferences, "AccountingInfoPrefs").get("BookCloseDate")
        currencies = part_of(preferences, "CurrencyPrefs")
        home = part_of(currencies, "HomeCurrency")
        bills = part_of(preferences, "TimeTrackingPrefs").get("BillCustomers")
        return Company(
            name=str(info.get("CompanyName", "")),
            plan=features.get("OfferingSku", ""),
            subscription=features.get("SubscriptionStatus", ""),
            has_payroll=features.get("PayrollFeature", "").lower() == "true",
            tracks_time=others.get("TimeTrackingFeatureEnabled", "true").lower() != "false",
            currency=str(home.get("value", "")),
            closed_until=_day(closed) if closed else None,
            timezone=str(info.get("DefaultTimeZone") or ""),
            many_currencies=currencies.get("MultiCurrencyEnabled") is True,
            bills_customers=bills if isinstance(bills, bool) else None,
        )

    def employees(self) -> list[dict[str, Any]]:
        """Read every employee, inactive ones too."""
        return self.query("Employee", "Active IN (true, false)")

    def vendors(self) -> list[dict[str, Any]]:
        """Read every vendor, inactive ones too."""
        return self.query("Vendor", "Active IN (true, false)")

    def customers(self) -> list[dict[str, Any]]:
        """Read every customer, sub-customer and project, inactive ones too."""
        return self.query("Customer", "Active IN (true, false)")

    def by_ids(self, entity: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Read the rows of *entity* with these ids, inactive ones too; unknown ids give none."""
        rows: list[dict[str, Any]] = []
        digits = [
            id_ for id_ in ids if id_.isascii() and id_.isdigit()
        ]  # nothing else is an id (2030)
        for first in range(0, len(digits), IDS_A_QUERY):
            chosen = ", ".join(f"'{id_}'" for id_ in digits[first : first + IDS_A_QUERY])
            rows += self.query(entity, f"Id IN ({chosen}) AND Active IN (true, false)")
        return rows

    def query(
        self, entity: str, where: str = "", *, to_the_end: bool = False
    ) -> list[dict[str, Any]]:
        """Read all rows of *entity* that fit *where*, page by page in order of Id (4.4).

        A page begins with the last row of the one before. Where that one is another, rows have
        moved, and the list is read again; so no row that stays is missed, and no call is spent
        on counting (13.2).

        Args:
            entity: Its name, as QuickBooks writes it.
            where: A condition of ours: nothing that a person typed belongs here unescaped.
            to_the_end: Take no short page for the last one; costs another call.

        Raises:
            TryAgain: The list changed each time that it was read.
        """
        for _ in range(READINGS):
            rows: list[dict[str, Any]] = []
            while True:
                statement = (
                    f"SELECT * FROM {entity}{f' WHERE {where}' if where else ''} ORDERBY Id"
                    f" STARTPOSITION {len(rows) or 1} MAXRESULTS {QUERY_PAGE}"
                )
                page = self._query_page(entity, statement)
                if rows and (not page or page[0].get("Id") != rows[-1].get("Id")):
                    break
                nothing_new = len(page) == bool(rows)
                rows[-1:] = page
                if nothing_new or (len(page) < QUERY_PAGE and not to_the_end):
                    return rows
        raise TryAgain(
            f"QuickBooks' list of {entity} changed each of the {READINGS} times that it was read."
            " Nothing was changed; run the command again."
        )

    def create_time_activities(
        self,
        items: Sequence[tuple[str, str]],
        *,
        request_id: str,
        check: Callable[[], None] = lambda: None,
        permit: Permit | None = None,
    ) -> list[Created | NotCreated]:
        """Create TimeActivities in one batch.

        Args:
            items: `bId` and body of each; see `batch_bytes`.
            request_id: Fixed in the ledger before; the same one with the same items repeats the
                call without doing it twice, as far as QuickBooks remembers (section 3).
            check: Called once the batch has a permit, just before it leaves; may raise.
            permit: Its permit, if it has one already; then a throttle is not waited out here.

        Returns:
            One outcome for each item that was answered clearly, by bId. An item that is missing
            here is in doubt.

        Raises:
            TryAgain: `Throttled`, or never left: certainly nothing was created.
            Unsure: No clear answer: anything may have been created.
            Refused: QuickBooks itself refused the whole call: this call created nothing.
        """
        return self._batch("TimeActivity", items, request_id, check, permit)

    def create_names(
        self, entity: str, bodies: Sequence[Mapping[str, Any]], *, request_id: str
    ) -> list[Created | NotCreated | None]:
        """Create customers or employees in one batch (5.1, 5.3).

        A lost answer is asked for again under the same request id, which does nothing twice as
        far as QuickBooks remembers it; and if it does not, a name is taken once it is used.

        Args:
            entity: `Customer` or `Employee`.
            bodies: The objects; at most as many as a batch carries.
            request_id: New for each call.

        Returns:
            One outcome for each body, in their order; `None` where there was no clear answer.

        Raises:
            TryAgain: Throttled, or never left: certainly nothing was created.
            Refused: The whole batch was refused: nothing was created.
        """
        items = [(str(n), json.dumps(body)) for n, body in enumerate(bodies, start=1)]
        told: dict[str, Created | NotCreated] = {}
        for attempt in (1, 2):
            try:
                told |= {found.bid: found for found in self._batch(entity, items, request_id)}
            except Unsure:
                continue
            except TryAgain:
                if attempt == 1:
                    raise
            if len(told) == len(items):
                break
        return [told.get(bid) for bid, _ in items]

    def _batch(
        self,
        entity: str,
        items: Sequence[tuple[str, str]],
        request_id: str,
        check: Callable[[], None] = lambda: None,
        permit: Permit | None = None,
    ) -> list[Created | NotCreated]:
        response = self._send(
            "POST",
            "batch",
            params={"requestid": request_id},
            data=batch_bytes(items, entity),
            read=False,
            entries=len(items),
            check=check,
            permit=permit,
        )
        request = in_brackets(trace_id(response))
        answer = _unless_unreadable(response.content, request)
        self._note_time(answer)
        return _outcomes(answer, items, entity, request)

    def time_activities(
        self, first_day: str, last_day: str, *, created_from: datetime | None
    ) -> list[dict[str, Any]]:
        """Read TimeActivities that were made lately, or those of some days.

        Args:
            first_day: YYYY-MM-DD.
            last_day: YYYY-MM-DD, included.
            created_from: Those made at or after this instant of QuickBooks' own clock, whatever
                day they bear by now: somebody may have moved them. `None`: those of the days.
        """
        where = f"TxnDate >= '{first_day}' AND TxnDate <= '{last_day}'"
        if created_from is not None:
            where = f"MetaData.CreateTime >= '{created_from.isoformat(timespec='seconds')}'"
        return self.query("TimeActivity", where, to_the_end=True)

    def time_activity(self, id_: str) -> dict[str, Any] | None:
        """Read one TimeActivity; `None` if the books do not hold it."""
        if not (id_.isascii() and id_.isdigit()):  # nothing else is an id (2030)
            return None
        rows = self.query("TimeActivity", f"Id = '{id_}'")
        return rows[0] if rows else None

    def _one(self, path: str, entity: str) -> Mapping[str, Any]:
        answer = self._read_json("GET", path, params={})
        found = part_of(answer, entity) if isinstance(answer, Mapping) else {}
        if not found:
            raise _unreadable(entity, answer)
        return found

    def _query_page(self, entity: str, statement: str) -> list[dict[str, Any]]:
        return _rows(self._read_json("GET", "query", params={"query": statement}), entity)

    def _read_json(self, method: str, path: str, *, params: dict[str, str]) -> Any:
        answer = read_json(SERVICE, self._send(method, path, params=params, read=True))
        self._note_time(answer)
        return answer

    def _note_time(self, answer: Any) -> None:
        told = answer.get("time") if isinstance(answer, Mapping) else None
        self.time = instant_of(told) or self.time

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str],
        read: bool,
        data: bytes | None = None,
        entries: int = 0,
        check: Callable[[], None] = lambda: None,
        permit: Permit | None = None,
    ) -> requests.Response:
        """Send a call once it has a permit; after a 401 refresh once and repeat the very same."""
        used = ""
        permits = [permit] if permit else []

        def credentials() -> dict[str, str]:
            nonlocal used
            if not permits:
                permits.append(self.limiter.acquire(Want(entries, exactly=True)))
            try:
                used = self._access_token()
                self.limiter.leaves(permits[0])
                check()  # last: nothing that may wait comes between it and the call
            except ClockbooksError:
                self.limiter.ended(permits.pop(), End.NEVER_LEFT)
                raise
            return {"Authorization": f"Bearer {used}"}

        def ended(error: Exception | None) -> None:
            pause_s = error.wait_s if isinstance(error, Throttled) else None
            in_a_row = self.limiter.ended(permits.pop(), _end_of(error), pause_s=pause_s)
            if isinstance(error, Throttled):
                error.in_a_row, error.wait_s = in_a_row, 0  # the next permit waits

        def call() -> requests.Response:
            return self._http.send(
                method,
                f"{self._base}/{path}",
                read=read,
                headers=credentials,
                params={**params, "minorversion": MINOR_VERSION},
                data=data,
                ended=ended,
                resend_throttled=permit is None,
            )

        try:
            try:
                return call()
            except NotAuthorised:
                self._renew(used)
                return call()
        except NotAuthorised as error:
            raise AskPerson(
                "QuickBooks does not accept the connection's tokens: run `clockbooks connect`"
                f" again{in_brackets(error.trace_id)}. The ledger and the links stay."
            ) from None


def _end_of(error: Exception | None) -> End:
    """Say what the end of a call tells about the service's limits."""
    match error:
        case None:
            return End.TAKEN
        case Throttled():
            return End.REFUSED
        case NeverLeft():
            return End.NEVER_LEFT
        case Unsure(timed_out=True):
            return End.SILENT
        case Unsure(throttled=True):
            return End.REFUSED
        case _:
            return End.UNCLEAR


def _unless_unreadable(content: bytes, request: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Unsure(f"QuickBooks' answer to a batch cannot be read{request}.") from None


def _outcomes(
    answer: Any, sent: Sequence[tuple[str, str]], entity: str = "TimeActivity", request: str = ""
) -> list[Created | NotCreated]:
    """Read a batch's answer, item by item: what is not answered exactly once is left out.

    Neither is an object that two items name, nor one that is not what the item asked for: a cache
    on the way may give the answer of another call.
    """
    items = answer.get("BatchItemResponse") if isinstance(answer, Mapping) else None
    if not isinstance(items, list):
        # Also a 200 with a fault instead of items: it was seen, and says nothing about the work.
        raise Unsure(f"QuickBooks answered a batch without its items: {fault_in(answer)}{request}.")
    by_bid: dict[str, list[Mapping[str, Any]]] = {}
    for item in items:
        if isinstance(item, Mapping):
            by_bid.setdefault(str(item.get("bId")), []).append(item)
    read = [_outcome(bid, body, by_bid.get(bid, []), entity) for bid, body in sent]
    outcomes = [outcome for outcome in read if outcome is not None]
    named = Counter(outcome.qbo_id for outcome in outcomes if isinstance(outcome, Created))
    return [
        outcome
        for outcome in outcomes
        if isinstance(outcome, NotCreated) or named[outcome.qbo_id] == 1
    ]


def _outcome(
    bid: str, body: str, answers: Sequence[Mapping[str, Any]], entity: str
) -> Created | NotCreated | None:
    if len(answers) != 1:
        return None
    fault, made = fault_in(answers[0]), part_of(answers[0], entity)
    if fault is not None:
        # Only QuickBooks' own validation says that the item was not created.
        return NotCreated(bid, fault) if _is_validation(fault) and not made else None
    if not str(made.get("Id") or ""):
        return None
    if entity == "TimeActivity" and _repeated(made) != _repeated(json.loads(body)):
        return None
    return Created(bid, str(made["Id"]), str(made.get("SyncToken", "0")), created_at(made))


def _repeated(activity: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what QuickBooks repeats of a TimeActivity as it was sent: person, day, length."""
    person = activity.get("NameOf")
    members = (
        person,
        part_of(activity, f"{person}Ref").get("value"),
        str(activity.get("TxnDate"))[:10],
        activity.get("Hours") or 0,
        activity.get("Minutes") or 0,
    )
    return tuple(map(str, members))


def _rows(answer: Any, entity: str) -> list[dict[str, Any]]:
    """Give the rows of a query's answer; `{}` where nothing was found (4.2)."""
    found = answer.get("QueryResponse") if isinstance(answer, Mapping) else None
    if not isinstance(found, Mapping) or fault_in(answer):
        raise _unreadable(entity, answer)
    rows = found.get(entity, [])
    others = [name for name, part in found.items() if isinstance(part, list) and name != entity]
    if (
        others
        or not isinstance(rows, list)
        or not all(isinstance(row, Mapping) for row in rows)
        or found.get("maxResults", len(rows)) != len(rows)
    ):
        raise TryAgain(
            f"QuickBooks gave rows of {entity} that cannot be read."
            " Nothing was changed; run the command again."
        )
    return [dict(row) for row in rows]


def _unreadable(entity: str, answer: Any) -> TryAgain:
    return TryAgain(
        f"QuickBooks gave no {entity}: {fault_in(answer) or 'its answer has another shape'}."
        " Nothing was changed; run the command again."
    )


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        raise TryAgain(
            "QuickBooks gave a book closing date that cannot be read. Nothing was changed."
        ) from None


def _describe(response: requests.Response) -> Failure:
    fault = fault_of(response.content)
    if fault is None:  # an empty body or a page is somebody else's, whatever its status
        return Failure("without an explanation", "", None)
    return Failure(str(fault), fault.code, _proof(response.status_code, fault))


def _proof(status: int, fault: Fault) -> type[Exception] | None:
    """Return what an answer proves of the whole request: that QuickBooks did not begin it.

    The gateway turns a call away with 401 or 429 before any work (2.3, 7.1 b).
    """
    if status in {403, 429} and fault.code == THROTTLE_CODE:
        return Throttled
    if status == 401 and fault.code and fault.kind.upper().startswith("AUTHENTICATION"):
        return NotAuthorised
    if status == 400 and _is_validation(fault) and BUSINESS_CODE not in _codes(fault):
        return Refused
    return None


def _is_validation(fault: Fault) -> bool:
    return fault.kind == "ValidationFault" and not UNCLEAR_CODES & _codes(fault)


def _codes(fault: Fault) -> set[str]:
    return {fault.code, *fault.more_codes}


def _name_values(pairs: Any) -> dict[str, str]:
    """Read `[{"Name", "Value"}]`; some entries have no value (6.2)."""
    if not isinstance(pairs, list):
        return {}
    return {
        str(pair.get("Name")): str(pair.get("Value", ""))
        for pair in pairs
        if isinstance(pair, Mapping)
    }
