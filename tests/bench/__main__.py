"""`make bench`: measures what the project promises about time and memory, and keeps the table.

Each figure is a ratio between sizes measured in the same run, on the same machine, one process a
measurement; data/BENCHMARKS.md says with what and when.
"""

import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from sync_bench import compare_directories

RESULTS = Path(__file__).parents[2] / "data" / "BENCHMARKS.md"


def main() -> None:
    """Measure everything, print it, and write it to data/BENCHMARKS.md."""
    machine = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    lines = [
        "# Benchmarks",
        "",
        f"Made by `make bench` on {datetime.now(UTC):%Y-%m-%d}: {machine}.",
        "",
        *compare_directories(),
    ]
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    RESULTS.write_text(text)


if __name__ == "__main__":
    main()
