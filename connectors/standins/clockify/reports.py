"""The Clockify stand-in's reports host: the detailed report (FACTS 4 and 5).

An entry is in the report when it is finished and starts in the range. The range is read as a
wall clock in the request's zone, both ends included.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from connectors.standins.clockify.http import Caller, CurrentCaller, deny, page_of
from connectors.standins.clockify.locks import is_locked
from connectors.standins.clockify.report_csv import report_csv
from connectors.standins.clockify.report_filters import chosen
from connectors.standins.clockify.report_request import AmountKind, Report
from connectors.standins.clockify.rows import minor_units
from connectors.standins.clockify.state import (
    Row,
    State,
    named_zone,
    refuse,
    shown_email,
    shown_name,
    zone_of,
)
from connectors.standins.clockify.switches import Switches
from connectors.standins.clockify.times import (
    bound,
    first_second,
    parse,
    seconds_of,
    shown,
    shown_newer,
    stored,
)
from connectors.standins.clockify.timesheets import request_of

router = APIRouter(prefix="/workspaces/{workspace_id}/reports")

FREE_RANGE = timedelta(days=31)
WALKS_KEPT = 8
YEAR = timedelta(days=366)


@dataclass(frozen=True)
class View:
    """How this request wants its rows shown.

    Attributes:
        zone: The zone of the times.
        rounding: How durations are rounded.
        money_rounding: How those are rounded that amounts are made of.
        main: What `amount` and `rate` are.
        amounts: Every amount that was asked for.
    """

    zone: ZoneInfo
    rounding: "Rounding"
    money_rounding: "Rounding"
    main: AmountKind
    amounts: Sequence[AmountKind]

    def seconds(self, entry: Row) -> int:
        """Return the duration to show; rounding is each entry's own (FACTS 5)."""
        return self.rounding.of(seconds_of(entry))

    def money(self, entry: Row, kind: AmountKind) -> tuple[int | None, int | None]:
        """Return an entry's rate of a kind, and that times the seconds which it is paid for."""
        seconds = self.money_rounding.of(seconds_of(entry))
        rate, cost = entry.get("rate"), entry.get("cost")
        spent = _times(cost, seconds)
        if kind == "COST":
            return cost, spent
        earned = _times(rate, seconds * bool(entry.get("billable")))
        if kind != "PROFIT" or (earned is None and spent is None):
            return rate, earned
        return (rate or 0) - (cost or 0), (earned or 0) - (spent or 0)


def _times(rate: int | None, seconds: int) -> int | None:
    return None if rate is None else rate * seconds


@dataclass(frozen=True)
class Rounding:
    """Multiples of so many seconds; what is added before the rest over a whole one is dropped."""

    step_s: int = 1
    shift_s: int = 0

    def of(self, seconds: int) -> int:
        return (seconds + self.shift_s) // self.step_s * self.step_s


@dataclass
class Walk:
    """A reader's way through the pages of one report.

    Kept, so that a million entries are filtered and sorted once for all pages and not once a
    page. Only for the very next page, and only while no entry came or went: an entry that is
    edited during the walk shows its new values, but keeps its place.
    """

    next_page: int
    held: tuple[int, str | None]
    ids: list[str]
    totals: list[Row | None]


@dataclass
class Walks:
    """The walks under way, the latest last."""

    _by_question: dict[str, Walk] = field(default_factory=dict)

    def take(self, question: str, page: int, state: State) -> Walk | None:
        walk = self._by_question.pop(question, None)
        fits = walk and walk.next_page == page and walk.held == held_by(state)
        return walk if fits else None

    def keep(self, question: str, walk: Walk) -> None:
        self._by_question[question] = walk
        while len(self._by_question) > WALKS_KEPT:
            del self._by_question[next(iter(self._by_question))]


def held_by(state: State) -> tuple[int, str | None]:
    """Return a mark that differs once an entry came or went: how many there are, and the last."""
    return len(state.entries), next(reversed(state.entries), None)


@router.post("/detailed")
async def detailed_report(request: Request, caller: CurrentCaller, report: Report) -> Response:
    if report.unmodelled():
        refuse(f"The stand-in does not know {', '.join(report.unmodelled())}", status=501)
    zone = named_zone(report.time_zone) if report.time_zone else zone_of(caller.user)
    view = _view(caller, report, zone)
    state, asked = caller.state, report.detailed_filter
    largest = state.switches.largest_report_page
    page = page_of(state, asked.page, asked.page_size, largest=largest)
    first, last = _range(caller, report, zone)

    walks: Walks = request.state.clockify.walks
    question = caller.user["id"] + report.model_dump_json(exclude={"detailed_filter": {"page"}})
    walk = walks.take(question, page.number, state)
    if walk is None:
        rows = chosen(caller, report, first, last)
        totals = _totals(rows, report, view, state.switches)
        walk = Walk(page.number, held_by(state), [row["id"] for row in rows], totals)
    is_last = page.is_last_of(walk.ids)
    if not is_last:
        walk.next_page = page.number + 1
        walks.keep(question, walk)
    headers = {"Last-Page": str(is_last).lower()}
    if report.export_type == "CSV" and state.switches.serves_csv:
        text = _csv(caller, [state.entries[id_] for id_ in page.of(walk.ids)], view)
        return Response(text, media_type="text/csv", headers=headers)
    body = {
        "totals": walk.totals,
        "timeentries": [_entry_row(state, state.entries[id_], view) for id_ in page.of(walk.ids)],
    }
    return JSONResponse(body, headers=headers)


def _csv(caller: Caller, entries: Iterable[Row], view: View) -> str:
    rows = [(entry, view.seconds(entry), _amounts(entry, view).get("amount")) for entry in entries]
    return report_csv(
        caller.state, rows, caller=caller.user, zone=view.zone, with_amounts=bool(view.amounts)
    )


def _range(caller: Caller, report: Report, zone: ZoneInfo) -> tuple[str, str]:
    """Return the first and the last second of the range, as entries spell them."""
    start, end = bound(report.date_range_start, zone), bound(report.date_range_end, zone)
    if end < start:
        refuse("Start time is greater than end time")
    # The wall clocks count: a month in which the clocks are put back is no hour too long.
    length = end.astimezone(zone).replace(tzinfo=None) - start.astimezone(zone).replace(tzinfo=None)
    if length > _longest_range(caller.state):
        refuse("Your plan does not show reports of such a range")  # the text is ours (FACTS 4)
    return first_second(start), stored(end)


def _longest_range(state: State) -> timedelta:
    """Return how long a range the plan allows: known of the free one alone (FACTS 4)."""
    if state.workspace.get("featureSubscriptionType") == "FREE":
        return FREE_RANGE
    is_limited = "ONE_YEAR_RANGE_REPORTS" in state.features
    if is_limited and "UNLIMITED_REPORTS" not in state.features:
        return YEAR if state.switches.refuses_over_a_year else timedelta.max
    return timedelta.max


def _view(caller: Caller, report: Report, zone: ZoneInfo) -> View:
    main = report.amount_shown or "EARNED"
    amounts = [kind for kind in report.amounts or [main] if kind != "HIDE_AMOUNT"]
    if amounts and not caller.sees_rates:
        if caller.state.switches.hidden_rates == "refused":
            deny()  # Clockify's help: ask with HIDE_AMOUNT when amounts are restricted
        main, amounts = "HIDE_AMOUNT", []
    rounding = _rounding(caller.state, asked=report.rounding)
    money = rounding if caller.state.switches.rounds_amounts else Rounding()
    return View(zone, rounding, money, main, amounts)


def _rounding(state: State, *, asked: bool | None) -> Rounding:
    """Read the workspace's rounding, if the report rounds and the plan can."""
    if asked is None and state.switches.rounds_by_default == "workspace":
        asked = state.settings["timeRoundingInReports"]
    if not asked or "WORKSPACE_TIME_ROUNDING" not in state.features:
        return Rounding()
    rule = state.settings["round"]
    step_s = int(rule["minutes"]) * 60
    mode = rule["round"].lower()
    if "up" in mode:
        return Rounding(step_s, step_s - 1)
    if "down" in mode:
        return Rounding(step_s)
    return Rounding(
        step_s, step_s // 2 if state.switches.half_rounds == "up" else (step_s - 1) // 2
    )


def _totals(rows: list[Row], report: Report, view: View, switches: Switches) -> list[Row | None]:
    options = report.detailed_filter.options
    if options and options.totals == "EXCLUDE":
        return [] if switches.excluded_totals == "empty" else [None]
    if not rows:
        return [] if switches.empty_totals == "empty" else [None]
    time_s = billable_s = 0
    kinds = {*view.amounts, view.main} if view.amounts else set()
    parts: dict[AmountKind, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for entry in rows:
        seconds = view.seconds(entry)
        time_s += seconds
        billable_s += seconds * bool(entry.get("billable"))
        for kind in kinds:
            _, part = view.money(entry, kind)
            if part is not None:
                parts[kind][entry.get("currency") or "USD"] += part
    totals = {
        "_id": "",
        "totalTime": time_s,
        "totalBillableTime": billable_s,
        "entriesCount": len(rows),
    }
    return [{**totals, **_total_amounts(parts, view)}]


def _total_amounts(parts: dict[AmountKind, dict[str, int]], view: View) -> Row:
    if not view.amounts:
        return {}

    def amounts(kind: AmountKind) -> tuple[int | float, list[Row]]:
        rows = [
            {"amount": minor_units(part), "currency": code} for code, part in parts[kind].items()
        ]
        return minor_units(sum(parts[kind].values())), rows

    total, by_currency = amounts(view.main)
    return {
        "totalAmount": total,
        "totalAmountByCurrency": by_currency,
        "numOfCurrencies": len(by_currency),
        "amounts": [
            {"type": kind, "value": amounts(kind)[0], "amountByCurrency": amounts(kind)[1]}
            for kind in view.amounts
        ],
    }


def _entry_row(state: State, entry: Row, view: View) -> Row:
    """Show an entry as captured (FACTS 4), with the newer fields that matter."""
    user = state.users.get(entry["userId"], {})
    row = {
        "_id": entry["id"],
        "description": entry.get("description") or "",
        "userId": entry["userId"],
        "timeInterval": _interval(state, entry, view),
        "billable": bool(entry.get("billable")),
        "projectId": entry.get("projectId"),
        "taskId": entry.get("taskId"),
        "tagIds": entry.get("tagIds"),
        "approvalRequestId": request_of(state, entry),
        "type": entry.get("type", "REGULAR"),
        "isLocked": is_locked(state, entry),
        "currency": entry.get("currency"),
        **_amounts(entry, view),
        "userName": shown_name(user),
        "userEmail": shown_email(user, state),
        **_project_fields(state, entry),
        "tags": [
            {state.switches.tag_key: tag["id"], "name": tag["name"]} for tag in state.tags_of(entry)
        ],
    }
    if not state.switches.shows_type:
        del row["type"]
    task = state.task_of(entry)
    if task:  # without a task there is no name at all, not an empty one
        row["taskName"] = task["name"]
    if entry.get("invoiced"):
        row["invoicingInfo"] = entry.get("invoice") or {"manuallyInvoiced": True}
    elif state.switches.not_invoiced == "empty":
        row["invoicingInfo"] = []
    return row


def _interval(state: State, entry: Row, view: View) -> Row:
    """Show start, end, and whole seconds; rounding leaves start and end alone (FACTS 5)."""
    start, end = parse(entry["start"]), parse(entry["end"])
    if state.switches.newer_report_times:
        times = shown_newer(start, end, view.zone, str(view.zone))
    else:
        times = {"start": shown(start, view.zone), "end": shown(end, view.zone)}
    return {**times, "duration": view.seconds(entry)}


def _amounts(entry: Row, view: View) -> Row:
    """Show what an entry earns, in minor units an hour and in all; null where there is no rate."""
    if view.main == "HIDE_AMOUNT":
        return {}
    fields = _money_fields(view.money(entry, view.main))
    if len(view.amounts) > 1:
        for kind in view.amounts:
            for name, value in _money_fields(view.money(entry, kind)).items():
                fields[f"{kind.lower()}{name.capitalize()}"] = value
    return fields


def _money_fields(money: tuple[int | None, int | None]) -> Row:
    rate, part = money
    return {"rate": rate, "amount": None if part is None else minor_units(part)}


def _project_fields(state: State, entry: Row) -> Row:
    project = state.project_of(entry)
    client = state.client_of(project)
    return {
        "projectName": project.get("name", ""),
        "projectColor": project.get("color", "#9C27B0") if project else "",
        "clientName": client.get("name", ""),
        "clientId": client.get("id", ""),
    }
