"""The form in which somebody decides about a plan, and what their answer means.

Prefect's server knows a form by its JSON schema alone: so its rules are those that such a schema
can say, and people and projects are chosen from the plan's own. What it cannot say, that a plan has
no entry 99, must not end the run: the person is asked again, and told.
"""

# No `from __future__ import annotations` here: Prefect's runner could not resolve the form.

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import pydantic
from prefect.input import RunInput
from pydantic import Field

from connectors.store.plans import LeftOut, Plans, StoredPlan
from flows.text import clean
from schemas.words import PlanState
from transforms.plan.summary import place_name

#: Names to choose from; a longer list is no help, and names are typed instead.
MOST_NAMES = 300

#: The largest number that an entry of a plan can have: larger ones no database column takes.
MOST_ENTRIES = 2**31 - 1

#: Prefect's page opens a list by its arrows or by the space bar, but not by a click on its middle.
OPENED = "The arrows at its right open the list."


class Decision(StrEnum):
    """What somebody may decide."""

    APPROVE = "approve"
    REJECT = "reject"


@dataclass(frozen=True)
class Choice:
    """What somebody decided about a plan.

    Attributes:
        decision: Whether it goes.
        by: Who decided, in their own words; what proves it is `StoredPlan.verified_by`.
        note: What they wrote to it.
        left_out: What of it does not go.
        unknown: Names that the plan does not have.
    """

    decision: Decision
    by: str
    note: str
    left_out: LeftOut
    unknown: tuple[str, ...] = ()

    @property
    def state(self) -> PlanState:
        """Give the state in which the plan ends."""
        return PlanState.APPROVED if self.decision is Decision.APPROVE else PlanState.REJECTED


class Form:
    """The form of one plan: the same one each time that it is made."""

    def __init__(self, plans: Plans, plan: StoredPlan) -> None:
        people, places = plans.names(plan.id)
        self._plans = plans
        self._plan = plan
        self._people = _labelled(people, lambda name: name)
        self._places = _labelled(places, lambda place: place_name(*place))

    def model(self, description: str) -> type[RunInput]:
        """Give the form, with what is told above it."""
        fields: dict[str, Any] = {
            "decision": (
                Annotated[
                    Decision,
                    Field(
                        title="Your decision",
                        description="approve sends the plan, without what is left out below;"
                        f" reject sends nothing. {OPENED}",
                    ),
                ],
                ...,
            ),
            "who": (
                Annotated[
                    str,
                    Field(
                        title="Who are you?",
                        min_length=2,
                        max_length=200,
                        pattern=r"\S\s*\S",
                        description="Your name: it is kept with the decision, as what you say.",
                    ),
                ],
                ...,
            ),
            "without_people": _some(self._people, "Without these people"),
            "without_projects": _some(self._places, "Without these projects"),
            "without_entries": (
                Annotated[
                    list[Annotated[int, Field(ge=1, le=MOST_ENTRIES)]],
                    Field(
                        title="Without these entries",
                        description="Their numbers, as in the table of the plan's entries.",
                    ),
                ],
                [],
            ),
            "note": (
                Annotated[
                    str,
                    Field(
                        title="Note",
                        max_length=2000,
                        description="For whoever looks the decision up later.",
                    ),
                ],
                "",
            ),
        }
        made: type[RunInput] = pydantic.create_model("Decide", __base__=RunInput, **fields)
        # A description alone: a value given here would drop the rules of its field.
        return made.with_initial_data(description=description)

    def read(self, answer: Any) -> Choice:
        """Understand what was answered."""
        people, no_people = _meant(answer.without_people, self._people)
        places, no_places = _meant(answer.without_projects, self._places)
        left_out = LeftOut(tuple(sorted(set(answer.without_entries))), people, places)
        return Choice(
            answer.decision,
            answer.who.strip(),
            answer.note.strip(),
            left_out,
            (*no_people, *no_places),
        )

    def objection(self, choice: Choice) -> str | None:
        """Say why a choice cannot be carried out; `None` when it can."""
        if choice.decision is Decision.REJECT:
            return None
        there = self._plans.numbered(self._plan.id, choice.left_out.numbers)["number"]
        missing = sorted(set(choice.left_out.numbers) - set(there))
        if missing:
            return (
                f"The plan has no entry {', '.join(map(str, missing[:10]))}: its"
                f" {self._plan.entries:,} entries are numbered from 1."
            )
        if choice.unknown:
            return f"Nothing in the plan is named {', '.join(map(repr, choice.unknown[:10]))}."
        number = self._plans.count_left_out(self._plan.id, choice.left_out)
        if number == self._plan.entries:
            return "Without all of that nothing would be left to send: reject it, if you mean that."
        return None


def _labelled(things: Iterable[Any], label: Callable[[Any], str]) -> dict[str, list[Any]]:
    """Give things by what people are shown of them; two may look the same."""
    found: dict[str, list[Any]] = {}
    for thing in things:
        found.setdefault(clean(label(thing)), []).append(thing)
    return found


def _some(labels: dict[str, list[Any]], title: str) -> tuple[Any, Any]:
    one: Any = str
    told = "Exactly as in the plan."
    if 0 < len(labels) <= MOST_NAMES:
        one, told = Literal[tuple(labels)], f"None, one or several. {OPENED}"
    return Annotated[list[one], Field(title=title, description=told)], []


def _meant(given: Iterable[str], labels: dict[str, list[Any]]) -> tuple[tuple[Any, ...], list[str]]:
    known = [thing for label in given for thing in labels.get(label, [])]
    return tuple(dict.fromkeys(known)), [label for label in given if label not in labels]
