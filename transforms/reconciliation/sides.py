"""The three sides of a sent entry, field by field: Clockify now, the ledger, QuickBooks now.

What Clockify says now counts only where the entry itself has changed since it was sent. Another
rounding, a renamed project or a link to somebody else changes nothing about time that was sent.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from schemas.contents import UNTOLD
from schemas.words import RateSource
from transforms.directory.names import same_form
from transforms.identity.match_books import CENT, content_of
from transforms.plan.descriptions import DESCRIPTION_LIMIT, fit

#: Members of a TimeActivity that an entry decides, by field, in the order in which we write them.
MEMBERS = {
    "date": ("TxnDate",),
    "user": ("NameOf", "EmployeeRef", "VendorRef"),
    "project": ("CustomerRef",),
    "billable": ("BillableStatus",),
    "rate": ("HourlyRate",),
    "minutes": (
        *("Hours", "Minutes", "Seconds", "StartTime", "EndTime"),
        *("BreakHours", "BreakMinutes", "BreakSeconds"),
    ),
    "description": ("Description",),
}

FIELDS = tuple(MEMBERS)

#: How QuickBooks may count the 4000 at which it cuts a description (FACTS, QBO, 1.1): characters,
#: UTF-16 units or bytes; each with the bytes of one.
_COUNTED = {"utf-32-le": 4, "utf-16-le": 2, "utf-8": 1}

#: What of an entry's contents, as Clockify has them, each field follows from. A template may write
#: any of them into a description. Billable status is not kept there; it is compared as it is. Of
#: rates, see `_is_another_rate`.
_ORIGINS = {
    "date": ("start",),
    "user": ("user_id",),
    "project": ("project_id",),
    "minutes": ("duration_s",),
    "description": ("description", "task", "project_id", "user_id", "start", "duration_s"),
}


@dataclass(frozen=True)
class Line:
    """The place of an entry in the line that it went in.

    Attributes:
        first_id: The first entry of the line.
        body: The TimeActivity of the whole line as sent, to the byte.
        before_min: Minutes of the entries before it.
        is_last: Whether none comes after it.
    """

    first_id: str
    body: str
    before_min: int
    is_last: bool


@dataclass(frozen=True)
class Sent:
    """An entry as it was sent.

    Attributes:
        entry_id: The ledger's key.
        time_activity_id: QuickBooks' Id.
        body: The TimeActivity as sent or last updated, to the byte.
        was_approved: Whether only approved entries were sent with it.
        from_file: Whether it came from a file, so that Clockify may not have it.
        contents: What it was about then, by the columns of `Contents`; `None` if that is unknown.
        sync_token: QuickBooks' SyncToken after our last write; `None` if that is unknown.
        unit: The whole entry, if this is a part of it; the contents are the whole's. Of an entry
            of a line, the first entry of that.
        line: The line that it went in; `None` if it has a TimeActivity of its own.
    """

    entry_id: str
    time_activity_id: str
    body: str
    was_approved: bool = False
    from_file: bool = False
    contents: Mapping[str, Any] | None = None
    sync_token: str | None = None
    unit: str | None = None
    line: Line | None = None

    @property
    def row_id(self) -> str:
        """Under which id the ledger has it."""
        return self.entry_id if self.line is None else self.line.first_id


@dataclass(frozen=True)
class Now:
    """An entry as Clockify has it now.

    Attributes:
        body: The TimeActivity that a send would create, to the byte, with the id of a link that is
            missing empty; `None` if none can be made.
        reason: Why a send would not create it; `None` if it would.
        detail: What a person can do about that.
        contents: What it is about, by the columns of `Contents`; `None` while it runs.
        approved: Whether its timesheet is approved, or nobody asked.
        is_work: Whether it is worked time: no break, holiday or time off.
        row: For people and totals: the columns of `Plan`, `seconds`, whether its rate is in an
            `other_currency` than the company's, the `rate_source` of the settings, and the
            `qbo_user` and `qbo_project` of its links.
        anew: Of a part, the TimeActivities that a send would create of its whole entry.
        other_hours: What to say if it would go as other hours than it did; empty if not.
    """

    body: str | None
    reason: str | None
    detail: str | None
    contents: Mapping[str, Any] | None
    approved: bool
    is_work: bool
    row: Mapping[str, Any]
    anew: tuple[str, ...] = ()
    other_hours: str = ""


def body_values(body: str) -> dict[str, Any]:
    """Return the fields of a TimeActivity as we write it."""
    return activity_values(read(body))


def ledger_values(sent: Sent) -> dict[str, Any]:
    """Return the fields as they were sent."""
    return body_values(sent.body)


def activity_values(activity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as QuickBooks has them; `None` for a number that cannot be read."""
    content = content_of(activity)
    kind, id_ = content.person
    return {
        "date": content.day,
        "user": f"{kind}:{id_}",
        "project": content.customer_id,
        "billable": content.billable,
        "rate": None if content.rate.is_nan() else content.rate,
        "minutes": None if content.minutes.is_nan() else content.minutes,
        "description": same_form(str(activity.get("Description") or "")),
    }


def books_values(activity: Mapping[str, Any], *ours: str | None) -> dict[str, Any]:
    """Return the fields as QuickBooks has them; a description that it has cut counts as whole.

    The bodies *ours* are what it may have been given.
    """
    values = activity_values(activity)
    for body in filter(None, ours):
        words = str(read(body).get("Description") or "")
        if values["description"] in map(same_form, _cuts(words)):
            return values | {"description": same_form(words)}
    return values


def _cuts(words: str) -> Iterator[str]:
    """Yield a description as QuickBooks may have cut it."""
    if len(words.encode()) > DESCRIPTION_LIMIT:
        for encoding, size in _COUNTED.items():
            yield words.encode(encoding)[: DESCRIPTION_LIMIT * size].decode(encoding, "ignore")


def own_share(sent: Sent, activity: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return what a TimeActivity has of one entry: of a line's, its part of time and text.

    Where somebody changed the time, the entries have theirs in their order, and the last one has
    what is left.
    """
    if sent.line is None or activity is None:
        return activity
    line, books = body_values(sent.line.body), books_values(activity, sent.line.body)
    own = body_values(sent.body)
    share = dict(activity)
    if books["description"] == line["description"]:
        share["Description"] = own["description"]
    if books["minutes"] is None:  # nobody knows whose it is
        return share
    share = {name: value for name, value in share.items() if name not in MEMBERS["minutes"]}
    left = max(Decimal(0), books["minutes"] - sent.line.before_min)
    return share | {"Hours": 0, "Minutes": left if sent.line.is_last else min(left, own["minutes"])}


def was_touched(sent: Sent, activity: Mapping[str, Any] | None) -> bool:
    """Whether QuickBooks has another version than the one that we wrote.

    Somebody may have chosen a service, a class or a cost, which no side but QuickBooks has. An
    invoice alone makes no version (FACTS, QBO, 1.1: billed rows were recorded with SyncToken 0).
    """
    if activity is None or sent.sync_token is None:
        return False
    return str(activity.get("SyncToken")) != sent.sync_token


def clockify_values(sent: Sent, now: Now, ledger: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as Clockify has them; those of the ledger where the entry is unchanged.

    A field is `None` where a link that it needs is missing.
    """
    if now.body == sent.body and not (now.row["other_currency"] and ledger["billable"]):
        return dict(ledger)
    wanted = fields_of(now)
    return {
        field: wanted[field] if _has_changed(field, sent, now, ledger) else ledger[field]
        for field in FIELDS
    }


def has_moved(sent: Sent, now: Now) -> bool:
    """Whether an entry begins or ends at another time than when it was sent."""
    before, after = sent.contents, now.contents
    return before is None or after is None or moved(before, after)


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return the same of two `Contents`: their `start`, `day`, `duration_s` and `slack_s`."""
    return any(_is_another(origin, before, after) for origin in ("start", "duration_s"))


def fields_of(now: Now) -> dict[str, Any]:
    """Return the fields as Clockify has them, whatever was sent.

    A missing link is `None`, and so is a rate in another currency than the company's.
    """
    values = body_values(now.body) if now.body else _without_body(now)
    if now.row["other_currency"] and values["billable"]:
        values["rate"] = None
    return values | {"user": now.row["qbo_user"], "project": now.row["qbo_project"]}


def _without_body(now: Now) -> dict[str, Any]:
    row = now.row
    rate = Decimal(row["rate_micros"] or 0).scaleb(-6) if row["billable"] else Decimal(0)
    return {
        "date": row["date"],
        "billable": row["billable"],
        "rate": rate.quantize(CENT, ROUND_HALF_UP),
        "minutes": None if row["minutes"] is None else Decimal(row["minutes"]),
        "description": same_form(fit(row["description"] or "")),
    }


def _has_changed(field: str, sent: Sent, now: Now, ledger: Mapping[str, Any]) -> bool:
    """Whether what a field follows from is another in Clockify than when the entry was sent."""
    if field == "rate":
        return _is_another_rate(sent, now, ledger)
    before, after = sent.contents, now.contents
    if field not in _ORIGINS or before is None or after is None:
        return True
    return any(_is_another(origin, before, after) for origin in _ORIGINS[field])


def _is_another_rate(sent: Sent, now: Now, ledger: Mapping[str, Any]) -> bool:
    """Whether an entry is to be billed at another rate than it was sent with.

    A rate that QuickBooks gave stays as it was, whatever QuickBooks has now, unless the entry
    becomes billable, or another person's, who may have none. One of Clockify's follows Clockify,
    where it counts.
    """
    if bool(now.row["billable"]) != ledger["billable"]:
        return True
    if now.row["rate_source"] != RateSource.CLOCKIFY:
        is_persons = now.row["rate_source"] == RateSource.PERSON
        return is_persons and _has_changed("user", sent, now, ledger)
    rates = [one.contents["rate"] if one.contents else None for one in (sent, now)]
    if None in rates:  # not kept: what was sent may tell
        return now.row["rate_from"] not in {RateSource.ITEM, RateSource.PERSON}
    return rates[0] not in {UNTOLD, rates[1]}


def _is_another(origin: str, sent: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    if origin == "start" and sent["start"] is None:
        origin = "day"
    before, after = sent[origin], now[origin]
    if origin == "duration_s":  # files show it rounded
        slack_s = sent["slack_s"] + now["slack_s"]
        return bool(abs(before - after) > slack_s)
    return bool(before != after)


def differing(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> list[str]:
    """Return the fields in which two sides differ; none if one has nothing."""
    return [] if one is None else [field for field in FIELDS if one[field] != other[field]]


def wanted_body(sent: Sent, now: Now | None, fields: list[str]) -> dict[str, Any]:
    """Return the TimeActivity as the entry wants it: as sent, with *fields* as they are now.

    Numbers keep their digits: they are read and written, and nothing is computed with them.
    """
    body = read(sent.body)
    new = read(now.body) if now is not None and now.body is not None else {}
    return {
        name: source[name]
        for field, names in MEMBERS.items()
        for source in [new if field in fields else body]
        for name in names
        if name in source
    }


def read(body: str) -> dict[str, Any]:
    """Read a TimeActivity as we write it; a fraction keeps its digits."""
    activity: dict[str, Any] = json.loads(body, parse_float=Decimal)
    return activity
