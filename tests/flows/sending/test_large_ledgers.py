"""No command of the job reads the ledger whole: what a send costs does not grow with the past.

Every statement of two sends, of which the second settles what the first left in doubt, is shown to
the database's planner: it must find the rows by more than their connection.
"""

import json
import re
import runpy
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from connectors.database import open_database
from connectors.store.connection_store import ConnectionStore
from flows.context import open_context, utc_now
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send
from schemas.tables import connections

#: The bench's own way to fill a ledger, and with how many entries.
FILLER = Path(__file__).parents[2] / "bench" / "big_ledger.py"
PAST = 30_000

#: The tables that grow with every entry, batch or run that ever was.
GROWING = ("ledger", "contents", "verdicts", "batches", "runs", "history")


@contextmanager
def _recorded():
    """Record each distinct statement with its values."""
    seen = {}

    def note(*told):
        _, _, statement, parameters, _, many = told
        if statement.split(maxsplit=1)[0] in {"SELECT", "UPDATE", "DELETE"}:
            seen[statement] = parameters[0] if many else parameters

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)


@pytest.fixture
def sent_twice(week, empty_database, in_this_process, monkeypatch):  # noqa: ARG001 - for speed
    """Send the small week's day twice in this process, and give what was asked of the database."""
    assert week.connect(CLOCKBOOKS_DATABASE_URL=empty_database).code == 0
    assert week.run("sync", CLOCKBOOKS_DATABASE_URL=empty_database).code == 0
    monkeypatch.chdir(week.folder)
    for name, value in {**week.environment, "CLOCKBOOKS_DATABASE_URL": empty_database}.items():
        monkeypatch.setenv(name, value)
    week.quickbooks.faults.plan(r"POST .*/batch", skip=1, kind="answer_after", status=504)
    _grow(empty_database)
    request = SendRequest(date(2026, 9, 22), date(2026, 9, 22))
    with _recorded() as statements:
        for unclear in (3, 0):
            with closing(Report()) as report, open_context(None) as context:
                ended = send(context, request, report)
            assert ended["counts"]["in_doubt"] == unclear
    return empty_database, statements


def _grow(url):
    """Give the ledger a past, so that the planner counts with one."""
    engine = sa.create_engine(url)
    runpy.run_path(str(FILLER))["fill"](engine, 1, first=1, last=PAST)
    engine.dispose()


def test_no_statement_of_a_send_reads_a_growing_table_whole(sent_twice):
    """On SQLite and on PostgreSQL, each of the job's statements finds its rows by an index."""
    url, statements = sent_twice

    assert any("request_id" in statement for statement in statements)
    assert not _read_whole(url, statements)


def test_long_lists_are_looked_up_whatever_the_statistics(empty_database):
    """A thousand entries are asked for by their keys, also of a ledger that grew just now.

    PostgreSQL, which then thinks that a connection has few rows, read all of them.
    """
    open_database(empty_database).dispose()
    _connect_by_hand(empty_database)
    _grow(empty_database)
    ids = [f"{number:024x}" for number in range(PAST - 500, PAST + 500)]
    engine = sa.create_engine(empty_database)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM pg_statistic WHERE starelid > 16383")
    store = ConnectionStore(engine, 1, utc_now)
    with _recorded() as statements:
        assert len(store.ledger.held(ids)) == 501
        known, _ = store.books.accounted([f"past-{PAST:09d}", "0"])
        assert known == {f"past-{PAST:09d}"}
        assert store.books.holder(f"past-{PAST:09d}") is not None
        assert store.ledger.refusals(ids) == []
    engine.dispose()

    assert not _read_whole(empty_database, statements)


def _connect_by_hand(url):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(
            connections.insert().values(
                name="a", workspace_id="w", workspace_name="w", realm_id="r", company_name="c",
                timezone="UTC", link_vendors=True, connected_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )  # fmt: skip
    engine.dispose()


def _read_whole(url, statements):
    """Return the steps of the statements' plans that read a growing table whole, as text."""
    plans = _sqlite_steps if url.startswith("sqlite") else _postgresql_steps
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        whole = [
            f"{step}\n{statement}"
            for statement, values in statements.items()
            for step in plans(connection, statement, values)
        ]
    engine.dispose()
    return "\n\n".join(whole)


def _sqlite_steps(connection, statement, values):
    """Yield the steps of a plan that read a growing table whole, or by its connection alone."""
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values):
        step = row[3]
        table = step.split()[1]
        if table not in GROWING or "max(" in statement:  # the newest stands last in its index
            continue
        told = re.search(r"\((.*)\)", step)
        if re.sub(r"connection_id=\?( AND )?", "", told[1] if told else "") == "":
            yield step


def _postgresql_steps(connection, statement, values):
    connection.exec_driver_sql("SET enable_seqscan = off")  # small tables: only if it must
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar()
    nodes = list(plan if isinstance(plan, list) else json.loads(plan))
    nodes = [node["Plan"] for node in nodes]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if node.get("Relation Name") not in GROWING or node["Node Type"] == "ModifyTable":
            continue
        if node.get("Scan Direction") == "Backward" and "max(" in statement:
            continue  # the newest stands last in its index
        if node["Node Type"] == "Bitmap Heap Scan":
            condition = node["Recheck Cond"]
        else:
            condition = node.get("Index Cond", "")
        if re.sub(r"\((\w+\.)?connection_id = [^()]*\)", "", condition).strip("() AND") == "":
            yield f"{node['Node Type']} on {node['Relation Name']}: {condition}"
