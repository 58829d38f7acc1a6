"""Every function of the store keeps to its own connection, whatever rows the others hold.

Three connections share a database and hold rows with the same ids: one to another company, the one
that a function is called for, and one to the same company. What the function answers and changes is
the same as where its connection is alone, and the others' rows stay as they are. The books of a
company are shared by its connections: there, only the other company is a stranger.
"""

import inspect
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from connectors.database import open_database, writing
from connectors.encryption import Vault
from connectors.errors import AskPerson, TryAgain
from connectors.intuit.oauth_app import OAuthApp, Tokens
from connectors.quickbooks.batch import Done, NotDone
from connectors.quickbooks.faults import Fault
from connectors.store import (
    connections,
    revocations,
)
from connectors.store.audit import Audit, Chosen
from connectors.store.change_rows import Wanted
from connectors.store.connection_store import ConnectionStore
from connectors.store.credentials import all_lifetimes
from connectors.store.list_copies import ListCopy
from connectors.store.plans import LeftOut
from connectors.store.revocations import Revocations
from connectors.store.scope import ConnectionScope, records
from connectors.store.tokens import TokenStore
from connectors.store.unknown_time import UnknownRow
from schemas.rules import Rules
from schemas.tables import ledger as table
from schemas.tables import metadata
from schemas.words import Event, Kind, Mark, Operation, PlanState, Proof, TimeKind
from transforms.plan.lines import Member

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)
LEASE = timedelta(minutes=10)
DAY = "2026-03-02"
FLOW_RUN = "0d8b4dd8-0000-4000-8000-000000000001"
HOLDER = "0d8b4dd8-0000-4000-8000-000000000002"

#: What connections hold; `new` and `newer` are the others' alone.
IDS = ["sent", "refused", "found", "doubt", "flying", "new", "newer"]

#: Entries in lines; but for the first, the others' alone.
JOINED = ["sent too", "new too", "newer too"]

#: Everybody's entries of all days.
ALL = Chosen(user=None, names=(), first_day=None, last_day=None)

REFUSED = Fault("6240", "No", "Not so", "ValidationFault")

#: Columns that differ by chance, by encryption, or by how many rows are beside.
BY_CHANCE = {
    "hash", "id", "run_id", "request_id", "plan_id", "access_token", "refresh_token",
    "clockify_api_key",
}  # fmt: skip


def _link(clockify_id):
    return {
        "kind": "user",
        "clockify_id": clockify_id,
        "clockify_name": "Ann Lee",
        "qbo_kind": "employee",
        "qbo_id": "55",
        "qbo_name": "Ann Lee",
        "origin": "name",
    }


def _copy(number):
    return ListCopy([{"Id": f"{number}"}], as_of=NOW, whole_at=NOW)


def _lost(clockify_id, problem="missing"):
    row = {"kind": "user", "clockify_id": clockify_id, "clockify_name": "Ann Lee"}
    return row | {"problem": problem, "candidates": ""}


def _rules(*names):
    rows = [{"number": n, "gives": "class", "name": name} for n, name in enumerate(names, start=1)]
    return Rules.validate(pd.DataFrame(rows, columns=list(Rules.to_schema().columns), dtype=object))


def _outcomes(*ids):
    row = {"state": "rejected", "reason": "unlinked_user", "detail": "", "minutes": 60}
    row |= {"date": DAY, "user": "Ann", "client": "", "project": "", "description": ""}
    row |= {"start": None, "billable": False, "amount_cents": None}
    return pd.DataFrame([{**row, "entry_id": id_} for id_ in ids])


def _drift(id_):
    row = {"verdict": "unsent", "blocked": None, "detail": "", "date": DAY, "differs": "{}"}
    return {**row, "entry_id": id_, "time_activity_id": None}


def _ids(rows):
    return [(row.entry_id, row.time_activity_id, row.user) for row in rows]


def _plan_rows(*ids):
    row = {"date": DAY, "minutes": 90, "client": "", "description": ""}
    names = ("entry_id", "user", "project", "body")
    return pd.DataFrame([{**row, **dict.fromkeys(names, id_)} for id_ in ids])


def _see_unknown(kept, more):
    ids = ("found", "other", *more)
    kept.remember([("employee:55", DAY)], [_unknown(id_) for id_ in ids])
    kept.call_other(["other"])
    kept.call_other_than(["refused", *more], [_unknown("found")])


def _unknown(id_, minutes=60):
    return UnknownRow(id_, "employee:55", DAY, minutes)


def _adopted(s, entry_id, activity):
    row = {"entry_id": entry_id, "body": "new", "minutes": 60, "date": DAY}
    row |= {"time_activity_id": activity, "sync_token": "0"}
    about = s.about(entry_id, since=10**6)
    return s.store.adoptions.adopt(s.run, [row], about, lease=LEASE)


def _tokens(s):
    app = OAuthApp("id", "secret", "http://127.0.0.1:9/none")
    return TokenStore(s.engine, s.id, lambda: NOW, app=app, vault=s.vault)


class Store:
    """One connection, its database, and what a test calls for it."""

    def __init__(self, engine, about, realm_id, number):
        self.engine, self.about, self.number = engine, about, number
        self.claimed_at = NOW + timedelta(seconds=(0, 2, 1)[number - 1])  # the others' are older
        self.vault = Vault("T3J0kV8m0M0y0m0xq0n9p0Q4v7m3u2y1a0b9c8d7e6s=")
        tokens = Tokens(f"access {number}", NOW + timedelta(hours=1), f"refresh {number}", None)
        self.joined = connections.Joined(
            f"w{number}", "Studio", realm_id, "Studio Ltd", "UTC", f"key {number}", tokens
        )
        self.own = connections.store_connection(
            engine, f"c{number}", self.joined, vault=self.vault, now=NOW
        )
        self.id = self.own.id

    def at(self, engine):
        """Return the same connection in a copy of the database."""
        copy = object.__new__(Store)
        copy.__dict__ = {**self.__dict__, "engine": engine}
        return copy

    @property
    def store(self):
        return ConnectionStore(self.engine, self.id, lambda: NOW)

    @property
    def revocations(self):
        return Revocations(self.engine, self.id, lambda: NOW)

    @property
    def later(self):
        """The same, when plans have expired, and the run lock's lease is over."""
        return ConnectionStore(self.engine, self.id, lambda: NOW + 2 * LEASE)

    @property
    def ledger(self):
        return self.store.ledger

    @property
    def audit(self):
        return Audit(self.engine, self.id, lambda: NOW)

    def start(self):
        return self.store.runs.start(LEASE, approved_only=self.number != 2)

    def claim(self, *ids, run_id=None, since=10**6, source="clockify"):
        ready = [{"entry_id": id_, "body": id_, "minutes": 60, "date": DAY} for id_ in ids]
        ledger = ConnectionStore(self.engine, self.id, lambda: self.claimed_at).ledger
        about = self.about(*ids, source=source, since=since)
        return ledger.claim(
            run_id or self.run, ready, about, lease=LEASE, qbo_time=None, has_payroll=True
        )

    def record(self, made, *outcomes):
        self.ledger.record(made, outcomes, qbo_time=None, company_state=None)

    def wanted(self, id_, activity, **more):
        return Wanted(id_, activity, f'{{"Id":"{activity}"}}', 90, DAY, **more)

    def change(self, operation, *wanted, run_id=None):
        return self.store.changes.claim(
            run_id or self.run, operation, wanted, lease=LEASE, qbo_time=None
        )

    def take(self):
        return self.store.doubts.take(self.run, at_work=LEASE)

    def settle(self, doubt, activity, proof):
        created = Done(doubt.bid, activity, "0")
        return self.store.doubts.settle(doubt, created, run_id=self.run, proof=proof)

    def compare(self, *ids):
        """Leave what a reconciliation leaves of differences and marks, a recall of parts, lines."""
        with writing(self.store.engine) as connection:
            every = [part for id_ in ids for part in (id_, f"{id_}/2")]
            self.store.parts.claimed(connection, every)
            self.join(connection, *ids)
        self.store.drift.keep(self.run, list(map(_drift, ids)))
        self.store.marks.begin(Mark.INVOICED, ids)
        self.store.marks.begin(Mark.SENT_TAG, ids[:1], tag_id=f"tag {self.number}")

    def join(self, connection, *ids):
        """Let each of some sent entries have another one in its line."""
        lines = {id_: (Member(id_, 0, 40, id_), Member(f"{id_} too", 40, 20, "")) for id_ in ids}
        rows = [{"entry_id": id_, "members": members} for id_, members in lines.items()]
        every = [one.entry_id for row in rows for one in row["members"]]
        about = {row["entry_id"]: row for row in records(self.about(*every).frame)}
        self.store.lines.replace(connection, rows, about)

    def writer(self, *ids, flow_run=FLOW_RUN):
        days = {"days": (DAY, DAY), "flow_run_id": flow_run, "address": None, "currency": "USD"}
        writer = self.store.plans.begin(**days, made_at=NOW)
        writer.add(_plan_rows(*ids), pd.Series([100] * len(ids)))
        return writer

    def plan(self, *ids, until=NOW + LEASE):
        return self.writer(*ids).offer(until)

    def lost(self, *rows):
        return pd.DataFrame(rows, columns=list(_lost("")))

    def linked(self, *rows):
        return pd.DataFrame(rows, columns=list(_link("")))

    def _rule(self, more):
        """Say where time goes, and how it is paid."""
        self.store.rules.replace(self.store.rules.stored(), _rules("first", *more))
        self.store.pay_types.learn({("55", one): "Regular" for one in ("71", *more)}, NOW)
        self.store.pay_types.put("55", "Overtime", "72", [])

    def leave_doubts(self, *ids):
        """Claim entries in a run that ends before it is answered."""
        run_id = self.start()
        self.claim(*ids, run_id=run_id)
        self.store.runs.finish(run_id)

    def fill(self, more):
        """Let every table hold rows of this connection; *more* ids than the one in question."""
        e, id_ = self.engine, self.id
        self.run = self.start()
        made = self.claim("sent", "refused")
        self.record(made, Done("1", f"{self.number}1", "0"), NotDone("2", REFUSED))
        for nth, id_of_others in enumerate(more, start=3):
            self.record(self.claim(id_of_others), Done("1", f"{self.number}{nth}", "0"))
        if more:
            self.leave_doubts("booked")
            self.settle(self.take()[0], "9" if self.number == 1 else f"{self.number}9", Proof.BOOKS)
        self.record(self.claim("moving", "gone"), Done("1", f"{self.number}7", "0"),
                    Done("2", f"{self.number}8", "0"))  # fmt: skip
        run_id = self.start()
        moving = self.wanted("moving", f"{self.number}7", replacement="moved")
        self.change(Operation.DELETE, moving, run_id=run_id)
        self.store.runs.finish(run_id)
        self.changing = self.change(Operation.UPDATE, self.wanted("sent", f"{self.number}1"))
        self.leave_doubts("found")
        if not more:  # of the others it is in doubt still
            self.settle(self.take()[0], "9", Proof.BOOKS)
        self.leave_doubts("doubt")
        self.flying = self.claim("flying")
        self.store.outcomes.keep(self.run, _outcomes("sent", "left", "new"))
        self.compare("sent", *more)
        self._rule(more)
        self.store.list_copies.keep(dict.fromkeys(("Vendor", *more), _copy(self.number)))
        links = self.store.links
        self.store.run_lock.take(HOLDER, "send", lease=LEASE)
        links.add([_link(one) for one in ("linked", *more)])
        links.link(_link("barred"))
        links.unlink(Kind.USER, "barred", rematch=False)
        links.add_gone([_lost("gone", "gone")])
        links.store(new=self.linked(), lost=self.lost(_lost("missing")))
        own = {"round": str(self.number), **dict.fromkeys(more, "x")}
        if more:  # somebody is refreshing
            _tokens(self)._take_lease(f"access {self.number}")  # noqa: SLF001 - without asking Intuit
        if self.number == 1:
            own["link_vendors"] = "false"
        self.store.settings.change(wanted=own, unwanted=[])
        self.waits = self.plan("waits", *more).id
        self.overdue = self.plan("old", until=NOW - LEASE).id
        self.writer("making")
        _see_unknown(self.store.unknown_time, more)
        with writing(e) as connection:
            kept = metadata.tables["contents"]  # an older Clockbooks did not keep all of them
            lacks = sa.and_(kept.c.connection_id == id_, kept.c.entry_id == "refused")
            connection.execute(kept.delete().where(lacks))
            # As after a disconnect, and another consent.
            asked = {"refresh_token": "locked", "asked_at": NOW}
            revoked = metadata.tables["revocations"].insert()
            made = connection.execute(revoked.values(connection_id=id_, **asked))
            self.revocation = made.inserted_primary_key[0]


@pytest.fixture(scope="module")
def filled(tmp_path_factory, about):
    """Return a file with three connections, and the one in question: the second."""
    path = tmp_path_factory.mktemp("street") / "clockbooks.db"
    engine = open_database(f"sqlite:///{path}")
    made = [Store(engine, about, realm, n) for n, realm in enumerate(("88", "77", "77"), start=1)]
    made[0].fill(("new", "newer"))
    made[1].fill(())
    made[2].fill(("new", "newer"))
    made[1].theirs, made[1].their_plan = made[2].flying, made[2].waits
    made[1].their_change = made[2].changing
    engine.dispose()
    return path, made


@pytest.fixture
def street(filled, tmp_path):
    """Return the connection in question and the others: in one database, and without some."""
    path, (stranger, mine, neighbor) = filled
    engines = []

    def without(*gone):
        to = tmp_path / f"{len(engines)}.db"
        shutil.copy(path, to)
        engines.append(open_database(f"sqlite:///{to}"))
        with writing(engines[-1]) as connection:
            for one in gone:
                _remove(connection, one.id)
        return mine.at(engines[-1])

    yield Street(stranger, without(), neighbor, without)
    for engine in engines:
        engine.dispose()


@dataclass(frozen=True)
class Street:
    """The connection in question, those beside it, and a way to have it without them."""

    stranger: Store
    mine: Store
    neighbor: Store
    without: Callable[..., Store]

    def rows(self, *stores):
        """Read the rows of connections in the database that they share."""
        return [_rows(self.mine.engine, one.id) for one in stores]


def _remove(connection, connection_id):
    for name in ("verdicts", "ledger", "plans", "batches", "runs", "connections"):
        there = metadata.tables[name]
        key = there.c.id if name == "connections" else there.c.connection_id
        connection.execute(there.delete().where(key == connection_id))


def _rows(engine, connection_id):
    """Read all rows of a connection, by table."""
    rows = {}
    with engine.connect() as connection:
        for name, there in metadata.tables.items():
            key = there.c.get("connection_id", there.c.get("id"))
            query = sa.select(there).where(key == connection_id)
            if name == "plan_entries":
                of = metadata.tables["plans"]
                mine = sa.select(of.c.id).where(of.c.connection_id == connection_id)
                query = sa.select(there).where(there.c.plan_id.in_(mine))
            if name not in {"pacing", "reads"}:
                rows[name] = [dict(row) for row in connection.execute(query).mappings()]
    return rows


def _certain(rows):
    """Leave out of rows what differs by chance."""
    return {
        name: [{key: row[key] for key in row.keys() - BY_CHANCE} for row in some]
        for name, some in rows.items()
    }


def _told(call, store):
    try:
        answer = call(store)
    except (AskPerson, TryAgain) as error:
        return repr(error)
    return answer.to_dict("records") if isinstance(answer, pd.DataFrame) else answer


# --- what a connection has for itself ----------------------------------------------------------


def _in_transaction(work):
    def call(s):
        with writing(s.engine) as connection:
            return work(s, connection)

    return call


def _kept_tokens(s):
    store = _tokens(s)
    _, lease = store._take_lease(f"access {s.number}")  # noqa: SLF001 - without asking Intuit
    store._store(lease, Tokens("access", NOW, "refresh", None))  # noqa: SLF001


def _refused_tokens(s):
    store = _tokens(s)
    _, lease = store._take_lease(f"access {s.number}")  # noqa: SLF001
    store._end_consent(lease)  # noqa: SLF001


def _forget(s):
    """Make room for it first: a connection with a ledger is never forgotten."""
    with writing(s.engine) as connection:
        for name in ("verdicts", "ledger", "plans", "batches", "runs"):
            there = metadata.tables[name]
            connection.execute(there.delete().where(there.c.connection_id == s.id))
    connections.delete_connection(s.engine, "c2")


def _gone(s):
    s.revocations.set_apart()
    s.store.credentials.check_connected("c2")


OWN = {
    "lines.of": lambda s: sorted(s.store.lines.of([*IDS, *JOINED])),
    "lines.first_of": lambda s: [s.store.lines.first_of(id_) for id_ in JOINED],
    "lines.whole": lambda s: s.store.lines.whole(JOINED),
    "lines.members": _in_transaction(
        lambda s, c: {id_: len(rows) for id_, rows in s.store.lines.members(c, IDS).items()}
    ),
    "lines.held": _in_transaction(lambda s, c: s.store.lines.held(c, [*IDS, *JOINED])),
    "lines.cannot_go": _in_transaction(
        lambda s, c: s.store.lines.cannot_go(c, {"x": ["x", *JOINED], "newer": ["newer"]})
    ),
    "lines.replace": _in_transaction(lambda s, c: s.join(c, "sent", "doubt")),
    "parts.units": lambda s: s.store.parts.units(["sent", "new"]),
    "last_outcomes.later_parts": lambda s: s.store.outcomes.later_parts([DAY]),
    "parts.close_settled": _in_transaction(
        lambda s, c: s.store.parts.close_settled(c, ["sent", "new"])
    ),
    "parts.of": lambda s: s.store.parts.of(["sent", "new"]),
    "parts.open": lambda s: s.store.parts.open(),
    "parts.begin": _in_transaction(lambda s, c: s.store.parts.begin(c, ["sent", "new"])),
    "parts.claimed": _in_transaction(lambda s, c: s.store.parts.claimed(c, ["sent", "new"])),
    "parts.close": lambda s: s.store.parts.close(["sent", "new"]),
    "parts.cannot_go": _in_transaction(
        lambda s, c: s.store.parts.cannot_go(
            c, {"new": "new", "new/2": "new", "newer": None, "sent": None}, set()
        )
    ),
    "credentials.check_connected": lambda s: s.store.credentials.check_connected("c2"),
    "credentials.check_connected, gone": _gone,
    "credentials.clockify_key": lambda s: s.store.credentials.clockify_key(s.vault),
    "credentials.lifetimes": lambda s: asdict(s.store.credentials.lifetimes()),
    "connections.store_connection": lambda s: asdict(
        connections.store_connection(
            s.engine, "c2", replace(s.joined, company_name="New"), vault=s.vault, now=NOW + LEASE
        )
    ),
    "connections.find_connection": lambda s: asdict(connections.find_connection(s.engine, "c2")),
    "connections.delete_connection": _forget,
    "claims_in_doubt.take": lambda s: [asdict(one) for one in s.take()],
    "entry_contents.adopt": lambda s: s.store.contents.adopt({"sent": "new", "left": "sent"}),
    "entry_contents.as_claimed": lambda s: s.store.contents.as_claimed(IDS),
    "entry_contents.claimed_since": _in_transaction(
        lambda s, c: s.store.contents.claimed_since(c, 0, "none", [DAY])
    ),
    "entry_contents.insert": _in_transaction(
        lambda s, c: s.store.contents.insert(c, records(s.about("sent").frame))
    ),
    "entry_contents.former": lambda s: s.store.contents.former([DAY]),
    "entry_contents.renew": _in_transaction(
        lambda s, c: s.store.contents.renew(c, records(s.about("sent").frame)[0])
    ),
    "entry_contents.replace": _in_transaction(
        lambda s, c: s.store.contents.replace(
            c, {"sent": "sent"}, {"sent": records(s.about("sent").frame)[0] | {"project": "new"}}
        )
    ),
    "entry_contents.known": lambda s: s.store.contents.known([DAY]),
    "entry_contents.newest_claim": lambda s: s.store.contents.newest_claim(),
    "entry_contents.sent_since": lambda s: s.store.contents.sent_since([DAY], NOW),
    "entry_contents.remember": lambda s: s.store.contents.remember(
        s.about("new", "sent", "refused").frame.reset_index(drop=True)
    ),
    "changes.claim": lambda s: (
        s.change(
            Operation.DELETE, s.wanted("gone", "28"), s.wanted("new", "33"), s.wanted("sent", "21")
        ).items
    ),
    "changes.claim_again": lambda s: (
        s.store.changes.claim_again(
            s.run, [s.wanted("gone", "28"), s.wanted("sent", "21")], lease=LEASE, qbo_time=None
        ).items
    ),
    "changes.record": lambda s: (
        s.store.changes.record(s.changing, [Done("1", "21", "1")], qbo_time=None).bids
    ),
    "changes.record, of others": lambda s: (
        s.store.changes.record(s.their_change, [Done("1", "31", "1")], qbo_time=None).bids
    ),
    "changes.release": lambda s: s.store.changes.release(s.changing),
    "changes.release, of others": lambda s: s.store.changes.release(s.their_change),
    "changes.take": lambda s: [
        one.time_activity_id for one in s.store.changes.take(s.run, at_work=LEASE)
    ],
    "changes.settle": lambda s: s.store.changes.settle(
        next(
            one
            for one in s.store.changes.take(s.run, at_work=LEASE)
            if one.time_activity_id == "27"
        ),
        None,
        qbo_time=None,
    ),
    "changes.gone": lambda s: s.store.changes.gone(
        s.run, [s.wanted("gone", "28"), s.wanted("new", "33"), s.wanted("sent", "21")]
    ),
    "changes.caught_up": lambda s: s.store.changes.caught_up(s.run, s.wanted("gone", "28"), "4"),
    "claims_in_doubt.of": lambda s: [one.entry_id for one in s.store.doubts.of(s.run)],
    "drift.forget": lambda s: s.store.drift.forget(DAY, DAY),
    "drift.entry_ids": lambda s: sorted(s.store.drift.entry_ids()),
    "drift.forget_entries": lambda s: s.store.drift.forget_entries(["sent", "new"]),
    "drift.keep": lambda s: s.store.drift.keep(s.run, [_drift("sent"), _drift("new")]),
    "drift.known": lambda s: [row.entry_id for row in s.store.drift.known()],
    "sent_entries.any_approved": lambda s: s.store.sent.any_approved(),
    "sent_entries.adopted": lambda s: s.store.sent.adopted(IDS),
    "sent_entries.between": lambda s: _ids(s.store.sent.between(DAY, DAY)),
    "sent_entries.of": lambda s: _ids(s.store.sent.of(IDS)),
    "sent_entries.of_activities": lambda s: _ids(s.store.sent.of_activities(["21", "31", "27"])),
    "sent_entries.of_run": lambda s: _ids(s.store.sent.of_run(s.run)),
    "sent_entries.of_run, of others": lambda s: _ids(s.store.sent.of_run(s.theirs.run_id)),
    "open_claims.changes": lambda s: sorted(s.store.open_claims.changes()),
    "open_claims.number": lambda s: s.store.open_claims.number(),
    "ledger.claim": lambda s: s.claim(*IDS).items,
    "ledger.claim, again": lambda s: s.claim("row of new", run_id=s.start(), since=0).items,
    "ledger.count": lambda s: s.ledger.count(),
    "ledger.held": lambda s: s.ledger.held(IDS),
    "ledger.leave_in_doubt": lambda s: s.ledger.leave_in_doubt(s.flying, at_work=LEASE),
    "ledger.leave_in_doubt, of others": lambda s: s.ledger.leave_in_doubt(s.theirs, at_work=LEASE),
    "ledger.recalled_since": lambda s: s.ledger.recalled_since(IDS, NOW),
    "ledger.refusals": lambda s: [asdict(one) for one in s.ledger.refusals(IDS)],
    "ledger.release": lambda s: s.ledger.release(s.flying),
    "ledger.release, of others": lambda s: s.ledger.release(s.theirs),
    "ledger.state_of": lambda s: [s.ledger.state_of(id_) for id_ in IDS],
    "ledger.taken_by_others": lambda s: s.ledger.taken_by_others(IDS, run_id=s.run),
    "runs.finish": lambda s: s.store.runs.finish(s.run),
    "runs.finish, of others": lambda s: s.store.runs.finish(s.theirs.run_id),
    "runs.renew": lambda s: s.store.runs.renew(s.run, LEASE),
    "runs.renew, of others": lambda s: s.store.runs.renew(s.theirs.run_id, LEASE),
    "runs.set_plan": lambda s: s.store.runs.set_plan(s.run, 1),
    "runs.set_plan, of others": lambda s: s.store.runs.set_plan(s.theirs.run_id, 1),
    "runs.renew_within": _in_transaction(
        lambda s, c: s.store.runs.renew_within(c, s.run, now=NOW, lease=LEASE)
    ),
    "audit.head": _in_transaction(lambda s, c: s.audit.head(c).number),
    "audit.rows": _in_transaction(lambda s, c: [row[:2] for row in s.audit.rows(c)]),
    "audit.number_sent": _in_transaction(lambda s, c: s.audit.number_sent(c)),
    "audit.all_agree": _in_transaction(lambda s, c: s.audit.all_agree(c)),
    "audit.differing": _in_transaction(
        lambda s, c: sorted(map(tuple, s.audit.differing(c, s.audit.head(c))))
    ),
    "audit.claimed_after": _in_transaction(
        lambda s, c: [s.audit.claimed_after(c, id_, 0) for id_ in IDS]
    ),
    "audit.users": _in_transaction(lambda s, c: sorted(s.audit.users(c))),
    "audit.first": _in_transaction(lambda s, c: s.audit.first(c, ALL)),
    "audit.hash_of": _in_transaction(lambda s, c: s.audit.hash_of(c, 99, s.audit.head(c))),
    "audit.share": _in_transaction(
        lambda s, c: [(row.number, row.body, row.is_chosen) for row in s.audit.share(c, ALL, 2)]
    ),
    "audit.actors_of": _in_transaction(lambda s, c: s.audit.actors_of(c, ALL)),
    "history.add": _in_transaction(
        lambda s, c: s.store.history.add(c, Event.CLAIMED, [{"entry_id": "new"}])
    ),
    "history.drop_before": lambda s: s.store.history.drop_before(NOW + LEASE),
    "history.recalled": lambda s: s.store.history.recalled([*IDS, "waits"]),
    "history.of": lambda s: [
        (row["entry_id"], row["event"], row["name"])
        for id_ in ("sent", "new", "refused")
        for row in s.store.history.of(id_)
    ],
    "last_outcomes.judged": lambda s: [
        one and one["entry_id"] for one in map(s.store.outcomes.judged, ("sent", "new"))
    ],
    "marks.begin": lambda s: s.store.marks.begin(Mark.INVOICED, ["sent", "new"]),
    "marks.forget": lambda s: s.store.marks.forget(Mark.INVOICED, ["sent", "new"]),
    "marks.known": lambda s: s.store.marks.known(Mark.INVOICED, IDS),
    "marks.tag_ids": lambda s: s.store.marks.tag_ids(),
    "marks.to_tag": lambda s: s.store.marks.to_tag(),
    "marks.to_untag": lambda s: s.store.marks.to_untag(),
    "marks.want": lambda s: s.store.marks.want(Mark.SENT_TAG, ["sent", "new"]),
    "marks.settle": lambda s: s.store.marks.settle(Mark.INVOICED, ["sent", "new"]),
    "runs.start": lambda s: s.start() and None,
    "pay_types.as_of": lambda s: s.store.pay_types.as_of(),
    "pay_types.learn": lambda s: s.store.pay_types.learn(
        {("55", "71"): None, ("55", "new"): "Holiday", ("56", "71"): "Regular"}, NOW + LEASE
    ),
    "pay_types.put": lambda s: s.store.pay_types.put("55", "Overtime", "new", ["72"]),
    "pay_types.remove": lambda s: s.store.pay_types.remove("55", ["71", "new"]),
    "pay_types.stored": lambda s: records(s.store.pay_types.stored()),
    "rules.replace": lambda s: s.store.rules.replace(s.store.rules.stored(), _rules("new")),
    "rules.stored": lambda s: records(s.store.rules.stored()),
    "list_copies.keep": lambda s: s.store.list_copies.keep({"Vendor": _copy(9)}),
    "list_copies.stored": lambda s: {
        name: asdict(one) for name, one in s.store.list_copies.stored().items()
    },
    "links.add": lambda s: s.store.links.add(
        [_link(one) for one in ("new", "linked", "missing", "gone")]
    ),
    "links.add_gone": lambda s: s.store.links.add_gone(
        [_lost(one, "gone") for one in ("new", "linked", "gone")]
    ),
    "links.link": lambda s: s.store.links.link(_link("linked")),
    "links.link, lost": lambda s: s.store.links.link(_link("barred")),
    "links.listed": lambda s: s.store.links.listed(),
    "links.store": lambda s: s.later.links.store(
        new=s.linked(*[_link(one) for one in ("new", "linked", "barred", "gone")]),
        lost=s.lost(_lost("newer"), _lost("other")),
    ),
    "links.stored": lambda s: s.store.links.stored(),
    "links.unlink": lambda s: s.store.links.unlink(Kind.USER, "linked", rematch=True),
    "links.unlink, barred": lambda s: s.store.links.unlink(Kind.USER, "barred", rematch=True),
    "links.unlink, of others": lambda s: s.store.links.unlink(Kind.USER, "new", rematch=True),
    "last_outcomes.left_behind": lambda s: s.store.outcomes.left_behind(),
    "last_outcomes.sent_at": lambda s: s.store.outcomes.sent_at(),
    "links.exclude": lambda s: s.store.links.exclude(Kind.USER, "linked", "Ann"),
    "links.unlinked": lambda s: s.store.links.unlinked(),
    "connection_settings.change": lambda s: s.store.settings.change(
        wanted={"link_vendors": "false"}, unwanted=["round"]
    ),
    "connection_settings.stored": lambda s: s.store.settings.stored(),
    "plans.all": lambda s: [asdict(one) for one in s.store.plans.all()],
    "plans.count_left_out": lambda s: [
        s.store.plans.count_left_out(id_, LeftOut((1,), ("waits",), (("", "waits"),)))
        for id_ in (s.waits, s.their_plan)
    ],
    "plans.decide": lambda s: asdict(
        s.store.plans.decide(s.waits, PlanState.APPROVED, by="Eva", left_out=LeftOut((1,)))
    ),
    "plans.decide, late": lambda s: s.later.plans.decide(s.waits, PlanState.APPROVED, by="Eva"),
    "plans.decide, of others": lambda s: s.store.plans.decide(
        s.their_plan, PlanState.APPROVED, by="Eva", left_out=LeftOut((1,))
    ),
    "plans.decide, late, of others": lambda s: s.later.plans.decide(
        s.their_plan, PlanState.APPROVED, by="Eva"
    ),
    "plans.end_overdue": lambda s: s.store.plans.end_overdue(),
    "plans.entries": lambda s: s.store.plans.entries(s.waits, ["waits", *IDS]),
    "plans.entries, of others": lambda s: s.store.plans.entries(s.their_plan, ["waits", *IDS]),
    "plans.held": lambda s: list(s.store.plans.held(["waits", *IDS])),
    "plans.in_order": lambda s: s.store.plans.in_order(s.waits),
    "plans.in_order, of others": lambda s: s.store.plans.in_order(s.their_plan),
    "plans.names": lambda s: s.store.plans.names(s.waits),
    "plans.names, of others": lambda s: s.store.plans.names(s.their_plan),
    "plans.numbered": lambda s: s.store.plans.numbered(s.waits, [1, 2, 3]),
    "plans.numbered, of others": lambda s: s.store.plans.numbered(s.their_plan, [1, 2, 3]),
    "plans.of_flow_run": lambda s: asdict(s.store.plans.of_flow_run(FLOW_RUN)),
    "plans.of_id": lambda s: asdict(s.store.plans.of_id(s.waits)),
    "plans.of_id, of others": lambda s: s.store.plans.of_id(s.their_plan),
    "plans.begin": lambda s: s.writer("new").offer(NOW + LEASE) and None,
    "plans.offer": lambda s: s.plan("waits"),
    "plans.offer, of others": lambda s: s.store.plans.offer(
        s.their_plan, expires_at=NOW + 2 * LEASE, entries=9
    ),
    "plans.offer, of others, empty": lambda s: s.store.plans.offer(
        s.their_plan, expires_at=NOW, entries=0
    ),
    "plans.sent_by": lambda s: s.store.plans.sent_by(s.waits, s.run),
    "plans.sent_by, of others": lambda s: s.store.plans.sent_by(s.their_plan, s.run),
    "plans.waiting": lambda s: [asdict(one) for one in s.store.plans.waiting()],
    "revocations.claim": lambda s: [asdict(one) for one in s.revocations.claim()],
    "revocations.forget": lambda s: s.revocations.forget(),
    "revocations.pending": lambda s: s.revocations.pending(),
    "revocations.pending, none": lambda s: s.revocations.forget() or s.revocations.pending(),
    "revocations.set_apart": lambda s: s.revocations.set_apart(),
    "tokens.access_token": lambda s: _tokens(s).access_token(),
    "tokens.renew": lambda s: _tokens(s).renew("another"),
    "tokens.store": _kept_tokens,
    "tokens.refused": _refused_tokens,
    "run_locks.release": lambda s: s.store.run_lock.release(HOLDER),
    "run_locks.renew": lambda s: s.later.run_lock.renew(HOLDER, lease=LEASE),
    "run_locks.take": lambda s: asdict(s.later.run_lock.take("me", "sync", lease=LEASE)),
    "unknown_time.call_other": lambda s: s.store.unknown_time.call_other(["found", "new"]),
    "unknown_time.call_other_than": lambda s: s.store.unknown_time.call_other_than(
        ["refused", "new"], [_unknown("found", 90)]
    ),
    "unknown_time.other_than": lambda s: s.store.unknown_time.other_than(["refused", "new"]),
    "unknown_time.of": lambda s: s.store.unknown_time.of([DAY]),
    "unknown_time.others": lambda s: s.store.unknown_time.others(
        [_unknown(id_, 60) for id_ in ("found", "other", "new")]
    ),
    "unknown_time.remember": lambda s: s.store.unknown_time.remember(
        [("employee:55", DAY), ("employee:55", "newer")],
        [_unknown(id_, 90) for id_ in ("found", "other", "newer")],
    ),
    "last_outcomes.between": lambda s: s.store.outcomes.between(start=None, end=None),
    "last_outcomes.forget": lambda s: s.store.outcomes.forget(IDS),
    "last_outcomes.keep": lambda s: s.store.outcomes.keep(s.run, _outcomes("sent", "new")),
    "last_outcomes.unsent": lambda s: s.store.outcomes.unsent([DAY]),
}


@pytest.mark.parametrize("call", OWN)
def test_it_answers_and_changes_as_if_alone(street, call):
    """Another connection's rows neither show nor change, whatever company it is to."""
    mine, alone = street.mine, street.without(street.stranger, street.neighbor)
    before = street.rows(street.stranger, street.neighbor)

    assert _told(OWN[call], mine) == _told(OWN[call], alone)
    assert _certain(_rows(mine.engine, mine.id)) == _certain(_rows(alone.engine, alone.id))
    assert street.rows(street.stranger, street.neighbor) == before


# --- what the connections to a company share ---------------------------------------------------


def _take_and_settle(activity, proof):
    def call(s):
        doubt = next(one for one in s.take() if one.entry_id == "doubt")
        found = s.settle(doubt, activity, proof)
        return found and asdict(found)

    return call


SHARED = {
    "connections.has_consent_of": lambda s: connections.has_consent_of(s.engine, "77"),
    "books.accounted": lambda s: s.store.books.accounted(["11", "13", "21", "9", "31"]),
    "books.holder": lambda s: [s.store.books.holder(id_) for id_ in ("11", "31", "9")],
    "books.holders": _in_transaction(
        lambda s, c: {
            id_: row.entry_id for id_, row in s.store.books.holders(c, ["11", "31", "9"]).items()
        }
    ),
    "books.let_go": _in_transaction(lambda s, c: s.store.books.let_go(c, ["27", "37", "9"])),
    "books.take_back": _in_transaction(
        lambda s, c: s.store.books.take_back(
            c, s.flying.request_id, ["9", "19", "39"], run_id=s.run
        )
    ),
    "payroll.taken_at": lambda s: s.store.payroll.taken_at(TimeKind.CONTRACTORS),
    "payroll.refusals": lambda s: [one.fault for one in s.store.payroll.refusals()],
    "payroll.check_alone": _in_transaction(
        lambda s, c: s.store.payroll.check_alone(c, s.flying.run_id)
    ),
    "adoptions.adopt": lambda s: _adopted(s, "new", "99"),
    "adoptions.adopt, refused before": lambda s: _adopted(s, "refused", "99"),
    "adoptions.adopt, sent": lambda s: _adopted(s, "sent", "99"),
    "adoptions.adopt, as a stranger's": lambda s: _adopted(s, "new", "11"),
    "adoptions.adopt, as a neighbor's": lambda s: _adopted(s, "new", "31"),
    "sent_entries.of_neighbors": lambda s: sorted(
        row.entry_id for row in s.store.sent.of_neighbors(DAY, DAY)
    ),
    "unknown_time.company_claims": lambda s: sorted(s.store.unknown_time.company_claims()),
    "claims_in_doubt.settle": _take_and_settle("9", Proof.ANSWER),
    "claims_in_doubt.settle, free": _take_and_settle("99", Proof.BOOKS),
    "claims_in_doubt.settle, as a stranger's": _take_and_settle("11", Proof.BOOKS),
    "claims_in_doubt.settle, as a neighbor's": _take_and_settle("31", Proof.BOOKS),
    "ledger.record": lambda s: s.record(s.flying, Done("1", "9", "0")),
    "ledger.record, as a stranger's": lambda s: s.record(s.flying, Done("1", "11", "0")),
}


@pytest.mark.parametrize("call", SHARED)
def test_of_the_books_only_another_company_is_a_stranger(street, call):
    """It holds TimeActivities with the same ids, which say nothing of these books."""
    mine, company = street.mine, street.without(street.stranger)
    before = street.rows(street.stranger)

    assert _told(SHARED[call], mine) == _told(SHARED[call], company)
    for one in (mine, street.neighbor):
        assert _certain(_rows(mine.engine, one.id)) == _certain(_rows(company.engine, one.id))
    assert street.rows(street.stranger) == before


def test_the_books_are_shared(street):
    """What a neighbor has sent, or has in flight, is accounted for; and is nobody else's."""
    s = street.mine

    known, flying = s.store.books.accounted(["21", "31", "11"])

    assert known == {"21", "31"}
    assert [one.body for one in flying if one.alive] == ["flying", "flying"]
    assert {one.body for one in flying if not one.alive} == {"found", "doubt"}
    assert s.store.books.holder("31") == "sent"
    assert "sent" in [row.entry_id for row in s.store.sent.of_neighbors(DAY, DAY)]
    consents = {one: connections.has_consent_of(s.engine, one) for one in ("77", "88", "99")}
    assert consents == {"77": True, "88": True, "99": False}
    with pytest.raises(TryAgain, match="recorded for another"):
        _take_and_settle("31", Proof.BOOKS)(s)


def test_a_neighbors_find_is_given_back_to_its_own_runs(street):
    """It is in doubt again; but it is not this connection's run that settles it."""
    s = street.mine
    theirs = sa.and_(table.c.connection_id == street.neighbor.id, table.c.entry_id == "sent")
    with writing(s.engine) as connection:
        connection.execute(table.update().where(theirs).values(proof=Proof.BOOKS))

    assert _take_and_settle("31", Proof.ANSWER)(s) is None
    with s.engine.connect() as connection:
        row = connection.execute(sa.select(table).where(theirs)).one()
    assert (row.state, row.time_activity_id) == ("sending", None)
    assert row.run_id == street.neighbor.run


def test_the_whole_database_is_asked_by_name(street):
    """What is asked of all connections at once tells them apart."""
    engine = street.mine.engine

    ids = {street.stranger.id, street.mine.id, street.neighbor.id}
    assert all_lifetimes(engine).keys() == revocations.all_pending(engine) == ids
    assert {one.id for one in connections.all_connections(engine)} == ids


#: Asked of the whole database; the file's end tests them, and their own tests.
WHOLE = {
    "audit.actors",
    "actors.pseudonymize",
    "claims_in_doubt.take_over",  # within the transactions of `take`
    "connections.all_connections",
    "lines.about",  # of what was read
    "lines.in_ledger",  # within queries
    "lines.is_outdated",
    "lines.line_of",
    "parts.is_broken",  # of rows that are there already
    "plans.vouch",  # by Prefect's id of a run, which has one plan
    "credentials.all_lifetimes",
    "credentials.locked_columns",
    "revocations.all_pending",
    "revocations.claim_due",
    "revocations.done",
    "revocations.failed",
    "runs.lease_over",
}


def _public(module):
    """Name the functions of a module, and the methods of what is bound to a connection."""
    for name, it in vars(module).items():
        if getattr(it, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(it) and issubclass(it, ConnectionScope):
            yield from (name for name, one in vars(it).items() if inspect.isfunction(one))
        elif inspect.isfunction(it):
            yield name


def test_no_function_of_the_store_is_left_out():
    """A new function comes with a case here."""
    modules = [
        connections,
        *(inspect.getmodule(kind) for kind in ConnectionScope.__subclasses__()),
    ]
    functions = {
        f"{module.__name__.rpartition('.')[2]}.{name}"
        for module in modules
        for name in _public(module)
        if not name.startswith("_")
    }

    assert len(functions) > 60
    assert functions - WHOLE <= {call.partition(",")[0] for call in [*OWN, *SHARED]}
