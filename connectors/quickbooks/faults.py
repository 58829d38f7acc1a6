"""Reads QuickBooks' faults: JSON in two spellings, XML in one.

Source: FACTS, QBO, 2.3, 2.4 and 7.1, with recorded bodies of each.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connectors.masking import mask

#: The longest text of a service that is shown or kept.
_LONGEST = 500


#: Codes that are about the item itself, so that its refusal says nothing of others: what it refers
#: to, a value, its day, the rules of time (1.4, 7.2). Any other code may be payroll's (6.3, 13.1).
OF_THE_ITEM = frozenset(
    {"610", "2030", "2050", "2170", "2500", "6200", "6210", *map(str, range(6290, 6391, 10))}
)


@dataclass(frozen=True)
class Fault:
    """What QuickBooks says is wrong.

    Attributes:
        code: Its code, as text and without leading zeros: `6240`. Empty when it gave none.
        message: Its name for the trouble.
        detail: What is wrong here; may be empty.
        kind: ValidationFault, SystemFault, AUTHENTICATION, SERVICE and the like.
        more_codes: The codes of its further errors.
    """

    code: str
    message: str
    detail: str
    kind: str
    more_codes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.detail or self.message} (code {self.code or 'unknown'})"


def is_of_the_item(words: str) -> bool:
    """Whether a fault, in the words in which it is kept, is about the item itself alone."""
    code = re.search(r"\(code (\d+)\)$", words)
    return code is not None and code[1] in OF_THE_ITEM


def fault_of(content: bytes) -> Fault | None:
    """Find the first fault in an answer's body; `None` when there is none."""
    text = content.decode("utf-8", errors="replace").strip()
    if text.startswith("<"):
        return _from_xml(text)
    try:
        return fault_in(json.loads(text))
    except (ValueError, RecursionError):  # not JSON, or nested without end
        return None


def fault_in(answer: Any) -> Fault | None:
    """Find the first fault in decoded JSON: an envelope, or an item of a batch."""
    if not isinstance(answer, Mapping):
        return None
    fault = answer.get("Fault") or answer.get("fault")
    if not isinstance(fault, Mapping):
        return None
    errors = fault.get("Error") or fault.get("error")
    listed = errors if isinstance(errors, list) and errors else [{}]
    first, *more = [error if isinstance(error, Mapping) else {} for error in listed]
    return Fault(
        code=_code(first.get("code")),
        message=_short(first.get("Message", first.get("message"))),
        detail=_short(first.get("Detail", first.get("detail"))),
        kind=_short(fault.get("type")),
        more_codes=tuple(_code(error.get("code")) for error in more),
    )


def _from_xml(text: str) -> Fault | None:
    try:
        root = fromstring(text)
    except (ParseError, DefusedXmlException, ValueError):
        return None
    fault = next((node for node in root.iter() if _name(node) == "Fault"), None)
    if fault is None:
        return None
    errors = [node for node in fault if _name(node) == "Error"]
    error, *more = errors or [Element("Error")]
    texts = {_name(node): node.text for node in error}
    return Fault(
        code=_code(error.get("code")),
        message=_short(texts.get("Message")),
        detail=_short(texts.get("Detail")),
        kind=_short(fault.get("type")),
        more_codes=tuple(_code(node.get("code")) for node in more),
    )


def _name(node: Element) -> str:
    return str(node.tag).rpartition("}")[2]


def _code(value: Any) -> str:
    return _short(value).lstrip("0")


def _short(value: Any) -> str:
    # One line, without what a terminal would obey or a database refuse.
    text = "" if value is None else str(value)
    # Masked here, because a fault's words are kept and shown without being an error of ours.
    printable = "".join(letter if letter.isprintable() else " " for letter in mask(text))
    return " ".join(printable.split())[:_LONGEST]
