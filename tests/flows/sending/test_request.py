"""A job's options are written once: the command, the flow and the request have the same ones."""

from dataclasses import fields
from datetime import date
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from connectors.errors import AskPerson
from flows.cli.sending import app
from flows.import_csv import import_csv
from flows.send_time import send_time
from flows.sending.request import ImportRequest, JobRequest, SendRequest, help_of

COMMANDS = typer.main.get_command(app).commands

#: How the command spells an option where the form spells it otherwise.
SPELLED = {
    "users": "--user", "clients": "--client", "projects": "--project", "tasks": "--task",
    "tags": "--tag", "groups": "--group", "mapping": "--map",
}  # fmt: skip


@pytest.mark.parametrize(
    ("request_type", "command", "flow"),
    [(SendRequest, "send", send_time), (ImportRequest, "import", import_csv)],
)
def test_command_and_form_offer_every_option(request_type: Any, command: str, flow: Any) -> None:
    """Under the same help, and with the same default; but a flow starts as a dry run."""
    flags = {flag: one for one in COMMANDS[command].params for flag in one.opts}
    defaults = {one.name: one.default for one in fields(request_type)}
    options = help_of(request_type)

    assert len(options) >= len(help_of(JobRequest)) == 24
    for name, text in options.items():
        field = flow.parameters.properties[name]
        assert field["description"] == text
        flag = flags[SPELLED.get(name, f"--{name.replace('_', '-')}")]
        assert flag.help.startswith(text)
        wanted = list(defaults[name]) if isinstance(defaults[name], tuple) else defaults[name]
        begun = flow.validate_parameters({name: field["default"]})[name]
        assert begun == (True if name == "dry_run" else wanted)
        assert (flag.default or wanted) == wanted


def test_an_empty_field_of_a_form_counts_as_left_out() -> None:
    """A form gives an empty text and a list, where a command gives none and nothing."""
    day = date(2026, 9, 22)
    form = SendRequest(day, day, users=[], rounding="", billable=None)  # type: ignore[arg-type]

    assert form == SendRequest(day, day)


@pytest.mark.parametrize("text", [" ", "\t\n", "\u00a0"])
def test_a_blank_description_is_no_filter(text: str) -> None:
    """Every description would have it, so all would go: the run does not begin."""
    with pytest.raises(AskPerson, match="is blank: write a word"):
        ImportRequest(files=(), description=text)
    for command in (["send", "--start", "2026-09-22", "--end", "2026-09-22"], ["import", "a.csv"]):
        for blank in (text, ""):
            ran = CliRunner().invoke(app, [*command, "--yes", "--description", blank])
            assert ran.exit_code == 2, ran.output
            assert "is blank" in " ".join(ran.output.split())
