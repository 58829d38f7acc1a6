"""What every command shares: where it prints, how it ends, what an error looks like.

With --json one document goes to standard output and everything else to standard error; without, a
person reads standard output.
"""

import json
import logging
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from connectors.masking import hide_known
from flows.cli.exit_codes import ExitCode
from flows.sending.request import wrong_days
from flows.text import clean, typed

#: Width of the report, in columns, when there is no terminal to tell.
PIPED_WIDTH = 120


class Output:
    """Where a command prints.

    Attributes:
        as_json: Whether to print the document instead of a report.
        document: The JSON document; set by the command.
        outcome: How the command ends; set by the command.
        console: Where reports go.
        resources: What the document needs until it is written; closed afterwards.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        self.document: Any = None
        self.outcome = ExitCode.DONE
        self.console = Console(stderr=as_json, highlight=False)
        if not self.console.is_terminal and "COLUMNS" not in os.environ:
            self.console = Console(stderr=as_json, highlight=False, width=PIPED_WIDTH)
        self.errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self.resources = ExitStack()

    @property
    def can_ask(self) -> bool:
        """Whether somebody is at a terminal."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def say(self, words: str, style: str = "") -> None:
        """Print a line of the report; nothing in it is markup."""
        self.console.print(Text(clean(words), style=style), soft_wrap=True)

    def tell(self, words: str) -> None:
        """Print a message on standard error; nothing in it is markup."""
        self.errors.print(Text(clean(words)))

    def ask(self, question: str) -> bool:
        """Ask a yes-or-no question; Return means no."""
        return typer.confirm(question, default=False, err=True)


@contextmanager
def command(*, as_json: bool, catches_up: bool = True) -> Iterator[Output]:
    """Run a command's work, print its document or its error, and exit with its code.

    Afterwards, consents that an earlier disconnect could not revoke are retried; not so where
    *catches_up* is off, for commands without a database.
    """
    from connectors.errors import ClockbooksError

    output = Output(as_json=as_json)
    with output.resources:
        try:
            yield output
        except ClockbooksError as error:
            _could_not_run(output, type(error).__name__, _spelled(error))
        except KeyboardInterrupt:
            text = "Stopped. What was sent is in the ledger. Run the command again to continue."
            output.errors.print(Text(text, style="red"))
            raise typer.Exit(ExitCode.STOPPED) from None
        except Exception as error:
            from connectors.database import database_trouble

            message = database_trouble(error)
            if message is None:
                raise
            _could_not_run(output, "DatabaseFailed", message)
        if as_json:
            write_json(output.document)
    if catches_up and output.outcome is not ExitCode.COULD_NOT_RUN:
        _catch_up()
    if output.outcome is not ExitCode.DONE:
        raise typer.Exit(int(output.outcome))


def _spelled(error: Exception) -> str:
    """Return an error's text, with a job's option as this command takes it."""
    from flows.connections.requirements import NotReady

    if not isinstance(error, NotReady) or not error.problem.option:
        return str(error)
    problem = error.problem
    return f"{problem.found} {problem.fix} Add {typed(problem.option)}. Nothing was changed."


def _catch_up() -> None:
    from connectors.errors import ClockbooksError
    from flows.connections.disconnect import catch_up
    from flows.text import tell_aside

    try:
        notes = catch_up()
    except ClockbooksError as error:  # the command's own work is done
        notes = [str(error)]
    for note in notes:
        tell_aside(note)


def _could_not_run(output: Output, kind: str, message: str) -> None:
    logging.getLogger("clockbooks").debug("Could not run.", exc_info=True)  # noqa: LOG014 - in a handler
    output.errors.print(Text(clean(message), style="red"))
    output.document = error_document(kind, message)
    output.outcome = ExitCode.COULD_NOT_RUN


def write_json(document: Any) -> None:
    """Write the one JSON document of a command to standard output.

    Lists that may not fit in memory (`flows.sending.spool`) are written object by object.
    """
    if not isinstance(document, dict):
        sys.stdout.write(f"{_as_json(document)}\n")
        return
    mark = "{\n"
    for name, value in document.items():
        sys.stdout.write(f"{mark}  {json.dumps(name)}: ")
        mark = ",\n"
        if isinstance(value, Iterable) and not isinstance(value, list | dict | str):
            _write_one_by_one(value)
        else:
            sys.stdout.write(_as_json(value).replace("\n", "\n  "))
    sys.stdout.write("\n}\n")


def _write_one_by_one(objects: Iterable[Any]) -> None:
    mark = "[\n"
    for one in objects:
        sys.stdout.write(f"{mark}    " + _as_json(one).replace("\n", "\n    "))
        mark = ",\n"
    sys.stdout.write("[]" if mark == "[\n" else "\n  ]")


def _as_json(value: Any) -> str:
    text = json.dumps(_hidden(value), ensure_ascii=False, indent=2)
    # Half of a surrogate pair is no character, and no encoding has bytes for it.
    return text.encode(errors="replace").decode()


def _hidden(value: Any) -> Any:
    """Hide secrets in a document's texts; the names of its members and its numbers stay."""
    if isinstance(value, str):
        return hide_known(value)
    if isinstance(value, Mapping):
        return {name: _hidden(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(one) for one in value]
    return value


def save_csv(
    output: Output, file: Path | None, rows: Collection[Any], members: Sequence[str], what: str
) -> None:
    """Write rows as CSV, if a file was named for them."""
    from flows.sending.report import write_csv

    if file is not None:
        write_csv(rows, file, members)
        output.say(f"Wrote {len(rows):,} {what} to {file}.")


def error_document(kind: str, message: str) -> dict[str, Any]:
    """Return the JSON document of a command that could not run."""
    return {"error": {"kind": kind, "message": message}}


def stop_usage(problem: str) -> NoReturn:
    """End a command because of wrong usage."""
    raise typer.BadParameter(problem)


def check_days(start: datetime, end: datetime) -> None:
    """End a command whose first and last day no run can have."""
    if wrong := wrong_days(start.date(), end.date()):
        stop_usage(wrong)


def to_ask(
    output: Output,
    *,
    yes: bool,
    dry_run: bool = False,
    instead: str = "add --yes to go ahead, or --dry-run",
) -> bool:
    """Whether to ask before anything is changed; that takes a terminal."""
    ask = not (yes or dry_run)
    if ask and not output.can_ask:
        stop_usage(f"There is no terminal to ask at: {instead}.")
    return ask
