"""Compares both directories, keeps the links, and makes what is missing where it is told to.

What the sync does, without Prefect. The report of it is `flows.directory.sync_report`.
"""

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from flows.connections.consent_expiry import expiry_notes
from flows.connections.preflight import check_company, check_workspace
from flows.context import RunContext
from flows.directory.create_missing import Made, make_in_clockify, make_in_quickbooks
from flows.progress import Progress
from schemas.words import Problem, Side
from transforms.directory.changes import Change, changes
from transforms.directory.create_in_clockify import plan_for_clockify
from transforms.directory.create_in_quickbooks import plan_for_quickbooks
from transforms.directory.creation_plan import Creation, NotMade
from transforms.directory.match import Matches, match_projects, match_users
from transforms.directory.read_directory import Directory, read_directory

#: Where to create what is missing there, as people write it.
Create = Literal["clockify", "quickbooks", "both"]


def create_sides(word: Create | None) -> frozenset[Side]:
    """Read where to create; nothing for nowhere."""
    if word is None:
        return frozenset()
    return frozenset(Side) if word == "both" else frozenset({Side(word)})


@dataclass(frozen=True)
class SyncRequest:
    """What somebody asks a sync to do.

    Attributes:
        create: On which sides to make what is missing there; none by default.
        dry_run: Whether to change nothing at all, the links neither.
    """

    create: frozenset[Side] = frozenset()
    dry_run: bool = False


@dataclass(frozen=True)
class Comparison:
    """Both directories, and what comparing them comes to.

    Attributes:
        directory: Both sides.
        stored: `Links` there were.
        users: How the people were matched.
        projects: How the projects were matched.
    """

    directory: Directory
    stored: pd.DataFrame
    users: Matches
    projects: Matches

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
        """`Unlinked`: Clockify's users and projects without a partner."""
        return pd.concat([self.users.unlinked, self.projects.unlinked], ignore_index=True)

    def missing_in(self, side: Side, *, has_payroll: bool = False) -> Creation:
        """Plan what one side lacks."""
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
        )


@dataclass(frozen=True)
class SyncResult:
    """What a sync found and did.

    Attributes:
        request: What was asked for.
        comparison: Both sides as they are at the end.
        changes: What happened to what is linked.
        created: What was made; in a dry run, what would be.
        blocked: What was to be made and cannot be, known before anything was made.
        failed: What a service refused, or did not answer clearly about.
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
        AskPerson: The key may not read the whole workspace, or the company takes nothing.
        TryAgain: One of the services was not to be read to the end; nothing was changed.
    """
    request = request or SyncRequest()
    check_workspace(context.clockify)
    has_payroll = False
    if Side.QUICKBOOKS in request.create:
        company = context.quickbooks.company()
        check_company(company, allow_payroll=True)  # it keeps from sending time, not from names
        has_payroll = company.has_payroll
    comparison = compare(context)
    plans = {
        side: comparison.missing_in(side, has_payroll=has_payroll)
        for side in Side
        if side in request.create
    }
    blocked = [not_made for plan in plans.values() for not_made in plan.blocked]
    if request.dry_run:
        created = [Made(wanted) for plan in plans.values() for wanted in plan.wanted]
        told = changes(comparison.directory, comparison.stored)
        return SyncResult(request, comparison, told, created, blocked, notes=expiry_notes(context))
    store(context, comparison)
    made, failed = _make(context, plans, progress or Progress())
    if made:
        comparison = compare(context)
        store(context, comparison)
    told = changes(comparison.directory, comparison.stored)
    return SyncResult(request, comparison, told, made, blocked, failed, expiry_notes(context))


def compare(context: RunContext) -> Comparison:
    """Read both directories, and match what is not linked yet; changes nothing."""
    directory = read_directory(
        users=context.clockify.users(),
        clients=context.clockify.clients(),
        projects=context.clockify.projects(),
        employees=context.quickbooks.employees(),
        vendors=context.quickbooks.vendors(),
        customers=context.quickbooks.customers(),
    )
    stored = context.store.links.stored()
    unlinked = context.store.links.unlinked()
    apart = frozenset(unlinked.loc[unlinked["problem"] == Problem.UNLINKED, "clockify_id"])
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
    )


def store(context: RunContext, comparison: Comparison) -> None:
    """Keep the new links, and who has none."""
    context.store.links.store(new=comparison.new, lost=comparison.unlinked)


def _make(
    context: RunContext, plans: dict[Side, Creation], progress: Progress
) -> tuple[list[Made], list[NotMade]]:
    """Make what was planned; QuickBooks first, whose limits are the stricter ones."""
    progress.begun(sum(len(plan.wanted) for plan in plans.values()))
    made: list[Made] = []
    failed: list[NotMade] = []
    for side, make in (
        (Side.QUICKBOOKS, make_in_quickbooks),
        (Side.CLOCKIFY, make_in_clockify),
    ):
        for ended in make(context, plans[side].wanted if side in plans else []):
            if isinstance(ended, Made):
                made.append(ended)
            else:
                failed.append(ended)
            progress.moved(1)
    return made, failed
