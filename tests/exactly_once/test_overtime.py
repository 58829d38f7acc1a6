"""An entry that overtime divides is booked with both of its pay types, wherever a process dies."""

from collections import Counter
from typing import Any

import pytest
from crash_points import SHARES, share_of

from flows.directory.rules import added

PAY_TYPES = {"71": "Regular", "72": "Overtime"}


@pytest.fixture
def late(lab: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the laboratory with a week of 40 hours, two before the end of its last entry.

    Both parts of that are equal, but for their pay types.
    """
    monkeypatch.setenv("CLOCKBOOKS_OVERTIME", "weekly")
    monkeypatch.setenv("CLOCKBOOKS_ALLOW_PAYROLL", "true")
    entries = lab.scenario["clockify"]["entries"]
    entries[0] |= {"start": "2026-03-02T08:00:00Z", "end": "2026-03-03T03:00:00Z"}
    entries[1] |= {"start": "2026-03-03T03:00:00Z", "end": "2026-03-03T22:00:00Z"}
    entries[2] |= {"start": "2026-03-04T08:00:00Z", "end": "2026-03-04T12:00:00Z"}
    lab.scenario["clockify"]["entries"] = entries[:3]
    company = lab.scenario["quickbooks"]["company"]
    company["NameValue"].append({"Name": "PayrollFeature", "Value": "true"})
    return lab


def prepare(late: Any, house: Any) -> None:
    """Let the employee have two pay types, and rules give them."""
    house.quickbooks.pay_types["55"] = PAY_TYPES
    late.bomb.reset()

    def say(context: Any) -> None:
        for id_, name in PAY_TYPES.items():
            context.store.pay_types.put("55", name, id_, [])

    assert late.run(say)
    added(None, {"pay_type": "Regular"}, None)
    added(None, {"pay_type": "Overtime", "hours": "overtime"}, None)


def paid(house: Any) -> Counter[Any]:
    return Counter(
        (row["TxnDate"], row["Hours"], row["PayrollItemRef"]["value"])
        for row in house.quickbooks.activities.values()
    )


PAID = Counter(
    {
        ("2026-03-02", 19, "71"): 1,
        ("2026-03-03", 19, "71"): 1,
        ("2026-03-04", 2, "71"): 1,
        ("2026-03-04", 2, "72"): 1,
    }
)


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("memory", ["forgets", pytest.param("remembers", marks=pytest.mark.slow)])
def test_a_send_may_die_at_any_point(late: Any, memory: str, share: int) -> None:
    """Each part is booked once in the end, with its own pay type."""
    with late.open(remembers_request_ids=memory == "remembers") as house:
        prepare(late, house)
        late.bomb.reset()
        assert late.send()
        points = list(late.bomb.points)
        assert paid(house) == PAID

    for at in share_of(points, share):
        with late.open(remembers_request_ids=memory == "remembers") as house:
            prepare(late, house)
            late.bomb.reset(at)
            assert not late.send()
            late.recover(house)
            late.check_each_once(house)
            assert paid(house) == PAID


@pytest.mark.parametrize("lost", ["71", "72"])
def test_one_part_that_never_came_is_not_taken_for_the_other(late: Any, lost: str) -> None:
    """QuickBooks has made one of two parts, and forgotten the request: the other one is made."""
    with late.open(remembers_request_ids=False) as house:
        prepare(late, house)

        def lose(_: Any) -> Any:
            for id_, row in list(house.quickbooks.activities.items()):
                if row["TxnDate"] == "2026-03-04" and row["PayrollItemRef"]["value"] == lost:
                    house.quickbooks.people.delete_time(id_)
            return {}

        house.quickbooks.faults.plan("POST .*/batch", "edit", times=10, edit=lose)
        late.send()
        late.recover(house)
        late.check_each_once(house)
        assert paid(house) == PAID
