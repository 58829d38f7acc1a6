"""The reports of `send`, `import`, `settle`, `entries` and `plans` on a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from textwrap import shorten
from typing import Any

from rich.padding import Padding
from rich.text import Text

from flows.cli.output import Output
from flows.cli.tables import (
    MOST_ROWS,
    Row,
    for_people,
    lesser,
    local_time,
    number,
    show_table,
    state_text,
    text,
    whole,
)
from flows.text import (
    OVERRIDES,
    clean,
    entries,
    headline,
    hours,
    local_day,
    money,
    project_name,
    typed,
)
from schemas.quickbooks import Company
from schemas.words import STATE_OF, Reason
from transforms.plan.summary import Overview

#: Groups of entries that are told apart; the entries of others are counted.
MOST_GROUPS = 1000

#: Letters of a description in a list of entries.
MOST_LETTERS = 40

#: Rows of a table of sums; a plan has two of them before the question.
MOST_SUMS = 12

_ORDER = {str(reason): place for place, reason in enumerate(Reason)}

_PLAN_STYLE = {"waiting": "yellow", "approved": "green"}


@dataclass
class Told:
    """What the plan has told already; the result tells what is new.

    Attributes:
        lines: Notes, and how each file was read.
        counts: How many entries stay behind, by state and reason.
        groups: Reason and detail of those that a person can do something about.
    """

    lines: set[str] = field(default_factory=set)
    counts: list[Any] = field(default_factory=list)
    groups: set[tuple[str, str]] = field(default_factory=set)


def show_job(output: Output, document: Mapping[str, Any], told: Told) -> None:
    """Show what a send or an import did, or would do: what goes, what does not, why, what to do."""
    if output.as_json:
        return
    for file in document.get("files", ()):
        _tell_once(output, told, f"{file['file']}: {file['message']}", style="dim")
    output.say(summary(document), style="bold")
    for note in document["notes"]:
        _tell_once(output, told, f"Note: {note}")
    counts = [document["counts"][state] for state in ("skipped", "rejected", "in_doubt")]
    if counts != told.counts:
        _show_reasons(output, document["counts"])
    groups, more = _groups(document["entries"])
    new = {key: group for key, group in groups.items() if key not in told.groups}
    _show_to_do(output, new, more, repeated=sum(groups[key].number for key in groups.keys() - new))
    if not told.counts:
        _show_set_aside(output, document["set_aside"])
    told.counts, told.groups = counts, told.groups | set(groups)
    if document["stopped"]:
        output.say(f"The run ended early: {document['stopped']}", style="red")


def _tell_once(output: Output, told: Told, line: str, style: str = "") -> None:
    if line not in told.lines:
        output.say(line, style=style)
    told.lines.add(line)


def show_sums(output: Output, seen: Overview, currency: str) -> None:
    """Show whose time would go, and for whom, with the hours and the amounts."""
    if not seen.totals["entries"]:
        return
    output.say(f"{headline(seen.totals, currency)} would go.", style="bold")
    for what, title in (("user", "Who"), ("place", "Project")):
        sums = seen.per(what)
        rows = [
            (
                row[0],
                f"{row.entries:,}",
                hours(row.minutes),
                hours(row.billable_minutes),
                money(row.amount_cents, currency),
            )
            for row in sums.itertuples(index=False)
        ]
        amounts = map(number, ("Entries", "Time", "Billable", "Amount"))
        more = "--csv FILE writes every entry"
        show_table(output, (title, *amounts), rows, most=MOST_SUMS, more=more)


def question(document: Mapping[str, Any], seen: Overview, company: Company | None) -> str:
    """Return what a person is asked before anything is sent."""
    days = " … ".join(dict.fromkeys(seen.days))
    ready = entries(document["counts"]["ready"])
    name = f", to {company.name}" if company else ""
    return f"Send {ready} to QuickBooks: {hours(seen.totals['minutes'])}, {days}{name}?"


def summary(document: Mapping[str, Any]) -> str:
    """Return in one line what a send or its plan comes to."""
    counts = document["counts"]
    if document["dry_run"]:
        minutes = sum(row["minutes"] for row in document["entries"] if row["state"] == "ready")
        parts = [f"{counts['ready']:,} would be sent ({hours(minutes)})"]
    else:
        parts = [f"{counts['sent']:,} sent ({hours(document['minutes_sent'])})"]
    waiting = counts["skipped"].get(Reason.WAITING_FOR_REVIEW, 0)
    others = {
        "waiting for review": waiting,
        "skipped": sum(counts["skipped"].values()) - waiting,
        "rejected": sum(counts["rejected"].values()),
        "in doubt": counts["in_doubt"],
    }
    parts += [f"{count:,} {state}" for state, count in others.items() if count]
    return f"{counts['extracted']:,} entries: {', '.join(parts)}."


@for_people
def show_settled(output: Output, document: Mapping[str, Any]) -> None:
    """Show what became of the entries in doubt."""
    output.say(document["message"] or "Nothing is in doubt.", style="bold")
    for entry_id in document["in_doubt"]:
        output.say(f"  {entry_id} is still in doubt; the next run asks again.")
    for note in document["notes"]:
        output.say(f"Note: {note}")


def show_entries(output: Output, found: Sequence[Row], *, live: bool) -> None:
    """Show entries side by side: sent with their ids, unsent with their reasons."""
    if output.as_json:
        return
    minutes = sum(row["minutes"] or 0 for row in found)
    output.say(f"{entries(len(found))}, {hours(minutes)}.", style="bold")
    rows = [
        (
            row["date"],
            (row["start"] or "")[11:16],
            row["user"],
            project_name(row),
            shorten(row["description"] or "", MOST_LETTERS, placeholder="…"),
            hours(row["minutes"]),
            "" if row["amount_cents"] is None else money(row["amount_cents"], ""),
            state_text(row["state"]),
            row["reason"] or row["time_activity_id"],
            (row["sent_at"] or "")[:10],
            row["plan"],
        )
        for row in found
    ]
    columns = (
        whole("Day"), lesser("Start", 2), "Who", "Project", lesser("What", 1, no_wrap=False),
        number("Time"), lesser("Amount", 3, justify="right"), "State", "Id, or reason",
        lesser("Sent", 4), lesser("Plan", 5),
    )  # fmt: skip
    more = "narrow it with --state, --start, --end, --user or --project, or write all with --csv"
    show_table(output, columns, rows, more=more)
    _show_to_do(output, *_groups(found), repeated=0)
    if not live:
        output.say("This leaves out days that no run has read: with --live, Clockify is asked.")


@for_people
def show_plans(output: Output, document: Mapping[str, Any]) -> None:
    """Show the plans that somebody reviews, and where those that wait are decided."""
    found, zone = document["plans"], document["timezone"]
    if not found:
        output.say("There are no plans yet. A send with `review` on, in Prefect, makes one.")
        return
    rows = [
        (
            row["plan"],
            f"{row['start']} … {row['end']}",
            f"{row['entries']:,}",
            hours(row["minutes"]),
            text(row["state"], _PLAN_STYLE.get(row["state"], "dim")),
            f"{row['decider']}, {local_day(row['decided_at'], zone)}" if row["decided_at"] else "",
            row["note"],
        )
        for row in found
    ]
    columns = ("Plan", "Days", number("Entries"), number("Time"), "State", "Decided", "Note")
    show_table(output, columns, rows)
    for row in found:
        if row["state"] == "waiting":
            until = local_time(row["expires_at"], zone)
            output.say(
                f"Plan {row['plan']} waits until {until}. To decide, press"
                f" Resume at {row['address']}; to drop it, run `clockbooks plans --withdraw"
                f" {row['plan']}`."
            )


@for_people
def show_plan_entries(output: Output, found: Sequence[Row]) -> None:
    """Show the entries of a plan, by the numbers that the form takes."""
    rows = [
        (
            row["number"],
            row["date"],
            row["user"],
            project_name(row),
            hours(row["minutes"]),
            row["description"],
            text("left out" if row["left_out"] else "", "yellow"),
        )
        for row in found
    ]
    columns = (number("No."), "Day", "Who", "Project", number("Time"), "Description", "")
    show_table(output, columns, rows, more="write all of them with --csv FILE")


def _show_reasons(output: Output, counts: Mapping[str, Any]) -> None:
    numbers = counts["skipped"] | counts["rejected"]
    if counts["in_doubt"]:
        numbers |= {str(Reason.UNCONFIRMED): counts["in_doubt"]}
    rows = [
        (state_text(STATE_OF[reason]), reason, f"{numbers[reason]:,}")
        for reason in Reason
        if reason in numbers
    ]
    show_table(output, ("State", "Reason", number("Entries")), rows, title="Not sent")


@dataclass
class _Group:
    """Entries that one and the same act of a person fixes."""

    number: int = 0
    users: set[str] = field(default_factory=set)
    projects: set[str] = field(default_factory=set)
    first_day: str = "9999"
    last_day: str = ""

    def add(self, row: Row) -> None:
        self.number += 1
        self.users.add(row["user"] or "(no name)")
        self.projects.add(project_name(row))
        self.first_day = min(self.first_day, row["date"])
        self.last_day = max(self.last_day, row["date"])

    @property
    def where(self) -> str:
        few = len(self.projects) == 1
        return next(iter(self.projects)) if few else f"{len(self.projects)} projects"

    @property
    def days(self) -> str:
        first, last = self.first_day, self.last_day
        if first == last:
            return first
        return f"{first} … {last[5:] if first[:4] == last[:4] else last}"


def _groups(rows: Iterable[Row]) -> tuple[dict[tuple[str, str], _Group], int]:
    """Return what a person can do something about, and how many entries are in no group."""
    groups: dict[tuple[str, str], _Group] = {}
    more = 0
    for row in rows:
        key = (row["reason"], row["detail"])
        waits = row["reason"] == Reason.WAITING_FOR_REVIEW
        if row["state"] not in {"rejected", "in_doubt"} and not waits:
            continue
        if key in groups or len(groups) < MOST_GROUPS:
            groups.setdefault(key, _Group()).add(row)
        else:
            more += 1
    return groups, more


def _show_to_do(
    output: Output, groups: Mapping[tuple[str, str], _Group], more: int, *, repeated: int
) -> None:
    """Show what to do, once for all entries that it fixes."""
    if groups:
        output.say("What to do", style="bold")
    in_order = sorted(groups.items(), key=lambda group: _ORDER[group[0][0]])
    for (reason, detail), group in in_order[:MOST_ROWS]:
        _show_group(output, reason, detail, group)
    more += sum(group.number for _, group in in_order[MOST_ROWS:])
    if more:
        output.say(f"… and {more:,} more entries: clockbooks entries --state rejected")
    if repeated:
        output.say(f"See above for what to do about {entries(repeated)}.")


def _show_group(output: Output, reason: str, detail: str, group: _Group) -> None:
    head = Text.assemble(
        (f"{group.number:>5,} × ", "bold"),
        (reason, "yellow"),
        clean(f"  {_few(group.users)}, {group.where}"),
        (f", {group.days}", "dim"),
    )
    option = OVERRIDES.get(reason)
    anyway = f" Add {typed(option)} to send it again unchanged." if option else ""
    output.console.print(Padding(head, (0, 0, 0, 1), expand=False))
    output.console.print(Padding(text(detail + anyway), (0, 0, 0, 9), expand=False))


def _show_set_aside(output: Output, rows: Iterable[Row]) -> None:
    """Show which rows are no entries, and where they are."""
    left = iter(rows)
    for row in islice(left, MOST_ROWS):
        where = f"{row['file']}, line {row['line']}" if row.get("file") else row["entry_id"]
        output.say(f"Not an entry, so left out: {where or 'no id'}: {row['problem']}")
    more = sum(1 for _ in left)
    if more:
        output.say(f"… and {more:,} more; --json lists all of them.")


def _few(names: Iterable[str]) -> str:
    """Name a few, count the others."""
    different = sorted(names)
    if len(different) <= 3:
        return ", ".join(different)
    return f"{', '.join(different[:2])} and {len(different) - 2} others"
