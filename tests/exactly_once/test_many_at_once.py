"""Four processes at once on one database: they send the same days, or find it empty."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.database import closing_database, writing
from connectors.errors import TryAgain
from connectors.store.claim_records import PlanContents
from connectors.store.connection_store import ConnectionStore
from flows.reconciliation.reconcile import reconcile
from flows.reconciliation.report import ReconcileReport
from flows.reconciliation.request import ReconcileRequest
from schemas.tables import REVISION, batches, connections, runs

MANY = 4

#: Time of somebody who is in no ledger.
TYPED = {
    "NameOf": "Employee", "EmployeeRef": {"value": "55"}, "TxnDate": "2026-03-04", "Hours": 1,
    "Minutes": 0, "BillableStatus": "NotBillable", "Description": "By hand",
}  # fmt: skip


def send_at_once(office: Any) -> list[tuple[int, dict[str, Any]]]:
    """Let four processes send the same days at the same instant; return how they ended."""
    # The last thing that each asks before it claims anything; answered when all have asked.
    office.house.clockify.faults.plan("GET .*/in-progress", "gather", times=MANY)
    shared = {"CLOCKBOOKS_QBO_CONCURRENCY": str(2 * MANY)}  # by all that serve the company
    processes = [office.start("send", "--json", **shared) for _ in range(MANY)]
    ended = [office.end(process) for process in processes]
    failed = [said for code, said in ended if code not in {0, 3}]
    assert not failed, failed
    return [(code, json.loads(said)) for code, said in ended]


def overlapping(office: Any) -> int:
    """Return how many runs claimed something while all of them were alive."""
    with office.database() as connection:
        begun, ended = connection.execute(
            sa.select(sa.func.max(runs.c.started_at), sa.func.min(runs.c.finished_at))
        ).one()
        assert begun < ended, "the runs were not at work at the same time"
    return at_work(office)


def at_work(office: Any) -> int:
    """Return how many runs have claimed something."""
    with office.database() as connection:
        return len(set(connection.scalars(sa.select(batches.c.run_id))))


def _in_another_order(report: dict[str, Any]) -> dict[str, Any]:
    """Move each entry within its day, so that the day's entries follow one another backwards."""
    for row in report["timeentries"]:
        moved = timedelta(
            minutes=60 - 2 * datetime.fromisoformat(row["timeInterval"]["start"]).minute
        )
        for end in ("start", "end"):
            instant = datetime.fromisoformat(row["timeInterval"][end]) + moved
            row["timeInterval"][end] = instant.isoformat()
    return report


def test_four_that_send_the_same_days_at_once_book_each_entry_once(
    open_office: Callable[..., Any], until: Callable[..., Any]
) -> None:
    """They share the work, in whatever order they find it: each entry is sent by one of them.

    The others say who has it; and none waits for another one for ever.
    """
    with open_office() as office:
        edited = {"edit": _in_another_order, "times": MANY // 2}
        office.house.clockify.faults.plan("POST .*/reports/detailed", "edit", **edited)

        looking = threading.Lock()

        def wait_for_another(answer: Any) -> Any:
            """On a busy machine, one could send all before another gets a turn to claim."""
            with looking:  # one at a time: the others' requests are answered by this process, too
                until(lambda: at_work(office) > 1)
            return answer

        office.quickbooks.faults.plan("POST .*/batch", "edit", edit=wait_for_another)

        ended = send_at_once(office)

        assert overlapping(office) > 1
        office.check_each_once()
        entries = [entry for _, said in ended for entry in said["entries"]]
        sent = Counter(entry["entry_id"] for entry in entries if entry["state"] == "sent")
        assert sent == Counter(list(office.wanted))
        for entry in entries:
            match entry["state"], entry["reason"]:
                case "sent", None:
                    continue
                case "skipped", "break":
                    continue
                case "skipped", "already_sent":
                    assert entry["time_activity_id"] in office.quickbooks.activities
                case "in_doubt", "unconfirmed":
                    assert "another run" in entry["detail"].lower()
                case other:
                    raise AssertionError(f"{other}: {entry['detail']}")
        for code, said in ended:
            assert (said["notes"], said["stopped"]) == ([], None)
            assert code == (3 if said["counts"]["in_doubt"] else 0)

        again = office.run("send", "--json")
        assert again.code == 0
        assert again.document["counts"]["skipped"] == {"already_sent": 120, "break": 1}
        office.check_each_once()


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param({"remembers_request_ids": False}, id="forgets"),
        pytest.param({}, id="remembers", marks=pytest.mark.slow),
        pytest.param({"replay_answers_6000": True}, id="answers 6000", marks=pytest.mark.slow),
    ],
)
def test_four_at_once_among_faults_book_each_entry_once(
    open_office: Callable[..., Any], switches: dict[str, bool]
) -> None:
    """Nobody takes what another one is unsure of for his own; all is settled afterwards."""
    with open_office(**switches) as office:
        office.house.environment |= {"CLOCKBOOKS_QBO_AT_WORK_S": "1"}
        plan = office.quickbooks.faults.plan
        plan("POST .*/batch", "drop_after", skip=1, times=2)
        plan("POST .*/batch", "drop_before", skip=1, times=2)
        plan("POST .*/batch", "answer", skip=1, times=2, status=503)
        plan("POST .*/batch", "cut", skip=1, times=2)

        send_at_once(office)

        assert any(row.state == "sending" for row in office.ledger()), "some are in doubt"
        office.come_to_rest()
        office.check_each_once()


def test_four_that_find_an_empty_database_make_its_tables_once(
    open_house: Callable[..., Any],
    small_scenario: dict[str, Any],
    empty_database: str,
    tmp_path: Any,
) -> None:
    """Whoever is first makes the tables, the others wait; all say that nothing is connected."""
    with open_house(small_scenario, tmp_path) as house:
        house.environment["CLOCKBOOKS_DATABASE_URL"] = empty_database
        processes = [house.fork("entries") for _ in range(MANY)]
        ended = [(process.communicate(timeout=120), process.returncode) for process in processes]

        assert {code for _, code in ended} == {1}
        assert len({said for said, _ in ended}) == 1, ended
        assert "clockbooks connect" in ended[0][0][1]
        engine = sa.create_engine(empty_database)
        with engine.connect() as connection:
            versions = list(connection.scalars(sa.text("SELECT version_num FROM alembic_version")))
        engine.dispose()
        assert versions == [REVISION]


def test_a_run_whose_doubts_were_taken_over_is_not_revived(
    empty_database: str, about: Callable[..., PlanContents]
) -> None:
    """A renewal that was on its way meanwhile comes too late: what it held is another one's now."""
    start, lease = datetime(2026, 3, 9, 8, tzinfo=UTC), timedelta(seconds=120)
    clock = SimpleNamespace(now=start)
    over = start + lease
    row = {"entry_id": "a", "body": "{}", "minutes": 30, "date": "2026-03-02"}
    names = ("name", "workspace_id", "workspace_name", "realm_id", "company_name", "timezone")
    with closing_database(empty_database) as engine:
        with writing(engine) as connection:
            joined = dict.fromkeys(names, "x") | {"id": 1, "link_vendors": True}
            connection.execute(connections.insert().values(**joined, connected_at=start))
        store = ConnectionStore(engine, 1, lambda: clock.now)
        slow, quick = (store.runs.start(lease) for _ in range(2))
        common = {"contents": about("a", "b"), "lease": lease, "qbo_time": None}
        store.ledger.claim(slow, [row], **common)

        clock.now = over + timedelta(seconds=1)
        taken = store.doubts.take(quick, at_work=timedelta(seconds=150))

        assert [(doubt.entry_id, doubt.quiet_from) for doubt in taken] == [
            ("a", over + timedelta(seconds=150))
        ]
        clock.now = over
        assert not store.runs.renew(slow, lease)
        with pytest.raises(TryAgain, match="lease"):
            store.ledger.claim(slow, [row | {"entry_id": "b"}], **common)


@pytest.mark.parametrize("job", ["send", "reconcile"])
def test_who_sends_while_another_reads_the_books_stops_nobody(lab: Any, job: str) -> None:
    """What was sent after a list of time was read is not in it; the list is whole all the same."""
    names: list[str] = []

    def visit(name: str) -> None:
        """Let another run send the rest once the list of time was read to its end."""
        names.append(name)
        queries = [one for one in names if one.endswith("/query")]
        if name == "after an answer" and len(queries) == 2:
            lab.bomb.visit = None
            assert lab.send()

    with lab.open() as house:
        assert lab.send(end=date(2026, 3, 3))
        house.quickbooks.people.type_time(**TYPED)  # so that the list has an end to be read to
        lab.bomb.visit = visit
        if job == "send":
            assert lab.send(not_in_books=True)
        else:
            with closing(ReconcileReport()) as report:
                asked = ReconcileRequest(start=date(2026, 3, 2), end=date(2026, 3, 6))
                assert lab.run(lambda context: reconcile(context, asked, report))
        assert lab.bomb.visit is None, names
        assert {row.state for row in lab.ledger(house)} == {"sent"}
