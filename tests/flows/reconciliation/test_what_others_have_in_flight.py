"""Two connections to one company, one of which has an entry in doubt."""

import json
import sqlite3
from contextlib import closing

TYPED = ("TxnDate", "NameOf", "EmployeeRef", "VendorRef", "CustomerRef", "Hours", "Minutes",
         "BillableStatus", "HourlyRate", "ItemRef")  # fmt: skip


def test_one_doubt_explains_one_time_activity(week):
    """Of two equal TimeActivities, another connection's doubt may be one; the other is unknown.

    Equal entries are counted, everywhere. Both are in QuickBooks' books and so in its totals.
    """
    id_ = week.pick()
    activity = week.activity(id_)
    typed = {name: activity[name] for name in TYPED if name in activity}
    for _ in range(2):
        week.people.type_time(**typed, Description="Equal work")
    _in_doubt_elsewhere(week, id_, Description="Equal work")

    found = week.reconcile("--connection", "main", code=3)

    assert found["counts"]["unknown_in_quickbooks"] == 1
    minutes = found["totals"]["minutes"]
    length = activity["Hours"] * 60 + activity["Minutes"]
    assert minutes["quickbooks"] - minutes["ledger"] == 2 * length


def _in_doubt_elsewhere(week, like, **members):
    """Let a connection of another workspace to the same company have an entry in doubt."""
    with closing(sqlite3.connect(week.house.folder / "clockbooks.db")) as database, database:
        database.row_factory = sqlite3.Row

        def copy(table, where="1", **changes):
            query = f"SELECT * FROM {table} WHERE {where}"
            row = {**dict(database.execute(query).fetchone()), **changes}
            places = ",".join("?" * len(row))
            insert = f"INSERT INTO {table} ({','.join(row)}) VALUES ({places})"
            database.execute(insert, tuple(row.values()))

        (sent,) = database.execute("SELECT body FROM ledger WHERE entry_id = ?", (like,)).fetchone()
        copy("connections", id=2, name="other", workspace_id="64aa000000000000000000a9")
        copy("runs", id="another-run", connection_id=2)
        copy("batches", request_id="another", connection_id=2, run_id="another-run")
        copy(
            "ledger",
            f"entry_id = '{like}'",
            connection_id=2,
            entry_id="e" * 24,
            run_id="another-run",
            request_id="another",
            state="sending",
            time_activity_id=None,
            body=json.dumps({**json.loads(sent), **members}),
        )
