"""The commands that start something here: Prefect's page with its runs, and the demo.

What is slow to import is imported by the command that needs it: see `flows.cli`.
"""

from typing import Annotated

import typer

from flows.cli_output import command

room = typer.Typer()


@room.command(epilog="Example: clockbooks ui --port 4300")
def ui(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port to listen on.")] = 4200,
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="This machine's address to listen on; 0.0.0.0 for all its networks. Elsewhere"
            " than here a password is needed: it is made, or set CLOCKBOOKS_UI_PASSWORD.",
        ),
    ] = "127.0.0.1",
    server_only: Annotated[
        bool,
        typer.Option(
            "--server-only", help="Start no runs here: workers do; see docs/operations.md."
        ),
    ] = False,
) -> None:
    """Start Prefect's server, the deployments and a runner here, and say which address to open.

    Schedules, forms to run by hand, plans to approve, runs to watch. Ctrl-C
    stops all of it; the next start finds everything as it was.
    """
    with command(as_json=False, catches_up=False) as output:
        from flows.prefect_home import Address
        from flows.serving import run_ui

        run_ui(Address(host, port), runs_here=not server_only, tell=output.say)


@room.command(epilog="Example: clockbooks demo")
def demo() -> None:
    """Run the main job end to end against local stand-ins of both services.

    Needs no account, no key and no server; leaves a database that `clockbooks entries` can show.
    """
    with command(as_json=False, catches_up=False) as output:
        from flows.demo import run_demo

        run_demo(output)
