"""Whether what rules give can be used now: asked before a send, and by `clockbooks check`."""

import pandas as pd

from connectors.quickbooks.client import ENTITY_OF
from connectors.store.scope import records
from flows.context import RunContext
from schemas.words import Target, TargetProblem
from transforms.directory.targets import CALLED, what_is_wrong
from transforms.plan.rules import is_default, parse_targets

#: Where QuickBooks' pages have the switch for each.
_SWITCH = {
    Target.ITEM: 'Time, "Show service"',
    Target.CLASS: 'Advanced, "Track classes", one to entire transaction',
    Target.LOCATION: 'Advanced, "Track locations"',
}


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
        f"Rules that give a {CALLED[target]} do nothing: the company keeps none for time. Turn that"
        f" on in QuickBooks under Account and settings, {_SWITCH[target]}, or remove the rules."
        for target in Target
        if target not in takes and (rules["gives"] == target).any()
    ]


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
    defaults = {row["gives"] for row in rows if is_default(row)}
    to_do += [_without_default(one, takes) for one in Target if one in wanted - defaults]
    count = "1 rule says" if len(rows) == 1 else f"{len(rows):,} rules say"
    return f"{count} on which service item, class and location time lands.", " ".join(to_do)


def _without_default(target: Target, takes: frozenset[Target]) -> str:
    wants = f"The company wants the {CALLED[target]} of all time"
    if target not in takes:
        return (
            f"{wants} (CLOCKBOOKS_REQUIRED_ON_TIME), but keeps none. Turn it on in QuickBooks under"
            f" Account and settings, {_SWITCH[target]}."
        )
    return (
        f"{wants}, and no rule gives it to all: entries without one are rejected. Add a default:"
        f" `clockbooks rules add --{target} NAME`."
    )
