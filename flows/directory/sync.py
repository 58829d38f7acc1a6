"""Compares both directories, stores the links, and creates what is missing if asked to.

`flows.directory.sync_report` writes the report of it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import chain
from typing import Literal

import pandas as pd

from flows.connections.consent_expiry import expiry_notes
from flows.connections.requirements import check_company, check_workspace
from flows.context import RunContext
from flows.directory.create_missing import Made, create_in_clockify, create_in_quickbooks
from flows.directory.lists import read_lists
from flows.directory.pay_types import learn_pay_types
from flows.directory.rules import resolved
from flows.progress import Progress
from schemas.words import BY_HAND, Problem, Side
from transforms.directory.candidates import Matches
from transforms.directory.changes import Change, changes
from transforms.directory.create_in_clockify import plan_for_clockify
from transforms.directory.create_in_quickbooks import plan_for_quickbooks
from transforms.directory.creation_plan import Creation, NotMade
from transforms.directory.match import match_projects, match_users
from transforms.directory.read_directory import Directory, read_directory

#: Where to create what is missing, as people write it.
Create = Literal["clockify", "quickbooks", "both"]


def create_sides(word: Create | None) -> frozenset[Side]:
    """Return the sides that a person named."""
    if word is None:
        return frozenset()
    return frozenset(Side) if word == "both" else frozenset({Side(word)})


@dataclass(frozen=True)
class SyncRequest:
    """What a sync is asked to do.

    Attributes:
        create: On which sides to create what is missing; none by default.
        dry_run: Whether to change nothing, not even the links.
    """

    create: frozenset[Side] = frozenset()
    dry_run: bool = False


@dataclass(frozen=True)
class Comparison:
    """Both directories, and how they match.

    Attributes:
        directory: Both sides.
        stored: `Links` that were there before.
        users: How the people were matched.
        projects: How the projects were matched.
        stored_rules: `Rules` that were there before.
        rules: The same, with what they give found, or with the problem.
    """

    directory: Directory
    stored: pd.DataFrame
    users: Matches
    projects: Matches
    stored_rules: pd.DataFrame
    rules: pd.DataFrame

    @property
    def new(self) -> pd.DataFrame:
        """`Links` that are new."""
        return pd.concat([self.users.links, self.projects.links], ignore_index=True)

    @property
    def linked(self) -> pd.DataFrame:
        """All `Links`, old and new, in one order."""
        both = pd.concat([self.stored, self.new], ignore_index=True)
        return both.sort_values(["kind", "clockify_id"], ignore_index=True)

    @property
    def unlinked(self) -> pd.DataFrame:
        """`Unlinked`: Clockify's users and projects without a match."""
        return pd.concat([self.users.unlinked, self.projects.unlinked], ignore_index=True)

    def missing_in(
        self, side: Side, *, has_payroll: bool = False, others: Collection[str] = ()
    ) -> Creation:
        """Plan what to create on one side; see `plan_for_quickbooks`."""
        if side == Side.CLOCKIFY:
            return plan_for_clockify(
                self.directory, users=self.users, projects=self.projects, linked=self.linked
            )
        return plan_for_quickbooks(
            self.directory,
            users=self.users,
            projects=self.projects,
            linked=self.linked,
            has_payroll=has_payroll,
            others=others,
        )


@dataclass(frozen=True)
class SyncResult:
    """What a sync found and did.

    Attributes:
        request: What was asked for.
        comparison: Both sides as they are at the end.
        changes: What changed about linked people and projects.
        created: What was created; in a dry run, what would be.
        blocked: What cannot be created, as was known beforehand.
        failed: What a service refused or gave no clear answer about.
        notes: What a person should know besides.
    """

    request: SyncRequest
    comparison: Comparison
    changes: list[Change]
    created: list[Made] = field(default_factory=list)
    blocked: list[NotMade] = field(default_factory=list)
    failed: list[NotMade] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def sync(
    context: RunContext, request: SyncRequest | None = None, progress: Progress | None = None
) -> SyncResult:
    """Compare both directories, store links for names that match, and create what is asked for.

    Raises:
        AskPerson: The key may not read the whole workspace, or the company accepts nothing.
        TryAgain: A service could not be read to the end; nothing was changed.
    """
    request = request or SyncRequest()
    check_workspace(context.clockify)
    has_payroll = _has_payroll(context, request)
    comparison = compare(context, keep=not request.dry_run)
    plans = {
        side: comparison.missing_in(side, has_payroll=has_payroll)
        for side in sorted(request.create)
    }
    created = [Made(wanted) for wanted in chain(*(plan.wanted for plan in plans.values()))]
    failed: list[NotMade] = []
    notes = expiry_notes(context)
    if not request.dry_run:
        store(context, comparison)
        notes += learn_pay_types(context, comparison.rules)
        created, failed = _create(context, plans, progress or Progress())
        if created:
            comparison = compare(context, whole=True)
            store(context, comparison)
    return SyncResult(
        request,
        comparison,
        changes=changes(comparison.directory, comparison.stored),
        created=created,
        blocked=list(chain(*(plan.blocked for plan in plans.values()))),
        failed=failed,
        notes=notes,
    )


def quickbooks_planner(
    context: RunContext, comparison: Comparison
) -> Callable[[Collection[str]], Creation]:
    """Return what plans what could be created in QuickBooks; reads what the company is like.

    It takes Clockify's ids of those whose near misses somebody has called others.
    """
    has_payroll = _has_payroll(context, SyncRequest(create=frozenset({Side.QUICKBOOKS})))

    def plan(others: Collection[str]) -> Creation:
        return comparison.missing_in(Side.QUICKBOOKS, has_payroll=has_payroll, others=others)

    return plan


def _has_payroll(context: RunContext, request: SyncRequest) -> bool:
    if Side.QUICKBOOKS not in request.create:
        return False
    company = context.quickbooks.company()
    check_company(company, allow_payroll=True)  # payroll stops time, but not names
    return company.has_payroll


def compare(context: RunContext, *, whole: bool = False, keep: bool = True) -> Comparison:
    """Read both directories and match what is not linked yet; change nothing.

    See `read_lists` for *whole* and *keep*.
    """
    lists = read_lists(context, whole=whole, keep=keep)
    directory = read_directory(
        users=context.clockify.users(),
        clients=context.clockify.clients(),
        projects=context.clockify.projects(),
        employees=lists["Employee"],
        vendors=lists["Vendor"],
        customers=lists["Customer"],
    )
    stored = context.store.links.stored()
    unlinked = context.store.links.unlinked()
    rules = context.store.rules.stored()
    by_hand = unlinked[unlinked["problem"].isin(BY_HAND)]
    apart = dict(zip(by_hand["clockify_id"], map(Problem, by_hand["problem"]), strict=True))
    return Comparison(
        directory=directory,
        stored=stored,
        users=match_users(
            directory.users,
            directory.people,
            linked=stored,
            link_vendors=context.connection.link_vendors,
            apart=apart,
        ),
        projects=match_projects(
            directory.projects, directory.customers, linked=stored, apart=apart
        ),
        stored_rules=rules,
        rules=resolved(context, rules),
    )


def store(context: RunContext, comparison: Comparison) -> None:
    """Store the new links, who has none, and what rules give.

    Rules that somebody has changed meanwhile stay as they are: their names were looked up then.
    """
    context.store.links.store(new=comparison.new, lost=comparison.unlinked)
    if not comparison.rules.equals(comparison.stored_rules):
        context.store.rules.replace(comparison.stored_rules, comparison.rules)


def _create(
    context: RunContext, plans: dict[Side, Creation], progress: Progress
) -> tuple[list[Made], list[NotMade]]:
    """Create what was planned; QuickBooks first, whose limits are stricter."""
    progress.begun(sum(len(plan.wanted) for plan in plans.values()))
    made: list[Made] = []
    failed: list[NotMade] = []
    creators = {Side.QUICKBOOKS: create_in_quickbooks, Side.CLOCKIFY: create_in_clockify}
    for side, create in creators.items():
        for result in create(context, plans[side].wanted if side in plans else []):
            if isinstance(result, Made):
                made.append(result)
            else:
                failed.append(result)
            progress.moved(1)
    return made, failed
