"""How QuickBooks Online puts things on the wire: exact JSON, envelopes, times, headers.

Numbers keep the digits they came with (FACTS 1.1), so JSON is read with `Decimal` and written by
a small writer of our own: the standard one cannot write a `Decimal` as a number.
"""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any
from zoneinfo import ZoneInfo

from connectors.standins.quickbooks.faults import FaultError, GatewayError, bad_property

PACIFIC = ZoneInfo("America/Los_Angeles")  # the service's own clock, whatever the company's zone

Json = dict[str, Any]

_PLAIN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def second(moment: datetime) -> str:
    """Write a time as `MetaData` bears it: Pacific, whole seconds."""
    return moment.astimezone(PACIFIC).isoformat(timespec="seconds")


def millisecond(moment: datetime) -> str:
    """Write a time as an answer's `time` bears it: Pacific, milliseconds."""
    return moment.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def read_json(body: bytes) -> Json:
    """Read a request body; numbers with a fraction become `Decimal`."""
    try:
        value = json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
    except ValueError as error:  # also bytes that are not UTF-8
        raise bad_property(str(error)) from None
    if not isinstance(value, dict):
        raise bad_property("Can not deserialize instance out of START_ARRAY token")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"Non-standard token '{name}'")


def write_json(value: Any) -> str:
    """Write *value* compactly; a `Decimal` with the digits it has.

    Examples:
        >>> write_json({"HourlyRate": Decimal("75.50"), "Taxable": False, "Hours": 3})
        '{"HourlyRate":75.50,"Taxable":false,"Hours":3}'
    """
    try:
        return _PLAIN.encode(value)  # in C: all but the parts that hold a Decimal
    except TypeError:
        pass
    match value:
        case dict():
            members = (f"{encode_basestring(k)}:{write_json(v)}" for k, v in value.items())
            return "{" + ",".join(members) + "}"
        case list() | tuple():
            return "[" + ",".join(map(write_json, value)) + "]"
        case Decimal():
            return format(value, "f")
    raise TypeError(type(value))


def fault_body(fault: FaultError, *, in_batch: bool = False) -> Json:
    """Make the `Fault` object; only a batch bears an empty `element` (FACTS 2.1)."""
    error: Json = {"Message": fault.message, "Detail": fault.detail, "code": fault.code}
    if fault.element is not None or in_batch:
        error["element"] = fault.element or ""
    return {"Error": [error], "type": fault.kind}


def in_lower_case(fault: Json) -> Json:
    """Spell a `Fault` as the gateway does, which has every member (FACTS 7.1 b)."""
    members = ("Message", "Detail", "code", "element")
    errors = [{name.lower(): error.get(name) for name in members} for error in fault["Error"]]
    return {"error": errors, "type": fault["type"]}


def gateway_body(fault: GatewayError, moment: datetime) -> Json:
    """Make the gateway's own envelope: lower case, all members, `time` a number (FACTS 7.1 b)."""
    error = {
        "message": fault.message, "detail": fault.detail, "code": fault.code, "element": None
    }  # fmt: skip
    return {
        "warnings": None,
        "intuitObject": None,
        "fault": {"error": [error], "type": fault.kind},
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": int(moment.timestamp() * 1000),
        "status": None,
        "cdcresponse": [],
    }


def headers(status: int, moment: datetime, tid_header: str) -> Mapping[str, str]:
    """Make the headers of an answer (FACTS 7.3)."""
    common = {
        tid_header: f"1-{int(moment.timestamp()):08x}-{secrets.token_hex(12)}",
        "X-Spanid": secrets.token_hex(8),
        "Strict-Transport-Security": "max-age=15552000",
    }
    if status == 401:
        common["WWW-Authenticate"] = 'Bearer realm="Intuit", error="invalid_token"'
    if status != 200:
        return common
    return common | {
        "Qbo-Version": "1944.190",
        "Service-Time": "total=44, db=22",
        "Expires": "0",
        "Cache-Control": "max-age=0, no-cache, no-store, must-revalidate, private",
    }
