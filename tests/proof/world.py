"""A small company in both services, and what people do there: all that a history plays in.

It knows the stand-ins alone. What is written here about Clockify and QuickBooks is the company's
own view: who works for it, what an hour costs, what was typed in.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from clocks import START, RealClock, SharedClock
from gate import Gate, Journal

from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.quickbooks.app import QuickBooksStandin, Switches
from connectors.standins.scenario import settings_for
from connectors.standins.server import serving

ZONE = ZoneInfo("America/Chicago")
FIRST, LAST = "2026-03-02", "2026-03-13"
DAYS = ("2026-03-02", "2026-03-04", "2026-03-09", "2026-03-13")
CLOSINGS = ("2026-03-02", "2026-03-04", "2026-03-09")
TEXTS = ("Digging", "Planting", "Twin")
RATE = 7550
MORNING, NIGHT = 9, 23
SECRET_KEY = "cHJvb2Zwcm9vZnByb29mcHJvb2Zwcm9vZnByb29mcHI="
WORKSPACE, NEIGHBOR = "64aa000000000000000000a1", "64aa000000000000000000b2"
ADA, BO, CY, DEE = (f"64d00000000000000000000{nth}" for nth in range(1, 5))
GARDEN, HOUSE = "64b000000000000000000001", "64b000000000000000000002"

#: Who and what they are in QuickBooks; Dee is nobody there.
PEOPLE = {ADA: ("Employee", "55"), BO: ("Employee", "56"), CY: ("Vendor", "57")}
CUSTOMERS = {GARDEN: "21", HOUSE: "22"}
NAMES = {ADA: "Ada", BO: "Bo", CY: "Cy", DEE: "Dee"}

#: One request at a time, so that the nth is always the same; and patience with who is suspended.
SIMULATED = {"CLOCKBOOKS_QBO_CONCURRENCY": "1", "CLOCKBOOKS_QBO_TIMEOUT_S": "600"}

#: Leases that run out while somebody watches.
REAL = {
    "CLOCKBOOKS_QBO_CONCURRENCY": "3",
    "CLOCKBOOKS_QBO_TIMEOUT_S": "5",
    "CLOCKBOOKS_QBO_AT_WORK_S": "1",
    "CLOCKBOOKS_LEASE_S": "1",
}

_LIFTED = {"requests_per_second": None, "requests_per_minute": None, "batches_per_minute": None}


def scenario() -> dict[str, Any]:
    """Return the company before anybody has tracked time."""
    users = [
        {
            "id": id_,
            "name": f"{name} Small",
            "email": f"{name.lower()}@small.example",
            "status": "ACTIVE",
            "settings": {"timeZone": ZONE.key, "weekStart": "MONDAY", "dateFormat": "YYYY-MM-DD"},
            "membershipStatus": "ACTIVE",
            "roles": ["OWNER"] if id_ == ADA else [],
        }
        for id_, name in NAMES.items()
    ]
    projects = [
        {"id": id_, "name": name, "clientId": "", "billable": True, "archived": False}
        for id_, name in ((GARDEN, "Garden"), (HOUSE, "House"))
    ]
    company = {
        "CompanyName": "Small",
        "Country": "US",
        "NameValue": [{"Name": "OfferingSku", "Value": "QuickBooks Online Plus"}],
    }
    return {
        "clockify": {
            "api_keys": {"small-key": ADA},
            "workspace": {
                "id": WORKSPACE,
                "name": "Small",
                "features": ["QUICKBOOKS_INTEGRATION"],
                "featureSubscriptionType": "PRO_2021",
                "currencies": [{"id": "1" * 24, "code": "USD", "isDefault": True}],
                "workspaceSettings": {"timeRoundingInReports": False},
            },
            "users": users,
            "clients": [],
            "projects": projects,
            "tasks": [],
            "tags": [],
            "entries": [],
        },
        "quickbooks": {
            "realm_id": "123",
            "client_id": "small-client",
            "client_secret": "small-secret-of-the-app",
            "refresh_token": "small-refresh-token-0001",
            "company": company,
            "preferences": {
                "AccountingInfoPrefs": {},
                "TimeTrackingPrefs": {"UseServices": True},
                "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}},
                "OtherPrefs": {"NameValue": []},
            },
            "customers": [
                {"Id": "21", "DisplayName": "Garden"},
                {"Id": "22", "DisplayName": "House"},
            ],
            "employees": [
                {"Id": "55", "DisplayName": "Ada Small", "GivenName": "Ada"},
                {"Id": "56", "DisplayName": "Bo Small", "GivenName": "Bo"},
            ],
            "vendors": [{"Id": "57", "DisplayName": "Cy Small"}],
            "items": [{"Id": "2", "Name": "Hours", "Type": "Service"}],
        },
    }


def day_of(entry: Mapping[str, Any]) -> str:
    """Return the day on which an entry falls, in the company's time zone."""
    return datetime.fromisoformat(entry["start"]).astimezone(ZONE).date().isoformat()


def seconds_of(entry: Mapping[str, Any]) -> int:
    """Return how long an entry is."""
    start, end = (datetime.fromisoformat(entry[edge]) for edge in ("start", "end"))
    return (end - start) // timedelta(seconds=1)


def as_booked(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return how the books must hold an entry: half a minute and more goes up."""
    billable = entry["billable"]
    return (
        *PEOPLE.get(entry["userId"], (None, None)),
        CUSTOMERS.get(entry["projectId"] or ""),
        day_of(entry),
        (seconds_of(entry) + 30) // 60,
        "Billable" if billable else "NotBillable",
        Decimal(RATE) / 100 if billable else Decimal(0),
        entry["description"],
    )


def whole_id(id_: str) -> str:
    """Return the id of the entry of which an id names a part."""
    return id_.partition("/")[0]


def booked_in_parts(id_: str, entry: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return how the books must hold an entry that is booked on each of its days, by part.

    Entries here begin and end on whole minutes, but for those that are over within one.
    """
    whole = as_booked(entry)
    start, end = (datetime.fromisoformat(entry[edge]) for edge in ("start", "end"))
    day, parts = start.astimezone(ZONE).date(), []
    while start < end:
        midnight = datetime.combine(day + timedelta(days=1), time.min, ZONE).astimezone(UTC)
        until = min(end, midnight)
        minutes = (until - start + timedelta(seconds=30)) // timedelta(minutes=1)
        parts.append((*whole[:3], day.isoformat(), minutes, *whole[5:]))
        start, day = until, day + timedelta(days=1)
    return {id_ if nth == 1 else f"{id_}/{nth}": part for nth, part in enumerate(parts, 1)}


def lines_of(text: str) -> frozenset[str]:
    """Return the texts of a description that several entries may share."""
    return frozenset(filter(None, text.split("\n")))


def may_join(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    """Whether two contents differ in nothing but time and text, and so may be booked together."""
    return (first[:4], first[5:7]) == (second[:4], second[5:7])


def joined(contents: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    """Return how the books must hold several contents together: each text once."""
    texts = dict.fromkeys(what[7] for what in contents if what[7])
    return (
        *contents[0][:4],
        sum(what[4] for what in contents),
        *contents[0][5:7],
        "\n".join(texts),
    )


def content(activity: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the same of a TimeActivity in the books."""
    kind = activity["NameOf"]
    return (
        kind,
        activity[f"{kind}Ref"]["value"],
        activity.get("CustomerRef", {}).get("value"),
        activity["TxnDate"],
        activity.get("Hours", 0) * 60 + activity.get("Minutes", 0),
        activity["BillableStatus"],
        Decimal(str(activity.get("HourlyRate") or 0)),
        activity.get("Description", ""),
    )


@dataclass
class World:
    """Both services with the company in them, and where the command finds them.

    Attributes:
        clockify: The stand-in of Clockify.
        quickbooks: The stand-in of QuickBooks.
        gates: What stands before them: `clockify`, `neighbor` and `quickbooks`.
        urls: Where those are.
        journal: What happened to the books.
        ours: The clock of the machine that Clockbooks runs on.
        theirs: The services' own.
        neighbor: Clockify with another workspace of the same company; `None` where there is none.
        folder: Where the command runs, and its database if that is a file.
        environment: Its settings.
        had: Every content that an entry ever had, by the entry's id.
        lacking: Connections whose tokens Intuit does not take any more, as somebody wanted it.
        splits: Whether entries are booked on each of their days.
        joins: Whether entries of one person, day and customer are booked together.
    """

    clockify: ClockifyStandin
    quickbooks: QuickBooksStandin
    gates: dict[str, Gate]
    urls: Mapping[str, str]
    journal: Journal
    ours: SharedClock | RealClock
    theirs: SharedClock | RealClock
    folder: Path
    environment: dict[str, str]
    neighbor: ClockifyStandin | None = None
    had: dict[str, set[tuple[Any, ...]]] = field(default_factory=dict)
    number: int = 0
    lacking: set[str] = field(default_factory=set)
    splits: bool = False
    joins: bool = False

    def settings(self, *, neighbor: bool = False) -> dict[str, str]:
        """Return the settings of a command, of this workspace or the neighbor's."""
        if not neighbor:
            return self.environment
        theirs = {
            "CLOCKBOOKS_CLOCKIFY_WORKSPACE_ID": NEIGHBOR,
            "CLOCKBOOKS_CLOCKIFY_API_KEY": "neighbor-key",
        }
        for name, value in self.environment.items():
            if name.startswith("CLOCKBOOKS_CLOCKIFY_") and name.endswith("_URL"):
                theirs[name] = value.replace(self.urls["clockify"], self.urls["neighbor"])
        return self.environment | theirs

    # --- what people do in Clockify

    def track(self, user: str, day: str, minutes: int, text: str, **members: Any) -> str:
        """Track time and return the entry's id."""
        self.number += 1
        id_ = f"64ee{self.number:020d}"
        self.clockify.entries[id_] = _entry(self.number, user, day, minutes, text, **members)
        self._remember(id_)
        return id_

    def edit(self, id_: str, **members: Any) -> None:
        """Edit an entry; `minutes` moves its end, `day` and `hour` the whole of it."""
        entry = self.clockify.entries[id_]
        start, end = (datetime.fromisoformat(entry[edge]) for edge in ("start", "end"))
        if "minutes" in members:
            end = start + timedelta(minutes=members.pop("minutes"))
        length, local = end - start, start.astimezone(ZONE)
        if "day" in members:
            moved = datetime.fromisoformat(members.pop("day")).date()
            start = datetime.combine(moved, local.time(), ZONE)
        if "hour" in members:
            start = local.replace(hour=members.pop("hour"))
        end = start.astimezone(UTC) + length
        edges = {"start": _stored(start), "end": _stored(end)}
        self.clockify.entries[id_] = entry | edges | members
        self._remember(id_)

    def _remember(self, id_: str) -> None:
        entry = self.clockify.entries[id_]
        self.had.setdefault(id_, set()).add(as_booked(entry))
        if self.splits:
            self.had[id_] |= {*booked_in_parts(id_, entry).values()}

    # --- what they do in QuickBooks

    def in_books(self, act: Any) -> Any:
        """Let people do something in QuickBooks; it is noted as theirs."""
        return self.gates["quickbooks"].people(act)

    def type_in(self, body: tuple[Any, ...]) -> str:
        """Type time into QuickBooks, as `content` has it, and return its Id."""
        kind, person, customer, day, minutes, status, rate, text = body
        members = {
            "NameOf": kind,
            f"{kind}Ref": {"value": person},
            "TxnDate": day,
            "Hours": minutes // 60,
            "Minutes": minutes % 60,
            "BillableStatus": status,
            "HourlyRate": rate,
            "Description": text,
        }
        if customer:
            members["CustomerRef"] = {"value": customer}
        people = self.quickbooks.people
        id_: str = self.in_books(lambda: people.type_time(**members))
        return id_


def _entry(
    number: int, user: str, day: str, minutes: int, text: str, **members: Any
) -> dict[str, Any]:
    hour = members.pop("hour", MORNING)
    start = datetime.fromisoformat(f"{day}T{hour:02d}:{number % 60:02d}:00").replace(tzinfo=ZONE)
    length = timedelta(minutes=minutes, seconds=members.pop("seconds", 0))
    return {
        "id": f"64ee{number:020d}",
        "userId": user,
        "projectId": GARDEN,
        "taskId": None,
        "tagIds": [],
        "description": text,
        "start": _stored(start),
        "end": _stored(start + length),
        "billable": True,
        "type": "REGULAR",
        "rate": RATE,
        "currency": "USD",
        "approved": False,
    } | members


def _neighbor(made: Mapping[str, Any], now: Any) -> ClockifyStandin:
    """Return another workspace, whose entries have ids and contents that the first one has, too."""
    clockify = deepcopy(made["clockify"])
    clockify["workspace"]["id"] = NEIGHBOR
    clockify["api_keys"] = {"neighbor-key": ADA}
    clockify["entries"] = [
        _entry(1, BO, DAYS[0], 30, "Digging", approved=True),
        _entry(2, BO, DAYS[1], 30, "Twin", approved=True),
        _entry(3, ADA, DAYS[2], 45, "Twin", approved=True),
    ]
    switches = ClockifySwitches(requests_per_second=None)
    return ClockifyStandin({"clockify": clockify}, now=now, switches=switches)


def _stored(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


class Servers:
    """Two addresses, behind which one world after another is put."""

    def __init__(
        self, folder: Path, urls: Mapping[str, str], gates: dict[str, Gate], *, real: bool
    ) -> None:
        self.folder, self.urls, self.gates, self.real = folder, urls, gates, real
        self.clocks = [] if real else [folder / "ours", folder / "theirs"]
        self.ours, self.theirs = [SharedClock(path) for path in self.clocks] or [RealClock()] * 2

    def world(
        self, name: str, database_url: str | None, *, has_neighbor: bool = False, **switches: Any
    ) -> World:
        """Put a new company there; its database is a file in its folder if none is named."""
        folder = self.folder / name
        folder.mkdir()
        for clock in (self.ours, self.theirs):
            clock.set(START)
        made = scenario()
        clockify = ClockifyStandin(
            made,
            now=self.theirs.now,
            switches=ClockifySwitches(requests_per_second=None, serves_csv=True),
        )
        quickbooks = QuickBooksStandin(
            made, now=self.theirs.now, switches=Switches(**{**_LIFTED, **switches})
        )
        journal = Journal(quickbooks)
        neighbor = _neighbor(made, self.theirs.now) if has_neighbor else None
        self.gates["clockify"].app = clockify.app
        self.gates["neighbor"].app = neighbor.app if neighbor else None
        self.gates["quickbooks"].app = quickbooks.app
        self.gates["quickbooks"].journal = journal
        for gate in self.gates.values():
            gate.now = self.theirs.read
            gate.stops.clear()
        found = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = {
            **found,
            "CLOCKBOOKS_DATABASE_URL": database_url or f"sqlite:///{folder}/clockbooks.db",
            **settings_for(
                made, clockify_url=self.urls["clockify"], quickbooks_url=self.urls["quickbooks"]
            ),
            "CLOCKBOOKS_CLOCKIFY_REQUESTS_PER_SECOND": "100000",
            "CLOCKBOOKS_QBO_BATCHES_PER_MINUTE": "100000",
            "CLOCKBOOKS_QBO_REQUESTS_PER_MINUTE": "100000",
            "CLOCKBOOKS_QBO_REQUESTS_PER_SECOND": "100000",
            "CLOCKBOOKS_QBO_BATCH_SIZE": "2",
            "CLOCKBOOKS_TIMEZONE": ZONE.key,
            "CLOCKBOOKS_SECRET_KEY": SECRET_KEY,
            **(REAL if self.real else SIMULATED),
        }
        return World(
            clockify=clockify,
            quickbooks=quickbooks,
            neighbor=neighbor,
            gates=self.gates,
            urls=self.urls,
            journal=journal,
            ours=self.ours,
            theirs=self.theirs,
            folder=folder,
            environment=environment,
        )


@contextmanager
def open_servers(*, real: bool = False) -> Iterator[Servers]:
    """Serve two addresses for a block; *real* keeps to the machine's clock."""
    room = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
    gates = {"clockify": Gate(), "neighbor": Gate(), "quickbooks": Gate()}
    with (
        tempfile.TemporaryDirectory(prefix="clockbooks-proof-", dir=room) as name,
        serving(gates["clockify"]) as clockify,
        serving(gates["neighbor"]) as neighbor,
        serving(gates["quickbooks"]) as quickbooks,
    ):
        urls = {"clockify": clockify, "neighbor": neighbor, "quickbooks": quickbooks}
        yield Servers(Path(name), urls, gates, real=real)
