"""What people are told of a plan adds up, however it is cut into slices."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from schemas.plan import Plan
from transforms.plan.month import OUTCOMES, added_up, joined, wide
from transforms.plan.summary import KEPT_REMEDIES, SHOWN_ROWS, amount_cents, mondays, overview

NAMES = st.sampled_from(["Ann Lee", "Bo Li", None])
ENDS = st.sampled_from([
    ("ready", None), ("sent", None), ("rejected", "too_long"), ("skipped", "already_sent"),
    ("in_doubt", "unconfirmed"),
])  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries({
        "end": ENDS,
        "user": NAMES,
        "client": st.sampled_from(["Orchard", None]),
        "project": st.sampled_from(["Kitchen", "Roof", None]),
        "day": st.integers(0, 60),
        "minutes": st.integers(1, 1435),
        "billable": st.booleans(),
        "rate_micros": st.integers(0, 10**12),
    }),
    max_size=12,
)  # fmt: skip


def plan_of(rows):
    """Return a plan with such rows."""
    columns = list(Plan.to_schema().columns)
    records = [
        {
            "entry_id": f"e{number}",
            "state": row["end"][0],
            "reason": row["end"][1],
            "detail": row["end"][1] and f"why {number % 2}",
            "date": (date(2026, 9, 1) + timedelta(days=row["day"])).isoformat(),
            "description": "work",
            **{name: row[name] for name in ("user", "client", "project", "minutes", "billable")},
            "rate_micros": row["rate_micros"] if row["billable"] else None,
            "amount_cents": _cents(row) if row["billable"] else None,
        }
        for number, row in enumerate(rows)
    ]
    return Plan.validate(pd.DataFrame(records, columns=columns, dtype=object))


def _cents(row):
    """Compute an amount in decimals, as a person would."""
    if not row["billable"]:
        return 0
    exact = Decimal(row["rate_micros"]) * row["minutes"] / 60 / 10_000
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


@given(ROWS)
def test_sums_are_those_of_the_rows_that_go(rows):
    """Entries, time, billable time and money, to the minute and the cent; the rest is counted."""
    seen = overview(plan_of(rows))

    going = [row for row in rows if row["end"][0] in {"ready", "sent"}]
    assert seen.totals == {
        "entries": len(going),
        "minutes": sum(row["minutes"] for row in going),
        "billable_minutes": sum(row["minutes"] for row in going if row["billable"]),
        "amount_cents": sum(map(_cents, going)),
    }
    for what in ("user", "place"):
        assert int(seen.per(what)["minutes"].sum()) == seen.totals["minutes"]
    assert int(seen.weekly_minutes().to_numpy().sum()) == seen.totals["minutes"]
    assert int(seen.remedies()["entries"].sum()) == len(rows) - len(going)
    days = [(date(2026, 9, 1) + timedelta(days=row["day"])).isoformat() for row in going]
    assert seen.days == ((min(days), max(days)) if days else ())


@given(ROWS, st.integers(0, 12))
def test_slices_add_up_to_the_whole(rows, cut):
    """A plan in two parts gives the same overview as in one."""
    whole, plan = overview(plan_of(rows)), plan_of(rows)
    parts = overview(plan.iloc[:cut]) + overview(plan.iloc[cut:])

    assert parts.totals == whole.totals
    assert parts.days == whole.days
    assert parts.per("user").to_dict("records") == whole.per("user").to_dict("records")
    assert parts.remedies().to_dict("records") == whole.remedies().to_dict("records")
    assert parts.shown.to_dict("records") == whole.shown.to_dict("records")


@given(ROWS, st.integers(0, 12))
def test_every_minute_and_cent_has_one_outcome(rows, cut):
    """Of a month: by person and by project the outcomes add up to all, in two parts as in one."""
    plan, known = plan_of(rows), {"e0", "e2"}
    whole = added_up(plan, known)
    parts = joined([added_up(plan.iloc[:cut], known), added_up(plan.iloc[cut:], known)])

    assert parts.to_dict("records") == whole.to_dict("records")
    assert int(whole["entries"].sum()) == len(rows)
    for by in ("user", "place"):
        found = wide(whole, by)
        for what in ("minutes", "amount_cents"):
            assert int(found[what].sum()) == int(whole[what].sum())
            shares = sum(found[f"{outcome}_{what}"] for outcome in OUTCOMES)
            assert shares.tolist() == found[what].tolist()


@given(st.integers(0, 1435), st.integers(0, 10**17))
def test_amounts_are_exact_whatever_the_rate(minutes, rate):
    """QuickBooks' highest rate and the longest day overflow nothing: a half cent goes up."""
    told = amount_cents(pd.Series([minutes]), pd.Series([rate], dtype="Int64"))

    exact = (Decimal(rate) * minutes / 600_000).quantize(Decimal(1), ROUND_HALF_UP)
    assert told.tolist() == [int(exact)]


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_a_week_begins_on_its_monday(day):
    """Every day belongs to the Monday on or before it, even in the previous year."""
    monday = date.fromisoformat(mondays(pd.Series([day.isoformat()]))[0])

    assert monday.isoweekday() == 1
    assert timedelta(0) <= day - monday <= timedelta(days=6)


def test_what_a_person_must_do_stands_first():
    """In doubt, then rejected, then what is merely skipped; each with who, where and when."""
    row = {"client": None, "minutes": 60, "billable": False, "rate_micros": 0}
    rows = [
        row | {"end": ("skipped", "already_sent"), "user": "Ann Lee", "project": "Roof", "day": 1},
        row | {"end": ("rejected", "too_long"), "user": "Ann Lee", "project": "Roof", "day": 2},
        row | {"end": ("skipped", "already_sent"), "user": "Bo Li", "project": "Roof", "day": 3},
        row | {"end": ("in_doubt", "unconfirmed"), "user": "Bo Li", "project": None, "day": 4},
        row | {"end": ("skipped", "duplicate_row"), "user": "Bo Li", "project": "Roof", "day": 5},
        row | {"end": ("skipped", "duplicate_row"), "user": "Bo Li", "project": "Roof", "day": 6},
    ]

    told = overview(plan_of(rows)).remedies()

    assert told["reason"].tolist() == ["unconfirmed", "too_long", "already_sent", "duplicate_row"]
    assert told["who"].tolist() == ["Bo Li", "Ann Lee", "2 people", "Bo Li"]
    assert told["where"].tolist() == ["(no project)", "Roof", "Roof", "Roof"]
    assert told.loc[2, ["first_day", "last_day"]].tolist() == ["2026-09-02", "2026-09-04"]


def test_a_long_plan_is_told_in_few_rows():
    """Twenty thousand entries with as many reasons: all counted, few kept."""
    number = 20_000
    frame = plan_of([])
    frame = frame.reindex(range(number)).assign(
        entry_id=[f"e{n}" for n in range(number)],
        state=["ready", "rejected"] * (number // 2),
        reason=[None, "qbo_refused"] * (number // 2),
        detail=[f"fault {n}" for n in range(number)],
        date="2026-09-01",
        minutes=pd.array([60] * number, dtype="Int64"),
        user="Ann Lee",
        description="work",
        billable=False,
    )

    seen = overview(frame.iloc[:10_000]) + overview(frame.iloc[10_000:])

    assert len(seen.shown) == SHOWN_ROWS
    assert len(seen.staying) <= KEPT_REMEDIES + 1
    assert seen.totals["entries"] == number // 2
    assert int(seen.remedies()["entries"].sum()) == number // 2
