"""Whether what rules give can be used now: asked before a send, and by `clockbooks check`."""

import pandas as pd

from connectors.quickbooks.client import ENTITY_OF
from connectors.store.scope import records
from flows.context import RunContext
from schemas.words import QboKind, Target, TargetProblem
from transforms.directory.targets import CALLED, flag, what_is_wrong
from transforms.plan.overtime import Overtime
from transforms.plan.pay_types import told
from transforms.plan.rules import is_default, parse_targets

#: Where QuickBooks' pages have the switch for each.
_SWITCH = {
    Target.ITEM: 'Time, "Show service"',
    Target.CLASS: 'Advanced, "Track classes", one to entire transaction',
    Target.LOCATION: 'Advanced, "Track locations"',
}

#: Why a company keeps none for time, and what to do about it.
_NONE_KEPT = {
    target: f"keeps none for time. Turn that on in QuickBooks under Account and settings, {where}"
    for target, where in _SWITCH.items()
} | {Target.PAY_TYPE: "has no QuickBooks Payroll. Turn that on"}


def still_active(context: RunContext, rules: pd.DataFrame) -> pd.DataFrame:
    """Return rules with those marked whose item, class or location is inactive by now, or gone."""
    usable = rules[rules["problem"].isna() & rules["qbo_id"].notna()]
    gone = pd.Series(False, index=rules.index)
    for target, rows in usable.groupby("gives"):
        found = context.quickbooks.by_ids(ENTITY_OF[Target(target)], sorted(set(rows["qbo_id"])))
        active = {str(row["Id"]) for row in found if row.get("Active", True)}
        gone |= (rules["gives"] == target) & ~rules["qbo_id"].isin(active) & rules["problem"].isna()
    return rules.assign(problem=rules["problem"].mask(gone, TargetProblem.INACTIVE))


def not_taken(rules: pd.DataFrame, takes: frozenset[Target]) -> list[str]:
    """Say which rules do nothing, because the company has switched off what they are about."""
    return [
        f"Rules that give a {CALLED[target]} do nothing: the company {_NONE_KEPT[target]}, or"
        " remove the rules."
        for target in Target
        if target not in takes and (rules["gives"] == target).any()
    ]


def without_overtime(rules: pd.DataFrame, overtime: Overtime) -> str | None:
    """Say which hours no rule gives a pay type; `None` if there is one for each kind."""
    lacking = [str(kind) for kind in overtime.kinds if not (rules["hours"] == kind).any()]
    if not lacking:
        return None
    return (
        f"Overtime is to be computed, and no rule says how it is paid: `clockbooks rules add"
        f" --pay-type NAME --hours {lacking[0]}` gives such time its pay type."
    )


def checked(context: RunContext, takes: frozenset[Target]) -> tuple[str, str] | None:
    """Return what `clockbooks check` says of the rules, and what to do; `None` without any.

    Raises:
        ClockbooksError: QuickBooks could not be asked.
    """
    rules = context.store.rules.stored()
    wanted = parse_targets(context.settings.required_on_time or "")
    if rules.empty and not wanted:
        return None
    rows = records(still_active(context, rules))
    to_do = [what_is_wrong(row) for row in rows if row["problem"] is not None]
    to_do += not_taken(rules, takes)
    to_do += [note for note, nobody in _pay_types_told(context, rules, takes).items() if nobody]
    defaults = {row["gives"] for row in rows if is_default(row)}
    to_do += [_without_default(one, takes) for one in Target if one in wanted - defaults]
    count = "1 rule says" if len(rows) == 1 else f"{len(rows):,} rules say"
    return f"{count} on which service item, class, location and pay type time lands.", " ".join(
        to_do
    )


def pay_type_notes(context: RunContext, rules: pd.DataFrame, takes: frozenset[Target]) -> list[str]:
    """Say of which pay types of rules not every linked employee's id is known."""
    return list(_pay_types_told(context, rules, takes))


def _pay_types_told(
    context: RunContext, rules: pd.DataFrame, takes: frozenset[Target]
) -> dict[str, bool]:
    if Target.PAY_TYPE not in takes:
        return {}
    links = context.store.links.stored()
    employees = links.loc[links["qbo_kind"] == QboKind.EMPLOYEE, "qbo_id"]
    return told(rules, context.store.pay_types.stored(), employees)


def _without_default(target: Target, takes: frozenset[Target]) -> str:
    wants = f"The company wants the {CALLED[target]} of all time"
    if target not in takes:
        return f"{wants} (CLOCKBOOKS_REQUIRED_ON_TIME), but {_NONE_KEPT[target]}."
    return (
        f"{wants}, and no rule gives it to all: entries without one are rejected. Add a default:"
        f" `clockbooks rules add {flag(target)} NAME`."
    )
