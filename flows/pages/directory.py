"""The page of a sync: who and what is linked, and what somebody has to decide."""

from collections.abc import Mapping, Sequence
from typing import Any

from flows.directory.sync_report import SIDES, sync_summary
from flows.pages.pages import MOST_LINES
from flows.pages.safe_markdown import safe, sentence

#: The lists of the document, in the order in which people look.
_LISTS = {
    "not_created": "Not created",
    "created": "Created",
    "near_misses": "Near misses, not linked",
    "ambiguous": "Ambiguous: which one is meant?",
    "unlinked": "Unlinked by hand",
    "excluded": "Never sent",
    "invited": "Invited to Clockify, not accepted yet",
    "missing": "Only on one side",
}


def sync_page(document: Mapping[str, Any]) -> str:
    """Return the page of a sync, made from its document."""
    dry = " (dry run: nothing was changed)" if document["dry_run"] else ""
    notes = [change["why"] for change in document["changes"]]
    notes += [f"Cannot be read, so left out: {problem}" for problem in document["set_aside"]]
    notes += [rule["detail"] for rule in document["rules"] if rule["detail"]]
    parts = [
        f"# People and projects{dry}\n",
        f"**{sync_summary(document)}**\n",
        *[f"- {sentence(note, 600)}" for note in [*notes, *document["notes"]]],
        "",
        *[_listed(title, document[name]) for name, title in _LISTS.items() if document[name]],
    ]
    if document["near_misses"] or document["ambiguous"]:
        parts.append(
            "Make the names match; or start `sync-directory/review`, and choose on its page; or use"
            " `clockbooks link user CLOCKIFY_ID QBO_ID` and `clockbooks link project CLOCKIFY_ID"
            " QBO_ID`."
        )
    return "\n".join(parts)


def _listed(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return a list: in a table, Prefect would cut what is long."""
    lines = []
    for row in rows[:MOST_LINES]:
        names = [
            _named(row["clockify_name"], row["clockify_id"]),
            _named(row["qbo_name"], row["qbo_id"]),
        ]
        why = sentence(row.get("why") or _missing(row), 300)
        lines.append(f"- {row['kind']} {' — '.join(filter(None, names))}{': ' * bool(why)}{why}")
    more = len(rows) - MOST_LINES
    rest = [f"- … and {more:,} more; `clockbooks sync --csv FILE` writes all of them."] * (more > 0)
    return "\n".join([f"## {title}\n", *lines, *rest, ""])


def _named(name: str | None, id_: str | None) -> str:
    return f"**{safe(name or '(no name yet)')}** (`{safe(id_)}`)" if id_ else safe(name or "")


def _missing(row: Mapping[str, Any]) -> str:
    side = row.get("missing_in")
    return f"missing in {SIDES[side]}" if side else ""
