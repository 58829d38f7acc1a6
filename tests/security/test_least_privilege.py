"""Attack: whoever takes over a run has its database role, and should change rows at the most.

The roles are those of docs/security.md: its statements are what is run here.
"""

import os
import re
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from connectors.database import open_database
from connectors.errors import AskPerson

GUIDE = Path(__file__).parents[2] / "docs" / "security.md"


@contextmanager
def made():
    """Yield the addresses of the guide's two roles, in a database of their own."""
    server = sa.make_url(os.environ["CLOCKBOOKS_TEST_POSTGRESQL"])
    mark = uuid.uuid4().hex[:12]
    statements = re.search(r"```sql\n(.*?)```", GUIDE.read_text(), re.DOTALL)[1]
    statements = re.sub(r"\bclockbooks(_\w+)?\b", rf"clockbooks\1_{mark}", statements)
    before, _, after = statements.partition(r"\connect")
    with _as(server.set(database="postgres")) as connection:
        _run(connection, before)
    mine = server.set(database=f"clockbooks_{mark}")
    with _as(mine) as connection:
        _run(connection, after.partition("\n")[2])
    yield [
        mine.set(username=f"clockbooks_{who}_{mark}", password="…").render_as_string(
            hide_password=False
        )
        for who in ("owner", "run")
    ]
    with _as(server.set(database="postgres")) as connection:
        _run(connection, f"DROP DATABASE clockbooks_{mark} WITH (FORCE);")
        _run(connection, f"DROP ROLE clockbooks_owner_{mark}; DROP ROLE clockbooks_run_{mark};")


@pytest.fixture
def roles():
    """Yield both roles, and an empty database."""
    with made() as both:
        yield both


@pytest.fixture(scope="module")
def ready():
    """Yield both roles, and a database that the owner has made ready."""
    with made() as (owner, run):
        open_database(owner).dispose()
        yield owner, run


def _as(url):
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    return engine.connect()


def _run(connection, statements):
    for statement in re.sub(r"--.*", "", statements).split(";"):
        if statement.strip():
            connection.exec_driver_sql(statement)


def test_a_run_may_not_make_tables_and_says_who_may(roles):
    """On an empty database, or after an update: one sentence, and nothing is half done."""
    _, run = roles

    with pytest.raises(AskPerson, match="role that owns the tables"):
        open_database(run)


@pytest.mark.usefixtures("in_this_process")
def test_the_role_of_runs_does_a_whole_send(house, roles):
    """Connect, sync, send, and look, without a right to change any table."""
    owner, run = roles
    open_database(owner).dispose()
    day = ("--start", "2026-09-22", "--end", "2026-09-22", "--yes", "--json")
    house.environment |= {
        "CLOCKBOOKS_DATABASE_URL": run,
        "CLOCKBOOKS_SECRET_KEY": "T3J0kV8m0M0y0m0xq0n9p0Q4v7m3u2y1a0b9c8d7e6s=",
    }

    connected = house.connect()
    synced = house.run("sync")
    sent = house.run("send", *day)
    rotated = house.run("rotate-key")

    assert (connected.code, synced.code, rotated.code) == (0, 0, 0), connected.err + synced.err
    assert sent.code in {0, 3}, sent.err
    assert sent.document["counts"]["sent"] == len(house.quickbooks.activities) > 0


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (a INTEGER)", "DROP TABLE ledger", "TRUNCATE ledger",
        "ALTER TABLE ledger ADD COLUMN mine TEXT", "CREATE INDEX mine ON ledger (state)",
        "CREATE SCHEMA mine", "CREATE TEMPORARY TABLE mine (a INTEGER)",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "CREATE ROLE mine",
        "CREATE TRIGGER mine BEFORE INSERT ON ledger EXECUTE FUNCTION tsvector_update_trigger()",
    ],
)  # fmt: skip
def test_the_role_of_runs_changes_rows_at_the_most(ready, statement):
    """No table, no trigger, no function: what is there stays as its owner made it."""
    with _as(ready[1]) as connection, pytest.raises(sa.exc.ProgrammingError) as raised:
        connection.exec_driver_sql(statement)

    assert raised.value.orig.sqlstate == "42501"


def test_an_update_is_the_owners(roles):
    """A database at an older revision is refused to runs, and left as it is."""
    owner, run = roles
    config = Config()
    config.set_main_option("script_location", "schemas:migrations")
    engine = sa.create_engine(owner, poolclass=sa.NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    with pytest.raises(AskPerson, match="role that owns the tables"):
        open_database(run)

    open_database(owner).dispose()
    open_database(run).dispose()
