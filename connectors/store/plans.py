"""Functions on kept plans: what was shown to somebody before it went, and what they decided.

    making ──offer──► waiting ──► approved   exactly its entries go, without those left out
                              ├──► rejected   somebody said no
                              ├──► expired    nobody decided in time
                              └──► withdrawn  its run was cancelled, or somebody took it back

While a plan waits, its entries go with no other send: `waiting` says which those are. A decision is
one change of one row, so that of two decisions one alone counts. The ledger remains the only truth
about what was sent; a plan says what was shown, and who said yes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing, chunks, writing
from connectors.errors import AskPerson, TryAgain
from schemas.tables import plan_entries, plans
from schemas.words import PlanState

#: The columns of a kept entry, as they come and go; `body` is the TimeActivity.
ENTRY = ("entry_id", "date", "minutes", "user", "client", "project", "description", "body")


#: A plan that was not offered after so long never will be.
ABANDONED = timedelta(days=1)


@dataclass(frozen=True)
class StoredPlan:
    """A plan that was kept, without its entries; see `schemas.tables.plans`."""

    id: int
    connection_id: int
    state: PlanState
    first_day: str
    last_day: str
    flow_run_id: str | None
    address: str | None
    made_at: datetime
    expires_at: datetime | None
    fingerprint: str | None
    entries: int
    minutes: int
    amount_cents: int
    currency: str
    decided_at: datetime | None
    decided_by: str | None
    note: str | None
    verified_by: str | None
    run_id: str | None

    @property
    def decider(self) -> str:
        """Who decided, and how that is known: what somebody typed proves nothing."""
        typed = self.decided_by or ""
        if self.verified_by:
            also = "" if typed in {"", self.verified_by} else f"; typed {typed}"
            return f"{self.verified_by} (verified{also})"
        if self.state in {PlanState.APPROVED, PlanState.REJECTED}:
            return f"{typed} (claimed, not verified)"
        return typed


class PlanWriter:
    """Writes a plan down, slice by slice; until it is offered, it holds nothing back."""

    def __init__(
        self,
        engine: sa.Engine,
        connection_id: int,
        *,
        days: tuple[str, str],
        flow_run_id: str | None,
        address: str | None,
        currency: str,
        now: datetime,
    ) -> None:
        self._engine = engine
        self._print = hashlib.sha256()
        self._entries = 0
        self._sums = {"minutes": 0, "amount_cents": 0}
        with writing(engine) as connection:
            # What a run that died left: its own, and those that nobody can be making any more.
            left = sa.or_(plans.c.flow_run_id == flow_run_id, plans.c.made_at < now - ABANDONED)
            connection.execute(
                plans.delete().where(
                    plans.c.connection_id == connection_id,
                    plans.c.state == PlanState.MAKING,
                    left,
                )
            )
            made = connection.execute(
                plans.insert()
                .values(
                    connection_id=connection_id,
                    state=PlanState.MAKING,
                    first_day=days[0],
                    last_day=days[1],
                    flow_run_id=flow_run_id,
                    address=address,
                    made_at=now,
                    entries=0,
                    minutes=0,
                    amount_cents=0,
                    currency=currency,
                )
                .returning(plans.c.id)
            )
            self.plan_id = int(made.scalar_one())

    def add(self, rows: pd.DataFrame, amounts_cents: pd.Series) -> None:
        """Write down entries that would go.

        Args:
            rows: The columns of `ENTRY`.
            amounts_cents: What each comes to, in hundredths.
        """
        plain = rows[list(ENTRY)].astype(object)
        values = plain.where(plain.notna(), None).to_dict("records")
        for value in values:
            self._entries += 1
            value |= {"plan_id": self.plan_id, "number": self._entries, "left_out": False}
            value["minutes"] = int(value["minutes"])
            self._print.update(f"{value['entry_id']}\n{value['body']}\n".encode())
        self._sums["minutes"] += int(rows["minutes"].sum())
        self._sums["amount_cents"] += int(amounts_cents.sum())
        with writing(self._engine) as connection:
            for chunk in chunks(values):
                connection.execute(plan_entries.insert(), list(chunk))

    def offer(self, *, now: datetime, expires_at: datetime) -> StoredPlan | None:
        """Let the plan wait for somebody; one without entries is forgotten.

        Raises:
            TryAgain: Another plan with some of its entries came to wait meanwhile.
        """
        mine = plans.c.id == self.plan_id
        with changing(self._engine) as connection:
            if not self._entries:
                connection.execute(plans.delete().where(mine))
                return None
            connection_id = connection.scalar(sa.select(plans.c.connection_id).where(mine))
            entries = sa.select(plan_entries.c.entry_id).where(
                plan_entries.c.plan_id == self.plan_id
            )
            other = connection.scalar(
                _held(int(connection_id or 0), now)
                .where(plan_entries.c.entry_id.in_(entries))
                .limit(1)
            )
            if other is not None:
                connection.execute(plans.delete().where(mine))
                raise TryAgain(
                    f"Plan {other} came to wait meanwhile, and has some of the same entries: run"
                    " this again, and it leaves them to that plan."
                )
            change = (
                plans.update()
                .where(mine)
                .values(
                    state=PlanState.WAITING,
                    expires_at=expires_at,
                    fingerprint=self._print.hexdigest(),
                    entries=self._entries,
                    **self._sums,
                )
            )
            connection.execute(change)
        return of_id(self._engine, self.plan_id)


def of_id(engine: sa.Engine, plan_id: int) -> StoredPlan | None:
    """Give a plan by its number; `None` when there is none."""
    return _one(engine, plans.c.id == plan_id)


def check_owner(engine: sa.Engine, plan_id: int, connection_id: int) -> None:
    """Make sure that a plan is the connection's.

    Raises:
        AskPerson: It is not, or there is none of that number.
    """
    plan = of_id(engine, plan_id)
    if plan is None or plan.connection_id != connection_id:
        raise AskPerson(_too_late(plan_id, None))


def of_flow_run(engine: sa.Engine, connection_id: int, flow_run_id: str) -> StoredPlan | None:
    """Give the plan that a run made and offered; `None` when it made none."""
    return _one(
        engine,
        plans.c.connection_id == connection_id,
        plans.c.flow_run_id == flow_run_id,
        plans.c.state != PlanState.MAKING,
    )


def _one(engine: sa.Engine, *which: sa.ColumnElement[bool]) -> StoredPlan | None:
    query = sa.select(plans).where(*which).order_by(plans.c.id.desc()).limit(1)
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _plan(row)


def _plan(row: Any) -> StoredPlan:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name, and public
    del values["answer_id"]
    if values["decided_at"] is None:
        values["verified_by"] = None  # whoever answered has not decided yet: see `decide`
    return StoredPlan(**{**values, "state": PlanState(values["state"])})


def every(engine: sa.Engine, connection_id: int, *, now: datetime) -> list[StoredPlan]:
    """Give the connection's plans, the newest first; what nobody decided in time has expired."""
    end_overdue(engine, connection_id, now=now)
    query = (
        sa.select(plans)
        .where(plans.c.connection_id == connection_id, plans.c.state != PlanState.MAKING)
        .order_by(plans.c.id.desc())
    )
    with engine.connect() as connection:
        return [_plan(row) for row in connection.execute(query)]


def end_overdue(engine: sa.Engine, connection_id: int, *, now: datetime) -> None:
    """Let the plans expire that nobody decided in time."""
    overdue = sa.and_(
        plans.c.connection_id == connection_id,
        plans.c.state == PlanState.WAITING,
        plans.c.expires_at <= now,
    )
    with engine.connect() as connection:
        if connection.scalar(sa.select(plans.c.id).where(overdue).limit(1)) is None:
            return
    with writing(engine) as connection:
        connection.execute(plans.update().where(overdue).values(state=PlanState.EXPIRED))


def waiting(engine: sa.Engine, connection_id: int, *, now: datetime) -> list[StoredPlan]:
    """Give the connection's plans that wait for somebody."""
    query = sa.select(plans).where(_waits(connection_id, now)).order_by(plans.c.id)
    with engine.connect() as connection:
        return [_plan(row) for row in connection.execute(query)]


def held(
    engine: sa.Engine, connection_id: int, entry_ids: Sequence[str], *, now: datetime
) -> dict[str, int]:
    """Say which of *entry_ids* wait in a plan, and in which."""
    found: dict[str, int] = {}
    with engine.connect() as connection:
        for ids in chunks(list(entry_ids)):
            query = _held(connection_id, now).where(plan_entries.c.entry_id.in_(ids))
            query = query.add_columns(plan_entries.c.entry_id)
            found |= {entry_id: plan_id for plan_id, entry_id in connection.execute(query)}
    return found


def _waits(connection_id: int, now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(
        plans.c.connection_id == connection_id,
        plans.c.state == PlanState.WAITING,
        plans.c.expires_at > now,
    )


def _held(connection_id: int, now: datetime) -> sa.Select[Any]:
    joined = plan_entries.join(plans, plans.c.id == plan_entries.c.plan_id)
    return sa.select(plans.c.id).select_from(joined).where(_waits(connection_id, now))


def entries_of(engine: sa.Engine, plan_id: int, entry_ids: Sequence[str]) -> pd.DataFrame:
    """Give those of *entry_ids* that a plan has: the columns of `ENTRY`, `number`, `left_out`."""
    columns = [plan_entries.c[name] for name in (*ENTRY, "number", "left_out")]
    rows: list[Any] = []
    with engine.connect() as connection:
        for ids in chunks(list(entry_ids)):
            query = sa.select(*columns).where(
                plan_entries.c.plan_id == plan_id, plan_entries.c.entry_id.in_(ids)
            )
            rows += [tuple(row) for row in connection.execute(query)]
    return pd.DataFrame(rows, columns=[column.name for column in columns], dtype=object)


def numbered(engine: sa.Engine, plan_id: int, numbers: Sequence[int]) -> pd.DataFrame:
    """Give the entries of a plan by their numbers, in order: as `entries_of`."""
    columns = [plan_entries.c[name] for name in (*ENTRY, "number", "left_out")]
    rows: list[Any] = []
    with engine.connect() as connection:
        for some in chunks(sorted(numbers)):
            query = (
                sa.select(*columns)
                .where(plan_entries.c.plan_id == plan_id, plan_entries.c.number.in_(some))
                .order_by(plan_entries.c.number)
            )
            rows += [tuple(row) for row in connection.execute(query)]
    return pd.DataFrame(rows, columns=[column.name for column in columns], dtype=object)


def in_order(engine: sa.Engine, plan_id: int) -> pd.DataFrame:
    """Give all entries of a plan, in the order of their numbers: as `entries_of`, but no body."""
    names = ["number", *(name for name in ENTRY if name != "body"), "left_out"]
    query = (
        sa.select(*(plan_entries.c[name] for name in names))
        .where(plan_entries.c.plan_id == plan_id)
        .order_by(plan_entries.c.number)
    )
    with engine.connect() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    return pd.DataFrame(rows, columns=names, dtype=object)


def names_of(engine: sa.Engine, plan_id: int) -> tuple[list[str], list[tuple[str | None, str]]]:
    """Give the people of a plan, and its projects with their clients, each once and in order."""
    mine = plan_entries.c.plan_id == plan_id
    people = sa.select(plan_entries.c.user).where(mine, plan_entries.c.user.is_not(None)).distinct()
    places = (
        sa.select(plan_entries.c.client, plan_entries.c.project)
        .where(mine, plan_entries.c.project.is_not(None))
        .distinct()
    )
    with engine.connect() as connection:
        found = [(client, project) for client, project in connection.execute(places)]
        return sorted(connection.scalars(people)), sorted(
            found, key=lambda place: (place[0] or "", place[1])
        )


@dataclass(frozen=True)
class LeftOut:
    """Which entries of a plan somebody leaves out: any that is named in one way or another.

    Attributes:
        numbers: Their numbers in the plan.
        people: Everything of these people, by name.
        places: Everything of these projects: client and project.
    """

    numbers: tuple[int, ...] = ()
    people: tuple[str, ...] = ()
    places: tuple[tuple[str | None, str], ...] = ()

    def matches(self) -> sa.ColumnElement[bool]:
        """Give the condition that holds for those entries."""
        here = plan_entries.c
        return sa.or_(
            sa.false(),
            here.number.in_(self.numbers),
            here.user.in_(self.people),
            *[
                sa.and_(
                    here.client == client if client is not None else here.client.is_(None),
                    here.project == project,
                )
                for client, project in self.places
            ],
        )


def count_left_out(engine: sa.Engine, plan_id: int, left_out: LeftOut) -> int:
    """Count the entries of a plan that would be left out."""
    query = sa.select(sa.func.count()).where(plan_entries.c.plan_id == plan_id, left_out.matches())
    with engine.connect() as connection:
        return int(connection.scalar(query) or 0)


def decide(  # noqa: PLR0913 - one argument for each thing that is recorded
    engine: sa.Engine,
    plan_id: int,
    state: PlanState,
    *,
    by: str,
    note: str = "",
    left_out: LeftOut | None = None,
    answer_id: str | None = None,
    now: datetime,
    was_in_time: bool = False,
) -> StoredPlan:
    """Record what somebody decided, once and for all.

    Args:
        engine: The database.
        plan_id: The number of the plan.
        state: What was decided.
        by: Who decided.
        note: What they wrote to it.
        left_out: What of the plan does not go.
        answer_id: The id of the answer: `verified_by` is kept for this one alone; see `vouch`.
        now: The time.
        was_in_time: Whether the decision is known to have come before the plan expired, however
            late it is recorded.

    Raises:
        AskPerson: The plan does not wait any more: decided, expired or withdrawn.
    """
    still = sa.and_(plans.c.id == plan_id, plans.c.state == PlanState.WAITING)
    open_ = sa.and_(still, plans.c.expires_at > now)
    if was_in_time:
        undecided = plans.c.state.in_([PlanState.WAITING, PlanState.EXPIRED])
        open_ = sa.and_(plans.c.id == plan_id, undecided)
    vouched = sa.and_(plans.c.answer_id.is_not(None), plans.c.answer_id == answer_id)
    verified_by = sa.case((vouched, plans.c.verified_by), else_=None)
    with writing(engine) as connection:
        changed = connection.execute(
            plans.update()
            .where(open_)
            .values(state=state, decided_at=now, decided_by=by, note=note, verified_by=verified_by)
        )
        if changed.rowcount and left_out is not None:
            connection.execute(
                plan_entries.update()
                .where(plan_entries.c.plan_id == plan_id, left_out.matches())
                .values(left_out=True)
            )
        if not changed.rowcount:
            connection.execute(plans.update().where(still).values(state=PlanState.EXPIRED))
    plan = of_id(engine, plan_id)
    if plan is None or not changed.rowcount:
        raise AskPerson(_too_late(plan_id, plan))
    return plan


def vouch(engine: sa.Engine, flow_run_id: str, answer_id: str, name: str) -> None:
    """Keep who gave an answer that a run waited for, as a proxy with its own login says."""
    mine = sa.and_(plans.c.flow_run_id == flow_run_id, plans.c.decided_at.is_(None))
    with writing(engine) as connection:
        connection.execute(plans.update().where(mine).values(verified_by=name, answer_id=answer_id))


def _too_late(plan_id: int, plan: StoredPlan | None) -> str:
    if plan is None:
        return f"This connection has no plan {plan_id}: `clockbooks plans` lists them."
    how = {
        PlanState.MAKING: "is still being made",
        PlanState.EXPIRED: "has expired: nobody decided in time, and nothing of it was sent",
        PlanState.WITHDRAWN: "was withdrawn",
    }.get(plan.state, f"was {plan.state} already, by {plan.decider}")
    return f"Plan {plan_id} {how}. Start the send again for a new plan."


def sent_by(engine: sa.Engine, plan_id: int, run_id: str) -> None:
    """Record which run sent an approved plan."""
    with writing(engine) as connection:
        connection.execute(plans.update().where(plans.c.id == plan_id).values(run_id=run_id))
