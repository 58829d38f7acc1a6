"""The main job from files: read, resolve names, judge, show, execute, on the same ledger as a send.

1. Each file is read once to learn how it writes, and once for its rows, which are staged on disk:
   nothing is sent before every file has been read to its end.
2. Names of the files become ids; people and projects that Clockify does not know are matched with
   QuickBooks.
3. The rows come back in slices of whole days, and become a plan on disk, as those of a send do.
   Memory stays flat, and exactly what was shown goes.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import pandas as pd

from connectors.errors import AskPerson
from connectors.store.staging import Staging, staging
from flows.connections.consent_expiry import expiry_notes
from flows.connections.send_options import choice_notes
from flows.context import RunContext
from flows.importing.read_files import FileRead, WrongFile, read_files
from flows.importing.resolve_names import ResolvedNames, client_id, keep_links, resolve_names
from flows.progress import Progress
from flows.sending.canary import canary_notes
from flows.sending.execute import execute
from flows.sending.extract import instants
from flows.sending.facts import (
    Facts,
    call_directly,
    check_both_sides,
    read_links,
    read_rules,
    rule_notes,
    with_defaults,
)
from flows.sending.filters import with_groups
from flows.sending.hold_back import hold_back_waiting
from flows.sending.judge import SLICE_ROWS, ask_the_books, judge
from flows.sending.match_ledger import NewRows, match_rows
from flows.sending.plan import RunPlan, Slice, open_plan
from flows.sending.report import Report
from flows.sending.request import ImportRequest
from flows.sending.unknown_time import look_again
from flows.text import named
from schemas.file_entries import FileEntries
from schemas.words import Reason, State
from transforms.entries.sent_tag import without_tags
from transforms.identity.same_work import look_alikes
from transforms.plan.hold_back import hold_back, set_outcomes

#: Lines that a note names; the others are counted.
_NAMED_LINES = 10


def import_files(
    context: RunContext,
    request: ImportRequest,
    report: Report,
    *,
    approve: Callable[[dict[str, Any]], bool] | None = None,
    progress: Progress | None = None,
    run: Callable[..., Any] = call_directly,
) -> dict[str, Any]:
    """Send the rows of files to QuickBooks, each once, and explain every other one.

    See `flows.sending.send.send` for the arguments and the errors; returns the JSON document of
    `clockbooks import`.
    """
    with make_import_plan(context, request, report, run=run) as (plan, names):
        shown = report.document(None)
        if request.dry_run or (approve is not None and not approve(shown)):
            return shown
        if approve is not None:
            run(look_again, context, plan)
        keep_links(context, names)
        return execute(context, plan, progress=progress, run=run)


@contextmanager
def make_import_plan(
    context: RunContext, request: ImportRequest, report: Report, *, run: Callable[..., Any]
) -> Iterator[tuple[RunPlan, ResolvedNames]]:
    """Read and judge the rows of files; for the block the plan can be executed.

    See `import_files` for the arguments and the errors.
    """
    request = with_defaults(request, context.settings)
    if request.overtime != "none":
        raise AskPerson(_NO_WEEKS)
    facts = run(check_both_sides, context, request)
    report.company = facts.company
    with staging() as staged:
        files = run(read_files, context, request, facts, staged, report.set_aside)
        report.members["files"] = [file.document() for file in files]
        report.notes += [note for file in files for note in file.notes]
        if request.strict and len(report.set_aside):
            raise _not_all_good(report)
        names = run(resolve_names, context, staged, read_links(context, request))
        facts = run(read_rules, context, facts, names.link_state)
        own_days = replace(request, day_zone=None)  # rows of files keep theirs
        report.notes += choice_notes(facts.rules, own_days) + rule_notes(facts)
        report.notes += expiry_notes(context)
        with open_plan(context, facts.company, report, run, request) as plan:
            plan.become(_judge_slices(context, request, facts, files, names, staged))
            report.notes += [*_clash_notes(plan.clashing), *canary_notes(context, plan)]
            yield plan, names


def _judge_slices(
    context: RunContext,
    request: ImportRequest,
    facts: Facts,
    files: Sequence[FileRead],
    names: ResolvedNames,
    staged: Staging,
) -> Iterator[Slice]:
    """Judge the staged rows in slices of whole days, as `flows.sending.judge` does entries."""
    filters = names.filters(request, staged)
    groups = with_groups(context.clockify, filters.user_ids, request.groups)
    filters = replace(filters, user_ids=groups)
    rules = replace(facts.rules, tracker=_tracker(files), filters=filters)
    untold = {file.name: file.untold for file in files}
    new_rows = NewRows()

    def judge_slice(rows: pd.DataFrame) -> Slice:
        entries = _as_entries(rows, files, names, facts.own_tags)
        entries, match = match_rows(context, entries, names.link_state.links, untold, new_rows)
        plan = hold_back_waiting(context, judge(entries, match, names.link_state, rules))
        plan, look = ask_the_books(context, request, facts.company, plan)
        plan = plan.join(entries[["file", "line"]].set_index(plan.index))
        plan = _as_clockify_said(context, files, plan)
        return Slice(_hold_back_repeated(plan, match.repeated), match, look)

    return map(judge_slice, staged.slices(SLICE_ROWS))  # nothing of a slice outlives it


def _as_entries(
    rows: pd.DataFrame,
    files: Sequence[FileRead],
    names: ResolvedNames,
    own_tags: frozenset[str],
) -> pd.DataFrame:
    """Return staged rows as `FileEntries`; their ids are only numbers yet."""
    entries = rows.assign(
        tags=without_tags(rows["tags"], own_tags),
        entry_id=rows.index.astype("str"),
        file=rows["file"].map(dict(enumerate(file.name for file in files))),
        user_id=names.user_ids(rows),
        project_id=names.project_ids(rows),
        client_id=rows["client_name"].map(client_id, na_action="ignore"),
        start=instants(rows["start_us"]),
        end=instants(rows["end_us"]),
    )
    for name in ("project_name", "client_name", "task_name"):
        entries[name] = entries[name].mask(entries[name] == "")
    return FileEntries.validate(entries[list(FileEntries.to_schema().columns)])


def _as_clockify_said(
    context: RunContext, files: Sequence[FileRead], plan: pd.DataFrame
) -> pd.DataFrame:
    """Hold back what a send held back for something that a file does not show, such as a break."""
    days = plan["date"].unique().tolist()
    unsent = context.store.outcomes.unsent(days)
    for file in files:
        rows = plan[(plan["file"] == file.name) & (plan["state"] == State.READY)]
        shown = rows[["client", "project", "description"]].fillna("")
        shown[[name for name in file.untold if name in shown]] = None
        before = unsent[unsent["reason"].isin(file.silent)].fillna("")
        alike = look_alikes(rows.assign(**shown), before)
        outcomes = unsent.loc[alike, ["state", "reason", "detail"]].set_index(alike.index)
        plan = set_outcomes(plan, outcomes)
        unsent = unsent.drop(index=alike)
    return plan


def _hold_back_repeated(plan: pd.DataFrame, repeated: dict[str, tuple[str, int]]) -> pd.DataFrame:
    """Skip what an earlier file of the same import has brought already, unless it was sent."""
    sent = plan.loc[plan["reason"] == Reason.ALREADY_SENT, "entry_id"]
    details = {
        entry_id: f"The same entry is in {file}, line {line}: it goes once."
        for entry_id, (file, line) in repeated.items()
        if entry_id not in set(sent)
    }
    return hold_back(plan, Reason.DUPLICATE_ROW, details)


def _clash_notes(places: Sequence[str]) -> list[str]:
    if not places:
        return []
    note = (
        f"{len(places):,} rows start in the same minute as an entry of the same person that was"
        " sent already, or are as long on that day and project, but differ from it:"
        f" {named(places, _NAMED_LINES)}. Those that go count as"
        " other work. If they are corrections, delete the sent entries in QuickBooks."
    )
    return [note]


_NO_WEEKS = (
    "Overtime is computed from all time of a workweek, and a file may lack some of it. Import with"
    " `--overtime none`: rows then get the pay types of rules without hours. Nothing was sent."
)


def _tracker(files: Sequence[FileRead]) -> str:
    trackers = {file.tracker for file in files}
    return trackers.pop() if len(trackers) == 1 else "the time tracker"


def _not_all_good(report: Report) -> WrongFile:
    bad = list(islice(report.set_aside, _NAMED_LINES))
    lines = "; ".join(f"{row['file']}, line {row['line']}: {row['problem']}" for row in bad)
    more = len(report.set_aside) - len(bad)
    return WrongFile(
        f"{len(report.set_aside):,} rows cannot be read, and --strict takes all or none: {lines}"
        f"{f'; and {more:,} more' if more else ''}. Fix them, or leave --strict out. Nothing was"
        " sent."
    )
