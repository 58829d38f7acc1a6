"""Links between the two directories, and the names for which there is none."""

from pandera.typing import Series

from schemas.frames import Frame, column
from schemas.words import Kind, Origin, Problem, QboKind


class Links(Frame):
    """One stored pair per row: who in Clockify is who in QuickBooks, by id."""

    kind: Series[str] = column("What is linked.", source="the sync", isin=list(Kind))
    clockify_id: Series[str] = column("Clockify's id.", source="id")
    clockify_name: Series[str] = column("Its name when linked.", source="name", nullable=True)
    qbo_kind: Series[str] = column("What it is linked to.", source="sync", isin=list(QboKind))
    qbo_id: Series[str] = column("QuickBooks' id.", source="Id")
    qbo_name: Series[str] = column("Its DisplayName when linked.", source="DisplayName")
    origin: Series[str] = column(
        "How the link was made; one by hand beats one by name.",
        source="the sync",
        isin=list(Origin),
    )


class Unlinked(Frame):
    """One Clockify user or project per row for which the last sync found no single match."""

    kind: Series[str] = column("What has no match.", source="the sync", isin=list(Kind))
    clockify_id: Series[str] = column("Clockify's id.", source="id")
    clockify_name: Series[str] = column("Its name, with its client.", source="name", nullable=True)
    problem: Series[str] = column(
        "missing: nobody has that name; near: a similar name, or one under another parent;"
        " ambiguous: several have it; unlinked: a person removed the link; gone: deleted in"
        " Clockify, and known from entries alone.",
        source="the sync",
        isin=list(Problem),
    )
    candidates: Series[str] = column(
        "The likeliest matches, as text for a person: name, id and why.", source="the sync"
    )
