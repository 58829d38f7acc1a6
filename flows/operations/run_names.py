"""Names a flow's run after what it does, in place of the two words that Prefect makes up."""

import re
from calendar import month_name, monthrange
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from prefect.runtime import flow_run

from flows.text import named

#: What each flow does, and what it does as a dry run.
_VERBS = {
    "send-time": ("Send", "Preview"),
    "send-all": ("Send", "Preview"),
    "import-csv": ("Import", "Preview of"),
    "import-folder": ("Import dropped files", "Preview of dropped files"),
    "sync-directory": ("Match people and projects", "Compare people and projects"),
    "settle": ("Settle doubts", "Settle doubts"),
    "reconcile": ("Check the books", "Check the books"),
    "reconcile-all": ("Check the books", "Check the books"),
    "recall": ("Recall", "Preview of a recall"),
    "month": ("Month", "Month"),
}

#: Names that Prefect makes up, such as zeta2-alfirk-vector; others were given on purpose.
_MADE_UP = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")


def run_name() -> str:
    """Return the name of the run that begins; to be given to `flow` as `flow_run_name`."""
    if not _MADE_UP.fullmatch(flow_run.name or "made-up"):
        return str(flow_run.name)
    return name_of(flow_run.flow_name, flow_run.parameters)


def name_of(flow: str, parameters: Mapping[str, Any]) -> str:
    """Name a run of a flow by its parameters.

    Examples:
        >>> name_of("send-time", {"start": "2026-10-01", "end": "2026-10-31", "connection": "acme"})
        'Send October 2026, acme'
        >>> name_of("import-csv", {"files": ["/tmp/october.csv"], "dry_run": True})
        'Preview of october.csv'
    """
    verb = _VERBS.get(flow, (flow, flow))[bool(parameters.get("dry_run"))]
    what = _days(parameters) or _files(parameters) or parameters.get("month") or ""
    companies = [parameters.get("connection") or "", *(parameters.get("connections") or [])]
    return ", ".join(filter(None, [f"{verb} {what}".rstrip(), *companies]))


def _days(parameters: Mapping[str, Any]) -> str:
    first, last = (str(parameters.get(name) or "")[:10] for name in ("start", "end"))
    if not (first and last):
        number = str(parameters.get("last_days") or "")
        return f"the last {number} days" if number.isdecimal() else ""
    with suppress(ValueError):  # the run itself says what is wrong with a day
        day = date.fromisoformat(first)
        whole = f"{day:%Y-%m}-{monthrange(day.year, day.month)[1]}"
        if (first, last) == (f"{day:%Y-%m}-01", whole):
            return f"{month_name[day.month]} {day.year}"
    return first if first == last else f"{first} … {last}"


def _files(parameters: Mapping[str, Any]) -> str:
    return named([Path(str(file)).name for file in parameters.get("files") or []], 2)
