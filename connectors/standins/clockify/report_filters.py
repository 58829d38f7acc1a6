"""Which entries a detailed report holds, and in which order (FACTS 4)."""

from collections.abc import Callable, Iterator
from typing import Any

from connectors.standins.clockify.http import Caller, contains
from connectors.standins.clockify.report_request import IdFilter, Report, TagFilter, UserFilter
from connectors.standins.clockify.state import Row, State, shown_name
from connectors.standins.clockify.times import seconds_of

Rule = Callable[[Row], bool]

MEMBERSHIPS: dict[str, set[str]] = {"ACTIVE_WITH_PENDING": {"ACTIVE", "PENDING"}}


def chosen(caller: Caller, report: Report, first: str, last: str) -> list[Row]:
    """Return the finished entries that start in [*first*, *last*] and fit, in report order."""
    rows = [
        entry
        for entry in list(caller.state.entries.values())
        if first <= entry["start"] <= last and entry["end"] is not None
    ]
    for rule in _rules(caller, report):
        rows = [entry for entry in rows if rule(entry)]
    rows.sort(key=_place(caller.state, report), reverse=report.sort_order != "ASCENDING")
    return rows


def _rules(caller: Caller, report: Report) -> Iterator[Rule]:
    own = caller.user["id"]
    if not caller.sees_all_entries:
        yield lambda entry: entry["userId"] == own
    yield from _state_rules(report)
    yield from _text_rules(report)
    yield from _directory_rules(caller.state, report)
    yield from _audit_rules(report)


def _state_rules(report: Report) -> Iterator[Rule]:
    flags = [
        ("billable", report.billable),
        ("approved", _flag(report.approval_state, "APPROVED")),
        ("invoiced", _flag(report.invoicing_state, "INVOICED")),
    ]
    for key, wanted in flags:
        if wanted is not None:
            yield _is(key, wanted=wanted)


def _is(key: str, *, wanted: bool) -> Rule:
    return lambda entry: bool(entry.get(key)) == wanted


def _flag(asked: str | None, yes: str) -> bool | None:
    return None if asked in {None, "ALL"} else asked == yes


def _text_rules(report: Report) -> Iterator[Rule]:
    wanted = report.description
    if wanted:
        yield lambda entry: contains(entry.get("description"), wanted)
    if report.without_description:
        yield lambda entry: not entry.get("description")


def _directory_rules(state: State, report: Report) -> Iterator[Rule]:
    if report.users:
        yield from _id_rules(report.users, lambda entry: _one(entry["userId"]))
        yield from _user_status_rules(state, report.users)
    done = {id_: {"archived": _is_done(task)} for id_, task in state.tasks.items()}
    for asked, ids_of, rows in (
        (
            report.clients,
            lambda entry: _one(state.project_of(entry).get("clientId")),
            state.clients,
        ),
        (report.projects, lambda entry: _one(entry.get("projectId")), state.projects),
        (report.tasks, lambda entry: _one(entry.get("taskId")), done),
        (_tags_asked(report), lambda entry: set(entry.get("tagIds") or []), state.tags),
    ):
        if asked:
            yield from _id_rules(asked, ids_of)
            yield from _archive_rules(asked, rows, ids_of)
    if report.currency:
        yield from _id_rules(
            report.currency, lambda entry: {state.currency_id(entry.get("currency") or "")}
        )


def _tags_asked(report: Report) -> TagFilter | None:
    if report.tags is None:
        return None
    how = report.tags.contained_in_timeentry or report.tags.contains
    return report.tags.model_copy(update={"contains": how})


def _is_done(task: Row) -> bool:
    return bool(task.get("status", "ACTIVE") != "ACTIVE")


def _one(id_: str | None) -> set[str]:
    return {id_} if id_ else set()


def _id_rules(asked: IdFilter | UserFilter, ids_of: Callable[[Row], set[str]]) -> Iterator[Rule]:
    """Keep entries by id; an empty list of ids keeps all."""
    wanted = set(asked.ids or [])
    if not wanted:
        return
    if asked.contains == "DOES_NOT_CONTAIN":
        yield lambda entry: not wanted & ids_of(entry)
    elif asked.contains == "CONTAINS_ONLY":
        yield lambda entry: bool(ids_of(entry)) and ids_of(entry) <= wanted
    else:
        yield lambda entry: bool(wanted & ids_of(entry))


def _user_status_rules(state: State, asked: UserFilter) -> Iterator[Rule]:
    if asked.status is None or asked.status == "ALL":
        return
    wanted = MEMBERSHIPS.get(asked.status, {asked.status})

    def status(user: Row) -> str:
        deleted = user.get("status") == "DELETED"
        return "INACTIVE" if deleted else user.get("membershipStatus", "ACTIVE")

    fitting = {id_ for id_, user in state.users.items() if status(user) in wanted}
    yield lambda entry: entry["userId"] in fitting


def _archive_rules(
    asked: IdFilter, stored: dict[str, Row], ids_of: Callable[[Row], set[str]]
) -> Iterator[Rule]:
    """Keep entries by whether what they belong to is archived; what belongs to none stays."""
    if asked.status in {None, "ALL"}:
        return
    archived = asked.status == "ARCHIVED"
    unfit = {id_ for id_, row in stored.items() if bool(row.get("archived")) != archived}
    yield lambda entry: not unfit & ids_of(entry)


def _audit_rules(report: Report) -> Iterator[Rule]:
    audit = report.detailed_filter.audit_filter
    if audit is None:
        return
    if audit.without_project:
        yield lambda entry: not entry.get("projectId")
    if audit.without_task:
        yield lambda entry: not entry.get("taskId")
    limit_s = audit.duration
    if limit_s and audit.duration_shorter:
        yield lambda entry: seconds_of(entry) < limit_s
    elif limit_s:
        yield lambda entry: seconds_of(entry) > limit_s


def _place(state: State, report: Report) -> Callable[[Row], Any]:
    """Return the sort key of the report's column; equals stay in no order to rely on."""
    names = {id_: (shown_name(user) or "").lower() for id_, user in state.users.items()}
    column = report.detailed_filter.sort_column
    if column in {"ID", "NATURAL"}:
        return lambda entry: entry["id"]
    if column == "DESCRIPTION":
        return lambda entry: (entry.get("description") or "").lower()
    if column == "DURATION":
        return seconds_of
    if column in {"USER", "USER_DATE"}:
        return lambda entry: (names.get(entry["userId"], ""), entry["start"])
    return lambda entry: entry["start"]
