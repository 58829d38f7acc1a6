"""The proof itself: it runs, its checker finds what it must, and it is apart from the product."""

import ast
import os
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from breaks import BREAKS, Break, broken
from checker import Evidence, Ran, judge, lines_at_the_end, ran_badly
from events import history
from gate import PEOPLE, PRODUCT, Change
from own_postgres import SERVER
from reviews import unapproved
from shrinker import kind_of, shrink
from worker import Stage, play_seed
from world import as_booked

HERE = Path(__file__).parent

#: Knows the command, as it has to start it.
STARTS_THE_COMMAND = {"zygote.py"}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Return where histories are played."""
    with Stage(os.environ[SERVER]) as stage:
        yield stage


def _track(user: int, text: int, **members: Any) -> dict[str, Any]:
    event = {"do": "track", "user": user, "day": 1, "minutes": 30, "text": text, "project": 0}
    return event | {"approved": True, "special": None} | members


def _send(**stop: Any) -> dict[str, Any]:
    stopped = {"place": "batch", "skip": 0, "work": "at once", "after_s": 300, "meanwhile": []}
    return {
        "do": "run",
        "command": "send",
        "faults": [],
        "stop": stopped | stop if stop else None,
    }


#: A history of a few events, with a kill after QuickBooks has done the work and forgets it.
SHORT = {
    "seed": 0,
    "database": "sqlite",
    "memory": "not at all",
    "permissive": True,
    "approved_only": False,
    "prefer": False,
    "not_in_books": True,
    "real": False,
    "events": [
        _track(0, 2),
        _track(0, 2),
        _track(1, 0),
        _track(1, 1, special="short"),
        {"do": "type", "nth": 2, "equal": False},
        _send(how="kill"),
        {"do": "bill", "nth": 1},
    ],
}


@pytest.fixture(scope="module")
def evidence(stage: Stage) -> Evidence:
    """Play a short history, once for all tests of the checker."""
    return stage.player(real=False).play(SHORT)


def test_a_short_history_with_a_kill_holds(evidence: Evidence) -> None:
    """Killed after QuickBooks had booked and before the answer: all is in the books once."""
    assert judge(evidence) == [], "\n".join(evidence.told)
    killed = [ran for ran in evidence.rans if ran.code == -9]
    assert len(killed) == 1
    assert len(evidence.books) == 4
    reasons = {row["reason"] for row in evidence.finals["send"]["entries"]}
    assert reasons == {"already_sent", "rounds_to_zero"}


def _ours(evidence: Evidence) -> str:
    """Return a TimeActivity that agrees with its entry."""
    rows = evidence.finals["reconcile"]["entries"]
    return next(row["time_activity_id"] for row in rows if row["verdict"] == "agrees")


def _doctored(evidence: Evidence, **members: Any) -> list[str]:
    return judge(replace(evidence, **members))


def test_a_double_is_found(evidence: Evidence) -> None:
    """A second TimeActivity of an entry, which Clockbooks made and no document names."""
    double = {**evidence.books[_ours(evidence)], "Id": "99"}
    change = Change(PRODUCT, "99", None, double, None)

    found = _doctored(
        evidence,
        books={**evidence.books, "99": double},
        changes=[*evidence.changes, change],
    )

    assert any("TimeActivity 99 came from here" in problem for problem in found)
    assert any("times, for" in problem for problem in found)


def test_a_lost_entry_is_found(evidence: Evidence) -> None:
    """A TimeActivity that is said to be sent, and is not there."""
    lost = _ours(evidence)
    books = {id_: row for id_, row in evidence.books.items() if id_ != lost}

    found = _doctored(evidence, books=books)

    assert any(f"TimeActivity {lost} is not in the books" in problem for problem in found)


def test_an_entry_that_nobody_names_is_found(evidence: Evidence) -> None:
    """Dropped unseen: in Clockify, and in no document."""
    send = deepcopy(evidence.finals["send"])
    unseen = send["entries"].pop()["entry_id"]

    found = _doctored(evidence, finals={**evidence.finals, "send": send})

    assert f"{unseen} is in Clockify, and no document names it" in found


def test_a_wrong_minute_is_found(evidence: Evidence) -> None:
    """A TimeActivity is a minute longer than its entry, and said to agree."""
    id_ = _ours(evidence)
    row = evidence.books[id_]
    books = {**evidence.books, id_: {**row, "Minutes": row["Minutes"] + 1}}

    found = _doctored(evidence, books=books)

    assert any(f"is not what TimeActivity {id_} says" in problem for problem in found)


def test_a_false_reason_is_found(evidence: Evidence) -> None:
    """An entry is said to be in closed books; they are open."""
    send = deepcopy(evidence.finals["send"])
    entry = next(row for row in send["entries"] if row["state"] == "rejected")
    entry["reason"] = "books_closed"

    found = _doctored(evidence, finals={**evidence.finals, "send": send})

    assert f"{entry['entry_id']} is said to be books_closed, which is not so" in found


def test_a_difference_that_nobody_made_is_found(evidence: Evidence) -> None:
    """`reconcile` says that people edited a TimeActivity, and they did not."""
    reconcile = deepcopy(evidence.finals["reconcile"])
    row = next(row for row in reconcile["entries"] if row["verdict"] == "agrees")
    row["verdict"] = "changed_in_quickbooks"

    found = _doctored(evidence, finals={**evidence.finals, "reconcile": reconcile})

    assert any("changed_in_quickbooks" in problem for problem in found)


def test_one_activity_of_two_entries_is_found(evidence: Evidence) -> None:
    """Two entries are said to be one TimeActivity."""
    entries = deepcopy(evidence.finals["entries"])
    first, second = [row for row in entries["entries"] if row["state"] == "sent"][:2]
    second["time_activity_id"] = first["time_activity_id"]

    found = _doctored(evidence, finals={**evidence.finals, "entries": entries})

    assert f"2 entries are said to be TimeActivity {first['time_activity_id']}" in found


def test_a_broken_chain_is_found(evidence: Evidence) -> None:
    """`audit verify` ends with 1."""
    audit = {**evidence.finals["audit"], "code": 1}

    assert _doctored(evidence, finals={**evidence.finals, "audit": audit})


@pytest.fixture(scope="module")
def lines(stage: Stage) -> Evidence:
    """Play a history in which three entries of a day are one TimeActivity, and one is alone."""
    tracked = [_track(0, 0), _track(0, 2), _track(0, 2), _track(1, 0)]
    return stage.player(real=False).play(SHORT | {"lines": True, "events": [*tracked, _send()]})


def test_entries_that_are_booked_together_hold(lines: Evidence) -> None:
    """Each entry is in one TimeActivity, which has their time and their texts."""
    assert judge(lines) == [], "\n".join(lines.told)
    assert [len(ids) for ids in lines_at_the_end(lines).values()] == [3]
    assert len(lines.books) == 2


def _line(lines: Evidence) -> str:
    return next(iter(lines_at_the_end(lines)))


@pytest.mark.parametrize(
    "members", [{"Minutes": 29}, {"Description": "Digging"}, {"BillableStatus": "NotBillable"}]
)
def test_a_line_that_is_not_its_entries_is_found(lines: Evidence, members: dict[str, Any]) -> None:
    """A minute, a text or the billing is another one, and each entry is said to agree."""
    id_ = _line(lines)
    books = {**lines.books, id_: lines.books[id_] | members}

    found = _doctored(lines, books=books)

    assert any(f"TimeActivity {id_} is not what its entries are" in problem for problem in found)


def test_an_entry_that_is_said_to_be_in_a_line_and_is_not_is_found(lines: Evidence) -> None:
    """The ledger names an entry too many: the line has not its time."""
    entries = deepcopy(lines.finals["entries"])
    alone = next(row for row in entries["entries"] if row["time_activity_id"] != _line(lines))
    alone["time_activity_id"] = _line(lines)

    found = _doctored(lines, finals={**lines.finals, "entries": entries})

    assert any("is not what its entries are" in problem for problem in found)


def test_an_entry_that_a_line_lost_is_found(lines: Evidence) -> None:
    """The ledger names an entry too few: the line has more time than its entries."""
    entries = deepcopy(lines.finals["entries"])
    entries["entries"].remove(
        next(row for row in entries["entries"] if row["time_activity_id"] == _line(lines))
    )

    found = _doctored(lines, finals={**lines.finals, "entries": entries})

    assert any("is not what its entries are" in problem for problem in found)


def test_an_entry_that_went_in_a_line_and_alone_is_found(lines: Evidence) -> None:
    """Booked twice: in the line, and as a TimeActivity of its own that the ledger lists, too."""
    entries = deepcopy(lines.finals["entries"])
    row = next(row for row in entries["entries"] if row["time_activity_id"] == _line(lines))
    entries["entries"].append(row | {"time_activity_id": "99"})
    double = {**lines.books[_line(lines)], "Id": "99", "Hours": 0, "Minutes": 30}
    double["Description"] = row["description"]
    change = Change(PRODUCT, "99", None, double, None)

    found = _doctored(
        lines,
        books={**lines.books, "99": double},
        changes=[*lines.changes, change],
        finals={**lines.finals, "entries": entries},
    )

    assert f"{row['entry_id']} is listed 2 times" in found
    assert any("times, for" in problem for problem in found)


def _planned(evidence: Evidence, **members: Any) -> list[str]:
    """Return what is said where the first entry that was sent had gone by a plan."""
    entries = deepcopy(evidence.finals["entries"])
    row = next(row for row in entries["entries"] if row["state"] == "sent")
    row["plan"] = 1
    shown = {"entry_id": row["entry_id"], "left_out": False} | members.pop("shown", {})
    plan = {"plan": 1, "state": "approved", "shown": [shown]} | members
    return _doctored(evidence, finals={**evidence.finals, "entries": entries, "plans": [plan]})


def test_what_went_by_an_approved_plan_holds(evidence: Evidence) -> None:
    """It was shown, and not left out."""
    assert _planned(evidence) == []


@pytest.mark.parametrize(
    "members",
    [{"state": "rejected"}, {"shown": {"left_out": True}}, {"shown": {"entry_id": "another"}}],
)
def test_what_went_by_a_plan_against_the_decision_is_found(
    evidence: Evidence, members: dict[str, Any]
) -> None:
    """The plan was rejected, the entry was left out, or it was not shown."""
    assert any("went by plan 1" in problem for problem in _planned(evidence, **members))


def test_a_plan_that_waits_for_ever_is_found(evidence: Evidence) -> None:
    """Its entries would wait with it."""
    assert "Plan 1 still waits" in _planned(evidence, state="waiting")


def test_what_nobody_approved_and_a_review_created_is_found(lines: Evidence) -> None:
    """Neither an entry that was shown nor several of them together."""
    shown = [as_booked(entry) for entry in lines.entries.values()]

    assert [*unapproved(lines.changes, shown)] == []
    for nth in range(len(shown)):
        left = shown[:nth] + shown[nth + 1 :]
        assert [*unapproved(lines.changes, left)], shown[nth]


@pytest.mark.slow
def test_a_review_that_is_killed_and_decided_holds(stage: Stage) -> None:
    """Of three entries one is left out, one edited meanwhile, and the run is killed and retried."""
    asked = {**_send(), "do": "review", "nth": 0}
    history = SHORT | {
        "reviews": True,
        "events": [
            *(_track(0, text) for text in range(3)),
            asked | {"what": "plan"},
            {"do": "edit", "nth": 2, "what": "minutes", "value": 3},
            asked | {"what": "approve some", "stop": _send(how="kill")["stop"]},
            asked | {"what": "approve"},
        ],
    }

    evidence = stage.player(real=False).play(history)

    assert judge(evidence) == [], "\n".join(evidence.told)
    [plan] = evidence.finals["plans"]
    assert [row["left_out"] for row in plan["shown"]] == [True, False, False]
    assert any(ran.code == -9 for ran in evidence.rans)
    assert len(evidence.books) == 3


def _touching(evidence: Evidence, id_: str, **members: Any) -> list[str]:
    """Return what is said of a command that edits a row of the books."""
    before = {**evidence.books[id_], **members}
    change = Change(PRODUCT, id_, before, {**before, "Minutes": 59}, members.get("closed"))
    ran = replace(_ran(evidence), changes=(change,), started=len(evidence.changes))
    return ran_badly(ran, evidence.changes, evidence.books)


def _ran(evidence: Evidence) -> Ran:
    """Return a send that came through."""
    return next(ran for ran in evidence.rans if ran.arguments[0] == "send" and ran.code == 3)


def test_a_strangers_row_that_was_touched_is_found(evidence: Evidence) -> None:
    """Somebody typed it in, or edited it since, and a command changed it."""
    typed = next(change.id for change in evidence.changes if change.who == PEOPLE)

    assert _touching(evidence, typed, Description="Edited since") == [
        f"TimeActivity {typed} was edited by hand, and was changed"
    ]


def test_a_billed_row_that_was_touched_is_found(evidence: Evidence) -> None:
    """It is on an invoice, and a command changed it."""
    billed = next(
        id_ for id_, row in evidence.books.items() if row["BillableStatus"] == "HasBeenBilled"
    )

    assert f"TimeActivity {billed} is on an invoice, and was changed" in _touching(evidence, billed)


def test_a_closed_day_that_was_touched_is_found(evidence: Evidence) -> None:
    """Its day was closed, and a command changed it."""
    found = _touching(evidence, _ours(evidence), closed="2026-03-31")

    assert any("was changed in closed books" in problem for problem in found)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"code": 0}, "it ends with 0, and has 1 rejected"),
        ({"code": 2}, "it ends with 2"),
        ({"code": 1, "out": "{}"}, "no JSON document"),
        ({"out": "Sent."}, "no JSON document"),
        ({"err": "Traceback (most recent call last):"}, "it shows 'Traceback"),
        ({"code": 1, "out": '{"error": {"message": "No."}}'}, "without any trouble"),
    ],
)
def test_a_command_that_ends_badly_is_found(
    evidence: Evidence, members: dict[str, Any], problem: str
) -> None:
    """Exit codes, JSON and words are held against each other."""
    ran = replace(_ran(evidence), **members)

    assert any(problem in found for found in ran_badly(ran, evidence.changes, evidence.books))


def test_a_send_that_books_nothing_is_found(evidence: Evidence) -> None:
    """It says that it sent an entry as a TimeActivity that there is not."""
    ran = next(ran for ran in evidence.rans if "sent" in ran.gist and ran.code == 3)

    assert any("which is not in the books" in found for found in ran_badly(ran, [], {}))


# --- seeds


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_gives_the_same_history(seed: int) -> None:
    """What was found once is found again."""
    assert history(seed, real=seed % 2 == 0) == history(seed, real=seed % 2 == 0)
    assert history(seed) != history(seed + 1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_a_seed_gives_the_same_end(stage: Stage, seed: int) -> None:
    """Also its events happen in the same way, to the last word."""
    first, second = (play_seed(stage, seed, length=8) for _ in range(2))

    assert (first.told, first.problems) == (second.told, second.problems)


def test_a_failing_history_is_shortened_to_what_it_needs() -> None:
    """Two events of twelve are needed, one of them without what happens meanwhile."""
    meanwhile = [{"do": "bill", "nth": 1}]
    events = [{"do": "wait", "hours": hours} for hours in range(10)]
    events.insert(3, _send(how="kill", meanwhile=meanwhile))
    events.insert(8, {"do": "close", "day": 1})

    def fails(tried: list[Any]) -> bool:
        kills = [one for one in tried if one["do"] == "run" and one["stop"]]
        return bool(kills) and {"do": "close", "day": 1} in tried

    kept = shrink(events, fails)

    assert kept == [_send(how="kill"), {"do": "close", "day": 1}]


def test_the_same_problem_of_other_entries_is_of_one_kind() -> None:
    """A shortened history fails in the same way, whatever its ids."""
    kinds = {kind_of(f"`send` ends. — 64ee{nth:020d} is {nth} min") for nth in (1, 2)}

    assert len(kinds) == 1


# --- apart from the product


def test_the_proof_knows_the_command_and_the_stand_ins_alone() -> None:
    """It imports nothing of what it is to prove: no flow, no rule, no ledger, no schema."""
    for module in sorted(HERE.glob("*.py")):
        imported = {
            name
            for node in ast.walk(ast.parse(module.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else [one.name for one in node.names]
            )
        }
        product = {
            name
            for name in imported
            if name.partition(".")[0] in {"flows", "transforms", "schemas", "connectors"}
            and not name.startswith("connectors.standins")
        }
        assert not product or module.name in STARTS_THE_COMMAND, (module.name, product)


@pytest.mark.parametrize("one", BREAKS, ids=lambda one: one.means)
def test_each_break_still_fits_the_code(one: Break) -> None:
    """The list of breaks on purpose follows the code: each line is there, once."""
    whole = (HERE.parent.parent / one.file).read_text()

    assert broken(one, whole) != whole
