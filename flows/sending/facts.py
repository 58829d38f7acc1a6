"""What a send and an import must know before they read time: both sides, and who is who."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pandas as pd

from flows.connections.own_rates import own_rates
from flows.connections.requirements import check_company, check_workspace, default_currency
from flows.connections.rule_state import not_taken, still_active
from flows.connections.send_options import judge_rules
from flows.context import RunContext
from flows.sending.request import JobRequest
from flows.settings import Settings
from schemas.quickbooks import Company
from schemas.words import BY_HAND, Kind, RateSource, Target
from transforms.entries.local_days import zone
from transforms.plan.judge import Filters, JudgeRules
from transforms.plan.rules import RuleBook, no_rules, parse_targets

Answer = TypeVar("Answer")
AnyRequest = TypeVar("AnyRequest", bound=JobRequest)


@dataclass(frozen=True)
class LinkState:
    """Who is who, as far as it is known.

    Attributes:
        links: `Links`.
        unlinked: `Unlinked`.
        synced_at: When the directories were compared; `None` if never.
        rules: `Rules`, as what they give was found then.
    """

    links: pd.DataFrame
    unlinked: pd.DataFrame
    synced_at: datetime | None
    rules: pd.DataFrame = field(default_factory=no_rules)

    def known(self, kind: Kind) -> set[str]:
        """Return the ids of Clockify's users or projects that the comparison has seen."""
        frames = (self.links, self.unlinked)
        return {id_ for frame in frames for id_ in frame.loc[frame["kind"] == kind, "clockify_id"]}


@dataclass(frozen=True)
class Facts:
    """What a job must know before it reads time.

    Attributes:
        company: The QuickBooks company.
        currency: The workspace's default currency.
        rules: What entries are judged by; all of them take part.
        filters: What takes part, by id.
        zones: Names of users' time zones by Clockify's ids, where those decide about days.
        own_tags: Ids and names of tags in Clockify that are ours, and do not count.
    """

    company: Company
    currency: str | None
    rules: JudgeRules
    filters: Filters = field(default_factory=Filters)
    zones: Mapping[str, str] = field(default_factory=dict)
    own_tags: frozenset[str] = frozenset()

    def zone_of(self, user_id: str) -> ZoneInfo:
        """Return the time zone that decides on a user's days: theirs, or the connection's."""
        own = self.zones.get(user_id)
        return zone(own) if own is not None else self.rules.timezone


#: Options that a setting decides where the request leaves them open.
_BY_SETTING = (
    "approved_only", "rounding", "rounding_per", "rate", "missing_rate", "foreign_rate", "day_zone",
    "split", "overtime", "line_per", "description_template", "description_marker", "sent_tag",
    "allow_payroll", "sync",
)  # fmt: skip


def call_directly(step: Callable[..., Answer], *args: Any) -> Answer:
    """Run a step as it is; a flow runs it as a Prefect task instead."""
    return step(*args)


def with_defaults(request: AnyRequest, settings: Settings) -> AnyRequest:
    """Fill in from the settings what the request leaves open."""
    defaults = {
        name: getattr(settings, name if name != "sync" else "sync_before_send")
        for name in _BY_SETTING
        if getattr(request, name, "") is None
    }
    return replace(request, **defaults)


def check_both_sides(context: RunContext, request: JobRequest) -> Facts:
    """Check both sides, and read what the plan depends on, except for the filters."""
    workspace = check_workspace(context.clockify)
    company = context.quickbooks.company()
    check_company(company, allow_payroll=request.allow_payroll)
    return Facts(
        company=company,
        currency=default_currency(workspace),
        rules=judge_rules(request, workspace, company, context.timezone, context.settings),
        zones=_zones(context.clockify.users()) if request.day_zone == "worker" else {},
        own_tags=frozenset(filter(None, [*context.store.marks.tag_ids(), request.sent_tag])),
    )


def _zones(users: list[dict[str, Any]]) -> dict[str, str]:
    """Return the names of time zones of users who chose one (FACTS, Clockify, 2.4)."""
    zones = {}
    for user in users:
        with suppress(ValueError):
            zones[str(user.get("id"))] = zone(str((user.get("settings") or {}).get("timeZone"))).key
    return zones


def read_links(context: RunContext, request: JobRequest) -> LinkState:
    """Return the stored links, or those of a sync that runs first."""
    if not request.sync:
        return LinkState(
            context.store.links.stored(),
            context.store.links.unlinked(),
            context.connection.synced_at,
            context.store.rules.stored(),
        )
    from flows.directory.pay_types import learn_pay_types  # slow to import
    from flows.directory.sync import compare, store

    comparison = compare(context, keep=not request.dry_run)
    if not request.dry_run:
        store(context, comparison)
        learn_pay_types(context, comparison.rules)
    links = comparison.linked if request.dry_run else context.store.links.stored()
    kept = context.store.links.unlinked()  # a comparison sees only those whom Clockify lists
    kept = kept[kept["problem"].isin(BY_HAND)]
    unlinked = pd.concat([kept, comparison.unlinked], ignore_index=True)
    unlinked = unlinked.drop_duplicates(["kind", "clockify_id"], ignore_index=True)
    return LinkState(links, unlinked, context.now(), comparison.rules)


def read_rules(context: RunContext, facts: Facts, link_state: LinkState) -> Facts:
    """Return the facts with the rules and rates, as things are now in Clockify and QuickBooks."""
    required = parse_targets(context.settings.required_on_time or "")
    rules = still_active(context, link_state.rules)
    pay_types = context.store.pay_types.stored()
    book = RuleBook(rules, _groups(context, rules), required, pay_types)
    return _with_rates(context, replace(facts, rules=replace(facts.rules, book=book)), link_state)


def read_rates(context: RunContext, facts: Facts, link_state: LinkState) -> Facts:
    """Return the facts with the rates of QuickBooks alone, for time that was sent before.

    Rules are read only where a rate depends on them, and give nothing but that: what was sent keeps
    its service item, class, location and pay type.
    """
    if facts.rules.rates.asks(RateSource.ITEM):
        rules = link_state.rules[link_state.rules["gives"] == Target.ITEM].assign(problem=None)
        book = RuleBook(rules, _groups(context, rules))
        facts = replace(facts, rules=replace(facts.rules, book=book))
    return _with_rates(context, facts, link_state)


def _groups(context: RunContext, rules: pd.DataFrame) -> Mapping[str, frozenset[str]]:
    if rules.empty:
        return {}
    from flows.directory.rules import user_groups  # slow to import

    return user_groups(context, rules)


def _with_rates(context: RunContext, facts: Facts, link_state: LinkState) -> Facts:
    rules = facts.rules
    rates = own_rates(context, rules.rates, rules.book.rules, link_state.links)
    return replace(facts, rules=replace(rules, rates=rates))


def rule_notes(facts: Facts) -> list[str]:
    """Say which rules do nothing."""
    rules, takes = facts.rules.book.rules, facts.company.takes
    idle = (
        Target.PAY_TYPE in takes and facts.rules.overtime is None and rules["hours"].notna().any()
    )
    return not_taken(rules, takes) + [NO_HOURS] * bool(idle)


NO_HOURS = "Rules for overtime do nothing here: overtime is not computed (CLOCKBOOKS_OVERTIME)."
