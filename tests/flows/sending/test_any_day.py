"""Whatever people do with entries that go in lines, the books are right in the end."""

import random
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from days import BY_DAY

pytestmark = [pytest.mark.usefixtures("in_this_process"), pytest.mark.slow]

DAYS = ("--start", "2026-09-21", "--end", "2026-09-23")
OFF = {"CLOCKBOOKS_LINE_PER": "entry"}


class Days:
    """Three days of one person, and what may happen to their time on all sides."""

    def __init__(self, house: Any, seed: int) -> None:
        self.house, self.chance = house, random.Random(seed)  # noqa: S311 - a seed to play again
        self.entries = house.clockify.entries
        self.like = dict(next(iter(self.entries.values())))
        self.done: list[str] = []

    def play(self, number: int) -> None:
        """Do some things, in an order of chance."""
        steps = [self.add] * 3 + [self.send] * 2
        steps += [self.edit, self.move, self.delete, self.lose, self.recall, self.repair]
        steps += [self.edit_books, self.delete_books]
        for _ in range(number):
            step = self.chance.choice(steps)
            self.done.append(step.__name__)
            step()

    def add(self) -> None:
        id_ = f"{len(self.done):024x}"
        at = f"2026-09-{self.chance.randint(21, 23)}T{self.chance.randint(13, 21)}"
        times = {"start": f"{at}:00:00Z", "end": f"{at}:{self.chance.choice([15, 30, 45])}:00Z"}
        text = self.chance.choice(["", "Plan", "Build"])
        own = {"id": id_, "description": text, "billable": self.chance.random() < 0.8}
        self.entries[id_] = {**self.like, **times, **own}

    def any(self) -> dict[str, Any]:
        entry: dict[str, Any] = self.entries[self.chance.choice(sorted(self.entries))]
        return entry

    def edit(self) -> None:
        entry = self.any()
        entry["end"] = f"{entry['end'][:14]}{self.chance.choice([15, 30, 45])}:00Z"

    def move(self) -> None:
        entry, day = self.any(), self.chance.randint(21, 23)
        entry |= {name: f"2026-09-{day}{entry[name][10:]}" for name in ("start", "end")}

    def delete(self) -> None:
        if len(self.entries) > 1:
            del self.entries[self.any()["id"]]

    def run(self, *words: str, **environment: str) -> Any:
        return self.house.run(*words, "--yes", "--json", **{**BY_DAY, **environment})

    def send(self) -> None:
        self.run("send", *DAYS, **self.chance.choice([{}, {}, OFF]))

    def recall(self) -> None:
        self.run("recall", "--entry", self.any()["id"])

    def repair(self) -> None:
        self.run("reconcile", *DAYS, "--repair", **self.chance.choice([{}, OFF]))

    def lose(self) -> None:
        how = self.chance.choice(["drop_after", "drop_after", "drop_before"])
        self.house.quickbooks.faults.plan("POST .*/batch", how, skip=self.chance.randint(0, 1))
        self.chance.choice([self.send, self.recall, self.repair])()
        self.house.quickbooks.faults.clear()

    def edit_books(self) -> None:
        for id_ in sorted(self.house.quickbooks.activities)[:1]:
            fields = self.chance.choice([{"Hours": 1, "Minutes": 15}, {"Description": "Mine"}])
            self.house.quickbooks.people.edit_time(id_, **fields)

    def delete_books(self) -> None:
        for id_ in sorted(self.house.quickbooks.activities)[-1:]:
            self.house.quickbooks.people.delete_time(id_)

    def put_right(self) -> None:
        """Settle, repair and send until nothing is left to do."""
        for _ in range(3):
            self.house.run("settle", "--json")
            self.run("reconcile", *DAYS, "--repair", "--resend", "--prefer", "clockify")
            self.run("send", *DAYS, "--retry-refused")

    def wanted(self) -> Counter[Any]:
        """Return the minutes of each day in Clockify, to the nearest quarter of an hour."""
        minutes: Counter[Any] = Counter()
        for entry in self.entries.values():
            start, end = (datetime.fromisoformat(entry[name]) for name in ("start", "end"))
            quarters = ((end - start).seconds + 450) // 900
            minutes[entry["start"][:10], entry["billable"]] += quarters * 15
        return minutes

    def booked(self) -> Counter[Any]:
        """Return the same of the books."""
        minutes: Counter[Any] = Counter()
        for row in self.house.quickbooks.activities.values():
            key = row["TxnDate"], row["BillableStatus"] == "Billable"
            minutes[key] += row["Hours"] * 60 + row["Minutes"]
        return minutes


@pytest.mark.parametrize("seed", range(8))
def test_the_books_are_right_in_the_end(workday, seed):
    """Each minute is there once, and every view of it says so."""
    days = Days(workday, seed)
    days.play(16)
    days.put_right()

    assert days.booked() == days.wanted(), days.done
    compared = workday.run("reconcile", *DAYS, "--json", **BY_DAY).document
    assert compared["counts"] == {"agrees": len(days.entries)}, days.done
    assert workday.run("audit", "verify").code == 0, days.done
    month = workday.run("month", "2026-09", "--json", **BY_DAY).document
    total = days.wanted().total()
    assert month["totals"]["sent_minutes"] == month["ledger_minutes"] == total
    listed = workday.run("entries", "--state", "sent", "--json").document["entries"]
    assert sorted(row["entry_id"] for row in listed) == sorted(days.entries)
