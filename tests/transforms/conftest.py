"""What the tests of the transforms share: makers of frames, and of plans from them.

They last a session, because hypothesis calls them many times within one test.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from kept_frames import validated

from schemas.clockify import Projects, TimeEntries, Users
from schemas.links import Links, Unlinked
from schemas.quickbooks import Company, Customers, People
from transforms.plan.judge import Filters, JudgeRules, judge_entries

START = datetime(2026, 3, 2, 15, tzinfo=UTC)

#: An entry that goes: nothing about it is odd.
ENTRY = {
    "entry_id": "e1",
    "user_id": "u1",
    "user_name": "Ann Lee",
    "user_email": "ann@example.com",
    "project_id": "p1",
    "project_name": "Kitchen",
    "client_id": "c1",
    "client_name": "Orchard",
    "task_name": None,
    "tags": None,
    "description": "Drawings",
    "start": START,
    "end": START + timedelta(hours=1),
    "duration_s": 3600,
    "billable": True,
    "entry_type": "REGULAR",
    "rate_micros": 75_500_000,
    "currency": "USD",
    "approved": True,
}

#: The links under which `ENTRY` goes.
LINKED = [
    {"kind": "user", "clockify_id": "u1", "qbo_kind": "employee", "qbo_id": "55"},
    {"kind": "project", "clockify_id": "p1", "qbo_kind": "customer", "qbo_id": "21"},
]


def _frame(schema: Any, rows: Any, **defaults: Any) -> pd.DataFrame:
    return validated(schema, [{**defaults, **row} for row in rows])


@pytest.fixture(scope="session")
def entry() -> dict[str, Any]:
    """Return the members of an entry that goes; see `entries`."""
    return dict(ENTRY)


@pytest.fixture(scope="session")
def entries() -> Callable[..., pd.DataFrame]:
    """Return a maker of `TimeEntries`: each argument says how a row differs from a good one."""

    def make(*rows: dict[str, Any]) -> pd.DataFrame:
        return _frame(TimeEntries, rows, **ENTRY)

    return make


@pytest.fixture(scope="session")
def links() -> Callable[..., pd.DataFrame]:
    """Return a function that makes `Links`."""

    def make(*rows: dict[str, Any]) -> pd.DataFrame:
        return _frame(Links, rows, clockify_name="n", qbo_name="n", origin="name")

    return make


@pytest.fixture(scope="session")
def unlinked() -> Callable[..., pd.DataFrame]:
    """Return a function that makes `Unlinked`."""

    def make(*rows: dict[str, Any]) -> pd.DataFrame:
        return _frame(Unlinked, rows, clockify_name="n", candidates="", problem="missing")

    return make


@pytest.fixture(scope="session")
def users() -> Callable[..., pd.DataFrame]:
    """Return a function that makes `Users` from names; their ids are u1, u2, …"""

    def make(*names: str | None) -> pd.DataFrame:
        rows = [{"clockify_id": f"u{n}", "name": name} for n, name in enumerate(names, start=1)]
        return _frame(Users, rows, active=True)

    return make


@pytest.fixture(scope="session")
def people() -> Callable[..., pd.DataFrame]:
    """Return a maker of `People` from (kind, id, name), and inactive when a fourth is false."""

    def make(*rows: tuple[Any, ...]) -> pd.DataFrame:
        names = ["qbo_kind", "qbo_id", "name", "active"]
        return _frame(People, [dict(zip(names, row, strict=False)) for row in rows], active=True)

    return make


@pytest.fixture(scope="session")
def projects() -> Callable[..., pd.DataFrame]:
    """Return a maker of `Projects` from texts, `Client › Project` or `Project`; ids p1, p2, …"""

    def make(*names: str) -> pd.DataFrame:
        rows = []
        for number, name in enumerate(names, start=1):
            client, _, own = name.rpartition(" › ")
            rows.append({"clockify_id": f"p{number}", "name": own, "client_name": client or None})
        return _frame(Projects, rows, active=True)

    return make


@pytest.fixture(scope="session")
def customers() -> Callable[..., pd.DataFrame]:
    """Return a maker of `Customers` from full names, such as `Orchard:Kitchen`; ids 1, 2, …

    Parents come before their children. Names that end in ` (deleted)` are inactive.
    """

    def make(*full_names: str) -> pd.DataFrame:
        ids = {name: str(number) for number, name in enumerate(full_names, start=1)}
        rows = [
            {
                "qbo_id": id_,
                "name": name.rpartition(":")[2],
                "parent_id": ids.get(name.rpartition(":")[0]),
                "full_name": name,
                "active": not name.endswith(" (deleted)"),
            }
            for name, id_ in ids.items()
        ]
        return _frame(Customers, rows)

    return make


@pytest.fixture(scope="session")
def company() -> Callable[..., Company]:
    """Return a function that makes companies: books in US dollars, closed until the end of 2025."""

    def make(**fields: Any) -> Company:
        known = {
            "name": "Fern & Moss",
            "plan": "QuickBooks Online Plus",
            "subscription": "SUBSCRIBED",
            "has_payroll": False,
            "tracks_time": True,
            "currency": "USD",
            "closed_until": date(2025, 12, 31),
        }
        return Company(**{**known, **fields})

    return make


@pytest.fixture(scope="session")
def plan(
    entries: Callable[..., pd.DataFrame],
    links: Callable[..., pd.DataFrame],
    unlinked: Callable[..., pd.DataFrame],
    company: Callable[..., Company],
) -> Callable[..., pd.DataFrame]:
    """Return a maker of plans for rows as `entries` takes them, under the links of a good one."""

    def make(
        *rows: dict[str, Any],
        linked: list[dict[str, Any]] = LINKED,
        lost: list[dict[str, Any]] = [],  # noqa: B006 - never changed
        held: list[tuple[str, str, str | None]] = [],  # noqa: B006 - never changed
        sent_minutes: list[int] = [],  # noqa: B006 - never changed
        books: dict[str, Any] | None = None,
        filters: dict[str, Any] | None = None,
        **rules: Any,
    ) -> pd.DataFrame:
        known = {"timezone": ZoneInfo("America/Chicago")}
        return judge_entries(
            entries(*rows),
            held=pd.DataFrame(
                held, columns=["entry_id", "state", "time_activity_id"], dtype="str"
            ).assign(minutes=pd.Series(sent_minutes, dtype="Int64"), before_min=0),
            links=links(*linked),
            unlinked=unlinked(*lost),
            rules=JudgeRules(
                company=company(**(books or {})),
                filters=Filters(**(filters or {})),
                **{**known, **rules},
            ),
        )

    return make
