"""The rules of the transforms, one entry after the other and without pandas, to compare with.

Written as anybody would who knows the standard library: no row is looked at twice, and nothing is
worked out again that a dictionary can keep.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from json.encoder import encode_basestring_ascii
from typing import Any

import pandas as pd

from schemas.words import Kind, Reason
from transforms.plan.explain import explanations
from transforms.plan.judge import LONGEST_SHOWN, JudgeRules
from transforms.plan.parts import LONGEST_S

#: A row before it is judged, or why it is none.
Entry = dict[str, Any]

_TEXTS = {
    "entry_id": "_id", "user_id": "userId", "user": "userName", "project_id": "projectId",
    "project": "projectName", "client": "clientName", "description": "description",
    "entry_type": "type", "currency": "currency", "user_email": "userEmail",
    "client_id": "clientId", "task": "taskName",
}  # fmt: skip


@dataclass(frozen=True)
class Partners:
    """Links and problems by Clockify's ids.

    Attributes:
        people: Kind and id in QuickBooks, by user.
        customers: Id in QuickBooks, by project.
        problems: Problem and candidates, by kind and id.
        held: Ids of the entries that the ledger holds as sent.
    """

    people: Mapping[str, tuple[str, str]]
    customers: Mapping[str, str]
    problems: Mapping[tuple[str, str], tuple[str, str]]
    held: AbstractSet[str]

    @classmethod
    def of(cls, links: pd.DataFrame, unlinked: pd.DataFrame, held: pd.DataFrame) -> "Partners":
        """Take them from `Links` and `Unlinked`, and from what the ledger holds as sent."""
        rows = list(links.itertuples(index=False))
        return cls(
            {row.clockify_id: (row.qbo_kind, row.qbo_id) for row in rows if row.kind == Kind.USER},
            {row.clockify_id: row.qbo_id for row in rows if row.kind == Kind.PROJECT},
            {
                (row.kind, row.clockify_id): (row.problem, row.candidates)
                for row in unlinked.itertuples(index=False)
            },
            set(held["entry_id"]),
        )


def judged_rows(
    rows: Iterable[Any], partners: Partners, rules: JudgeRules
) -> list[tuple[str, str, str]]:
    """Return entry id, explanation and body of each decoded row, in their order."""
    say = explanations(rules.company, LONGEST_SHOWN, rules.tracker)
    done = []
    for entry in map(_read, rows):
        _prepare(entry, partners, rules)
        reason = _reason(entry, partners, rules)
        if reason is None:
            done.append((entry["entry_id"], "", _body(entry)))
        else:
            done.append((entry["entry_id"], say[reason](entry), ""))
    return done


def _read(row: Mapping[str, Any]) -> Entry:
    entry: Entry = {}
    for name, member in _TEXTS.items():
        value = row.get(member)
        entry[name] = (value or None) if isinstance(value, str) else None
    if not entry["entry_id"] or len(entry["entry_id"]) > 64 or not entry["user_id"]:
        raise ValueError("no entry")
    entry["description"] = entry["description"] or ""
    entry["entry_type"] = entry["entry_type"] or "REGULAR"
    if entry["entry_type"] not in {"REGULAR", "BREAK", "HOLIDAY", "TIME_OFF"}:
        raise ValueError("no type")
    tags = row.get("tags") or []
    entry["tags"] = ", ".join(str(tag["name"]) for tag in tags if tag.get("name")) or None
    interval = row["timeInterval"]
    end, duration_s = interval.get("end"), interval.get("duration")
    entry["start"] = datetime.fromisoformat(interval["start"]).astimezone(UTC)
    entry["end"] = None if end is None else datetime.fromisoformat(end).astimezone(UTC)
    if end is not None and duration_s is None:
        duration_s = (entry["end"] - entry["start"]) // timedelta(seconds=1)
    entry["duration_s"] = None if end is None else duration_s
    if not isinstance(row["billable"], bool):
        raise TypeError("neither billable nor not")
    entry["billable"] = row["billable"]
    rate = row["rate"] if row.get("rate") is not None else row.get("earnedRate")
    if rate is not None:
        rate = int((Decimal(str(rate)) * 10_000).to_integral_value(ROUND_HALF_UP))
    entry["rate_micros"] = rate
    if (rate is not None and rate < 0) or (end is not None and duration_s < 0):
        raise ValueError("less than nothing")
    return entry


def _prepare(entry: Entry, partners: Partners, rules: JudgeRules) -> None:
    entry["date"] = entry["start"].astimezone(rules.timezone).strftime("%Y-%m-%d")
    step_s = rules.rounding.step_min * 60
    shift_s = {"down": 0, "nearest": step_s // 2, "up": step_s - 1}[rules.rounding.mode]
    if entry["duration_s"] is not None:
        rounded = (entry["duration_s"] + shift_s) // step_s * rules.rounding.step_min
        entry["minutes"] = rounded
    kind, id_ = partners.people.get(entry["user_id"], (None, None))
    entry["qbo_kind"], entry["qbo_person_id"] = kind, id_
    entry["qbo_customer_id"] = partners.customers.get(entry["project_id"])
    for kind, key in (("user", "user_id"), ("project", "project_id")):
        problem, candidates = partners.problems.get((kind, entry[key]), (None, None))
        entry[f"{kind}_problem"], entry[f"{kind}_candidates"] = problem, candidates


def _reason(entry: Entry, partners: Partners, rules: JudgeRules) -> Reason | None:  # noqa: C901, PLR0911 - the domain's table
    company = rules.company
    closed = company.closed_until.isoformat() if company.closed_until else ""
    no_person = entry["qbo_person_id"] is None
    no_customer = entry["project_id"] is not None and entry["qbo_customer_id"] is None
    if entry["duration_s"] is None:
        return Reason.RUNNING
    if entry["entry_id"] in partners.held:
        return Reason.ALREADY_SENT
    if entry["entry_type"] != "REGULAR":
        return Reason.BREAK
    if entry["duration_s"] > LONGEST_S or entry["minutes"] * 60 > LONGEST_S:
        return Reason.TOO_LONG
    if entry["minutes"] == 0:
        return Reason.ROUNDS_TO_ZERO
    if entry["billable"] and entry["project_id"] is None:
        return Reason.BILLABLE_WITHOUT_PROJECT
    if no_person and entry["user_problem"] != "ambiguous":
        return Reason.UNLINKED_USER
    if no_customer and entry["project_problem"] != "ambiguous":
        return Reason.UNLINKED_PROJECT
    if no_person or no_customer:
        return Reason.AMBIGUOUS_NAME
    if entry["date"] <= closed:
        return Reason.BOOKS_CLOSED
    if not entry["billable"]:
        return None
    if entry["rate_micros"] is None:
        return Reason.BILLABLE_WITHOUT_RATE
    foreign = entry["currency"] is not None and entry["currency"] != company.currency
    return Reason.RATE_CURRENCY if foreign and company.currency else None


def _body(entry: Entry) -> str:
    kind = "Employee" if entry["qbo_kind"] == "employee" else "Vendor"
    customer = rate = description = ""
    if entry["qbo_customer_id"] is not None:
        id_ = encode_basestring_ascii(entry["qbo_customer_id"])
        customer = f',"CustomerRef":{{"value":{id_}}}'
    if entry["billable"]:
        amount = Decimal(entry["rate_micros"]).scaleb(-6).normalize()
        rate = f',"HourlyRate":{amount:f}'
    if entry["description"]:
        description = f',"Description":{encode_basestring_ascii(entry["description"])}'
    person = encode_basestring_ascii(entry["qbo_person_id"])
    status = "Billable" if entry["billable"] else "NotBillable"
    hours, minutes = divmod(entry["minutes"], 60)
    return (
        f'{{"TxnDate":"{entry["date"]}","NameOf":"{kind}","{kind}Ref":{{"value":{person}}}'
        f'{customer},"BillableStatus":"{status}"{rate},"Hours":{hours},"Minutes":{minutes}'
        f"{description}}}"
    )
