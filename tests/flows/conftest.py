"""What the tests of the commands share: a connected house without the wait, and a small week.

Connecting and syncing is done once; who needs a database of its own gets a copy of it.
"""

import csv
import json
import shutil
import sqlite3
import sys
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo

import pytest

from connectors.standins.scenario import expected_reasons, load_scenario

COMMAND = Path(sys.executable).parent / "clockbooks"

DEMO_SCENARIO = Path(__file__).parents[2] / "data" / "demo_scenario.yaml"

#: The day of the small week's nine entries, as `clockbooks send` takes it.
DAY = ("--start", "2026-09-22", "--end", "2026-09-22")

#: Three batches of three, one after another; a QuickBooks that is never at work for long.
IN_THREES = {
    "CLOCKBOOKS_QBO_BATCH_SIZE": "3",
    "CLOCKBOOKS_QBO_CONCURRENCY": "1",
    "CLOCKBOOKS_QBO_AT_WORK_S": "0.01",
}


@pytest.fixture(scope="session")
def shared_house(
    open_house: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """Yield the demo's scenario, connected and synced: for commands that only look."""
    with open_house(
        load_scenario(DEMO_SCENARIO), tmp_path_factory.mktemp("shared_house")
    ) as opened:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(opened), "run", opened.run_here)
            assert opened.connect().code == 0
            shutil.copy(opened.folder / "clockbooks.db", opened.folder / "connected.db")
            assert opened.run("sync").code == 0
        yield opened


@pytest.fixture
def synced(house: Any, shared_house: Any) -> Any:
    """Return the demo's scenario, connected and synced, to do with as one likes."""
    for name in ("clockbooks.db", "clockbooks.key"):
        shutil.copy(shared_house.folder / name, house.folder / name)
    return house


@pytest.fixture(scope="session")
def becomes() -> dict[str, str]:
    """Return what becomes of each entry of the demo when all of it is sent, approved or not."""
    return expected_reasons(DEMO_SCENARIO, approved_only=False)


@pytest.fixture
def week(synced: Any, becomes: dict[str, str]) -> Any:
    """Return a connected house with nine entries of one day, which go in three batches of three."""
    good = [
        entry
        for id_, entry in sorted(synced.clockify.entries.items())
        if becomes[id_] == "sent" and entry["start"].startswith("2026-09-22T1")
    ]
    nine = {entry["id"]: entry for entry in good[:9]}
    assert len(nine) == 9
    for id_ in set(synced.clockify.entries) - set(nine):
        del synced.clockify.entries[id_]
    synced.environment |= IN_THREES
    return synced


@pytest.fixture(scope="session")
def send_day() -> Callable[..., Any]:
    """Return a function to send the small week's day."""

    def send(house: Any, *options: str, **environment: str) -> Any:
        return house.run("send", *DAY, "--yes", "--json", *options, **environment)

    return send


@pytest.fixture(scope="session")
def reckon() -> Callable[..., tuple[Any, ...]]:
    """Return what the books must hold of a Clockify entry, by the domain's rules alone."""
    return reckoned


def reckoned(house: Any, entry: dict[str, Any]) -> tuple[Any, ...]:
    """Compute an entry's TimeActivity anew, without any code of the product's."""
    instants = [datetime.fromisoformat(entry[name]).astimezone(UTC) for name in ("start", "end")]
    seconds = (instants[1] - instants[0]).seconds
    minutes = (seconds + 450) // 900 * 15  # the nearest quarter of an hour; a half goes up
    return (
        *_person(house, house.clockify.users[entry["userId"]]["name"]),
        _customer(house, entry["projectId"]),
        instants[0].astimezone(ZoneInfo("America/Chicago")).date().isoformat(),
        minutes // 60,
        minutes % 60,
        "Billable" if entry["billable"] else "NotBillable",
        Decimal(entry["rate"]) / 100 if entry["billable"] else Decimal(0),
        entry["description"],
    )


def _person(house: Any, name: str) -> tuple[str, str]:
    for kind, rows in (
        ("Employee", house.quickbooks.employees),
        ("Vendor", house.quickbooks.vendors),
    ):
        for row in rows.values():
            if _plain(row["DisplayName"]) == _plain(name):
                return kind, row["Id"]
    raise LookupError(name)


def _customer(house: Any, project_id: str | None) -> str | None:
    if project_id is None:
        return None
    project = house.clockify.projects[project_id]
    client = house.clockify.clients.get(project["clientId"], {"name": ""})["name"]
    rows = house.quickbooks.customers
    found: list[str] = [
        row["Id"]
        for row in rows.values()
        if _plain(row["DisplayName"]) == _plain(project["name"])
        and _plain(rows.get(_parent(row), {"DisplayName": ""})["DisplayName"]) == _plain(client)
    ]
    assert len(found) == 1, project["name"]
    return found[0]


def _parent(row: dict[str, Any]) -> str:
    return row.get("ParentRef", {"value": ""})["value"]


def _plain(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


@pytest.fixture(scope="session")
def booked() -> Callable[..., Counter[Any]]:
    """Return the books' TimeActivities, field by field and twins counted."""

    def read(house: Any) -> Counter[Any]:
        return Counter(
            (
                row["NameOf"],
                row[f"{row['NameOf']}Ref"]["value"],
                row["CustomerRef"]["value"] if "CustomerRef" in row else None,
                row["TxnDate"],
                row["Hours"],
                row["Minutes"],
                row["BillableStatus"],
                Decimal(row["HourlyRate"]),
                row.get("Description", ""),
            )
            for row in house.quickbooks.activities.values()
        )

    return read


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., list[dict[str, Any]]]:
    """Return a table of a house's database as it is, read without any code of the product's."""

    def read(house: Any, table: str) -> list[dict[str, Any]]:
        path = house.folder / "clockbooks.db"
        if not path.exists():
            return []
        connection = sqlite3.connect(path)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
        finally:
            connection.close()

    return read


@pytest.fixture(scope="session")
def execute() -> Callable[..., None]:
    """Return a function to change a house's database from outside."""

    def run(house: Any, statement: str, *values: Any) -> None:
        connection = sqlite3.connect(house.folder / "clockbooks.db")
        try:
            with connection:
                connection.execute(statement, values)
        finally:
            connection.close()

    return run


@pytest.fixture(scope="session")
def all_once(
    booked: Callable[..., Counter[Any]], rows_of: Callable[..., Any]
) -> Callable[..., None]:
    """Return a check that each entry is in the books once, and that the ledger says the same."""

    def check(house: Any) -> None:
        entries = house.clockify.entries
        assert booked(house) == Counter(reckoned(house, entry) for entry in entries.values())
        ledger = rows_of(house, "ledger")
        assert {row["state"] for row in ledger} == {"sent"}
        assert {row["entry_id"] for row in ledger} == set(entries)
        for row in ledger:
            activity = house.quickbooks.activities[row["time_activity_id"]]
            assert activity.get("Description", "") == json.loads(row["body"]).get("Description", "")
            assert row["minutes"] == activity["Hours"] * 60 + activity["Minutes"]
            assert row["txn_date"] == activity["TxnDate"]
        assert len({row["time_activity_id"] for row in ledger}) == len(entries)

    return check


#: The columns of Clockify's detailed report, as its export of 2024 has them.
COLUMNS = (
    "Project", "Client", "Description", "Task", "User", "Group", "Email", "Tags", "Type",
    "Billable", "Start Date", "Start Time", "End Date", "End Time", "Duration (h)",
    "Duration (decimal)", "Billable Rate (USD)", "Billable Amount (USD)",
)  # fmt: skip


@pytest.fixture
def night(week: Any) -> Any:
    """Return the small week with one entry alone: ten in the evening to ten past six, Chicago."""
    entries = week.clockify.entries
    first = next(id_ for id_, one in sorted(entries.items()) if one["billable"])
    week.night = entries[first]
    for id_ in set(entries) - {first}:
        del entries[id_]
    week.night |= {"start": "2026-09-22T03:00:00Z", "end": "2026-09-22T11:10:00Z"}
    return week


@pytest.fixture
def workday(week: Any) -> Any:
    """Return the small week with three entries of one person, day, project and rate.

    They are `workday.ids`, in the order of their starts, which is not that of their ids.
    """
    entries = week.clockify.entries
    like = next(one for _, one in sorted(entries.items()) if one["billable"])
    entries.clear()
    week.ids = ["c" * 24, "a" * 24, "b" * 24]
    hours = [("13:00", "14:10", "Plan"), ("15:00", "16:00", "Build"), ("17:00", "17:30", "Plan")]
    for id_, (start, end, text) in zip(week.ids, hours, strict=True):
        times = {"start": f"2026-09-22T{start}:00Z", "end": f"2026-09-22T{end}:00Z"}
        entries[id_] = {**like, "id": id_, **times, "description": text}
    return week


@pytest.fixture(scope="session")
def export() -> Callable[..., Path]:
    """Return a function to write entries of a house as Clockify would export them."""
    return exported


def exported(
    house: Any,
    name: str = "export.csv",
    *,
    entries: Sequence[dict[str, Any]] | None = None,
    without: Collection[str] = (),
    day: str = "%m/%d/%Y",
    clock: str = "%I:%M:%S %p",
    step_s: int = 1,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> Path:
    """Write a detailed report, in one of the ways in which a profile may show it.

    Args:
        house: Whose entries.
        name: Of the file, in the house's folder.
        entries: Which of them, and in what order; all of them by default.
        without: Columns that the export was told to leave out.
        day: How days are written.
        clock: How times are written.
        step_s: To what durations were rounded in the report; starts and ends never are.
        delimiter: Between fields.
        encoding: Of the file.
    """
    shown = [column for column in COLUMNS if column not in without]
    path: Path = house.folder / name
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, delimiter=delimiter)
        writer.writerow(shown)
        for entry in house.clockify.entries.values() if entries is None else entries:
            row = _row_of(house, entry, day, clock, step_s)
            writer.writerow([row[column] for column in shown])
    return path


def _row_of(house: Any, entry: dict[str, Any], day: str, clock: str, step_s: int) -> dict[str, str]:
    project = house.clockify.projects.get(entry["projectId"], {"name": "", "clientId": None})
    client = house.clockify.clients.get(project["clientId"], {"name": ""})
    user = house.clockify.users[entry["userId"]]
    start, end = (
        datetime.fromisoformat(entry[at]).astimezone(ZoneInfo("America/Chicago"))
        for at in ("start", "end")
    )
    seconds = ((end - start).seconds + step_s // 2) // step_s * step_s
    hours = Decimal(seconds) / 3600
    rate = Decimal((entry.get("rate") or 0) if entry["billable"] else 0) / 100
    return {
        "Project": project["name"],
        "Client": client["name"],
        "Description": entry["description"],
        "Task": "",
        "User": user["name"],
        "Group": "",
        "Email": user["email"],
        "Tags": ", ".join(house.clockify.tags[id_]["name"] for id_ in entry.get("tagIds") or []),
        "Type": entry.get("type", "REGULAR").replace("_", " ").capitalize(),
        "Billable": "Yes" if entry["billable"] else "No",
        "Start Date": start.strftime(day),
        "Start Time": start.strftime(clock),
        "End Date": end.strftime(day),
        "End Time": end.strftime(clock),
        "Duration (h)": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        "Duration (decimal)": f"{hours:.2f}",
        "Billable Rate (USD)": f"{rate:.2f}",
        "Billable Amount (USD)": f"{rate * hours:.2f}",
    }


class Webhook:
    """Keeps everything that is posted."""

    def __init__(self) -> None:
        posted = self.posted = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                posted.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Print nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"json://127.0.0.1:{self.server.server_port}/a-secret-path"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def told(self, *words: str) -> str | None:
        """Return a posted text that has all of these words."""
        return next((text for text in self.posted if all(word in text for word in words)), None)


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    """Yield an address that receives notifications."""
    with Webhook() as opened:
        yield opened
