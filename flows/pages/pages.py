"""The pages in Prefect's interface: a plan before it is sent, and the result.

They are markdown and tables, made from an `Overview`; `flows.pages.publish` publishes them. Long
lists end with a count of the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from connectors.store.plans import StoredPlan
from flows.pages.charts import hours_chart
from flows.pages.safe_markdown import picture, safe, sentence, table
from flows.text import OVERRIDES, headline, hours, money, named, reason_text
from transforms.plan.summary import Overview

#: How the paragraph of a plan's page begins that goes once it is decided.
_TO_DECIDE = "**To decide**"

#: Files that a title names; the others are counted.
_NAMED_FILES = 3

#: Most rows of a table on a page; the others are counted.
MOST_LINES = 40


@dataclass(frozen=True)
class PageContext:
    """What a page needs to know about its run and its readers.

    Attributes:
        connection: The connection's name.
        timezone: For times.
        currency: The company's; empty when unknown.
        run_address: Of the run's own page; `None` without a server.
    """

    connection: str
    timezone: Any
    currency: str
    run_address: str | None

    def time(self, instant: datetime) -> str:
        """Return an instant for people, with its time zone."""
        return f"{instant.astimezone(self.timezone):%Y-%m-%d %H:%M} ({self.timezone.key})"

    def money(self, cents: int) -> str:
        """Return an amount with its currency."""
        return money(cents, self.currency)


def plan_page(
    plan: StoredPlan, seen: Overview, document: Mapping[str, Any], place: PageContext
) -> str:
    """Return the page of a plan that waits for a decision."""
    here = f"[this run's page]({place.run_address})" if place.run_address else "this run's page"
    until = place.time(plan.expires_at) if plan.expires_at else ""
    changes = (
        "Leave the files where they are until then: if one has changed, nothing is sent."
        if plan.files
        else "What changes in Clockify before then waits for the next run."
    )
    decide = (
        f"{_TO_DECIDE}, press **Resume** at the top right of {here} (in Prefect's new interface:"
        " **⋮**, then **Resume**). You can approve all of it, leave out people, projects or"
        f" entries, or reject it. If nobody decides by **{until}**, nothing is sent.\n"
    )
    return _lines(
        f"# Plan {plan.id}: {plan.first_day} … {plan.last_day}{of_files(plan)}\n",
        f"**{headline(seen.totals, place.currency)} would go to QuickBooks.** {_staying(seen)}\n",
        decide,
        _notes(document["notes"]),
        _people(seen, place),
        _remedies(seen),
        _set_aside(document["set_aside"]),
        _projects(seen, place),
        _files(document.get("files", ())),
        f"The plan's fingerprint: `{plan.fingerprint}`. Exactly this is sent. {changes}",
    )


def of_files(plan: StoredPlan) -> str:
    """Return the names of the files that a plan was made of, after its days; empty of a send."""
    names = [Path(one.path).name for one in plan.files]
    return f", from {safe(named(names, _NAMED_FILES))}" if names else ""


def decided_page(page: str, plan: StoredPlan, place: PageContext) -> str:
    """Return the page of a plan once it is decided."""
    lines = page.split("\n")
    return "\n".join(
        _decision(plan, place) if line.startswith(_TO_DECIDE) else line for line in lines
    )


def result_page(
    document: Mapping[str, Any], seen: Overview, place: PageContext, plan: StoredPlan | None
) -> str:
    """Return the page with the result of a send or an import."""
    counts = document["counts"]
    dry = " (dry run: nothing was sent)" if document["dry_run"] else ""
    verb = "would go to" if document["dry_run"] else "went to"
    name = f"--connection {place.connection}"
    stopped = f"**It ended early:** {sentence(document['stopped'], 400)}\n"
    going = headline(seen.totals, place.currency)
    return _lines(
        f"# {_title(document)}{dry}\n",
        f"**{going} {verb} QuickBooks**, of {counts['extracted']:,} that were read."
        f" {_staying(seen)}\n",
        _decision(plan, place) if plan else [],
        stopped if document["stopped"] else [],
        _notes(document["notes"]),
        _remedies(seen),
        _set_aside(document["set_aside"]),
        _people(seen, place),
        _projects(seen, place),
        _files(document.get("files", ())),
        f"Run `{document['run_id'] or 'none'}`. On the command line, `clockbooks entries"
        f" --state rejected {name}` lists what was rejected, and `clockbooks entries --csv"
        f" entries.csv {name}` writes everything.",
    )


def _lines(*parts: str | list[str]) -> str:
    """Join lines, and lists of lines, to a page."""
    return "\n".join(line for part in parts for line in ([part] if isinstance(part, str) else part))


def _title(document: Mapping[str, Any]) -> str:
    counts = document["counts"]
    if document["dry_run"]:
        return "Plan"
    if document["stopped"] or counts["in_doubt"] or counts["rejected"]:
        return "Sent in part"
    return "Sent"


def _staying(seen: Overview) -> str:
    number = int(seen.staying["entries"].sum())
    if not number:
        return "Nothing stays behind."
    return f"{number:,} {'stays' if number == 1 else 'stay'} behind; see below why, and what to do."


def _decision(plan: StoredPlan, place: PageContext) -> str:
    when = f" on {place.time(plan.decided_at)}" if plan.decided_at else ""
    note = f": “{safe(plan.note, 400)}”" if plan.note else "."
    return f"Plan {plan.id} was {plan.state} by **{safe(plan.decider)}**{when}{note}\n"


def _notes(notes: Sequence[str]) -> list[str]:
    return [f"- {sentence(note, 600)}" for note in notes] + ([""] if notes else [])


def _people(seen: Overview, place: PageContext) -> list[str]:
    if seen.going.empty:
        return []
    drawn = hours_chart(seen.weekly_minutes())
    return [
        "## People\n",
        _sum_table(seen.per("user"), "Who", place),
        *([picture("Hours per person and week", drawn)] if drawn else []),
    ]


def _projects(seen: Overview, place: PageContext) -> list[str]:
    if seen.going.empty:
        return []
    return ["## Projects\n", _sum_table(seen.per("place"), "Project", place)]


def _sum_table(sums: pd.DataFrame, what: str, place: PageContext) -> str:
    shown, rest = sums.head(MOST_LINES), sums.iloc[MOST_LINES:]
    if len(rest):
        shown.loc[len(shown)] = [f"… and {len(rest):,} more", *rest.iloc[:, 1:].sum()]
    rows = [
        (
            safe(row[0]),
            f"{row.entries:,}",
            hours(row.minutes),
            hours(row.billable_minutes),
            place.money(row.amount_cents),
        )
        for row in shown.itertuples(index=False)
    ]
    heads = (what, "Entries", "Time", "Billable", "Amount")
    return table(heads, rows, right=heads[1:])


def _remedies(seen: Overview) -> list[str]:
    """Return what stays behind as a list; in a table, Prefect would cut long sentences."""
    acts = seen.remedies()
    if acts.empty:
        return []
    more = int(acts.iloc[MOST_LINES:]["entries"].sum())
    return [
        "## What stays behind, and what to do\n",
        *[
            f"- **{row['entries']:,} × {reason_text(row['reason'])}**"
            f" ({row['state'].replace('_', ' ')}): {safe(row['who'])}, {safe(row['where'])},"
            f" {_days(row)}  \n  {_remedy(row)}"
            for row in acts.head(MOST_LINES).to_dict("records")
        ],
        *([f"- … and {more:,} more entries, for other reasons."] if more else []),
        "",
    ]


def _remedy(row: Mapping[str, Any]) -> str:
    option = OVERRIDES.get(row["reason"])
    anyway = f" Set {option} to send it again unchanged." if option else ""
    return sentence(f"{row['detail']}{anyway}", 600)


def _set_aside(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return which rows are no entries, and why: a send's by id, those of files by line."""
    shown, number = [], 0
    for number, row in enumerate(rows, start=1):
        if number <= MOST_LINES:
            where = f"{row['file']}, line {row['line']}" if row.get("file") else row["entry_id"]
            shown.append(f"- {safe(where or 'no id')}: {sentence(row['problem'], 600)}")
    if not shown:
        return []
    if number > MOST_LINES:
        shown.append(f"- … and {number - MOST_LINES:,} more.")
    return ["## Rows that are no entries\n", *shown, ""]


def _files(files: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how each file was read."""
    if not files:
        return []
    lines = [f"- **{safe(file['file'])}**: {sentence(file['message'], 600)}" for file in files]
    return ["## Files\n", *lines, ""]


def _days(row: Mapping[str, Any]) -> str:
    if row["first_day"] == row["last_day"]:
        return str(row["first_day"])
    return f"{row['first_day']} … {row['last_day']}"


def entry_rows(plan: StoredPlan, seen: Overview, place: PageContext) -> list[dict[str, Any]]:
    """Return the first entries to send as rows of a table; the form takes their `No.`."""
    rows = [
        {
            "No.": number,
            "Day": row.date,
            "Who": safe(row.user),
            "Time": hours(int(row.minutes)),
            "Amount": place.money(int(row.amount_cents)) if row.billable else "not billable",
            "Project": safe(row.place),
            "What": safe(row.description),
        }
        for number, row in enumerate(seen.shown.itertuples(index=False), start=1)
    ]
    more = seen.totals["entries"] - len(rows)
    if more > 0:
        last = dict.fromkeys(rows[0], "")
        hint = (
            f"All of them: clockbooks plans --entries {plan.id} --csv plan.csv"
            f" --connection {place.connection}"
        )
        rows.append(last | {"No.": "…", "Who": f"and {more:,} more", "What": hint})
    return rows


def remedy_rows(seen: Overview) -> list[dict[str, Any]]:
    """Return what stays behind as rows of a table."""
    acts = seen.remedies()
    return [
        {
            "Entries": int(row["entries"]),
            "Reason": reason_text(row["reason"]),
            "Who": safe(row["who"]),
            "What to do": _remedy(row),
            "Where": safe(row["where"]),
            "Days": _days(row),
            "State": row["state"].replace("_", " "),
        }
        for row in acts.head(500).to_dict("records")
    ]
