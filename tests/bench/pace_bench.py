"""How the pace fares with services whose rules it does not know, in simulated time."""

import random
import sys
from collections.abc import Callable, Iterator

from pace_simulator import (
    HOUR,
    MINUTE,
    SECOND,
    START,
    AtOnce,
    Bucket,
    Moody,
    Rest,
    Rule,
    Run,
    Service,
    Texts,
    Window,
    calls,
    items,
    most_possible,
    published,
)

LATENCIES_S = (0.3, 2.0, 10.0)

#: The time that refusals and goodput are counted in.
LENGTH_MS = HOUR


def busy(now_ms: int) -> int:
    """Leave of 1,200 entries a minute 300 in five of fifteen minutes: another app is at work."""
    return 300 if 5 * MINUTE <= now_ms % (15 * MINUTE) < 10 * MINUTE else 1_200


def moving(now_ms: int) -> int:
    """Leave another number of entries every minute."""
    return random.Random(now_ms // MINUTE).randrange(600, 1_200)  # noqa: S311 - dice


#: What each service minds beside the published quotas; the target of its share.
SERVICES: dict[str, tuple[Callable[[], list[Rule]], float]] = {
    "the published quotas": (list, 0.95),
    "the same by the calendar's minute": (
        lambda: [Window(500, slides=False), Window(40, lambda n: int(n > 0), slides=False)],
        0.95,
    ),
    "500 entries a minute": (lambda: [Window(500, items)], 0.9),
    "493 entries a minute": (lambda: [Window(493, items)], 0.9),
    "500 entries a calendar minute": (lambda: [Window(500, items, slides=False)], 0.9),
    "100 entries a minute": (lambda: [Window(100, items)], 0.9),
    "10 entries a minute": (lambda: [Window(10, items)], 0.6),
    "20 calls a minute": (lambda: [Window(20, calls)], 0.9),
    "40 entries a second": (lambda: [Window(40, items, SECOND)], 0.6),
    "20 entries a second": (lambda: [Window(20, items, SECOND)], 0.6),
    "3 calls in flight": (lambda: [AtOnce(3)], 0.6),
    "a second's rest after a batch": (lambda: [Rest(1_000)], 0.6),
    "4 seconds' rest after a batch": (lambda: [Rest(4_000)], 0.6),
    "a second's rest after an answer": (lambda: [Rest(1_000, from_answer=True)], 0.6),
    "rest, and 500 entries a minute": (lambda: [Rest(1_000), Window(500, items)], 0.6),
    "300 kB a minute": (lambda: [Window(300_000, lambda n: 500 * n + 300)], 0.6),
    "300 kB, texts of any length": (lambda: [Texts(300_000)], 0.6),
    "another app, now and then": (lambda: [Window(busy, items)], 0.6),
    "another limit each minute": (lambda: [Window(moving, items)], 0.6),
    "5,000 at once, then 300 a minute": (lambda: [Bucket(5_000, 300)], 0.6),
    "one in a hundred refused by chance": (lambda: [Moody(0.01)], 0.6),
    "all refused for three minutes": (
        lambda: [Moody(storms=((0, 20_000), (10 * MINUTE, 13 * MINUTE)))],
        0.6,
    ),
}


def delay_ms(number: int) -> int:
    """Return how long a call is on its way: nearly as different as the margins allow."""
    return 20 + number * 37 % 150


def one_hour(name: str, latency_s: float, processes: int = 1) -> tuple[float, int, int]:
    """Return the share of the ceiling, the refusals in an hour, and those of its second half."""
    rules, _ = SERVICES[name]
    latency_ms = round(latency_s * 1000)
    best, _ = most_possible(rules() + published(), latency_ms, LENGTH_MS)
    service = Service(rules() + published())
    run = Run(
        service,
        entries=10**9,
        latency_ms=lambda *_: latency_ms,
        delay_ms=delay_ms,
        processes=processes,
    ).go(START + LENGTH_MS)
    late = sum(at > START + LENGTH_MS // 2 for at in service.refused)
    return run.done / best, len(service.refused), late


def unknown_rules() -> Iterator[str]:
    """Let a simulated hour pass at each service, and yield the table line by line."""
    yield "## Services with rules that nobody knows: the pace alone, in simulated time"
    yield ""
    yield "| the service minds | share at 0.3 s | 2 s | 10 s | 429s | of them late | target |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, (_, target) in SERVICES.items():
        found = [one_hour(name, latency_s) for latency_s in LATENCIES_S]
        shares = " | ".join(f"{share:.2f}" for share, _, _ in found)
        refusals, late = (", ".join(f"{one[nth]}" for one in found) for nth in (1, 2))
        yield f"| {name} | {shares} | {refusals} | {late} | ≥ {target}, ≤ 10 |"
    yield ""
    yield (
        "One hour without an end of entries, beside the published quotas. Share: entries answered ÷"
        " those of a loader that knows the rules and is never refused. 429s in the hour, at each of"
        " the three times an answer takes; late ones came in its second half."
    )


if __name__ == "__main__":
    for line in unknown_rules():
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
