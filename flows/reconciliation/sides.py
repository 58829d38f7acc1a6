"""Makes the sides of a comparison: of what was sent, of what Clockify has, and of a TimeActivity.

Each is compared by its fields (`transforms.reconciliation.sides`), and shown by its looks: what
people know it by.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from connectors.quickbooks.batch import part_of
from connectors.store.entry_contents import NAMES as CONTENTS
from connectors.store.scope import records
from schemas.words import QboKind, Source
from transforms.plan.activities import to_activities
from transforms.plan.judge import JudgeRules
from transforms.reconciliation.sides import Line, Now, Sent, activity_values

#: What people know an entry or a TimeActivity by.
LOOKS = ("date", "minutes", "user", "client", "project", "description")
_CONTENTS = {name: f"contents_{name}" for name in CONTENTS}


def is_from_file(row: Any) -> bool:
    """Whether a row of `SentEntries` was sent from a file."""
    return bool(row.contents_source == Source.FILE)


def sent_of(row: Any, unit: str | None = None) -> Sent:
    """Return a row of `SentEntries` as a side of a comparison; *unit* is the whole of a part."""
    line = None
    if row.line is not None:
        is_last = row.before_min + row.minutes == row.whole_minutes
        line = Line(row.line, row.whole_body, row.before_min, is_last)
    contents = {name: getattr(row, column) for name, column in _CONTENTS.items()}
    return Sent(
        entry_id=row.entry_id,
        time_activity_id=row.time_activity_id,
        body=row.body,
        was_approved=bool(row.approved_only),
        from_file=is_from_file(row),
        contents=contents if row.contents_entry_id is not None else None,
        sync_token=row.sync_token,
        unit=unit,
        line=line,
    )


def looks_of_sent(row: Any) -> dict[str, Any]:
    """Return what people know a sent entry by."""
    return {
        "date": row.txn_date,
        "minutes": row.minutes,
        "user": row.user,
        "client": row.client,
        "project": row.project,
        "description": row.description or "",
    }


def looks_of(activity: Mapping[str, Any]) -> dict[str, Any]:
    """Return what people know a TimeActivity by."""
    values = activity_values(activity)
    person = part_of(activity, f"{activity.get('NameOf')}Ref")
    return {
        "date": values["date"],
        "minutes": None if values["minutes"] is None else int(values["minutes"]),
        "user": person.get("name") or person.get("value"),
        "client": None,
        "project": part_of(activity, "CustomerRef").get("name"),
        "description": values["description"],
    }


def now_of(
    entries: pd.DataFrame,
    plan: pd.DataFrame,
    contents: Mapping[str, Mapping[str, Any]],
    rules: JudgeRules,
) -> dict[str, Now]:
    """Return each entry of a `Plan` as Clockify has it; *entries* are its `TimeEntries`.

    The currency of the company in *rules* is empty if QuickBooks does not say.
    """
    currency = rules.company.currency
    is_foreign = (entries["currency"].fillna(currency) != currency) & (currency != "")
    own_rate = plan["rate_from"].isna() & (plan["rate_micros"].fillna(0) != 0)
    no_project = entries["project_id"].isna().to_numpy()
    filled = plan.assign(
        qbo_kind=plan["qbo_kind"].fillna(QboKind.EMPLOYEE),
        qbo_person_id=plan["qbo_person_id"].fillna(""),
        qbo_customer_id=plan["qbo_customer_id"].fillna("").mask(no_project),
        rate_micros=plan["rate_micros"].fillna(0),  # a missing one is never written: see `judge`
    )
    activities = to_activities(filled[plan["minutes"].notna().to_numpy()])
    bodies = dict(zip(activities["entry_id"], activities["body"], strict=True))
    person = plan["qbo_kind"].str.capitalize() + ":" + plan["qbo_person_id"]
    customer = plan["qbo_customer_id"].mask(no_project, "")
    extra = {
        "qbo_user": person,
        "qbo_project": customer,
        "other_currency": is_foreign.to_numpy() & own_rate.to_numpy(),
        "rate_source": rules.rates.source,
        "seconds": entries["duration_s"].array,  # stays whole where one is missing
        "approved": entries["approved"].to_numpy(),
        "is_work": (entries["entry_type"] == "REGULAR").to_numpy(),
    }
    return {
        row["entry_id"]: Now(
            body=bodies.get(row["entry_id"]),
            reason=row["reason"],
            detail=row["detail"],
            contents=contents.get(row["entry_id"]),
            approved=bool(row["approved"]),
            is_work=bool(row["is_work"]),
            row=row,
        )
        for row in records(plan.assign(**extra))
    }
