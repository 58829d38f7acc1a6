"""Near misses: names that differ only in case, accents, punctuation, word order or one letter.

They are hints for a person; nothing is linked by them. An inactive partner, an equal e-mail address
and an equal name under a different parent are hints too, and found here.

Each name is put under a few keys (its letters without accents, its sorted words, itself with one
letter left out), and only names that share a key are compared, so time and memory grow with the
number of names, not of pairs.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rapidfuzz import process
from rapidfuzz.distance import OSA
from rapidfuzz.utils import default_process

from transforms.directory.candidates import (
    Candidate,
    Key,
    Partner,
    PartnerIndex,
    Unmatched,
    as_candidates,
)
from transforms.directory.names import same_form, skeleton, without_case

#: Shorter words differ in one letter from too many others.
SHORTEST_TYPO = 3

#: A key that more names than this share says nothing about any of them.
CROWD = 20

#: So many partners are proposed for one name.
MOST = 3

#: Why somebody without a partner may belong to one whose name is not similar.
INACTIVE = "inactive in QuickBooks"
SAME_EMAIL = "the same e-mail address"
ELSEWHERE = "is under a different parent"

#: Why two names may mean the same, the likeliest reason first.
DIFFERS_IN_CASE = "differs in case"
DIFFERS_IN_ACCENTS = "differs in accents"
DIFFERS_IN_PUNCTUATION = "differs in punctuation or spaces"
SWAPPED = "first and last name swapped"
REORDERED = "its words are in another order"
ONE_LETTER = "differs in one letter"
ONE_WORD = "differs by one word"

WHYS = (
    DIFFERS_IN_CASE,
    DIFFERS_IN_ACCENTS,
    DIFFERS_IN_PUNCTUATION,
    SWAPPED,
    REORDERED,
    ONE_LETTER,
    ONE_WORD,
)

#: How alike a name must be to be asked for, of 100.
ALIKE = 70

Item = TypeVar("Item")


@dataclass(frozen=True)
class NearMiss(Generic[Item]):
    """Something whose name is nearly the one that was looked for.

    Attributes:
        item: Whose name it is.
        why: One of `WHYS`.
    """

    item: Item
    why: str


def near_candidates(
    unmatched: Sequence[Unmatched], partners: PartnerIndex, unused: Sequence[tuple[str, Partner]]
) -> Iterator[tuple[Unmatched, list[Candidate]]]:
    """Find, for each user or project without a partner, the partners that it may mean.

    Args:
        unmatched: Users or projects whose name no partner has.
        partners: All partners.
        unused: Active partners that nobody is linked to, with the names to compare. Those that are
            linked are proposed only if the name differs just in case.

    Yields:
        Each of *unmatched*, with at most `MOST` candidates for the likeliest reason.
    """
    by_case: dict[Key, dict[Partner, None]] = {}
    for key, found in partners.by_key.items():
        by_case.setdefault(_folded(key), {}).update(dict.fromkeys(found))
    alike = near_misses(
        [(one.clockify_id, " ".join(one.key)) for one in unmatched if one.key], unused
    )
    for one in unmatched:
        # The first of these that finds a partner counts.
        candidates = (
            _with_equal_key(one, partners, by_case)
            or _with_email(one, partners)
            or [Candidate(one, near.item, near.why) for near in alike.get(one.clockify_id, [])]
            or _elsewhere(one, partners)
        )
        yield one, candidates[:MOST]


def _with_equal_key(
    one: Unmatched, partners: PartnerIndex, by_case: Mapping[Key, Collection[Partner]]
) -> list[Candidate]:
    if one.key is None:
        return []
    return as_candidates(one, by_case.get(_folded(one.key), ()), DIFFERS_IN_CASE) or as_candidates(
        one, partners.inactive.get(one.key, ()), INACTIVE
    )


def _with_email(one: Unmatched, partners: PartnerIndex) -> list[Candidate]:
    email = (one.email or "").strip().casefold()
    return as_candidates(one, partners.by_email.get(email, ()), SAME_EMAIL) if email else []


def _elsewhere(one: Unmatched, partners: PartnerIndex) -> list[Candidate]:
    if one.key is None:
        return []
    namesakes = partners.anywhere.get(without_case(one.key[-1]), ())
    return as_candidates(one, namesakes, ELSEWHERE) if len(namesakes) <= CROWD else []


def _folded(key: Key) -> Key:
    return tuple(without_case(part) for part in key)


def why_alike(one: str, other: str) -> str | None:
    """Return why two different names may mean the same, or `None`.

    Names with different numbers are different: `Lot 12` is not a misspelled `Lot 13`.

    Examples:
        >>> why_alike("Dana mcallister", "Dana McAllister")
        'differs in case'
        >>> why_alike("Lee Ann", "Ann Lee")
        'first and last name swapped'
        >>> why_alike("Jon Smith", "John Smith")
        'differs in one letter'
        >>> why_alike("Phase 1", "Phase 2")
    """
    if without_case(one) == without_case(other):
        return DIFFERS_IN_CASE
    bare, other_bare = skeleton(one), skeleton(other)
    if not bare or not other_bare or _numbers(bare) != _numbers(other_bare):
        return None
    if bare.replace(" ", "") == other_bare.replace(" ", ""):
        same_marks = _marks(one) == _marks(other)
        return DIFFERS_IN_ACCENTS if same_marks else DIFFERS_IN_PUNCTUATION
    return _why_words(bare, other_bare)


def _why_words(bare: str, other: str) -> str | None:
    words, other_words = bare.split(), other.split()
    if sorted(words) == sorted(other_words):
        return SWAPPED if len(words) == 2 else REORDERED
    if _one_letter(words, other_words):
        return ONE_LETTER
    shorter, longer = sorted((words, other_words), key=len)
    one_more = len(longer) == len(shorter) + 1 and set(shorter) <= set(longer)
    return ONE_WORD if one_more and _outer(shorter) == _outer(longer) is not None else None


def _one_letter(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether one word is misspelled; `Site A` and `Site B` are two sites."""
    if len(words) != len(others):
        return False
    odd = [pair for pair in zip(words, others, strict=True) if pair[0] != pair[1]]
    return len(odd) == 1 and max(map(len, odd[0])) >= SHORTEST_TYPO and OSA.distance(*odd[0]) == 1


def near_misses(
    unmatched: Iterable[tuple[str, str]], items: Sequence[tuple[str, Item]]
) -> dict[str, list[NearMiss[Item]]]:
    """Find, for each name without a partner, the items whose names are nearest to it.

    Args:
        unmatched: The id and name of each.
        items: The name of each, and the item itself; equally near ones keep this order.

    Returns:
        By id, at most `MOST` items, all with the likeliest reason; ids without any are left out.
    """
    names = dict(unmatched)
    by_key = _by_key(names)
    crowds = _crowds(items, by_key)
    found: dict[str, dict[str, list[NearMiss[Item]]]] = {}
    for name, item in items:
        met = {id_ for key in set(_keys(name)) if key not in crowds for id_ in by_key.get(key, ())}
        for id_ in met:
            why = why_alike(names[id_], name)
            if why is not None and same_form(names[id_]) != same_form(name):
                found.setdefault(id_, {}).setdefault(why, []).append(NearMiss(item, why))
    return {id_: _best(by_why)[:MOST] for id_, by_why in found.items()}


def _by_key(names: dict[str, str]) -> dict[str, list[str]]:
    by_key: dict[str, list[str]] = {}
    for id_, name in names.items():
        for key in set(_keys(name)):
            by_key.setdefault(key, []).append(id_)
    return by_key


def _best(by_why: dict[str, list[NearMiss[Item]]]) -> list[NearMiss[Item]]:
    return by_why[min(by_why, key=WHYS.index)]


def _crowds(items: Sequence[tuple[str, Item]], by_key: dict[str, list[str]]) -> set[str]:
    """Find the keys that so many names share that comparing all pairs would take too long."""
    met: dict[str, int] = {}
    for name, _ in items:
        for key in set(_keys(name)):
            if key in by_key:
                met[key] = met.get(key, 0) + 1
    return {key for key, number in met.items() if number > CROWD and len(by_key[key]) > CROWD}


def _keys(name: str) -> Iterator[str]:
    """Yield the keys that a name shares with every name that `why_alike` finds similar."""
    bare = skeleton(name)
    if not bare:
        yield f"case {without_case(name)}"
        return
    joined = bare.replace(" ", "")
    words = bare.split()
    yield f"letters {joined}"
    yield f"words {' '.join(sorted(words))}"
    outer = _outer(words)
    if outer:
        yield f"outer {' '.join(outer)}"
    if len(bare) >= SHORTEST_TYPO:
        # Names that differ in one letter are equal once that letter is left out.
        yield f"typo {bare}"
        for place in range(len(bare)):
            yield f"typo {bare[:place]}{bare[place + 1 :]}"


def _outer(words: Sequence[str]) -> tuple[str, str] | None:
    """Return the first and the last of two or more words."""
    return (words[0], words[-1]) if len(words) > 1 else None


def _numbers(bare: str) -> list[str]:
    return "".join(c if c.isdigit() else " " for c in bare).split()


def _marks(name: str) -> list[str]:
    return [c for c in same_form(name) if not c.isalnum()]


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Ask for the name that is most like one, after a space; empty if none is like it.

    Examples:
        >>> did_you_mean("Desing", ["Design", "Permits"])
        " Did you mean 'Design'?"
    """
    near = process.extractOne(name, known, processor=default_process, score_cutoff=ALIKE)
    return f" Did you mean {near[0]!r}?" if near else ""
