"""Rules as people write them: in a YAML file, and as the options of a command."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, model_validator

from connectors.errors import AskPerson
from connectors.store.scope import records
from schemas.rules import Rules
from schemas.words import Hours, Target
from transforms.directory.names import DELETED_USER, same_form

#: The condition that people call otherwise than the column.
GROUP = "group"

_COLUMN = {GROUP: "user_group"}

Name = Annotated[str, Field(min_length=1, max_length=1000)]

_HEAD = """\
# Which service item, class, location and pay type time gets: for each, the first rule that matches
# an entry decides. A rule may have several conditions; an entry has to meet them all.
#
#   gives        item, class or location: a name in QuickBooks, with its parents' as Parent:Child;
#                or pay_type: its name
#   conditions   task, tag, project, client, group, user: a name in Clockify; billable: true, false;
#                hours, of pay types alone: overtime, double_time
#
# `clockbooks rules --file FILE` puts these rules in the place of those that are there.
"""


class _Written(BaseModel):
    """One rule as a file has it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, coerce_numbers_to_str=True)

    item: Name | None = None
    class_: Name | None = Field(None, alias="class")
    location: Name | None = None
    pay_type: Name | None = None
    task: Name | None = None
    tag: Name | None = None
    project: Name | None = None
    client: Name | None = None
    group: Name | None = None
    user: Name | None = None
    billable: StrictBool | None = None
    hours: Literal[Hours.OVERTIME, Hours.DOUBLE_TIME] | None = None

    @model_validator(mode="after")
    def _gives_one_thing(self) -> "_Written":
        if len(self.given) != 1:
            raise ValueError("a rule gives one thing: item, class, location or pay_type")
        if self.hours is not None and self.pay_type is None:
            raise ValueError("hours decide about pay types alone")
        if self.user is not None and same_form(self.user) == DELETED_USER:
            raise ValueError(f"every deleted user is called {DELETED_USER}: use the user's id")
        return self

    @property
    def given(self) -> dict[Target, str]:
        """What the rule gives, and its name."""
        names = {
            Target.ITEM: self.item,
            Target.CLASS: self.class_,
            Target.LOCATION: self.location,
            Target.PAY_TYPE: self.pay_type,
        }
        return {target: name for target, name in names.items() if name is not None}


def read_rule(written: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Read one rule as a row of `Rules`, without its number.

    Raises:
        AskPerson: It is not a rule; the text begins with *where*.
    """
    try:
        rule = _Written.model_validate(written)
    except ValidationError as error:
        problems = "; ".join(_told(problem) for problem in error.errors(include_url=False))
        raise AskPerson(f"{where}: {problems}. Nothing was changed.") from None
    [(target, name)] = rule.given.items()
    conditions = rule.model_dump(exclude={"item", "class_", "location", "pay_type"})
    return {
        **{_COLUMN.get(key, key): value for key, value in conditions.items()},
        "gives": target,
        "name": name,
        "qbo_id": None,
        "problem": None,
        "candidates": None,
    }


def _told(problem: Mapping[str, Any]) -> str:
    where, text = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
    return f"{where}: {text}" if where else str(text)


def read_rules(path: Path) -> pd.DataFrame:
    """Read the rules of a YAML file as `Rules`, nothing of them found yet.

    Raises:
        AskPerson: The file cannot be read, or is no list of rules.
    """
    try:
        written = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AskPerson(f"The file {path} cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        line = f", line {place.line + 1}" if place else ""
        raise AskPerson(f"{path}{line}: this is not YAML. Nothing was changed.") from None
    if written is None:
        written = []
    if not isinstance(written, list) or not all(isinstance(one, dict) for one in written):
        raise AskPerson(
            f"{path} is no list of rules: each begins with a dash, as in `- item: Design`. Nothing"
            " was changed."
        )
    return numbered(
        [read_rule(one, f"{path}, rule {place}") for place, one in enumerate(written, start=1)]
    )


def numbered(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as `Rules`, numbered in their order."""
    columns = list(Rules.to_schema().columns)
    with_numbers = [{**row, "number": number} for number, row in enumerate(rows, start=1)]
    return Rules.validate(pd.DataFrame(with_numbers, columns=columns, dtype=object))


def as_written(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of `Rules` as a file has it."""
    names = (*_Written.model_fields,)[len(Target) :]
    conditions = {name: rule[_COLUMN.get(name, name)] for name in names}
    return {
        rule["gives"]: rule["name"],
        **{name: value for name, value in conditions.items() if value is not None},
    }


def write_rules(rules: pd.DataFrame) -> str:
    """Return the text of a file that `read_rules` reads."""
    written = [as_written(rule) for rule in records(rules)]
    text = yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=1000)
    return f"{_HEAD}\n{text if written else ''}"
