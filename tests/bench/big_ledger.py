"""Fills a ledger with the past of a company: entries that were sent, day after day, by SQL alone.

The database makes the rows itself, in the order of their keys and without checking references,
which are right by construction: so ten million take minutes, not hours.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

#: Entries of one batch, and of one run, of the past.
BATCH, RUN = 30, 3000

#: Entries of one day, from 2000 on: ten million end in 2022, before any entry of a bench or a test.
A_DAY = 1200

#: So many entries are added by one statement.
_AT_ONCE = 999_000

_SQLITE = {
    "numbers": "(WITH RECURSIVE up(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM up"
    " WHERE n < :last) SELECT n FROM up) AS numbers",
    "id": "printf('%024x', n)",
    "day": f"date('2000-01-01', '+' || (n / {A_DAY}) || ' day')",
    "then": "'2025-01-01 00:00:00.000000'",
    "text": "printf('%09d', {})",
}

_POSTGRESQL = {
    "numbers": "(SELECT generate_series(CAST(:first AS INTEGER), CAST(:last AS INTEGER)) AS n)"
    " AS numbers",
    "id": "lpad(to_hex(n), 24, '0')",
    "day": f"to_char(DATE '2000-01-01' + n / {A_DAY}, 'YYYY-MM-DD')",
    "then": "TIMESTAMPTZ '2025-01-01 00:00:00Z'",
    "text": "lpad(CAST({} AS TEXT), 9, '0')",
}

_BODY = (
    '{"TxnDate":"2020-01-01","NameOf":"Employee","EmployeeRef":{"value":"55"},"CustomerRef":'
    '{"value":"21"},"BillableStatus":"Billable","HourlyRate":75.5,"Hours":1,"Minutes":0,'
    '"Description":"Drawings of the kitchen, second round"}'
)


def fill(engine: sa.Engine, connection_id: int, *, first: int, last: int) -> None:
    """Add the entries numbered *first* to *last*, sent in batches, with contents and verdicts.

    Args:
        engine: A database of Clockbooks'.
        connection_id: Whose entries.
        first: 1, or what follows the last one that was added before.
        last: Not before it.
    """
    say = _POSTGRESQL if engine.dialect.name == "postgresql" else _SQLITE
    run, request = f"(n - 1) / {RUN}", f"(n - 1) / {BATCH}"
    run_id, request_id = ("'past-' || " + say["text"].format(part) for part in (run, request))
    then, numbers, id_, day = say["then"], say["numbers"], say["id"], say["day"]
    bid, qbo_id = say["text"].format(f"n % {BATCH}"), "'past-' || " + say["text"].format("n")
    statements = (
        f"""INSERT INTO runs (id, connection_id, started_at, lease_until, finished_at)
        SELECT {run_id}, :own, {then}, {then}, {then} FROM {numbers} WHERE n % {RUN} = 1""",
        f"""INSERT INTO batches (request_id, connection_id, run_id, fingerprint, claimed_at)
        SELECT {request_id}, :own, {run_id}, '', {then} FROM {numbers} WHERE n % {BATCH} = 1""",
        f"""INSERT INTO ledger (connection_id, entry_id, state, run_id, request_id, bid, body,
        minutes, txn_date, time_activity_id, sync_token, proof, changed_at)
        SELECT :own, {id_}, 'sent', {run_id}, {request_id}, {bid}, CAST(:body AS TEXT),
        60, {day}, {qbo_id}, '0', 'answer', {then} FROM {numbers}""",
        f"""INSERT INTO contents (connection_id, entry_id, claim_no, source, user_id, person, day,
        start, duration_s, slack_s, project_id, project, client, task, description)
        SELECT :own, {id_}, {request}, 'clockify', 'u1', 'employee:55', {day},
        {then}, 3600, 0, 'p1', 'Kitchen', 'Orchard', '', '0123456789abcdef' FROM {numbers}""",
        f"""INSERT INTO verdicts (connection_id, entry_id, run_id, state, date, minutes, "user",
        client, project, description) SELECT :own, {id_}, {run_id}, 'sent', {day}, 60,
        'Ann', 'Orchard', 'Kitchen', 'Drawings of the kitchen' FROM {numbers}""",
    )
    with _hurrying(engine) as connection:
        for begun in range(first, last + 1, _AT_ONCE):
            values = {"first": begun, "last": min(begun + _AT_ONCE - 1, last)}
            values |= {"own": connection_id, "body": _BODY}
            for statement in statements:
                text = sa.text(statement)
                connection.execute(text, {name: values[name] for name in text.compile().params})


@contextmanager
def _hurrying(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Yield a connection that trusts its statements and the machine; tidy up afterwards."""
    hurrying, tidying = _HURRY[engine.dialect.name]
    own = sa.create_engine(engine.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with own.connect() as connection:
        for statement in hurrying:
            connection.exec_driver_sql(statement)
        yield connection
        for statement in tidying:
            connection.exec_driver_sql(statement)


#: What is said before a fill, and after it: PostgreSQL would vacuum by itself, sooner or later.
_HURRY = {
    "sqlite": (["PRAGMA foreign_keys = OFF", "PRAGMA synchronous = OFF"], []),
    "postgresql": (
        ["SET session_replication_role = replica", "SET synchronous_commit = off"],
        ["VACUUM ANALYZE"],
    ),
}
