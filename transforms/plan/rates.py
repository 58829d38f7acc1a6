"""Decides at which hourly rate billable time goes: the entry's own, or one that QuickBooks has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd

from schemas.quickbooks import Company
from schemas.words import RateSource

#: QuickBooks takes no higher rate (FACTS, QBO, 1.1).
HIGHEST_MICROS = 99_999_999_999 * 1_000_000


@dataclass(frozen=True)
class RateRules:
    """Which rate billable time goes at.

    Attributes:
        source: Where rates come from.
        missing: Where they come from for time without one; `None` rejects it.
        foreign: Where they come from for time whose rate is in another currency than the
            company's; `None` rejects it.
        items: What service items have in QuickBooks, in millionths of the currency unit, by id.
        people: The same of people, by kind and id: `employee:55`.
        names: Names of service items, by id.
    """

    source: RateSource = RateSource.CLOCKIFY
    missing: RateSource | None = None
    foreign: RateSource | None = None
    items: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, int] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def asks(self, source: RateSource) -> bool:
        """Whether some rates may come from there."""
        return source in (self.source, self.missing, self.foreign)


def rate_micros(value: Any) -> int | None:
    """Read an hourly rate of QuickBooks', in currency units, as millionths; a half goes up.

    Returns `None` where there is none: an item without a price has one of 0.

    Examples:
        >>> rate_micros(Decimal("75.5")), rate_micros(0), rate_micros(None)
        (75500000, None, None)
    """
    if type(value) not in (int, Decimal):
        return None
    micros = Decimal(value).scaleb(6)
    if not 0 < micros <= HIGHEST_MICROS:
        return None
    return int(micros.to_integral_value(ROUND_HALF_UP)) or None


def rated(judged: pd.DataFrame, rules: RateRules, company: Company) -> pd.DataFrame:
    """Return at which rate each entry goes.

    Args:
        judged: `billable`, `rate_micros`, `currency`, `qbo_item_id`, `qbo_kind`, `qbo_person_id`.
        rules: The choice.
        company: The QuickBooks company, in whose currency its rates are.

    Returns:
        `rate_micros`, missing where there is none; `currency`; and `rate_from` of `Plan`, also
        where the rate is missing there.
    """
    find: dict[RateSource | None, Callable[[], Any]] = {
        RateSource.ITEM: lambda: _found(judged["qbo_item_id"], rules.items),
        RateSource.PERSON: lambda: _found(_people(judged), rules.people),
        RateSource.ZERO: lambda: 0,
    }
    rates = judged[["rate_micros", "currency"]].assign(
        rate_from=pd.Series(None, index=judged.index, dtype="str")
    )
    for source, concerned in (
        (rules.source, lambda _: True),
        (rules.foreign, lambda rates: rates["rate_micros"].notna() & is_foreign(rates, company)),
        (rules.missing, lambda rates: rates["rate_micros"].isna()),
    ):
        if source in find:
            rows = judged["billable"] & concerned(rates)
            rates["rate_micros"] = rates["rate_micros"].mask(rows, find[source]())
            rates["currency"] = rates["currency"].mask(rows, company.currency)
            rates["rate_from"] = rates["rate_from"].mask(rows, str(source))
    return rates


def is_foreign(rates: pd.DataFrame, company: Company) -> pd.Series:
    """Return which rates are in another currency than the company's, as far as both are known."""
    currency = rates["currency"]
    return currency.notna() & (currency != company.currency) & (company.currency != "")


def _people(judged: pd.DataFrame) -> pd.Series:
    return judged["qbo_kind"].astype("str") + ":" + judged["qbo_person_id"].astype("str")


def _found(ids: pd.Series, micros: Mapping[str, int]) -> pd.Series:
    # By way of objects: pandas would map to floats where some are missing.
    return ids.astype(object).map(lambda id_: micros.get(id_, pd.NA)).astype("Int64")
