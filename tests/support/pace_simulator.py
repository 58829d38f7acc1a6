"""A pace against services that do not exist: time passes from event to event, an hour in seconds.

A `Service` is a list of rules, each of which may refuse a call; `Run` lets processes send to it as
the loader does, and `most_possible` tells what a loader that knows the rules could have sent.
"""

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from connectors.quickbooks.rate_limit.model import Call, End, Want
from connectors.quickbooks.rate_limit.pace import Pace
from connectors.quickbooks.rate_limit.quotas import Quotas

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
START = 1_000_000

QUICKBOOKS = Quotas(
    requests_per_minute=500,
    requests_per_second=10,
    batches_per_minute=40,
    in_flight=10,
    batch_size=30,
    timeout_ms=120_000,
)


class Rule:
    """Something that a service may mind; times are milliseconds since the run began."""

    def allows(self, now_ms: int, entries: int) -> bool:  # noqa: ARG002 - for those that mind
        """Return whether a call that arrives now may be taken; it has 0 entries if no batch."""
        return True

    def took(self, now_ms: int, entries: int) -> None:
        """Note a call that was taken."""

    def answered(self, now_ms: int) -> None:
        """Note that a call was answered."""


def calls(_: int) -> int:
    """Count each call as one."""
    return 1


def batches(entries: int) -> int:
    """Count batches alone."""
    return int(entries > 0)


def items(entries: int) -> int:
    """Count entries; a call without any as one."""
    return max(entries, 1)


@dataclass
class Window(Rule):
    """At most so much in a window, which slides or begins anew with each period."""

    most: int | Callable[[int], int]
    cost: Callable[[int], int] = calls
    length_ms: int = MINUTE
    slides: bool = True
    _taken: deque[tuple[int, int]] = field(default_factory=deque)
    _total: int = 0

    def allows(self, now_ms: int, entries: int) -> bool:
        """See `Rule`."""
        since_ms = (
            now_ms - self.length_ms
            if self.slides
            else now_ms // self.length_ms * self.length_ms - 1
        )
        while self._taken and self._taken[0][0] <= since_ms:
            self._total -= self._taken.popleft()[1]
        most = self.most if isinstance(self.most, int) else self.most(now_ms)
        cost = self.cost(entries)
        return not cost or self._total + cost <= most

    def took(self, now_ms: int, entries: int) -> None:
        """See `Rule`."""
        self._taken.append((now_ms, self.cost(entries)))
        self._total += self.cost(entries)


@dataclass
class Texts(Rule):
    """At most so many bytes a minute, of entries whose texts are of any length."""

    most: int
    _window: Window = field(init=False)
    _random: random.Random = field(default_factory=lambda: random.Random(3))  # noqa: S311 - dice
    _each: int = 500

    def __post_init__(self) -> None:
        """Weigh each batch by what its entries weigh."""
        self._window = Window(self.most, lambda entries: entries * self._each + 300)

    def allows(self, now_ms: int, entries: int) -> bool:
        """See `Rule`."""
        return self._window.allows(now_ms, entries)

    def took(self, now_ms: int, entries: int) -> None:
        """See `Rule`."""
        self._window.took(now_ms, entries)
        self._each = self._random.randrange(200, 800)


@dataclass
class Bucket(Rule):
    """A store of entries that fills slowly: a burst is taken, then a trickle."""

    size: int
    a_minute: int
    _left: float = -1
    _since_ms: int = 0

    def allows(self, now_ms: int, entries: int) -> bool:
        """See `Rule`."""
        if self._left < 0:
            self._left = self.size
        grown = (now_ms - self._since_ms) * self.a_minute / MINUTE
        self._left, self._since_ms = min(self._left + grown, self.size), now_ms
        return items(entries) <= self._left

    def took(self, now_ms: int, entries: int) -> None:  # noqa: ARG002 - see `Rule`
        """See `Rule`."""
        self._left -= items(entries)


@dataclass
class Rest(Rule):
    """A rest after each batch, from its arrival or from its answer on."""

    rest_ms: int
    from_answer: bool = False
    _until_ms: int = 0
    _flying: int = 0

    def allows(self, now_ms: int, entries: int) -> bool:
        """See `Rule`."""
        return not entries or (now_ms >= self._until_ms and not (self.from_answer and self._flying))

    def took(self, now_ms: int, entries: int) -> None:
        """See `Rule`."""
        self._until_ms = now_ms + self.rest_ms if entries else self._until_ms
        self._flying += 1

    def answered(self, now_ms: int) -> None:
        """See `Rule`."""
        self._flying -= 1
        if self.from_answer:
            self._until_ms = now_ms + self.rest_ms


@dataclass
class AtOnce(Rule):
    """At most so many calls in flight."""

    most: int
    _flying: int = 0

    def allows(self, now_ms: int, entries: int) -> bool:  # noqa: ARG002 - see `Rule`
        """See `Rule`."""
        return self._flying < self.most

    def took(self, now_ms: int, entries: int) -> None:  # noqa: ARG002 - see `Rule`
        """See `Rule`."""
        self._flying += 1

    def answered(self, now_ms: int) -> None:  # noqa: ARG002 - see `Rule`
        """See `Rule`."""
        self._flying -= 1


@dataclass
class Moody(Rule):
    """Refuses without a cause: some calls by chance, and all of them in some spans of time."""

    part: float = 0
    storms: Sequence[tuple[int, int]] = ()
    _random: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311 - dice

    def allows(self, now_ms: int, entries: int) -> bool:  # noqa: ARG002 - see `Rule`
        """See `Rule`."""
        stormy = any(begin <= now_ms < end for begin, end in self.storms)
        return not stormy and self._random.random() >= self.part


def published() -> list[Rule]:
    """Return what the limits page says."""
    return [Window(500), Window(10, length_ms=SECOND), Window(40, batches)]


@dataclass
class Service:
    """A service that takes or refuses calls by its rules; what it refuses counts nowhere."""

    rules: list[Rule]
    refused: list[int] = field(default_factory=list)
    taken: list[tuple[int, int]] = field(default_factory=list)
    flying: int = 0

    def arrives(self, now_ms: int, entries: int) -> bool:
        """Take a call, or refuse it."""
        if not all(rule.allows(now_ms - START, entries) for rule in self.rules):
            self.refused.append(now_ms)
            return False
        for rule in self.rules:
            rule.took(now_ms - START, entries)
        self.taken.append((now_ms, entries))
        self.flying += 1
        return True

    def answers(self, now_ms: int) -> None:
        """Note that a call was answered."""
        self.flying -= 1
        for rule in self.rules:
            rule.answered(now_ms - START)


@dataclass
class Run:
    """A simulated load: processes share a pace, calls travel, the service works on them.

    Attributes:
        service: The service.
        entries: How many entries are to go.
        single: How many calls that are no batches are to go.
        latency_ms: Of a call that is taken, by its number and entries.
        delay_ms: On the way there, by the number of the call.
        processes: How many processes send.
        keeps: After how many permits the pace is written down and read again.
    """

    service: Service
    entries: int = 0
    single: int = 0
    latency_ms: Callable[[int, int], int] = lambda *_: 2_000
    delay_ms: Callable[[int], int] = lambda _: 50
    quotas: Quotas = QUICKBOOKS
    pace: Pace = field(default_factory=Pace)
    now_ms: int = START
    processes: int = 1
    keeps: int = 20
    done: int = 0
    sizes: list[int] = field(default_factory=list)
    begun: list[int] = field(default_factory=list)
    _events: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _number: int = 0
    _asking: set[str] = field(default_factory=set)
    _flying: dict[str, int] = field(default_factory=dict)

    def go(self, until_ms: int | None = None) -> "Run":
        """Let time pass until all is done, or to a moment."""
        self._ask_all()
        while self._events and (until_ms is None or self._events[0][0] <= until_ms):
            self.now_ms, _, what = heapq.heappop(self._events)
            what()
        return self

    def _at(self, when_ms: int, what: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (when_ms, self._number, what))

    def _ask_all(self) -> None:
        for number in range(self.processes):
            if f"{number}" not in self._asking:
                self._ask(f"{number}")

    def _ask(self, owner: str) -> None:
        """Ask for permits until one must wait, or all workers are out."""
        self._asking.discard(owner)
        while self.entries or self.single:
            if self._flying.get(owner, 0) >= self.quotas.in_flight:
                return
            answer = self.pace.begin(Want(self.entries, owner=owner), self.quotas, self.now_ms)
            if len(self.begun) % self.keeps == 0:
                self.pace = Pace.from_json(self.pace.to_json())
            if not isinstance(answer, Call):
                assert answer > 0
                self._asking.add(owner)
                self._at(self.now_ms + answer, lambda: self._ask(owner))
                return
            self._send(answer, owner)

    def _send(self, call: Call, owner: str) -> None:
        self.entries -= call.entries
        self.single -= not call.entries
        self.sizes += [call.entries] if call.entries else []
        self.begun.append(self.now_ms)
        self._flying[owner] = self._flying.get(owner, 0) + 1
        number, left_ms, most_ms = len(self.begun), self.now_ms, self.quotas.timeout_ms

        def arrive() -> None:
            if not self.service.arrives(self.now_ms, call.entries):
                self._at(self.now_ms + 50, lambda: answer(End.REFUSED))
                return
            latency_ms = self.latency_ms(number, call.entries)
            how = End.SILENT if latency_ms > most_ms else End.TAKEN
            self._at(self.now_ms + min(latency_ms, most_ms), leave)
            self._at(self.now_ms + min(latency_ms, most_ms) + 50, lambda: answer(how))

        def leave() -> None:
            self.service.answers(self.now_ms)

        def answer(how: End) -> None:
            self._flying[owner] -= 1
            self.pace.end(call.id, how, self.quotas, self.now_ms, left_ms=left_ms)
            if how is End.REFUSED:
                self.entries += call.entries
                self.single += not call.entries
            else:
                self.done += max(call.entries, 1)
            self._ask_all()

        self._at(self.now_ms + self.delay_ms(number), arrive)


def most_possible(
    rules: list[Rule], latency_ms: int, until_ms: int, entries: int = 10**9
) -> tuple[int, int]:
    """Return how many entries one who knows the rules has answered by then, and when the last.

    It asks every tenth of a second whether the largest batch would be taken, and sends it then:
    batches of one size, or whatever fits; the best of those counts.
    """
    found = [
        _greedy(deepcopy(rules), latency_ms, until_ms, entries, sizes)
        for sizes in ([30], [20], [30, 20, 10, 5, 2, 1])
    ]
    return max(found, key=lambda one: (one[0], -one[1]))


def _greedy(
    rules: list[Rule], latency_ms: int, until_ms: int, entries: int, sizes: list[int]
) -> tuple[int, int]:
    done, last_ms, out = 0, 0, deque[int]()
    for now_ms in range(0, until_ms - latency_ms, 100):
        while out and out[0] <= now_ms:
            out.popleft()
            for rule in rules:
                rule.answered(now_ms)
        for size in _fitting(sizes, entries - done):
            if len(out) < QUICKBOOKS.in_flight and all(rule.allows(now_ms, size) for rule in rules):
                for rule in rules:
                    rule.took(now_ms, size)
                done, last_ms = done + size, now_ms + latency_ms
                out.append(last_ms)
                break
        if done >= entries:
            break
    return done, last_ms


def _fitting(sizes: list[int], left: int) -> Iterator[int]:
    return (min(size, left) for size in sizes if left)
