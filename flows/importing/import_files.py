"""The same job from files: read, attribute, judge, load, record, on the same ledger as a send.

1. Each file is gone over once to learn how it writes, and once for its rows, which are staged on
   disk: nothing is sent before every file has been read to its end.
2. Names of the files become ids; whom Clockify does not know is matched with QuickBooks.
3. The rows come back in slices of whole days. Each slice is recognised, judged and loaded like the
   entries of a send, and forgotten: memory stays flat. Where somebody is asked, the slices wait on
   disk, and exactly those that were shown go.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from connectors.errors import AskPerson
from connectors.store.staging import Staging, staging
from flows.connections.consent_expiry import expiry_notes
from flows.context import RunContext
from flows.importing.read_files import FileRead, ReadOptions, read_files
from flows.importing.resolve_names import Named, attribute, client_id, keep_links
from flows.progress import Progress
from flows.sending.execute import Carrier
from flows.sending.extract import instants
from flows.sending.hold_back import hold_back_refused
from flows.sending.judge import KeptPlan
from flows.sending.match_ledger import RecognisedRows, recognise_rows
from flows.sending.report import Report
from flows.sending.request import (
    SLICE_ROWS,
    Facts,
    JobRequest,
    call_plainly,
    look_at_both_sides,
    look_up_partners,
    with_defaults,
)
from flows.sending.run_lease import LiveRun, live_run
from flows.sending.settle_doubts import settle
from flows.sending.spool import Spool
from flows.settings import mapping_lines
from schemas.file_entries import FileEntries
from schemas.words import Reason, State
from transforms.identity.same_work import look_alikes
from transforms.plan.judge import Rules, make_plan

#: Lines that a note names; the others are counted.
_NAMED_LINES = 10


@dataclass(frozen=True)
class ImportRequest(JobRequest):
    """What somebody asks an import to do; users, clients and projects go by the files' names.

    Attributes:
        files: The exports.
        reading: How they are read, where that is not found out.
        strict: Whether nothing is sent unless every row is good.
    """

    files: tuple[Path, ...]
    reading: ReadOptions = field(default_factory=ReadOptions)
    strict: bool = False


class ImportReport(Report):
    """What an import comes to, with what concerns its files.

    Attributes:
        files: How each file was read.
        clashes: How many rows begin when somebody's sent entry begins, and say otherwise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files: list[FileRead] = []
        self.clashes = 0
        self._clashing: list[str] = []

    def begin(self) -> None:
        """See `Report`."""
        super().begin()
        self.clashes = 0
        self._clashing = []

    def note_clashes(self, places: Sequence[str]) -> None:
        """Add the places of rows that clash."""
        self.clashes += len(places)
        self._clashing += places[: _NAMED_LINES - len(self._clashing)]

    def import_document(self, run_id: str | None, *notes: str) -> dict[str, Any]:
        """Give the JSON document; its counts add up to `extracted`."""
        document = self.document(run_id, files=[file.document() for file in self.files])
        document["notes"] = [
            *(note for file in self.files for note in file.notes),
            *document["notes"],
            *([_told_of(self.clashes, self._clashing)] if self.clashes else []),
            *notes,
        ]
        return document


def import_files(
    context: RunContext,
    request: ImportRequest,
    report: ImportReport,
    *,
    approve: Callable[[dict[str, Any]], bool] | None = None,
    progress: Progress | None = None,
    run: Callable[..., Any] = call_plainly,
) -> dict[str, Any]:
    """Carry the rows of files into QuickBooks, each once, and explain every other one.

    Args:
        context: What to work with.
        request: What to do.
        report: Where the lists of the document are kept; closed by whoever made it.
        approve: Shown the plan as a document before anything is sent; `False` leaves it at that.
        progress: Told how far the load has come.
        run: Runs each step that touches the outside.

    Returns:
        The JSON document of `clockbooks import`.

    Raises:
        AskPerson: Something must be mended first; nothing was sent.
        TryAgain: A service could not be read, or took nothing at all; nothing was sent.
    """
    request = with_defaults(request, context.settings)
    facts = run(look_at_both_sides, context, request)
    report.currency = facts.company.currency
    with staging() as staged:
        report.files = run(read_into, context, request, facts, staged, report.set_aside)
        if request.strict and len(report.set_aside):
            raise _not_all_good(report)
        named = run(attribute, context, staged, look_up_partners(context, request))
        report.notes = expiry_notes(context)
        importer = _Importer(context, request, facts, named, staged, report)
        if request.dry_run:
            return importer.preview()
        with live_run(context) as live:
            settled = run(settle, context, live)
            with KeptPlan[_Judged]() as plan:
                if approve is not None and not approve(importer.preview(plan)):
                    return report.latest
                keep_links(context, named)
                slices = importer.judged() if approve is None else plan
                importer.carry_out(slices, live, progress or Progress(), run)
            told = [settled.told, *settled.notes] if settled.told else []
            return report.import_document(live.id, *told, *context.quickbooks.limiter.notes())


def read_into(
    context: RunContext, request: ImportRequest, facts: Facts, staged: Staging, set_aside: Spool
) -> list[FileRead]:
    """Read the files to their ends; see `flows.importing.read_files`."""
    kept = mapping_lines(context.settings.import_map or "")
    return read_files(
        request.files,
        replace(request.reading, kept_mapping=tuple(kept)),
        staged=staged,
        set_aside=set_aside,
        timezone=context.timezone,
        currency=facts.currency,
        approved_only=bool(request.approved_only),
    )


#: The rows of some whole days, and what is to become of them: `Plan`, with their places.
_Judged = tuple[RecognisedRows, pd.DataFrame]


class _Importer:
    """Judges and loads the staged rows, slice by slice."""

    def __init__(
        self,
        context: RunContext,
        request: ImportRequest,
        facts: Facts,
        named: Named,
        staged: Staging,
        report: ImportReport,
    ) -> None:
        self._context = context
        self._request = request
        self._facts = facts
        self._named = named
        self._staged = staged
        self._report = report
        self._untold = {file.name: file.untold for file in report.files}
        chosen = named.filters(request.users, request.clients, request.projects)
        self._rules = Rules(
            timezone=context.timezone,
            company=facts.company,
            tracker=_tracker(report.files),
            rounding=facts.rounding,
            approved_only=bool(request.approved_only),
            filters=replace(chosen, billable=request.billable),
        )

    def judged(self) -> Iterator[_Judged]:
        """Judge all rows, slice by slice."""
        return map(self._judge, self._staged.slices(SLICE_ROWS))

    def preview(self, kept: KeptPlan[_Judged] | None = None) -> dict[str, Any]:
        """Judge all rows, and send none; the slices are kept for `carry_out`, if anywhere."""
        self._report.begin()
        for recognised, plan in self.judged():
            self._report.add(plan)
            self._report.note_clashes(_clashing(recognised, plan))
            if kept is not None:
                kept.add((recognised, plan))
        return self._report.import_document(None)

    def carry_out(
        self,
        slices: Iterable[_Judged],
        live: LiveRun,
        progress: Progress,
        run: Callable[..., Any],
    ) -> None:
        """Load what was judged."""
        report = self._report
        report.begin()
        progress.begun(self._staged.rows)
        carrier = Carrier(self._context, live, self._facts.company, progress, run)
        for recognised, plan in slices:
            ended = carrier.carry(plan, recognised.about, unkept=recognised.repeated)
            progress.moved(int((plan["state"] != State.READY).sum()))
            report.add(ended)
            report.note_clashes(_clashing(recognised, plan))
        report.stopped = carrier.stopped
        carrier.finish()

    def _judge(self, rows: pd.DataFrame) -> _Judged:
        entries = self._entries(rows)
        recognised = recognise_rows(self._context, entries, self._named.links, self._untold)
        plan = make_plan(
            recognised.entries,
            held=recognised.held,
            links=self._named.links,
            unlinked=self._named.unlinked,
            rules=self._rules,
        )
        if not self._request.retry_refused:
            plan = hold_back_refused(self._context, self._facts.company, plan)
        places = recognised.entries[["file", "line"]].set_index(plan.index)
        plan = self._as_clockify_said(plan.join(places))
        return recognised, _without_repeated(plan, recognised.repeated)

    def _as_clockify_said(self, plan: pd.DataFrame) -> pd.DataFrame:
        """Keep back what a send kept back for what a file does not show: a break, a currency."""
        days = plan["date"].unique().tolist()
        told = self._context.store.outcomes.unsent(days)
        held = plan.copy()
        for file in self._report.files:
            rows = plan[(plan["file"] == file.name) & (plan["state"] == State.READY)]
            shown = rows[["client", "project", "description"]].fillna("")
            shown[[name for name in file.untold if name in shown]] = None
            before = told[told["reason"].isin(file.silent)].fillna("")
            found = look_alikes(rows.assign(**shown), before)
            for name in ("state", "reason", "detail"):
                held.loc[found.index, name] = told.loc[found, name].to_numpy()
            told = told.drop(index=found)
        return held

    def _entries(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give staged rows as `FileEntries`; their ids are only numbers yet."""
        names = [file.name for file in self._report.files]
        entries = rows.assign(
            entry_id=rows.index.astype("str"),
            file=rows["file"].map(dict(enumerate(names))),
            user_id=self._named.user_ids(rows),
            project_id=self._named.project_ids(rows),
            client_id=rows["client_name"].map(client_id, na_action="ignore"),
            start=instants(rows["start_us"]),
            end=instants(rows["end_us"]),
        )
        for name in ("project_name", "client_name", "task_name"):
            entries[name] = entries[name].mask(entries[name] == "")
        return FileEntries.validate(entries[list(FileEntries.to_schema().columns)])


def _clashing(recognised: RecognisedRows, plan: pd.DataFrame) -> list[str]:
    """Say where rows stand that would go although the person has something else at that time."""
    rows = plan[plan["entry_id"].isin(recognised.clashing) & (plan["state"] == State.READY)]
    return [f"{row.file} line {row.line}" for row in rows.itertuples(index=False)]


def _without_repeated(plan: pd.DataFrame, repeated: dict[str, tuple[str, int]]) -> pd.DataFrame:
    """Leave out what an earlier file of the same import has brought already.

    Where that was sent by an earlier run, this one was too.
    """
    if not repeated:
        return plan
    rows = plan["entry_id"].isin(list(repeated))
    told = plan.copy()
    told.loc[rows, "state"] = str(State.SKIPPED)
    told.loc[rows, "reason"] = str(Reason.DUPLICATE_ROW)
    told.loc[rows, "detail"] = [
        f"The same entry stands in {repeated[entry_id][0]}, line {repeated[entry_id][1]}:"
        " it goes once."
        for entry_id in told.loc[rows, "entry_id"]
    ]
    sent = plan[plan["reason"] == Reason.ALREADY_SENT].set_index("entry_id")
    first = told.loc[rows, "entry_id"].str.rpartition(".")[0]
    first = first[first.isin(sent.index)]
    for name in ("reason", "detail", "time_activity_id"):
        told.loc[first.index, name] = first.map(sent[name])
    return told


def _told_of(number: int, first: Sequence[str]) -> str:
    more = f" and {number - len(first):,} more" if number > len(first) else ""
    return (
        f"{number:,} rows begin in the minute in which an entry of the same person begins that was"
        f" sent already, and say otherwise: {', '.join(first)}{more}. They count as other work. If"
        " they are corrections, the sent ones must be taken back in QuickBooks."
    )


def _tracker(files: Sequence[FileRead]) -> str:
    trackers = {file.tracker for file in files}
    return trackers.pop() if len(trackers) == 1 else "the time tracker"


def _not_all_good(report: ImportReport) -> AskPerson:
    bad = list(islice(report.set_aside, _NAMED_LINES))
    lines = "; ".join(f"{row['file']}, line {row['line']}: {row['problem']}" for row in bad)
    more = len(report.set_aside) - len(bad)
    return AskPerson(
        f"{len(report.set_aside):,} rows cannot be read, and --strict takes all or none: {lines}"
        f"{f'; and {more:,} more' if more else ''}. Mend them, or leave --strict out. Nothing was"
        " sent."
    )
