"""The reports of `reconcile` and `recall` on a terminal."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

from rich.padding import Padding

from flows.cli.output import Output
from flows.cli.tables import MOST_ROWS, for_people, number, show_table, text, whole
from flows.reconciliation.report import DONE
from flows.text import SIDES, VERDICTS, differing, hours, marking, project_name


def show_reconciliation(
    output: Output, document: Mapping[str, Any], *, show_all: bool = False
) -> None:
    """Show what differs, what was done about it, and the totals of all sides.

    Totals of people, weeks and projects are shown where they differ; all of them with *show_all*.
    """
    if output.as_json:
        return
    counts = document["counts"]
    parts = [f"{n:,} {VERDICTS[verdict]}" for verdict, n in counts.items()]
    days = f"{document['start']} to {document['end']}"
    output.say(f"{days}: {', '.join(parts) or 'nothing to compare'}.", style="bold")
    for note in [*document["notes"], *marking(document)]:
        output.say(f"Note: {note}")
    _show_differences(output, document)
    totals = document["totals"]
    weeks, projects = (
        [one for one in totals[of] if show_all or differing(one)] for of in ("weeks", "projects")
    )
    show_table(
        output,
        ("Who", whole("Week of"), *map(number, SIDES.values())),
        [(one["user"], one["week"], *_sums(one)) for one in weeks],
        more="write all with --totals-csv",
    )
    show_table(
        output,
        ("Project", *map(number, SIDES.values())),
        [(project_name(one), *_sums(one)) for one in projects],
        more="--json lists all of them",
    )
    show_table(output, ("All", *map(number, SIDES.values())), [("", *_sums(totals))])


def _sums(one: Mapping[str, Any]) -> list[str]:
    """Return the time of each side, with the amount below it."""
    return [f"{hours(one['minutes'][side])}\n{one['amounts'][side]}" for side in SIDES]


def _show_differences(output: Output, document: Mapping[str, Any]) -> None:
    entries = document["entries"]
    items = list(islice(entries, MOST_ROWS))
    rows = [
        (
            item["date"],
            item["user"],
            project_name(item),
            hours(item["minutes"]),
            text(VERDICTS[item["verdict"]], "dim" if item["verdict"] == "agrees" else "yellow"),
            _differs(item),
            item["repair"] or item["blocked"] or "",
        )
        for item in items
    ]
    columns = (
        whole("Day"), "Who", "Project", number("Time"), "Found", "Clockify, sent, QuickBooks",
        "Repair",
    )  # fmt: skip
    show_table(output, columns, rows)
    if len(entries) > MOST_ROWS:
        output.say(f"… and {len(entries) - MOST_ROWS:,} more: write all with --csv.")
    to_do = Counter(item["detail"] for item in items if item["repair"] not in DONE)
    if any(to_do):
        output.say("What to do", style="bold")
    for detail, times in to_do.items():
        if detail:
            line = text(f"{times:>5,} × {detail}")
            output.console.print(Padding(line, (0, 0, 0, 1), expand=False))


def _differs(item: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{field}: {', '.join(f'{value}' for value in sides.values())}"
        for field, sides in item["differs"].items()
    )


@for_people
def show_recall(output: Output, document: Mapping[str, Any]) -> None:
    """Show what was taken back, and what stays and why."""
    counts = document["counts"]
    done = "recalled" if not document["dry_run"] else "would be recalled"
    parts = [f"{counts.get('ready', counts['recalled']):,} {done}"]
    parts += [f"{n:,} stay ({reason})" for reason, n in counts["refused"].items()]
    parts += [f"{counts['in_doubt']:,} in doubt"] * bool(counts["in_doubt"])
    output.say(f"{', '.join(parts)}.", style="bold")
    for note in document["notes"]:
        output.say(f"Note: {note}")
    staying = (item for item in document["entries"] if item["detail"])
    rows = [
        (item["date"], item["user"], project_name(item), hours(item["minutes"]), item["detail"])
        for item in islice(staying, MOST_ROWS)
    ]
    if rows:
        show_table(output, ("Day", "Who", "Project", number("Time"), "Why it stays"), rows)
