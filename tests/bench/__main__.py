"""`make bench`: measures what the project promises about time and memory, and keeps the table.

Each figure stands beside one of the same run, on the same machine; data/BENCHMARKS.md says with
what and when. `--largest` adds ledgers of ten million rows and two hundred companies: an hour.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))

from audit_bench import verifying
from command_bench import nothing_to_do, start_up
from companies_bench import many_companies
from memory_bench import memory_of_a_send, reading_pages
from own_postgres import running_postgres
from pace_bench import unknown_rules
from pacing_bench import beside_the_peer, share_of_the_ceiling
from reads_bench import reads_of_a_month
from reconcile_bench import reconciling
from scheduled_bench import scheduled_run
from sync_bench import compare_directories
from transform_bench import transform_entries

RESULTS = Path(__file__).parents[2] / "data" / "BENCHMARKS.md"

#: What is measured, in the order of the page.
PARTS: dict[str, Callable[[bool], Iterable[str]]] = {
    "start": lambda _: start_up(),
    "scheduled": lambda _: scheduled_run(),
    "nothing": lambda largest: nothing_to_do(largest=largest),
    "transform": lambda _: transform_entries(),
    "pages": lambda _: reading_pages(),
    "memory": lambda _: memory_of_a_send(),
    "reconcile": lambda _: reconciling(),
    "sync": lambda _: compare_directories(),
    "reads": lambda _: reads_of_a_month(),
    "audit": lambda _: verifying(),
    "ceiling": lambda _: share_of_the_ceiling(),
    "unknown": lambda _: unknown_rules(),
    "peer": lambda _: beside_the_peer(),
    "companies": lambda largest: many_companies(largest=largest),
}


def measured(lines: Iterable[str]) -> Iterator[str]:
    """Print lines as they come, and yield them again."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        yield line


def sections(text: str) -> dict[str, str]:
    """Return the page's text by its headings."""
    parts = [part.strip() for part in f"\n{text}".split("\n## ")]
    return {part.partition("\n")[0]: f"## {part}" for part in parts[1:]}


def main() -> None:
    """Measure everything, or the parts that are named; print it, and keep it in BENCHMARKS.md."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all unless named")
    parser.add_argument("--largest", action="store_true")
    asked = parser.parse_args()
    made_by = "python tests/bench --largest" if asked.largest else "make bench"
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    machine = (
        f"{platform.machine()}, {platform.system()}, {os.cpu_count()} processors,"
        f" Python {platform.python_version()}"
    )
    head = f"# Benchmarks\n\nMade by `{made_by}` on {today}: {machine}."
    kept: dict[str, str] = {}
    if asked.parts:
        before = RESULTS.read_text()
        head, kept = before.partition("\n## ")[0].strip(), sections(before)
    for name in asked.parts or PARTS:
        found = sections("\n".join(measured(PARTS[name](asked.largest))))
        if asked.parts:
            found = {
                title: f"{text}\n\nMeasured alone on {today}." for title, text in found.items()
            }
        kept |= found
    RESULTS.write_text("\n\n".join([head, *kept.values()]) + "\n")


if __name__ == "__main__":
    with running_postgres():
        main()
