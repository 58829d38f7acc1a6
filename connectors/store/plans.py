"""Kept plans: what was shown to somebody before it went, and what they decided.

    making ──offer──► waiting ──► approved   exactly its entries go, without those left out
                              ├──► rejected   somebody said no
                              ├──► expired    nobody decided in time
                              └──► withdrawn  its run was canceled, or somebody took it back

While a plan waits, its entries go with no other send: `Plans.held` says which those are. A decision
is one change of one row, so that of two decisions one alone counts. The ledger remains the only
truth about what was sent; a plan says what was shown, and who said yes.
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
from connectors.store.actors import Actor
from connectors.store.plan_files import PlanFile, as_text, from_text
from connectors.store.scope import ConnectionScope, records
from schemas.tables import plan_entries, plans
from schemas.words import ActorKind, PlanState

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
    files: tuple[PlanFile, ...]

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

    @property
    def actor(self) -> Actor:
        """Who acts when the plan is sent: whoever decided."""
        if self.verified_by:
            return Actor(ActorKind.VERIFIED, self.verified_by)
        return Actor(ActorKind.REVIEWER, self.decided_by or "")


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
        """Return the condition that holds for those entries."""
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


class Plans(ConnectionScope):
    """The plans of one connection."""

    def begin(
        self,
        *,
        days: tuple[str, str],
        made_at: datetime,
        flow_run_id: str | None,
        address: str | None,
        currency: str,
        files: Sequence[PlanFile] = (),
    ) -> "PlanWriter":
        """Begin a plan of what is there at *made_at*; it holds nothing back until it is offered."""
        now = self.now()
        # What a run that died left: its own, and those that nobody can be making any more.
        left = sa.or_(plans.c.flow_run_id == flow_run_id, plans.c.made_at < now - ABANDONED)
        with writing(self.engine) as connection:
            connection.execute(
                plans.delete().where(self._own(plans), plans.c.state == PlanState.MAKING, left)
            )
            made = connection.execute(
                plans.insert()
                .values(
                    connection_id=self.connection_id,
                    state=PlanState.MAKING,
                    first_day=days[0],
                    last_day=days[1],
                    flow_run_id=flow_run_id,
                    address=address,
                    made_at=made_at,
                    entries=0,
                    minutes=0,
                    amount_cents=0,
                    currency=currency,
                    files=as_text(files),
                )
                .returning(plans.c.id)
            )
            return PlanWriter(self, int(made.scalar_one()))

    def offer(self, plan_id: int, *, expires_at: datetime, **sums: Any) -> StoredPlan | None:
        """Let a plan wait for somebody, with its *sums*; one without entries is forgotten.

        Raises:
            TryAgain: Another plan with some of its entries came to wait meanwhile.
        """
        mine = self._is(plan_id)
        entries = sa.select(plan_entries.c.entry_id).where(self._in(plan_id))
        with changing(self.engine) as connection:
            if not sums["entries"]:
                connection.execute(plans.delete().where(mine))
                return None
            same = self._held().where(plan_entries.c.entry_id.in_(entries))
            other = connection.scalar(same.limit(1))
            if other is not None:
                connection.execute(plans.delete().where(mine))
                raise TryAgain(
                    f"Plan {other} was offered meanwhile, and has some of the same entries. Run"
                    " this again: it leaves those to that plan."
                )
            values = {"state": PlanState.WAITING, "expires_at": expires_at, **sums}
            connection.execute(plans.update().where(mine).values(values))
        return self.of_id(plan_id)

    def of_id(self, plan_id: int) -> StoredPlan:
        """Return a plan that was offered, by its number.

        Raises:
            AskPerson: The connection has none of that number.
        """
        found = self._find(plans.c.id == plan_id)
        if not found or found[0].state is PlanState.MAKING:
            raise AskPerson(_too_late(plan_id, found))
        return found[0]

    def of_flow_run(self, flow_run_id: str) -> StoredPlan | None:
        """Return the plan that a run made and offered; `None` when it made none."""
        mine = self._find(plans.c.flow_run_id == flow_run_id, plans.c.state != PlanState.MAKING)
        return mine[0] if mine else None

    def all(self) -> list[StoredPlan]:
        """Return all plans, the newest first; what nobody decided in time has expired."""
        self.end_overdue()
        return self._find(plans.c.state != PlanState.MAKING)

    def waiting(self) -> list[StoredPlan]:
        """Return the plans that wait for somebody, the newest first."""
        return self._find(self._waits())

    def end_overdue(self) -> None:
        """Let the plans expire that nobody decided in time."""
        overdue = sa.and_(
            self._own(plans), plans.c.state == PlanState.WAITING, plans.c.expires_at <= self.now()
        )
        with self.engine.connect() as connection:  # nearly always there are none
            if connection.scalar(sa.select(plans.c.id).where(overdue).limit(1)) is None:
                return
        with writing(self.engine) as connection:
            connection.execute(plans.update().where(overdue).values(state=PlanState.EXPIRED))

    def held(self, entry_ids: Sequence[str]) -> dict[str, int]:
        """Return which of *entry_ids* wait in a plan, and the number of that plan."""
        found: dict[str, int] = {}
        with self.engine.connect() as connection:
            for ids in chunks(entry_ids):
                query = self._held().add_columns(plan_entries.c.entry_id)
                rows = connection.execute(query.where(plan_entries.c.entry_id.in_(ids)))
                found |= {entry_id: plan_id for plan_id, entry_id in rows}
        return found

    def entries(self, plan_id: int, entry_ids: Sequence[str]) -> pd.DataFrame:
        """Return those of *entry_ids* that a plan has: `ENTRY`, `number` and `left_out`."""
        return self._entries(plan_id, plan_entries.c.entry_id, entry_ids)

    def numbered(self, plan_id: int, numbers: Sequence[int]) -> pd.DataFrame:
        """Return entries of a plan by their numbers, in order; see `entries`."""
        return self._entries(plan_id, plan_entries.c.number, sorted(numbers))

    def in_order(self, plan_id: int) -> pd.DataFrame:
        """Return all entries of a plan in the order of their numbers, as `entries` without body."""
        names = ["number", *(name for name in ENTRY if name != "body"), "left_out"]
        query = (
            sa.select(*(plan_entries.c[name] for name in names))
            .where(self._in(plan_id))
            .order_by(plan_entries.c.number)
        )
        with self.engine.connect() as connection:
            return pd.DataFrame(connection.execute(query).all(), columns=names, dtype=object)

    def names(self, plan_id: int) -> tuple[list[str], list[tuple[str | None, str]]]:
        """Return the people of a plan, and its projects with their clients, each once, in order."""
        here = plan_entries.c
        people = sa.select(here.user).where(self._in(plan_id), here.user.is_not(None)).distinct()
        places = (
            sa.select(here.client, here.project)
            .where(self._in(plan_id), here.project.is_not(None))
            .distinct()
        )
        with self.engine.connect() as connection:
            found = [(client, project) for client, project in connection.execute(places)]
            return sorted(connection.scalars(people)), sorted(
                found, key=lambda place: (place[0] or "", place[1])
            )

    def count_left_out(self, plan_id: int, left_out: LeftOut) -> int:
        """Count the entries of a plan that would be left out."""
        query = sa.select(sa.func.count()).where(self._in(plan_id), left_out.matches())
        with self.engine.connect() as connection:
            return connection.scalar(query) or 0

    def decide(
        self,
        plan_id: int,
        state: PlanState,
        *,
        by: str,
        note: str = "",
        left_out: LeftOut | None = None,
        answer_id: str | None = None,
        was_in_time: bool = False,
    ) -> StoredPlan:
        """Record what somebody decided, once and for all.

        The answer has an id: `vouch` verifies the name for one alone. A decision that *was_in_time*
        is known to have come before the plan expired, however late it is recorded.

        Raises:
            AskPerson: The plan does not wait any more: decided, expired or withdrawn.
        """
        now, still = self.now(), plans.c.state == PlanState.WAITING
        undecided = sa.and_(still, plans.c.expires_at > now)
        if was_in_time:
            undecided = plans.c.state.in_([PlanState.WAITING, PlanState.EXPIRED])
        vouched = sa.and_(plans.c.answer_id.is_not(None), plans.c.answer_id == answer_id)
        values = {
            "state": state,
            "decided_at": now,
            "decided_by": by,
            "note": note,
            "verified_by": sa.case((vouched, plans.c.verified_by), else_=None),
        }
        with writing(self.engine) as connection:
            change = plans.update().where(self._is(plan_id), undecided).values(values)
            decided = connection.execute(change).rowcount
            if decided and left_out is not None:
                without = plan_entries.update().where(self._in(plan_id), left_out.matches())
                connection.execute(without.values(left_out=True))
            if not decided:
                late = plans.update().where(self._is(plan_id), still)
                connection.execute(late.values(state=PlanState.EXPIRED))
        found = self._find(plans.c.id == plan_id)
        if not decided:
            raise AskPerson(_too_late(plan_id, found))
        return found[0]

    def sent_by(self, plan_id: int, run_id: str) -> None:
        """Record which run sent an approved plan."""
        with writing(self.engine) as connection:
            connection.execute(plans.update().where(self._is(plan_id)).values(run_id=run_id))

    def _find(self, *which: sa.ColumnElement[bool]) -> list[StoredPlan]:
        query = sa.select(plans).where(self._own(plans), *which).order_by(plans.c.id.desc())
        with self.engine.connect() as connection:
            return [_stored(dict(row)) for row in connection.execute(query).mappings()]

    def _is(self, plan_id: int) -> sa.ColumnElement[bool]:
        return sa.and_(self._own(plans), plans.c.id == plan_id)

    def _in(self, plan_id: int) -> sa.ColumnElement[bool]:
        """Select the entries of a plan of the connection."""
        return plan_entries.c.plan_id.in_(sa.select(plans.c.id).where(self._is(plan_id)))

    def _waits(self) -> sa.ColumnElement[bool]:
        return sa.and_(
            self._own(plans), plans.c.state == PlanState.WAITING, plans.c.expires_at > self.now()
        )

    def _held(self) -> sa.Select[Any]:
        """Select the plans that wait, once for each of their entries."""
        joined = plan_entries.join(plans, plans.c.id == plan_entries.c.plan_id)
        return sa.select(plans.c.id).select_from(joined).where(self._waits())

    def _entries(self, plan_id: int, key: sa.Column[Any], values: Sequence[Any]) -> pd.DataFrame:
        columns = [plan_entries.c[name] for name in (*ENTRY, "number", "left_out")]
        rows: list[Any] = []
        with self.engine.connect() as connection:
            for some in chunks(values):
                query = sa.select(*columns).where(self._in(plan_id), key.in_(some))
                rows += connection.execute(query.order_by(plan_entries.c.number)).all()
        return pd.DataFrame(rows, columns=[column.name for column in columns], dtype=object)


class PlanWriter:
    """Writes a plan down, slice by slice; see `Plans.begin`."""

    def __init__(self, kept: Plans, plan_id: int) -> None:
        self.plan_id = plan_id
        self._plans = kept
        self._fingerprint = hashlib.sha256()
        self._sums = {"entries": 0, "minutes": 0, "amount_cents": 0}

    def add(self, rows: pd.DataFrame, amounts_cents: pd.Series) -> None:
        """Write down entries that would go, the columns of `ENTRY`, and what each comes to."""
        values = records(rows[list(ENTRY)])
        for number, value in enumerate(values, start=self._sums["entries"] + 1):
            value |= {"plan_id": self.plan_id, "number": number, "left_out": False}
            value["minutes"] = int(value["minutes"])
            self._fingerprint.update(f"{value['entry_id']}\n{value['body']}\n".encode())
        self._sums["entries"] += len(values)
        self._sums["minutes"] += int(rows["minutes"].sum())
        self._sums["amount_cents"] += int(amounts_cents.sum())
        if values:
            with writing(self._plans.engine) as connection:
                connection.execute(plan_entries.insert(), values)

    def offer(self, expires_at: datetime) -> StoredPlan | None:
        """Let the plan wait for somebody; see `Plans.offer`."""
        fingerprint = self._fingerprint.hexdigest()
        return self._plans.offer(
            self.plan_id, expires_at=expires_at, fingerprint=fingerprint, **self._sums
        )


def vouch(engine: sa.Engine, flow_run_id: str, answer_id: str, name: str) -> None:
    """Keep who gave an answer that a run waited for, as a proxy with its own login says."""
    mine = sa.and_(plans.c.flow_run_id == flow_run_id, plans.c.decided_at.is_(None))
    with writing(engine) as connection:
        connection.execute(plans.update().where(mine).values(verified_by=name, answer_id=answer_id))


def _stored(row: dict[str, Any]) -> StoredPlan:
    values = {**row, "state": PlanState(row["state"])}
    del values["answer_id"]
    values["files"] = from_text(row["files"])
    if row["decided_at"] is None:
        values["verified_by"] = None  # whoever answered has not decided yet: see `Plans.decide`
    return StoredPlan(**values)


def _too_late(plan_id: int, found: Sequence[StoredPlan]) -> str:
    if not found:
        return f"This connection has no plan {plan_id}: `clockbooks plans` lists them."
    how = {
        PlanState.MAKING: "is still being made",
        PlanState.EXPIRED: "has expired: nobody decided in time, and nothing in it was sent",
        PlanState.WITHDRAWN: "was withdrawn",
    }.get(found[0].state, f"was already {found[0].state}, by {found[0].decider}")
    return f"Plan {plan_id} {how}. Start the send again for a new plan."
