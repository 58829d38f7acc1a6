"""What is done to whole columns at once comes out as if each row were taken alone."""

import json
import random
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandera.errors import SchemaError

from schemas.quickbooks import Company
from transforms.entries.read_report import read_report
from transforms.plan.activities import amount, to_activities
from transforms.plan.explain import explain, explanations
from transforms.plan.judge import JudgeRules, judge_entries
from transforms.plan.rounding import Rounding

CHICAGO = ZoneInfo("America/Chicago")


@pytest.fixture(scope="module")
def report():
    """Return 600 rows of a report, with everything in them that changes how a row is written."""
    pick = random.Random(7)  # noqa: S311 - the same rows in every run
    first = datetime(2026, 3, 1, tzinfo=UTC)
    rows = []
    for number in range(600):
        start = first + timedelta(seconds=pick.randrange(40) * 7201)
        worked_s = pick.choice([10, 600, 3599, 40_000, 86_300])
        rows.append(
            {
                "_id": f"{pick.randrange(10**9):024x}",
                "userId": f"u{pick.randrange(6)}",
                "userName": pick.choice(["Zoë", "Ann Lee", None]),
                "projectId": pick.choice(["p1", "p2", "p3", "", None]),
                "projectName": pick.choice(["Kitchen", ""]),
                "clientName": pick.choice(["Orchard", None]),
                "description": pick.choice(["", 'a "b"\n', f"№ {number}", "long words " * 400]),
                "type": pick.choice(["REGULAR", "REGULAR", "BREAK"]),
                "billable": pick.random() < 0.7,
                "rate": pick.choice([0, 7550, 7550.5, Decimal("1234.567"), None]),
                "currency": pick.choice(["USD", "USD", "EUR"]),
                "tags": pick.choice([None, [], [{"name": "a"}, {"name": "b"}]]),
                "timeInterval": {
                    "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
                    "end": f"{start + timedelta(seconds=worked_s):%Y-%m-%dT%H:%M:%S+00:00}",
                    "duration": worked_s,
                },
            }
        )
    return rows


@pytest.fixture(scope="module")
def plan_of(links, unlinked):
    """Return a function that makes plans from rows of a report, with partners for most of them."""
    partners = links(
        *({"kind": "user", "clockify_id": f"u{n}", "qbo_kind": ("employee", "vendor")[n % 2],
           "qbo_id": str(50 + n)} for n in range(4)),
        {"kind": "project", "clockify_id": "p1", "qbo_kind": "customer", "qbo_id": "21"},
        {"kind": "project", "clockify_id": "p2", "qbo_kind": "customer", "qbo_id": "22"},
    )  # fmt: skip
    lost = unlinked(
        {"kind": "user", "clockify_id": "u4", "problem": "near", "candidates": "Ann Leé"},
        {"kind": "project", "clockify_id": "p3", "problem": "ambiguous", "candidates": "1, 2"},
    )
    company = Company("Fern", "Plus", "SUBSCRIBED", False, True, "USD", date(2026, 3, 1))
    rules = JudgeRules(timezone=CHICAGO, company=company, rounding=Rounding("nearest", 15))

    def make(rows):
        read = read_report(rows, currency="USD")
        assert not read.set_aside
        columns = ["entry_id", "state", "time_activity_id", "minutes", "before_min"]
        none_held = pd.DataFrame(columns=columns, dtype="str").astype({"before_min": "Int64"})
        return judge_entries(
            read.entries, held=none_held, links=partners, unlinked=lost, rules=rules
        )

    return make


@pytest.mark.parametrize("number", [20, pytest.param(120, marks=pytest.mark.slow)])
def test_every_entry_is_judged_as_it_would_be_alone(report, plan_of, number):
    """A report of many rows gives the same plan as each row alone, to the byte and in order."""
    whole = plan_of(report)

    alone = pd.concat([plan_of([row]) for row in report[:number]], ignore_index=True)
    both = whole[whole["entry_id"].isin(alone["entry_id"])].sort_values("entry_id")
    pd.testing.assert_frame_equal(
        both.reset_index(drop=True), alone.sort_values("entry_id", ignore_index=True)
    )
    assert whole["entry_id"].tolist() == [row["_id"] for row in report]
    assert whole["reason"].nunique() >= 8


def test_bodies_are_those_of_a_plain_loop(report, plan_of):
    """Bodies built in bulk are, to the byte, what a loop over the rows would write."""
    plan = plan_of(report)
    ready = plan[plan["state"] == "ready"]

    written = to_activities(ready)

    looped = [_body(row) for row in ready.to_dict("records")]
    assert [_uncut(body) for body in written["body"]] == looped
    assert written["entry_id"].tolist() == ready["entry_id"].tolist()
    assert len(looped) > 40


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
        | st.just("".join(map(chr, range(1, 128)))),
        min_size=1,
        max_size=5,
    )
)
def test_descriptions_are_escaped_as_each_would_be_alone(written, descriptions):
    """Whatever the letters, even if all of ASCII occurs and none is left to end a text."""
    assert written(descriptions) == [
        f',"Description":{json.dumps(text)}}}' if text else "}" for text in descriptions
    ]


@pytest.fixture(scope="module")
def written(plan):
    """Return a function that writes descriptions as they are at the end of a body."""
    ready = plan({})

    def write(texts):
        rows = pd.concat([ready] * len(texts), ignore_index=True)
        ids = [f"e{number}" for number in range(len(texts))]
        rows = rows.assign(entry_id=ids, description=pd.Series(texts, dtype="str"))
        return [re.sub(r'^.*?"Minutes":0', "", body) for body in to_activities(rows)["body"]]

    return write


@pytest.mark.parametrize("lacking", ["qbo_person_id", "minutes", "rate_micros"])
def test_nothing_goes_without_what_quickbooks_must_be_told(report, plan_of, lacking):
    """A row without a person, a duration or its rate has no body, and no activity is made."""
    plan = plan_of(report)
    ready = plan[(plan["state"] == "ready") & plan["billable"]].copy()
    ready[lacking] = ready[lacking].mask(ready.index == ready.index[3])

    with pytest.raises(SchemaError, match="body"):
        to_activities(ready)


def test_explanations_are_those_of_a_plain_loop():
    """Rows that are explained together get the text that each would get alone."""
    pick = random.Random(3)  # noqa: S311 - as above
    company = Company("Fern", "Plus", "SUBSCRIBED", False, True, "USD", date(2026, 3, 1))
    say = explanations(company, "23 h", "Clockify")
    names = ["", None, "Ann", "it's", "DeletedUser"]
    columns = {
        "reason": [*say, None],
        "user": names, "user_id": ["u1", "u 2"], "project": names, "project_id": ["p1", "p 2"],
        "client": names, "user_problem": ["near", "ambiguous", "unlinked", None],
        "project_problem": ["near", "ambiguous", "unlinked", None],
        "user_candidates": ["Ann B", ""], "project_candidates": ["Kit", ""],
        "qbo_person_id": ["1", None], "entry_type": ["BREAK", "HOLIDAY"],
        "currency": ["EUR", "GBP"], "time_activity_id": ["1", "2"],
        "duration_s": [0, 29, 31, 90_000], "minutes": [0, 1500],
        "rule_problem": ["It has no class.", None], "lacking": ["class", "item"],
        "rate_from": ["clockify", "item", "person"], "rate_of": ["item", "person"],
        "qbo_item_id": ["7", None],
    }  # fmt: skip
    rows = [{name: pick.choice(some) for name, some in columns.items()} for _ in range(3000)]
    judged = pd.DataFrame(rows)

    told = explain(judged, company, "23 h")

    looped = [say[row["reason"]](row) if row["reason"] else None for row in rows]
    assert told.astype(object).where(told.notna(), None).tolist() == looped


def _body(row):
    body = {
        "TxnDate": row["date"],
        "NameOf": row["qbo_kind"].capitalize(),
        f"{row['qbo_kind'].capitalize()}Ref": {"value": row["qbo_person_id"]},
    }
    if isinstance(row["qbo_customer_id"], str):
        body["CustomerRef"] = {"value": row["qbo_customer_id"]}
    body["BillableStatus"] = "Billable" if row["billable"] else "NotBillable"
    if row["billable"]:
        body["HourlyRate"] = Decimal(amount(row["rate_micros"]))
    body |= {"Hours": row["minutes"] // 60, "Minutes": row["minutes"] % 60}
    if row["description"]:
        body["Description"] = row["description"]
    return _uncut(_as_json(body))


def _as_json(body):
    rate = body.get("HourlyRate")
    text = json.dumps({**body, "HourlyRate": "rate"} if rate is not None else body,
                      separators=(",", ":"))  # fmt: skip
    return text.replace('"HourlyRate":"rate"', f'"HourlyRate":{rate}')


def _uncut(body):
    """Remove the long texts: how they are cut is tested elsewhere."""
    head, mark, text = body.partition(',"Description":"long words')
    return head + mark + ("…" if text else "")
