"""`make bench`: measures what the project promises about time and memory, and keeps the table.

Each figure stands beside one of the same run, on the same machine; data/BENCHMARKS.md says with
what and when. `--largest` adds ledgers of ten million rows and two hundred companies: an hour.
"""

import os
import platform
import sys
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

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


def main() -> None:
    """Measure everything, print it, and write it to data/BENCHMARKS.md."""
    machine = (
        f"{platform.machine()}, {platform.system()}, {os.cpu_count()} processors,"
        f" Python {platform.python_version()}"
    )
    largest = "--largest" in sys.argv
    made_by = "python tests/bench --largest" if largest else "make bench"
    head = f"# Benchmarks\n\nMade by `{made_by}` on {datetime.now(UTC):%Y-%m-%d}: {machine}."
    text = ""
    for line in chain(
        [head, ""],
        start_up(),
        [""],
        scheduled_run(),
        [""],
        transform_entries(),
        [""],
        nothing_to_do(largest=largest),
        [""],
        reading_pages(),
        [""],
        memory_of_a_send(),
        [""],
        reconciling(),
        [""],
        compare_directories(),
        [""],
        reads_of_a_month(),
        [""],
        verifying(),
        [""],
        share_of_the_ceiling(),
        [""],
        unknown_rules(),
        [""],
        beside_the_peer(),
        [""],
        many_companies(largest=largest),
    ):
        text += f"{line}\n"
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    RESULTS.write_text(text)


if __name__ == "__main__":
    with running_postgres():
        main()
