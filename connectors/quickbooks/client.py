"""Reads a QuickBooks Online company, and creates TimeActivities and names in batches.

Every list is read to its end; every answer of a batch is counted.

Source: FACTS, QBO, sections 1 to 7.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import requests

from connectors.errors import (
    AskPerson,
    ClockbooksError,
    NotAuthorized,
    Refused,
    Throttled,
    TryAgain,
    Unsure,
)
from connectors.http import Http, HttpRequest, in_brackets, read_json, trace_id
from connectors.quickbooks.answers import (
    another_calls,
    describe,
    read_batch,
    read_company,
    read_outcomes,
    unreadable,
)
from connectors.quickbooks.batch import Outcome, batch_bytes, instant_of, is_from, part_of
from connectors.quickbooks.ends import NoMeter, ReadMeter, end_of
from connectors.quickbooks.lists import Fits, read_changes, read_list
from connectors.quickbooks.rate_limit.limiter import Permit, RateLimiter
from connectors.quickbooks.rate_limit.model import End, Want
from schemas.quickbooks import Company
from schemas.words import Operation, Target

SERVICE = "QuickBooks"

#: Since August 2025 every request is answered as 75, whatever it asks for: fact 11.
MINOR_VERSION = "75"

#: Ids in one question; they travel in an address.
IDS_A_QUERY = 100

#: Code of the fault that says that an object is gone (1.2, 7.2).
NOT_FOUND = "610"

#: What a target is called in QuickBooks' API.
ENTITY_OF = {Target.ITEM: "Item", Target.CLASS: "Class", Target.LOCATION: "Department"}


class QuickBooks:
    """One company.

    Attributes:
        limiter: Gives permits for calls; a batch may bring one that was acquired before.
        time: QuickBooks' own clock, as of its latest answer; `None` before the first one.
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
        meter: ReadMeter | None = None,
        **http: Any,
    ) -> None:
        """Open the company *realm_id* at *url*, the API's base without `/v3`.

        *access_token* gives a token that lives for some minutes yet, *renew* another one than that
        which was refused; *meter* counts reads. The others are fields of `Http`.
        """
        self._realm_id = realm_id
        self._base = f"{url.rstrip('/')}/v3/company/{realm_id}"
        self._access_token = access_token
        self._renew = renew
        self.limiter = limiter
        self._meter = meter or NoMeter()
        self.time: datetime | None = None
        self._http = Http(service=SERVICE, timeout_s=timeout_s, describe=describe, **http)

    def close(self) -> None:
        """Close the connections to the service, and keep how many reads were counted."""
        self._http.session.close()
        self._meter.close()

    def company(self) -> Company:
        """Read what decides which entries may go: CompanyInfo and Preferences (section 6)."""
        info = self._one(f"companyinfo/{self._realm_id}", "CompanyInfo")
        return read_company(info, self._one("preferences", "Preferences"))

    def employees(self) -> list[dict[str, Any]]:
        """Read every employee, inactive ones too."""
        return self.query("Employee", "Active IN (true, false)")

    def vendors(self) -> list[dict[str, Any]]:
        """Read every vendor, inactive ones too."""
        return self.query("Vendor", "Active IN (true, false)")

    def customers(self) -> list[dict[str, Any]]:
        """Read every customer, sub-customer and project, inactive ones too."""
        return self.query("Customer", "Active IN (true, false)")

    def changes(
        self, entities: Sequence[str], since: datetime
    ) -> dict[str, list[dict[str, Any]]] | None:
        """Read what has changed in some lists since an instant, in one call (4.5).

        Returns:
            By list, the changed rows, and those that are gone with a `status` of `Deleted`; `None`
            where the answer may lack some, or is not about these lists since then.
        """
        at = since.isoformat(timespec="seconds")
        answer = self._read_json("cdc", {"entities": ",".join(entities), "changedSince": at})
        return read_changes(answer, entities, since)

    def targets(self, kind: Target) -> list[dict[str, Any]]:
        """Read the service items, classes or departments, inactive ones too (1.1, 5.4)."""
        of_service = "Type = 'Service' AND " if kind == Target.ITEM else ""
        return self.query(ENTITY_OF[kind], f"{of_service}Active IN (true, false)")

    def by_ids(self, entity: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Read the rows of *entity* with these ids, inactive ones too; unknown ids give none."""
        return self._by_ids(entity, ids, " AND Active IN (true, false)")

    def time_activities_by_id(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """Read the TimeActivities with these ids; ids that the books do not hold give none.

        What a list lacks is asked for alone: that a list lacks it does not prove that it is gone,
        fault 610 does (1.2, 7.2).

        Raises:
            TryAgain: An answer was not about these ids, or did not say whether one is gone.
        """
        rows = self._by_ids("TimeActivity", ids)
        found = {row["Id"] for row in rows}
        for id_ in dict.fromkeys(_only_ids(ids)):
            if id_ not in found:
                rows += self._time_activity(id_)
        return rows

    def _time_activity(self, id_: str) -> list[dict[str, Any]]:
        try:
            row = self._one(f"timeactivity/{id_}", "TimeActivity")
        except Refused as error:
            if error.code == NOT_FOUND:
                return []
            raise TryAgain(f"{error} Nothing was changed; run the command again.") from None
        if row.get("Id") != id_:
            raise another_calls("TimeActivity")
        return [dict(row)]

    def _by_ids(self, entity: str, ids: Sequence[str], more: str = "") -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        digits = _only_ids(ids)
        asked = frozenset(digits)

        def is_asked_for(row: Mapping[str, Any]) -> bool:
            return row.get("Id") in asked

        for first in range(0, len(digits), IDS_A_QUERY):
            chosen = ", ".join(f"'{id_}'" for id_ in digits[first : first + IDS_A_QUERY])
            rows += self.query(entity, f"Id IN ({chosen}){more}", fits=is_asked_for)
        return rows

    def query(
        self,
        entity: str,
        where: str = "",
        *,
        to_the_end: bool = False,
        fits: Fits = lambda _: True,
    ) -> list[dict[str, Any]]:
        """Read all rows of *entity* that fit *where*, page by page in order of Id (4.4).

        A page begins with the last row of the one before. Where that one is another, rows have
        moved, and the list is read again; so no row that stays is missed, and no call is spent
        on counting (13.2). *to_the_end* takes no short page for the last one, and no empty list
        for one before it was counted, which costs another.

        The condition is ours: nothing that a person typed belongs there unescaped.

        Raises:
            TryAgain: The list changed each time that it was read, or has a row that does not
                fit: the answer to another call, which a cache on the way gave.
        """

        def ask(statement: str) -> Any:
            return self._read_json("query", {"query": statement})

        return read_list(ask, entity, where, to_the_end=to_the_end, fits=fits)

    def write_time_activities(
        self,
        items: Sequence[tuple[str, str]],
        *,
        request_id: str,
        operation: Operation = Operation.CREATE,
        check: Callable[[], None] = lambda: None,
        permit: Permit | None = None,
    ) -> list[Outcome]:
        """Create, update or delete TimeActivities in one batch.

        Args:
            items: `bId` and body of each; see `batch_bytes`.
            operation: What to do. An update replaces all that is writable, and a deletion names
                `Id` and `SyncToken`; both are refused where that token is not the latest (1.2).
            request_id: Fixed in the ledger before; the same one with the same items repeats the
                call without doing it twice, as far as QuickBooks remembers (section 3).
            check: Called last, just before the bytes of the batch leave; may raise.
            permit: Its permit, if it has one already; then a throttle is not waited out here.

        Returns:
            One outcome for each item that was answered clearly, by bId. An item that is missing
            here is in doubt.

        Raises:
            TryAgain: `Throttled`, or never left: certainly nothing was done.
            Unsure: No clear answer: anything may have been done.
            Refused: QuickBooks itself refused the whole call: this call did nothing.
        """
        return self._batch("TimeActivity", items, request_id, operation, check, permit)

    def create_names(
        self, entity: str, bodies: Sequence[Mapping[str, Any]], *, request_id: str
    ) -> list[Outcome | None]:
        """Create customers or employees in one batch (5.1, 5.3).

        A lost answer is asked for again under the same request id, which does nothing twice as
        far as QuickBooks remembers it; and if it does not, a name is taken once it is used. So the
        id is new for each call, which takes at most as many objects as a batch carries.

        Returns:
            One outcome for each body, in their order; `None` where there was no clear answer.

        Raises:
            TryAgain: Throttled, or never left: certainly nothing was created.
            Refused: The whole batch was refused: nothing was created.
        """
        items = [(str(n), json.dumps(body)) for n, body in enumerate(bodies, start=1)]
        outcomes: dict[str, Outcome] = {}
        for attempt in (1, 2):
            try:
                outcomes |= {found.bid: found for found in self._batch(entity, items, request_id)}
            except Unsure:
                continue
            except TryAgain:
                if attempt == 1:
                    raise
            if len(outcomes) == len(items):
                break
        return [outcomes.get(bid) for bid, _ in items]

    def _batch(
        self,
        entity: str,
        items: Sequence[tuple[str, str]],
        request_id: str,
        operation: Operation = Operation.CREATE,
        check: Callable[[], None] = lambda: None,
        permit: Permit | None = None,
    ) -> list[Outcome]:
        request = HttpRequest(
            "POST",
            f"{self._base}/batch",
            read=False,
            params={"requestid": request_id, "minorversion": MINOR_VERSION},
            data=batch_bytes(items, entity, operation),
        )
        response = self._send(request, entries=len(items), check=check, permit=permit)
        named = in_brackets(trace_id(response))
        answer = read_batch(response.content, named)
        self._note_time(answer)
        return read_outcomes(answer, items, entity, named, operation)

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

        def of_days(row: Mapping[str, Any]) -> bool:
            return first_day <= str(row.get("TxnDate"))[:10] <= last_day

        where = f"TxnDate >= '{first_day}' AND TxnDate <= '{last_day}'"
        fits: Fits = of_days
        if created_from is not None:
            where = f"MetaData.CreateTime >= '{created_from.replace(microsecond=0).isoformat()}'"
            fits = is_from("CreateTime", created_from)
        return self.query("TimeActivity", where, to_the_end=True, fits=fits)

    def changed_time(self, since: datetime) -> list[dict[str, Any]]:
        """Read TimeActivities that were made or changed at or after an instant (1.1)."""
        where = f"MetaData.LastUpdatedTime >= '{since.replace(microsecond=0).isoformat()}'"
        return self.query("TimeActivity", where, fits=is_from("LastUpdatedTime", since))

    def invoices(
        self,
        *,
        first_day: str | None = None,
        customer_id: str | None = None,
        changed_from: datetime | None = None,
    ) -> list[dict[str, Any]]:
        """Read the invoices of a day, YYYY-MM-DD, and later, of a customer, or changed since."""
        if changed_from is not None:
            since = changed_from.isoformat()
            return self.query("Invoice", f"MetaData.LastUpdatedTime >= '{since}'")
        if customer_id is not None:
            return self.query("Invoice", f"CustomerRef = '{customer_id}'")
        return self.query("Invoice", f"TxnDate >= '{first_day}'")

    def _one(self, path: str, entity: str) -> Mapping[str, Any]:
        answer = self._read_json(path, {})
        found = part_of(answer, entity) if isinstance(answer, Mapping) else {}
        if not found:
            raise unreadable(entity, answer)
        return found

    def _read_json(self, path: str, params: Mapping[str, str]) -> Any:
        params = {**params, "minorversion": MINOR_VERSION}
        request = HttpRequest("GET", f"{self._base}/{path}", read=True, params=params)
        answer = read_json(SERVICE, self._send(request))
        self._note_time(answer)
        return answer

    def _note_time(self, answer: Any) -> None:
        if isinstance(answer, Mapping):
            self.time = instant_of(answer.get("time")) or self.time

    def _send(
        self,
        request: HttpRequest,
        *,
        entries: int = 0,
        check: Callable[[], None] = lambda: None,
        permit: Permit | None = None,
    ) -> requests.Response:
        """Send a request once it has a permit; after a 401 refresh once and repeat it as it was."""
        used = ""
        permits = [permit] if permit else []

        def credentials() -> dict[str, str]:
            nonlocal used
            if not permits:
                permits.append(self.limiter.acquire(Want(entries, exactly=True)))
            try:
                used = self._access_token()
                self.limiter.leaves(permits[0])
            except ClockbooksError:
                self.limiter.ended(permits.pop(), End.NEVER_LEFT)
                raise
            return {"Authorization": f"Bearer {used}"}

        def ended(error: Exception | None) -> None:
            pause_s = error.wait_s if isinstance(error, Throttled) else None
            end = end_of(error)
            if request.read and end not in {End.REFUSED, End.NEVER_LEFT}:
                self._meter.add()
            in_a_row = self.limiter.ended(permits.pop(), end, pause_s=pause_s)
            if isinstance(error, Throttled):
                error.in_a_row, error.wait_s = in_a_row, 0  # the next permit waits

        def call() -> requests.Response:
            resend = permit is None
            return self._http.send(
                request, headers=credentials, ended=ended, check=check, resend_throttled=resend
            )

        try:
            try:
                return call()
            except NotAuthorized:
                self._renew(used)
                return call()
        except NotAuthorized as error:
            raise AskPerson(
                "QuickBooks does not accept the connection's tokens"
                f"{in_brackets(error.trace_id)}. The ledger and the links are kept.",
                to_do="Run `clockbooks connect` again.",
            ) from None


def _only_ids(texts: Sequence[str]) -> list[str]:
    """Return the texts that are ids (2030), as QuickBooks writes them."""
    return [text.lstrip("0") or "0" for text in texts if text.isascii() and text.isdigit()]
