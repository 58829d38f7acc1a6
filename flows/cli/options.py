"""The options that several commands have, under one description each."""

from pathlib import Path
from typing import Annotated

import typer

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
Rounding = Annotated[
    str | None,
    typer.Option(
        metavar="MODE:MINUTES",
        help="nearest:15, up:6, down:30, or none; default: what the settings say, else the"
        " workspace's own.",
    ),
]
Billable = Annotated[
    bool | None,
    typer.Option("--billable/--non-billable", help="Only billable entries, or only others."),
]
RetryRefused = Annotated[
    bool,
    typer.Option(
        "--retry-refused", help="Try entries again that QuickBooks refused, changed or not."
    ),
]
SyncFirst = Annotated[
    bool | None,
    typer.Option(
        "--sync/--no-sync",
        help="Compare both directories first; default: CLOCKBOOKS_SYNC_BEFORE_SEND, or not.",
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show the plan; send nothing, change nothing.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send without asking.")]
FirstDay = typer.Option("--start", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="First day.")
LastDay = typer.Option(
    "--end", formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Last day, included."
)
