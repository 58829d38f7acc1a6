"""The plan: every entry ends in exactly one state, and counts add up."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.words import STATE_OF, Reason, State

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
WINTER = (datetime(2025, 12, 1), datetime(2026, 2, 1))  # noqa: DTZ001 - hypothesis adds UTC

#: For each reason, what is odd about a row, and what besides.
ODD: dict[Reason, tuple[dict[str, Any], dict[str, Any]]] = {
    Reason.RUNNING: ({"end": None, "duration_s": None}, {}),
    Reason.ALREADY_SENT: ({}, {"held": [("e1", "sent", "7")]}),
    Reason.FILTERED: ({}, {"filters": {"user_ids": frozenset({"other"})}}),
    Reason.NOT_APPROVED: ({"approved": False}, {"approved_only": True}),
    Reason.BREAK: ({"entry_type": "BREAK"}, {}),
    Reason.TOO_LONG: ({"duration_s": 86_101}, {}),
    Reason.ROUNDS_TO_ZERO: ({"duration_s": 29}, {}),
    Reason.BILLABLE_WITHOUT_PROJECT: ({"project_id": None}, {}),
    Reason.UNLINKED_USER: ({"user_id": "stranger"}, {}),
    Reason.UNLINKED_PROJECT: ({"project_id": "stranger"}, {}),
    Reason.AMBIGUOUS_NAME: (
        {"project_id": "p2"},
        {"lost": [{"kind": "project", "clockify_id": "p2", "problem": "ambiguous"}]},
    ),
    Reason.BOOKS_CLOSED: ({"start": START - timedelta(days=90)}, {}),
    Reason.RATE_CURRENCY: ({"currency": "EUR"}, {}),
    Reason.BILLABLE_WITHOUT_RATE: ({"rate_micros": None}, {}),
    Reason.UNCONFIRMED: ({}, {"held": [("e1", "sending", None)]}),
}


@pytest.mark.parametrize("reason", ODD)
def test_every_reason_is_given_and_explained(plan, reason):
    """One odd thing gives its reason, its state, and a sentence that says what to do."""
    row, rules = ODD[reason]

    judged = plan(row, **rules).iloc[0]

    assert judged["reason"] == reason
    assert judged["state"] == STATE_OF[reason]
    assert len(judged["detail"]) > 20


def test_an_entry_about_which_nothing_is_odd_goes(plan):
    """It is ready, with its billed minutes, its local day and its partners."""
    judged = plan({}).iloc[0]

    assert judged["state"] == State.READY
    assert (judged["date"], judged["minutes"]) == ("2026-03-02", 60)
    assert (judged["qbo_person_id"], judged["qbo_customer_id"]) == ("55", "21")


IN_ROWS = [reason for reason in ODD if ODD[reason][0] and reason is not Reason.AMBIGUOUS_NAME]


@given(first=st.sampled_from(IN_ROWS), second=st.sampled_from(IN_ROWS))
def test_the_first_of_two_reasons_is_given(plan, first, second):
    """When several reasons apply, the first in the table's order is given."""
    row = {**ODD[second][0], **ODD[first][0]}
    if set(ODD[first][0]) & set(ODD[second][0]) and first != second:
        return  # the two cannot apply together
    if Reason.BILLABLE_WITHOUT_RATE in {first, second}:
        row["currency"] = "USD"  # without a rate there is no currency that could be wrong

    judged = plan(row, **{**ODD[second][1], **ODD[first][1]}).iloc[0]

    order = list(Reason)
    together = {first, second} - (
        {Reason.RATE_CURRENCY} if Reason.BILLABLE_WITHOUT_RATE in {first, second} else set()
    )
    possible = min(together, key=order.index)
    assert order.index(judged["reason"]) <= order.index(possible)


@given(
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "duration_s": st.integers(0, 100_000),
                "billable": st.booleans(),
                "project_id": st.sampled_from(["p1", "p9", None]),
                "user_id": st.sampled_from(["u1", "u9"]),
                "rate_micros": st.sampled_from([None, 0, 75_500_000]),
                "currency": st.sampled_from(["USD", "EUR", None]),
                "entry_type": st.sampled_from(["REGULAR", "BREAK", "HOLIDAY", "TIME_OFF"]),
                "approved": st.booleans(),
                "start": st.datetimes(*WINTER, timezones=st.just(UTC)),
            },
        ),
        max_size=12,
    ),
    st.booleans(),
)
def test_counts_add_up_and_each_entry_ends_once(plan, rows, approved_only):
    """Whatever comes in comes out once, ready or with one reason; nothing is dropped unseen."""
    numbered = [{**row, "entry_id": f"e{number}"} for number, row in enumerate(rows)]

    judged = plan(*numbered, approved_only=approved_only)

    assert judged["entry_id"].tolist() == [row["entry_id"] for row in numbered]
    states = Counter(judged["state"])
    assert sum(states.values()) == len(rows)
    ready = judged["state"] == State.READY
    assert (judged["reason"].isna() == ready).all()
    assert (judged["detail"].isna() == ready).all()
    assert judged.loc[ready, "minutes"].between(1, 1435).all()
    assert judged.loc[ready, "qbo_person_id"].notna().all()
    for row in judged[ready & judged["billable"]].itertuples():
        assert row.qbo_customer_id == "21"
        assert row.rate_micros >= 0
