"""The reports of `clockbooks rules` on a terminal."""

from collections.abc import Mapping
from typing import Any

from flows.cli.output import Output
from flows.cli.tables import for_people, number, show_table
from flows.text import project_name


@for_people
def show_rules(output: Output, document: Mapping[str, Any]) -> None:
    """Show the rules in their order, and what is wrong with them."""
    rules = document["rules"]
    output.say(
        f"{len(rules):,} rules. For each kind, the first that matches decides.", style="bold"
    )
    show_table(
        output,
        (number("Rule"), "Gives", "Name", "To entries with"),
        [(row["number"], gives(row), row["name"], conditions(row["when"])) for row in rules],
    )
    for row in rules:
        if row["detail"]:
            output.say(row["detail"], style="yellow")
    for note in document["notes"]:
        output.say(f"Note: {note}")


@for_people
def show_explained(output: Output, document: Mapping[str, Any]) -> None:
    """Show which rules match an entry, and which decides."""
    what = [document["date"], document["user"], project_name(document)]
    what += [f"task {document['task']}"] * bool(document["task"])
    what += [f"tags {document['tags']}"] * bool(document["tags"])
    what.append("billable" if document["billable"] else "not billable")
    output.say(", ".join(map(str, what)), style="bold")
    show_table(
        output,
        (number("Rule"), "Gives", "Name", "To entries with", "This entry"),
        [
            (row["number"], gives(row), row["name"], conditions(row["when"]), _verdict(row))
            for row in document["rules"]
        ],
    )
    for row in document["decided"]:
        output.say(row["detail"] or f"Its {gives(row)} is {row['name']}, by rule {row['number']}.")
    if not document["decided"]:
        output.say("No rule decides about it.")
    for note in document["notes"]:
        output.say(f"Note: {note}")


def gives(row: Mapping[str, Any]) -> str:
    """Return what a rule gives, as people read it."""
    return str(row["gives"]).replace("_", " ")


def _verdict(row: Mapping[str, Any]) -> str:
    if row["decides"]:
        return "decides"
    return f"not its {', '.join(row['not_met'])}" if row["not_met"] else "a rule before decides"


def conditions(when: Mapping[str, Any]) -> str:
    """Return the conditions of a rule, as people read them."""
    parts = [
        ("billable" if value else "not billable") if name == "billable" else f"{name} {value}"
        for name, value in when.items()
    ]
    return ", ".join(parts) or "(all)"


@for_people
def show_pay_types(output: Output, document: Mapping[str, Any]) -> None:
    """Show which id each pay type has for each employee."""
    rows = document["pay_types"]
    output.say(f"{len(rows):,} pay types of employees are known.", style="bold")
    show_table(
        output,
        ("Employee", "Id", "Pay type", "Its id", "Known"),
        [
            (
                row["employee"] or "(not linked)",
                row["qbo_id"],
                row["name"] or "(no name)",
                row["pay_type_id"],
                "by hand" if row["origin"] == "by_hand" else "from time in QuickBooks",
            )
            for row in rows
        ],
    )
