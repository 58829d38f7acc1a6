"""The database makes itself, once, and refuses what it does not know."""

import os
import socket
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import product

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from connectors import database
from connectors.database import (
    changing,
    closing_database,
    database_trouble,
    open_database,
    writing,
)
from connectors.errors import AskPerson
from schemas.tables import REVISION, Utc, connections, contents, metadata, runs, secrets


def shape(url):
    """Describe the tables of a database, and what stands in `alembic_version`."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    inspector = sa.inspect(engine)
    tables = {
        name: sorted(
            (column["name"], str(column["type"])) for column in inspector.get_columns(name)
        )
        for name in sorted(inspector.get_table_names())
    }
    with engine.connect() as connection:
        versions = list(connection.scalars(sa.text("SELECT version_num FROM alembic_version")))
    return tables, versions


def test_an_empty_database_gets_its_tables(empty_database):
    """Nobody runs a migration by hand: opening makes every table, with every column."""
    with closing_database(empty_database) as engine:
        assert engine.dialect.name in empty_database

    tables, versions = shape(empty_database)
    assert versions == [REVISION]
    assert set(tables) == {*metadata.tables, "alembic_version"}
    for name, table in metadata.tables.items():
        assert [column for column, _ in tables[name]] == sorted(table.columns.keys())


def test_opening_again_changes_nothing(empty_database):
    """What stands in the database stays, and so does its shape."""
    values = {
        "name": "studio",
        "workspace_id": "w",
        "workspace_name": "W",
        "realm_id": "r",
        "company_name": "C",
        "timezone": "UTC",
        "link_vendors": True,
        "connected_at": sa.func.now(),
    }
    with closing_database(empty_database) as engine, writing(engine) as connection:
        connection.execute(connections.insert().values(values))
    before = shape(empty_database)

    for _ in range(2):
        with closing_database(empty_database) as engine, engine.connect() as connection:
            assert list(connection.scalars(sa.select(connections.c.name))) == ["studio"]

    assert shape(empty_database) == before


def _upgrade(connection: sa.Connection, revision: str) -> None:
    """Bring a database to an older revision."""
    config = Config()
    config.set_main_option("script_location", "schemas:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def test_a_database_of_the_first_revision_keeps_its_rows(empty_database):
    """Who updates keeps connections, secrets and ledger as they were; the new columns are empty."""
    engine = sa.create_engine(empty_database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        _upgrade(connection, "0001")
        connection.execute(
            sa.text(
                "INSERT INTO connections (id, name, workspace_id, workspace_name, realm_id,"
                " company_name, timezone, link_vendors, connected_at)"
                " VALUES (7, 'studio', 'w', 'W', 'r', 'C', 'UTC', true, '2026-03-09 08:00:00')"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO secrets (connection_id, clockify_api_key, access_token,"
                " access_expires_at, refresh_token, changed_at) VALUES"
                " (7, 'k', 'a', '2026-03-09 09:00:00', 'r', '2026-03-09 08:00:00')"
            )
        )

    with closing_database(empty_database) as opened, opened.connect() as connection:
        kept = connection.execute(sa.select(secrets)).one()
        name = connection.scalars(sa.select(connections.c.name)).one()

    assert shape(empty_database)[1] == [REVISION]
    assert (name, kept.connection_id) == ("studio", 7)
    assert (kept.clockify_api_key, kept.access_token, kept.refresh_token) == ("k", "a", "r")
    assert (kept.consent_expires_at, kept.consent_ended_at, kept.refresher) == (None, None, None)


def test_a_migration_that_fails_halfway_leaves_the_old_tables(empty_database):
    """Of several steps the last is the one that fails: none of them is left, and a retry does."""
    engine = sa.create_engine(empty_database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        _upgrade(connection, "0001")
        connection.execute(sa.text("CREATE TABLE turns (in_the_way INTEGER)"))
    before = shape(empty_database)

    with pytest.raises(AskPerson):
        open_database(empty_database)

    assert shape(empty_database) == before
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE turns"))
    open_database(empty_database).dispose()
    assert shape(empty_database)[1] == [REVISION]


#: What two connections of revision 0006 hold of one imported row each.
_IMPORTED_BEFORE = """
INSERT INTO connections (id, name, workspace_id, workspace_name, realm_id, company_name,
    timezone, link_vendors, connected_at)
    VALUES (:id, :name, :name, 'W', 'r', 'C', 'America/Chicago', true, :at);
INSERT INTO runs (id, connection_id, started_at, lease_until)
    VALUES (:name, :id, :at, :at);
INSERT INTO batches (request_id, connection_id, run_id, fingerprint, claimed_at)
    VALUES (:name, :id, :name, 'f', :at);
INSERT INTO ledger (connection_id, entry_id, state, run_id, request_id, bid, body, minutes,
    txn_date, changed_at)
    VALUES (:id, 'row-1', 'sending', :name, :name, '1', '{}', 1, '2026-03-08', :at);
INSERT INTO contents (connection_id, entry_id, claim_no, source, user_id, day, start,
    duration_s, slack_s)
    VALUES (:id, 'row-1', 1, 'file', 'u', '2026-03-08', :at, 60, 0);
INSERT INTO own_settings (connection_id, name, value, changed_at)
    SELECT :id, 'timezone', 'Asia/Tokyo', connected_at FROM connections
    WHERE id = :id AND id = 8
"""


def test_what_was_imported_before_gets_the_clock_of_its_zone(empty_database):
    """Rows of an older version are known again after their connection's time zone has changed."""
    engine = sa.create_engine(empty_database, poolclass=sa.NullPool)
    at = sa.bindparam("at", datetime(2026, 3, 9, 3, 30, tzinfo=UTC), Utc)
    with engine.begin() as connection:
        _upgrade(connection, "0006")
        for number, statement in product((7, 8), _IMPORTED_BEFORE.split(";")):
            told = sa.text(statement)
            if ":at" in statement:
                told = told.bindparams(at)
            connection.execute(told, {"id": number, "name": f"c{number}"})

    with closing_database(empty_database) as opened, opened.connect() as connection:
        walls = connection.execute(sa.select(contents.c.connection_id, contents.c.wall)).all()

    assert sorted(walls) == [(7, "2026-03-08T22:30"), (8, "2026-03-09T12:30")]


#: What a connection of revision 0026 holds of an approved plan, and of a run that sent none.
_PLAN_BEFORE = """
INSERT INTO connections (id, name, workspace_id, workspace_name, realm_id, company_name,
    timezone, link_vendors, connected_at)
    VALUES (1, 'main', 'w', 'W', 'r', 'C', 'America/Chicago', true, '2026-03-08');
INSERT INTO runs (id, connection_id, started_at, lease_until)
    VALUES ('planned', 1, '2026-03-08', '2026-03-08'), ('plain', 1, '2026-03-08', '2026-03-08');
INSERT INTO plans (id, connection_id, state, first_day, last_day, made_at, entries, minutes,
    amount_cents, currency, run_id)
    VALUES (3, 1, 'approved', '2026-03-08', '2026-03-08', '2026-03-08', 1, 60, 0, 'USD', 'planned')
"""


def test_runs_of_an_older_version_name_the_plan_that_they_sent(empty_database):
    """Entries that went by an approved plan still say so after the upgrade."""
    engine = sa.create_engine(empty_database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        _upgrade(connection, "0026")
        for statement in _PLAN_BEFORE.split(";"):
            connection.execute(sa.text(statement))

    with closing_database(empty_database) as opened, opened.connect() as connection:
        named = connection.execute(sa.text("SELECT id, plan_id FROM runs")).all()

    assert dict(map(tuple, named)) == {"planned": 3, "plain": None}


def test_a_new_file_is_its_owners_alone(tmp_path):
    """Names, hours and rates are nobody else's business; what SQLite keeps beside it neither."""
    with closing_database(f"sqlite:///{tmp_path}/deep/clockbooks.db") as engine:
        with writing(engine) as connection:
            connection.execute(sa.text("CREATE TABLE more (id INTEGER)"))
        files = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "deep").iterdir()}

    assert set(files.values()) == {0o600}, files


def test_a_newer_database_is_refused_and_left_alone(empty_database):
    """An older Clockbooks does not write into tables that it does not know."""
    with closing_database(empty_database) as engine, writing(engine) as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(sa.text("CREATE TABLE of_the_future (id INTEGER)"))
    before = shape(empty_database)

    with pytest.raises(AskPerson, match="made by a newer Clockbooks") as raised:
        open_database(empty_database)

    assert "9999" in str(raised.value)
    assert "update Clockbooks. Nothing was changed." in str(raised.value)
    assert shape(empty_database) == before


def open_at_once(url, count):
    barrier = threading.Barrier(count)

    def work(_):
        barrier.wait()
        with closing_database(url) as engine, engine.connect() as connection:
            return list(connection.execute(sa.select(runs)))

    with ThreadPoolExecutor(count) as pool:
        assert list(pool.map(work, range(count))) == [[]] * count
    assert shape(url)[1] == [REVISION]


def test_threads_that_open_an_empty_database_at_once_all_succeed(empty_database):
    """One makes the tables, the others wait for it."""
    open_at_once(empty_database, 6)


def test_a_new_file_is_opened_by_many_at_once(tmp_path):
    """SQLite does not wait by itself while another one prepares a new file."""
    for attempt in range(10):
        open_at_once(f"sqlite:///{tmp_path}/{attempt}.db", 4)


def test_processes_that_open_an_empty_database_at_once_all_succeed(empty_database):
    """The same for commands that are started together, on one machine or two."""
    # Each waits on its standard input until all are up.
    code = (
        "import sys; from connectors.database import closing_database; print(flush=True);"
        " url = sys.stdin.readline().strip()\n"
        "with closing_database(url) as engine: print(engine.dialect.name)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        process.stdout.readline()
    for process in started:
        process.stdin.write(f"{empty_database}\n")
        process.stdin.flush()
    ended = [process.communicate(timeout=60) for process in started]

    assert [process.returncode for process in started] == [0, 0, 0], ended
    assert shape(empty_database)[1] == [REVISION]


# --- cannot be opened --------------------------------------------------------------------------


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://someone:pass-66f0@127.0.0.1:{port}/books",
        "postgresql+psycopg://someone:pass-66f0@{server}/no_such_database",
        "postgresql+psycopg://someone:pass-66f0@127.0.0.1:pass-66f0/books",
        "postgresql+nosuchdriver://someone:pass-66f0@127.0.0.1/books",
        "nosuchdatabase://someone:pass-66f0@127.0.0.1/books",
        "mysql://someone:pass-66f0@127.0.0.1/books",
        "someone:pass-66f0@127.0.0.1",
        "",
        "sqlite:///{folder}/file/below/clockbooks.db",
        "sqlite:///{folder}",
        "sqlite:///{folder}/file",
    ],
)
def test_what_cannot_be_opened_asks_the_person(url, tmp_path):
    """The setting to check is named; no password, in the text or the traceback."""
    running = sa.make_url(os.environ["CLOCKBOOKS_TEST_POSTGRESQL"])
    server = f"{running.host}:{running.port}"
    (tmp_path / "file").write_text("This is no database, but a file of another kind. " * 99)

    with pytest.raises(AskPerson, match="check CLOCKBOOKS_DATABASE_URL") as raised:
        open_database(url.format(port=closed_port(), folder=tmp_path, server=server))

    assert "pass-66f0" not in "".join(traceback.format_exception(raised.value))


def test_a_folder_that_lacks_is_made(tmp_path):
    """The database's folder need not be there before."""
    with closing_database(f"sqlite:///{tmp_path}/a/b/clockbooks.db"):
        assert (tmp_path / "a" / "b" / "clockbooks.db").exists()


# --- fails while it works ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("holder", "words"),
    [("PRAGMA max_page_count = 1", "disk is full"), ("BEGIN IMMEDIATE", "another process")],
)
def test_what_fails_in_the_database_is_told_with_what_is_kept(tmp_path, holder, words):
    """One sentence: what is wrong, what is kept, what to do."""
    engine = sa.create_engine(f"sqlite:///{tmp_path}/a.db", connect_args={"timeout": 0})
    with engine.connect() as first, engine.connect() as second:
        first.exec_driver_sql(holder)
        failing = first if holder.startswith("PRAGMA") else second
        with pytest.raises(sa.exc.OperationalError) as raised:
            failing.exec_driver_sql("CREATE TABLE x (a INTEGER)")
    engine.dispose()

    told = database_trouble(raised.value)

    assert told
    assert words in told
    assert "The ledger keeps what was handed over" in told


def test_a_mistake_in_a_statement_is_no_trouble_of_the_database():
    """It is a fault of the program: nobody is sent to look at disks."""
    assert database_trouble(sa.exc.ProgrammingError("SELECT", {}, Exception("no"))) is None
    assert database_trouble(ZeroDivisionError()) is None


# --- transactions ------------------------------------------------------------------------------


def run(connection, id_, connection_id):
    connection.execute(
        runs.insert().values(
            id=id_,
            connection_id=connection_id,
            started_at=sa.func.now(),
            lease_until=sa.func.now(),
        )
    )


def test_what_fails_is_undone_as_a_whole(engine, connection_id):
    """An error in a block that writes leaves nothing of it."""

    def half_a_job():
        with writing(engine) as connection:
            run(connection, "r1", connection_id)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_a_job()

    with engine.connect() as connection:
        assert list(connection.scalars(sa.select(runs.c.id))) == []


def test_foreign_keys_hold(engine, connection_id):
    """Nothing belongs to a connection that is not there, on SQLite neither."""
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as connection:
        run(connection, "r1", connection_id + 1)


def test_writers_wait_for_each_other(engine, connection_id):
    """Two that read and then write at the same time both succeed, one after the other."""
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait()
        with writing(engine) as connection:
            connection.execute(sa.select(runs)).all()
            run(connection, f"r{number}", connection_id)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    with engine.connect() as connection:
        assert len(connection.execute(sa.select(runs)).all()) == 8


def test_errors_do_not_tell_what_was_written(engine, connection_id):
    """Parameters are names, descriptions and tokens: they do not belong in an error's text."""
    with writing(engine) as connection:
        run(connection, "secret-id", connection_id)

    with pytest.raises(sa.exc.IntegrityError) as raised, writing(engine) as connection:
        run(connection, "secret-id", connection_id)

    assert "SQL parameters hidden" in str(raised.value)
    assert f"'secret-id', {connection_id}" not in str(raised.value)


def test_who_is_suspended_while_writing_holds_nobody_up_for_long(postgres_engine, monkeypatch):
    """PostgreSQL ends its transaction, so that others go on; on waking it is told what to do."""
    monkeypatch.setattr(database, "IDLE_S", 0.2)

    def be_suspended():
        with changing(postgres_engine) as asleep:
            with changing(postgres_engine) as other:  # it waits for the one that sleeps
                assert other.scalar(sa.select(1)) == 1
            asleep.execute(sa.select(1))

    with pytest.raises(sa.exc.DatabaseError) as caught:
        be_suspended()

    assert "connection to the database was lost" in database_trouble(caught.value)


def test_who_is_suspended_between_two_rows_holds_nobody_up_either(postgres_engine, monkeypatch):
    """Rows go one statement at a time: PostgreSQL counts who is in a pipeline as at work."""
    monkeypatch.setattr(database, "IDLE_S", 0.2)

    def rows():
        yield [1]
        with postgres_engine.connect() as other:  # after the first row, before the second
            other.execute(sa.text("SET lock_timeout = '10s'"))
            other.execute(sa.select(sa.func.pg_advisory_lock(database.LEDGER_LOCK)))
            other.execute(sa.select(sa.func.pg_advisory_unlock(database.LEDGER_LOCK)))
        yield [2]

    def be_suspended():
        with changing(postgres_engine) as asleep:
            asleep.connection.cursor().executemany("SELECT %s::int", rows())

    with pytest.raises(sa.exc.DatabaseError, match="connection is lost"):
        be_suspended()
