"""The rules that say where an entry's time goes: service item, class, location and pay type."""

from pandera.typing import Series

from schemas.frames import Frame, column
from schemas.words import Hours, PayOrigin, Target, TargetProblem


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
        "QuickBooks' id; empty until it is found, and of pay types, which have one per employee.",
        source="Id",
        nullable=True,
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
    hours: Series[str] = column(
        "Which hours of the person's workweek its time is.",
        source="a person",
        isin=[Hours.OVERTIME, Hours.DOUBLE_TIME],
        nullable=True,
    )


class PayTypes(Frame):
    """One pay type of an employee's per row: what a rule that gives its name means for them."""

    qbo_person_id: Series[str] = column("QuickBooks' id of the employee.", source="EmployeeRef")
    name: Series[str] = column(
        "Its name; empty where QuickBooks' answers do not have it.",
        source="PayrollItemRef.name, or a person",
        nullable=True,
    )
    pay_type_id: Series[str] = column(
        "QuickBooks' id of it, for this employee alone.", source="PayrollItemRef.value"
    )
    origin: Series[str] = column(
        "How that is known; what was given by hand counts before what was learned.",
        source="TimeActivities, or a person",
        isin=list(PayOrigin),
    )
