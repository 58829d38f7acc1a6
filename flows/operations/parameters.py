"""A flow's parameters as Prefect's form shows them: in words, with choices, the usual ones first.

The form is drawn from a JSON schema. What may be left out is `anyOf` a type and null there, and
the form begins with whichever the default is: for null it says no more than that. So each such
field gets a default in the schema that stands for it, and is read as `None`. Scripts may give what
they always could: the schema allows that, too. A group of rare options would be a parameter of its
own, and would take their names away from scripts: so they only come last.
"""

import inspect
from collections.abc import Callable
from datetime import date
from functools import wraps
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, cast, get_args, get_origin

from pydantic import BeforeValidator, Field, WithJsonSchema

from flows.sending.request import JobRequest, help_of, spread

Function = TypeVar("Function", bound=Callable[..., Any])

#: Stands for `None` in a list of choices; the text beside the field says what the default is.
DEFAULT = "default"

#: The same of parameters that have no default in the settings.
UNSET = {"last_days": "not used", "create": "nowhere"}

#: Titles that are more than the name of the parameter.
TITLES = {
    "start": "First day",
    "end": "Last day",
    "last_days": "Or the last days",
    "users": "Only these users",
    "clients": "Only these clients",
    "projects": "Only these projects",
    "tasks": "Only these tasks",
    "tags": "Only these tags",
    "groups": "Only these groups",
    "description": "Only with this text in the description",
    "billable": "Only billable, or only others",
    "approved_only": "Only approved time",
    "rounding_per": "Rounding per",
    "missing_rate": "Billable time without a rate",
    "foreign_rate": "Billable time in another currency",
    "day_zone": "Time zone that decides on the day",
    "split": "Time that crosses midnight",
    "overtime": "Overtime",
    "line_per": "TimeActivity per",
    "description_marker": "Entry's id in the description",
    "sent_tag": "Tag of sent entries in Clockify",
    "allow_payroll": "Company with payroll",
    "retry_refused": "Try refused entries again",
    "not_in_books": "Unknown time in QuickBooks is other work",
    "sync": "Compare people and projects first",
    "dry_run": "Dry run: change nothing",
    "review": "Wait for approval",
    "timezone": "Time zone of the files",
    "date_order": "Order of day and month",
    "mapping": "What columns hold",
    "strict": "All rows or none",
    "create": "Create what is missing",
    "repair": "Repair",
    "prefer_clockify": "Overwrite what was edited in QuickBooks",
    "entry_ids": "These entries",
    "run_id": "What this run sent",
    "wait_minutes": "Minutes to wait",
}

#: What somebody who starts a run looks at, in this order; the other parameters come after it.
USUAL = (
    "files", "start", "end", "last_days", "month", "connection", "connections", "review", "dry_run",
    "create", "users", "clients", "projects", "approved_only", "rounding",
)  # fmt: skip

#: Days and roundings to choose from; any other can be typed.
_DAYS = ("7", "14", "31", "35", "62")
_ROUNDINGS = ("none", *(f"{mode}:{n}" for mode in ("nearest", "up", "down") for n in (6, 15, 30)))

_READ = {DEFAULT: None, **dict.fromkeys(UNSET.values()), "yes": True, "no": False}


def with_options(request: type[JobRequest]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of a request to a flow's function; it starts as a dry run by default.

    Its docstring ends with the arguments that it has of its own: Prefect reads there what it shows
    beside a field. See `in_words` for the rest.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        taking = spread(function, request, dry_run=True)
        described = "".join(f"        {name}: {text}\n" for name, text in help_of(request).items())
        taking.__doc__ = f"{(function.__doc__ or '').rstrip()}\n{described}"
        return in_words(taking)

    return decorate


def in_words(function: Function) -> Function:
    """Let Prefect's form show a function's parameters with titles and choices, usual ones first.

    Those that may be given by position keep their places.
    """
    signature = inspect.signature(function, eval_str=True)
    order = {name: place for place, name in enumerate(USUAL)}

    def place(one: inspect.Parameter) -> int:
        by_name = one.kind is inspect.Parameter.KEYWORD_ONLY
        return order.get(one.name, len(order)) if by_name else -1

    parameters = [
        one.replace(annotation=_field(one))
        for one in sorted(signature.parameters.values(), key=place)
    ]

    @wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        return function(*args, **given)

    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {one.name: one.annotation for one in parameters}
    return cast("Function", call)


def _field(parameter: inspect.Parameter) -> Any:
    """Return a parameter's type with what its field is to show."""
    name, type_ = parameter.name, parameter.annotation
    title = TITLES.get(name) or name.replace("_", " ").capitalize()
    if parameter.default is not None:
        return Annotated[type_, Field(json_schema_extra={"title": title})]
    bare = get_args(type_)[0] if get_origin(type_) is Annotated else type_
    [kind] = [one for one in get_args(bare) if one is not NoneType]
    words = _choices(name, kind)
    shown: list[dict[str, Any]] = []
    if words:
        shown.append({"type": "string", "title": "choice", "enum": words})
    if kind in _TYPED:
        shown.append(_TYPED[kind])
    read, default = (_chosen, words[0]) if words else (_typed, "")
    return Annotated[
        type_,
        BeforeValidator(read),
        WithJsonSchema({"anyOf": [*shown, {"type": "null", "title": "not set"}]}),
        Field(json_schema_extra={"title": title, "default": default}),
    ]


#: What scripts may give, and people may type where there is no choice or another one.
_TYPED: dict[Any, dict[str, Any]] = {
    str: {"type": "string", "title": "text"},
    date: {"type": "string", "format": "date", "title": "day"},
    bool: {"type": "boolean", "title": "switch"},
    int: {"type": "integer", "minimum": 1, "maximum": 366, "title": "number"},
}


def _choices(name: str, kind: Any) -> list[str]:
    """Return the words of a field that is chosen from a list; none for any other."""
    unset = UNSET.get(name, DEFAULT)
    if name == "rounding":
        return [unset, *_ROUNDINGS]
    if kind is int:
        return [unset, *_DAYS]
    if kind is bool:
        return [unset, "yes", "no"]
    return [unset, *get_args(kind)] if get_origin(kind) is Literal else []


def _chosen(value: Any) -> Any:
    """Return what a choice of the form means; what scripts give stays as it is."""
    return _READ.get(value, value) if isinstance(value, str) else value


def _typed(value: Any) -> Any:
    return None if value == "" else value
