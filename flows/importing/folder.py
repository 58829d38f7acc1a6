"""A folder into which people drop exports: each is imported, and moved away with a report.

A file stays in the folder until its import has ended, so a crash loses none; rows that went already
are recognized when it is read again. Then it moves to `done` or `failed`.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any

from connectors.errors import AskPerson
from flows.context import RunContext
from flows.importing.exports_in import exports_in
from flows.importing.import_files import import_files
from flows.importing.read_files import WrongFile
from flows.sending.facts import call_directly, check_both_sides
from flows.sending.report import MEMBERS, MORE, Report, write_csv
from flows.sending.request import ImportRequest
from schemas.words import Reason

#: Seconds without a change after which a file counts as whole: copies and downloads take a while.
QUIET_S = 60

#: Where files go whose rows all went or need not go; and the others.
DONE, FAILED = "done", "failed"

#: Why a row need not go, now or later.
_NEED_NOT_GO = frozenset(
    {
        Reason.ALREADY_SENT, Reason.FILTERED, Reason.DUPLICATE_ROW, Reason.EXCLUDED,
        Reason.TOO_EARLY, Reason.BREAK,
    }
)  # fmt: skip

_LOCK = ".clockbooks.lock"

#: Columns of a report.
REPORTED = (*MEMBERS, *MORE)


def take_in(
    context: RunContext,
    request: ImportRequest,
    folder: Path,
    *,
    quiet_s: float = QUIET_S,
    run: Callable[..., Any] = call_directly,
) -> dict[str, Any]:
    """Import each file of a folder that has stopped growing, and move it away.

    A file whose import could not end, whose rows wait for a decision, or that changed meanwhile,
    stays for the next run; so does every file in a dry run.

    Returns:
        `folder`; `files`, objects with `file`, `moved_to`, `counts` and `message`; and `left`, the
        names of links and the like, which are never read.

    Raises:
        AskPerson: There is no such folder, or something must be fixed before any import; files that
            were not imported yet stay.
        TryAgain: A service could not be read.
    """
    if not folder.is_dir():
        raise AskPerson(f"CLOCKBOOKS_IMPORT_FOLDER is {folder}, and there is no such folder.")
    with _lock(folder) as is_ours:
        files, links = exports_in(folder) if is_ours else ([], [])
        now = context.now().timestamp()
        whole = [file for file in files if now - file.stat().st_ctime >= quiet_s]
        if whole:
            check_both_sides(context, request)  # what stops all imports is no file's fault
        taken = [_take(context, request, file, run) for file in whole]
    return {"folder": str(folder), "files": taken, "left": [path.name for path in links]}


@contextmanager
def _lock(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock, if no other run has it; it ends with the process."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(folder / _LOCK, flags, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(handle)


def _take(
    context: RunContext, request: ImportRequest, file: Path, run: Callable[..., Any]
) -> dict[str, Any]:
    """Import one file, and move it to where it belongs."""
    before, report = _state_of(file), Report()
    try:
        one = replace(request, files=(file,))
        try:
            document = import_files(context, one, report, run=run)
            rows = [*document["entries"], *map(_unread, document["set_aside"])]
            target, message = _end_of(document)
            counts = document["counts"]
        except WrongFile as error:
            target, message, counts = FAILED, str(error), None
            rows = [{"state": "failed", "detail": message, "file": str(file)}]
        moved = _move(file, before, target, rows) if target and not request.dry_run else None
    finally:
        report.close()
    return {"file": file.name, "moved_to": moved, "counts": counts, "message": message}


def _end_of(document: dict[str, Any]) -> tuple[str | None, str]:
    """Return where a file belongs whose import has ended, and why."""
    counts, skipped = document["counts"], document["counts"]["skipped"]
    rejected, unread = sum(counts["rejected"].values()), len(document["set_aside"])
    if document["stopped"] or counts["in_doubt"]:
        return None, document["stopped"] or f"{counts['in_doubt']:,} entries are in doubt."
    if waiting := skipped.get(Reason.WAITING_FOR_REVIEW):
        return None, f"{waiting:,} rows wait in a plan for somebody's decision."
    late = sum(number for reason, number in skipped.items() if reason not in _NEED_NOT_GO)
    message = f"{counts['sent']:,} sent, {sum(skipped.values()):,} skipped, {rejected:,} rejected"
    message += f", {unread:,} rows unread." if unread else "."
    message += f" {late:,} rows may go later: export them again then." if late else ""
    return FAILED if rejected or unread or late else DONE, message


def _unread(row: dict[str, Any]) -> dict[str, Any]:
    return {"state": "unread", "detail": row["problem"], "file": row["file"], "line": row["line"]}


def _state_of(file: Path) -> tuple[int, ...]:
    found = file.lstat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _move(
    file: Path, before: tuple[int, ...], target: str, rows: Sequence[dict[str, Any]]
) -> str | None:
    """Write the report, then move the file; return where it is now, from the folder.

    A file that is not as it was *before* stays, without a report: nobody has read it.
    """
    place = file.parent / target
    if place.is_symlink():
        raise AskPerson(f"{place} is a link: make it a folder. {file.name} stays where it is.")
    place.mkdir(exist_ok=True)
    names = chain([file.name], (f"{file.stem} ({number}){file.suffix}" for number in count(2)))
    name = next(name for name in names if not any(map(os.path.lexists, _both(place, name))))
    moved, report = _both(place, name)
    empty = dict.fromkeys(REPORTED)
    write_csv([empty | row for row in rows], report, REPORTED)
    if _state_of(file) != before:
        report.unlink()
        return None
    file.rename(moved)
    return f"{target}/{name}"


def _both(place: Path, name: str) -> tuple[Path, Path]:
    """Return where a file and its report belong."""
    return place / name, place / f"{name}.report.csv"
