"""Finds entries in doubt among the TimeActivities in QuickBooks' books.

A TimeActivity has no field for an id of ours (FACTS, QBO, fact 2), so an entry is recognized by its
content: person, customer, day, minutes, billable status, rate and description. Twins, which are
equal in all of these, are counted: two in doubt and one in the books means that one is missing.
Their items, classes, locations and pay types tell which.

Contents are compared as QuickBooks may have normalized them: rates to the cent, white space
collapsed, descriptions that it may have cut by their beginning.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from itertools import product
from typing import Any, NamedTuple

from transforms.directory.names import same_form

#: How far QuickBooks' own machines may disagree about the time.
CLOCK_MARGIN = timedelta(minutes=2)

CENT = Decimal("0.01")

#: QuickBooks cuts a description at 4000 of whatever it counts (FACTS, QBO, 1.1), white space
#: included. One of so many bytes may be cut; then so many characters are compared: at most 4000
#: bytes.
_CUT_BYTES, _BEGINNING = 3000, 1000

#: In so many fields an activity may differ from an entry and still be that entry, edited since.
_EDITED = 2


class Content(NamedTuple):
    """What makes a TimeActivity recognizable.

    Attributes:
        person: `Employee` or `Vendor`, and the id.
        customer_id: Empty without one.
        day: TxnDate.
        minutes: The time worked; half a minute and more goes up.
        billable: Whether it is billable, or has been billed.
        rate: HourlyRate to the cent; 0 where it does not count.
        description: With white space collapsed, because services trim and wrap. Its beginning
            where it may be cut.
    """

    person: tuple[str, str]
    customer_id: str
    day: str
    minutes: Decimal
    billable: bool
    rate: Decimal
    description: str


def content_of_body(body: str) -> Content:
    """Read the content of a TimeActivity as we sent it."""
    return content_of(json.loads(body, parse_float=Decimal))


def content_of(activity: Mapping[str, Any]) -> Content:
    """Read the content of a TimeActivity, as we send it or as QuickBooks returns it.

    QuickBooks returns a rate of 0 where none was given (FACTS, QBO, 1.2), and `HasBeenBilled` for
    what is on an invoice.
    """
    name_of = str(activity.get("NameOf", ""))
    billable = activity.get("BillableStatus") in {"Billable", "HasBeenBilled"}
    text = _description(activity)
    may_be_cut = len(text.encode(errors="surrogatepass")) >= _CUT_BYTES
    return Content(
        person=(name_of, _value(activity, f"{name_of}Ref")),
        customer_id=_value(activity, "CustomerRef"),
        day=str(activity.get("TxnDate", ""))[:10],
        minutes=_minutes(activity),
        billable=billable,
        rate=_number(activity.get("HourlyRate"), CENT) if billable else Decimal(0),
        description=text[:_BEGINNING] if may_be_cut else text,
    )


class Place(NamedTuple):
    """Where the time of a TimeActivity lands: ids, empty where it names none."""

    pay_type: str = ""
    item: str = ""
    class_: str = ""
    department: str = ""


NOWHERE = Place()


def place_of(activity: Mapping[str, Any]) -> Place:
    """Read where a TimeActivity's time lands."""
    names = ("PayrollItemRef", "ItemRef", "ClassRef", "DepartmentRef")
    return Place(*(_value(activity, name) for name in names))


def whole_content_of(activity: Mapping[str, Any]) -> Content:
    """Read the content of a TimeActivity, with all of its description."""
    return content_of(activity)._replace(description=_description(activity))


@dataclass(frozen=True)
class Wanted:
    """An entry that QuickBooks was asked to create, and may have created.

    Attributes:
        key: The caller's key for it.
        content: Its content, as sent.
        created_from: The earliest time at which QuickBooks can have created it; `None` if unknown.
        place: Where it was to land.
    """

    key: str
    content: Content
    created_from: datetime | None
    place: Place = NOWHERE


@dataclass(frozen=True)
class Found:
    """A TimeActivity in the books that no entry of the ledger accounts for.

    Attributes:
        id: Its Id.
        content: Its content, as QuickBooks returns it.
        created_at: When QuickBooks created it; `None` if it does not say.
        place: Where it landed.
    """

    id: str
    content: Content
    created_at: datetime | None
    place: Place = NOWHERE


@dataclass(frozen=True)
class Matches:
    """What the books show about entries in doubt.

    Attributes:
        found: TimeActivity Id, by key of the entry.
        in_flight: Keys of entries whose content is in the books, but may belong to a live run.
        near: Ids of activities that may be the entry, edited since, by key of the entry.
    """

    found: dict[str, str]
    in_flight: frozenset[str]
    near: dict[str, list[str]]


def match_books(
    doubts: Sequence[Wanted],
    in_flight: Sequence[Wanted],
    found: Sequence[Found],
    elsewhere: Collection[Content] = (),
) -> Matches:
    """Match entries in doubt with activities of the same content, as a multiset.

    Args:
        doubts: The entries in doubt.
        in_flight: What live runs have handed over but not recorded yet; activities may be theirs.
        found: The activities that no entry accounts for.
        elsewhere: Contents of other connections' entries in doubt. An activity that equals one of
            them is more likely that entry than an edited one of *doubts*.

    Returns:
        Each of *doubts* is in at most one of `found` and `in_flight`. Which of several twins gets
        which id does not matter, because they are equal.
    """
    free = sorted(found, key=lambda one: one.created_at or datetime.min.replace(tzinfo=UTC))
    taken_by_live = {
        activity.content for activity in _pair_up(in_flight, free).values()
    }  # and no longer in `free`
    pairs = {key: activity.id for key, activity in _pair_up(doubts, free).items()}
    missing = [doubt for doubt in doubts if doubt.key not in pairs]
    others = [activity for activity in free if activity.content not in elsewhere]
    return Matches(
        found=pairs,
        in_flight=frozenset(one.key for one in missing if one.content in taken_by_live),
        near=_near(missing, others),
    )


def _near(missing: Iterable[Wanted], free: Iterable[Found]) -> dict[str, list[str]]:
    near = {one.key: [found.id for found in free if may_be(one, found)] for one in missing}
    return {key: ids for key, ids in near.items() if ids}


def _pair_up(wanted: Iterable[Wanted], free: list[Found]) -> dict[str, Found]:
    """Take an activity out of *free* for each entry that has one.

    An activity that a younger entry may take, every older one may take too, so the youngest entry
    chooses first. Those that landed as they were to land are paired before others.
    """
    by_content: dict[Content, list[Found]] = {}
    for activity in free:
        by_content.setdefault(activity.content, []).append(activity)
    oldest = datetime.min.replace(tzinfo=UTC)
    pairs: dict[str, Found] = {}
    in_order = sorted(wanted, key=lambda one: one.created_from or oldest, reverse=True)
    for closeness, one in product(_CLOSEST_FIRST, in_order):
        candidates = by_content.get(one.content, [])
        fits = (
            found
            for found in candidates
            if is_younger(one, found) and _closeness(one.place, found.place) == closeness
        )
        if one.key not in pairs and (fitting := next(fits, None)) is not None:
            candidates.remove(fitting)
            free.remove(fitting)
            pairs[one.key] = fitting
    return pairs


def _closeness(wanted: Place, found: Place) -> tuple[bool, int] | None:
    """Return whether two places share a pay type, and how many of their other parts are equal.

    QuickBooks may leave a part out or fill it in, and a person may correct a class; but no pay type
    becomes another: `None`.
    """
    paid_alike = wanted.pay_type == found.pay_type
    if not paid_alike and wanted.pay_type and found.pay_type:
        return None
    return paid_alike, sum(one == other for one, other in zip(wanted[1:], found[1:], strict=True))


_CLOSEST_FIRST = [(paid_alike, equal) for paid_alike in (True, False) for equal in (3, 2, 1, 0)]


def is_younger(wanted: Wanted, found: Found) -> bool:
    """Whether QuickBooks may have created an activity after it was asked to create an entry."""
    if wanted.created_from is None or found.created_at is None:
        return True
    return found.created_at >= wanted.created_from


def may_be(wanted: Wanted, found: Found) -> bool:
    """Whether an activity may be an entry in which a person has edited a field or two."""
    if not is_younger(wanted, found):
        return False
    mine, other = wanted.content, found.content
    if mine.person == other.person and mine.day == other.day:
        return True
    fields = ("person", "customer_id", "day", "minutes", "description")
    edited = [name for name in fields if getattr(mine, name) != getattr(other, name)]
    return len(edited) <= _EDITED


def _minutes(activity: Mapping[str, Any]) -> Decimal:
    """Return the time worked: of rows with a start and an end, what lies between, less the break.

    Such rows come without Hours and Minutes (FACTS, QBO, 1.2).
    """
    seconds = _length_s(activity)
    if "StartTime" in activity and "EndTime" in activity:
        seconds = _between_s(activity) - _length_s(activity, "Break")
    return (seconds / 60).quantize(Decimal(1), ROUND_HALF_UP)


def _length_s(activity: Mapping[str, Any], prefix: str = "") -> Decimal:
    units = {"Hours": 3600, "Minutes": 60, "Seconds": 1}
    lengths = (_number(activity.get(prefix + name)) * unit_s for name, unit_s in units.items())
    return sum(lengths, Decimal(0))


def _between_s(activity: Mapping[str, Any]) -> Decimal:
    """Return the seconds from start to end, whatever their dates say (FACTS, QBO, 1.3)."""
    try:
        start, end = (
            datetime.fromisoformat(text if "T" in text else f"2000-01-01T{text}")
            for text in (str(activity[name]) for name in ("StartTime", "EndTime"))
        )
        return Decimal((end - start) % timedelta(days=1) // timedelta(seconds=1))
    except (ValueError, TypeError):
        return Decimal("NaN")


def _number(value: Any, step: Decimal = Decimal(1)) -> Decimal:
    """Read a number, rounded to *step*; other texts become NaN, which equals nothing."""
    try:
        return Decimal(str(value or 0)).quantize(step, ROUND_HALF_UP)
    except InvalidOperation:
        return Decimal("NaN")


def _description(activity: Mapping[str, Any]) -> str:
    return same_form(str(activity.get("Description") or ""))


def _value(activity: Mapping[str, Any], name: str) -> str:
    ref = activity.get(name)
    return str(ref.get("value", "")) if isinstance(ref, Mapping) else ""
