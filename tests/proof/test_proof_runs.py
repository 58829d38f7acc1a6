"""How the proof runs many histories: what each worker says counts, and no report is lost."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from crew import verdicts
from proof_report import write_report
from worker import Verdict

#: Plays nothing: says which seed it was handed, and dies at the third.
DIES_AT_3 = """
import json, sys
for line in sys.stdin:
    if line == "3\\n":
        sys.exit("No memory left.")
    print(json.dumps({"seed": int(line), "problems": []}), flush=True)
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_worker_dies_at_counts_as_failed_and_the_others_are_played(workers: int) -> None:
    """Each seed has a verdict, once: no death of a worker hides what was played before or after."""
    command = [sys.executable, "-c", DIES_AT_3]

    found = list(verdicts(command, iter(range(1, 8)), workers))

    assert sorted(one["seed"] for one in found) == [1, 2, 3, 4, 5, 6, 7]
    [failed] = [one for one in found if one["problems"]]
    assert failed["seed"] == 3
    assert "died" in failed["problems"][0]


def _verdict(seed: int, *problems: str) -> dict[str, Any]:
    verdict = Verdict(seed, "sqlite", False, [*problems], ["Somebody tracks."], 25, 7, 1.5)
    return verdict.as_json() | {"counts": {"command": 20, "kill": 2}}


def test_a_report_counts_all_runs_so_far(tmp_path: Path) -> None:
    """What earlier runs have played is kept, a line each, and summed."""
    write_report(tmp_path, [_verdict(1), _verdict(2)], 3.2)
    write_report(tmp_path, [_verdict(4), _verdict(3, "an entry is there twice")], 3.4)

    with (tmp_path / "proof_runs.csv").open(newline="") as file:
        runs = [(run["seeds"], run["histories"], run["failed"]) for run in csv.DictReader(file)]
    assert runs == [("1 to 2", "2", ""), ("3 to 4", "2", "3")]
    told = (tmp_path / "PROOF.md").read_text()
    assert (
        "| **All** |  |  | **4** | **100** | **80** | **28** | **8** | **0** | **6** |  |" in told
    )
    assert "Seeds 3 to 4;" in told
    assert "### Seed 3 fails\n\n- an entry is there twice" in told
    assert json.dumps(told).count("2 histories in 3 s") == 1, "the last run alone is told whole"
