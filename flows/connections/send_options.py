"""How time is sent, by a run's options or the settings: rules to judge by, and words for people."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from connectors.errors import AskPerson
from schemas.quickbooks import Company
from schemas.words import RateSource, Target
from transforms.plan.descriptions import Template, parse_template
from transforms.plan.judge import JudgeRules
from transforms.plan.overtime import Overtime
from transforms.plan.rates import RateRules
from transforms.plan.rounding import NO_ROUNDING, Rounding, parse_rounding, workspace_rounding


class Choices(Protocol):
    """What a run's request and the settings have in common; properties, as a request is frozen."""

    @property
    def rounding(self) -> str | None: ...
    @property
    def rounding_per(self) -> str | None: ...
    @property
    def rate(self) -> str | None: ...
    @property
    def missing_rate(self) -> str | None: ...
    @property
    def foreign_rate(self) -> str | None: ...
    @property
    def description_template(self) -> str | None: ...
    @property
    def description_marker(self) -> bool | None: ...
    @property
    def approved_only(self) -> bool | None: ...
    @property
    def day_zone(self) -> str | None: ...
    @property
    def overtime(self) -> str | None: ...
    @property
    def sent_tag(self) -> str | None: ...


class Lasting(Protocol):
    """What the settings alone say, and no run."""

    @property
    def not_before(self) -> date | None: ...
    @property
    def workweek_begins(self) -> str: ...


def judge_rules(
    choices: Choices,
    workspace: Mapping[str, Any],
    company: Company,
    timezone: ZoneInfo,
    settings: Lasting,
) -> JudgeRules:
    """Return what entries are judged by, but for the filters and the rules of the connection.

    Raises:
        AskPerson: The rounding or the template is not valid, or choices exclude each other.
    """
    not_before = settings.not_before
    return JudgeRules(
        timezone=timezone,
        company=company,
        rounding=_rounding(choices.rounding, workspace),
        rates=_rates(choices),
        by_day=choices.rounding_per == "day",
        by_midnight=getattr(choices, "split", None) == "midnight",  # files keep their days
        joins=joins(choices),
        template=_template(choices.description_template),
        marked=bool(choices.description_marker),
        approved_only=bool(choices.approved_only),
        overtime=_overtime(choices, company, settings.workweek_begins),
        first_day=not_before.isoformat() if not_before else "",
    )


def joins(choices: Choices) -> bool:
    """Whether entries of a person's day go as one TimeActivity; rows of files never do."""
    return getattr(choices, "line_per", None) == "day"


def _overtime(choices: Choices, company: Company, begins: str) -> Overtime | None:
    """Return the limits of overtime; `None` if it is not computed, or nobody is paid by it.

    Raises:
        AskPerson: It cannot be computed with other choices.
    """
    if choices.overtime in {None, "none"}:
        return None
    for name in ("rounding_per", "line_per"):
        if getattr(choices, name, None) == "day":
            raise AskPerson(
                f"Overtime divides entries one by one, and {name}=day takes those of a day"
                f" together: set {name}=entry, or overtime=none."
            )
    return Overtime(choices.overtime, begins) if Target.PAY_TYPE in company.takes else None


def _rates(choices: Choices) -> RateRules:
    def source(word: str | None) -> RateSource | None:
        return None if word in {None, "reject"} else RateSource(word)

    return RateRules(
        source=source(choices.rate) or RateSource.CLOCKIFY,
        missing=source(choices.missing_rate),
        foreign=source(choices.foreign_rate),
    )


def _template(text: str | None) -> Template | None:
    """Return the template that was asked for.

    Raises:
        AskPerson: It is not valid.
    """
    try:
        return parse_template(text) if text is not None else None
    except ValueError as error:
        raise AskPerson(f"The description's template cannot be used: {error}") from None


def _rounding(wanted: str | None, workspace: Mapping[str, Any]) -> Rounding:
    """Return the rounding that was asked for, or the one of the workspace's settings.

    Raises:
        AskPerson: It is not valid.
    """
    settings = workspace.get("workspaceSettings") or {}
    own = settings.get("round") or {}
    try:
        if wanted is not None:
            return parse_rounding(wanted)
        return workspace_rounding(
            in_reports=bool(settings.get("timeRoundingInReports")),
            mode=str(own.get("round", "")),
            minutes=str(own.get("minutes", "")),
        )
    except ValueError as error:
        raise AskPerson(f"The rounding cannot be used: {error}") from None


_TO = {"nearest": "to the nearest", "up": "up to the next", "down": "down to the last"}

_AT = {
    RateSource.ITEM: "goes at the price of its service item in QuickBooks",
    RateSource.PERSON: "goes at the billing rate of its person in QuickBooks",
    RateSource.ZERO: "goes at a rate of 0",
}


def _rates_in_words(rates: RateRules) -> list[str]:
    said = {
        "Billable time": rates.source,
        "Billable time without a rate": rates.missing,
        "Billable time with a rate in another currency": rates.foreign,
    }
    return [f"{time} {_AT[source]}." for time, source in said.items() if source in _AT]


def in_words(rules: JudgeRules, choices: Choices) -> list[str]:
    """Return a sentence for each choice that makes a difference to what is sent."""
    to, tag = rules.rounding, choices.sent_tag
    step = "minute" if to.step_min == 1 else f"{to.step_min} minutes"
    said = {
        f"Time is rounded {_TO[to.mode]} {step}.": to != NO_ROUNDING,
        "A person's day on a project is rounded as a whole.": rules.by_day,
        "Only approved entries go.": rules.approved_only,
        f"Nothing from before {rules.first_day} is sent.": rules.first_day != "",
        "Each worker's own time zone decides on which day time falls.": choices.day_zone
        == "worker",
        "Time that crosses midnight is booked on each of its days.": rules.by_midnight,
        "A person's day for a customer goes as one TimeActivity.": rules.joins,
        _overtime_in_words(rules.overtime): rules.overtime is not None,
        "Overtime is not computed: the company has no QuickBooks Payroll.": rules.overtime is None
        and choices.overtime not in {None, "none"},
        **dict.fromkeys(_rates_in_words(rules.rates), True),
        "Descriptions follow a template.": rules.template is not None,
        "Descriptions end with the entry's id.": rules.marked,
        f"Sent entries get the tag {tag!r} in Clockify.": tag is not None,
    }
    return [text for text, holds in said.items() if holds]


def _overtime_in_words(overtime: Overtime | None) -> str:
    if overtime is None:
        return ""
    over = {
        "weekly": "40 hours a week is overtime",
        "daily": "8 hours a day is overtime, and over 12 double time",
        "both": "8 hours a day or 40 a week is overtime, and over 12 a day double time",
    }[overtime.limits]
    begins = overtime.begins.capitalize()
    return f"Employees' time over {over}; workweeks begin on {begins}."


def choice_notes(rules: JudgeRules, choices: Choices) -> list[str]:
    """Return a note about the choices, if there are any; the workspace's rounding is not one."""
    if choices.rounding is None:
        rules = replace(rules, rounding=NO_ROUNDING)
    said = in_words(rules, choices)
    return [" ".join(["How time is sent:", *said])] if said else []
