"""What changed in the Clockify stand-in, and when: for its change feed and its webhooks.

What is made through the API is seen at once; what a test changes in the state is seen at the next
write, at the next look into the feed, or when `Changes.notice` is called.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Row = dict[str, Any]
Rows = Mapping[str, Row]
What = Literal["created", "updated", "deleted"]

# Not on the core host's entries, so that no change of theirs shows (FACTS 3).
MARKS = {"approved", "submitted", "approvalRequestId", "invoiced", "invoice"}

# Has a type of its own in the feed, so that it is taken for no change of the entry.
RATE = {"rate", "cost", "currency"}


@dataclass(frozen=True)
class Change:
    """One change of one row, `before` and `after`; a new row has no `before`."""

    kind: str
    what: What
    at: datetime
    before: Row | None
    after: Row | None


class Changes:
    """When rows were created, updated and deleted.

    Attributes:
        updated: When a row was last updated, by kind and id; only what ever was.
        deleted: The deletions, in their order.
    """

    def __init__(
        self,
        rows: Callable[[], Mapping[str, Rows]],
        given: Mapping[str, list[Row]],
        *,
        now: Callable[[], datetime],
        seen: Callable[[Change], None],
    ) -> None:
        """Watch *rows*, by kind and id.

        Args:
            rows: Returns what is watched, as it is now.
            given: What was there at the beginning: the scenario's own rows, which nobody changes.
            now: The clock.
            seen: Called with each change.
        """
        self.updated: dict[tuple[str, str], datetime] = {}
        self.deleted: list[Change] = []
        self._created: dict[tuple[str, str], datetime] = {}
        self._rows, self._given, self._now, self._seen = rows, given, now, seen
        self._known: dict[str, dict[str, Row]] | None = None  # made when it is first needed

    def created(self, kind: str, id_: str) -> datetime:
        """Return when a row was created: ids begin with the second, as in the real service."""
        noticed = self._created.get((kind, id_))
        return noticed or datetime.fromtimestamp(int(id_[:8], 16), UTC)

    def notice(self) -> None:
        """Compare all rows with what they were when they were last looked at."""
        if self._known is None:
            self._known = {
                kind: {row["id"]: row for row in rows} for kind, rows in self._given.items()
            }
        for kind, rows in self._rows().items():
            known = self._known[kind]
            for id_, row in list(rows.items()):
                before = known.get(id_)
                if before != row:
                    known[id_] = _copy(row)
                    self._note(kind, id_, before, known[id_])
            for id_ in known.keys() - rows.keys():
                self._note(kind, id_, known.pop(id_), None)

    def _note(self, kind: str, id_: str, before: Row | None, after: Row | None) -> None:
        at = self._now()
        if before is None:
            self._created[kind, id_] = at
            self._seen(Change(kind, "created", at, None, after))
        elif after is None:
            change = Change(kind, "deleted", at, before, None)
            self.deleted.append(change)
            self._seen(change)
        elif _content(before) != _content(after):
            self.updated[kind, id_] = at
            self._seen(Change(kind, "updated", at, before, after))


def _content(row: Row) -> Row:
    return {key: value for key, value in row.items() if key not in MARKS | RATE}


def _copy(row: Row) -> Row:
    """Copy a row so far as anything in it is changed in place: its memberships are."""
    memberships = row.get("memberships")
    if memberships is None:
        return dict(row)
    return {**row, "memberships": [dict(one) for one in memberships]}
