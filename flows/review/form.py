"""The form in which somebody decides about a plan, and what their answer means.

Prefect's server knows a form only by its JSON schema: so its rules are those that such a schema
can express, and people and projects are chosen from the plan's own. What a schema cannot express,
such as that a plan has no entry 99, must not end the run: the person sees what is wrong, and is
asked again.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import pydantic
from prefect.input import RunInput
from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from connectors.store.plans import LeftOut, Plans, StoredPlan
from flows.text import clean
from schemas.words import PlanState
from transforms.plan.summary import place_name

#: Names to choose from; a longer list is no help, so names are typed instead.
MOST_NAMES = 300

#: The largest number that an entry of a plan can have: no database column takes larger ones.
MOST_ENTRIES = 2**31 - 1

#: Prefect's page opens a list by its arrows or by the space bar, but not by a click on its middle.
OPENED = "The arrows at its right open the list."


class Answer(RunInput):
    """What every answer has beside the form's fields.

    Attributes:
        answer_id: Given by the guard of Prefect's page, which knows who answered: see
            `flows.operations.page_guard`. The form does not show it, but takes it.
    """

    model_config = ConfigDict(
        json_schema_extra={"patternProperties": {"^answer_id$": {"type": "string"}}}
    )

    answer_id: SkipJsonSchema[str | None] = None


class Decision(StrEnum):
    """What somebody may decide."""

    APPROVE = "approve"
    REJECT = "reject"


def decision(description: str) -> tuple[Any, Any]:
    """Return the field of a decision."""
    return Decision, Field(title="Your decision", description=description)


#: The fields for who decides, and why.
WHO: tuple[Any, Any] = (
    str,
    Field(
        title="Who are you?",
        min_length=2,
        max_length=200,
        pattern=r"\S\s*\S",
        description="Your name, which is kept with the decision.",
    ),
)
NOTE: tuple[Any, Any] = (
    str,
    Field(
        "",
        title="Note",
        max_length=2000,
        description="For whoever looks the decision up later.",
    ),
)


@dataclass(frozen=True)
class Choice:
    """What somebody decided about a plan.

    Attributes:
        decision: Whether it goes.
        by: Who decided, as they typed it; only `StoredPlan.verified_by` proves anything.
        note: What they wrote to it.
        left_out: What of it does not go.
        unknown: Names that the plan does not have.
        answer_id: Which answer it is; see `Answer`.
    """

    decision: Decision
    by: str
    note: str
    left_out: LeftOut
    unknown: tuple[str, ...] = ()
    answer_id: str | None = None

    @property
    def state(self) -> PlanState:
        """The state in which the plan ends."""
        return PlanState.APPROVED if self.decision is Decision.APPROVE else PlanState.REJECTED


class Form:
    """The form of one plan: the same each time that it is made."""

    def __init__(self, plans: Plans, plan: StoredPlan) -> None:
        people, places = plans.names(plan.id)
        self._plans = plans
        self._plan = plan
        self._people = _labeled(people, lambda name: name)
        self._places = _labeled(places, lambda place: place_name(*place))

    def model(self, description: str) -> type[RunInput]:
        """Return the form, with a description above it."""
        fields: dict[str, Any] = {
            "decision": decision(
                "approve sends the plan, except what is left out below; reject sends nothing."
                f" {OPENED}"
            ),
            "who": WHO,
            "without_people": _some(self._people, "Leave out these people"),
            "without_projects": _some(self._places, "Leave out these projects"),
            "without_entries": (
                list[Annotated[int, Field(ge=1, le=MOST_ENTRIES)]],
                Field(
                    [],
                    title="Leave out these entries",
                    description="Their numbers, as in the table of the plan's entries.",
                ),
            ),
            "note": NOTE,
        }
        made: type[RunInput] = pydantic.create_model("Decide", __base__=Answer, **fields)
        # A description alone: a value given here would drop the rules of its field.
        return made.with_initial_data(description=description)

    def read(self, answer: Any) -> Choice:
        """Return the choice that an answer means."""
        people, no_people = _meant(answer.without_people, self._people)
        places, no_places = _meant(answer.without_projects, self._places)
        left_out = LeftOut(tuple(sorted(set(answer.without_entries))), people, places)
        return Choice(
            answer.decision,
            answer.who.strip(),
            answer.note.strip(),
            left_out,
            (*no_people, *no_places),
            answer.answer_id,
        )

    def objection(self, choice: Choice) -> str | None:
        """Explain why a choice cannot be carried out; `None` when it can."""
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
            return (
                "With all of that left out, nothing would be left to send. To do that, reject it."
            )
        return None


def _labeled(things: Iterable[Any], label: Callable[[Any], str]) -> dict[str, list[Any]]:
    """Group things by the label that people see; two may look the same."""
    found: dict[str, list[Any]] = {}
    for thing in things:
        found.setdefault(clean(label(thing)), []).append(thing)
    return found


def _some(labels: dict[str, list[Any]], title: str) -> tuple[Any, Any]:
    one: Any = str
    description = "Exactly as in the plan."
    if 0 < len(labels) <= MOST_NAMES:
        one, description = Literal[tuple(labels)], f"None, one or several. {OPENED}"
    return list[one], Field([], title=title, description=description)


def _meant(given: Iterable[str], labels: dict[str, list[Any]]) -> tuple[tuple[Any, ...], list[str]]:
    known = [thing for label in given for thing in labels.get(label, [])]
    return tuple(dict.fromkeys(known)), [label for label in given if label not in labels]
