"""What people typed into Clockify or QuickBooks, read by a spreadsheet: no cell runs."""

import csv
import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import AskPerson
from flows.sending.report import write_csv

#: What a cell must not begin with, in the file's own locale or after another one's delimiter.
RUNS = re.compile(r"(?:^|[;\t\r\n])[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]")

ATTACKS = [
    "=cmd|'/c calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\tx", "\nx",
    "  =1+1", "\xa0=1", "x;=cmd", ";=cmd", "x; =cmd", "x\t@cmd", "one\n=cmd", "one\r\n-cmd",
    '";=cmd', '"=cmd', "\uff1dcmd", "\uff0b1", "\uff0d1", "\uff20x", 'x";=HYPERLINK("http://evil")',
]  # fmt: skip
ORDINARY = ["Ann Lee", "9-5", "a = b", "mail@example.com", "x, -2", "", "'quoted'", "O'Brien"]


def written(path, *texts, number=-7):
    write_csv([{"n": number, "text": text} for text in texts], path, ("n", "text"))
    return path.read_bytes().decode("utf-8-sig")


def read(content, delimiter=","):
    return list(csv.reader(content.splitlines(keepends=True), delimiter=delimiter))


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_cell_begins_as_a_formula(tmp_path, attack, delimiter):
    """Neither where a comma parts cells nor where a semicolon or a tab does."""
    content = written(tmp_path / "out.csv", attack, "plain", number=7)

    texts = [cell for row in read(content, delimiter)[1:] for cell in row]
    assert not [text for text in texts if RUNS.search(text)]


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_cell_that_was_guarded_reads_the_same_without_its_apostrophes(tmp_path, attack):
    """Nothing but the guard was added."""
    (row,) = read(written(tmp_path / "out.csv", attack))[1:]

    assert row[1] != attack
    assert row[1].replace("'", "") == attack.replace("'", "")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.sampled_from("ab;,\t\r\n =+-@\"'"), max_size=8))
def test_no_text_at_all_runs(tmp_path, text):
    """Whatever stands before the delimiter or the quotation mark."""
    (row,) = read(written(tmp_path / "out.csv", text))[1:]

    assert not RUNS.search(row[1])


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_texts_and_our_own_numbers_stay_as_they_are(tmp_path, text):
    """A guard in them would be wrong data."""
    assert read(written(tmp_path / "out.csv", text))[1:] == [["-7", text]]


def test_every_cell_is_quoted(tmp_path):
    """Empty ones and numbers too: no reader has to guess where a cell ends."""
    write_csv([{"n": 90, "text": None}], tmp_path / "out.csv", ("n", "text"))

    assert (tmp_path / "out.csv").read_bytes().decode("utf-8-sig") == '"n","text"\r\n"90",""\r\n'


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
@pytest.mark.parametrize("before", [None, 0o644, 0o666])
def test_the_file_is_its_owners_alone(tmp_path, before):
    """Names and hours are nobody else's business, also where the file was there before."""
    path = tmp_path / "out.csv"
    if before is not None:
        path.write_text("what was there before, and was much longer than what comes now")
        path.chmod(before)
    mask = os.umask(0)
    try:
        content = written(path, "x")
    finally:
        os.umask(mask)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert content == '"n","text"\r\n"-7","x"\r\n'


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_a_file_of_somebody_else_is_left_as_it_is(tmp_path, monkeypatch):
    """Its owner could read along: nothing is written into it."""
    path = tmp_path / "out.csv"
    path.write_text("theirs")

    def not_ours(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", not_ours)
    with pytest.raises(AskPerson, match="not permitted"):
        written(path, "x")

    assert path.read_text() == "theirs"


def test_a_pipe_takes_the_table_too():
    """`--csv /dev/stdout` and the like: only files have rights of their own."""
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, encoding="utf-8-sig", newline="") as pipe:
        write_csv([{"n": 1}], Path(f"/dev/fd/{write_end}"), ("n",))
        os.close(write_end)
        assert pipe.read() == '"n"\r\n"1"\r\n'
