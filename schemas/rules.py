"""The rules that say which service item, class and location an entry's time goes to."""

from pandera.typing import Series

from schemas.frames import Frame, column
from schemas.words import Target, TargetProblem


class Rules(Frame):
    """One rule per row, in their order: for each of `gives`, the first that matches decides.

    A rule matches an entry that meets all of its conditions; one without any meets every entry.
    """

    number: Series["Int64"] = column("Its place, from 1.", source="the order", unique=True)
    gives: Series[str] = column("What it gives.", source="a person", isin=list(Target))
    name: Series[str] = column(
        "Name of that in QuickBooks; once it is found, with its parents' names.",
        source="a person, FullyQualifiedName",
        str_length={"min_value": 1},
    )
    qbo_id: Series[str] = column(
        "QuickBooks' id; empty until it is found.", source="Id", nullable=True
    )
    problem: Series[str] = column(
        "Why it cannot be used; empty when it can.",
        source="the sync",
        isin=list(TargetProblem),
        nullable=True,
    )
    candidates: Series[str] = column(
        "What the name may mean, as text for a person.", source="the sync", nullable=True
    )
    task: Series[str] = column("Name of the task.", source="a person", nullable=True)
    tag: Series[str] = column("Name of one of the tags.", source="a person", nullable=True)
    project: Series[str] = column(
        "Name of the project, or Clockify's id.", source="a person", nullable=True
    )
    client: Series[str] = column(
        "Name of the client, or Clockify's id.", source="a person", nullable=True
    )
    user_group: Series[str] = column(
        "Name of one of the user's groups, or Clockify's id.", source="a person", nullable=True
    )
    user: Series[str] = column(
        "Name of the user, or Clockify's id.", source="a person", nullable=True
    )
    billable: Series["boolean"] = column(
        "Whether the entry is billable.", source="a person", nullable=True
    )
