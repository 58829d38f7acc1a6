"""Starts the command in processes that need not import it first: the one module that knows it.

    python zygote.py SOCKET [CLOCK...]

It imports `clockbooks`, then forks for each request on its socket. These are processes like others,
with a memory of their own, and killed like others. With clocks, the command's time of day comes
from the first of them, and whoever sleeps moves them all: nobody waits.
"""

import functools
import gc
import json
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path

from clocks import SharedClock


def simulate(paths: list[str]) -> None:
    """Give the command a simulated clock: before it is imported, as it keeps `time.sleep`."""
    clocks = [SharedClock(Path(path)) for path in paths]

    def sleep(seconds: float) -> None:
        for clock in clocks:
            clock.sleep(seconds)

    time.sleep = sleep
    import flows.context

    flows.context.datetime = clocks[0]


def warm() -> None:
    """Import the command and build what each process would build again, as none changes it."""
    import typer.main

    sys.path.append(str(Path(__file__).parent.parent / "support"))
    import known_statements

    known_statements.share()
    typer.main.get_command = functools.cache(typer.main.get_command)
    import flows.cli.main

    typer.main.get_command(flows.cli.main.app)
    gc.freeze()  # a collection in a fork would copy all pages


def review(address: str, run_id: str | None = None) -> None:
    """Do what Prefect's runner does with a run of `send-time`; without one, deploy the flow."""
    from prefect.client.orchestration import get_client
    from prefect.exceptions import Pause
    from prefect.flow_engine import run_flow
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    from flows.send_time import send_time

    settings = {PREFECT_API_URL: address, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    with temporary_settings(settings):
        if run_id is None:
            sys.stdout.write(str(send_time.to_deployment("by-hand").apply()))
            gc.freeze()
            return
        with get_client(sync_client=True) as client:
            try:
                state = run_flow(
                    send_time, flow_run=client.read_flow_run(run_id), return_type="state"
                )
            except Pause:
                state = client.read_flow_run(run_id).state
        sys.stdout.write(json.dumps({"state": state.name, "message": state.message}))


def run(asked: dict[str, object], out: int, err: int) -> None:
    """Run the command in this process, and end it."""
    from flows.cli.main import main

    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    os.dup2(out, 1)
    os.dup2(err, 2)
    code: object = 1
    try:
        if asked["arguments"][0] == "review":
            review(*asked["arguments"][1:])
        else:
            main(list(asked["arguments"]))
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - shown, as Python would
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    if asked["fork"]:
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def serve(channel: socket.socket) -> None:
    """Answer requests until the socket ends: start a process, or say how one ended."""
    while True:
        data, files, _, _ = socket.recv_fds(channel, 1 << 20, 2)
        if not data:
            return
        asked = json.loads(data)
        if "reap" in asked:
            _, status = os.waitpid(asked["reap"], 0)
            channel.send(json.dumps(os.waitstatus_to_exitcode(status)).encode())
            continue
        pid = os.fork() if asked["fork"] else 0
        if pid == 0 and asked["fork"]:
            channel.close()
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            run(asked, *files)
        elif not asked["fork"]:
            kept = os.dup(1), os.dup(2)
            run(asked, *files)
            for nth, file in enumerate(kept, start=1):
                os.dup2(file, nth)
                os.close(file)
        for file in files:
            os.close(file)
        channel.send(json.dumps(pid).encode())


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.argv[2:]:
        simulate(sys.argv[2:])
    warm()
    serve(socket.socket(fileno=int(sys.argv[1])))
