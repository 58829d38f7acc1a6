"""The commands that start something: Prefect's pages and runs, and the demo."""

import os
import sys
from typing import Annotated

import typer

from flows.cli.output import command
from flows.installed import FILES

app = typer.Typer()


@app.command(epilog="Example: clockbooks ui --port 4300")
def ui(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 4200,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="The address to listen on; 0.0.0.0 for all networks."),
    ] = "127.0.0.1",
    server_only: Annotated[
        bool,
        typer.Option("--server-only", help="Leave the runs to workers; see docs/operations.md."),
    ] = False,
) -> None:
    """Start Prefect's pages here: schedules, forms, plans to approve, and runs.

    They have a password: one made at the first start, or the one you set in
    CLOCKBOOKS_UI_PASSWORD. Ctrl-C stops everything; the next start continues
    where you left off.
    """
    with command(as_json=False, catches_up=False) as output:
        from flows.operations.home import Address
        from flows.operations.ui import run_ui

        run_ui(Address(host, port), runs_here=not server_only, tell=output.say)


@app.command(epilog="Example: clockbooks notify --test")
def notify(
    *,
    test: Annotated[
        bool, typer.Option("--test", help="Send a test to each, and say which accepts it.")
    ] = False,
) -> None:
    """Show where notifications go, and with --test whether they arrive.

    The addresses are in CLOCKBOOKS_NOTIFY; only their services are shown.
    """
    with command(as_json=False, catches_up=False) as output:
        from flows.cli.exit_codes import ExitCode
        from flows.connections.notices import try_addresses

        ends = {None: "", True: ": accepted", False: ": not accepted"}
        for number, (service, accepted) in enumerate(try_addresses(send=test), start=1):
            output.say(f"{number}. {service}{ends[accepted]}")
            if accepted is False:
                output.outcome = ExitCode.PARTLY_DONE


@app.command(
    epilog="Example: clockbooks prefect worker start --pool clockbooks",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=True,
)
def prefect(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGUMENTS…", help="Arguments of Prefect's own command."),
    ] = None,
) -> None:
    """Run Prefect's own command, logged in to the `clockbooks ui` of this machine.

    `deploy` finds Clockbooks' deployments from any folder. For another server,
    set PREFECT_API_URL, and PREFECT_API_AUTH_STRING to clockbooks:PASSWORD.
    """
    with command(as_json=False, catches_up=False):
        from flows.operations.home import log_in, own_server
        from flows.settings import read_settings
        from flows.settings_file import check_prefect_files

        check_prefect_files()
        settings = read_settings()
        own = own_server(settings)
        if own:
            os.environ.setdefault("PREFECT_API_URL", own[0])
        log_in(settings)
        os.environ["PYTHONSAFEPATH"] = "1"  # -m would import from the working folder first
        given = arguments or []
        first = next((word for word in given if not word.startswith("-")), "")
        if first == "deploy" and not any(word.startswith("--prefect-file") for word in given):
            given += ["--prefect-file", str(FILES / "prefect.yaml")]
        python = sys.executable
        os.execv(python, [python, "-m", "prefect", *given])  # noqa: S606 - no shell


@app.command(epilog="Example: clockbooks service --write")
def service(
    *,
    system: Annotated[
        bool,
        typer.Option("--system/--user", help="Start with the machine, or with you (the default)."),
    ] = False,
    worker: Annotated[
        bool, typer.Option("--worker", help="Run a worker instead; see docs/operations.md.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Put it where systemd looks for it.")
    ] = False,
) -> None:
    """Print a systemd unit that keeps `clockbooks ui` running in this folder.

    With --system it runs as the owner of the folder.
    """
    with command(as_json=False, catches_up=False) as output:
        from pathlib import Path

        from flows.operations.service import Service, installed_command

        unit = Service(worker=worker, system=system, folder=Path.cwd(), command=installed_command())
        if write:
            unit.write()
            output.tell(f"Written to {unit.file}. Now run:")
        else:
            typer.echo(unit.text, nl=False)
            output.tell(f"Save this as {unit.file}, or add --write. Then run:")
        for line in unit.next_steps():
            output.tell(line)


@app.command(epilog="Example: clockbooks demo --ui")
def demo(
    context: typer.Context,
    *,
    ui: Annotated[
        bool,
        typer.Option("--ui", help="Then start Prefect's pages for its company, until Ctrl-C."),
    ] = False,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="With --ui: the port to listen on.")
    ] = 4200,
) -> None:
    """Try the main job against local stand-ins of both services.

    Needs no account, no key and no server. `clockbooks entries` shows the
    result afterwards. With --ui you can try the review of a send, the links
    and a repair on the pages.
    """
    with command(as_json=False, catches_up=False) as output:
        from flows.cli.demo import run_demo

        def serve() -> None:
            from flows.operations.home import Address
            from flows.operations.ui import run_ui

            run_ui(Address("127.0.0.1", port), runs_here=True, tell=output.say)

        run_demo(output, context.find_root().command, serve if ui else None)
