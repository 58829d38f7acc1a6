"""The schemas document themselves, and the database is what they say."""

import re
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from connectors.database import closing_database
from schemas import migrations
from schemas.clockify import Clients
from schemas.dictionary import FRAMES
from schemas.frames import validate_rows
from schemas.tables import REVISION, metadata
from schemas.words import STATE_OF, Reason


@pytest.mark.parametrize("model", FRAMES)
def test_every_column_says_what_it_is_and_where_it_comes_from(model):
    """A reader learns meaning and source of each column beside its type."""
    for name, column in model.to_schema().columns.items():
        assert column.description, name
        assert column.metadata["source"], name
        if name.endswith(("_s", "_micros", "minutes")):
            assert column.metadata["unit"], name


def checks_of(connection):
    """Return the words that each CHECK of a database allows."""
    inspector = sa.inspect(connection)
    return {
        (name, check["name"], *re.findall(r"'(\w+)'", check["sqltext"]))
        for name in metadata.tables
        for check in inspector.get_check_constraints(name)
    }


def test_migrations_make_what_the_tables_say(empty_database):
    """An empty database that was migrated has the tables of the code, and no others."""
    with closing_database(empty_database) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == REVISION
        with sa.create_engine("sqlite://").begin() as made:
            metadata.create_all(made)
            assert checks_of(connection) == checks_of(made)


def test_the_newest_migration_is_the_one_the_code_asks_for():
    """A forgotten constant would let an old database pass for a new one."""
    scripts = ScriptDirectory(Path(migrations.__file__).parent)

    assert scripts.get_current_head() == REVISION


def test_each_bad_row_is_explained_once_and_the_others_stay():
    """One bad row does not stop the good ones, and says what is wrong with it."""
    rows = [("1", "Garden"), (None, "No id"), ("2", "")]
    frame = pd.DataFrame(rows, columns=["clockify_id", "name"]).assign(active=True)

    found = validate_rows(Clients, frame.astype(object))

    assert found.good["name"].tolist() == ["Garden"]
    assert set(found.problems) == {1, 2}
    assert "clockify_id is missing" in found.problems[1]


def test_reasons_stand_in_the_domains_order(shared_samples):
    """The first reason that applies is given, in the order of the published table."""
    text = shared_samples("../DOMAIN.md").read_text()
    table = re.findall(r"^\| (skipped|rejected|in doubt) \| `(\w+)`", text, flags=re.MULTILINE)
    table = [row for row in table if row[1] in list(Reason)]  # it knows reasons to come

    assert [reason for _, reason in table] == list(Reason)
    assert [state.replace(" ", "_") for state, _ in table] == [STATE_OF[r] for r in Reason]
