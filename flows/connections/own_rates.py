"""Reads what an hour costs in QuickBooks: prices of service items, billing rates of people.

They are read anew for each run that asks for them, by id: an old one would be billed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from connectors.quickbooks.client import ENTITY_OF
from flows.context import RunContext
from flows.text import named
from schemas.words import Kind, RateSource, Target
from transforms.plan.rates import RateRules, rate_micros

#: So many names are shown of those without a rate.
_MOST_NAMED = 10


def own_rates(
    context: RunContext, rates: RateRules, rules: pd.DataFrame, links: pd.DataFrame
) -> RateRules:
    """Return the choice of rates with what QuickBooks has now, as far as it is asked for.

    Args:
        context: What to work with.
        rates: The choice.
        rules: `Rules`: the prices of what they give are read.
        links: `Links`: the billing rates of these people are read.
    """
    if rates.asks(RateSource.ITEM):
        rows = _items(context, rules)
        names = {id_: str(row.get("FullyQualifiedName")) for id_, row in rows.items()}
        rates = replace(rates, items=_micros(rows, "UnitPrice"), names=names)
    if rates.asks(RateSource.PERSON):
        rates = replace(rates, people=_micros(_people(context, links), "BillRate"))
    return rates


def _micros(rows: Mapping[str, Mapping[str, Any]], member: str) -> dict[str, int]:
    found = {id_: rate_micros(row.get(member)) for id_, row in rows.items()}
    return {id_: micros for id_, micros in found.items() if micros is not None}


def _items(context: RunContext, rules: pd.DataFrame) -> dict[str, Mapping[str, Any]]:
    ids = rules.loc[rules["gives"] == Target.ITEM, "qbo_id"].dropna()
    rows = context.quickbooks.by_ids(ENTITY_OF[Target.ITEM], sorted(set(ids)))
    return {str(row["Id"]): row for row in rows}


def _people(context: RunContext, links: pd.DataFrame) -> dict[str, Mapping[str, Any]]:
    linked = links[links["kind"] == Kind.USER]
    return {
        f"{kind}:{row['Id']}": row
        for kind, ids in linked.groupby("qbo_kind")["qbo_id"]
        for row in context.quickbooks.by_ids(str(kind).capitalize(), sorted(set(ids)))
    }


def checked_rates(
    context: RunContext, rates: RateRules, rules: pd.DataFrame, links: pd.DataFrame
) -> tuple[str, str] | None:
    """Return what `clockbooks check` says of the rates, and what to do; `None` if none is asked.

    Raises:
        ClockbooksError: QuickBooks could not be asked.
    """
    found, without = [], []
    if rates.asks(RateSource.ITEM):
        items = _items(context, rules)
        priced = _micros(items, "UnitPrice")
        found.append(f"{len(priced):,} of {len(items):,} service items of rules have a price.")
        without += [str(row.get("Name")) for id_, row in items.items() if id_ not in priced]
    if rates.asks(RateSource.PERSON):
        people = _people(context, links)
        billed = _micros(people, "BillRate")
        found.append(f"{len(billed):,} of {len(people):,} linked people have a billing rate.")
        without += [str(row.get("DisplayName")) for id_, row in people.items() if id_ not in billed]
    if not found:
        return None
    to_do = (
        f"QuickBooks has no rate for {named(without, _MOST_NAMED)}: billable time that needs it is"
        " rejected. Set it there."
    )
    return " ".join(found), to_do if without else ""
