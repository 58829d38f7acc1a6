"""Differences that are kept, until a run sees that they are gone."""

import json
import sqlite3
from contextlib import closing


def test_a_pseudonym_replaces_the_name_in_what_differs(week):
    """The name is replaced wherever the database has it for a person."""
    id_ = week.pick()
    name = week.sent[id_]["user"]
    others = {week.entry(one)["userId"] for one in week.sent} - {week.entry(id_)["userId"]}
    week.entry(id_)["userId"] = min(others)
    week.reconcile(code=3)

    assert week.house.run("audit", "pseudonymize", name, "--yes").code == 0

    with closing(sqlite3.connect(week.house.folder / "clockbooks.db")) as database:
        ((differs,),) = database.execute("SELECT differs FROM drift").fetchall()
    users = json.loads(differs)["user"]
    assert name not in users.values()
    assert users["ledger"] == users["quickbooks"] != users["clockify"]


def test_what_could_not_be_compared_stays_known_as_different(week):
    """`entries --state drifted` forgets nothing that a run could not look at."""
    id_ = week.pick()
    week.lengthen(id_)
    week.reconcile(code=3)

    def spoil(answer):
        for row in answer["timeentries"]:
            if row["_id"] == id_:
                row["timeInterval"]["duration"] = 17
        return answer

    week.house.clockify.faults.plan("reports/detailed", "edit", times=9, edit=spoil)
    week.reconcile(code=3)

    assert week.drifted() == [id_]
