"""Who upgrades from 0.1.0 loses nothing: its database opens, and every row is still there."""

import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from typer.testing import CliRunner

from connectors.database import closing_database
from flows.cli.main import app
from schemas.tables import REVISION

WRITTEN = Path(__file__).with_name("written_by_0_1_0.sql")

#: The revision of the database that 0.1.0 made.
OLD_REVISION = "0006"


@pytest.fixture
def old_database(empty_database):
    """Fill a database as the code of 0.1.0 left it, and return its address."""
    engine = sa.create_engine(empty_database, poolclass=sa.NullPool)
    config = Config()
    config.set_main_option("script_location", "schemas:migrations")
    statements = [line for line in WRITTEN.read_text().splitlines() if line.startswith("INSERT")]
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, OLD_REVISION)
        plain = connection.execution_options(no_parameters=True)
        for statement in statements:
            plain.exec_driver_sql(statement)
    return empty_database


def rows_of(url, columns=None):
    """Return the rows of every table, in the columns named for it, or in all of them."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    found = sa.MetaData()
    found.reflect(engine)
    rows = {}
    with engine.connect() as connection:
        for name in sorted({*found.tables} - {"alembic_version"} if columns is None else columns):
            names = found.tables[name].columns.keys() if columns is None else columns[name]
            query = sa.select(*(found.tables[name].c[column] for column in names))
            rows[name] = (names, sorted(map(repr, connection.execute(query))))
    return rows


def test_a_database_of_0_1_0_keeps_every_row(old_database):
    """After the migration each table has the rows that it had, to the last value."""
    before = rows_of(old_database)
    columns = {name: names for name, (names, _) in before.items()}

    with closing_database(old_database) as engine, engine.connect() as connection:
        version = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))

    assert version == REVISION != OLD_REVISION
    assert rows_of(old_database, columns) == before
    assert sum(len(rows) for _, rows in before.values()) > 150


def test_the_commands_show_what_0_1_0_had_sent(old_database, tmp_path, monkeypatch):
    """Sent, refused, rejected and in doubt, and the plan that waits: all as they were."""
    monkeypatch.chdir(tmp_path)

    def shown(*arguments):
        env = {"CLOCKBOOKS_DATABASE_URL": old_database}
        ran = CliRunner().invoke(app, [*arguments, "--json"], env=env)
        assert ran.exit_code in {0, 3}, ran.output
        return json.loads(ran.stdout)

    entries = shown("entries", "--state", "all")["entries"]
    (plan,) = shown("plans")["plans"]

    states = [entry["state"] for entry in entries]
    assert {state: states.count(state) for state in sorted(set(states))} == {
        "in_doubt": 6, "rejected": 2, "sent": 24,
    }  # fmt: skip
    assert all(entry["time_activity_id"] for entry in entries if entry["state"] == "sent")
    assert (plan["entries"], plan["start"]) == (3, "2026-10-20")


def test_earlier_adoptions_are_still_known_as_such(old_database):
    """Of rows that are there at the upgrade, the history says which were adopted."""
    engine = sa.create_engine(old_database, poolclass=sa.NullPool)
    config = Config()
    config.set_main_option("script_location", "schemas:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0021")
        sent = "FROM ledger WHERE state = 'sent'"
        told = "connection_id, 1, '', 'adopted', entry_id, request_id, ''"
        connection.exec_driver_sql(
            "INSERT INTO history (connection_id, number, at, event, entry_id, request_id, hash)"
            f" SELECT {told} {sent} AND request_id = (SELECT MIN(request_id) {sent}) LIMIT 1"
        )

    with closing_database(old_database) as engine, engine.connect() as connection:
        adopted = connection.exec_driver_sql("SELECT request_id FROM ledger WHERE adopted").all()
        batch = connection.exec_driver_sql(f"SELECT request_id {sent} ORDER BY 1").all()

    assert adopted == [row for row in batch if row == batch[0]]
    assert len(adopted) < len(batch)
