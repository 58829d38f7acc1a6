"""Changes of sent entries, whatever QuickBooks makes of them: the ledger never says too much."""

import json
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.errors import Unsure
from connectors.store.change_rows import Wanted
from flows.context import RunContext
from flows.sending.run_lease import run_lease
from schemas.tables import changes
from schemas.words import Operation
from transforms.identity.match_books import content_of, content_of_body

CUSTOMER = "21"


def nothing(house: Any) -> None:
    """Let nothing happen."""


def bill_all(house: Any) -> None:
    """Put everything on an invoice."""
    house.quickbooks.people.invoice(CUSTOMER, *house.quickbooks.activities)


def close_books(house: Any) -> None:
    """Close the books of the week."""
    house.quickbooks.people.close_books("2026-03-31")


def stop_billing(house: Any) -> None:
    """Let the company bill no time to customers any more."""
    house.quickbooks.preferences["TimeTrackingPrefs"]["BillCustomers"] = False


ANSWERS: dict[str, tuple[Callable[[Any], None], dict[str, Any]]] = {
    "as usual": (nothing, {}),
    "no memory": (nothing, {"remembers_request_ids": False}),
    "a replay is 6000": (nothing, {"replay_answers_6000": True}),
    "answers shuffled": (
        nothing,
        {"shuffles_batch_answers": True, "runs_batches_backwards": True},
    ),
    "full updates": (nothing, {"sparse_time_updates": False}),
    "billable status kept": (nothing, {"billable_status": "kept"}),
    "404 for what is not there": (nothing, {"missing_status": 404}),
    "billed time refuses": (bill_all, {}),
    "billed time is deleted": (bill_all, {"billed_can_be_deleted": True}),
    "billed time stays billed": (bill_all, {"update_of_billed": "stays_billed"}),
    "billed time is unbilled": (bill_all, {"update_of_billed": "unbills"}),
    "billing raises tokens": (bill_all, {"billing_raises_sync_token": True}),
    "closed books": (close_books, {}),
    "closed books taken": (close_books, {"refuses_closed_books": False}),
    "closed is 6000": (close_books, {"closed_books_code": "6000"}),
    "billing dropped": (stop_billing, {"without_billing": "dropped"}),
    "billing refused": (stop_billing, {"without_billing": "refused"}),
}

# What `make test` runs; `make test-slow` runs the rest.
QUICK = {"billable status kept"}


@pytest.mark.parametrize("answer", ["comes", "is lost"])
@pytest.mark.parametrize("change", ["longer", "not billable", "gone"])
@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=[] if one in QUICK else pytest.mark.slow) for one in ANSWERS]
)
def test_the_ledger_says_what_the_books_say(lab: Any, name: str, change: str, answer: str) -> None:
    """A change is recorded only where the books show it; nothing stays open, nothing is lost."""
    scene, switches = ANSWERS[name]
    with lab.open(**switches) as house:
        assert lab.send()
        scene(house)
        before = {row.entry_id: row for row in lab.ledger(house)}
        if answer == "is lost":
            house.quickbooks.faults.plan("POST .*/batch", "drop_after")
        assert lab.run(lambda context: change_all(context, house, before.values(), change))
        lab.pass_time(600)
        assert lab.settle()

        assert open_changes(house) == []
        rows = {row.entry_id: row for row in lab.ledger(house)}
        assert {row.state for row in rows.values()} <= {"sent", "recalled"}
        sent = {id_: row for id_, row in rows.items() if row.state == "sent"}
        activities = house.quickbooks.activities
        assert {row.time_activity_id for row in sent.values()} == set(activities)
        updated = [row for id_, row in sent.items() if row.body != before[id_].body]
        for row in updated:
            booked = activities[row.time_activity_id]
            assert content_of_body(row.body) == content_of(booked)
            assert row.sync_token == booked["SyncToken"]
        if name == "as usual":
            assert len(updated) + len(rows.keys() - sent.keys()) == len(rows) == 6


def change_all(context: RunContext, house: Any, rows: Iterable[Any], change: str) -> None:
    """Change every sent entry in one batch."""
    operation = Operation.DELETE if change == "gone" else Operation.UPDATE
    context.quickbooks.company()
    with run_lease(context) as lease:
        store = context.store.changes
        wanted = [one_change(house, row, change) for row in rows]
        made = store.claim(
            lease.run_id,
            operation,
            wanted,
            lease=context.lease,
            qbo_time=context.quickbooks.time,
        )
        assert made is not None
        try:
            outcomes = context.quickbooks.write_time_activities(
                made.for_quickbooks, request_id=made.request_id, operation=operation
            )
        except Unsure:
            context.store.ledger.leave_in_doubt(made, at_work=context.at_work)
            return
        store.record(made, outcomes, qbo_time=context.quickbooks.time)


def one_change(house: Any, row: Any, change: str) -> Wanted:
    """Return the change of one entry."""
    id_ = row.time_activity_id
    named = {"Id": id_, "SyncToken": house.quickbooks.activities[id_]["SyncToken"]}
    if change == "gone":
        return Wanted(row.entry_id, id_, json.dumps(named))
    changed = {"Hours": 7} if change == "longer" else {"BillableStatus": "NotBillable"}
    body = json.dumps(named | json.loads(row.body) | changed)
    return Wanted(row.entry_id, id_, body, minutes=420, date=row.txn_date)


def open_changes(house: Any) -> list[Any]:
    """Return the changes that nobody has settled."""
    engine = sa.create_engine(house.environment["CLOCKBOOKS_DATABASE_URL"])
    with engine.connect() as connection:
        rows = list(connection.execute(sa.select(changes)))
    engine.dispose()
    return rows
