"""The refusals of QuickBooks Online: codes, messages and details as FACTS 1.4 and 7.2 give them.

Where only the name of a code is known, the words are ours: callers must go by the code.
"""

from collections.abc import Iterable
from typing import Any

MESSAGES = {
    "500": "Unsupported Operation",
    "600": "Duplicate Request ID",
    "610": "Object Not Found",
    "1040": "batch size exceeds allowed limit",
    "2010": "Request has invalid or unsupported property",
    "2020": "Required param missing, need to supply the required value for the API",
    "2030": "Invalid ID",
    "2050": "String length is either shorter or longer than supported by specification",
    "2130": "Invalid Request Id Format",
    "2170": "Invalid Enumeration",
    "2500": "Invalid Reference Id",
    "4000": "Error parsing query",
    "4001": "Invalid query",
    "5010": "Stale Object Error",
    "5030": "Feature Not Supported Error",
    "6000": "A business validation error has occurred while processing your request",
    "6150": "ParentRef Required Error",
    "6180": "Sub Level Limit",
    "6140": "Duplicate Document Number Error",
    "6190": "Invalid Company Status",
    "6200": "Account Period Closed",
    "6210": "Account Period Closed, Cannot Update Through Services API",
    "6240": "Duplicate Name Exists Error",
    "6290": "Invalid Employee Or Vendor",
    "6300": "Invalid Employee Or Vendor Name",
    "6310": "Missing Customer",
    "6320": "Invalid Billable",
    "6330": "Missing Billing Rate",
    "6340": "Invalid Time",
    "6350": "Missing Time",
    "6360": "Invalid Start Or End Time",
    "6370": "Start Time After End Time",
    "6380": "Invalid Duration",
    "6390": "Invalid Multiple Durations",
    "10000": "An application error has occurred while processing your request",
}
#: The rules of time, of whose texts nothing but a name is known (FACTS 1.4).
WITHOUT_KNOWN_TEXT = range(6290, 6391)

THROTTLED = "3001"
MADE_INACTIVE = (
    "Something you're trying to use has been made inactive. "
    "Check the fields with accounts, customers, items, vendors or employees."
)
CLOSED = (
    "The account period has closed and the account books cannot be updated through through the "
    "QBO Services API. Please use the QBO website to make these changes."
)


class FaultError(Exception):
    """One refusal by the company's books: HTTP 400, or a `Fault` inside a batch."""

    status = 400
    kind = "ValidationFault"

    def __init__(self, code: str, detail: str | None, *, element: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.message = MESSAGES.get(code, "")
        self.detail = detail
        self.element = element


class GatewayError(FaultError):
    """A refusal before the books were reached: nothing was done (FACTS 7.1 b)."""

    def __init__(self, status: int, name: str, code: str, *, kind: str, detail: str | None) -> None:
        super().__init__(code, detail)
        self.status = status
        self.kind = kind
        self.message = f"message={name}; errorCode={code.zfill(6)}; statusCode={status}"


class SystemFaultError(FaultError):
    """A breakdown of the service's own; it proves nothing."""

    status = 500
    kind = "SystemFault"


def unreadable_number(text: str) -> SystemFaultError:
    detail = f'System Failure Error: java.lang.NumberFormatException: For input string: "{text}"'
    return SystemFaultError("10000", detail)


def unauthenticated(detail: str) -> GatewayError:
    return GatewayError(401, "AuthenticationFailed", "3200", kind="AUTHENTICATION", detail=detail)


def foreign_realm(status: int = 403) -> GatewayError:
    if status == 401:
        return unauthenticated("Token is not of this company")
    return GatewayError(403, "ApplicationAuthorizationFailed", "3100", kind="SERVICE", detail=None)


def throttled(status: int = 429) -> GatewayError:
    detail = "The request limit was reached.  Try again later"
    return GatewayError(status, "ThrottleExceeded", THROTTLED, kind="SERVICE", detail=detail)


#: The gateway's answers, for `Faults.plan`.
THROTTLED_ANSWER: dict[str, Any] = {
    "status": 429,
    "body": '<Fault type="SERVICE"><Error code="3001"/></Fault>',
}
#: After the work may have been done: nothing is known (FACTS 2.4).
TIMED_OUT_ANSWER: dict[str, Any] = {
    "status": 504,
    "content_type": "application/xml",
    "body": '<IntuitResponse xmlns="http://schema.intuit.com/finance/v3"><Fault type="SERVICE">'
    '<Error code="6002"><Message>message=Timeout occurred while proxying request; '
    "errorCode=006002; statusCode=504</Message></Error></Fault></IntuitResponse>",
}
BROKEN_ANSWER: dict[str, Any] = {
    "status": 200,
    "content_type": "application/json",
    "body": '{"Fault":{"Error":[{"Message":"An application error has occurred while processing '
    'your request","Detail":"System Failure Error: ","code":"10000"}],"type":"SystemFault"}}',
}
UNAUTHENTICATED_ANSWER: dict[str, Any] = {
    "status": 401,
    "body": '{"fault":{"error":[{"code":"3200"}],"type":"AUTHENTICATION"}}',
}


def unsupported(what: str) -> FaultError:
    return FaultError("500", f"Operation {what} is not supported.")


def not_found() -> FaultError:
    return FaultError("610", f"Object Not Found : {MADE_INACTIVE}")


def unknown_member(entity: str, member: str, known: Iterable[str]) -> FaultError:
    names = list(known)
    listed = ", ".join(f'"{name}"' for name in names[:59])
    return bad_property(
        f'Unrecognized field "{member}" (class com.intuit.schema.finance.v3.{entity}), '
        f"not marked as ignorable ({len(names)} known properties: {listed} [truncated]])\n"
    )


def bad_property(what: str) -> FaultError:
    return FaultError("2010", f"Property Name:{what} specified is unsupported or invalid")


def required(parameter: str) -> FaultError:
    detail = f"Required parameter {parameter} is missing in the request"
    return FaultError("2020", detail, element=parameter)


def bad_id(value: object) -> FaultError:
    return FaultError("2030", f"Id should be a valid number. Supplied value:{value}", element="Id")


def too_long(element: str, value: str, limit: int) -> FaultError:
    detail = (
        "String length specified does not match the supported length. "
        f"Min:0 Max:{limit:,} supported. Supplied length:{len(value):,}"
    )
    return FaultError("2050", detail, element=element)


def bad_enum(value: object) -> FaultError:
    return FaultError("2170", f"Invalid Enumeration : {value}")


def unknown_reference(kind: str, id_: str) -> FaultError:
    return FaultError("2500", f"Invalid Reference Id : {kind} element id {id_} not found")


def inactive_reference(code: str) -> FaultError:
    return FaultError(code, f"{MESSAGES[code]} : {MADE_INACTIVE}")


def parent_without_flag(flag: str) -> FaultError:
    return FaultError(
        "6150", f"ParentRef is either required or not if {flag} is true or false.", element=flag
    )


def stale() -> FaultError:
    return FaultError(
        "5010",
        "Stale Object Error : You and someone else were working on this at the same time. "
        "Someone else finished before you did, so your work was not saved.",
    )


def business(detail: str) -> FaultError:
    return FaultError("6000", f"Business Validation Error: {detail}")
