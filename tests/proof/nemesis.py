"""What breaks while a command is at work: it is killed or suspended, or its database is cut off."""

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from events import PLACES
from gate import Gate, Stop
from processes import Process
from world import World

#: Late work is done within QuickBooks' own limit of two minutes.
LATE = timedelta(seconds=110)

#: For so long another program keeps a SQLite file for itself, in seconds.
LOCKED_S = 0.5

_WORK = {
    "never": "which never arrives",
    "at once": "which is worked on",
    "late": "which QuickBooks works on later",
}


@dataclass
class Nemesis:
    """Strikes at the commands of one history.

    Attributes:
        world: Where they run.
        real: Whether in real time: then it holds no request, so that all go on at once.
        dice: For the milliseconds before a kill in real time.
        restart: Has a PostgreSQL database restart.
        wait: Lets seconds pass.
    """

    world: World
    real: bool
    dice: random.Random
    restart: Callable[[str], None]
    wait: Callable[[float], None]

    def strike(
        self, process: Process, asked: Mapping[str, Any], meanwhile: Callable[[], None]
    ) -> str | None:
        """Wait until a process comes to a place, strike there, and say what was done.

        Args:
            process: The process.
            asked: The place, and what to do.
            meanwhile: What others do then.

        Returns:
            A sentence; `None` if it ended before.
        """
        service, where = PLACES[asked["place"]]
        gate = self.world.gates[service]
        holds = not self.real or asked["how"] in {"cut off", "fill the disk"}
        stop = Stop(where, asked["skip"], asked["work"], holds=holds)
        gate.stops.append(stop)
        while not stop.reached.wait(0.002):
            if process.ended.is_set() and not stop.hit:
                gate.stops.remove(stop)
                return None
        if asked["work"] == "late":
            stop.due = self.world.theirs.read() + LATE
        what = self._do(process, asked)
        meanwhile()
        self._go_on(process, asked, gate, stop)
        return f"{what} at its {asked['place']} {asked['skip'] + 1}, {_WORK[asked['work']]}"

    def _do(self, process: Process, asked: Mapping[str, Any]) -> str:
        match asked["how"]:
            case "kill":
                if self.real:
                    time.sleep(self.dice.uniform(0, 0.06))
                process.kill()
                process.ended.wait(10)
                return "it is killed"
            case "suspend":
                process.suspend()
                self.wait(asked["after_s"])
                return f"it is suspended for {asked['after_s']} s"
            case "cut off":
                return self._cut_off()
            case "fill the disk":
                files = [*self.world.folder.glob("clockbooks.db"), *self.world.folder.glob("*-wal")]
                process.fill_disk(1, max(file.stat().st_size for file in files))
                return "its disk is full from then on"
        return "another command runs beside it"

    def _go_on(self, process: Process, asked: Mapping[str, Any], gate: Gate, stop: Stop) -> None:
        stop.release()
        if asked["how"] == "suspend":
            process.resume()
        if asked["work"] == "late":
            stop.done.wait(30)
        gate.stops.remove(stop)

    def _cut_off(self) -> str:
        url = self.world.environment["CLOCKBOOKS_DATABASE_URL"]
        if url.startswith("postgresql"):
            self.restart(url)
            return "the database restarts"
        other = sqlite3.connect(
            url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
        )
        other.execute("BEGIN EXCLUSIVE")
        threading.Timer(LOCKED_S, other.close).start()  # undoes what it began
        return "another program locks the database for a moment"
