"""The pages of a reconciliation and of a recall, made from their documents."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from flows.pages.charts import sides_chart
from flows.pages.pages import MOST_LINES, PageContext
from flows.pages.safe_markdown import picture, safe, sentence, table
from flows.text import SIDES, VERDICTS, differing, entries, hours, marking, project_name

#: Most rows of a table that is an artifact of its own.
MOST_ROWS = 500

Document = Mapping[str, Any]


def drift_page(document: Document, place: PageContext) -> str:
    """Return the page of a reconciliation: what differs, and the totals of all sides."""
    totals, days = document["totals"], f"{document['start']} … {document['end']}"
    drawn = sides_chart(totals["weeks"])
    found = ", ".join(f"{n:,} {VERDICTS[verdict]}" for verdict, n in document["counts"].items())
    dry = " (dry run: nothing was changed)" if document["dry_run"] else ""
    end = (
        f"On the command line, `clockbooks reconcile --start {document['start']} --end"
        f" {document['end']} --csv entries.csv --totals-csv totals.csv --connection"
        f" {place.connection}` writes all of it."
    )
    parts = [
        f"# {'Drifted' if document['left'] else 'In agreement'}: {days}{dry}\n",
        f"**{found or 'There is nothing to compare'}.**\n",
        *[f"- {sentence(note, 600)}" for note in [*document["notes"], *marking(document)]],
        "",
        _sums(("Total",), [{**totals, "Total": "Everything"}], place),
        _some_sums("People and weeks that differ", ("user", "week"), totals["weeks"], place),
        _some_sums("Projects that differ", ("client", "project"), totals["projects"], place),
        picture("Hours per week: Clockify, sent, QuickBooks", drawn) if drawn else "",
        _differences(document),
        end,
    ]
    return "\n".join(parts)


def drift_rows(document: Document) -> list[dict[str, Any]]:
    """Return what differs as rows of a table."""
    return [
        {
            **_looks(item),
            "Found": VERDICTS[item["verdict"]],
            "Clockify, sent, QuickBooks": safe(_differs(item), 400),
            "Repair": item["repair"] or "",
            "What to do": sentence(item["detail"] or "", 600),
        }
        for item in islice(document["entries"], MOST_ROWS)
    ]


def recall_page(document: Document, place: PageContext) -> str:
    """Return the page of a recall: what was taken back, what stays, and why."""
    counts, dry = document["counts"], document["dry_run"]
    number = counts["ready"] if dry else counts["recalled"]
    staying = [item for item in document["entries"] if item["detail"]]
    verb = "would be taken out of QuickBooks" if dry else "taken out of QuickBooks"
    title = "Recall (dry run: nothing was changed)" if dry else "Recalled"
    end = (
        f"Run `{document['run_id'] or 'none'}`. The next send sends the entries again; `clockbooks"
        f" entries --state recalled --connection {place.connection}` lists them."
    )
    parts = [
        f"# {title}\n",
        f"**{entries(number)} {verb}.** What stays: {len(staying):,}.\n",
        *[f"- {sentence(note, 600)}" for note in document["notes"]],
        *_listed("What stays, and why", staying),
        end,
    ]
    return "\n".join(parts)


def recall_rows(document: Document) -> list[dict[str, Any]]:
    """Return the entries of a recall as rows of a table."""
    return [
        {
            **_looks(item),
            "State": item["state"].replace("_", " "),
            "Why": sentence(item["detail"] or "", 600),
        }
        for item in islice(document["entries"], MOST_ROWS)
    ]


def _looks(item: Mapping[str, Any]) -> dict[str, str]:
    return {
        "Day": item["date"] or "",
        "Who": safe(item["user"] or ""),
        "Project": safe(project_name(item)),
        "Time": hours(item["minutes"]),
    }


def _some_sums(
    title: str, names: Sequence[str], sums: Sequence[Mapping[str, Any]], place: PageContext
) -> str:
    found = [one for one in sums if differing(one)]
    if not found:
        return ""
    more = f"… and {len(found) - MOST_LINES:,} more.\n" if len(found) > MOST_LINES else ""
    return f"## {title}\n\n{_sums(names, found[:MOST_LINES], place)}{more}"


def _sums(names: Sequence[str], sums: Sequence[Mapping[str, Any]], place: PageContext) -> str:
    rows = [
        (
            *[safe(one[name] or "none") for name in names],
            *[hours(one["minutes"][side]) for side in SIDES],
            *[f"{one['amounts'][side]} {place.currency}".rstrip() for side in _WITH_AMOUNT],
        )
        for one in sums
    ]
    amounts = [f"Amount: {SIDES[side]}" for side in _WITH_AMOUNT]
    heads = (*[name.capitalize() for name in names], *SIDES.values(), *amounts)
    return table(heads, rows, right=heads[len(names) :])


#: Sides whose amounts should be the same.
_WITH_AMOUNT = ("rounded", "ledger", "quickbooks")


def _differences(document: Document) -> str:
    items = islice(document["entries"], MOST_LINES + 1)
    return "\n".join(_listed("What differs, and what to do", list(items)))


def _listed(title: str, items: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return entries as a list; in a table, Prefect would cut long sentences."""
    found = list(items)
    if not found:
        return []
    lines = [
        f"- **{item['date']}, {safe(item['user'] or '')}**, {safe(project_name(item))},"
        f" {hours(item['minutes'])}: {_said(item)}"
        for item in found[:MOST_LINES]
    ]
    more = ["- … and more: see the table."] if len(found) > MOST_LINES else []
    return [f"## {title}\n", *lines, *more, ""]


def _said(item: Mapping[str, Any]) -> str:
    parts = [_differs(item) if "differs" in item else "", item.get("repair"), item["detail"]]
    return sentence(". ".join(part.rstrip(".") for part in parts if part), 600)


def _differs(item: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{field}: {', '.join(f'{side} {value}' for side, value in sides.items())}"
        for field, sides in item["differs"].items()
    )
