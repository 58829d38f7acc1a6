"""The tests need no PostgreSQL of the machine's: they bring one."""

import os
from pathlib import Path

import pytest
import sqlalchemy as sa
from own_postgres import SERVER, empty_postgres, running_postgres


def test_a_server_of_its_own_runs_for_a_block(monkeypatch):
    """It takes databases while the block lasts, and leaves no process and no file behind."""
    monkeypatch.delenv(SERVER)
    with running_postgres(), empty_postgres() as url:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            data = Path(connection.scalar(sa.text("SHOW data_directory")))
            assert data.exists()

    assert SERVER not in os.environ
    assert not data.parent.exists()
    with pytest.raises(sa.exc.OperationalError):
        engine.connect()


def test_a_server_that_the_environment_names_is_used(monkeypatch):
    """Who has a server needs no other: it is left as it is."""
    monkeypatch.setenv(SERVER, "postgresql+psycopg://somebody@127.0.0.1:1")
    with running_postgres():
        assert os.environ[SERVER] == "postgresql+psycopg://somebody@127.0.0.1:1"
    assert os.environ[SERVER] == "postgresql+psycopg://somebody@127.0.0.1:1"
