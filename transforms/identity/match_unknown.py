"""Compares unsent entries with TimeActivities that no ledger knows: which may be the same work.

Equal ones are paired as a multiset: of three equal entries and two equal TimeActivities, two are in
the books. An entry in parts is, if all of its parts are. What is left of a person and a day is
compared further: entries that add up to one TimeActivity, then pairs that differ, those first that
differ least. Of these a person decides.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, NamedTuple

from schemas.part_ids import whole_id
from transforms.identity.match_books import Content

#: What two contents of the same person and day may differ in.
ASPECTS: dict[str, tuple[str, ...]] = {
    "description": ("description",),
    "billing": ("billable", "rate"),
    "minutes": ("minutes",),
    "customer": ("customer_id",),
}

#: Which of these, fewest first; for the same number, what tools change most often.
_MASKS = [set(mask) for number in range(1, 5) for mask in combinations(ASPECTS, number)]


class One(NamedTuple):
    """An unsent entry, or a TimeActivity that no ledger knows.

    Attributes:
        id: Its id.
        content: As it would be sent, or as QuickBooks has it.
    """

    id: str
    content: Content


@dataclass(frozen=True)
class Comparison:
    """What entries and TimeActivities have in common; each one is in it once at most.

    Attributes:
        equal: TimeActivity ids, by entry.
        sums: Entries that add up to one TimeActivity, by its id.
        near: TimeActivity ids, by entry: the same person and day, but not equal; or equal to a part
            of which another part is not there.
        unknown: TimeActivities that no entry is like.
    """

    equal: dict[str, str]
    sums: dict[str, list[str]]
    near: dict[str, str]
    unknown: list[str]


def match_unknown(entries: Sequence[One], rows: Sequence[One]) -> Comparison:
    """Compare unsent entries with TimeActivities that no ledger knows.

    Args:
        entries: The entries, of whole days.
        rows: The TimeActivities of the same days.
    """
    number = Counter(whole_id(one.id) for one in entries)
    parts = _Left(one for one in entries if number[whole_id(one.id)] > 1)
    single = _Left(one for one in entries if one.id not in parts.by_id)
    found = _Left(rows)
    equal = _pair_units(parts, found) | _pair(single, found, lambda content: content)
    near = _pair(parts, found, lambda content: content)
    left = _Left(one for one in entries if one.id in single.by_id or one.id in parts.by_id)
    sums = _sums(left, found)
    for mask in _MASKS:
        near |= _pair(left, found, _without(mask))
    return Comparison(equal, sums, near, list(found.by_id))


def differences(entry: Content, row: Content) -> dict[str, tuple[Any, Any]]:
    """Return the fields in which an entry and a TimeActivity differ, with the values of both."""
    return {
        name: (mine, theirs)
        for name, mine, theirs in zip(Content._fields, entry, row, strict=True)
        if mine != theirs
    }


class _Left:
    """What is not matched yet, in order."""

    def __init__(self, all_: Iterable[One]) -> None:
        self.by_id = {one.id: one.content for one in all_}

    def groups(self, key: Callable[[Content], Hashable]) -> dict[Hashable, list[str]]:
        groups = defaultdict(list)
        for id_, content in self.by_id.items():
            if not content.minutes.is_nan():
                groups[key(content)].append(id_)
        return groups

    def take(self, ids: Iterable[str]) -> None:
        for id_ in ids:
            del self.by_id[id_]


def _pair(left: _Left, found: _Left, key: Callable[[Content], Hashable]) -> dict[str, str]:
    """Pair what has the same key, in order of length."""
    rows = found.groups(key)
    pairs: dict[str, str] = {}
    for same, ids in left.groups(key).items():
        theirs = sorted(rows.get(same, []), key=lambda id_: found.by_id[id_].minutes)
        mine = sorted(ids, key=lambda id_: left.by_id[id_].minutes) if theirs else []
        pairs |= dict(zip(mine, theirs, strict=False))
    left.take(pairs)
    found.take(pairs.values())
    return pairs


def _pair_units(parts: _Left, found: _Left) -> dict[str, str]:
    """Pair the parts of entries of which all parts are there."""
    rows, units = found.groups(lambda content: content), defaultdict(list)
    for id_ in parts.by_id:
        units[whole_id(id_)].append(id_)
    pairs: dict[str, str] = {}
    for ids in units.values():
        wanted = Counter(parts.by_id[id_] for id_ in ids)
        if all(len(rows.get(content, ())) >= number for content, number in wanted.items()):
            pairs |= {id_: rows[parts.by_id[id_]].pop(0) for id_ in ids}
    parts.take(pairs)
    found.take(pairs.values())
    return pairs


def _without(mask: set[str]) -> Callable[[Content], Hashable]:
    masked = {field for aspect in mask for field in ASPECTS[aspect]}
    kept = [place for place, field in enumerate(Content._fields) if field not in masked]
    return lambda content: tuple(content[place] for place in kept)


def _sums(left: _Left, found: _Left) -> dict[str, list[str]]:
    """Find entries of a person and a day, of a customer or of all, that add up to one row."""
    return _sums_by(left, found, _without({"minutes", "description", "billing"})) | _sums_by(
        left, found, _without(set(ASPECTS))
    )


def _sums_by(left: _Left, found: _Left, key: Callable[[Content], Hashable]) -> dict[str, list[str]]:
    rows = found.groups(key)
    sums: dict[str, list[str]] = {}
    for same, ids in left.groups(key).items():
        total = sum(left.by_id[id_].minutes for id_ in ids)
        fits = [id_ for id_ in rows.get(same, []) if found.by_id[id_].minutes == total]
        if len(ids) > 1 and fits:
            sums[fits[0]] = ids
            left.take(ids)
            found.take(fits[:1])
    return sums
