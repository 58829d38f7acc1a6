"""Reads a Clockify workspace: who may, its settings, its directory and its time.

Every list is read to its end; a page that repeats is an error. Calls keep a pace. Before a client,
a project or an invitation is created, it is looked for: Clockify ignores idempotency keys (1.4).

Source: FACTS, Clockify, sections 1 to 4.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import requests

from connectors.clockify.answers import describe_error, is_last, objects_of, text_of
from connectors.clockify.pace import Pace
from connectors.clockify.report import ReportReading, id_filter, repeated, report_body
from connectors.errors import AskPerson, NotAuthorized, Refused, TryAgain, Unsure
from connectors.http import Http, HttpRequest, read_json

SERVICE = "Clockify"

#: Largest pages: 1.5.
LIST_PAGE = 5000
REPORT_PAGE = 1000

#: How often a list or a report is read that changes while it is read.
READINGS = 4

#: Seconds to wait for an answer; a page of a large report takes a while.
TIMEOUT_S = 60

#: Without them, the list of users leaves out limited and deleted accounts: 2.4.
ACCOUNT_STATUSES = "ACTIVE,PENDING_EMAIL_VERIFICATION,NOT_REGISTERED,LIMITED,DELETED"

#: Said of an id that the workspace does not have. Its code, 501, is that of most mistakes (1.4).
_UNKNOWN = "doesn't belong to Workspace"


class Clockify:
    """One workspace, seen with one key.

    Attributes:
        workspace_id: The workspace; empty while it is still to be chosen.
    """

    def __init__(
        self,
        *,
        url: str,
        reports_url: str,
        api_key: str,
        workspace_id: str = "",
        requests_per_second: int = 10,
        **http: Any,
    ) -> None:
        self.workspace_id = workspace_id
        self._api_key = api_key
        self._core = url.rstrip("/")
        self._reports = reports_url.rstrip("/")
        self._http = Http(service=SERVICE, timeout_s=TIMEOUT_S, describe=describe_error, **http)
        self._pace = Pace(requests_per_second, sleep=self._http.sleep)

    def close(self) -> None:
        """Close the connections to the service."""
        self._http.session.close()

    def me(self) -> dict[str, Any]:
        """Read the key's own user: `GET /user`."""
        return self._object("/user")

    def workspaces(self, *, roles: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Read the workspaces that the key sees, or those where it has one of *roles*: 2.3.

        Owners do not count as admins there, so ask for both.
        """
        found = self._get("/workspaces", [("roles", role) for role in roles])
        return objects_of(found)

    def workspace(self) -> dict[str, Any]:
        """Read the workspace, with its settings, features and currencies: 2.2."""
        return self._object(f"/workspaces/{self.workspace_id}")

    def users(self) -> list[dict[str, Any]]:
        """Read every user, deactivated and deleted ones too, with their membership here: 2.4."""
        return self._pages(
            "users", {"account-statuses": ACCOUNT_STATUSES, "memberships": "WORKSPACE"}
        )

    def clients(self) -> list[dict[str, Any]]:
        """Read every client, archived ones too: 2.5."""
        return self._pages("clients")

    def projects(self) -> list[dict[str, Any]]:
        """Read every project, archived ones too: 2.6."""
        return self._pages("projects")

    def tasks(self) -> list[dict[str, Any]]:
        """Read every task of every project, done ones too: 2.6, `hydrated`."""
        projects = self._pages("projects", {"hydrated": "true"})
        return [task for one in projects for task in objects_of(one.get("tasks") or [])]

    def user_groups(self) -> list[dict[str, Any]]:
        """Read every user group, with the ids of its users (2.4: OpenAPI, `UserGroupDtoV1`)."""
        return self._pages("user-groups")

    def tags(self) -> list[dict[str, Any]]:
        """Read every tag, archived ones too: 2.5."""
        return self._pages("tags")

    def running(self) -> list[dict[str, Any]]:
        """Read the timers that run now; reports do not have them: 3, 4.

        They come and go all day: one that is missed is no entry yet.
        """
        return self._read("time-entries/status/in-progress", {}, page_size=1000)[0]

    def entry(self, id_: str) -> dict[str, Any] | None:
        """Read one entry; `None` if the workspace does not have it: 1.4, section 3.

        Raises:
            Refused: Clockify does not show it, and does not say that it does not have it.
        """
        try:
            return self._object(f"/workspaces/{self.workspace_id}/time-entries/{id_}")
        except Refused as error:
            if error.status == 400 and _UNKNOWN in str(error):
                return None
            raise

    def mark_invoiced(self, entry_ids: Sequence[str], *, invoiced: bool) -> None:
        """Mark entries as *invoiced*, or as not; doing so again changes nothing: section 3.

        Raises:
            Refused: Clockify does not take it.
            Unsure: No clear answer; Clockify's own is empty.
        """
        path = f"{self._core}/workspaces/{self.workspace_id}/time-entries/invoiced"
        body = {"invoiced": invoiced, "timeEntryIds": list(entry_ids)}
        response = self._send("PATCH", path, read=False, data=json.dumps(body).encode())
        if response.content.strip():
            raise Unsure(
                "The answer to a write does not look like Clockify's: it may or may not have been"
                " done."
            )

    def replace_entry(self, id_: str, body: Mapping[str, Any]) -> None:
        """Replace an entry: what *body* leaves out is cleared (section 3).

        Raises:
            Refused: Clockify does not take it, so nothing was changed.
            Unsure: No clear answer.
            TryAgain: Clockify is busy; nothing was changed.
        """
        path = f"{self._core}/workspaces/{self.workspace_id}/time-entries/{id_}"
        self._send("PUT", path, read=False, data=json.dumps(body, default=float).encode())

    def report(
        self,
        days: tuple[date, date],
        *,
        timezone: ZoneInfo,
        filters: Mapping[str, Sequence[str]] | None = None,
        billable: bool | None = None,
        approved_only: bool = False,
        invoiced_only: bool = False,
        counted: Callable[[object], None] = lambda _: None,
    ) -> Iterator[list[Any]]:
        """Yield, page by page, the report's rows that start on some days.

        A row may come twice, when somebody edits while it is read. Rounding is always off:
        ours is applied afterwards. Of the rows that went by, 8 bytes each are kept.

        Args:
            days: First and last, both included; at most 31 days apart on free plans.
            timezone: Whose wall clock the days are read on (1.6: the service's bounds have none).
            filters: Ids by `users`, `clients`, `projects`, `tasks` or `tags`.
            billable: Only billable rows, only others, or both.
            approved_only: Only rows whose timesheet is approved.
            invoiced_only: Only rows that are marked as invoiced.
            counted: Gets what the first page counts of the whole: equal while nothing changes.

        Raises:
            Moved: The report changed while it was read, or a page came twice: rows may be missing.
            TryAgain: What came is no report.
        """
        body = report_body(*days, timezone, approved_only=approved_only)
        for name, ids in (filters or {}).items():
            body[name] = id_filter(name, ids)
        if invoiced_only:
            body["invoicingState"] = "INVOICED"
        if billable is not None:
            body["billable"] = billable
        reading = ReportReading()
        for page in count(1):
            body["detailedFilter"] = {"page": page, "pageSize": REPORT_PAGE, "sortColumn": "DATE"}
            response = self._send(
                "POST",
                f"{self._reports}/workspaces/{self.workspace_id}/reports/detailed",
                data=json.dumps(body).encode(),
            )
            rows = reading.add(read_json(SERVICE, response))
            if page == 1:
                counted(reading.first)
            if rows:
                yield rows
            # A short page is no end: the service may give fewer rows than asked for.
            if not rows or is_last(response):
                reading.check_complete()
                return

    def ensure_client(self, name: str) -> str:
        """Return the id of the client *name*, which is created unless it is there (2.5).

        Raises:
            Refused: Clockify does not take it.
            Unsure: No clear answer, and no such client to be seen yet.
            TryAgain: Clockify could not be asked; nothing was created.
        """
        return self._ensure(
            "clients", {"name": name}, {"name": name}, lambda row: text_of(row, "name") == name
        )

    def ensure_project(
        self, name: str, *, client_id: str | None, public: bool, billable: bool
    ) -> str:
        """Return the id of the project *name* of a client, which is created unless there (2.6).

        On a *public* project everybody may track time; on a *billable* one time is so by default.

        Raises:
            Refused, Unsure, TryAgain: See `ensure_client`.
        """
        of_client = {"clients": client_id} if client_id else {}
        with_client = {"clientId": client_id} if client_id else {}
        return self._ensure(
            "projects",
            {"name": name, "strict-name-search": "true", **of_client},
            {"name": name, "isPublic": public, "billable": billable, **with_client},
            lambda row: (text_of(row, "name"), text_of(row, "clientId")) == (name, client_id or ""),
        )

    def ensure_tag(self, name: str) -> str:
        """Return the id of the tag *name*, which is created unless it is there (2.5).

        Clockify leaves out blanks at the ends of names.

        Raises:
            Refused, Unsure, TryAgain: See `ensure_client`.
        """
        name = name.strip()
        return self._ensure(
            "tags",
            {"name": name, "strict-name-search": "true"},
            {"name": name},
            lambda row: text_of(row, "name") == name,
        )

    def ensure_user(self, email: str) -> str:
        """Return the id of the user with the address *email*, who is invited unless there (2.4).

        Raises:
            Refused, Unsure, TryAgain: See `ensure_client`; Clockify wants a paid plan and a seat.
        """
        return self._ensure(
            "users",
            {"email": email, "account-statuses": ACCOUNT_STATUSES},
            {"email": email},
            lambda row: text_of(row, "email").casefold() == email.casefold(),
            params={"send-email": "true"},
        )

    def _ensure(
        self,
        name: str,
        search: Mapping[str, str],
        body: Mapping[str, Any],
        is_it: Callable[[Mapping[str, Any]], bool],
        params: Mapping[str, str] | None = None,
    ) -> str:
        """Look, create, and look again where the answer is not clear: it may have been created."""
        found = (
            self._find(name, search, is_it)
            or self._write(name, body, params)
            or self._find(name, search, is_it)
        )
        if found is None:
            raise Unsure(
                "Clockify gave no clear answer: it may be there or not."
                " Run the command again, which looks before it creates anything."
            )
        return found

    def _find(
        self, name: str, search: Mapping[str, str], is_it: Callable[[Mapping[str, Any]], bool]
    ) -> str | None:
        """Return the id of the row that is meant; the service's own search is vague."""
        ids = (text_of(row, "id") for row in self._pages(name, search) if is_it(row))
        return next(filter(None, ids), None)

    def _write(
        self, name: str, body: Mapping[str, Any], params: Mapping[str, str] | None
    ) -> str | None:
        """Create one; `None` when the answer was lost, or has another id (an invitation's)."""
        try:
            response = self._send(
                "POST",
                f"{self._core}/workspaces/{self.workspace_id}/{name}",
                read=False,
                params=params,
                data=json.dumps(body).encode(),
            )
        except Unsure:
            return None
        with suppress(TryAgain):  # an answer that cannot be read is as good as none
            made = read_json(SERVICE, response)
            if name != "users" and isinstance(made, Mapping):
                return text_of(made, "id") or None
        return None

    def _object(self, path: str) -> dict[str, Any]:
        answer = self._get(path)
        if not isinstance(answer, dict):
            raise TryAgain(
                f"Clockify sent a list instead of one object ({path}). Nothing was changed.",
                to_do="Run the command again.",
            )
        return answer

    def _get(self, path: str, params: Any = None) -> Any:
        return read_json(SERVICE, self._send("GET", f"{self._core}{path}", params=params))

    def _send(
        self, method: str, url: str, *, read: bool = True, **request: Any
    ) -> requests.Response:
        """Send a request; nearly all of ours read, the report's POST too, and may be repeated."""
        try:
            return self._http.send(
                HttpRequest(method, url, read=read, **request),
                headers=self._when_free,
                ended=self._pace.ended,
            )
        except NotAuthorized:
            raise AskPerson(
                "Clockify does not accept the API key.",
                to_do="Create one in Clockify under Preferences, Advanced, and set"
                " CLOCKBOOKS_CLOCKIFY_API_KEY to it.",
            ) from None

    def _when_free(self) -> dict[str, str]:
        """Return the credentials once the next call may begin."""
        self._pace.wait()
        return {"X-Api-Key": self._api_key}

    def _pages(self, name: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Read a list of the core host to its end: 1.5.

        One of several pages is read until two readings agree: it has no count, and of rows that
        move up when another one goes, some come on no page.
        """
        before: set[Any] | None = None
        for _ in range(READINGS):
            rows, pages = self._read(name, params or {}, page_size=LIST_PAGE)
            ids = {row.get("id") for row in rows}
            if pages <= 1 or ids == before:
                return rows
            before = ids
        raise TryAgain(
            f"Clockify's list of {name} changed each of the {READINGS} times that it was read."
            " Nothing was changed.",
            to_do="Run the command again.",
        )

    def _read(
        self, name: str, params: Mapping[str, str], *, page_size: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Read a list once; return its rows, and how many pages had some."""
        rows: list[dict[str, Any]] = []
        seen: set[Any] = set()
        for page in count(1):
            found = self._send(
                "GET",
                f"{self._core}/workspaces/{self.workspace_id}/{name}",
                params={**params, "page": page, "page-size": page_size},
            )
            new = objects_of(read_json(SERVICE, found))
            ids = {row.get("id") for row in new}
            if new and ids <= seen:
                raise repeated(name, page)
            rows += [row for row in new if row.get("id") not in seen]
            seen |= ids
            if not new or is_last(found):
                return rows, page if new else page - 1
        raise AssertionError("count never ends")
