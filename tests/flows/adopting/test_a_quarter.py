"""Weeks that another tool put into the books: nothing goes twice, and nothing is lost."""

from collections import defaultdict

import pytest

QUARTER = ("--start", "2026-07-27", "--end", "2026-10-31")
FORTNIGHT = ("--start", "2026-09-14", "--end", "2026-09-27")


@pytest.mark.parametrize(
    ("days", "many"), [(FORTNIGHT, 80), pytest.param(QUARTER, 500, marks=pytest.mark.slow)]
)
def test_a_quarter_from_another_tool_is_neither_doubled_nor_lost(
    synced,
    in_this_process,  # noqa: ARG001 - for speed
    rows_of,
    days,
    many,
):
    """All that is equal is adopted; each other entry waits for somebody, and nothing goes twice.

    There are edited texts, other rounding, true twins, and days in one row.
    """
    house = synced
    add_twins(house)
    fresh = (house.folder / "clockbooks.db").read_bytes()
    assert house.run("send", *days, "--yes", "--json").code == 3  # some have their reasons
    sent = {row["entry_id"]: row["time_activity_id"] for row in rows_of(house, "ledger")
            if row["state"] == "sent"}  # fmt: skip
    for file in house.folder.glob("clockbooks.db*"):
        file.unlink()
    (house.folder / "clockbooks.db").write_bytes(fresh)
    edited, rounded, summed = as_another_tool(house.quickbooks.activities)
    before = len(house.quickbooks.activities)

    ran = house.run("adopt", *days, "--yes", "--json")
    assert ran.code == 3, ran.err
    document = ran.document
    adopted = {one["entry_id"]: one["time_activity_id"] for one in document["adopted"]}
    near = {one["time_activity_id"]: one for one in document["near"]}
    equal = set(house.quickbooks.activities) - edited - rounded - set(summed)
    assert len(adopted) >= 0.99 * len(equal) > many
    assert len(set(adopted.values())) == len(adopted), "one TimeActivity is one entry"
    assert not set(adopted.values()) & (edited | rounded | set(summed))
    for id_ in edited & near.keys():
        assert "description" in near[id_]["differs"]
    assert all(len(near[id_]["sum_of"]) == summed[id_] for id_ in summed)

    after = house.run("send", *days, "--yes", "--json").document
    assert len(house.quickbooks.activities) == before, "nothing goes twice"
    held = {e["entry_id"] for e in after["entries"] if e["reason"] == "maybe_in_books"}
    assert held | set(adopted) == set(sent), "nothing is lost"
    assert not held & set(adopted)
    again = house.run("adopt", *days, "--yes", "--json").document
    assert again["counts"] == document["counts"] | {"adopted": 0}


def add_twins(house):
    """Let every fifteenth entry be there twice."""
    for nth, (_, entry) in enumerate(sorted(house.clockify.entries.items())):
        if nth % 15 == 0 and entry["end"]:
            twin = f"{nth:024x}"
            house.clockify.entries[twin] = entry | {"id": twin}


def as_another_tool(rows):
    """Change the books as another tool would have filled them.

    Returns which texts were edited, which rows rounded otherwise, and which are sums of a day, with
    how many entries each has.
    """
    by_day = defaultdict(list)
    for id_, row in sorted(rows.items(), key=lambda item: int(item[0])):
        by_day[row["TxnDate"], str(row.get("EmployeeRef")), str(row.get("VendorRef"))].append(id_)
    edited, rounded, summed = set(), set(), {}
    for nth, ids in enumerate(by_day.values()):
        if nth % 10 == 0:
            edited.add(ids[0])
            rows[ids[0]]["Description"] = f"Invoice text {nth}"
        elif nth % 10 == 1:
            rounded.add(ids[0])
            rows[ids[0]]["Minutes"] = (rows[ids[0]]["Minutes"] + 6) % 60
        elif nth % 10 == 2 and len(ids) > 1:
            total = sum(rows[id_]["Hours"] * 60 + rows[id_]["Minutes"] for id_ in ids)
            for id_ in ids[1:]:
                del rows[id_]
            rows[ids[0]].pop("CustomerRef", None)
            rows[ids[0]] |= {"Hours": total // 60, "Minutes": total % 60, "Description": "Day"}
            rows[ids[0]] |= {"BillableStatus": "NotBillable", "HourlyRate": 0}
            summed[ids[0]] = len(ids)
    assert min(map(len, (edited, rounded, summed))) > 5
    return edited, rounded, summed
