"""Puts the tag on sent entries in Clockify, and takes it off recalled ones.

It comes last in a run, when all that the run did is recorded: trouble with it is a note, and the
next run goes on. Clockify has no call for tags alone, so each entry is read, replaced by itself,
and read again; at the first entry that comes back otherwise, no other one is touched.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from connectors.errors import AskPerson, Refused, TryAgain, Unsure
from flows.context import RunContext
from flows.text import entries
from schemas.part_ids import whole_id
from schemas.words import Mark, State
from transforms.entries.sent_tag import differences, has_tag, is_writable, replacement
from transforms.identity.same_work import ROW_ID

#: Most entries that one run looks at in Clockify: a few minutes, at ten requests a second.
MOST_A_RUN = 300

#: Most letters of a value that a note shows.
_SHOWN = 200


def want_tag(context: RunContext, plans: Iterable[pd.DataFrame]) -> None:
    """Record, before they are handed over, which ready rows of `Plan`s are to get the tag."""
    for plan in plans:
        ids = plan.loc[plan["state"] == State.READY, "entry_id"]
        from_clockify = {whole_id(id_): None for id_ in ids if not id_.startswith(ROW_ID)}
        context.store.marks.want(Mark.SENT_TAG, list(from_clockify))


def keep_tags(context: RunContext, name: str | None) -> list[str]:
    """Put the tag *name* on sent entries, if there is one, and take ours off recalled ones.

    Returns notes for a person; whatever goes wrong in Clockify is one of them.
    """
    tagging = _Tagging(context)
    try:
        tagging.take_off()
        tagging.put(name)
    except (AskPerson, Refused, TryAgain, Unsure) as error:
        tagging.notes.append(f"Not all tags in Clockify were set; the next run goes on. {error}")
    return [*tagging.notes, *tagging.counted()]


class _Differs(TryAgain):
    """An entry came back otherwise than it was written."""


class _Tagging:
    """The tags of one run."""

    def __init__(self, context: RunContext) -> None:
        self._clockify, self._marks = context.clockify, context.store.marks
        self._left = MOST_A_RUN
        self._counts: Counter[str] = Counter()
        self.notes: list[str] = []

    def take_off(self) -> None:
        """Take tags off recalled entries."""
        recalled = self._marks.to_untag()
        never_put = [id_ for id_, tag_id in recalled if tag_id is None]
        self._marks.forget(Mark.SENT_TAG, never_put)
        tags = {id_: tag_id for id_, tag_id in recalled if tag_id is not None}
        for id_ in self._some(list(tags)):
            self._change(id_, tags[id_], tagged=False)

    def put(self, name: str | None) -> None:
        """Put the tag on sent entries."""
        ids = self._some(self._marks.to_tag() if name else [])
        if name and ids:
            tag_id = self._clockify.ensure_tag(name)
            for id_ in ids:
                self._change(id_, tag_id, tagged=True)

    def counted(self) -> list[str]:
        """Return notes on how many entries were tagged, and how many were not."""
        return [f"{words}: {entries(n)}." for words, n in self._counts.items()]

    def _some(self, ids: Sequence[str]) -> Sequence[str]:
        """Return as many as this run may look at; the others are counted."""
        some = ids[: self._left]
        self._left -= len(some)
        if len(some) < len(ids):
            self._counts["Tags in Clockify that are left to the next runs"] += len(ids) - len(some)
        return some

    def _change(self, id_: str, tag_id: str, *, tagged: bool) -> None:
        """Put the tag on one entry, or take it off."""
        self._marks.begin(Mark.SENT_TAG, [id_], tag_id=tag_id)
        try:
            before = self._read(id_)
        except Refused:
            self._counts["Not shown by Clockify, so that their tags wait for the next run"] += 1
            return
        if before is None:
            self._marks.forget(Mark.SENT_TAG, [id_])
            return
        if has_tag(before, tag_id) != tagged and not self._replace(
            before, id_, tag_id, tagged=tagged
        ):
            return
        (self._marks.settle if tagged else self._marks.forget)(Mark.SENT_TAG, [id_])
        self._counts["Tagged in Clockify" if tagged else "Tag taken off in Clockify"] += 1

    def _replace(self, before: Mapping[str, Any], id_: str, tag_id: str, *, tagged: bool) -> bool:
        """Write an entry as it was read but for the tag; return whether that is so now.

        Raises:
            _Differs: Something else is not as it was.
            TryAgain: The entry could not be read again.
        """
        if not is_writable(before):
            return self._leave(id_, tagged=tagged)
        try:
            self._clockify.replace_entry(id_, replacement(before, tag_id, tagged=tagged))
        except Refused:
            return self._leave(id_, tagged=tagged)
        except Unsure as error:  # what is there now decides
            self.notes.append(f"Entry {id_}: {error}")
        after = self._read_again(id_)
        if changed := differences(before, after, tag_id):
            if has_tag(after, tag_id) == tagged:
                (self._marks.settle if tagged else self._marks.forget)(Mark.SENT_TAG, [id_])
            raise _Differs(_told(id_, changed))
        if has_tag(after, tag_id) != tagged:
            self._counts[
                "Written and not changed in Clockify, so that the next run tries again"
            ] += 1
            return False
        return True

    def _leave(self, id_: str, *, tagged: bool) -> bool:
        """Leave an entry alone that cannot be written: no tag, or another try in a later run."""
        if tagged:
            self._marks.forget(Mark.SENT_TAG, [id_])
        which = "Without the tag" if tagged else "Recalled, and still with the tag"
        self._counts[f"{which} in Clockify, because locked, approved or refused there"] += 1
        return False

    def _read(self, id_: str) -> Mapping[str, Any] | None:
        """Read an entry; see `Clockify.entry`.

        Raises:
            TryAgain: What came is another one, or none at all.
        """
        entry = self._clockify.entry(id_)
        if entry is not None and entry.get("id") != id_:
            raise TryAgain(f"What came for entry {id_} is not that entry.")
        return entry

    def _read_again(self, id_: str) -> Mapping[str, Any]:
        try:
            after = self._read(id_)
        except (Refused, TryAgain) as error:
            raise TryAgain(
                f"Entry {id_} was written but could not be read again: see in Clockify whether it"
                f" is as it should be. {error}"
            ) from None
        return after or {}


def _told(id_: str, changed: Mapping[str, tuple[Any, Any]]) -> str:
    what = "; ".join(
        f"{name} was {str(old)[:_SHOWN]!r} and is {str(new)[:_SHOWN]!r}"
        for name, (old, new) in changed.items()
    )
    return (
        f"Entry {id_} is not in Clockify as it was before its tag changed: {what}. Somebody edited"
        " it at the same moment, or Clockify did not keep it: put it right there."
    )
