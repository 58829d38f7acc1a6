"""The demo scenario: reads `data/demo_scenario.yaml` and works its routines out into time entries.

The file is written for people: short keys, local times, "who works on what, week in, week out".
The stand-ins want Clockify's ids, UTC and one row an entry. The same file gives the same scenario
on every machine: each routine has a random generator of its own, seeded by the file, and all
arithmetic is on whole numbers. One file, because its rules are read beside each other.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import yaml

Row = dict[str, Any]

WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
INTERNAL: Final = "internal"  # in a routine's shares: work without a project
SENT: Final = "sent"
NEVER: Final = datetime.max.replace(tzinfo=UTC)


def settings_for(
    scenario: Mapping[str, Any], *, clockify_url: str, quickbooks_url: str
) -> dict[str, str]:
    """Return the settings with which the command finds the stand-ins of *scenario*.

    Args:
        scenario: From `load_scenario`.
        clockify_url: Where Clockify's stand-in is served, without a path.
        quickbooks_url: Where QuickBooks' stand-in is served, without a path.
    """
    return {
        "CLOCKBOOKS_CLOCKIFY_API_KEY": next(iter(scenario["clockify"]["api_keys"])),
        "CLOCKBOOKS_CLOCKIFY_URL": f"{clockify_url}/api/v1",
        "CLOCKBOOKS_CLOCKIFY_REPORTS_URL": f"{clockify_url}/report/v1",
        "CLOCKBOOKS_QBO_CLIENT_ID": scenario["quickbooks"]["client_id"],
        "CLOCKBOOKS_QBO_CLIENT_SECRET": scenario["quickbooks"]["client_secret"],
        "CLOCKBOOKS_QBO_URL": quickbooks_url,
        "CLOCKBOOKS_QBO_TOKEN_URL": f"{quickbooks_url}/oauth2/v1/tokens/bearer",
        "CLOCKBOOKS_QBO_AUTHORIZE_URL": f"{quickbooks_url}/connect/oauth2",
        "CLOCKBOOKS_QBO_REVOKE_URL": f"{quickbooks_url}/v2/oauth2/tokens/revoke",
        "CLOCKBOOKS_QBO_DISCOVERY_URL": f"{quickbooks_url}/.well-known/openid_configuration",
    }


def load_scenario(path: Path) -> Row:
    """Read the scenario at *path*, ready for `ClockifyStandin` and `QuickBooksStandin`.

    Returns:
        `clockify` and `quickbooks`; the entries are in the order in which they began.
    """
    plan = _read(path)
    clockify = plan["clockify"]
    users, projects, clients = clockify["users"], clockify["projects"], clockify["clients"]
    return {
        "clockify": {
            "api_keys": {key: users[who]["id"] for key, who in clockify["api_keys"].items()},
            "workspace": clockify["workspace"],
            "users": [_user(plan, who) for who in users],
            "clients": [_client(plan, client) for client in clients.values()],
            "projects": [_project(plan, project) for project in projects.values()],
            "tasks": [
                {
                    "id": task["id"],
                    "name": task["name"],
                    "projectId": projects[task["project"]]["id"],
                }
                for task in clockify["tasks"]
            ],
            "tags": list(clockify["tags"].values()),
            "entries": [work.entry(plan) for work in _all_work(plan)],
        },
        "quickbooks": plan["quickbooks"],
    }


def expected_reasons(path: Path, *, approved_only: bool = True) -> dict[str, str]:
    """Return what must become of every entry of the scenario at *path*, by entry id.

    That is a word of the table of reasons, or `sent`. It holds for a first send of all the
    scenario's days after a sync by name, with no link made by hand, rounded as the workspace says,
    and with the customer `quickbooks.demo.refused_customer_id` made inactive in between.

    Args:
        path: The scenario's file.
        approved_only: Whether the send leaves out what nobody has approved.
    """
    plan = _read(path)
    return {
        work.id(plan): SENT if work.reason == "not_approved" and not approved_only else work.reason
        for work in _all_work(plan)
    }


@dataclass(frozen=True)
class Work:
    """One stretch of somebody's time, in the words of the file; `entry` gives Clockify's.

    Attributes:
        who: Key of the user.
        start: When it began, in UTC.
        lasts_s: Seconds, whole; None while the timer runs.
        reason: What must become of it, as in `expected_reasons`.
        fixed_id: Written in the file; None for what a routine made.
        rate: US cents an hour (or those of the client's currency), as Clockify would report it.
        submitted: Whether it waits for approval.
    """

    who: str
    start: datetime
    lasts_s: int | None
    description: str
    reason: str
    project: str | None = None
    billable: bool = False
    rate: int | None = None
    task: str | None = None
    tags: tuple[str, ...] = ()
    type: str = "REGULAR"
    approved: bool = True
    submitted: bool = False
    fixed_id: str | None = None

    @property
    def end(self) -> datetime | None:
        return None if self.lasts_s is None else self.start + timedelta(seconds=self.lasts_s)

    def overlaps(self, other: "Work") -> bool:
        return self.start < (other.end or NEVER) and other.start < (self.end or NEVER)

    def id(self, plan: Row) -> str:
        # As in the real service, an id begins with the second; nobody begins two routine entries
        # in the same one, so second and person suffice, and adding a person changes no other id.
        user_id: str = plan["clockify"]["users"][self.who]["id"]
        return self.fixed_id or f"{int(self.start.timestamp()):08x}{user_id[8:]}"

    def entry(self, plan: Row) -> Row:
        """Return Clockify's row."""
        clockify = plan["clockify"]
        project = clockify["projects"].get(self.project)
        return {
            "id": self.id(plan),
            "userId": clockify["users"][self.who]["id"],
            "projectId": project["id"] if project else None,
            "taskId": _task_id(plan, self.project, self.task) if self.task else None,
            "tagIds": [clockify["tags"][tag]["id"] for tag in self.tags],
            "description": self.description,
            "start": _instant(self.start),
            "end": _instant(self.end) if self.end else None,
            "billable": self.billable,
            "type": self.type,
            "rate": self.rate,
            "currency": _currency(plan, self.project),
            "approved": self.approved,
            "submitted": self.submitted,
        }


# ------------------------------------------------------------------------------ the directory


def _read(path: Path) -> Row:
    plan: Row = yaml.safe_load(path.read_text(encoding="utf-8"))
    return plan


def _user(plan: Row, who: str) -> Row:
    user = plan["clockify"]["users"][who]
    settings = {"timeZone": _zone(plan, who).key, "weekStart": "MONDAY"}
    return {
        "id": user["id"],
        "name": user["name"],
        "email": f"{who}@tallgrass.example",
        "status": user.get("status", "ACTIVE"),
        # Clockify has null for somebody who never finished signing up (FACTS 2.4).
        "settings": settings if user.get("onboarded", True) else None,
        "membershipStatus": user.get("membershipStatus", "ACTIVE"),
        "roles": user.get("roles", []),
        "hourlyRate": _money(user["rate"], _default_currency(plan)),
    }


def _client(plan: Row, client: Row) -> Row:
    return {
        "id": client["id"],
        "name": client["name"],
        "archived": False,
        "currency": client.get("currency", _default_currency(plan)),
    }


def _project(plan: Row, project: Row) -> Row:
    client = plan["clockify"]["clients"].get(project.get("client"), {})
    return {
        "id": project["id"],
        "name": project["name"],
        "clientId": client.get("id", ""),
        "billable": project.get("billable", True),
        "archived": project.get("archived", False),
        "hourlyRate": _money(project.get("rate"), client.get("currency", _default_currency(plan))),
    }


def _money(amount: int | None, currency: str) -> Row | None:
    return None if amount is None else {"amount": amount, "currency": currency}


def _default_currency(plan: Row) -> str:
    currencies = plan["clockify"]["workspace"]["currencies"]
    code: str = next(currency["code"] for currency in currencies if currency["isDefault"])
    return code


def _zone(plan: Row, who: str) -> ZoneInfo:
    return ZoneInfo(plan["clockify"]["users"][who].get("time_zone", plan["time_zone"]))


def _currency(plan: Row, project: str | None) -> str:
    # As in Clockify, the client's currency, else the workspace's (FACTS 6).
    clockify = plan["clockify"]
    client = clockify["projects"].get(project, {}).get("client")
    currency: str = clockify["clients"].get(client, {}).get("currency", _default_currency(plan))
    return currency


def _rate(plan: Row, who: str, project: str | None) -> int | None:
    # A project's rate goes before the person's (FACTS 6); the scenario has no finer ones.
    own: int | None = plan["clockify"]["users"][who]["rate"]
    rate: int | None = plan["clockify"]["projects"].get(project, {}).get("rate", own)
    return rate


def _task_id(plan: Row, project: str | None, name: str) -> str:
    tasks = plan["clockify"]["tasks"]
    task_id: str = next(t["id"] for t in tasks if (t["project"], t["name"]) == (project, name))
    return task_id


# -------------------------------------------------------------------------------- all entries


def _all_work(plan: Row) -> list[Work]:
    """Return everything in the order in which it began; what is special comes before routine."""
    special = list(_special_work(plan))
    days_off = list(_days_off(plan))
    taken: dict[str, list[Work]] = {}
    for work in (*special, *days_off):
        taken.setdefault(work.who, []).append(work)
    routine = [
        work
        for work in _routine_work(plan)
        if not any(work.overlaps(other) for other in taken.get(work.who, []))
    ]
    return sorted((*special, *days_off, *routine), key=lambda work: (work.start, work.id(plan)))


def _special_work(plan: Row) -> Iterator[Work]:
    for reason, rows in plan["special_entries"].items():
        for row in rows:
            yield _special(plan, reason, row)


def _special(plan: Row, reason: str, row: Row) -> Work:
    who, project = row["who"], row.get("project")
    of_project = plan["clockify"]["projects"].get(project, {}).get("billable", project is not None)
    billable = row.get("billable", of_project)
    return Work(
        who=who,
        start=_utc(row["start"], _zone(plan, who)),
        lasts_s=_seconds(row["lasts"]) if row["lasts"] else None,
        description=_repeated(row["say"], row.get("repeat_to")),
        reason=reason,
        project=project,
        billable=billable,
        rate=row.get("rate", _rate(plan, who, project)) if billable else None,
        task=row.get("task"),
        tags=tuple(row.get("tags", ())),
        type=row.get("type", "REGULAR"),
        approved=row.get("approved", True),
        fixed_id=row["id"],
    )


def _days_off(plan: Row) -> Iterator[Work]:
    for row in plan["days_off"]:
        for who in row["who"]:
            for day in _days(row["from"], row["to"]):
                approved, submitted = _standing(plan, who, day)
                yield Work(
                    who=who,
                    start=_utc(datetime.combine(day, time(9)), _zone(plan, who)),
                    lasts_s=8 * 3600,
                    description=row["say"],
                    reason="break" if approved else "not_approved",
                    type=row["type"],
                    approved=approved,
                    submitted=submitted,
                )


def _standing(plan: Row, who: str, day: date) -> tuple[bool, bool]:
    """Return whether a day's timesheet is approved, and whether it waits for that."""
    monday = day - timedelta(days=day.weekday())
    for sheet in plan["unapproved_timesheets"]:
        if (sheet["who"], sheet["week"]) == (who, monday):
            return False, sheet["submitted"]
    return True, False


# ----------------------------------------------------------------------------------- routines


def _routine_work(plan: Row) -> Iterator[Work]:
    absent = {
        (who, day)
        for row in plan["days_off"]
        for who in row["who"]
        for day in _days(row["from"], row["to"])
    }
    for routine in plan["routines"]:
        who = routine["who"]
        first, last = routine.get("from", plan["from"]), routine.get("to", plan["to"])
        # The same scenario every time is the point; a generator a routine, so that changing one
        # person's weeks leaves the others' alone.
        rng = random.Random(f"{plan['seed']} {who} {first}")  # noqa: S311
        weekdays = routine.get("days", WEEKDAYS[:5])
        for day in _days(first, last):
            if WEEKDAYS[day.weekday()] in weekdays and (who, day) not in absent:
                for start, lasts_s in _a_day(rng, routine, day):
                    yield _routine_entry(plan, rng, routine, start, lasts_s)


def _a_day(rng: random.Random, routine: Row, day: date) -> Iterator[tuple[datetime, int]]:
    """Cut a working day into pieces, with a lunch in the middle: local start and seconds."""
    fewest, most = routine["entries"]
    shares = [rng.randint(1, 8) for _ in range(rng.randint(fewest, most))]
    least_h, most_h = routine["hours"]
    worked_s = rng.randint(least_h * 3600, most_h * 3600)
    clock = datetime.combine(day, time.fromisoformat(routine["starts"]))
    clock += timedelta(seconds=rng.randint(-12 * 60, 18 * 60))
    for nth, share in enumerate(shares, start=1):
        lasts_s = worked_s * share // sum(shares)
        yield clock, lasts_s
        pause_s = rng.randint(31, 13 * 60)
        lunch_s = rng.randint(28 * 60, 65 * 60) if nth == (len(shares) + 1) // 2 else 0
        clock += timedelta(seconds=lasts_s + pause_s + lunch_s)


def _routine_entry(
    plan: Row, rng: random.Random, routine: Row, start: datetime, lasts_s: int
) -> Work:
    who = routine["who"]
    share = _pick(rng, routine["projects"])
    key = None if share == INTERNAL else share
    kind = plan["descriptions"][INTERNAL if key is None else rng.choice(routine["does"])]
    project = plan["clockify"]["projects"].get(key, {"billable": False})
    billable = project.get("billable", True) and kind.get("billable", True)
    approved, submitted = _standing(plan, who, start.date())
    words = plan["words"] | {"place": project.get("places", [])}
    return Work(
        who=who,
        start=_utc(start, _zone(plan, who)),
        lasts_s=lasts_s,
        description=_phrase(rng, kind["say"], words),
        reason=SENT if approved else "not_approved",
        project=key,
        billable=billable,
        rate=_rate(plan, who, key) if billable else None,
        task=_task(plan, rng, key),
        tags=(kind["tag"],) if "tag" in kind else (),
        approved=approved,
        submitted=submitted,
    )


def _task(plan: Row, rng: random.Random, project: str | None) -> str | None:
    """Draw a task of a project, two times of three."""
    tasks = [task["name"] for task in plan["clockify"]["tasks"] if task["project"] == project]
    return rng.choice(tasks) if tasks and rng.randrange(3) else None


def _pick(rng: random.Random, shares: dict[str, int]) -> str:
    """Draw a key, each as often as its share says; `random.choices` would count in floats."""
    return rng.choice([key for key, share in shares.items() for _ in range(share)])


def _phrase(rng: random.Random, phrases: list[str], words: dict[str, list[str | int]]) -> str:
    """Draw a phrase and fill its gaps, never twice with the same word."""
    said: set[str] = set()

    def word(gap: re.Match[str]) -> str:
        drawn = rng.choice([text for text in map(str, words[gap[1]]) if text not in said])
        said.add(drawn)
        return drawn

    return re.sub(r"\{(\w+)\}", word, rng.choice(phrases))


# ------------------------------------------------------------------------------ small readings


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _utc(local: datetime, zone: ZoneInfo) -> datetime:
    return local.replace(tzinfo=zone).astimezone(UTC)


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _seconds(text: str) -> int:
    """Read a duration.

    Examples:
        >>> _seconds("1h02m03s")
        3723
    """
    found = re.fullmatch(r"(\d+)h(\d\d)m(\d\d)s", text)
    if not found:
        raise ValueError(f"not a duration: {text!r}; write it like 1h02m03s")
    hours, minutes, seconds = map(int, found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _repeated(text: str, length: int | None) -> str:
    if length is None:
        return text
    return (text * (length // len(text) + 1))[:length]
