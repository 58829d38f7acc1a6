"""Reads QuickBooks' answers, and what each of them proves.

Source: FACTS, QBO, sections 1 to 7.
"""

import json
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date
from typing import Any, TypeVar

import requests

from connectors.errors import ClockbooksError, NotAuthorized, Refused, Throttled, TryAgain, Unsure
from connectors.http import Failure
from connectors.quickbooks.batch import Done, NotDone, Outcome, created_at, part_of
from connectors.quickbooks.faults import Fault, fault_in, fault_of
from schemas.quickbooks import Company
from schemas.words import Operation, Target

T = TypeVar("T")

#: Codes that prove nothing even in a ValidationFault: they are about the request id (600, 2130) or
#: a breakdown (6002, 10000): 3, 2.4. A fault without a code proves nothing either.
UNCLEAR_CODES = frozenset({"", "600", "2130", "6002", "10000"})

#: Code of a business rule, which also hides breakdowns and replays (3, 7.2). For a whole request it
#: proves nothing.
BUSINESS_CODE = "6000"

#: How the gateway names a throttle; it was once seen with HTTP 403 (2.3).
THROTTLE_CODE = "3001"

#: A batch has more items than QuickBooks takes at once (2.1).
TOO_LARGE_CODE = "1040"


def read_company(info: Mapping[str, Any], preferences: Mapping[str, Any]) -> Company:
    """Read a company from its CompanyInfo and its Preferences (section 6)."""
    features = _name_values(info.get("NameValue"))
    others = _name_values(part_of(preferences, "OtherPrefs").get("NameValue"))
    if "AccountingInfoPrefs" not in preferences:  # closed books would count as open
        raise unreadable("AccountingInfoPrefs", preferences)
    accounting = part_of(preferences, "AccountingInfoPrefs")
    closed = accounting.get("BookCloseDate")
    currencies = part_of(preferences, "CurrencyPrefs")
    home = part_of(currencies, "HomeCurrency")
    time = part_of(preferences, "TimeTrackingPrefs")
    bills = time.get("BillCustomers")
    return Company(
        name=str(info.get("CompanyName", "")),
        plan=features.get("OfferingSku", ""),
        subscription=features.get("SubscriptionStatus", ""),
        has_payroll=_has_payroll(features),
        tracks_time=others.get("TimeTrackingFeatureEnabled", "true").lower() != "false",
        currency=str(home.get("value", "")),
        closed_until=_day(closed) if closed else None,
        timezone=str(info.get("DefaultTimeZone") or ""),
        many_currencies=currencies.get("MultiCurrencyEnabled") is True,
        bills_customers=bills if isinstance(bills, bool) else None,
        takes=_takes(features, accounting, time),
    )


def _has_payroll(features: Mapping[str, str]) -> bool:
    return features.get("PayrollFeature", "").lower() == "true"


def _takes(
    features: Mapping[str, str], accounting: Mapping[str, Any], time: Mapping[str, Any]
) -> frozenset[Target]:
    switched = {
        Target.ITEM: time.get("UseServices") is not False,
        Target.CLASS: accounting.get("ClassTrackingPerTxn") is True,
        Target.LOCATION: accounting.get("TrackDepartments") is True,
        Target.PAY_TYPE: _has_payroll(features),
    }
    return frozenset(target for target, is_on in switched.items() if is_on)


def read_batch(content: bytes, request: str) -> Any:
    """Decode the answer to a batch; *request* is its id in brackets, for the message."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise Unsure(f"QuickBooks' answer to a batch cannot be read{request}.") from None


def read_outcomes(
    answer: Any,
    sent: Sequence[tuple[str, str]],
    entity: str = "TimeActivity",
    request: str = "",
    operation: Operation = Operation.CREATE,
) -> list[Outcome]:
    """Read a batch's answer, item by item: what is not answered exactly once is left out.

    Neither is an object that two items name, nor one that is not what the item asked for: a cache
    on the way may give the answer of another call.
    """
    items = answer.get("BatchItemResponse") if isinstance(answer, Mapping) else None
    if not isinstance(items, list):
        # Also a 200 with a fault instead of items: it was seen, and says nothing about the work.
        raise Unsure(f"QuickBooks answered a batch without its items: {fault_in(answer)}{request}.")
    answered = _single([item for item in items if isinstance(item, Mapping)], _bid)
    by_bid = {_bid(item): item for item in answered}
    outcomes = [
        _outcome(bid, body, by_bid[bid], entity, operation) for bid, body in sent if bid in by_bid
    ]
    return _single([outcome for outcome in outcomes if outcome is not None], _object)


def _single(values: Sequence[T], key: Callable[[T], Hashable]) -> list[T]:
    """Return the values whose *key* no other one has."""
    count = Counter(map(key, values))
    return [value for value in values if count[key(value)] == 1]


def _bid(item: Mapping[str, Any]) -> str:
    return str(item.get("bId"))


def _object(outcome: Outcome) -> tuple[str, str]:
    if isinstance(outcome, NotDone):
        return "not done", outcome.bid
    return "done", outcome.qbo_id


def _outcome(
    bid: str, body: str, answer: Mapping[str, Any], entity: str, operation: Operation
) -> Outcome | None:
    fault, made = fault_in(answer), part_of(answer, entity)
    if fault is not None:
        # Only QuickBooks' own validation says that the item was not done.
        return NotDone(bid, fault) if _is_validation(fault) and not made else None
    asked, id_ = json.loads(body), str(made.get("Id") or "")
    if not id_ or (operation != Operation.CREATE and id_ != asked["Id"]):
        return None
    if operation == Operation.DELETE:
        return Done(bid, id_, "") if made.get("status") == "Deleted" else None
    if entity == "TimeActivity" and _repeated(made) != _repeated(asked):
        return None
    # The status may stay as it was, although the rest is changed (1.1).
    if operation == Operation.UPDATE and _bills(made) != _bills(asked):
        return None
    is_billed = made.get("BillableStatus") == "HasBeenBilled"
    return Done(bid, id_, str(made.get("SyncToken", "0")), created_at(made), is_billed)


def _repeated(activity: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what QuickBooks repeats of a TimeActivity as it was sent: person, day, length."""
    person = activity.get("NameOf")
    members = (
        person,
        part_of(activity, f"{person}Ref").get("value"),
        str(activity.get("TxnDate"))[:10],
        activity.get("Hours") or 0,
        activity.get("Minutes") or 0,
    )
    return tuple(map(str, members))


def _bills(activity: Mapping[str, Any]) -> bool:
    return activity.get("BillableStatus") in {"Billable", "HasBeenBilled"}


def read_rows(answer: Any, entity: str) -> list[dict[str, Any]]:
    """Return the rows of a query's answer; `{}` where nothing was found (4.2).

    Raises:
        TryAgain: It is a fault, or cannot be read.
    """
    found = answer.get("QueryResponse") if isinstance(answer, Mapping) else None
    if not isinstance(found, Mapping) or fault_in(answer):
        raise unreadable(entity, answer)
    lists = {name for name, part in found.items() if isinstance(part, list)}
    rows = found.get(entity, [])
    if lists - {entity} or not _are_rows(rows) or found.get("maxResults", len(rows)) != len(rows):
        raise TryAgain(
            f"QuickBooks sent rows of {entity} that cannot be read."
            " Nothing was changed; run the command again."
        )
    return [dict(row) for row in rows]


def _are_rows(rows: Any) -> bool:
    return isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)


def read_count(answer: Any, entity: str) -> int:
    """Return what a query counted (4.2); 0 without a count, as in the answer to an empty list.

    Raises:
        TryAgain: It is a fault, or cannot be read.
    """
    found = answer.get("QueryResponse") if isinstance(answer, Mapping) else None
    if not isinstance(found, Mapping) or entity in found or fault_in(answer):
        raise unreadable(f"count of {entity}", answer)
    count = found.get("totalCount", 0)
    if not isinstance(count, int):
        raise unreadable(f"count of {entity}", answer)
    return count


def another_calls(entity: str) -> TryAgain:
    """Return the error of an answer with an *entity* that was not asked for."""
    return TryAgain(
        f"QuickBooks' answer has a {entity} that was not asked for: it belongs to another call."
        " Nothing was changed; run the command again."
    )


def unreadable(entity: str, answer: Any) -> TryAgain:
    """Return the error of an answer that has no *entity*."""
    return TryAgain(
        f"QuickBooks sent no {entity}: {fault_in(answer) or 'its answer has another shape'}."
        " Nothing was changed; run the command again."
    )


def _day(text: Any) -> date:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        raise TryAgain(
            "QuickBooks sent a book closing date that cannot be read. Nothing was changed."
        ) from None


def describe(response: requests.Response) -> Failure:
    """Return what a failed call's answer says, and what it proves of the whole request."""
    fault = fault_of(response.content)
    if fault is None:  # an empty body or a page is somebody else's, whatever its status
        return Failure("without an explanation", "", None)
    return Failure(str(fault), fault.code, _proof(response.status_code, fault))


def _proof(status: int, fault: Fault) -> type[ClockbooksError] | None:
    """Return what an answer proves of the whole request: that QuickBooks did not begin it.

    The gateway turns a call away with 401 or 429 before any work (2.3, 7.1 b).
    """
    if status in {403, 429} and fault.code == THROTTLE_CODE:
        return Throttled
    if status == 401 and fault.code and fault.kind.upper().startswith("AUTHENTICATION"):
        return NotAuthorized
    if status == 400 and _is_validation(fault) and BUSINESS_CODE not in _codes(fault):
        return Refused
    return None


def _is_validation(fault: Fault) -> bool:
    return fault.kind == "ValidationFault" and not UNCLEAR_CODES & _codes(fault)


def _codes(fault: Fault) -> set[str]:
    return {fault.code, *fault.more_codes}


def _name_values(pairs: Any) -> dict[str, str]:
    """Read `[{"Name", "Value"}]`; some entries have no value (6.2)."""
    if not isinstance(pairs, list):
        return {}
    return {
        str(pair.get("Name")): str(pair.get("Value", ""))
        for pair in pairs
        if isinstance(pair, Mapping)
    }
