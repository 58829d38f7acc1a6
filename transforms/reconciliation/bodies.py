"""What a repair sends: whole TimeActivities for updates, Id and SyncToken for deletions.

An update replaces everything that is writable, and what is left out becomes empty (FACTS, QBO,
1.2). So it carries what the books have, such as item and class, and changes what the entry decides.
"""

import json
from collections.abc import Mapping
from typing import Any

from transforms.reconciliation.judge import Judged, Step
from transforms.reconciliation.sides import MEMBERS, Now, Sent, wanted_body

#: What QuickBooks writes itself (FACTS, QBO, 1.1).
_READ_ONLY = ("domain", "sparse", "MetaData", "status", "TimeChargeId")

#: Another way to say how long, which must not stand beside Hours (FACTS, QBO, 1.4: 6390).
_OTHER_TIME = ("StartTime", "EndTime", "Seconds", "BreakHours", "BreakMinutes", "BreakSeconds")

#: What belongs to the TimeActivity or customer that is replaced.
_OF_THE_OLD_ONE = ("Id", "SyncToken", "ProjectRef")


def change_bodies(
    sent: Sent, now: Now | None, activity: Mapping[str, Any] | None, judged: Judged
) -> tuple[str, str | None]:
    """Return the body that a step sends, and that of a replacement or `None`."""
    wanted = wanted_body(sent, now, list(judged.fields))
    if activity is None:
        return written(wanted), None
    if judged.step in {Step.DELETE, Step.REPLACE}:
        replaces = judged.step == Step.REPLACE
        new = written(_whole(activity, wanted, _OF_THE_OLD_ONE)) if replaces else None
        return deletion(activity), new
    return written(_whole(activity, wanted)), None


def deletion(activity: Mapping[str, Any]) -> str:
    """Return the body that deletes a TimeActivity (FACTS, QBO, 1.2)."""
    return written({name: activity[name] for name in ("Id", "SyncToken")})


def written(body: Mapping[str, Any]) -> str:
    """Write a body as JSON, without spaces."""
    return json.dumps(body, separators=(",", ":"))


def _whole(
    activity: Mapping[str, Any], wanted: Mapping[str, Any], without: tuple[str, ...] = ()
) -> dict[str, Any]:
    decided = {name for names in MEMBERS.values() for name in names}
    left_out = decided.union(_READ_ONLY, _OTHER_TIME, without)
    kept = {name: value for name, value in activity.items() if name not in left_out}
    return {**wanted, **kept}
