"""Writes data/PROOF.md: what was played, what was found, and what is left to doubt.

Each run adds a line to data/proof_runs.csv, so that the report counts all of them.
"""

import csv
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

PEOPLE = {
    "track": "time tracked in Clockify",
    "edit": "entries edited",
    "delete": "entries deleted",
    "approve": "approvals given or withdrawn",
    "type": "time typed into QuickBooks",
    "edit books": "TimeActivities edited",
    "delete books": "TimeActivities deleted",
    "bill": "TimeActivities put on an invoice",
    "unbill": "invoices deleted",
    "close": "books closed or opened",
    "end consent": "consents ended at Intuit",
    "review": "plans asked for, or decided",
    "wait": "waits, of 36 seconds to a week",
    "jump": "jumps of the machine's clock",
}
KINDS = {
    "split": "entries booked on each of their days",
    "lines": "entries of a day booked as one",
    "reviews": "reviews in Prefect's pages",
    "neighbor": "another workspace beside it",
}
#: What is summed over all runs: the columns of proof_runs.csv that are numbers.
SUMMED = ["histories", "events", "commands", "entries", "killed", "suspended", "seconds"]
NEMESIS = {
    "kill": "processes killed (SIGKILL)",
    "suspend": "processes suspended and resumed, up to two hours later",
    "beside": "commands beside which another one ran",
    "cut off": "databases restarted or locked",
    "fill the disk": "disks filled",
    "fault struck": "requests that a service failed",
}


def _total(verdicts: Sequence[Mapping[str, Any]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        counts.update(verdict["counts"])
    return counts


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def summary(verdicts: Sequence[Mapping[str, Any]], seconds: float) -> str:
    """Return what a run came to, in a few lines."""
    counts = _total(verdicts)
    failed = [str(one["seed"]) for one in verdicts if one["problems"]]
    checked = sum(one["checked"] for one in verdicts)
    played = ", ".join(
        [
            _count(sum(one["played"] for one in verdicts), "event"),
            _count(counts["command"], "command"),
            f"{_count(checked, 'entry', 'entries')} held against the books",
        ]
    )
    lines = [
        f"{_count(len(verdicts), 'history', 'histories')} in {seconds:,.0f} s: {played}.",
        "Trouble that hit: "
        + ", ".join(f"{counts[name]:,} {what}" for name, what in NEMESIS.items() if counts[name])
        + ".",
        f"Fails: seed {', '.join(failed)}." if failed else "All hold.",
    ]
    return "\n".join(lines)


def write_report(folder: Path, verdicts: Sequence[Mapping[str, Any]], seconds: float) -> None:
    """Write the report of a run into *folder*, with what is kept by hand in `found.md`."""
    counts = _total(verdicts)
    runs = _kept(folder / "proof_runs.csv", _as_run(verdicts, counts, seconds))
    parts = [
        (HERE / "about.md").read_text().strip(),
        "## All runs",
        _told(runs),
        "## The last run",
        f"Seeds {runs[-1]['seeds']}; each can be played again with `make proof SEED=…`.",
        summary(verdicts, seconds),
        _table("Played on", _grounds(verdicts)),
        _table("Played with", _circumstances(verdicts, counts)),
        _table("People", {what: counts[name] for name, what in PEOPLE.items()}),
        _table("Nemesis", {what: counts[name] for name, what in NEMESIS.items()}),
        *_failures(verdicts),
        (HERE / "found.md").read_text().strip(),
        (HERE / "breaks.md").read_text().strip(),
    ]
    (folder / "PROOF.md").write_text("\n\n".join(part for part in parts if part) + "\n")


def _as_run(
    verdicts: Sequence[Mapping[str, Any]], counts: Mapping[str, int], seconds: float
) -> dict[str, str]:
    """Return a run as a line of proof_runs.csv."""
    git = ["git", "-C", str(HERE), "describe", "--always", "--dirty=+"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    line = {
        "date": datetime.now(UTC).date(),
        "commit": commit,
        "seeds": _ranges(sorted(one["seed"] for one in verdicts)),
        "histories": len(verdicts),
        "events": sum(one["played"] for one in verdicts),
        "commands": counts["command"],
        "entries": sum(one["checked"] for one in verdicts),
        "killed": counts["kill"],
        "suspended": counts["suspend"],
        "failed": " ".join(str(one["seed"]) for one in verdicts if one["problems"]),
        "seconds": round(seconds),
    }
    return {name: str(value) for name, value in line.items()}


def _kept(path: Path, line: dict[str, str]) -> list[dict[str, str]]:
    """Add a run to those in the file, and return all of them."""
    earlier = path.read_text().splitlines() if path.exists() else []
    runs = [*csv.DictReader(earlier), line]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(line), lineterminator="\n")
        writer.writeheader()
        writer.writerows(runs)
    return runs


def _told(runs: Sequence[Mapping[str, str]]) -> str:
    """Return a table of all runs, and their sums."""
    sums = {name: sum(int(run[name]) for run in runs) for name in SUMMED}
    rows = [{"date": "**All**", "commit": "", "seeds": "", "failed": ""}, *reversed(runs)]
    rows[0] |= {name: f"**{number:,}**" for name, number in sums.items()}
    heads = ["date", "commit", "seeds", *SUMMED, "failed"]
    lines = [" | ".join(row[head] for head in heads) for row in rows]
    return "\n".join(
        [
            "Each run was of the product as it was then: see [what was found](#what-was-found).",
            "",
            f"| {' | '.join(head.capitalize() for head in heads)} |",
            f"|{' --- |' * 3}{' ---: |' * len(SUMMED)} --- |",
            *(f"| {line} |" for line in lines),
        ]
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Return sorted numbers as people write them.

    Examples:
        >>> _ranges([1, 2, 3, 5])
        '1 to 3, 5'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if run[1:] else str(run[0]) for run in runs)


def _grounds(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    names = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
    return Counter(
        f"{names[one['database']]}, {'real' if one['real'] else 'simulated'} time"
        for one in sorted(verdicts, key=lambda one: (one["database"], one["real"]))
    )


def _circumstances(
    verdicts: Sequence[Mapping[str, Any]], counts: Mapping[str, int]
) -> dict[str, int]:
    kinds = Counter(kind for one in verdicts for kind in one["kinds"])
    return {what: kinds[name] for name, what in KINDS.items()} | {
        "TimeActivities of several entries at the end": counts["line"]
    }


def _table(head: str, rows: Mapping[str, int]) -> str:
    lines = [f"| {what} | {number:,} |" for what, number in rows.items()]
    return "\n".join([f"| {head} | |", "| --- | ---: |", *lines])


def _failures(verdicts: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        "\n".join(
            [
                f"### Seed {one['seed']} fails",
                "",
                *(f"- {problem}" for problem in one["problems"]),
                "",
                "Shortened:",
                "",
                *(f"{nth}. {line}" for nth, line in enumerate(one["told"], start=1)),
            ]
        )
        for one in verdicts
        if one["problems"]
    ]
