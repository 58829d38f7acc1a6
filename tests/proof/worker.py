"""Plays histories one after another, each by its seed, and shortens what fails."""

import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from checker import Evidence, judge, lines_at_the_end
from desk import open_desk
from events import history
from play import Player
from processes import Zygote
from shrinker import kind_of, shrink
from world import open_servers

#: How long to shorten a failing history, in seconds: one that hangs takes minutes to play.
SHORTENING_S = 600

#: What a history may have, or not.
KINDS = ("split", "lines", "reviews", "neighbor")


@dataclass
class Verdict:
    """How one history ended.

    Attributes:
        seed: Its number.
        database: What it was played on.
        real: Whether in real time.
        problems: What was wrong, in sentences.
        told: What happened; of the shortened history if there were problems.
        played: How many events it had.
        checked: How many entries were held against the books.
        seconds: How long it took.
        counts: What was played, by kind.
        kinds: What else it had: `split`, `lines`, `reviews`, `neighbor`.
    """

    seed: int
    database: str
    real: bool
    problems: list[str]
    told: list[str]
    played: int
    checked: int
    seconds: float
    counts: dict[str, int] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)


def circumstances(seed: int) -> dict[str, Any]:
    """Return on what database, and in which time, the history of a seed is played."""
    return {"database": ("sqlite", "postgresql")[seed % 2], "real": seed % 5 == 4}


class Stage:
    """Where histories are played: in simulated time, in real time, or both."""

    def __init__(self, postgres: str | None) -> None:
        self._postgres = postgres
        self._stack = ExitStack()
        self._players: dict[bool, Player] = {}

    def player(self, *, real: bool) -> Player:
        """Return who plays in simulated time, or in real time."""
        if real not in self._players:
            servers = self._stack.enter_context(open_servers(real=real))
            zygote = self._stack.enter_context(Zygote(servers.clocks))
            player = Player(servers, zygote, self._postgres, dice=random.Random(0))  # noqa: S311
            home = servers.folder / "prefect"
            player.open_desk = lambda: self._stack.enter_context(open_desk(home, zygote))
            self._stack.callback(player.close)
            self._players[real] = player
        return self._players[real]

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop all servers."""
        self._stack.close()


def play_seed(stage: Stage, seed: int, *, length: int, plays: int = 25) -> Verdict:
    """Play the history of a seed; if it fails, shorten it by playing parts of it."""
    made = history(seed, length=length, **circumstances(seed))
    player = stage.player(real=made["real"])
    player.counts = Counter()
    started_s = time.monotonic()
    evidence = player.play(made)
    problems = judge(evidence)
    player.counts["line"] = len(lines_at_the_end(evidence))
    verdict = Verdict(
        seed=seed,
        database=made["database"],
        real=made["real"],
        problems=problems,
        told=evidence.told,
        played=len(made["events"]),
        checked=len(evidence.had),
        seconds=time.monotonic() - started_s,
        counts=dict(player.counts),
        kinds=[name for name in KINDS if made[name]],
    )
    if problems:
        sys.stderr.write(f"Seed {seed} fails ({problems[0]}); it is shortened now.\n")
        verdict.told = shortened(player, made, problems, evidence, plays).told
    return verdict


def unplayed(seed: int) -> Verdict:
    """Return the verdict on a history at which its worker died: nothing is proven."""
    at = circumstances(seed)
    problem = "Its worker died before it had an end; what the worker said is above."
    return Verdict(seed, at["database"], at["real"], [problem], [], played=0, checked=0, seconds=0)


def shortened(
    player: Player,
    made: Mapping[str, Any],
    problems: list[str],
    evidence: Evidence,
    plays: int,
) -> Evidence:
    """Return the evidence of the shortest history that fails in the same way."""
    wanted, shortest = kind_of(problems[0]), [evidence]
    until_s = time.monotonic() + SHORTENING_S

    def fails(events: list[Any]) -> bool:
        if time.monotonic() > until_s:
            return False
        played = player.play({**made, "events": events})
        if wanted not in map(kind_of, judge(played)):
            return False
        shortest.append(played)
        return True

    shrink(made["events"], fails, plays=plays)
    return shortest[-1]
