"""The options that several commands share, each described once."""

import calendar
import re
from collections.abc import Callable
from dataclasses import Field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.sending.request import JobRequest, spread

ConnectionName = Annotated[
    str | None,
    typer.Option("--connection", metavar="NAME", help="Which connection; default: the only one."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a report.")]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Also write a CSV file.")
]
AllowPayroll = Annotated[
    bool | None,
    typer.Option(
        "--allow-payroll/--no-allow-payroll",
        help="Whether sends to a company with QuickBooks Payroll go all at once, or not at all;"
        " default: the setting, or one entry first.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")]


def _day(text: str) -> datetime:
    """Read a day, and say what is wrong with one that does not exist."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise typer.BadParameter(f"Write {text!r} as YYYY-MM-DD, such as 2026-10-31.")
    year, month, _ = map(int, text.split("-"))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        if not (year and 1 <= month <= 12):
            problem = f"{text} does not exist. There are 12 months and the years 0001 to 9999."
        else:
            name, days = calendar.month_name[month], calendar.monthrange(year, month)[1]
            problem = f"{text} does not exist. {name} {year} has {days} days."
        raise typer.BadParameter(problem) from None


FirstDay = typer.Option("--start", parser=_day, metavar="YYYY-MM-DD", help="First day.")
LastDay = typer.Option("--end", parser=_day, metavar="YYYY-MM-DD", help="Last day, included.")


def job_options(request: type[JobRequest]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the options of a request to a command."""
    return lambda function: spread(function, request, _annotated)


def _annotated(type_: Any, field: Field[Any]) -> Any:
    flag, metavar, text = (field.metadata[name] for name in ("flag", "metavar", "help"))
    if type_ is bool and not flag:  # Typer would add a --no-…
        flag = f"--{field.name.replace('_', '-')}"
    if type_ == list[str]:
        text += " Repeatable."
        metavar = metavar or "NAME"
    return Annotated[type_, typer.Option(*[flag] * bool(flag), metavar=metavar, help=text)]
