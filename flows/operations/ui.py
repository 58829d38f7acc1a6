"""`clockbooks ui`: Prefect's server, our deployments and the runner that runs them, in one process.

The server is a thread of this process, so that it never outlives it; each run is a process of its
own. Prefect reads its settings when it is imported, so it is imported after they are set.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
import uvicorn
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from connectors.errors import AskPerson
from connectors.hosts import LOOPBACK
from connectors.store import plans
from flows.context import WORKING_FOLDER, open_installation, utc_now
from flows.operations.home import USER, Address, Home, opened_home, other_server, write_address
from flows.operations.page_guard import PageGuard, Rules
from flows.operations.page_logins import SIGN_IN_S
from flows.settings import Settings
from flows.settings_file import check_prefect_files

#: Most runs at once; each is a process of some 200 MB.
RUNS_AT_ONCE = 5

#: Seconds for requests to end when the server stops.
GRACE_S = 3

Tell = Callable[[str], None]


def run_ui(address: Address, *, runs_here: bool, tell: Tell) -> None:
    """Serve until Ctrl-C or SIGTERM; unless *runs_here*, workers take the runs.

    Raises:
        AskPerson: The port is taken, a server runs already, or a database cannot be used.
    """
    check_prefect_files()
    with (
        open_installation() as (settings, engine),
        opened_home(settings) as home,
        _listening(address) as listener,
    ):
        elsewhere = other_server(address)
        os.environ.update(home.environment(address))
        from flows.connections.notices import addresses
        from flows.operations.notifications import drop_foreign, keep_watch

        addresses(settings)  # a wrong one is reported before anything starts
        guard = _guard(settings, address, home, engine)
        with _served(listener, home, guard):
            write_address(home, address)
            keep_watch(settings)
            for name in drop_foreign():
                tell(
                    f"Deleted the automation {name!r}, which ran code that is not Clockbooks' own."
                )
            if runs_here:
                _clean_up(settings, tell)
            run = _runner() if runs_here else _wait_for_the_end
            _leave_working_folder(home)
            _show_address(settings, address, home, tell)
            _show_schedules(tell)
            _open_signed_in(address, home, guard, tell)
            if elsewhere:
                tell(f"Note: PREFECT_API_URL is {elsewhere}; `clockbooks ui` ignores it.")
            run()
    tell("Stopped. The next start has the same schedules and runs.")


@contextmanager
def _listening(address: Address) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server(
            (address.host, address.port), family=family, dualstack_ipv6=address.host == "::"
        )
    except OSError as error:
        raise AskPerson(
            f"Port {address.port} of {address.host} cannot be used ({error.strerror}). Another"
            " program may use it: choose another port with --port."
        ) from None
    with listener:
        yield listener


def _guard(settings: Settings, address: Address, home: Home, engine: sa.Engine) -> PageGuard:
    """Return Prefect's server, behind the page guard."""
    from prefect.server.api.server import create_app

    from flows.operations.deployments import entrypoints, job_variables

    page = os.environ["PREFECT_UI_URL"]
    public = urlsplit(page)
    names = {*LOOPBACK, address.host, public.hostname or "", *settings.ui_hosts.split()}
    chosen = settings.ui_password.get_secret_value() if settings.ui_password else None
    rules = Rules(
        login=home.login(),
        chosen=f"{USER}:{chosen}" if chosen else None,
        names=frozenset(name.lower() for name in names if name),
        numbers=not address.only_here,
        origins=frozenset({f"{public.scheme}://{public.netloc}".lower()}),
        entrypoints=entrypoints(),
        job_variables=job_variables(),
        user_header=settings.ui_user_header,
        keep_identity=partial(plans.vouch, engine) if settings.ui_user_header else None,
    )
    # The guard needs the real peer; Prefect may believe what a proxy on this machine says.
    app: Any = create_app(final=True)
    proxies = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")  # as uvicorn reads it
    behind: Any = ProxyHeadersMiddleware(app, trusted_hosts=proxies)
    return PageGuard(behind, rules)


@contextmanager
def _served(listener: socket.socket, home: Home, app: PageGuard) -> Iterator[None]:
    """Run the server during a block; it is ready when the block begins."""
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=GRACE_S, proxy_headers=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, args=([listener],), name="Prefect's server", daemon=True
    )
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise AskPerson(
                    "Prefect's server did not start; its own message is above. Its database is"
                    f" {_database_shown(home)}: an older Prefect cannot open a newer one's. Your"
                    " Clockbooks database is not affected."
                )
            thread.join(0.05)
        yield
    finally:
        server.should_exit = True
        thread.join()


def _database_shown(home: Home) -> str:
    named = os.environ.get("PREFECT_SERVER_DATABASE_CONNECTION_URL")
    return "the one in PREFECT_SERVER_DATABASE_CONNECTION_URL" if named else f"in {home.folder}"


def _clean_up(settings: Settings, tell: Tell) -> None:
    """Mark runs that crashed with an earlier `clockbooks ui`, and skip missed ones."""
    from prefect.client.orchestration import get_client

    from flows.operations.notifications import tell as notify
    from flows.operations.recovery import mark_crashed_runs, skip_missed_runs

    with get_client(sync_client=True) as client:
        crashed = mark_crashed_runs(client)
        missed = skip_missed_runs(client, now=utc_now())
    if crashed:
        tell(f"{crashed:,} runs crashed when this was last stopped; see their pages.")
    if missed:
        message = (
            f"{missed:,} scheduled runs were missed while this was not running. The last run of"
            " each schedule starts now and covers the others."
        )
        tell(message)
        notify(settings, "Clockbooks: runs were missed", message)


def _runner() -> Callable[[], None]:
    """Register the deployments, as Prefect's `serve` does; return what runs them."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import TerminationSignal
    from prefect.runner import Runner

    from flows.operations.deployments import to_serve

    # A schedule that is on stays on when this ends.
    runner = Runner(pause_on_shutdown=False, limit=RUNS_AT_ONCE)
    with get_client(sync_client=True) as client:
        for deployment in to_serve(client):
            runner.add_deployment(deployment)

    def run() -> None:
        with suppress(KeyboardInterrupt, TerminationSignal):
            asyncio.run(runner.start())

    return run


def _leave_working_folder(home: Home) -> None:
    """Let runs start in an empty folder of ours: Prefect imports from where it starts.

    It reads settings there too, which may name code. A run goes to the working folder once all of
    that is done; see `flows.context.start`.
    """
    os.environ[WORKING_FOLDER] = str(Path.cwd())
    os.chdir(home.empty_folder())


def _wait_for_the_end() -> None:
    ended = threading.Event()

    def end(*_: Any) -> None:
        ended.set()

    kept = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        ended.wait()
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def _show_address(settings: Settings, address: Address, home: Home, tell: Tell) -> None:
    tell(f"Open {address.page}")
    tell("To turn on a schedule, go to Deployments there. To stop everything, press Ctrl-C.")
    chosen = "the one in CLOCKBOOKS_UI_PASSWORD, or " if settings.ui_password else ""
    tell(f"Log in with {USER}:PASSWORD, where the password is {chosen}in {home.password_file}.")
    if not address.only_here:
        tell("Other machines reach it without encryption: put a proxy with TLS in front of it.")
    tell(f"To see the runs of commands there too: export PREFECT_API_URL={address.api}")


def _show_schedules(tell: Tell) -> None:
    from prefect.client.orchestration import get_client

    from flows.operations.deployments import next_runs

    with get_client(sync_client=True) as client:
        coming = next_runs(client, utc_now())
    for name, at in sorted(coming.items(), key=lambda one: one[1]):
        tell(f"Schedule on: {name}, next at {at:%Y-%m-%d %H:%M %Z}.")
    if not coming:
        tell("No schedule is on.")


def _open_signed_in(address: Address, home: Home, guard: PageGuard, tell: Tell) -> None:
    """Offer a browser on this machine a way to log in without typing; on a terminal, open one."""
    file = home.write_sign_in(f"{address.api.removesuffix('/api')}{guard.sign_in.offer()}")
    tell(f"Or open {file} in a browser: it logs in once, within {SIGN_IN_S // 60} minutes.")
    if address.only_here and sys.stdout.isatty():
        webbrowser.open(file.as_uri())
