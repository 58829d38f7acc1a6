"""Adds up a plan for people: time and amounts by person, project and week, and what stays behind.

A plan may have a million rows, so it is added up slice by slice. The result has one row for each
person, place and week, and one for each reason to stay behind.
"""

from dataclasses import dataclass

import pandas as pd

from schemas.plan import Plan
from schemas.words import Reason, State

#: So many rows of a plan are shown one by one; the others are only counted.
SHOWN_ROWS = 500

#: So many different explanations are kept apart; the others are counted together.
KEPT_REMEDIES = 2_000

_WHO = ["user", "place", "week"]
_SUMS = ["entries", "minutes", "billable_minutes", "amount_cents"]
_WHY = ["state", "reason", "detail", "user", "place"]

#: Used in place of details that name a TimeActivity or a row, to count all such entries together.
_SAID_OF_ALL = {
    Reason.ALREADY_SENT: "Already in QuickBooks. It is never sent twice.",
    Reason.DUPLICATE_ROW: "An earlier file of this import has the same row. It is sent once.",
}
_MORE = "More entries, for other reasons. To list them all, run `clockbooks entries`."


@dataclass(frozen=True)
class Overview:
    """What a person is shown of a plan, however long it is.

    Attributes:
        going: For each `user`, `place` (client › project) and `week` (the Monday): `entries`,
            `minutes`, `billable_minutes` and `amount_cents` (hundredths of the currency unit).
        staying: For each `state`, `reason`, `detail`, `user` and `place`: `entries`, `first_day`
            and `last_day`.
        shown: The first rows that go: `date`, `user`, `place`, `description`, `minutes`,
            `billable` and `amount_cents`.
        days: The first and the last day on which something goes, as YYYY-MM-DD; empty if none.
    """

    going: pd.DataFrame
    staying: pd.DataFrame
    shown: pd.DataFrame
    days: tuple[str, ...] = ()

    @classmethod
    def empty(cls) -> "Overview":
        """Return the overview of an empty plan."""
        return overview(Plan.validate(pd.DataFrame(columns=list(Plan.to_schema().columns))))

    def __add__(self, other: "Overview") -> "Overview":
        """Add up two parts of a plan; the first rows are those of the first part."""
        return Overview(
            going=_sum(pd.concat([self.going, other.going])),
            staying=_count(pd.concat([self.staying, other.staying])),
            shown=pd.concat([self.shown, other.shown], ignore_index=True).head(SHOWN_ROWS),
            days=_ends([*self.days, *other.days]),
        )

    @property
    def totals(self) -> dict[str, int]:
        """The sums of `entries`, `minutes`, `billable_minutes` and `amount_cents` that go."""
        return {name: int(self.going[name].sum()) for name in _SUMS}

    def per(self, what: str) -> pd.DataFrame:
        """Return the sums by `user` or `place`, the one with most time first."""
        sums = self.going.groupby(what, sort=True, dropna=False)[_SUMS].sum().reset_index()
        return sums.sort_values("minutes", ascending=False, kind="stable", ignore_index=True)

    def weekly_minutes(self) -> pd.DataFrame:
        """Return minutes with a row for each week, without gaps, and a column for each person."""
        wide = self.going.pivot_table(
            index="week", columns="user", values="minutes", aggfunc="sum", fill_value=0
        )
        if wide.empty:
            return wide
        weeks = pd.date_range(wide.index.min(), wide.index.max(), freq="7D")
        return wide.reindex(weeks.strftime("%Y-%m-%d"), fill_value=0).astype("int64")

    def remedies(self) -> pd.DataFrame:
        """Return what stays behind, with one row for each thing that a person can do about it.

        Returns:
            `state`, `reason`, `detail`, `entries`, `who` and `where` (a name, or how many),
            `first_day` and `last_day`. What needs a person comes first, then the order of `Reason`.
        """
        same = self.staying.groupby(["state", "reason", "detail"], sort=False)
        acts = same.agg(
            entries=("entries", "sum"),
            who=("user", lambda names: _named(names, "people")),
            where=("place", lambda names: _named(names, "projects")),
            first_day=("first_day", "min"),
            last_day=("last_day", "max"),
        ).reset_index()
        urgency = {str(State.IN_DOUBT): 0, str(State.REJECTED): 1, str(State.SKIPPED): 2}
        order = {str(reason): place for place, reason in enumerate(Reason)}
        ranks = pd.DataFrame({"u": acts["state"].map(urgency), "r": acts["reason"].map(order)})
        ranks["n"] = -acts["entries"]
        return acts.loc[ranks.sort_values(["u", "r", "n"], kind="stable").index].reset_index(
            drop=True
        )


def overview(plan: pd.DataFrame) -> Overview:
    """Add up the rows of a plan, before or after it was executed.

    Args:
        plan: `Plan`; rows that are `ready` or `sent` go, all others stay behind.
    """
    goes = plan["state"].isin([State.READY, State.SENT])
    rows = plan.assign(
        user=plan["user"].fillna("(no name)"), place=places(plan["client"], plan["project"])
    )
    going = rows[goes]
    minutes = going["minutes"].astype("int64")
    billable = going["billable"].astype(bool)
    going = going.assign(
        week=mondays(going["date"]),
        entries=1,
        minutes=minutes,
        billable_minutes=minutes.where(billable, 0),
        amount_cents=going["amount_cents"].fillna(0).astype("int64"),
    )
    staying = rows[~goes]
    staying = staying.assign(
        detail=staying["reason"].map(_SAID_OF_ALL).fillna(staying["detail"]),
        entries=1,
        first_day=staying["date"],
        last_day=staying["date"],
    )
    staying = staying.fillna({"reason": "", "detail": ""})
    shown = ["date", "user", "place", "description", "minutes", "billable", "amount_cents"]
    return Overview(
        going=_sum(going[[*_WHO, *_SUMS]]),
        staying=_count(staying[[*_WHY, "entries", "first_day", "last_day"]]),
        shown=going[shown].head(SHOWN_ROWS).reset_index(drop=True),
        days=_ends(going["date"].unique().tolist()),
    )


def amount_cents(
    minutes: pd.Series, rate_micros: pd.Series, before_min: pd.Series | None = None
) -> pd.Series:
    """Return each entry's amount as QuickBooks computes it: to the hundredth, a half goes up.

    Entries that go as one TimeActivity add up to what it comes to: each has what that comes to up
    to the entry's end, less what the entries before it have.

    Args:
        minutes: Billed minutes.
        rate_micros: Hourly rate in millionths of the currency unit; a missing one counts as 0.
        before_min: Billed minutes of the entries before each in its TimeActivity; 0 by default.

    Returns:
        int64, hundredths of the currency unit, with the index of *minutes*.

    Examples:
        >>> amount_cents(pd.Series([90, 1]), pd.Series([75_000_000, 60_300_000])).tolist()
        [11250, 101]
        >>> amount_cents(pd.Series([1, 1]), pd.Series([900_000] * 2), pd.Series([0, 1])).tolist()
        [2, 1]
    """
    minutes, rate = minutes.astype("int64"), rate_micros.fillna(0).astype("int64")
    if before_min is None:
        return _cents(minutes, rate)
    before_min = before_min.astype("int64")
    return _cents(before_min + minutes, rate) - _cents(before_min, rate)


def _cents(minutes: pd.Series, rate: pd.Series) -> pd.Series:
    per_cent = 60 * 10_000  # minutes an hour, millionths a hundredth
    # In two parts, so that the product of a long entry and a high rate stays within 64 bits.
    return rate // per_cent * minutes + (rate % per_cent * minutes + per_cent // 2) // per_cent


def mondays(days: pd.Series) -> pd.Series:
    """Return the Monday of each day's week, both as YYYY-MM-DD.

    Examples:
        >>> mondays(pd.Series(["2026-11-23", "2026-11-29"])).tolist()
        ['2026-11-23', '2026-11-23']
    """
    dates = pd.to_datetime(days, format="%Y-%m-%d")
    return (dates - pd.to_timedelta(dates.dt.day_of_week, unit="D")).dt.strftime("%Y-%m-%d")


def places(clients: pd.Series, projects: pd.Series) -> pd.Series:
    """Name each project with its client.

    Examples:
        >>> places(pd.Series(["Acme", None]), pd.Series(["Site", None])).tolist()
        ['Acme › Site', '(no project)']
    """
    named = (clients.fillna("") + " › " + projects.fillna("")).where(
        clients.notna() & (clients != ""), projects
    )
    return named.where(projects.notna() & (projects != ""), "(no project)").astype("str")


def place_name(client: str | None, project: str | None) -> str:
    """Name one project with its client, as `places` does.

    Examples:
        >>> place_name("Acme", "Site")
        'Acme › Site'
    """
    return str(places(pd.Series([client], dtype="str"), pd.Series([project], dtype="str"))[0])


def _ends(days: list[str]) -> tuple[str, ...]:
    return (min(days), max(days)) if days else ()


def _sum(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.groupby(_WHO, sort=True, dropna=False)[_SUMS].sum().reset_index()


def _count(rows: pd.DataFrame) -> pd.DataFrame:
    different = rows.groupby(_WHY, sort=False, dropna=False)
    found = different.agg({"entries": "sum", "first_day": "min", "last_day": "max"}).reset_index()
    if len(found) <= KEPT_REMEDIES:
        return found
    rest = found.iloc[KEPT_REMEDIES:].assign(detail=_MORE, user="(others)", place="(others)")
    few = rest.groupby(_WHY, sort=False)
    return pd.concat(
        [
            found.iloc[:KEPT_REMEDIES],
            few.agg({"entries": "sum", "first_day": "min", "last_day": "max"}).reset_index(),
        ],
        ignore_index=True,
    )


def _named(names: pd.Series, many: str) -> str:
    different = names.unique()
    return str(different[0]) if len(different) == 1 else f"{len(different):,} {many}"
