"""The options that several commands have, under one description each."""

from collections.abc import Callable
from dataclasses import Field
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.sending.request import JobRequest, spread

ConnectionName = Annotated[
    str | None,
    typer.Option("--connection", metavar="NAME", help="Which connection; default: the only one."),
]
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document on standard output, nothing else there.")
]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write a CSV file as well.")
]
AllowPayroll = Annotated[
    bool | None,
    typer.Option(
        "--allow-payroll/--no-allow-payroll",
        help="Try a company with QuickBooks Payroll; default: what the settings say.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")]
FirstDay = typer.Option("--start", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day.")
LastDay = typer.Option(
    "--end", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day, included."
)


def job_options(request: type[JobRequest]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of a request."""
    return lambda function: spread(function, request, _annotated)


def _annotated(type_: Any, field: Field[Any]) -> Any:
    flag, metavar, text = (field.metadata[name] for name in ("flag", "metavar", "help"))
    if type_ is bool and not flag:  # Typer would add a --no-…
        flag = f"--{field.name.replace('_', '-')}"
    if type_ == list[str]:
        text += " Repeatable."
    return Annotated[type_, typer.Option(*[flag] * bool(flag), metavar=metavar, help=text)]
