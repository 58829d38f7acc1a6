"""What a person is told: which value is wrong, and what to do about it."""

from datetime import date

import pytest

from transforms.plan.explain import duration_text, refused, refused_before
from transforms.plan.rounding import Rounding

PERSON = {"kind": "user", "clockify_id": "u1", "qbo_kind": "employee", "qbo_id": "55"}
CUSTOMER = {"kind": "project", "clockify_id": "p1", "qbo_kind": "customer", "qbo_id": "21"}


def lost(kind, problem="missing", candidates=""):
    return [
        {"kind": kind, "clockify_id": f"{kind[0]}1", "problem": problem, "candidates": candidates}
    ]


def detail(judged):
    (text,) = judged["detail"]
    return text


@pytest.mark.parametrize(
    ("row", "options", "words"),
    [
        ({"end": None, "duration_s": None}, {}, ["still running", "Stop it"]),
        ({}, {"held": [("e1", "sent", "145")]}, ["TimeActivity 145", "never sent twice"]),
        ({}, {"held": [("e1", "sending", None)]}, ["`clockbooks settle`", "not sent again"]),
        ({}, {"filters": {"billable": False}}, ["filters of this send"]),
        ({"approved": False}, {"approved_only": True}, ["not approved", "Have it approved"]),
        ({"entry_type": "TIME_OFF"}, {}, ["TIME_OFF", "not worked time"]),
        ({"duration_s": 86161}, {}, ["23 h 56 min", "23 h 55 min", "split it"]),
        ({"duration_s": 86120}, {}, ["lasts 23 h 55 min 20 s", "longer than 23 h 55 min."]),
        (
            {"duration_s": 85800},
            {"rounding": Rounding("up", 60)},
            ["23 h 50 min", "24 h 00 min", "23 h 55 min"],
        ),
        ({"duration_s": 12}, {}, ["12 seconds", "Correct or delete it"]),
        (
            {"duration_s": 400},
            {"rounding": Rounding("nearest", 15)},
            ["400 seconds", "without rounding"],
        ),
        ({"project_id": None}, {}, ["whom to bill", "Give it a project"]),
        ({}, {"books": {"closed_until": date(2026, 3, 31)}}, ["2026-03-31", "Reopen them"]),
        ({"currency": "EUR"}, {}, ["EUR", "USD"]),
        ({"rate_micros": None}, {}, ["no rate", "Set a billable rate"]),
        # names
        ({}, {"linked": [CUSTOMER], "lost": lost("user")}, ["'Ann Lee'", "Add an employee"]),
        (
            {},
            {"linked": [CUSTOMER], "lost": lost("user", "near", "employee 'ann lee' (id 7)")},
            ["'Ann Lee'", "employee 'ann lee' (id 7)", "make the names match"],
        ),
        (
            {},
            {"linked": [CUSTOMER]},
            ["'Ann Lee'", "not there at the last sync", "Run `clockbooks sync`"],
        ),
        (
            {"user_name": "DeletedUser"},
            {"linked": [CUSTOMER], "lost": lost("user")},
            ["DeletedUser", "u1", "by hand"],
        ),
        (
            {},
            {"linked": [PERSON], "lost": lost("project")},
            ["'Orchard › Kitchen'", "Add that customer"],
        ),
        (
            {"client_name": None},
            {"linked": [PERSON], "lost": lost("project", "near", "customer 'kitchen' (id 9)")},
            ["'Kitchen'", "customer 'kitchen' (id 9)"],
        ),
        (
            {},
            {"linked": [CUSTOMER], "lost": lost("user", "ambiguous", "id 71, id 72")},
            ["'Ann Lee'", "id 71, id 72", "is ambiguous"],
        ),
        (
            {},
            {"linked": [PERSON], "lost": lost("project", "ambiguous", "id 81, id 82")},
            ["'Kitchen'", "id 81, id 82", "is ambiguous"],
        ),
    ],
)
def test_a_text_names_the_value_and_what_to_do(plan, row, options, words):
    """What is wrong, which value, what to do: in one or two sentences a bookkeeper can follow."""
    text = detail(plan(row, **options))

    assert [word for word in words if word not in text] == []
    assert text.endswith(".")


def test_what_goes_needs_no_explanation(plan):
    """Its detail is empty."""
    assert plan({})["detail"].isna().tolist() == [True]


@pytest.mark.parametrize("problem", ["missing", "near", "ambiguous"])
@pytest.mark.parametrize("kind", ["user", "project"])
def test_who_has_no_name_is_told_as_such(plan, kind, problem):
    """No text says "nan" where a name should stand."""
    row = {"user_name": None, "project_name": None, "client_name": None}
    linked = [CUSTOMER] if kind == "user" else [PERSON]

    texts = [
        detail(plan(row, linked=linked, lost=found)) for found in (lost(kind, problem, "id 7"), [])
    ]

    for text in texts:
        assert "(no name)" in text
        assert "nan" not in text


def test_the_ambiguous_name_is_the_one_without_a_link(plan):
    """A user who was linked by hand since the last sync is not mentioned; the project is."""
    both = lost("user", "ambiguous", "id 71") + lost("project", "ambiguous", "id 81")

    text = detail(plan({}, linked=[PERSON], lost=both))

    assert "'Kitchen'" in text
    assert "id 81" in text
    assert "Ann Lee" not in text


def test_quickbooks_own_words_are_kept():
    """The fault is shown unchanged, with what happened to the entry."""
    fault = "6000 (A business validation error has occurred: the month is locked)"
    assert fault in refused(fault)
    later = refused_before(fault, date(2026, 3, 2))
    assert fault in later
    assert "2026-03-02" in later


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [(0, "0 min"), (3599, "59 min"), (3600, "1 h 00 min"), (86100, "23 h 55 min")],
)
def test_durations_are_written_as_people_do(duration_s, text):
    """Hours and minutes; seconds are cut."""
    assert duration_text(duration_s) == text
