"""Makes up histories from a seed: what people do, which commands run, and what breaks meanwhile.

An event is a small dictionary. Which entry it is about is a number that is looked up when it is
played, so a history stays playable when events are taken out of it.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

from connectors.standins.quickbooks.faults import (
    THROTTLED_ANSWER,
    TIMED_OUT_ANSWER,
    UNAUTHENTICATED_ANSWER,
)

Event = dict[str, Any]
Dice = random.Random

HTML = "<html><body>This page is not QuickBooks'.</body></html>"
EMPTY = {"status": 200, "body": '{"BatchItemResponse":[]}', "content_type": "application/json"}

#: How a service can fail, in the words of a report.
FAULTS: dict[str, Event] = {
    "hangs up before the work": {"kind": "drop_before"},
    "hangs up after the work": {"kind": "drop_after"},
    "cuts its answer in the middle": {"kind": "cut"},
    "is overloaded (503)": {"kind": "answer", "status": 503},
    "times out after the work (504)": {"kind": "answer_after", **TIMED_OUT_ANSWER},
    "throttles (429)": {"kind": "answer", **THROTTLED_ANSWER, "headers": {"Retry-After": "1"}},
    "wants a new token (401)": {"kind": "answer", **UNAUTHENTICATED_ANSWER},
    "answers an empty batch before the work": {"kind": "answer", **EMPTY},
    "answers an empty batch after the work": {"kind": "answer_after", **EMPTY},
    **{
        f"is covered by an intermediary's page ({status}) {when} the work": {
            "kind": "answer" if when == "before" else "answer_after",
            "status": status,
            "body": HTML,
        }
        for status in (200, 302, 403, 429, 502)
        for when in ("before", "after")
    },
}

#: Requests at which a process is stopped or a service fails: service and what it is asked.
PLACES: dict[str, tuple[str, str]] = {
    "batch": ("quickbooks", "POST /v3/company/*/batch"),
    "request to QuickBooks": ("quickbooks", ""),
    "query": ("quickbooks", "GET /v3/company/*/query"),
    "request for a token": ("quickbooks", "POST /oauth2"),
    "request to Clockify": ("clockify", ""),
}

#: For how long QuickBooks remembers a request id, in seconds; `None` for ever.
MEMORIES: dict[str, dict[str, Any]] = {
    "for ever": {},
    "not at all": {"remembers_request_ids": False},
    "for 30 minutes": {"forgets_request_ids_after_s": 1800},
    "for a day": {"forgets_request_ids_after_s": 86_400},
    "for a week": {"forgets_request_ids_after_s": 604_800},
    "and refuses repeats (6000)": {"replay_answers_6000": True},
}

#: Companies whose books do not defend themselves: Clockbooks must know by itself what is billed.
PERMISSIVE = {
    "refuses_closed_books": False,
    "billed_can_be_deleted": True,
    "update_of_billed": "unbills",
}


def history(seed: int, *, database: str = "sqlite", length: int = 24, real: bool = False) -> Event:
    """Make up the history of a seed: the company's circumstances, and so many events."""
    dice = Dice(f"{seed} {database} {real}")
    made = {
        "seed": seed,
        "database": database,
        "memory": dice.choice(list(MEMORIES)),
        "permissive": dice.random() < 0.5,
        "approved_only": dice.random() < 0.25,
        "prefer": dice.random() < 0.5,
        "not_in_books": dice.random() < 0.5,
        "real": real,
        "neighbor": dice.random() < 0.3,
        "split": dice.random() < 0.4,
        "lines": dice.random() < 0.25,
        "reviews": dice.random() < 0.15 and not real,
    }
    events = [_track(dice) for _ in range(dice.randint(3, 6))]
    events.append(_run(dice, made, dice.choice(["send", "send", "send", "import"])))
    while len(events) < length:
        events += [_people(dice) for _ in range(dice.choice([1, 2, 2]))]
        events += [_time(dice)] * (dice.random() < 0.4)
        is_review = made["reviews"] and dice.random() < 0.4
        events.append(_review(dice, made) if is_review else _run(dice, made))
    if made["lines"]:  # more of them on the same day
        events = [one | {"day": one["day"] // 2} if one["do"] == "track" else one for one in events]
    return made | {"events": events}


def _track(dice: Dice) -> Event:
    return {
        "do": "track",
        "user": dice.choice([0, 0, 0, 1, 1, 2, 2, 3]),
        "day": dice.randrange(4),
        "minutes": dice.choice([30, 30, 45, 90]),
        "text": dice.randrange(3),
        "project": dice.choice([0, 0, 1]),
        "approved": dice.random() < 0.7,
        "special": dice.choice([None] * 12 + ["break", "short", "long", "night", "night"]),
    }


def _people(dice: Dice, *, quiet: bool = False) -> Event:
    """Return something that people do; *quiet* leaves out what closes or bills."""
    nth = dice.randrange(1000)
    makers: list[Callable[[], Event]] = [
        lambda: _track(dice),
        lambda: _track(dice),
        lambda: _track(dice),
        lambda: _edit(dice, nth),
        lambda: _edit(dice, nth),
        lambda: {"do": "delete", "nth": nth},
        lambda: {"do": "approve", "nth": nth, "approved": dice.random() < 0.5},
        lambda: {"do": "edit books", "nth": nth, "what": dice.choice(["text", "minutes"])},
        lambda: {"do": "delete books", "nth": nth},
        lambda: {"do": "type", "nth": nth, "equal": dice.random() < 0.6},
    ]
    if not quiet:
        makers += [
            lambda: {"do": "bill", "nth": nth},
            lambda: {"do": "bill", "nth": nth},
            lambda: {"do": "unbill", "nth": nth},
            lambda: {"do": "close", "day": dice.choice([None, None, 0, 1, 2])},
            lambda: {"do": "end consent"},
        ]
    return dice.choice(makers)()


def _edit(dice: Dice, nth: int) -> Event:
    what = dice.choice(["text", "minutes", "minutes", "project", "day", "hour", "break", "user"])
    return {"do": "edit", "nth": nth, "what": what, "value": dice.randrange(4)}


def _time(dice: Dice) -> Event:
    if dice.random() < 0.7:
        return {"do": "wait", "hours": dice.choice([0.01, 0.1, 0.6, 2, 25, 170])}
    return {"do": "jump", "hours": dice.choice([-5, -0.2, 0.2, 5])}


def _command(dice: Dice, made: Mapping[str, Any]) -> str:
    commands = ["send"] * 8 + ["settle", "reconcile", "reconcile --prefer clockify"]
    commands += ["reconcile --resend", "reconcile --prefer clockify --resend", "recall", "adopt"]
    commands += ["connect"] + ["neighbor"] * 5 * made["neighbor"]
    commands += ["send --line-per entry"] * 2 * made["lines"]
    if not made["approved_only"]:
        commands += ["import", "import"]
    return dice.choice(commands)


def _run(dice: Dice, made: Mapping[str, Any], command: str | None = None) -> Event:
    command = command or _command(dice, made)
    run: Event = {"do": "run", "command": command, "faults": [], "stop": None}
    if made["approved_only"] and command == "import":  # exports do not say what is approved
        run["command"] = "send"
    trouble = dice.random()
    if trouble < 0.35:
        run["faults"] = [_fault(dice, command) for _ in range(dice.choice([1, 1, 2]))]
    elif trouble < 0.9:
        run["stop"] = _stop(dice, made, command)
    return run


def _review(dice: Dice, made: Mapping[str, Any]) -> Event:
    answers = ["approve"] * 3 + ["approve some"] * 3 + ["reject", "withdraw", "cancel"]
    what = dice.choice(["plan"] * 4 + answers)
    return _run(dice, made, "send") | {"do": "review", "what": what, "nth": dice.randrange(1000)}


def _place(dice: Dice, command: str) -> str:
    """Return where trouble comes: mostly at what writes, where a command often does."""
    writes = 8 if command.partition(" ")[0] in {"send", "import", "recall"} else 2
    places = ["batch"] * writes + ["request to QuickBooks", "query", "request to Clockify"]
    return dice.choice([*places, "request for a token"])


def _fault(dice: Dice, command: str) -> Event:
    place = _place(dice, command)
    return {
        "what": dice.choice(list(FAULTS)),
        "place": place,
        "skip": dice.choice([0, 0, 1, 2]),
        "times": dice.choice([1, 1, 2, 9]),
    }


def _stop(dice: Dice, made: Mapping[str, Any], command: str) -> Event:
    how = dice.choice(["kill"] * 4 + ["suspend"] * 3 + ["beside", "cut off", "fill the disk"])
    if how == "fill the disk" and made["database"] != "sqlite":
        how = "cut off"
    place = _place(dice, command)
    work = dice.choice(["never", "at once", "at once", "late"])
    if how not in {"kill", "suspend"}:
        work = "at once"
    return {
        "how": how,
        "place": place,
        "skip": dice.choice([0, 0, 0, 1, 1, 2]) if place == "batch" else dice.randrange(10),
        "work": work,
        "after_s": dice.choice([1, 60, 100] if work == "late" else [1, 60, 300, 7200]),
        "meanwhile": [_meanwhile(dice, made) for _ in range(dice.choice([0, 0, 1, 1, 2]))],
    }


def _meanwhile(dice: Dice, made: Mapping[str, Any]) -> Event:
    if dice.random() < 0.6:
        return {"do": "run", "command": _command(dice, made), "faults": [], "stop": None}
    return _people(dice, quiet=True)
