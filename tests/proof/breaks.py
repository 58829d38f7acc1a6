"""Breaks the product on purpose, a line at a time, and sees whether a quick check finds it.

    python tests/proof/breaks.py [NUMBER…]

Each break is applied in a throwaway copy, where the check that it names is run. What is found by
none would be a hole. The list is written to tests/proof/breaks.md, which data/PROOF.md includes.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-x",
    "-n0",
    "-p",
    "no:cacheprovider",
    "-m",
    "not slow",
]


HEAD = """## Breaks on purpose

`python tests/proof/breaks.py` makes each of these lines wrong, alone, in a throwaway copy, and runs
a quick check.

| What the break would do | Where | Found by |
| --- | --- | --- |"""


@dataclass(frozen=True)
class Break:
    """One line, made wrong.

    Attributes:
        file: Where it is.
        old: What stands there, once.
        new: What stands there instead.
        means: What that would do.
        check: The tests that must find it.
    """

    file: str
    old: str
    new: str
    means: str
    check: str


_LEDGER = "connectors/store/ledger.py"
_DOUBTS = "connectors/store/claims_in_doubt.py"
_SETTLE = "flows/sending/settle_doubts.py"
_REPLAY = "flows/sending/replay.py"
_BATCHES = "flows/sending/batches.py"
_TOKENS = "connectors/store/tokens.py"
_RUNS = "connectors/store/runs.py"
_ANSWERS = "connectors/quickbooks/answers.py"
_MATCH = "transforms/identity/match_books.py"
_JUDGE = "transforms/plan/judge.py"

_T_LEDGER = "tests/connectors/store/test_ledger.py"
_T_DOUBTS = "tests/connectors/store/test_claims_in_doubt.py"
_T_TOKENS = "tests/connectors/store/test_tokens.py"
_T_BATCH = "tests/connectors/quickbooks/test_batch.py"
_T_MATCH = "tests/transforms/identity/test_match_books.py"
_T_JUDGE = "tests/transforms/plan/test_judge.py"

BREAKS = [
    Break(
        _LEDGER,
        "where=ledger.c.state.in_([LedgerState.REFUSED, LedgerState.RECALLED]),",
        "where=ledger.c.state.is_not(None),",
        "Whatever the ledger holds can be claimed once more.",
        f"{_T_LEDGER}::test_what_is_held_cannot_be_claimed",
    ),
    Break(
        _LEDGER,
        "if not self._same(Runs).renew_within(connection, run_id, now=now, lease=lease):",
        "if self._same(Runs).renew_within(connection, run_id, now=now, lease=lease) is None:",
        "A run that counts as dead goes on claiming.",
        f"{_T_LEDGER}::test_a_dead_run_claims_nothing",
    ),
    Break(
        _LEDGER,
        "            ledger.c.state == LedgerState.SENDING,\n        )\n\n\ndef _change",
        "            ledger.c.state.is_not(None),\n        )\n\n\ndef _change",
        "A late answer overwrites what was settled meanwhile.",
        f"{_T_DOUBTS}::test_a_late_run_records_nothing_that_was_settled_otherwise",
    ),
    Break(
        _LEDGER,
        "mine = sa.and_(ledger.c.run_id == made.run_id, ledger.c.bid.in_(bids))",
        "mine = ledger.c.bid.in_(bids)",
        "A late run releases what another one has taken over.",
        f"{_T_LEDGER}::test_an_old_claim_releases_nothing_that_another_run_took_over",
    ),
    Break(
        _LEDGER,
        'taken = set(ours.loc[contents.twins(ours, rivals).notna(), "entry_id"])',
        "taken: set[str] = set()",
        "The same work is claimed under two ids by two runs.",
        "tests/connectors/store/test_entry_contents.py::test_of_two_runs_with_the_same_work_one_takes_it",
    ),
    Break(
        _DOUBTS,
        "sa.or_(runs.c.finished_at.is_not(None), runs.c.lease_until < history.now()),",
        "sa.true(),",
        "Claims of runs that are alive are taken for doubts.",
        f"{_T_DOUBTS}::test_what_a_live_run_sends_is_nobodys_doubt",
    ),
    Break(
        _DOUBTS,
        "quiet_from = (dead.finished_at or dead.lease_until) + at_work",
        "quiet_from = dead.finished_at or dead.lease_until",
        "A call is repeated while QuickBooks may be at work on it.",
        f"{_T_DOUBTS}::test_a_run_that_died_leaves_doubts_once_its_lease_is_over",
    ),
    Break(
        _DOUBTS,
        "if not dead.finished_at:  # it may have called again after what it noted",
        "if dead.finished_at:",
        "A dead run's last word about its calls is believed.",
        f"{_T_DOUBTS}::test_a_dead_runs_word_is_not_trusted_beyond_its_lease",
    ),
    Break(
        _DOUBTS,
        "if books.holders(connection, [created.qbo_id]):",
        "if not created.qbo_id:",
        "Two entries are settled as one TimeActivity.",
        f"{_T_DOUBTS}::test_an_answer_is_never_taken_back",
    ),
    Break(
        _DOUBTS,
        "            if proof == Proof.ANSWER:\n",
        "            if proof == Proof.BOOKS:\n",
        "What was found by content outweighs QuickBooks' own answer.",
        f"{_T_DOUBTS}::test_quickbooks_own_answer_takes_back_what_a_twin_was_given",
    ),
    Break(
        _RUNS,
        "runs.c.lease_until >= now,",
        "runs.c.started_at <= now,",
        "A lease that is over is renewed.",
        f"{_T_LEDGER}::test_a_dead_run_claims_nothing",
    ),
    Break(
        _SETTLE,
        "[found_of(row) for id_, row in by_id.items() if id_ not in accounted],",
        "[found_of(row) for id_, row in by_id.items()],",
        "A TimeActivity of another entry settles a doubt.",
        "tests/exactly_once/test_crash_points.py -k 'any_point and forgets'",
    ),
    Break(
        _SETTLE,
        "        if not _is_quiet(context, doubt):\n            settled",
        "        if doubt.entry_id is None:\n            settled",
        "A call is repeated at once, while the first one may still come.",
        "tests/exactly_once/test_proof.py -k 'taken_for_dead or live_neighbors'",
    ),
    Break(
        _REPLAY,
        "elif outcome.fault.code == BUSINESS_CODE and doubt.request_id not in first_calls:",
        "elif outcome.fault.code is None:",
        "A refused repeat counts as a refusal, though the first call was done.",
        "tests/exactly_once/test_proof.py -k 'after_6000 or refused_as_a_whole'",
    ),
    Break(
        _BATCHES,
        "leave_in_doubt(made, at_work=self._context.at_work)\n            self._unclear += 1\n",
        "release(made)\n",
        "An unclear answer releases the claim: the entry goes again.",
        "tests/exactly_once/test_proof.py -k on_the_way",
    ),
    Break(
        "connectors/http.py",
        "    if not read:\n        return Unsure\n",
        "    if not read:\n        return Refused\n",
        "A gateway's error page counts as QuickBooks' refusal.",
        "tests/connectors/test_http.py::test_a_status_alone_proves_nothing_about_a_write",
    ),
    Break(
        _ANSWERS,
        "return NotDone(bid, fault) if _is_validation(fault) and not made else None",
        "return NotDone(bid, fault)",
        "Any fault of an item counts as its refusal.",
        f"{_T_BATCH}::test_what_is_not_answered_exactly_once_is_in_doubt",
    ),
    Break(
        _ANSWERS,
        "return [value for value in values if count[key(value)] == 1]",
        "return list(values)",
        "An answer that names an object twice is believed.",
        f"{_T_BATCH}::test_what_is_not_answered_exactly_once_is_in_doubt",
    ),
    Break(
        _TOKENS,
        "if row.refresher is not None and row.refresher_until > now:",
        "if row.refresher is None and row.refresher_until:",
        "Two processes ask Intuit for tokens at once.",
        f"{_T_TOKENS}::test_who_comes_while_another_asks_waits_for_the_token",
    ),
    Break(
        _TOKENS,
        "if row.refresher != lease.id and stored != lease.refresh_token:",
        "if stored == '':",
        "A slow process overwrites a younger refresh token.",
        f"{_T_TOKENS}::test_a_slow_holder_does_not_overwrite_a_younger_token",
    ),
    Break(
        _TOKENS,
        "if self.vault.unlock(row.refresh_token) != lease.refresh_token:",
        "if row.refresh_token is None:",
        "A refused old token ends a consent that was renewed meanwhile.",
        f"{_T_TOKENS}::test_who_is_refused_finds_the_younger_token",
    ),
    Break(
        _MATCH,
        "            candidates.remove(fitting)\n",
        "",
        "Two twins in doubt are found in one TimeActivity.",
        f"{_T_MATCH}::test_twins_are_counted",
    ),
    Break(
        _MATCH,
        "return found.created_at >= wanted.created_from",
        "return found.created_at is not None",
        "A TimeActivity from before the call settles a doubt.",
        f"{_T_MATCH}::test_each_doubt_takes_only_what_is_younger_than_its_own_claim",
    ),
    Break(
        _MATCH,
        "others = [activity for activity in free if activity.content not in elsewhere]",
        "others = list(free)",
        "Another connection's entry looks like this one with an edit.",
        f"{_T_MATCH}::test_what_is_just_like_another_connections_doubt_is_not_near",
    ),
    Break(
        _JUDGE,
        'Reason.UNCONFIRMED: judged["ledger_state"] == LedgerState.SENDING,',
        'Reason.UNCONFIRMED: judged["ledger_state"] == LedgerState.REFUSED,',
        "What is in doubt is planned again.",
        _T_JUDGE,
    ),
    Break(
        _JUDGE,
        'Reason.NOT_APPROVED: ~judged["approved"] & rules.approved_only,',
        'Reason.NOT_APPROVED: judged["approved"] & rules.approved_only,',
        "Time that nobody approved goes.",
        f"{_T_JUDGE} -k approv",
    ),
    Break(
        "transforms/plan/rounding.py",
        '"nearest": step_s // 2,',
        '"nearest": 0,',
        "Time is rounded down instead of to the nearest.",
        "tests/transforms/plan/test_rounding.py",
    ),
    Break(
        "connectors/store/parts.py",
        "divided = {whole_id(row.entry_id) for row in held if row.state in IN_BOOKS}",
        "divided = set[str]()",
        "A part of an entry goes while another run has another one.",
        "tests/connectors/store/test_parts.py",
    ),
    Break(
        "connectors/store/lines.py",
        "return taken | self.held(connection, joined.union(members))",
        "return taken",
        "An entry goes alone while another run has it in a line.",
        "tests/connectors/store/test_lines.py",
    ),
    Break(
        "connectors/store/lines.py",
        "taken = {row.entry_id for row in rows if row.state in IN_BOOKS}",
        "taken = set[str]()",
        "A line goes while another run has one of its entries alone.",
        "tests/connectors/store/test_lines.py",
    ),
    Break(
        "connectors/store/parts.py",
        "and LedgerState.SENT in states and len(states) > 1",
        "and LedgerState.SENT in states and len(states) > 2",
        "What QuickBooks took of a refused entry stays in the books.",
        "tests/flows/sending/test_parts.py -k taken_back",
    ),
    Break(
        "flows/sending/unknown_time.py",
        "return frozenset(ids & shown if shown or request.only_what_was_shown else ids)",
        "return frozenset(ids)",
        "Time that was typed in since somebody was shown some is called other work, too.",
        "tests/flows/sending/test_unknown_time.py -k shown",
    ),
    Break(
        "flows/sending/send.py",
        "run(look_again, context, plan)",
        "pass",
        "Time that was typed in while somebody looked at the plan is booked again.",
        "tests/flows/sending/test_unknown_time.py -k looks_at",
    ),
    Break(
        "connectors/store/changes.py",
        "ledger.c.proof.is_distinct_from(Proof.BOOKS) | ~may_be_it,",
        "sa.true(),",
        "A recall deletes what may be another entry's, which is in doubt.",
        "tests/exactly_once/test_found_by_content.py -k may_be_anothers",
    ),
]


@contextmanager
def throwaway_copy() -> Iterator[Path]:
    """Copy what Git knows into a folder that is gone after the block."""
    with tempfile.TemporaryDirectory(prefix="clockbooks-breaks-") as name:
        git = shutil.which("git") or "git"
        listed = subprocess.run(
            [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True
        ).stdout
        for path in filter(None, listed.decode().split("\0")):
            (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, Path(name) / path)
        yield Path(name)


def caught_by(one: Break, copy: Path) -> str | None:
    """Return the name of the first test that finds a break; `None` if none does."""
    path = copy / one.file
    whole = path.read_text()
    path.write_text(broken(one, whole))
    try:
        ran = subprocess.run(
            [*PYTEST, *shlex.split(one.check)],
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        path.write_text(whole)
    if ran.returncode not in {0, 1}:
        raise RuntimeError(f"{one.file}: {one.old}\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    found = re.search(r"^(?:FAILED|ERROR) (\S+)", ran.stdout, re.MULTILINE)
    return found[1] if found else None


def broken(one: Break, whole: str) -> str:
    """Return a file with the break in it.

    Raises:
        ValueError: The line is not there, or more than once: the list must follow the code.
    """
    if whole.count(one.old) != 1:
        raise ValueError(f"{one.file} has {whole.count(one.old)} times: {one.old}")
    return whole.replace(one.old, one.new)


def main(numbers: list[str]) -> int:
    """Break, one after another; write down what caught each."""
    sys.path.insert(0, str(HERE.parent / "bench"))
    from own_postgres import running_postgres

    lines = []
    with throwaway_copy() as copy, running_postgres("fsync=off"):
        for number, one in enumerate(BREAKS, start=1):
            if numbers and str(number) not in numbers:
                continue
            test = caught_by(one, copy)
            found = f"`{test.rpartition('/')[2]}`" if test else "nothing"
            lines.append(f"| {one.means} | `{one.file}` | {found} |")
            sys.stdout.write(f"{number} {lines[-1]}\n")
            sys.stdout.flush()
    if not numbers:
        (HERE / "breaks.md").write_text("\n".join([HEAD, *lines]) + "\n")
    return int(any(line.endswith("| nothing |") for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
