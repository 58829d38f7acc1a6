"""The tag that sent entries carry in Clockify: put on and taken off, and never counted.

No call of Clockify's sets tags alone: a PUT replaces the entry (FACTS, Clockify, 3). So an entry is
written as it was read, and compared afterwards. `flows.sending.sent_tags` chooses the entries.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

import pandas as pd

#: What a PUT takes under the name that a read shows; tags, times and custom fields come besides.
_SAME = ("billable", "description", "projectId", "taskId", "type")

#: What the source of a custom field's value is called in a write; some reads show it as its type.
_SOURCES = {"WORKSPACE", "PROJECT", "TIMEENTRY"}

#: Most custom fields that a PUT takes.
_MOST_FIELDS = 50


def is_writable(entry: Mapping[str, Any]) -> bool:
    """Whether a PUT can write all of an entry as it is: open, finished, and read in full."""
    interval, fields = entry.get("timeInterval"), entry.get("customFieldValues")
    return (
        entry.get("isLocked") is False
        and {*_SAME, "tagIds"} <= entry.keys()
        and entry["type"] in {"REGULAR", "BREAK"}
        and isinstance(interval, Mapping)
        and all(isinstance(interval.get(name), str) for name in ("start", "end"))
        and isinstance(entry["tagIds"], list | None)
        and _are_fields(fields)
        and len(fields) <= _MOST_FIELDS
    )


def _are_fields(fields: Any) -> TypeGuard[list[Mapping[str, Any]]]:
    return isinstance(fields, list) and all(
        isinstance(one, Mapping) and isinstance(one.get("customFieldId"), str) for one in fields
    )


def has_tag(entry: Mapping[str, Any], tag_id: str) -> bool:
    """Whether an entry has a tag."""
    tags = entry.get("tagIds")
    return isinstance(tags, list) and tag_id in tags


def replacement(entry: Mapping[str, Any], tag_id: str, *, tagged: bool) -> dict[str, Any]:
    """Return the body that replaces a writable entry by itself, with a tag or without it."""
    others = [id_ for id_ in entry["tagIds"] or [] if id_ != tag_id]
    return {
        "start": entry["timeInterval"]["start"],
        "end": entry["timeInterval"]["end"],
        **{name: entry[name] for name in _SAME if entry[name] is not None},
        "tagIds": others + [tag_id] * tagged,
        "customFields": [
            {"customFieldId": one["customFieldId"], "value": one["value"], **_source(one)}
            for one in entry["customFieldValues"]
            if one.get("value") is not None
        ],
    }


def _source(field: Mapping[str, Any]) -> dict[str, str]:
    source = field.get("sourceType") or field.get("type")
    return {"sourceType": source} if source in _SOURCES else {}


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], tag_id: str
) -> dict[str, tuple[Any, Any]]:
    """Return what differs between two readings of an entry besides a tag: old and new, by member.

    Examples:
        >>> differences({"tagIds": None, "billable": True}, {"tagIds": ["t"]}, "t")
        {'billable': (True, None)}
    """
    one, other = _plain(before, tag_id), _plain(after, tag_id)
    names = sorted(one.keys() | other.keys())
    return {
        name: (one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)
    }


def _plain(entry: Mapping[str, Any], tag_id: str) -> dict[str, Any]:
    """Return an entry without a tag, and with its lists in no order; what is no list stays."""
    tags, fields = entry.get("tagIds") or [], entry.get("customFieldValues") or []
    if isinstance(tags, list):
        tags = sorted((id_ for id_ in tags if id_ != tag_id), key=str)
    if _are_fields(fields):
        fields = {one["customFieldId"]: one.get("value") for one in fields}
        fields = {id_: value for id_, value in fields.items() if value is not None}
    return {**entry, "tagIds": tags, "customFieldValues": fields}


def without_tags(tags: pd.Series, names: frozenset[str]) -> pd.Series:
    """Take names out of texts that join the names of tags by commas.

    Examples:
        >>> tags = pd.Series(["urgent, Sent", "Sent", "Sent off"])
        >>> without_tags(tags, frozenset(["Sent"])).to_list()
        ['urgent', '', 'Sent off']
    """
    if not names:
        return tags
    ours = re.compile(rf"(?:^|,)\s*(?:{'|'.join(map(re.escape, sorted(names)))})\s*(?=,|$)")
    return tags.map(lambda text: ours.sub("", text).lstrip(", "), na_action="ignore").astype(
        tags.dtype
    )
