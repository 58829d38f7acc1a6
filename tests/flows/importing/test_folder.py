"""A folder of exports: what is dropped goes once, and is moved away with a report."""

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import flows.importing.folder as folder_module
from connectors.errors import AskPerson
from flows.context import open_context
from flows.importing.exports_in import exports_of
from flows.importing.folder import take_in
from flows.sending.request import ImportRequest

pytestmark = pytest.mark.usefixtures("in_this_process")


@pytest.fixture
def inbox(week: Any) -> Path:
    """Return a folder into which exports are dropped."""
    folder: Path = week.folder / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def look(week: Any, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Return a function to look into the folder once, by default without waiting for quiet."""
    monkeypatch.chdir(week.folder)
    for name, value in week.environment.items():
        monkeypatch.setenv(name, value)

    def once(quiet_s: float = 0, **options: Any) -> Any:
        with open_context(None) as context:
            return take_in(context, ImportRequest(files=(), **options), inbox, quiet_s=quiet_s)

    return once


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Return a function to have something happen once, right after a report was written."""
    write_csv = folder_module.write_csv

    def once(happens: Callable[[], Any]) -> None:
        left = [happens]

        def write(*args: Any) -> None:
            write_csv(*args)
            if left:
                left.pop()()

        monkeypatch.setattr(folder_module, "write_csv", write)

    return once


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def test_what_is_dropped_goes_once_and_is_moved_with_a_report(week, export, inbox, look, booked):
    """Good files to done, bad ones to failed; the same rows again are recognized."""
    export(week).rename(inbox / "a.csv")
    (inbox / "b.csv").write_text("no,table\nof,time\n")
    (inbox / "notes.txt").write_text("left alone")

    found = look()

    assert [(one["file"], one["moved_to"]) for one in found["files"]] == [
        ("a.csv", "done/a.csv"), ("b.csv", "failed/b.csv"),
    ]  # fmt: skip
    assert found["files"][0]["counts"]["sent"] == 9
    assert _names(inbox) == {"done", "failed", "notes.txt"}
    with (inbox / "done" / "a.csv.report.csv").open(encoding="utf-8-sig", newline="") as file:
        assert {row["state"] for row in csv.DictReader(file)} == {"sent"}
    with (inbox / "failed" / "b.csv.report.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["state"], row["detail"]) == ("failed", found["files"][1]["message"])

    export(week).rename(inbox / "a.csv")  # as after a crash before the move
    (again,) = look()["files"]
    assert again["moved_to"] == "done/a (2).csv"
    assert again["counts"]["skipped"] == {"already_sent": 9}
    assert sum(booked(week).values()) == 9


def test_what_grows_is_linked_or_only_looked_at_stays(week, export, inbox, look):
    """A copy takes a while; a link may lead anywhere; a dry run moves nothing."""
    outside = export(week)
    (inbox / "linked.csv").symlink_to(outside)
    (inbox / "grows.csv").write_bytes(outside.read_bytes()[:200])

    assert look(quiet_s=60) == {"folder": str(inbox), "files": [], "left": ["linked.csv"]}
    (shown,) = look(dry_run=True)["files"]
    assert shown["moved_to"] is None
    assert _names(inbox) == {"linked.csv", "grows.csv"}
    assert week.quickbooks.activities == {}

    (inbox / "failed").symlink_to(week.folder)
    with pytest.raises(AskPerson, match="is a link"):
        look()
    assert "grows.csv" in _names(inbox)


def test_a_file_with_doubts_stays_for_the_next_run(week, export, inbox, look, booked):
    """A lost answer: the next run settles it, and then the file is done."""
    export(week).rename(inbox / "a.csv")
    week.quickbooks.faults.plan("POST .*/batch", "drop_after")

    (first,) = look()["files"]
    assert first["moved_to"] is None
    (second,) = look()["files"]

    assert second["moved_to"] == "done/a.csv"
    assert sum(booked(week).values()) == 9


def test_two_runs_never_take_the_same_file(week, export, inbox, look):
    """Who comes second leaves the folder alone; the lock ends with whoever held it."""
    export(week).rename(inbox / "a.csv")
    holds = (
        "import fcntl, sys; lock = open(sys.argv[1], 'w');"
        " fcntl.flock(lock, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", holds, str(inbox / ".clockbooks.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"  # noqa: PT018
        assert look()["files"] == []
        other.kill()
    assert [one["moved_to"] for one in look()["files"]] == ["done/a.csv"]


def test_rows_that_are_not_approved_yet_are_not_done(week, export, inbox, look):
    """Nothing else about the file will change: somebody has to export it again."""
    with export(week).open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    with (inbox / "a.csv").open("w", newline="") as file:
        no_and_yes = [[*row, "No" if number else "Yes"] for number, row in enumerate(rows)]
        csv.writer(file).writerows([[*header, "Approved"], *no_and_yes])

    (found,) = look(approved_only=True, mapping=("Approved=approved",))["files"]

    assert found["counts"]["skipped"] == {"not_approved": 8}, found
    assert found["moved_to"] == "failed/a.csv"
    assert "8 rows may go later" in found["message"]


def test_a_newer_file_that_comes_while_the_report_is_written_is_read(
    week, export, inbox, look, meanwhile
):
    """It stays for the next run, and so does no report of the older one."""
    entries = list(week.clockify.entries.values())
    export(week, entries=entries[:4]).rename(inbox / "a.csv")
    newer = export(week, name="newer.csv", entries=entries)
    meanwhile(lambda: newer.rename(inbox / "a.csv"))

    assert [one["moved_to"] for one in look()["files"]] == [None]
    assert _names(inbox / "done") == set()
    assert [one["moved_to"] for one in look()["files"]] == ["done/a.csv"]
    assert len(week.quickbooks.activities) == 9


def test_a_report_never_replaces_a_file(week, export, inbox, look):
    """Somebody gave a file the name of another's report."""
    export(week).rename(inbox / "a.csv.report.csv")
    look()
    before = (inbox / "done" / "a.csv.report.csv").read_bytes()
    export(week).rename(inbox / "a.csv")

    assert [one["moved_to"] for one in look()["files"]] == ["done/a (2).csv"]
    assert (inbox / "done" / "a.csv.report.csv").read_bytes() == before


def test_what_is_wrong_with_the_connection_is_no_files_fault(week, export, inbox, look, meanwhile):
    """A key that is refused between two files ends the run; the second file stays."""
    entries = list(week.clockify.entries.values())
    export(week, entries=entries[:4]).rename(inbox / "a.csv")
    export(week, entries=entries[4:]).rename(inbox / "b.csv")
    meanwhile(lambda: week.clockify.faults.plan(".*", "answer", times=99, status=401))

    with pytest.raises(AskPerson, match="API key"):
        look()

    assert _names(inbox) == {"b.csv", "done"}
    week.clockify.faults.clear()
    assert [one["moved_to"] for one in look()["files"]] == ["done/b.csv"]


def test_a_folder_stands_for_its_exports_by_name(tmp_path):
    """Capitals, hidden files and spreadsheets' own locks; a link is refused, and so is no file."""
    for name in ("b.csv", "A.XLSX", ".hidden.csv", "~$A.xlsx", "notes.txt"):
        (tmp_path / name).touch()
    other = Path("other.csv")

    names = [path.name for path in exports_of([tmp_path, other])]
    assert names == ["A.XLSX", "b.csv", "other.csv"]

    (tmp_path / "c.csv").symlink_to("/etc/passwd")
    with pytest.raises(AskPerson, match=r"c\.csv is a link"):
        exports_of([tmp_path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(AskPerson, match="has no"):
        exports_of([tmp_path / "empty"])
