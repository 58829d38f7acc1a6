"""What became of entries in doubt, and how those that stay so are described to a person."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from connectors.store.claims_in_doubt import Doubt
from flows.context import RunContext
from transforms.identity.match_books import content_of_body
from transforms.plan.explain import duration_text

#: Doubts that are described to a person one by one.
MOST_DESCRIBED = 10


@dataclass
class Settled:
    """What became of the entries in doubt, by entry id.

    Attributes:
        sent: QuickBooks has them.
        refused: QuickBooks refused them.
        released: QuickBooks does not have them; they may be sent anew.
        in_doubt: Still not clear.
        replayed: Those of `sent` that QuickBooks created only when they were handed over again.
        updated: Sent entries whose repair QuickBooks has made.
        recalled: Sent entries whose TimeActivities are gone, by a repair or a recall.
        unchanged: Sent entries whose repair or recall QuickBooks has not made.
        notes: What a person should know besides.
    """

    sent: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    in_doubt: list[str] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    recalled: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ids(self) -> set[str]:
        """All entries so far."""
        return {id_ for ids in vars(self).values() if ids is not self.notes for id_ in ids}

    def tell_of_all(self, of_lines: Mapping[str, Sequence[str]]) -> None:
        """Tell of all entries of lines, by the first one of each, what was told of that."""
        for name, ids in vars(self).items():
            if ids is not self.notes:
                setattr(self, name, [each for id_ in ids for each in of_lines.get(id_, [id_])])

    @property
    def message(self) -> str:
        """The result in a sentence or two; empty when nothing was in doubt."""
        outcomes = [
            (self.sent, "in QuickBooks"),
            (self.refused, "refused by QuickBooks"),
            (self.released, "not in QuickBooks, so the next send takes them"),
            (self.updated, "updated"),
            (self.recalled, "taken out of QuickBooks"),
            (self.unchanged, "sent and not changed"),
            (self.in_doubt, "still unconfirmed"),
        ]
        parts = [f"{len(ids):,} {what}" for ids, what in outcomes if ids]
        if not parts:
            return ""
        late = f" QuickBooks created {len(self.replayed):,} of them only now." * bool(self.replayed)
        checked = sum(len(ids) for ids, _ in outcomes)
        return f"Checked {checked:,} unconfirmed entries of earlier runs: {', '.join(parts)}.{late}"

    @property
    def messages(self) -> list[str]:
        """The message, if there is one, and the notes."""
        return [self.message] * bool(self.message) + self.notes


def settled_document(settled: Settled) -> dict[str, Any]:
    """Return what became of the entries in doubt as a JSON document."""
    # `told` is the older name of `message`.
    return {**asdict(settled), "message": settled.message, "told": settled.message}


def describe(context: RunContext, doubt: Doubt, near: Sequence[str], settled: Settled) -> None:
    """Note what to look for in QuickBooks, and how to report what was found."""
    if len(settled.notes) > MOST_DESCRIBED:
        return
    if len(settled.notes) == MOST_DESCRIBED:
        settled.notes.append(
            "More entries are in doubt: `clockbooks entries --state in-doubt` lists them all."
        )
        return
    looks = f" TimeActivity {', '.join(near[:3])} looks like it." if near else ""
    at = near[0] if near else "TIMEACTIVITY_ID"
    settled.notes.append(
        f"Entry {doubt.entry_id} is in doubt. Look in QuickBooks for"
        f" {described(context, doubt)}.{looks} If it is there, run `clockbooks settle --entry"
        f" {doubt.entry_id} --is-there {at}`. If it is not, run `clockbooks settle --entry"
        f" {doubt.entry_id} --is-not-there`, and the next send takes it."
    )


def described(context: RunContext, doubt: Doubt) -> str:
    """Describe a TimeActivity as QuickBooks shows it: length, person, day, text."""
    content = content_of_body(doubt.body)
    known = context.store.links.stored()
    kind, id_ = content.person
    names = known.loc[
        (known["qbo_kind"] == kind.lower()) & (known["qbo_id"] == id_), "qbo_name"
    ].tolist()
    person = names[0] if names else f"{kind} {id_}"
    text = f", {content.description[:60]!r}" if content.description else ""
    return f"{duration_text(int(content.minutes) * 60)} of {person} on {content.day}{text}"
