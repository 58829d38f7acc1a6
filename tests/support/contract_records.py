"""Keeps what a service answered, without secrets and names, and holds stand-ins against it."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

#: Where recordings stand: not in git, until somebody adds them (docs/contract.md).
FOLDER = Path(
    os.environ.get("CLOCKBOOKS_CONTRACT_FOLDER")
    or Path(__file__).parents[1] / "contract" / "recorded"
)

#: Members whose texts are the service's own words. All other texts are left out, unless they are
#: numbers, times or ids, or the suite made them up.
KEPT = frozenset({
    "code", "operation", "Message", "Detail", "message", "detail", "type", "element", "error",
    "domain", "status", "state", "NameOf", "BillableStatus", "TxnType", "DetailType",
    "documentCode", "membershipType", "membershipStatus", "featureSubscriptionType", "features",
    "currency", "currencyCode", "timeZone", "DefaultTimeZone", "round", "token_type",
})  # fmt: skip

#: Members that hold names of people, companies and things: what stands there is also taken out of
#: the words above.
NAMES = frozenset({
    "name", "Name", "email", "Address", "DisplayName", "GivenName", "MiddleName", "FamilyName",
    "CompanyName", "LegalName", "FullyQualifiedName", "PrintOnCheckName", "userName", "userEmail",
    "projectName", "clientName", "taskName",
})  # fmt: skip

#: Numbers, dates, times, lengths of time, ids of Clockify's, colors.
FORMS = re.compile(
    r"-?\d{0,15}(\.\d+)?|\d{4}-\d\d-\d\d([T ][\d:.]+(Z|[+-]\d\d:?\d\d)?)?|PT[\dHMS]+"
    r"|#[0-9a-fA-F]{6}|true|false"
)
CLOCKIFY_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])")
#: QuickBooks tells who else was at work (FACTS, QBO, 7.2).
COLLEAGUES = re.compile(r"You and .+? were working .+? at the same time\. .+? finished", re.DOTALL)
SHOWN_HEADERS = ("Last-Page", "Retry-After", "intuit_tid", "Intuit-Tid")
OMITTED = "…"
MOST_ROWS = 5


@dataclass
class Records:
    """The exchanges of one test, and what it saw of questions that are open.

    Attributes:
        prefix: How the names begin that the suite gave; such texts are kept.
        secrets: Texts that must not stay, such as the company's number, with what replaces them.
    """

    prefix: str
    secrets: Mapping[str, str]
    exchanges: list[tuple[str, Any, requests.Response]] = field(default_factory=list)
    observed: dict[str, Any] = field(default_factory=dict)

    def add(self, response: requests.Response, sent: Any) -> None:
        """Keep one exchange."""
        self.exchanges.append((str(response.request.method), sent, response))

    def cleaned(self) -> dict[str, Any]:
        """Return everything as JSON, without secrets and names."""
        answers = [_decoded(response) for _, _, response in self.exchanges]
        scrub = Scrubber(self.prefix, self.secrets, names_in(answers))
        return {
            "observed": self.observed,
            "exchanges": [
                {
                    "asked": scrub.text(f"{method} {urlsplit(response.url).path}"),
                    "sent": scrub.value(json.loads(sent) if isinstance(sent, bytes) else sent),
                    "status": response.status_code,
                    "media_type": response.headers.get("Content-Type", "").partition(";")[0],
                    "headers": {
                        name: scrub.value(response.headers[name])
                        for name in SHOWN_HEADERS
                        if name in response.headers
                    },
                    "answer": scrub.value(answer),
                }
                for (method, sent, response), answer in zip(self.exchanges, answers, strict=True)
            ],
        }


class Scrubber:
    """Takes secrets and names out of one test's exchanges; equal ids stay equal."""

    def __init__(self, prefix: str, secrets: Mapping[str, str], names: Iterable[str]) -> None:
        self.prefix = prefix
        self.secrets = secrets
        self.names = sorted(names, key=len, reverse=True)
        self.ids: dict[str, str] = {}

    def value(self, value: Any, member: str = "") -> Any:
        """Clean decoded JSON; of a list its first rows are kept."""
        if isinstance(value, dict):
            return {self.text(name): self.value(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [self.value(one, member) for one in value[:MOST_ROWS]]
        if not isinstance(value, str):
            return value
        is_ours = value.startswith(self.prefix) and "\n" not in value
        if is_ours or FORMS.fullmatch(value) or CLOCKIFY_ID.fullmatch(value):
            return self.text(value)
        if member in KEPT:
            return self._without_names(self.text(value))
        return OMITTED

    def text(self, text: str) -> str:
        """Replace secrets, ids and the run's own mark."""
        for secret, shown in self.secrets.items():
            text = text.replace(secret, shown)
        text = CLOCKIFY_ID.sub(lambda found: self._id(found[0]), text)
        return text.replace(self.prefix, "Contract")

    def _id(self, id_: str) -> str:
        return self.ids.setdefault(id_, f"{len(self.ids) + 1:024x}")

    def _without_names(self, text: str) -> str:
        text = COLLEAGUES.sub(f"You and {OMITTED} were working at the same time", text)
        for name in self.names:
            text = text.replace(name, OMITTED)
        return text


def names_in(value: Any, member: str = "") -> set[str]:
    """Collect the names that decoded JSON holds."""
    if isinstance(value, dict):
        return {name for key, one in value.items() for name in names_in(one, key)}
    if isinstance(value, list):
        return {name for one in value for name in names_in(one, member)}
    is_name = member in NAMES and isinstance(value, str) and len(value) > 2
    return {value, *(part for part in value.split() if len(part) > 2)} if is_name else set()


def differences(recorded: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """Say where a stand-in answers otherwise than the real service was recorded to.

    The same questions must get the same status and media type, and the stand-in may show no member
    of its own and none of another type. What the real one shows besides is no difference.
    """
    theirs, mine = recorded["exchanges"], ours["exchanges"]
    if [one["asked"].split()[0] for one in theirs] != [one["asked"].split()[0] for one in mine]:
        return ["the test asks otherwise than when it was recorded: record it again"]
    found = []
    for number, (real, own) in enumerate(zip(theirs, mine, strict=True), start=1):
        place = f"answer {number} ({own['asked']})"
        found += [
            f"{place}: {name} {own[name]} instead of {real[name]}"
            for name in ("status", "media_type")
            if real[name] != own[name]
        ]
        found += _shape_differences(real["answer"], own["answer"], place)
    return found


def _shape_differences(real: Any, own: Any, place: str) -> list[str]:
    if real is None or own is None:
        return []
    kinds = [_kind(one) for one in (real, own)]
    if kinds[0] != kinds[1]:
        return [f"{place}: {kinds[1]} instead of {kinds[0]}"]
    if isinstance(own, list):
        return [] if not real else _list_differences(real, own, place)
    if not isinstance(own, dict):
        return []
    if own.keys() & {"Message", "message"} and own.get("code") != real.get("code"):
        return [f"{place}.code: {own.get('code')!r} instead of {real.get('code')!r}"]
    return [
        difference
        for name, one in own.items()
        for difference in (
            _shape_differences(real[name], one, f"{place}.{name}")
            if name in real
            else [f"{place}.{name}: not in the recorded answer"]
        )
    ]


def _list_differences(real: list[Any], own: list[Any], place: str) -> list[str]:
    """Hold each row against all recorded ones together: not each of them has every member."""
    whole = reduce(_together, real)
    return [one for row in own for one in _shape_differences(whole, row, f"{place}[]")]


def _together(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        shared = {name: _together(one[name], other[name]) for name in one.keys() & other.keys()}
        return one | other | shared
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return other if one is None else one


def _kind(value: Any) -> str:
    kinds = {bool: "a flag", int: "a number", float: "a number", str: "a text", dict: "an object"}
    return kinds.get(type(value), "a list")


def _decoded(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return OMITTED if response.content else ""


def read(target: str, test: str) -> dict[str, Any] | None:
    """Return the recording of a test on the real service *target*, if there is one."""
    path = _path(target, test)
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def read_all(target: str, test: str) -> list[dict[str, Any]]:
    """Return the recordings of a test, with whatever parameters."""
    paths = sorted((FOLDER / target).glob(f"{test}.*json"))
    return [json.loads(path.read_text("utf-8")) for path in paths]


def write(target: str, test: str, record: Mapping[str, Any]) -> None:
    """Keep the recording of a test, in place of an older one."""
    path = _path(target, test)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _path(target: str, test: str) -> Path:
    return FOLDER / target / f"{test}.json"
