"""How long a million entries take from decoded JSON to bodies, beside parsing and a plain loop.

The entries come in ten reports of 100,000: each is parsed by pandas, transformed, and taken through
the same rules one row after the other. User processor time of this process, all in the same run.
What the loop says is compared with what the transforms say.
"""

import json
import random
import resource
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from plain_loop import Partners, judged_rows

from schemas.links import Links, Unlinked
from schemas.quickbooks import Company
from transforms.entries.read_report import read_report
from transforms.plan.activities import to_activities
from transforms.plan.judge import JudgeRules, judge_entries
from transforms.plan.rounding import Rounding

REPORTS, ROWS = 10, 100_000

RULES = JudgeRules(
    timezone=ZoneInfo("America/Chicago"),
    company=Company("Fern", "Plus", "SUBSCRIBED", False, True, "USD", date(2025, 12, 31)),
    rounding=Rounding("nearest", 6),
)

#: Of 200 users and 1,000 projects these many have no partner.
USERS, PROJECTS, LOST_USERS, LOST_PROJECTS = 200, 1000, 4, 20

_FIRST = datetime(2026, 3, 1, tzinfo=UTC)


def transform_entries() -> Iterator[str]:
    """Measure, and yield the tables line by line."""
    took: dict[str, float] = defaultdict(float)
    links, unlinked = _frames()
    columns = ["entry_id", "state", "time_activity_id", "minutes", "before_min"]
    held = pd.DataFrame(columns=columns, dtype="str").astype({"before_min": "Int64"})
    partners = Partners.of(links, unlinked, held)
    transform = partial(_transform, held=held, links=links, unlinked=unlinked)
    for report in range(REPORTS):
        text = json.dumps(list(_rows(report)))
        rows = _timed(took, "json.loads", partial(json.loads, text, parse_float=Decimal))
        _timed(took, "read_json", partial(pd.read_json, StringIO(text)))
        _timed(took, "json_normalize", partial(_normalized, text))
        plan, bodies = _timed(took, "transform", partial(transform, rows))
        looped = _timed(took, "plain loop", partial(judged_rows, rows, partners, RULES))
        _compare(plan, bodies, looped)
    yield "## Transform: 1,000,000 entries validated, rounded, linked, judged and written as bodies"
    yield ""
    yield "| beside | its user CPU s | ours, user CPU s | ours / beside | target |"
    yield "| --- | --- | --- | --- | --- |"
    ours = took["transform"]
    for name, what, target in (
        ("read_json", "parsing them: `pandas.read_json`", "≤ 0.5"),
        ("json_normalize", "parsing them: `json.loads`, `json_normalize`", "≤ 0.5"),
        ("json.loads", "`json.loads` alone, fractions as `Decimal`", ""),
        ("plain loop", "the same rules, one row after the other", ""),
    ):
        yield f"| {what} | {took[name]:.1f} | {ours:.2f} | {ours / took[name]:.3f} | {target} |"
    yield ""
    yield (
        f"In {REPORTS} reports of {ROWS:,} entries, from decoded rows. The loop's words and bodies"
        " are the same as the transform's."
    )


def _timed(took: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    begun_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    done = work()
    took[name] += resource.getrusage(resource.RUSAGE_SELF).ru_utime - begun_s
    return done


def _normalized(text: str) -> pd.DataFrame:
    return pd.json_normalize(json.loads(text))


def _transform(
    rows: list[Any], *, held: pd.DataFrame, links: pd.DataFrame, unlinked: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    read = read_report(rows, currency="USD")
    plan = judge_entries(read.entries, held=held, links=links, unlinked=unlinked, rules=RULES)
    return plan, to_activities(plan[plan["state"] == "ready"])


def _compare(plan: pd.DataFrame, bodies: pd.DataFrame, looped: list[tuple[str, str, str]]) -> None:
    details = plan["detail"].fillna("")
    written = plan["entry_id"].map(bodies.set_index("entry_id")["body"]).fillna("")
    if list(zip(plan["entry_id"], details, written, strict=True)) != looped:
        raise SystemExit("the plain loop and the transforms say different things")


def _frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    named = {"clockify_name": "n", "qbo_name": "n", "origin": "name"}
    linked = [
        {"kind": "user", "clockify_id": f"u{n}", "qbo_kind": "employee", "qbo_id": str(n), **named}
        for n in range(USERS - LOST_USERS)
    ] + [
        {"kind": "project", "clockify_id": f"p{n}", "qbo_kind": "customer", "qbo_id": str(n)}
        | named
        for n in range(PROJECTS - LOST_PROJECTS)
    ]
    lost = [
        {"kind": kind, "clockify_id": f"{kind[0]}{n}", "clockify_name": "n", "candidates": ""}
        | {"problem": "missing"}
        for kind, some in (
            ("user", range(USERS - LOST_USERS, USERS)),
            ("project", range(PROJECTS - LOST_PROJECTS, PROJECTS)),
        )
        for n in some
    ]
    made = [
        schema.validate(pd.DataFrame(rows, columns=list(schema.to_schema().columns), dtype=object))
        for schema, rows in ((Links, linked), (Unlinked, lost))
    ]
    return made[0], made[1]


def _rows(report: int) -> Iterator[dict[str, Any]]:
    """Make a report: the members and the sizes of Clockify's own (FACTS, Clockify, section 4).

    In order of start, as the service is asked to give it; ids that begin at once in any order.
    """
    pick = random.Random(report)  # noqa: S311 - the same rows in every run
    ids = pick.sample(range(ROWS), ROWS)
    starts_s = sorted(pick.randrange(86_400 * 27) for _ in range(ROWS))
    for number, (id_, start_s) in enumerate(zip(ids, starts_s, strict=True)):
        user, project = pick.randrange(USERS), pick.randrange(PROJECTS)
        start = _FIRST + timedelta(seconds=start_s)
        worked_s = pick.randrange(60, 30_000)
        yield {
            "_id": f"{report * ROWS + id_:024x}",
            "description": f"Réunion, plan {number % 977} of item {number}",
            "userId": f"u{user}",
            "timeInterval": {
                "start": f"{start:%Y-%m-%dT%H:%M:%SZ}",
                "end": f"{start + timedelta(seconds=worked_s):%Y-%m-%dT%H:%M:%SZ}",
                "duration": worked_s,
            },
            "billable": number % 3 > 0,
            "projectId": f"p{project}",
            "taskId": None,
            "tagIds": [],
            "approvalRequestId": None,
            "type": "REGULAR",
            "isLocked": False,
            "currency": "USD",
            "amount": 12.5,
            "rate": (5000, 7550, 10_000.5)[number % 3],
            "userName": f"Person {user}",
            "userEmail": f"person{user}@example.com",
            "projectName": f"Project {project}",
            "projectColor": "#03A9F4",
            "clientName": f"Client {project % 100}",
            "clientId": f"c{project % 100}",
            "taskName": None,
            "tags": [{"_id": "t1", "name": "travel"}] if number % 4 == 0 else [],
            "earnedRate": 0,
        }
