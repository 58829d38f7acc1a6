"""A week that was sent, and hands that change it afterwards, on either side."""

import json
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from left_behind import leave_in, left_in

WEEK = ("--start", "2026-09-14", "--end", "2026-09-18")


#: Of the scenario's entries, those that are sent: enough to be compared, and quick.
KEPT = slice(2, None, 4)


class Sends:
    """Keeps what each send left behind: the same one again takes a copy, not a second."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def send(self, house: Any, *options: str) -> Any:
        """Send the week from a house where nothing was sent, and return the document."""
        asked = json.dumps([options, house.clockify.entries])
        command = ("send", *WEEK, "--yes", *options, "--json")
        return self.once(house, asked, lambda: house.run(*command).document)

    def once(self, house: Any, name: str, act: Callable[[], Any]) -> Any:
        """Do something in a house; whoever does it again in one like it takes a copy."""
        files = [house.folder / name for name in ("clockbooks.db", "clockbooks.key")]
        if name not in self.kept:
            done = act()
            self.kept[name] = pickle.dumps(
                (done, [file.read_bytes() for file in files], left_in(house))
            )
            return done
        done, contents, left = pickle.loads(self.kept[name])  # noqa: S301 - our own, of above
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        leave_in(house, left)
        return done


class Week:
    """A week in the books, as the command sees it.

    Attributes:
        house: Both services.
        sent: The entries that were sent, by id: the objects of `send --json`.
        run_id: The run that sent them.
    """

    def __init__(self, house: Any, sends: Sends, *options: str, kept: slice = KEPT) -> None:
        self.house = house
        self._sends = sends
        some = {*sorted(house.clockify.entries)[kept]}
        for id_ in set(house.clockify.entries) - some:
            del house.clockify.entries[id_]
        document = sends.send(house, *options)
        self.run_id = document["run_id"]
        self.sent = {row["entry_id"]: row for row in document["entries"] if row["state"] == "sent"}

    def once(self, name: str, act: Callable[[], Any]) -> Any:
        """Do something first in a week; other tests that begin so take a copy."""
        return self._sends.once(self.house, name, act)

    def run(self, *arguments: str, code: int | None = None) -> Any:
        """Run a command with --json, and return its document."""
        ran = self.house.run(*arguments, "--json")
        assert code is None or ran.code == code, (ran.code, ran.err, ran.out[:2000])
        return ran.document

    def reconcile(self, *options: str, code: int | None = None) -> Any:
        """Reconcile the week."""
        return self.run("reconcile", *WEEK, *options, code=code)

    def verdicts(self, *options: str) -> dict[str, str]:
        """Return the verdict of each sent entry that does not agree."""
        entries = self.reconcile(*options)["entries"]
        return {row["entry_id"]: row["verdict"] for row in entries if row["verdict"] != "unsent"}

    def pick(self, number: int = 0, *, billable: bool = True) -> str:
        """Return the id of a sent entry."""
        ids = [id_ for id_ in sorted(self.sent) if self.entry(id_)["billable"] is billable]
        return ids[number]

    def entry(self, id_: str) -> dict[str, Any]:
        """Return an entry as Clockify has it."""
        return self.house.clockify.entries[id_]

    def lengthen(self, id_: str, minutes: int = 30) -> None:
        """Let an entry end later in Clockify."""
        entry = self.entry(id_)
        end = datetime.fromisoformat(entry["end"]) + timedelta(minutes=minutes)
        entry["end"] = end.isoformat().replace("+00:00", "Z")

    def found(self, document: dict[str, Any], id_: str) -> dict[str, Any]:
        """Return what a document says about an entry."""
        (row,) = (row for row in document["entries"] if row["entry_id"] == id_)
        return row

    def drifted(self) -> list[str]:
        """Return the entries that are known to differ."""
        return [row["entry_id"] for row in self.run("entries", "--state", "drifted")["entries"]]

    def activity_id(self, id_: str) -> str:
        """Return the TimeActivity that an entry was sent as."""
        return self.sent[id_]["time_activity_id"]

    def activity(self, id_: str) -> dict[str, Any] | None:
        """Return that TimeActivity, as QuickBooks has it now."""
        return self.house.quickbooks.activities.get(self.activity_id(id_))

    def move(self, id_: str) -> str:
        """Put an entry on another project that is linked, and return which it had."""
        before = self.entry(id_)["projectId"]
        others = {one["projectId"] for one in map(self.entry, self.sent)} - {None, before}
        self.entry(id_)["projectId"] = min(others)
        return str(before)

    def track(self) -> str:
        """Track another entry in Clockify, and return its id."""
        new = self.entry(self.pick()) | {"id": "f" * 24, "description": "Quite new work"}
        self.house.clockify.entries[new["id"]] = new
        return str(new["id"])

    def send(self, *options: str, code: int | None = None) -> Any:
        """Send the week again."""
        return self.run("send", *WEEK, "--yes", *options, code=code)

    @property
    def books(self) -> dict[str, dict[str, Any]]:
        """All that QuickBooks has."""
        return self.house.quickbooks.activities

    @property
    def people(self) -> Any:
        """The hands of a bookkeeper."""
        return self.house.quickbooks.people


@pytest.fixture(scope="session")
def sends() -> Sends:
    """Return what was sent in this process."""
    return Sends()


@pytest.fixture
def week(make_week: Callable[..., Week]) -> Week:
    """Return a week that was sent."""
    return make_week()


@pytest.fixture
def make_week(synced: Any, sends: Sends, in_this_process: None) -> Callable[..., Week]:  # noqa: ARG001 - lets the commands run here
    """Return a maker of a week that is sent with some options."""
    return partial(Week, synced, sends)


@pytest.fixture
def whole_week(make_week: Callable[..., Week]) -> Week:
    """Return a week that was sent with all of its entries."""
    return make_week(kept=slice(None))
