"""The commands about pay types: which id of QuickBooks' each has for each employee."""

from typing import Annotated, Any

import typer

from flows.cli.options import ConnectionName, Json
from flows.cli.output import command, stop_usage

app = typer.Typer(invoke_without_command=True)

Employee = Annotated[
    str, typer.Argument(metavar="EMPLOYEE", help="A linked employee: QuickBooks' id, or the name.")
]


@app.callback(epilog="Example: clockbooks pay-types --json")
def pay_types(
    context: typer.Context, *, connection: ConnectionName = None, json: Json = False
) -> None:
    """List the pay types of QuickBooks Payroll that are known for employees.

    Rules give pay types by name. Which id that is for each employee, a sync
    learns from time in QuickBooks that has one, once a rule gives a pay type;
    or you say it with `clockbooks pay-types set`. Calls neither service.
    """
    if context.invoked_subcommand is not None:
        if connection or json:
            stop_usage("Options belong after the name of the command.")
        return
    from flows.directory import pay_types as job

    _run(json, lambda: job.listed(connection))


@app.command("set", epilog="Example: clockbooks pay-types set 'Dana McAllister' Overtime 626270109")
def put(
    *,
    employee: Employee,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that rules give.")],
    pay_type_id: Annotated[
        str, typer.Argument(metavar="ID", help="QuickBooks' id of it, for this employee.")
    ],
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Say which id a pay type has for an employee; it counts before what was learned."""
    from flows.directory import pay_types as job

    _run(json, lambda: job.put(connection, employee, name, pay_type_id))


@app.command(epilog="Example: clockbooks pay-types remove 'Dana McAllister' Overtime")
def remove(
    *,
    employee: Employee,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, or its id.")],
    connection: ConnectionName = None,
    json: Json = False,
) -> None:
    """Forget a pay type of an employee. Time that was sent stays as it is."""
    from flows.directory import pay_types as job

    _run(json, lambda: job.removed(connection, employee, name))


def _run(json: bool, act: Any) -> None:  # noqa: FBT001 - as the commands have it
    with command(as_json=json) as output:
        from flows.cli import render_rules

        output.document = act()
        render_rules.show_pay_types(output, output.document)
