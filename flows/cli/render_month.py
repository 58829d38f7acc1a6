"""The report of `month` on a terminal."""

from collections.abc import Mapping
from typing import Any

from flows.cli.output import Output
from flows.cli.tables import for_people, number, show_table
from flows.sending.month import in_ledger_note
from flows.text import OUTCOME_TITLES, hours, money


@for_people
def show_month(output: Output, document: Mapping[str, Any]) -> None:
    """Show what was tracked in a month, and what became of it, by person and project."""
    totals = document["totals"]
    shares = ", ".join(
        f"{hours(totals[f'{outcome}_minutes'])} {title.lower()}"
        for outcome, title in OUTCOME_TITLES.items()
    )
    output.say(
        f"{document['month']}: {hours(totals['minutes'])} in Clockify = {shares}.", style="bold"
    )
    for note in [*document["notes"], *in_ledger_note(document)]:
        output.say(f"Note: {note}")
    for rows, title in (("people", "Who"), ("projects", "Project")):
        _show_sums(output, document, rows, title)
    why = [
        (OUTCOME_TITLES[row["outcome"]], row["reason"], f"{row['entries']:,}",
         hours(row["minutes"]), money(row["amount_cents"], document["currency"]))
        for row in document["reasons"] if row["outcome"] != "sent"
    ]  # fmt: skip
    columns = ("", "Reason", number("Entries"), number("Time"), number("Billable amount"))
    show_table(output, columns, why, title="Why it is not in QuickBooks")
    if totals["open_minutes"] or totals["not_sent_minutes"]:
        output.say(
            f"What to do about each: clockbooks send --start {document['start']} --end"
            f" {document['end']} --dry-run"
        )


def _show_sums(output: Output, document: Mapping[str, Any], rows: str, title: str) -> None:
    def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
        times = [row["minutes"], *(row[f"{outcome}_minutes"] for outcome in OUTCOME_TITLES)]
        amounts = (row["amount_cents"], row["sent_amount_cents"])
        return (*map(hours, times), *(money(one, "") for one in amounts))

    names = (
        "Tracked",
        *OUTCOME_TITLES.values(),
        f"Billable {document['currency']}".strip(),
        "of it sent",
    )
    found = [(row["name"], *cells(row)) for row in document[rows]]
    more = "--csv FILE writes all of them"
    show_table(output, (title, *map(number, names)), found, more=more)
