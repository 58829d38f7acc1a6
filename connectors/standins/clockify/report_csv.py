"""The Clockify stand-in's detailed report as CSV, which one source saw the API give (FACTS 4, 9.1).

Major units, the caller's way to write dates, no ids: whoever can, reads JSON.
"""

import csv
import io
from collections.abc import Iterable
from decimal import Decimal
from zoneinfo import ZoneInfo

from connectors.standins.clockify.state import Row, State, shown_email, shown_name
from connectors.standins.clockify.times import parse

COLUMNS = [
    "Project", "Client", "Description", "Task", "User", "Group", "Email", "Tags", "Billable",
    "Start Date", "Start Time", "End Date", "End Time", "Duration (h)", "Duration (decimal)",
]  # fmt: skip
DATES = {"MM/DD/YYYY": "%m/%d/%Y", "YYYY-MM-DD": "%Y-%m-%d", "DD.MM.YYYY": "%d.%m.%Y"}


def report_csv(
    state: State,
    rows: Iterable[tuple[Row, int, int | float | None]],
    *,
    caller: Row,
    zone: ZoneInfo,
    with_amounts: bool,
) -> str:
    """Write rows as an export; the header has the currency's label.

    Args:
        state: The workspace.
        rows: Each entry with the seconds and the minor units to show.
        caller: Whose profile says how dates and times are written.
        zone: The zone of the times.
        with_amounts: Whether rates and amounts may be seen.
    """
    currency = state.currency["code"]
    header = COLUMNS + [f"Billable {what} ({currency})" for what in ("Rate", "Amount")]
    file = io.StringIO()
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(header if with_amounts else COLUMNS)
    for entry, seconds, amount in rows:
        line = _line(state, entry, seconds, _formats(caller), zone)
        money = [_major(entry.get("rate")), _major(amount)] if with_amounts else []
        writer.writerow(line + money)
    return file.getvalue()


def _formats(caller: Row) -> tuple[str, str]:
    settings = caller.get("settings") or {}
    clock = "%I:%M:%S %p" if settings.get("timeFormat") == "HOUR12" else "%H:%M:%S"
    return DATES.get(settings.get("dateFormat", ""), "%d/%m/%Y"), clock


def _line(
    state: State, entry: Row, seconds: int, formats: tuple[str, str], zone: ZoneInfo
) -> list[str]:
    project = state.project_of(entry)
    client = state.client_of(project)
    task = state.task_of(entry)
    user = state.users.get(entry["userId"], {})
    edges = [parse(entry[edge]).astimezone(zone) for edge in ("start", "end")]
    hours, rest = divmod(seconds, 3600)
    return [
        project.get("name", ""),
        client.get("name", ""),
        (entry.get("description") or "").replace('"', "''"),  # as was seen; it cannot be undone
        task.get("name", ""),
        shown_name(user) or "",
        "",
        shown_email(user, state) or "",
        ", ".join(tag["name"] for tag in state.tags_of(entry)),
        "Yes" if entry.get("billable") else "No",
        *(edge.strftime(form) for edge in edges for form in formats),
        f"{hours:02}:{rest // 60:02}:{rest % 60:02}",
        f"{Decimal(seconds) / 3600:.2f}",
    ]


def _major(minor: float | None) -> str:
    return f"{Decimal(minor or 0) / 100:.2f}"
