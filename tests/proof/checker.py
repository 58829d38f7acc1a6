"""Judges what a history came to, from outside: the books, Clockify, and what the command says.

Pure functions of the evidence. What may be is what the project's rules say: an entry is in the
books once, or a document of the command says why not, and that is true.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from gate import PEOPLE as SOMEBODY
from gate import PRODUCT, Change
from world import (
    PEOPLE,
    as_booked,
    booked_in_parts,
    content,
    day_of,
    joined,
    lines_of,
    may_join,
    seconds_of,
    whole_id,
)

LONGEST_S = (23 * 60 + 55) * 60

#: What shows that something was not caught.
UNCAUGHT = ("Traceback (most recent call last)", "sqlalche.me", "psycopg.", "sqlite3.")

#: What a command says whose tokens Intuit does not take any more.
CONNECT_AGAIN = "`clockbooks connect` again"

#: What a command says that got no turn for longer than its lease: a second, in real time.
OUT_OF_TOUCH = "longer than its lease"


@dataclass(frozen=True)
class Ran:
    """A command that has ended.

    Attributes:
        arguments: Its arguments.
        code: Its exit code; less than 0 if it was killed.
        out: Its standard output.
        err: Its standard error.
        is_troubled: Whether something was broken on purpose while it ran.
        is_alone: Whether nothing else happened meanwhile.
        changes: What happened to the books meanwhile.
        started: How many changes there had been before.
    """

    arguments: tuple[str, ...]
    code: int | None
    out: str
    err: str
    is_troubled: bool
    is_alone: bool
    changes: tuple[Change, ...]
    started: int = 0

    @cached_property
    def document(self) -> dict[str, Any]:
        """The JSON document on standard output; empty if there is none."""
        try:
            read = json.loads(self.out)
        except ValueError:
            return {}
        return read if isinstance(read, dict) else {}

    @property
    def is_review(self) -> bool:
        """Whether it is a run of Prefect's, whose log it shows."""
        return self.arguments[0] == "review"

    @property
    def lacks_consent(self) -> bool:
        """Whether it asks for Intuit's consent."""
        return self.code == 1 and CONNECT_AGAIN in self.out

    @property
    def gist(self) -> str:
        """Say in a few words what it says."""
        if self.is_review:
            return ": ".join(filter(None, self.document.values()))[:160]
        if "error" in self.document:
            return str(self.document["error"].get("message", ""))[:160]
        counts = self.document.get("counts")
        return ", ".join(_flat(counts)) if isinstance(counts, dict) else ""


@dataclass(frozen=True)
class Evidence:
    """All that is known at the end of a history.

    Attributes:
        history: What was played.
        told: What happened, in sentences.
        problems: What was wrong on the way already.
        rans: The commands.
        finals: The documents of the books at rest: `send`, `reconcile`, `entries` and `audit`, each
            with its exit `code`; empty if there were problems before.
        entries: Clockify's entries by id.
        books: QuickBooks' TimeActivities by Id.
        changes: Everything that happened to them.
        closed_until: Until when the books are closed.
        had: Every content that an entry ever had.
        exported: Every content that was in an export.
    """

    history: Mapping[str, Any]
    told: list[str]
    problems: list[str]
    rans: Sequence[Ran]
    finals: Mapping[str, Any]
    entries: Mapping[str, Mapping[str, Any]]
    books: Mapping[str, Mapping[str, Any]]
    changes: Sequence[Change]
    closed_until: str | None
    had: Mapping[str, set[tuple[Any, ...]]]
    exported: AbstractSet[tuple[Any, ...]] = frozenset()


def _flat(counts: Mapping[str, Any]) -> Iterator[str]:
    for name, value in counts.items():
        if isinstance(value, dict):
            yield from (f"{value[reason]} {reason}" for reason in value)
        elif value:
            yield f"{value} {name}"


# --- one command


def ran_badly(
    ran: Ran, changes: Sequence[Change], books: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return what a command did or said that it must not."""
    shows = [f"it shows {word!r}" for word in UNCAUGHT if word in ran.out + ran.err]
    found = [] if ran.is_review and ran.is_troubled else shows
    found += _changed_badly(ran, changes)
    if ran.code is None or ran.code < 0:
        return found
    if ran.code not in {0, 1, 3}:
        return [*found, f"it ends with {ran.code}"]
    if not ran.document:
        return [*found, "its standard output is no JSON document"]
    return [*found, *_said_badly(ran, ran.document, changes, books)]


def _said_badly(
    ran: Ran,
    document: Mapping[str, Any],
    changes: Sequence[Change],
    books: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    if ran.arguments[:2] == ("audit", "verify"):
        return
    if ran.code == 1 and "error" not in document:
        yield "it ends with 1 and does not say why"
    elif ran.code == 1 and not ran.is_troubled and not _found_nothing(ran):
        yield f"it could not run, without any trouble: {ran.gist}"
    elif ran.code != 1 and "error" in document:
        yield f"it ends with {ran.code}, and says that it could not run"
    elif ran.code != 1 and ran.arguments[0] in {"send", "import"}:
        yield from _sent_badly(ran, document, changes, books)


def _found_nothing(ran: Ran) -> bool:
    """Whether a recall came before anything was sent: there was nothing that it could do."""
    return ran.arguments[0] == "recall" and "Nothing was sent that fits" in ran.gist


def _sent_badly(
    ran: Ran,
    document: Mapping[str, Any],
    changes: Sequence[Change],
    books: Mapping[str, Mapping[str, Any]],
) -> Iterator[str]:
    counts, entries = document["counts"], document["entries"]
    rejected, skipped = (sum(counts[state].values()) for state in ("rejected", "skipped"))
    total = counts["sent"] + counts["in_doubt"] + rejected + skipped + counts.get("ready", 0)
    if total != counts["extracted"] or total != len(entries):
        yield f"its counts add up to {total}, of {counts['extracted']}"
    is_partly = bool(rejected or counts["in_doubt"] or document.get("set_aside"))
    if ran.code != (3 if is_partly else 0):
        yield f"it ends with {ran.code}, and has {rejected} rejected, {counts['in_doubt']} in doubt"
    if ran.is_alone:
        gone = {change.id for change in changes if change.who == SOMEBODY and not change.after}
        for entry in entries:
            if entry["state"] == "sent" and entry["time_activity_id"] not in {*books, *gone}:
                yield f"it sent {entry['entry_id']}, which is not in the books"


def _changed_badly(ran: Ran, changes: Sequence[Change]) -> Iterator[str]:
    """Hold what was changed in the books against what may be: of this company's own rows."""
    prefers = "--prefer" in ran.arguments or not ran.is_alone
    for nth, change in enumerate(ran.changes, start=ran.started):
        if change.who != PRODUCT:
            continue
        # What was handed over before the books were closed may be created by its repetition.
        is_late = change.repeats and change.before is None
        for row in (change.before, change.after):
            if (
                not is_late
                and row
                and change.closed_until
                and row["TxnDate"] <= change.closed_until
            ):
                yield f"TimeActivity {change.id} of {row['TxnDate']} was changed in closed books"
        if change.before is None:
            continue
        if change.before["BillableStatus"] == "HasBeenBilled":
            yield f"TimeActivity {change.id} is on an invoice, and was changed"
        if not prefers and _is_by_hand(change, changes[:nth]):
            yield f"TimeActivity {change.id} was edited by hand, and was changed"


def _is_by_hand(change: Change, earlier: Sequence[Change]) -> bool:
    """Whether people wrote what stood there before a change, and it is not what we had written."""
    of_it = [one for one in earlier if one.id == change.id and one.after is not None]
    ours = [content(one.after) for one in of_it if one.who == PRODUCT and one.after]
    if not ours:  # typed in by somebody: ours only once it was adopted
        typed = [content(one.after) for one in of_it if one.after]
        return content(change.before or {}) != typed[0]
    return content(change.before or {}) != ours[-1]


# --- the end


def judge(evidence: Evidence) -> list[str]:
    """Return everything that is wrong at the end of a history, in sentences."""
    if evidence.problems or not evidence.finals:
        return list(evidence.problems)
    return [*_Judge(evidence).all()]


def lines_at_the_end(evidence: Evidence) -> dict[str, list[str]]:
    """Return the entries of each TimeActivity that is said to be several."""
    found: dict[str, list[str]] = defaultdict(list)
    if evidence.finals and evidence.history.get("lines"):
        for row in evidence.finals["entries"].get("entries", []):
            if row["state"] == "sent":
                found[row["time_activity_id"]].append(row["entry_id"])
    return {id_: entry_ids for id_, entry_ids in found.items() if len(entry_ids) > 1}


class _Judge:
    """Holds one evidence against the rules."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.books, self.entries = evidence.books, evidence.entries
        finals = evidence.finals
        self.said = {row["entry_id"]: row for row in finals["send"].get("entries", [])}
        self.verdicts = {
            row["entry_id"]: row
            for row in finals["reconcile"].get("entries", [])
            if row["entry_id"] and row["verdict"] != "unsent"
        }
        self.ledger = [row for row in finals["entries"]["entries"] if row["state"] == "sent"]
        self.accounted = Counter(row["time_activity_id"] for row in self.ledger)
        self.lines = lines_at_the_end(evidence)
        theirs = finals["neighbor"]["entries"] if "neighbor" in finals else []
        self.neighbors = {row["time_activity_id"] for row in theirs} - {None}
        self.typed = {
            change.id
            for change in evidence.changes
            if change.who == SOMEBODY and change.before is None
        }

        unknown = {
            row["time_activity_id"]
            for row in finals["reconcile"].get("entries", [])
            if row["verdict"] == "unknown_in_quickbooks"
        }
        #: Ours, edited by somebody who typed in its equal while it was in doubt: that counts as the
        #: entry then, and this one is told as time that nobody knows.
        self.mistaken = {
            id_ for id_ in unknown if self._had_doubts() and self._was_edited_by_people(id_)
        }

    def _had_doubts(self) -> bool:
        return any(
            ran.code is None
            or ran.code < 0
            or ran.document.get("counts", {}).get("in_doubt")
            or (ran.is_review and ran.is_troubled)
            for ran in self.evidence.rans
        )

    def all(self) -> Iterator[str]:
        """Yield all that is wrong."""
        if self.evidence.finals["audit"]["code"] != 0:
            yield "the history's chain is broken"
        for name in ("send", "reconcile", "entries"):
            if self.evidence.finals[name]["code"] not in {0, 3}:
                yield f"`{name}` does not run any more"
                return
        yield from self.each_once()
        yield from self.nothing_unmade()
        yield from self.each_line_is_its_entries()
        yield from self.no_content_twice()
        yield from self.ledger_says_the_same()
        yield from self.what_is_gone_is_taken_back()
        yield from self.neighbors_are_left_alone()
        yield from self.reviewed_as_decided()

    # --- each entry is in the books once, or explained

    def each_once(self) -> Iterator[str]:
        missing = self.entries.keys() - self.said.keys()
        yield from (f"{id_} is in Clockify, and no document names it" for id_ in sorted(missing))
        for id_, row in self.said.items():
            if row["state"] == "skipped" and row["reason"] == "already_sent":
                yield from self._sent(id_, row)
            elif row["state"] in {"skipped", "rejected"}:
                if not self._is_true(row["reason"], self.entries[whole_id(id_)]):
                    yield f"{id_} is said to be {row['reason']}, which is not so"
            else:
                yield f"{id_} is {row['state']}, and all has come to rest"
        yield from self.all_parts_or_none()

    def all_parts_or_none(self) -> Iterator[str]:
        """Of an entry in parts all are sent, or none is."""
        for id_ in {whole_id(one) for one in self.said if "/" in one}:
            states = {self.said[one]["reason"] == "already_sent" for one in self._parts(id_)}
            if len(states) > 1:
                yield f"Some parts of {id_} are sent, and others are not"

    def _parts(self, id_: str) -> list[str]:
        """Return the ids of all parts of an entry, as they are told; its own where it is whole."""
        whole = whole_id(id_)
        return [one for one in self.said if whole_id(one) == whole]

    def _unit(self, id_: str) -> list[str]:
        """Return the ids of all that goes with an entry, or stays with it: itself among them."""
        of_line = self.lines.get(self.verdicts[id_]["time_activity_id"])
        return of_line or self._parts(id_) or [id_]

    def _wanted(self, id_: str) -> tuple[Any, ...] | None:
        """Return how the books must hold an entry or a part; `None` for a part that it lacks."""
        entry, parts = self.entries[whole_id(id_)], self._parts(id_)
        if len(parts) == 1:
            return as_booked(entry)
        wanted = booked_in_parts(whole_id(id_), entry)
        return wanted[id_] if wanted.keys() == {*parts} else None

    def _sent(self, id_: str, row: Mapping[str, Any]) -> Iterator[str]:
        entry, activity_id = self.entries[whole_id(id_)], row["time_activity_id"]
        activity, found = self.books.get(activity_id), self.verdicts.get(id_)
        if found is None:
            yield f"{id_} was sent, and the reconciliation does not name it"
            return
        if found["time_activity_id"] != activity_id:
            yield f"{id_} is TimeActivity {activity_id}, or {found['time_activity_id']}"
        verdict = found["verdict"]
        if activity is None:
            if verdict != "gone_from_quickbooks" or not self._was_deleted_by_people(activity_id):
                yield f"{id_} was sent, and TimeActivity {activity_id} is not in the books"
        elif verdict == "agrees" and activity_id not in self.lines:
            if _unbilled(content(activity)) != (wanted := self._wanted(id_)):
                told = f"{wanted} and {content(activity)}"
                yield f"{id_} is not what TimeActivity {activity_id} says: {told}"
        elif verdict != "agrees" and not self._is_so(verdict, found, entry):
            yield f"{id_} is said to be {verdict} ({found['detail']}), which is not so"

    def _is_so(
        self,
        verdict: str,
        found: Mapping[str, Any],
        entry: Mapping[str, Any],
    ) -> bool:
        """Whether a difference may be left when the books are at rest.

        All parts of an entry, and all entries of a line, stay where one must.
        """
        blocked, unit = found["blocked"], self._unit(found["entry_id"])
        ids = list(dict.fromkeys(self.verdicts[one]["time_activity_id"] for one in unit))
        entries = [self.entries[whole_id(one)] for one in unit if whole_id(one) in self.entries]
        days = [day_of(one) for one in entries]
        there = [self.books[id_] for id_ in ids if id_ in self.books]
        is_locked = any(
            (blocked == "billed" and one["BillableStatus"] == "HasBeenBilled")
            or (blocked == "books_closed" and self._is_closed(min(one["TxnDate"], *days)))
            for one in there
        )
        # No repair adds time beside what somebody typed in.
        held = any(self._is_true("maybe_in_books", one) for one in entries)
        may_wait = is_locked or held or not self.evidence.history["prefer"]
        match verdict:
            case "changed_in_clockify":
                touched = [
                    *map(self._was_deleted_by_people, ids),
                    *map(self._was_edited_by_people, ids),
                ]
                return is_locked or held or (may_wait and len(unit) > 1 and any(touched))
            case "unapproved_since":
                edited = may_wait and any(map(self._was_edited_by_people, ids))
                return (is_locked or edited) and not entry["approved"]
            case "changed_in_quickbooks" | "changed_in_both":
                return may_wait and any(map(self._was_edited_by_people, ids))
        return False

    def _is_true(self, reason: str, entry: Mapping[str, Any]) -> bool:
        """Whether a reason for not sending an entry holds, by what the services have."""
        kind, person = PEOPLE.get(entry["userId"], (None, None))
        days = {day_of(entry)}
        if self.evidence.history.get("split"):
            days |= {part[3] for part in booked_in_parts("", entry).values()}
        tests: dict[str, Callable[[], bool]] = {
            "break": lambda: entry["type"] == "BREAK",
            "not_approved": lambda: (
                bool(self.evidence.history["approved_only"]) and not entry["approved"]
            ),
            "unlinked_user": lambda: person is None,
            "rounds_to_zero": lambda: seconds_of(entry) < 30,
            "too_long": lambda: seconds_of(entry) > LONGEST_S and len(days) == 1,
            "books_closed": lambda: self._is_closed(day_of(entry)),
            "maybe_in_books": lambda: any(
                id_ not in {*self.accounted, *self.neighbors}
                and content(row)[:2] == (kind, person)
                and row["TxnDate"] in days
                for id_, row in self.books.items()
            ),
        }
        return reason in tests and tests[reason]()

    def _is_closed(self, day: str) -> bool:
        return bool(self.evidence.closed_until) and day <= str(self.evidence.closed_until)

    def _was_deleted_by_people(self, id_: str) -> bool:
        return any(
            change.id == id_ and change.after is None and change.who == SOMEBODY
            for change in self.evidence.changes
        )

    def _was_edited_by_people(self, id_: str) -> bool:
        return any(
            change.id == id_
            and change.who == SOMEBODY
            and change.before
            and change.after
            and _unbilled(content(change.before)) != _unbilled(content(change.after))
            for change in self.evidence.changes
        )

    # --- nothing is there that nobody made

    def nothing_unmade(self) -> Iterator[str]:
        for id_, times in self.accounted.items():
            if times > 1 and id_ not in self.lines:
                yield f"{times} entries are said to be TimeActivity {id_}"
            if id_ not in self.books and not self._was_deleted_by_people(id_):
                yield f"TimeActivity {id_} is said to be sent, and is not in the books"
        for id_ in self.books:
            if id_ not in {*self.typed, *self.accounted, *self.neighbors, *self.mistaken}:
                yield f"TimeActivity {id_} came from here, and no entry is said to be it"
        for change in self.evidence.changes:
            if change.id not in self.typed or change.who != PRODUCT or change.after is not None:
                continue
            if not self._may_settle_a_doubt(change.id):
                yield f"TimeActivity {change.id} was typed in by somebody, and was deleted"

    def _may_settle_a_doubt(self, id_: str) -> bool:
        """Whether time that somebody typed in may be taken for an entry that was in doubt.

        If it is equal to the last letter, nobody can tell them apart: it is that entry's then, and
        is taken back with it.
        """
        typed = next(change.after for change in self.evidence.changes if change.id == id_)
        what, had = content(typed or {}), self.evidence.had.values()
        if not self._had_doubts():
            return False
        if not self.evidence.history.get("lines"):
            return any(what in contents for contents in had)
        fitting = [[one for one in contents if may_join(what, one)] for contents in had]
        chosen = product(*([None, *some] for some in fitting if some))
        return any(_is_line(what, list(filter(None, some))) for some in chosen)

    # --- what is booked together is what its entries are

    def each_line_is_its_entries(self) -> Iterator[str]:
        for id_, entry_ids in self.lines.items():
            if id_ in self.books and self._contents_of_line(id_) is None:
                yield f"TimeActivity {id_} is not what its entries are: {', '.join(entry_ids)}"

    def _contents_of_line(self, id_: str) -> list[tuple[Any, ...]] | None:
        """Return as what each entry of a line was booked; `None` if it is no line of these."""
        entry_ids = self.lines[id_]
        agreeing = {
            one for one in entry_ids if self.verdicts.get(one, {}).get("verdict") == "agrees"
        }
        what = self._written(id_) if agreeing < {*entry_ids} else content(self.books[id_])
        may_be = (
            [as_booked(self.entries[one])]
            if one in agreeing and one in self.entries
            else self.evidence.had.get(one, ())
            for one in entry_ids
        )
        return next((list(one) for one in product(*may_be) if _is_line(_unbilled(what), one)), None)

    def _written(self, id_: str) -> tuple[Any, ...]:
        """Return as what a TimeActivity was written last, or typed in first by somebody."""
        written = [one for one in self.evidence.changes if one.id == id_ and one.after]
        ours = [one for one in written if one.who == PRODUCT]
        return content((ours[-1] if ours else written[0]).after or {})

    def no_content_twice(self) -> Iterator[str]:
        """No content is in the books more often than there were entries of it.

        A row of an export that is not what was sent of its entry counts as other work
        (docs/files.md), so an entry that was edited may be there as a row as well.
        """
        last = {
            change.id: content(change.after)
            for change in self.evidence.changes
            if change.who == PRODUCT and change.after
        }
        made = Counter(
            one
            for id_, what in last.items()
            if id_ in self.books and id_ not in {*self.typed, *self.neighbors, *self.mistaken}
            for one in (self._contents_of_line(id_) if id_ in self.lines else None)
            or [_unbilled(what)]
        )
        wanted: Counter[tuple[Any, ...]] = Counter()
        for contents in self.evidence.had.values():
            wanted.update(contents)
            if len(contents) > 1:
                wanted.update(contents & self.evidence.exported)
        for what, times in made.items():
            if times > wanted[what]:
                yield f"{what} is in the books {times} times, for {wanted[what]} entries"

    # --- the ledger says what the books say

    def ledger_says_the_same(self) -> Iterator[str]:
        for id_, times in Counter(row["entry_id"] for row in self.ledger).items():
            if times > 1:
                yield f"{id_} is listed {times} times"
        for row in self.ledger:
            activity = self.books.get(row["time_activity_id"])
            verdict = self.verdicts.get(row["entry_id"], {}).get("verdict")
            if activity is None or verdict not in {"agrees", None}:
                continue
            minutes, day = content(activity)[4], activity["TxnDate"]
            if row["time_activity_id"] in self.lines and row["entry_id"] in self.entries:
                minutes = as_booked(self.entries[row["entry_id"]])[4]
            if verdict == "agrees" and (minutes, day) != (row["minutes"], row["date"]):
                yield f"{row['entry_id']} is said to have {row['minutes']} min on {row['date']}"

    def what_is_gone_is_taken_back(self) -> Iterator[str]:
        gone = [id_ for id_ in self.verdicts if whole_id(id_) not in self.entries]
        edited = {
            whole_id(id_)
            for id_ in gone
            if self._was_edited_by_people(self.verdicts[id_]["time_activity_id"])
        }
        for id_ in gone:
            found = self.verdicts[id_]
            is_waiting = found["verdict"] == "gone_from_clockify" and not found["blocked"]
            held = any(  # where not all of a line could be put back, it is not taken out
                self._is_true("maybe_in_books", self.entries[one])
                for one in self._unit(id_)
                if one in self.entries
            )
            if is_waiting and whole_id(id_) not in edited and not held:
                yield f"{id_} is gone from Clockify, and was not taken back"

    def neighbors_are_left_alone(self) -> Iterator[str]:
        """Each entry of the company's other workspace is in the books once, or explained."""
        if "neighbor" not in self.evidence.finals:
            return
        taken = Counter(self.accounted.keys())
        for row in self.evidence.finals["neighbor"]["entries"]:
            id_ = row["time_activity_id"]
            if row["reason"] == "already_sent":
                taken[id_] += 1
                if id_ not in self.books and not self._was_deleted_by_people(id_):
                    yield f"The neighbor's TimeActivity {id_} is not in the books"
            elif row["state"] == "in_doubt":
                continue  # it waits for a person's word, and here nobody gives one for the neighbor
            elif row["reason"] != "books_closed" or not self._is_closed(row["date"]):
                yield f"The neighbor's {row['entry_id']} is {row['state']}: {row['reason']}"
        for id_, times in taken.items():
            if times > 1:
                yield f"TimeActivity {id_} is said to be of both workspaces"

    def reviewed_as_decided(self) -> Iterator[str]:
        """What went by a plan is in it, was approved, and was not left out; and no plan waits."""
        plans = {plan["plan"]: plan for plan in self.evidence.finals.get("plans", [])}
        for number, plan in plans.items():
            if plan["state"] == "waiting":
                yield f"Plan {number} still waits"
        for row in self.ledger:
            if row["plan"] is None:
                continue
            plan = plans[row["plan"]]
            shown = {one["entry_id"] for one in plan["shown"] if not one["left_out"]}
            if plan["state"] != "approved" or row["entry_id"] not in shown:
                yield f"{row['entry_id']} went by plan {row['plan']}, which is {plan['state']}"


def _is_line(what: tuple[Any, ...], contents: Sequence[tuple[Any, ...]]) -> bool:
    """Whether a content is that of several together, in whatever order."""
    if not contents or not all(may_join(what, one) for one in contents):
        return False
    whole = joined(contents)
    return (what[4], lines_of(what[7])) == (whole[4], lines_of(whole[7]))


def _unbilled(what: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a content as it was before an invoice took it up."""
    status = "Billable" if what[5] == "HasBeenBilled" else what[5]
    return (*what[:5], status, *what[6:])
