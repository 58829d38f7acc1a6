"""Unsent entries beside TimeActivities that nobody knows: equal, sums, nearly the same, unknown."""

from collections import Counter
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from transforms.identity.match_books import Content, content_of
from transforms.identity.match_unknown import One, differences, match_unknown

PERSON = ("Employee", "55")


def content(minutes=60, text="Digging", customer="21", day="2026-03-02", person=PERSON, rate=75):
    """Return the content of an entry or a TimeActivity."""
    amounts = Decimal(minutes), Decimal(rate)
    return Content(person, customer, day, amounts[0], rate > 0, amounts[1], text)


def match(entries, rows):
    """Compare contents; entries are called e0, e1 …, TimeActivities 0, 1 …"""
    return match_unknown(
        [One(f"e{nth}", one) for nth, one in enumerate(entries)],
        [One(str(nth), one) for nth, one in enumerate(rows)],
    )


contents = st.builds(
    content,
    minutes=st.sampled_from([30, 60, 90]),
    text=st.sampled_from(["", "a", "b"]),
    customer=st.sampled_from(["", "21"]),
    day=st.sampled_from(["2026-03-02", "2026-03-03"]),
    person=st.sampled_from([PERSON, ("Vendor", "55")]),
    rate=st.sampled_from([0, 75]),
)


@given(st.lists(contents, max_size=12), st.lists(contents, max_size=12))
def test_equal_ones_are_paired_as_a_multiset(entries, rows):
    """Of n equal entries and m equal rows, the smaller number is adopted: never more, nor fewer."""
    found = match(entries, rows)

    both = Counter(entries) & Counter(rows)
    assert Counter(entries[int(id_[1:])] for id_ in found.equal) == both
    for entry_id, id_ in found.equal.items():
        assert entries[int(entry_id[1:])] == rows[int(id_)]


@given(st.lists(contents, max_size=12), st.lists(contents, max_size=12))
def test_each_is_in_one_place_at_most(entries, rows):
    """No entry has two rows, no row two entries; every row ends somewhere; people do not mix."""
    found = match(entries, rows)

    summed = [entry_id for ids in found.sums.values() for entry_id in ids]
    used = [*found.equal, *found.near, *summed]
    assert len(used) == len(set(used))
    taken = [*found.equal.values(), *found.near.values(), *found.sums, *found.unknown]
    assert sorted(taken) == sorted(map(str, range(len(rows))))
    for entry_id, id_ in found.near.items():
        mine, theirs = entries[int(entry_id[1:])], rows[int(id_)]
        assert (mine.person, mine.day) == (theirs.person, theirs.day)
        assert differences(mine, theirs)
    for id_, ids in found.sums.items():
        assert rows[int(id_)].minutes == sum(entries[int(one[1:])].minutes for one in ids)


def test_parts_are_equal_together_or_not_at_all():
    """Before single entries, whichever comes first; one part alone comes after those."""
    evening, morning = content(120), content(375, day="2026-03-03")
    short, night = One("e", evening), [One("n", evening), One("n/2", morning)]
    both, rest = [One("0", evening), One("1", morning)], [One("0", evening)]

    for entries in ([short, *night], [*night, short]):
        assert match_unknown(entries, both).equal == {"n": "0", "n/2": "1"}
        assert match_unknown(entries, rest).equal == {"e": "0"}
    alone = match_unknown(night, rest)
    assert (alone.equal, alone.near, alone.unknown) == ({}, {"n": "0"}, [])


def test_of_several_the_pair_that_differs_least_is_near():
    """An edited text is less than another length, customer or everything."""
    found = match(
        [content(60, "Digging"), content(45, "Planting", customer="22")],
        [content(50, "Planting", customer="23"), content(60, "As billed")],
    )

    assert found.near == {"e0": "1", "e1": "0"}


def test_entries_that_add_up_are_a_sum_and_no_pair():
    """Of a customer first, and then of the whole day."""
    entries = [content(30, "a"), content(60, "b"), content(15, "c", customer="22")]

    assert match(entries, [content(90, "Monday")]).sums == {"0": ["e0", "e1"]}
    whole = match(entries, [content(105, "Monday", customer="")])
    assert whole.sums == {"0": ["e0", "e1", "e2"]}


def test_a_time_that_cannot_be_read_is_unknown():
    """It equals nothing and is near nothing."""
    broken = content()._replace(minutes=Decimal("NaN"))

    assert match([content()], [broken]).unknown == ["0"]


def test_the_length_of_a_row_with_start_and_end():
    """What lies between, less the break; a half minute goes up, and dates do not count."""

    def minutes(start, end, **more):
        return content_of({"StartTime": start, "EndTime": end, **more}).minutes

    assert minutes("2026-03-02T09:00:00-08:00", "2026-03-02T17:00:00-08:00") == 480
    assert minutes("09:00:00-08:00", "17:00:00-08:00", BreakMinutes=30) == 450
    assert minutes("2015-03-02T09:00:00-08:00", "2026-03-02T09:00:30-08:00") == 1
    assert minutes("noon", "17:00:00").is_nan()
    assert content_of({"Hours": 1, "Minutes": 0, "Seconds": 30}).minutes == 61
