"""What people do in a history, in Clockify and in QuickBooks, and how it is told."""

from collections.abc import Mapping
from typing import Any

from world import (
    CLOSINGS,
    DAYS,
    GARDEN,
    HOUSE,
    MORNING,
    NAMES,
    NIGHT,
    TEXTS,
    World,
    as_booked,
    booked_in_parts,
    joined,
    may_join,
)

Event = Mapping[str, Any]

USERS = list(NAMES)
PROJECTS = [GARDEN, HOUSE]


class PeopleAtWork:
    """Acts in a world; each act returns a sentence, or `None` where there was nothing to do."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.allowed = 10

    def act_of(self, event: Event) -> str | None:
        """Let somebody do what an event says."""
        said: str | None = getattr(self, "_" + event["do"].replace(" ", "_"))(event)
        return said

    # --- people in Clockify

    def _track(self, event: Event) -> str:
        special = event["special"]
        more: dict[str, Any] = {"approved": event["approved"]}
        if special == "break":
            more |= {"type": "BREAK", "billable": False}
        minutes = {"short": 0, "long": 24 * 60}.get(special, event["minutes"])
        if special == "night":
            more["hour"], minutes = NIGHT, 60 + minutes
        if special == "short":
            more["seconds"] = 20
        more["projectId"] = PROJECTS[event["project"]]
        user, day, text = USERS[event["user"]], DAYS[event["day"]], TEXTS[event["text"]]
        id_ = self.world.track(user, day, minutes, text, **more)
        return f"Somebody tracks {self._shown(id_)}."

    def _shown(self, id_: str) -> str:
        entry = self.world.clockify.entries[id_]
        _, _, _, day, minutes, *_, text = as_booked(entry)
        kind = "" if entry["type"] == "REGULAR" else f" ({entry['type'].lower()})"
        who, project = NAMES[entry["userId"]], "House" if entry["projectId"] == HOUSE else "Garden"
        what = f"{minutes} min of “{text}” for {project} by {who} on {day}{kind}"
        return f"entry {int(id_[4:])}, {what}"

    def _entry(self, nth: int) -> str | None:
        ids = sorted(self.world.clockify.entries)
        return ids[nth % len(ids)] if ids else None

    def _edit(self, event: Event) -> str | None:
        id_ = self._entry(event["nth"])
        if id_ is None:
            return None
        value = event["value"]
        members: dict[str, Any] = {
            "text": {"description": ["Digging", "Planting", "Weeding", ""][value]},
            "minutes": {"minutes": [20, 30, 45, 75][value]},
            "project": {"projectId": PROJECTS[value % 2]},
            "day": {"day": DAYS[value]},
            "hour": {"hour": [MORNING, NIGHT][value % 2], "description": "At another hour"},
            "break": {"type": "BREAK", "billable": False},
            "user": {"userId": USERS[value % 3]},
        }[event["what"]]
        self.world.edit(id_, **members)
        return f"Somebody edits the {event['what']} of an entry. Now it is {self._shown(id_)}."

    def _delete(self, event: Event) -> str | None:
        id_ = self._entry(event["nth"])
        if id_ is None:
            return None
        said = self._shown(id_)
        del self.world.clockify.entries[id_]
        return f"Somebody deletes {said}."

    def _approve(self, event: Event) -> str | None:
        id_ = self._entry(event["nth"])
        if id_ is None:
            return None
        self.world.clockify.entries[id_]["approved"] = event["approved"]
        what = "approves" if event["approved"] else "withdraws the approval of"
        return f"Somebody {what} {self._shown(id_)}."

    # --- people in QuickBooks

    def _activity(self, nth: int, *, billed: bool | None = False) -> str | None:
        rows = self.world.quickbooks.activities
        ids = [
            id_
            for id_ in sorted(rows, key=int)
            if billed is None or (rows[id_]["BillableStatus"] == "HasBeenBilled") == billed
        ]
        return ids[nth % len(ids)] if ids else None

    def _edit_books(self, event: Event) -> str | None:
        id_ = self._activity(event["nth"])
        if id_ is None:
            return None
        new = {"text": ("Description", "By hand"), "minutes": ("Minutes", event["nth"] % 25 + 1)}
        member, value = new[event["what"]]
        self.world.in_books(lambda: self.world.quickbooks.people.edit_time(id_, **{member: value}))
        return f"Somebody edits TimeActivity {id_} in QuickBooks: {member} is {value!r} now."

    def _delete_books(self, event: Event) -> str | None:
        id_ = self._activity(event["nth"])
        if id_ is None:
            return None
        self.world.in_books(lambda: self.world.quickbooks.people.delete_time(id_))
        return f"Somebody deletes TimeActivity {id_} in QuickBooks."

    def _type(self, event: Event) -> str | None:
        id_ = self._entry(event["nth"])
        if id_ is None:
            return None
        entry = self.world.clockify.entries[id_]
        body = as_booked(entry)
        closed = self.world.journal.closed_until or ""
        if body[0] is None or body[4] > 24 * 60 - 5 or body[4] == 0 or body[3] <= closed:
            return None
        if not event["equal"]:
            body = (*body[:4], 11, *body[5:7], "Typed in")
        bodies = [body]
        if event["equal"] and self.world.splits and event["nth"] % 2:
            bodies = list(booked_in_parts(id_, entry).values())
        elif event["equal"] and self.world.joins and event["nth"] % 2:
            there = sorted(self.world.clockify.entries.values(), key=lambda one: one["start"])
            bodies = [joined([one for one in map(as_booked, there) if may_join(body, one)])]
            if bodies[0][4] > 24 * 60 - 5:
                return None
        typed = ", ".join([self.world.type_in(one) for one in bodies])
        like = f"like entry {int(id_[4:])}" if event["equal"] else "of 11 min"
        return f"Somebody types time {like} into QuickBooks for {body[3]}: TimeActivity {typed}."

    def _bill(self, event: Event) -> str | None:
        id_ = self._activity(event["nth"])
        if id_ is None:
            return None
        row = self.world.quickbooks.activities[id_]
        if row["BillableStatus"] != "Billable" or "CustomerRef" not in row:
            return None
        customer = row["CustomerRef"]["value"]
        number = self.world.in_books(lambda: self.world.quickbooks.people.invoice(customer, id_))
        return f"Somebody bills TimeActivity {id_}: invoice {number}."

    def _unbill(self, event: Event) -> str | None:
        invoices = sorted(self.world.quickbooks.invoices)
        if not invoices:
            return None
        number = invoices[event["nth"] % len(invoices)]
        self.world.in_books(lambda: self.world.quickbooks.people.delete_invoice(number))
        return f"Somebody deletes invoice {number}."

    def _close(self, event: Event) -> str:
        until = None if event["day"] is None else CLOSINGS[event["day"]]
        self.world.in_books(lambda: self.world.quickbooks.people.close_books(until))
        return f"Somebody closes the books up to {until}." if until else "The books are opened."

    def _end_consent(self, event: Event) -> str:  # noqa: ARG002 - as all others
        """End the consent, as somebody does who disconnects the app at Intuit."""
        self.world.quickbooks.oauth._consents.clear()  # noqa: SLF001 - no page of the stand-in's
        self.world.lacking = {"main", "neighbor"}
        return "Somebody disconnects Clockbooks at Intuit."

    def allow(self) -> None:
        """Give consent, and put the refresh token where `connect` finds it."""
        oauth = self.world.quickbooks.oauth
        self.allowed += 1
        value = f"small-refresh-token-{self.allowed:04d}"
        oauth._consents.append(oauth._new_consent(value))  # noqa: SLF001 - as above
        token = self.world.folder / "token"
        token.touch(mode=0o600)
        token.write_text(value)
