"""What the ledger's entries are about, so that sources without ids can be compared with them."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from connectors.database import changing, insert_into
from connectors.store.chain import of_ledger
from connectors.store.history import History
from connectors.store.lines import OF_LEDGER, Lines, is_outdated
from connectors.store.lines import about as about_line
from connectors.store.scope import ConnectionScope, records, rows_of
from schemas.contents import Contents
from schemas.part_ids import later_ids, whole_id
from schemas.tables import batches, contents, former_contents, ledger, lines, verdicts
from schemas.words import IN_BOOKS, Event, LedgerState, Source

NAMES = tuple(Contents.to_schema().columns)

#: By what an older export is recognized.
_WORK = [name for name in NAMES if name not in {"entry_id", "source", "rate", "hours"}]

#: Local clocks are up to 26 hours apart: two days.
_AROUND = timedelta(days=2)


#: Of several known entries that are the same, the one in the books is meant first.
_RANK = {
    LedgerState.SENT: 0, LedgerState.SENDING: 1, LedgerState.REFUSED: 2, LedgerState.RECALLED: 3,
}  # fmt: skip


class EntryContents(ConnectionScope):
    """The contents of one connection's entries."""

    def newest_claim(self) -> int:
        """Return the number of the latest claim; ask before `known`, never after."""
        with self.engine.connect() as connection:
            return self._newest(connection)

    def known(self, days: Sequence[str], *, source: Source | None = None) -> pd.DataFrame:
        """Return the `Contents` of days, YYYY-MM-DD, and of those around: time zones may differ.

        Those in the books come first. With *source*, only those whose id came from there.
        """
        if not days:
            return _frame([])
        query = self._of_days(days)
        if source is not None:
            query = query.where(contents.c.source == source)
        with self.engine.connect() as connection:
            found = self._once(connection, query)
            # Rows of files are in no line.
            return _frame(found + self._in_lines(connection, days) * (source != Source.FILE))

    def as_claimed(self, entry_ids: Sequence[str]) -> pd.DataFrame:
        """Return the `Contents` of some entries as they were when they were claimed."""
        columns = [contents.c[name] for name in NAMES]
        of_lines = self._look_up(lines.c.entry_id, entry_ids, [lines.c.entry_id, lines.c.contents])
        joined = {row.entry_id for row in of_lines}
        alone = [id_ for id_ in entry_ids if id_ not in joined]
        rows = self._look_up(contents.c.entry_id, alone, columns)
        return _frame([*rows, *(_of_line(row.contents) for row in of_lines)])

    def claimed_since(
        self, connection: sa.Connection, claim_no: int, run_id: str, days: Sequence[str]
    ) -> pd.DataFrame:
        """Return what other runs have claimed for those days since a claim; see `known`."""
        others = (contents.c.claim_no > claim_no, ledger.c.run_id != run_id)
        found = self._once(connection, self._of_days(days).where(*others))
        return _frame(found + self._in_lines(connection, days, *others))

    def sent_since(self, days: Sequence[str], since: datetime) -> pd.DataFrame:
        """Return the `Contents` of days, as `known`, of what is in the books since some instant."""
        its_batch = batches.c.request_id == ledger.c.request_id
        is_there = ledger.c.state.in_(IN_BOOKS)
        which = (sa.exists().where(its_batch, batches.c.claimed_at >= since), is_there)
        with self.engine.connect() as connection:
            found = self._once(connection, self._of_days(days).where(*which))
            return _frame(found + self._in_lines(connection, days, *which))

    def insert(self, connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> int:
        """Keep the `Contents` of entries that are being claimed, and return the claim's number.

        Takes at least one row, within the transaction of the claim.
        """
        claim_no = self._newest(connection) + 1
        own = {"connection_id": self.connection_id, "claim_no": claim_no}
        statement = insert_into(connection, contents)
        statement = statement.on_conflict_do_update(
            index_elements=[contents.c.connection_id, contents.c.entry_id],
            set_={name: statement.excluded[name] for name in [*NAMES[1:], "claim_no"]},
        )
        connection.execute(statement, [{**row, **own} for row in rows])
        return claim_no

    def remember(self, found: pd.DataFrame) -> None:
        """Keep the `Contents` of entries that were claimed by a Clockbooks that did not keep them.

        Those that the ledger does not hold, or knows already, are left out.
        """
        by_id = dict(zip(found["entry_id"], records(found), strict=True))
        with changing(self.engine) as connection:
            held, kept = (
                {row.entry_id for row in rows_of(connection, key, self.connection_id, by_id, [key])}
                for key in (ledger.c.entry_id, contents.c.entry_id)
            )
            missing = held - kept
            rows = [record for entry_id, record in by_id.items() if entry_id in missing]
            if rows:
                self.insert(connection, rows)

    def renew(self, connection: sa.Connection, row: Mapping[str, Any]) -> None:
        """Keep the `Contents` of a sent entry as they are now, and those that they replace, too.

        Within the transaction that records that QuickBooks has the entry so.
        """
        columns = [contents.c[name] for name in NAMES]
        key, ids = contents.c.entry_id, [row["entry_id"]]
        for before in rows_of(connection, key, self.connection_id, ids, columns):
            self._keep_former(connection, row["entry_id"], before._asdict())
        self.insert(connection, [row])

    def replace(
        self,
        connection: sa.Connection,
        row_ids: Mapping[str, str],
        about: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Keep what entries were about that are claimed as something else, or whose line is broken.

        Within the transaction of the claim, before the lines are replaced.

        Args:
            connection: Its transaction.
            row_ids: The entries that are claimed, and under which id the ledger has each.
            about: Their `Contents`, by their ids.
        """
        columns = [contents.c[name] for name in NAMES]
        key = contents.c.entry_id
        found = rows_of(connection, key, self.connection_id, row_ids, columns)
        before = {row.entry_id: row._asdict() for row in found}
        key, columns = lines.c.entry_id, [lines.c.entry_id, lines.c.contents]
        for row in rows_of(connection, key, self.connection_id, row_ids, columns):
            before[row.entry_id] = about_line(row.contents)
        broken = self._same(Lines).members(connection, set(row_ids.values()))
        for row in (row for rows in broken.values() for row in rows):
            if row.entry_id not in row_ids:
                self._keep_former(connection, row.first_id, about_line(row.contents))
        for id_, was in before.items():
            if any(was[name] != about[id_][name] for name in _WORK):
                self._keep_former(connection, row_ids[id_], was)

    def _keep_former(self, connection: sa.Connection, row_id: str, was: Mapping[str, Any]) -> None:
        # Later entries of a line have no row in the ledger: theirs stays with that of the line.
        member = {} if was["entry_id"] == row_id else {"member": was["entry_id"]}
        text = json.dumps({**was, **member}, default=str)
        row = {"connection_id": self.connection_id, "entry_id": row_id, "day": was["day"]}
        connection.execute(former_contents.insert().values(**row, contents=text))

    def former(self, days: Sequence[str]) -> pd.DataFrame:
        """Return what entries were about before repairs; see `known`.

        Their `entry_id`s end in `~` and a number, because one entry may have several.
        """
        if not days:
            return _frame([])
        between = former_contents.c.day.between(*_around(days))
        query = sa.select(former_contents).where(self._own(former_contents), between)
        query = query.where(~former_contents.c.entry_id.contains("/"))
        with self.engine.connect() as connection:
            found = connection.execute(query).all()
        rows = [
            told | {"entry_id": f"{told.get('member', row.entry_id)}~{row.id}"}
            for row, told in ((row, json.loads(row.contents)) for row in found)
        ]
        return _frame([[row.get(name) for name in NAMES] for row in rows])

    def adopt(self, own_ids: Mapping[str, str]) -> None:
        """Give entries that were sent from a file, by their ids of ours, Clockify's ids.

        What was refused or taken back under that one gives way: the ledger has it as it was sent
        from the file. Where that one is in the books, or the other is held no longer, nothing
        changes.
        """
        renamed: list[dict[str, Any]] = []
        with changing(self.engine) as connection:
            for ours, clockifys in own_ids.items():
                every = [clockifys, *later_ids(clockifys)]
                query = sa.select(ledger).where(
                    self._own(ledger), ledger.c.entry_id.in_([ours, *every])
                )
                held = {row["entry_id"]: row for row in connection.execute(query).mappings()}
                mine = held.pop(ours, None)
                there = any(row["state"] in IN_BOOKS for row in held.values())
                joined = self._same(Lines).held(connection, [clockifys])
                if mine is not None and not there and not joined:
                    self._give_way(connection, clockifys, ours)
                    self._rename(connection, ours, clockifys)
                    renamed.append({"entry_id": ours, "note": clockifys})
                    told = of_ledger(mine) | {"entry_id": clockifys, "note": ours}
                    if mine["state"] not in IN_BOOKS:
                        told["fingerprint"] = None  # QuickBooks does not have it
                    renamed.append(told)
            self._same(History).add(connection, Event.RENAMED, renamed)

    def _give_way(self, connection: sa.Connection, clockifys: str, ours: str) -> None:
        """Drop what is not in the books of an entry; older exports of it are of *ours* then."""
        columns = [contents.c[name] for name in NAMES]
        key = contents.c.entry_id
        alone = rows_of(connection, key, self.connection_id, [clockifys], columns)
        its_lines = sa.and_(
            self._own(lines), sa.or_(lines.c.first_id == clockifys, lines.c.entry_id == clockifys)
        )
        joined = connection.scalars(sa.select(lines.c.contents).where(its_lines))
        before = {row.entry_id: row._asdict() for row in alone}
        before |= {told["entry_id"]: told for told in map(about_line, joined)}
        for told in before.values():
            self._keep_former(connection, ours, told)
        former = sa.and_(self._own(former_contents), former_contents.c.entry_id == clockifys)
        connection.execute(former_contents.update().where(former).values(entry_id=ours))
        connection.execute(lines.delete().where(its_lines))
        every = ledger.c.entry_id.in_([clockifys, *later_ids(clockifys)])
        connection.execute(ledger.delete().where(self._own(ledger), every))

    def _rename(self, connection: sa.Connection, ours: str, clockifys: str) -> None:
        def rows(table: sa.Table, entry_id: str) -> sa.ColumnElement[bool]:
            return sa.and_(self._own(table), table.c.entry_id == entry_id)

        connection.execute(verdicts.delete().where(rows(verdicts, clockifys)))
        for table in (verdicts, ledger):  # the contents follow the ledger
            connection.execute(table.update().where(rows(table, ours)).values(entry_id=clockifys))
        connection.execute(
            contents.update().where(rows(contents, clockifys)).values(source=Source.CLOCKIFY)
        )

    def _newest(self, connection: sa.Connection) -> int:
        """Return the largest number given so far; a claim that was given back keeps its batch."""
        newest = (
            connection.scalar(sa.select(sa.func.max(table.c.claim_no)).where(self._own(table)))
            for table in (contents, batches)
        )
        return max(number or 0 for number in newest)

    def _once(self, connection: sa.Connection, query: sa.Select[Any]) -> list[Any]:
        """Return what a query finds, without later parts: they say what their whole entry says.

        One that is in the books stands for its entry if the ledger does not have the first part.
        """
        rows = connection.execute(query).all()
        firsts = {whole_id(row.entry_id) for row in rows if "/" in row.entry_id}
        key = ledger.c.entry_id
        held = rows_of(connection, key, self.connection_id, firsts, [key])
        stood_for = {row.entry_id for row in held}
        found = []
        for row in rows:
            if row.entry_id == whole_id(row.entry_id):
                found.append(row)
            elif whole_id(row.entry_id) not in stood_for:
                stood_for.add(whole_id(row.entry_id))
                found.append(row)
        return found

    def _in_lines(
        self, connection: sa.Connection, days: Sequence[str], *which: sa.ColumnElement[bool]
    ) -> list[Any]:
        """Return what the later entries of lines are about; those in the books come first."""
        first = sa.and_(
            contents.c.connection_id == ledger.c.connection_id,
            contents.c.entry_id == ledger.c.entry_id,
        )
        query = (
            sa.select(lines.c.contents)
            .join_from(ledger, lines, OF_LEDGER)
            .join(contents, first)
            .where(self._own(ledger), ledger.c.txn_date.between(*_around(days)), *which)
            .where(lines.c.entry_id != lines.c.first_id)
            .order_by(sa.case(_RANK, value=ledger.c.state), lines.c.entry_id)
        )
        return [_of_line(text) for text in connection.scalars(query)]

    def _of_days(self, days: Sequence[str]) -> sa.Select[Any]:
        same_entry = sa.and_(
            ledger.c.connection_id == contents.c.connection_id,
            ledger.c.entry_id == contents.c.entry_id,
        )
        return (
            sa.select(*[contents.c[name] for name in NAMES])
            .join(ledger, same_entry)
            .where(
                self._own(contents),
                contents.c.day.between(*_around(days)),
                ~is_outdated(contents.c.entry_id),
                sa.or_(
                    ~contents.c.entry_id.contains("/"),
                    ledger.c.state.in_(IN_BOOKS),
                ),
            )
            .order_by(sa.case(_RANK, value=ledger.c.state), contents.c.entry_id)
        )


def _of_line(contents: str) -> list[Any]:
    row = about_line(contents)
    return [row[name] for name in NAMES]


def _around(days: Sequence[str]) -> tuple[str, str]:
    """Return the first and the last day that may be about the same work as one of *days*."""
    first, last = date.fromisoformat(min(days)) - _AROUND, date.fromisoformat(max(days)) + _AROUND
    return first.isoformat(), last.isoformat()


def _frame(rows: Sequence[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(NAMES), dtype=object)
    frame["start"] = pd.to_datetime(frame["start"], utc=True).dt.as_unit("us")
    # Checked only where there is something: a claim asks for every batch, nearly always for none.
    return Contents.validate(frame) if rows else frame
