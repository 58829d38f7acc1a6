"""Holds each body that a stand-in answers against what its vendor published, on its way out.

The documents stand beside the project where they may; their licenses keep them out of it. Where
they are not, nothing is held.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from lxml import etree

from connectors.standins.clockify import app as clockify
from connectors.standins.quickbooks.app import QuickBooksStandin

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
OPENAPI = REFERENCE / "clockify" / "samples" / "openapi" / "clockify.official.openapi.yaml"
XSD = REFERENCE / "qbo" / "xsd" / "IntuitRestServiceDef.xsd"

#: Where the live service answers otherwise than its OpenAPI says: the end of the place, the source.
LIVE = {
    "/entities/created": "a bare array, where a text is published: FACTS 3",
    "/entities/updated": "a bare array, where a text is published: FACTS 3",
    "/entities/deleted": "a bare array, where pages are published: FACTS 3",
    "featureSubscriptionType": "a text, where an object is published: FACTS 2.2",
    "features": "an array, where one feature is published: FACTS 2.2",
    "customFieldValues/N/value": "the value itself, where an object is published: samples",
    "totals/N": "null where totals are excluded: FACTS 4, recalled",
    "timeInterval/zonedStart": "local time without an offset: FACTS 1.6, 4",
    "timeInterval/zonedEnd": "local time without an offset: FACTS 1.6, 4",
}

#: What was answered otherwise than published; a test that leaves something here fails.
BROKEN: list[str] = []

Check = Callable[[str, str, int, bytes], None]


def hold_all() -> None:
    """Hold whatever the stand-ins answer that are made from now on in this process."""
    routed, application = clockify._routed, QuickBooksStandin._application  # noqa: SLF001
    clockify._routed = lambda: Held(routed(), hold_clockify)  # noqa: SLF001
    QuickBooksStandin._application = lambda self: Held(application(self), hold_quickbooks)  # noqa: SLF001


class Held:
    """An ASGI middleware that shows every whole answer to *check*."""

    def __init__(self, app: Any, check: Check) -> None:
        self.app, self.check = app, check

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as the application does, and look at the answer."""
        status, parts = 0, []

        async def seen(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            parts.append(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self.check(scope["method"], scope["path"], status, b"".join(parts))
            await send(message)

        await self.app(scope, receive, seen)


def hold_clockify(method: str, path: str, status: int, body: bytes) -> None:
    """Check an answer of Clockify's against its OpenAPI."""
    if not OPENAPI.exists() or status >= 400:  # it publishes no errors; FACTS 1.4 has them
        return
    route = path.removeprefix("/api").removeprefix("/report")
    validator = _validator(method.lower(), _template(route), status)
    if validator is None:
        BROKEN.append(f"{method} {path}: {status} is not published")
    elif body[:1] in {b"[", b"{"}:
        for error in validator.iter_errors(_without_nulls(json.loads(body))):
            where = "/".join("N" if isinstance(one, int) else one for one in error.instance_path)
            place = f"{method} {_template(route)} {where}".rstrip()
            if not place.endswith(tuple(LIVE)):
                BROKEN.append(f"{place}: {error.message[:200]}")


def hold_quickbooks(method: str, path: str, status: int, body: bytes) -> None:
    """Check an answer of QuickBooks' against Intuit's schema, if it is XML of theirs."""
    if XSD.exists() and b"<IntuitResponse" in body[:200]:
        schema = _xsd()
        if not schema.validate(etree.fromstring(body)):
            BROKEN.append(f"{method} {path}: {status}: {schema.error_log[0].message}")


@cache
def _xsd() -> Any:
    return etree.XMLSchema(etree.parse(XSD))


@cache
def _published() -> Any:
    with OPENAPI.open() as file:
        document = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    return _with_enums(document)


def _with_enums(node: Any) -> Any:
    """Read each enumeration as the text that it is: the export makes an object of it as well."""
    if isinstance(node, list):
        return [_with_enums(one) for one in node]
    if not isinstance(node, dict):
        return node
    one_of = node.get("oneOf")
    if node.get("type") == "object" and one_of and all("enum" in one for one in one_of):
        return {"anyOf": one_of}
    return {key: _with_enums(value) for key, value in node.items()}


def _without_nulls(value: Any) -> Any:
    """Leave out what is null: the export never says `nullable`, and live bodies have nulls."""
    if isinstance(value, dict):
        return {key: _without_nulls(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_without_nulls(one) for one in value]
    return value


@cache
def _template(route: str) -> str | None:
    """Return the published path that fits best: the one with the fewest parameters."""
    fits = [one for one in _published()["paths"] if _pattern(one).fullmatch(route)]
    return min(fits, key=lambda one: one.count("{"), default=None)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[^}]*\}", "[^/]+", template))


@cache
def _validator(method: str, template: str | None, status: int) -> Any:
    document = _published()
    operation = document["paths"].get(template, {}).get(method, {})
    answer = operation.get("responses", {}).get(str(status))
    if answer is None:
        return None
    content = answer.get("content", {})
    schema = next(iter(content.values()), {}).get("schema", {})
    return jsonschema_rs.Draft4Validator({**schema, "components": document["components"]})
