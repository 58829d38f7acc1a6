"""Plays one history: lets people act, runs the commands, breaks what it says, and notes all.

At the end nothing breaks any more, time passes, and the books come to rest as a person would bring
them there. What is known then is the evidence that `checker.py` judges.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import checker
import requests
from checker import CONNECT_AGAIN, OUT_OF_TOUCH, Evidence, Ran
from events import FAULTS, PLACES
from gate import Change
from nemesis import Nemesis
from people import PeopleAtWork
from processes import Process
from reviews import Reviews
from world import (
    FIRST,
    LAST,
    NAMES,
    PEOPLE,
    WORKSPACE,
    World,
    as_booked,
    content,
    lines_of,
    whole_id,
)

WINDOW = ("--start", FIRST, "--end", LAST)
CONNECT = ("connect", "--realm-id", "123", "--refresh-token-file", "token", "--json")
COMMANDS: dict[str, tuple[str, ...]] = {
    "send": ("send", *WINDOW, "--yes", "--json"),
    "settle": ("settle", "--json"),
    "reconcile": ("reconcile", *WINDOW, "--repair", "--yes", "--json"),
    "recall": ("recall", *WINDOW, "--yes", "--json"),
    "adopt": ("adopt", *WINDOW, "--yes", "--json"),
    "import": ("import", "export.csv", "--yes", "--json"),
    "connect": CONNECT,
    "neighbor": ("send", *WINDOW, "--yes", "--json", "--not-in-books"),
}
#: So long a command may take, in seconds of the real clock; then it is said to hang.
PATIENCE_S = 240

#: Where the answer to a request for a token may get lost, and with it a new refresh token.
TOKENS = {"request for a token", "request to QuickBooks"}

#: So often the books are settled, sent and repaired until nothing changes any more.
ROUNDS = 4


def connection_of(world: World, *, neighbor: bool = False) -> tuple[str, ...]:
    """Return the option that names a command's connection, where there are two."""
    return ("--connection", "neighbor" if neighbor else "main") if world.neighbor else ()


def _may_lose_token(event: Mapping[str, Any]) -> bool:
    """Whether the answer to a request for a token may get lost."""
    troubles = [*event["faults"], *([event["stop"]] if event["stop"] else [])]
    return any(one["place"] in TOKENS for one in troubles)


def _may_hold(what: tuple[Any, ...], doubt: Mapping[str, Any]) -> bool:
    """Whether a TimeActivity of several entries may be that of one in doubt."""
    return what[4] > doubt["minutes"] and lines_of(doubt["description"] or "") <= lines_of(what[7])


class Performance:
    """One history on its way.

    Attributes:
        world: Where it is played.
        told: What happened, in sentences.
        problems: What must not be, found on the way.
    """

    def __init__(self, player: Any, history: Mapping[str, Any], world: World) -> None:
        self.player, self.history, self.world = player, history, world
        self.people = PeopleAtWork(world)
        self.nemesis = Nemesis(world, history["real"], player.dice, player.restart, self._pass)
        self.told: list[str] = []
        self.problems: list[str] = []
        self.rans: list[Ran] = []
        self.exported: set[tuple[Any, ...]] = set()
        self.counts: Counter[str] = player.counts
        self.has_jumped = self.is_held_up = self.may_lose_token = False
        self.finals: dict[str, Ran] = {}
        self.reviews = Reviews(self, player.desk) if history.get("reviews") else None

    def play(self) -> Evidence:
        """Play all events, bring the books to rest, and return what is known."""
        for event in self.history["events"]:
            self.act(event)
            if self.problems:
                break
        if not self.problems:
            self.rest()
        finals = {} if self.problems else self._asked()
        return Evidence(
            history=self.history,
            told=self.told,
            problems=self.problems,
            rans=self.rans,
            finals=finals,
            entries=dict(self.world.clockify.entries),
            books=dict(self.world.quickbooks.activities),
            changes=self.world.journal.changes,
            closed_until=self.world.journal.closed_until,
            had=self.world.had,
            exported=self.exported,
        )

    def act(self, event: Mapping[str, Any]) -> None:
        """Let one event happen."""
        self.counts[event["do"]] += 1
        if event["do"] == "run":
            self.run(event)
        elif event["do"] == "review":
            if self.reviews:
                self.may_lose_token |= _may_lose_token(event)
                self.reviews.act(event)
        else:
            acts = self if event["do"] in {"wait", "jump"} else self.people
            if said := acts.act_of(event):
                self.say(said)

    def act_of(self, event: Mapping[str, Any]) -> str | None:
        """Let time pass, or this machine's clock jump."""
        return self._wait(event) if event["do"] == "wait" else self._jump(event)

    def say(self, text: str) -> None:
        """Note what happened."""
        self.told.append(text)

    # --- time

    def _wait(self, event: Mapping[str, Any]) -> str:
        self._pass(event["hours"] * 3600)
        return f"{event['hours']:g} hours pass."

    def _jump(self, event: Mapping[str, Any]) -> str | None:
        if self.history["real"]:
            return None
        self.world.ours.sleep(event["hours"] * 3600)
        self.has_jumped = True
        return f"This machine's clock jumps by {event['hours']:g} hours."

    def _pass(self, seconds: float) -> None:
        self.world.ours.sleep(seconds)
        if self.world.theirs is not self.world.ours:
            self.world.theirs.sleep(seconds)

    # --- commands

    def run(self, event: Mapping[str, Any]) -> Ran | None:
        """Run a command with the trouble of its event, and hold it against what it may do."""
        name, *options = event["command"].split(" ", 1)
        if name == "import":
            self._export()
        if name == "connect":
            self.people.allow()
        arguments = [*COMMANDS[name], *" ".join(options).split()]
        faults = [self.plan_fault(fault) for fault in event["faults"]]
        self.may_lose_token |= _may_lose_token(event)
        is_neighbor = name == "neighbor"
        ran = self.command(arguments, event["stop"], faults, neighbor=is_neighbor)
        self._connect_again(ran, neighbor=is_neighbor)
        return ran

    def _connect_again(self, ran: Ran, *, neighbor: bool = False) -> None:
        """Give consent again, as a person does whom a command asks to."""
        if ran.lacks_consent:
            self.people.allow()
            self.command(CONNECT, neighbor=neighbor)

    def command(
        self,
        arguments: Sequence[str],
        stop: Mapping[str, Any] | None = None,
        faults: Sequence[str] = (),
        *,
        neighbor: bool = False,
    ) -> Ran:
        """Run a command to its end, or to where a stop kills it."""
        since = len(self.world.journal.changes)
        place = len(self.told)
        self.say("")
        self.counts["command"] += 1
        self.player.wait_for_restart()
        process = self._start(arguments, neighbor=neighbor)
        happened = self._struck(process, stop) if stop else None
        if not process.ended.wait(PATIENCE_S):
            self.problems.append(f"`{' '.join(arguments[:1])}` did not end in {PATIENCE_S} s.")
            process.kill()
            process.ended.wait(10)
        struck = self._clear_faults()
        whose = "neighbor" if neighbor else "main"
        may_lack = self.may_lose_token or whose in self.world.lacking
        is_excused = (may_lack and CONNECT_AGAIN in process.out) or (
            self.history["real"] and OUT_OF_TOUCH in process.out
        )
        if arguments[0] == "connect" and process.code == 0:
            self.world.lacking.discard(whose)
        ran = Ran(
            arguments=tuple(arguments),
            code=process.code,
            out=process.out,
            err=process.err,
            is_troubled=bool(
                faults or happened or struck or is_excused or self.has_jumped or self.is_held_up
            ),
            is_alone=not (happened and stop and stop["meanwhile"]),
            changes=tuple(self._changes(since)),
            started=since,
        )
        self.rans.append(ran)
        self.told[place] = self._sentence(ran, happened, faults)
        found = checker.ran_badly(ran, self.world.journal.changes, self.world.quickbooks.activities)
        self.problems += [f"{self.told[place]} — {one}" for one in found]
        return ran

    def _start(self, arguments: Sequence[str], *, neighbor: bool) -> Process:
        settings, folder = self.world.settings(neighbor=neighbor), self.world.folder
        if arguments[0] == "review":
            return self.player.desk.process(settings, folder, arguments[1])
        arguments = [*arguments, *connection_of(self.world, neighbor=neighbor)]
        return self.player.zygote.start(arguments, settings, folder)

    def _struck(self, process: Process, stop: Mapping[str, Any]) -> str | None:
        """Let the nemesis strike, and others act meanwhile; return what happened."""

        def meanwhile() -> None:
            self.counts[stop["how"]] += 1
            # Who is suspended at any instant may have the database locked.
            self.is_held_up = self.history["real"] and stop["how"] == "suspend"
            for event in stop["meanwhile"]:
                self.act(event)
            self.is_held_up = False

        return self.nemesis.strike(process, stop, meanwhile)

    def _clear_faults(self) -> int:
        """Let the services be well again; return how many requests they had failed."""
        struck = 0
        for standin in (self.world.clockify, self.world.quickbooks):
            standin.faults.clear()
            struck += standin.faults.struck
            standin.faults.struck = 0
        self.counts["fault struck"] += struck
        return struck

    def _changes(self, since: int) -> list[Change]:
        return self.world.journal.changes[since:]

    def plan_fault(self, fault: Mapping[str, Any]) -> str:
        """Let a service fail, and say how."""
        service, where = PLACES[fault["place"]]
        standin = getattr(self.world, service)
        pattern = where.replace("*", ".*") or "."
        standin.faults.plan(
            pattern, skip=fault["skip"], times=fault["times"], **FAULTS[fault["what"]]
        )
        who = "Clockify" if service == "clockify" else "QuickBooks"
        often = f" {fault['times']} times" if fault["times"] > 1 else ""
        return f"{who} {fault['what']}{often} from {fault['place']} {fault['skip'] + 1} on"

    def _sentence(self, ran: Ran, happened: str | None, faults: Sequence[str]) -> str:
        unsaid = {*WINDOW, *CONNECT[1:], "--yes", "--connection", "main"}
        words = [one for one in ran.arguments if one not in unsaid]
        words = ["review:", ran.arguments[2]] if words[0] == "review" else words
        troubles = "; ".join([*faults, *([happened] if happened else [])])
        ended = "is killed" if ran.code is not None and ran.code < 0 else f"ends with {ran.code}"
        return f"`{' '.join(words)}` {ended}{': ' + ran.gist if ran.gist else ''}." + (
            f" Meanwhile: {troubles}." if troubles else ""
        )

    def _export(self) -> None:
        """Export what Clockify has now, as CSV."""
        settings = self.world.environment
        answer = requests.post(
            f"{settings['CLOCKBOOKS_CLOCKIFY_REPORTS_URL']}/workspaces/{WORKSPACE}/reports/detailed",
            headers={"X-Api-Key": settings["CLOCKBOOKS_CLOCKIFY_API_KEY"]},
            json={
                "dateRangeStart": f"{FIRST}T00:00:00.000",
                "dateRangeEnd": f"{LAST}T23:59:59.999",
                "detailedFilter": {"page": 1, "pageSize": 1000},
                "exportType": "CSV",
                "timeZone": settings["CLOCKBOOKS_TIMEZONE"],
            },
            timeout=30,
        )
        answer.raise_for_status()
        (self.world.folder / "export.csv").write_bytes(answer.content)
        self.exported |= {as_booked(entry) for entry in self.world.clockify.entries.values()}

    # --- coming to rest

    def rest(self) -> None:
        """Let time pass without trouble; then settle, adopt, send and repair, as a person would."""
        self.say("Nothing breaks any more, and two days pass.")
        self.world.ours.set(max(self.world.ours.read(), self.world.theirs.read()))
        self.world.theirs.set(self.world.ours.read())
        self._pass(48 * 3600)
        self.has_jumped = False
        for neighbor in [False, True][: 1 + bool(self.world.neighbor)]:
            self.people.allow()
            self.command(CONNECT, neighbor=neighbor)
        if self.reviews:
            self.reviews.end()
        repair = [*COMMANDS["reconcile"], "--all"]
        repair += ["--prefer", "clockify", "--resend"] if self.history["prefer"] else []
        send = [*COMMANDS["send"], "--retry-refused"]
        send += ["--not-in-books"] if self.history["not_in_books"] else []
        for _ in range(ROUNDS):
            before = len(self.world.journal.changes)
            self.settle()
            self.command(COMMANDS["adopt"])
            self.finals = {"send": self.command(send), "reconcile": self.command(repair)}
            if self.world.neighbor:
                self.finals["neighbor"] = self.command(COMMANDS["neighbor"], neighbor=True)
            repaired = self.finals["reconcile"].document.get("entries", [])
            is_quiet = not any(row["repair"] not in {None, "refused"} for row in repaired)
            if self.problems or (is_quiet and len(self.world.journal.changes) == before):
                return
        self.problems.append(f"The books did not come to rest in {ROUNDS} rounds.")

    def settle(self) -> None:
        """Settle; what no answer settles, a person does who looks into the books."""
        ran = self.command(COMMANDS["settle"])
        if ran.code != 3:
            return
        found = self.command(("entries", "--state", "in-doubt", "--json"))
        taken: set[str] = set()
        for doubt in found.document.get("entries", []):
            answers = [*(("--is-there", id_) for id_ in self._look(doubt) if id_ not in taken)]
            for answer in [*answers, ("--is-not-there",)]:
                ran = self.command(
                    ("settle", "--entry", doubt["entry_id"], *answer, "--json"), None, ["a word"]
                )
                if ran.code in {0, 3}:
                    taken.update(answer[1:])
                    break

    def _look(self, doubt: Mapping[str, Any]) -> list[str]:
        """Find the TimeActivities that Clockbooks made of an entry, whoever edited them since."""
        wanted = self.world.had.get(whole_id(doubt["entry_id"]), set())
        customers = {one[2] for one in wanted}
        listed = self.command(("entries", "--state", "sent", "--json")).document["entries"]
        accounted = {row["time_activity_id"] for row in listed}
        made = {
            change.id: content(change.after)
            for change in self.world.journal.changes
            if change.who == "clockbooks" and change.before is None and change.after
        }
        names = {f"{NAMES[user]} Small": whose for user, whose in PEOPLE.items()}
        return [
            id_
            for id_, is_like in made.items()
            if id_ in self.world.quickbooks.activities and id_ not in accounted
            if is_like in wanted
            or (
                (is_like[:2], is_like[3]) == (names.get(doubt["user"]), doubt["date"])
                and is_like[2] in customers
                and (
                    is_like[4] == doubt["minutes"]
                    or (self.world.joins and _may_hold(is_like, doubt))
                )
            )
        ]

    def _asked(self) -> dict[str, Any]:
        """Return all that the command says about the books at rest."""
        self.finals["entries"] = self.command(("entries", "--json"))
        self.finals["audit"] = self.command(("audit", "verify", "--json"))
        finals = {name: {"code": ran.code, **ran.document} for name, ran in self.finals.items()}
        return finals | ({"plans": self.reviews.final()} if self.reviews else {})
