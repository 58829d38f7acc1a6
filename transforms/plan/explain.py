"""The sentences for a bookkeeper: why an entry does not go, and what to do about it."""

from collections.abc import Callable, Mapping
from datetime import date
from shlex import quote
from typing import Any

import pandas as pd

from schemas.quickbooks import Company
from schemas.words import Kind, Problem, RateSource, Reason
from transforms.directory.names import DELETED_USER
from transforms.directory.targets import CALLED, flag

#: The columns of a judged entry that its explanation may need.
Row = Mapping[str, Any]


def explanations(
    company: Company, sent_limit: str, tracker: str
) -> dict[Reason, Callable[[Row], str]]:
    """Return, for each reason, a function that explains a judged row.

    Args:
        company: The QuickBooks company, for its currency and closing date.
        sent_limit: The longest entry that may go, as people write it: `23 h 55 min`.
        tracker: Where time is tracked and corrected: Clockify, or the tool that a file came from.
    """
    closed_until = _day(company.closed_until)
    return {
        Reason.RUNNING: lambda _: "The timer is still running. Stop it; the next send takes it.",
        Reason.ALREADY_SENT: lambda row: (
            f"Already in QuickBooks, as TimeActivity {row['time_activity_id']}."
            " It is never sent twice."
        ),
        Reason.FILTERED: lambda _: (
            "It does not match the filters of this send. Send without them to include it."
        ),
        Reason.NOT_APPROVED: lambda _: (
            f"Its timesheet is not approved. Have it approved in {tracker}; the next send takes it."
        ),
        Reason.EXCLUDED: _excluded,
        Reason.TOO_EARLY: lambda _: (
            "It is from before the first day of this connection (`not_before`), so it is never"
            " sent."
        ),
        Reason.BREAK: lambda row: (
            f"Entries of type {row['entry_type']} are not worked time and are never sent."
        ),
        Reason.TOO_LONG: lambda row: (
            f"It lasts {_lasts(row['duration_s'], row['minutes'], sent_limit)}, longer than"
            f" {sent_limit}. If a timer was forgotten, correct the entry in {tracker}; if not,"
            " split it. Then send again."
        ),
        Reason.ROUNDS_TO_ZERO: lambda row: _rounds_to_zero(row, tracker),
        Reason.BILLABLE_WITHOUT_PROJECT: lambda _: (
            "It is billable but has no project, so QuickBooks would not know whom to bill."
            f" Give it a project in {tracker}, or make it non-billable, then send again."
        ),
        Reason.UNLINKED_USER: _unlinked_user,
        Reason.UNLINKED_PROJECT: _unlinked_project,
        Reason.AMBIGUOUS_NAME: _ambiguous_name,
        Reason.BOOKS_CLOSED: lambda _: (
            f"The company's books are closed through {closed_until}. Reopen them in QuickBooks, or"
            " leave the entry; each send checks it again."
        ),
        Reason.RATE_CURRENCY: lambda row: (
            f"Its rate is in {row['currency']}, but the company's books are in {company.currency}."
            f" Set a rate in {company.currency} for the project or client in {tracker}, then send"
            " again."
        ),
        Reason.BILLABLE_WITHOUT_RATE: lambda row: _without_rate(row, tracker),
        Reason.CLASS_REQUIRED: _class_required,
        Reason.UNCONFIRMED: lambda _: (
            "Another run sent it to QuickBooks and is still running, or ended without an answer."
            " The next send, or `clockbooks settle`, asks QuickBooks; until then the entry is not"
            " sent again."
        ),
    }


#: The columns that each explanation reads; those not listed are the same for every row.
_READS = {
    Reason.ALREADY_SENT: ["time_activity_id"],
    Reason.BREAK: ["entry_type"],
    Reason.TOO_LONG: ["duration_s", "minutes"],
    Reason.ROUNDS_TO_ZERO: ["duration_s"],
    Reason.EXCLUDED: ["user", "user_id", "user_problem", "project", "project_id"],
    Reason.UNLINKED_USER: ["user", "user_id", "user_problem", "user_candidates"],
    Reason.UNLINKED_PROJECT: [
        "project", "client", "project_id", "project_problem", "project_candidates",
    ],
    Reason.AMBIGUOUS_NAME: [
        "user", "user_id", "user_problem", "user_candidates", "qbo_person_id",
        "project", "project_id", "project_candidates",
    ],
    Reason.RATE_CURRENCY: ["currency"],
    Reason.BILLABLE_WITHOUT_RATE: ["rate_from", "rate_of", "qbo_item_id", "user"],
    Reason.CLASS_REQUIRED: ["rule_problem", "lacking"],
}  # fmt: skip


def explain(
    judged: pd.DataFrame, company: Company, sent_limit: str, tracker: str = "Clockify"
) -> pd.Series:
    """Explain each row that does not go.

    Args:
        judged: The column `reason`, and those that the explanations read.
        company: The QuickBooks company.
        sent_limit: The longest entry that may go, as people write it.
        tracker: Where time is corrected.

    Returns:
        Texts, with the index of *judged*; missing where `reason` is.
    """
    say = explanations(company, sent_limit, tracker)
    details = pd.Series(index=judged.index, dtype="str", name="detail")
    for reason, index in judged["reason"].groupby(judged["reason"]).groups.items():
        if reason in say:
            reads = _READS.get(Reason(reason), ["reason"])
            rows = judged.loc[index, reads].astype(object).to_dict("records")
            details[index] = [say[reason](row) for row in rows]
    return details


def maybe_in_books(day: str, minutes: int, ids: str) -> str:
    """Explain that QuickBooks has time of the same person and day that nobody sent from here."""
    return (
        f"QuickBooks has {duration_text(minutes * 60)} of this person on {day} that the ledger does"
        f" not know: TimeActivity {ids}. If that is this entry, take it over with `clockbooks adopt"
        f" --start {day} --end {day}`; if it is other work, send again with `--not-in-books`"
        " (in Prefect: not_in_books)."
    )


def duration_text(duration_s: int) -> str:
    """Write a duration as people do, in hours and minutes.

    Examples:
        >>> duration_text(86160)
        '23 h 56 min'
    """
    minutes = int(duration_s) // 60
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def _lasts(duration_s: int, minutes: int, limit: str) -> str:
    """Write a duration and what it is rounded to, with seconds if it reads as the limit itself."""
    text, rounded = duration_text(duration_s), duration_text(minutes * 60)
    shown = f"{text} {int(duration_s) % 60} s" if text == limit and duration_s % 60 else text
    return shown if text == rounded else f"{shown} ({rounded} after rounding)"


def refused(fault: str) -> str:
    """Explain that QuickBooks answered with a fault, in its own words."""
    return f"QuickBooks refused it: {fault}. Fix that in QuickBooks; the next send tries it again."


def refused_before(fault: str, day: date) -> str:
    """Explain that an earlier refusal still stands."""
    return (
        f"QuickBooks refused it on {day.isoformat()}: {fault}. Nothing about it has changed since,"
        " so it was not tried again. Fix that in QuickBooks, then send again."
    )


def _rounds_to_zero(row: Row, tracker: str) -> str:
    if row["duration_s"] < 30:
        return f"It lasts only {row['duration_s']} seconds. Correct or delete it in {tracker}."
    return (
        f"Its {row['duration_s']} seconds round to zero."
        f" Correct the entry in {tracker}, or send it without rounding."
    )


def _unlinked_user(row: Row) -> str:
    if row["user"] == DELETED_USER:
        return (
            f"Clockify calls every deleted user {DELETED_USER}, so this one cannot be matched by"
            f" name. Link the user by hand with `clockbooks link user {quote(row['user_id'])}"
            " QBO_ID`; the next send takes the entry."
        )
    return _unlinked(
        "QuickBooks has no employee or vendor named",
        _name(row["user"]),
        row["user_problem"],
        row["user_candidates"],
        "Add an employee with that name in QuickBooks",
        f"user {quote(row['user_id'])}",
    )


def _unlinked_project(row: Row) -> str:
    name = _name(row["project"])
    name = f"{row['client']} › {name}" if _given(row["client"]) else name
    return _unlinked(
        "QuickBooks has no customer named",
        name,
        row["project_problem"],
        row["project_candidates"],
        "Add that customer in QuickBooks",
        f"project {quote(row['project_id'])}",
    )


def _excluded(row: Row) -> str:
    kind = Kind.USER if row["user_problem"] == Problem.EXCLUDED else Kind.PROJECT
    ids = f"{kind} {quote(row[f'{kind}_id'])}"
    return (
        f"The time of {_name(row[kind])!r} is never sent: somebody said so. To send it after all,"
        f" run `clockbooks unlink {ids} --rematch`, then `clockbooks sync`."
    )


def _unlinked(
    nobody: str, name: str, problem: object, candidates: object, remedy: str, ids: str
) -> str:
    if not _given(problem):
        return f"{name!r} was not there at the last sync. Run `clockbooks sync`, then send again."
    by_hand = f"link it by hand with `clockbooks link {ids} QBO_ID`"
    if problem == Problem.UNLINKED:
        return (
            f"{name!r} was unlinked by hand. To send the entry, {by_hand}; or match it by name"
            f" again with `clockbooks unlink {ids} --rematch`, then `clockbooks sync`."
        )
    if problem == Problem.NEAR:
        remedy = f"It has {candidates}: make the names match"
    return f"{nobody} {name!r}. {remedy} and run `clockbooks sync`, or {by_hand}."


def _without_rate(row: Row, tracker: str) -> str:
    if row["rate_from"] == RateSource.PERSON:
        return (
            f"It is billable, but QuickBooks has no billing rate for {_name(row['user'])!r}. Set"
            " one there; the next send takes the entry."
        )
    if row["rate_from"] != RateSource.ITEM:
        return (
            f"It is billable, but {tracker} reports no rate, and QuickBooks requires one for"
            f" billable time. Set a billable rate in {tracker}, or make the entry non-billable,"
            " then send again."
        )
    if not _given(row["qbo_item_id"]):
        return (
            "It is billable at the price of its service item, but no rule gives it an item. Add one"
            " with `clockbooks rules add --item NAME`; the next send takes the entry."
        )
    item = row["rate_of"] if _given(row["rate_of"]) else row["qbo_item_id"]
    return (
        f"It is billable, but the service item {item!r} has no price in QuickBooks. Set its sales"
        " price there; the next send takes the entry."
    )


def _class_required(row: Row) -> str:
    if _given(row["rule_problem"]):
        return str(row["rule_problem"])
    return (
        f"The company wants the {CALLED[row['lacking']]} of all time, and no rule gives it one. Add"
        f" one with `clockbooks rules add {flag(row['lacking'])} NAME`; the next send takes the"
        " entry."
    )


def _ambiguous_name(row: Row) -> str:
    candidates, name, ids = row["user_candidates"], row["user"], f"user {quote(row['user_id'])}"
    # The user may have been linked by hand since the sync that found the name ambiguous.
    if row["user_problem"] != Problem.AMBIGUOUS or _given(row["qbo_person_id"]):
        candidates, name = row["project_candidates"], row["project"]
        ids = f"project {quote(row['project_id'])}"
    return (
        f"The name {_name(name)!r} is ambiguous: {candidates}. Make the names differ and run"
        f" `clockbooks sync`, or link the right one with `clockbooks link {ids} QBO_ID`."
    )


def _name(value: object) -> str:
    return value if isinstance(value, str) and value else "(no name)"


def _given(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
