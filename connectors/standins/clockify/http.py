"""How the Clockify stand-in speaks HTTP: keys, refusals, pages (FACTS 1.2, 1.4, 1.5)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NoReturn

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from connectors.standins.clockify.state import ClockifyError, Row, State, is_admin, refuse

SortOrder = Literal["ASCENDING", "DESCENDING"]
JAVA_TYPES = {"bool_parsing": "Boolean", "int_parsing": "Integer", "int_from_float": "Integer"}


@dataclass(frozen=True)
class Caller:
    """Who asks, and the workspace that they ask about."""

    state: State
    user: Row

    @property
    def is_admin(self) -> bool:
        return is_admin(self.user)

    @property
    def sees_all_entries(self) -> bool:
        return self.is_admin or not self.state.settings["onlyAdminsSeeAllTimeEntries"]

    @property
    def sees_rates(self) -> bool:
        return self.is_admin or not self.state.settings["onlyAdminsSeeBillableRates"]

    @property
    def may_change_billable(self) -> bool:
        return self.is_admin or not self.state.settings["onlyAdminsCanChangeBillableStatus"]

    def needs_feature(self, feature: str) -> None:
        """Refuse where the workspace's plan lacks a feature (FACTS 1.4 and 2.2)."""
        if feature not in self.state.features:
            refuse("Forbidden", status=403)

    def must_be_admin(self) -> None:
        if not self.is_admin:
            deny()


async def get_caller(request: Request) -> Caller:
    """Name the caller, and refuse one who asks about a workspace that is not theirs."""
    state: State = request.state.clockify
    if request.path_params.get("workspace_id", state.workspace_id) != state.workspace_id:
        deny()
    return Caller(state, state.users[request.state.user_id])


CurrentCaller = Annotated[Caller, Depends(get_caller)]


async def must_be_admin(caller: CurrentCaller) -> None:
    """Refuse who is no admin."""
    caller.must_be_admin()


ADMINS_ONLY = Depends(must_be_admin)


def not_modelled(what: str) -> NoReturn:
    """Refuse what only the real service can: the stand-in says so rather than ignore it."""
    refuse(f"The stand-in does not know {what}", status=501)


def deny() -> NoReturn:
    """Refuse for want of rights; code 501 was seen for a workspace that is not the caller's."""
    refuse("Access Denied", status=403)


class Asked(BaseModel):
    """The query of a read; a parameter that is not among its fields is refused, never ignored."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"), extra="forbid")


class Hydrated(Asked):
    """Whether to show what belongs to a thing, too."""

    hydrated: bool = False


class AskedPage(Asked):
    """The query of a list that comes in pages (FACTS 1.5)."""

    page: int = Field(default=1, ge=1)
    page_size: int = Field(default=50, ge=1)


class Unpaged(Asked):
    """The query of a list that ignores pages, although the OpenAPI has them (FACTS 1.5)."""

    page: str = ""
    page_size: str = ""


@dataclass(frozen=True)
class Page:
    """One page of a list: `number` counts from 1."""

    number: int
    size: int

    def of(self, rows: Sequence[Any]) -> Sequence[Any]:
        return rows[(self.number - 1) * self.size : self.number * self.size]

    def is_last_of(self, rows: Sequence[Any]) -> bool:
        return self.number * self.size >= len(rows)


def page_of(state: State, number: int, size: int, *, largest: int) -> Page:
    """Return the page that was asked for; a larger one than *largest* is cut or refused."""
    if size > largest and state.switches.larger_pages == "refused":
        refuse(f"Page size must be less than or equal to {largest}")  # the text is ours
    return Page(number, min(size, largest))


def paged(
    state: State,
    rows: Sequence[Row],
    asked: AskedPage,
    shown: Callable[[Row], Any],
    *,
    largest: int | None = None,
) -> JSONResponse:
    """Answer one page of a list; past its end that is `[]` (FACTS 1.5)."""
    largest = largest or state.switches.largest_core_page
    page = page_of(state, asked.page, asked.page_size, largest=largest)
    headers = {"Last-Page": str(page.is_last_of(rows)).lower()}
    return JSONResponse([shown(row) for row in page.of(rows)], headers=headers)


def many(values: Sequence[str]) -> set[str]:
    """Split a query value that may be repeated, comma separated, or both."""
    return {part for value in values for part in value.split(",") if part}


def contains(text: str | None, part: str) -> bool:
    return not part or part.casefold() in (text or "").casefold()


def with_keys(app: Any, state: State) -> Any:
    """Wrap the ASGI application *app* so that every request needs a key, even for no route.

    What a write changes is noticed before its answer leaves.
    """

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        key, addon_token = headers.get(b"x-api-key"), headers.get(b"x-addon-token")
        refusal = None
        if (key is None) == (addon_token is None):
            refusal = ClockifyError(401, 1000, "Multiple or none auth tokens present")
        elif addon_token is not None:
            refusal = ClockifyError(401, 4017, "Token is not valid")  # no add-on lives here
        elif state.api_keys.get(key or "") not in state.users:
            refusal = ClockifyError(401, 4003, "Api key does not exist")
        if refusal is not None:
            await _refusal(refusal)(scope, receive, send)
            return
        if not state.throttle.admits():
            await state.throttle.answer()(scope, receive, send)
            return
        found = {"clockify": state, "user_id": state.api_keys[key or ""]}
        scope["state"] = {**scope.get("state", {}), **found}

        async def noticing(message: Any) -> None:
            if message["type"] == "http.response.start":
                state.changes.notice()
            await send(message)

        writes = scope["method"] != "GET" and scope["path"].startswith("/api/")
        await app(scope, receive, noticing if writes else send)

    return wrapped


def speak_clockify(app: FastAPI) -> None:
    """Make *app* refuse in Clockify's words instead of FastAPI's."""

    @app.exception_handler(ClockifyError)
    async def refused(_request: Request, error: ClockifyError) -> JSONResponse:
        return _refusal(error)

    @app.exception_handler(RequestValidationError)
    async def malformed(_request: Request, error: RequestValidationError) -> JSONResponse:
        return _refusal(_malformed(error.errors()[0]))

    @app.exception_handler(HTTPException)
    async def unrouted(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 400:  # a body that is no text at all
            return _refusal(ClockifyError(400, 3002, "Request body could not be parsed"))
        if error.status_code == 405:
            text = f"Request method '{request.method}' is not supported"
        elif error.status_code == 404:
            route = request.url.path.removeprefix("/api/").removeprefix("/report/")
            text = f"No static resource {route.removeprefix('/')}."
        else:
            text = str(error.detail)
        return _refusal(ClockifyError(error.status_code, 3000, text))

    @app.exception_handler(Exception)
    async def broken(_request: Request, _error: Exception) -> JSONResponse:
        return _refusal(ClockifyError(500, 3000, "Internal server error"))


def not_of(field: str, values: str) -> str:
    """Say that a value is none of *values*, in the words that were seen."""
    return (
        f"You entered invalid value for field: [{field}]. This field can't be empty and can be"
        f" null. Make sure that every value representing: [{field}] must be from the following"
        f" set: {values}."
    )


def _refusal(error: ClockifyError) -> JSONResponse:
    return JSONResponse({"message": error.message, "code": error.code}, error.status)


def _malformed(problem: dict[str, Any]) -> ClockifyError:
    """Put FastAPI's finding into Clockify's words; texts not in FACTS 1.4 are our guess."""
    place, *path = problem["loc"]
    name, kind = ".".join(str(part) for part in path), problem["type"]
    if kind == "extra_forbidden":
        return ClockifyError(501, 501, f"The stand-in does not know {name}")
    if kind == "json_invalid":
        return ClockifyError(400, 3002, "Request body could not be parsed")
    if place == "query":
        return _malformed_query(name, kind, problem)
    what = "is required" if kind == "missing" else f"is not valid: {problem['msg']}"
    return ClockifyError(400, 501, f"{name or 'Request body'} {what}")


def _malformed_query(name: str, kind: str, problem: dict[str, Any]) -> ClockifyError:
    if kind == "missing":  # all parameters that are required here are lists
        text = f"Required request parameter '{name}' for method parameter type List is not present"
        return ClockifyError(400, 3001, text)
    if kind == "literal_error":
        values = problem["ctx"]["expected"].replace(" or ", ", ").replace("'", "")
        return ClockifyError(400, 501, not_of(name, values))
    if kind == "greater_than_equal":
        return ClockifyError(400, 501, f"must be greater than or equal to {problem['ctx']['ge']}")
    java_type = JAVA_TYPES.get(kind, "String")
    return ClockifyError(
        400,
        3000,
        f"Method parameter '{name}': Failed to convert value of type 'java.lang.String' to required"
        f" type 'java.lang.{java_type}'; Invalid {java_type.lower()} value [{problem['input']}]",
    )
