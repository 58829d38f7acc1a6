"""The plan: which reason is given, in which order, and what filters and missing facts mean."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations, product

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.plan import Plan
from schemas.rules import Rules
from schemas.words import STATE_OF, RateSource, Reason, State, Target
from transforms.plan.activities import to_activities
from transforms.plan.rates import RateRules, rate_micros
from transforms.plan.rounding import Rounding
from transforms.plan.rules import RuleBook

PERSON = {"kind": "user", "clockify_id": "u1", "qbo_kind": "employee", "qbo_id": "55"}
CUSTOMER = {"kind": "project", "clockify_id": "p1", "qbo_kind": "customer", "qbo_id": "21"}
AMBIGUOUS_USER = {"kind": "user", "clockify_id": "u1", "problem": "ambiguous"}
AMBIGUOUS_PROJECT = {"kind": "project", "clockify_id": "p1", "problem": "ambiguous"}
EXCLUDED_USER = {"kind": "user", "clockify_id": "u1", "problem": "excluded"}
#: A rule for all entries, of which nothing comes.
INACTIVE = Rules.validate(
    pd.DataFrame(
        [{"number": 1, "gives": "item", "name": "Old", "qbo_id": "9", "problem": "inactive"}],
        columns=list(Rules.to_schema().columns),
        dtype=object,
    )
)
LONGEST_S = (23 * 60 + 55) * 60

#: What makes each reason apply: options of `plan`; `row` is merged, whatever else must agree.
CAUSES = {
    Reason.RUNNING: [{"row": {"end": None, "duration_s": None}}],
    Reason.ALREADY_SENT: [{"held": [("e1", "sent", "145")]}],
    Reason.UNCONFIRMED: [{"held": [("e1", "sending", None)]}],
    Reason.FILTERED: [
        {"filters": {"user_ids": frozenset({"u2"})}},
        {"filters": {"client_ids": frozenset({"c2"})}},
    ],
    Reason.NOT_APPROVED: [{"row": {"approved": False}, "approved_only": True}],
    Reason.EXCLUDED: [{"linked": [CUSTOMER], "lost": [EXCLUDED_USER]}],
    Reason.TOO_EARLY: [{"first_day": "2026-03-03"}, {"first_day": "2027-01-01"}],
    Reason.BREAK: [{"row": {"entry_type": kind}} for kind in ("BREAK", "HOLIDAY", "TIME_OFF")],
    Reason.TOO_LONG: [{"row": {"duration_s": LONGEST_S + 1}}],
    Reason.ROUNDS_TO_ZERO: [{"row": {"duration_s": seconds}} for seconds in (0, 29)],
    Reason.BILLABLE_WITHOUT_PROJECT: [{"row": {"project_id": None}}],
    Reason.UNLINKED_USER: [{"linked": [CUSTOMER]}],
    Reason.UNLINKED_PROJECT: [{"linked": [PERSON]}],
    Reason.AMBIGUOUS_NAME: [
        {"linked": [CUSTOMER], "lost": [AMBIGUOUS_USER]},
        {"linked": [PERSON], "lost": [AMBIGUOUS_PROJECT]},
        {"linked": [], "lost": [AMBIGUOUS_USER, AMBIGUOUS_PROJECT]},
    ],
    Reason.BOOKS_CLOSED: [
        {"books": {"closed_until": date(2026, 3, 2)}},
        {"books": {"closed_until": date(2026, 3, 31)}},
    ],
    Reason.RATE_CURRENCY: [{"row": {"currency": "EUR"}}],
    Reason.BILLABLE_WITHOUT_RATE: [{"row": {"rate_micros": None}}],
    Reason.CLASS_REQUIRED: [
        {"book": RuleBook(INACTIVE)},
        {"book": RuleBook(required=frozenset({Target.ITEM}))},
    ],
}

#: The order in which reasons are given: the domain's, but for doubt, which QuickBooks may hold.
ORDER = [
    Reason.RUNNING,
    Reason.ALREADY_SENT,
    Reason.UNCONFIRMED,
    *[reason for reason in Reason if reason in CAUSES][2:-1],
]

#: One number, one name in the ledger, one project that is there or not: these exclude each other.
NEVER_TOGETHER = {
    frozenset(pair)
    for pair in [
        (Reason.RUNNING, Reason.TOO_LONG),
        (Reason.RUNNING, Reason.ROUNDS_TO_ZERO),
        (Reason.TOO_LONG, Reason.ROUNDS_TO_ZERO),
        (Reason.ALREADY_SENT, Reason.UNCONFIRMED),
        (Reason.BILLABLE_WITHOUT_PROJECT, Reason.UNLINKED_PROJECT),
        (Reason.RATE_CURRENCY, Reason.BILLABLE_WITHOUT_RATE),
    ]
}


def merged(*causes):
    """Return a plan of one entry to which several causes apply."""
    row, options = {}, {"linked": [PERSON, CUSTOMER], "lost": []}
    for cause in causes:
        rest = dict(cause)
        row |= rest.pop("row", {})
        kept = rest.pop("linked", [PERSON, CUSTOMER])
        options["linked"] = [link for link in options["linked"] if link in kept]
        options["lost"] = options["lost"] + rest.pop("lost", [])
        options |= rest
    return row, options


@pytest.mark.parametrize(
    ("reason", "cause"), [(reason, cause) for reason, causes in CAUSES.items() for cause in causes]
)
def test_every_cause_has_its_reason(plan, reason, cause):
    """Each cause leads to the state of its reason, with what to do about it."""
    row, options = merged(cause)

    (judged,) = plan(row, **options).to_dict("records")

    assert (judged["reason"], judged["state"]) == (reason, STATE_OF[reason])
    assert judged["detail"].strip()


def test_every_reason_that_an_entry_alone_gives_can_be_judged():
    """Files, reviews, the run and QuickBooks give the others; an entry's are covered above."""
    given_elsewhere = {
        Reason.WAITING_FOR_REVIEW, Reason.LEFT_OUT, Reason.CHANGED_SINCE_REVIEW,
        Reason.DUPLICATE_ROW, Reason.MAYBE_IN_BOOKS, Reason.QBO_REFUSED, Reason.NOT_ATTEMPTED,
    }  # fmt: skip
    assert set(CAUSES) == set(Reason) - given_elsewhere
    assert sorted(ORDER) == sorted(CAUSES)


@pytest.mark.parametrize(
    "which",
    [
        pytest.param(slice(-1, None), id="one cause each"),
        pytest.param(slice(None), id="all causes", marks=pytest.mark.slow),
    ],
)
def test_of_two_reasons_the_first_is_given(plan, which):
    """If several apply, the published order decides."""
    pairs = [pair for pair in combinations(ORDER, 2) if frozenset(pair) not in NEVER_TOGETHER]
    together = {}  # what one plan can judge: options, and the rows under them
    for pair in pairs:
        cases = list(cases_of(*pair, which))
        assert cases
        for row, options in cases:
            held = options.pop("held", [])
            _, rows = together.setdefault(repr(options), (options, []))
            rows.append((pair, row, held))

    for options, rows in together.values():
        numbered = [(f"e{number}", *row) for number, row in enumerate(rows)]
        judged = plan(
            *(row | {"entry_id": id_} for id_, _, row, _ in numbered),
            held=[(id_, *one[1:]) for id_, _, _, held in numbered for one in held],
            **options,
        )
        found = dict(zip(judged["entry_id"], judged["reason"], strict=True))
        told = [(pair, found[id_]) for id_, pair, _, _ in numbered]
        assert told == [(pair, pair[0]) for pair, _, _ in rows]


def cases_of(first, second, which):
    """Yield plans of one entry to which both reasons apply, one for each pair of causes."""
    for causes in product(CAUSES[first][which], CAUSES[second][which]):
        row, options = merged(*causes)
        if {first, second} == {Reason.UNLINKED_USER, Reason.AMBIGUOUS_NAME} or {
            first, second,
        } == {Reason.UNLINKED_PROJECT, Reason.AMBIGUOUS_NAME}:  # fmt: skip
            # One name cannot be both: the other kind's is the ambiguous one.
            kind = "project" if Reason.UNLINKED_USER in {first, second} else "user"
            options["lost"] = [lost for lost in options["lost"] if lost["kind"] == kind]
            options["linked"] = []
            if not options["lost"]:
                continue
        yield row, options


def test_all_together_give_the_first(plan):
    """An entry may have everything wrong with it; one reason is given at a time."""
    left = [
        Reason.ALREADY_SENT, Reason.FILTERED, Reason.NOT_APPROVED, Reason.TOO_EARLY, Reason.BREAK,
        Reason.TOO_LONG, Reason.UNLINKED_USER, Reason.UNLINKED_PROJECT, Reason.BOOKS_CLOSED,
        Reason.RATE_CURRENCY,
    ]  # fmt: skip
    while left:
        row, options = merged(*[CAUSES[reason][0] for reason in left])
        assert plan(row, **options)["reason"].tolist() == [left.pop(0)]


@pytest.mark.parametrize("state", ["refused", "recalled"])
def test_what_was_refused_or_recalled_may_go(plan, state):
    """Its TimeActivity, if it had one, no longer counts."""
    (judged,) = plan({}, held=[("e1", state, "145" if state == "recalled" else None)]).to_dict(
        "records"
    )
    assert judged["state"] == State.READY
    assert pd.isna(judged["time_activity_id"])


def test_only_sent_entries_show_their_time_activity(plan):
    """Ledger rows of other entries do not affect it."""
    judged = plan({}, {"entry_id": "e2"}, held=[("e2", "sent", "145"), ("other", "sent", "7")])
    assert judged["time_activity_id"].isna().tolist() == [True, False]
    assert judged["state"].tolist() == ["ready", "skipped"]


# --- the edges ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("duration_s", "rounding", "reason"),
    [
        (LONGEST_S, Rounding(), None),
        (LONGEST_S + 1, Rounding(), "too_long"),
        (LONGEST_S + 1, Rounding("down", 60), "too_long"),  # before rounding
        (LONGEST_S - 240, Rounding("up", 60), "too_long"),  # after rounding
        (LONGEST_S - 240, Rounding("down", 60), None),
        (899, Rounding("down", 15), "rounds_to_zero"),
        (449, Rounding("nearest", 15), "rounds_to_zero"),
        (450, Rounding("nearest", 15), None),
        (1, Rounding("up", 15), None),
        (0, Rounding("up", 15), "rounds_to_zero"),
    ],
)
def test_too_long_and_too_short(plan, duration_s, rounding, reason):
    """Longer than 23 h 55 min, before or after rounding; or nothing left after it."""
    judged = plan({"duration_s": duration_s}, rounding=rounding)
    assert judged["reason"].astype(object).where(judged["reason"].notna(), None).tolist() == [
        reason
    ]


def test_a_day_that_is_not_closed_goes(plan):
    """Days through the closing date are closed, by the local day of the start."""
    start = pd.Timestamp("2026-03-03T05:59Z").to_pydatetime()  # 2 March, 23:59 in Chicago
    rows = [
        {"entry_id": "e1", "start": start},
        {"entry_id": "e2", "start": start + timedelta(minutes=1)},
    ]
    judged = plan(*rows, books={"closed_until": date(2026, 3, 2)})
    assert judged["date"].tolist() == ["2026-03-02", "2026-03-03"]
    assert judged["state"].tolist() == ["rejected", "ready"]
    assert plan(*rows, books={"closed_until": None})["state"].tolist() == ["ready", "ready"]


def test_an_entry_that_is_not_billable_needs_neither_project_nor_rate(plan):
    """It is worked time, and a rate in another currency does not matter."""
    rows = [
        {"entry_id": "e1", "billable": False, "project_id": None, "project_name": None},
        {"entry_id": "e2", "billable": False, "rate_micros": None},
        {"entry_id": "e3", "billable": False, "currency": "EUR"},
    ]
    judged = plan(*rows)
    assert judged["state"].tolist() == ["ready"] * 3
    assert judged["qbo_customer_id"].isna().tolist() == [True, False, False]
    assert judged["rate_micros"].isna().all()


def test_a_rate_of_nothing_is_a_rate(plan):
    """Somebody chose a rate of 0; only a missing rate is rejected."""
    assert plan({"rate_micros": 0})["state"].tolist() == ["ready"]


@pytest.mark.parametrize("currency", ["EUR", None])
def test_a_company_that_does_not_say_its_currency_refuses_none(plan, currency):
    """An unknown currency does not reject an entry."""
    assert plan({"currency": currency}, books={"currency": ""})["state"].tolist() == ["ready"]


def test_an_entry_without_currency_goes(plan):
    """Nobody said that it is another currency."""
    assert plan({"currency": None})["state"].tolist() == ["ready"]


def test_approval_counts_only_where_it_is_asked_for(plan):
    """Without `approved_only`, an entry of an open timesheet goes."""
    rows = [{"entry_id": "e1", "approved": False}, {"entry_id": "e2"}]
    assert plan(*rows)["state"].tolist() == ["ready", "ready"]
    assert plan(*rows, approved_only=True)["state"].tolist() == ["skipped", "ready"]


@pytest.mark.parametrize(
    ("filters", "taken"),
    [
        ({}, "abcd"),
        ({"user_ids": frozenset({"u1"})}, "abc"),
        ({"user_ids": frozenset({"u1", "u2"})}, "abcd"),
        ({"client_ids": frozenset({"c1"})}, "abd"),
        ({"project_ids": frozenset({"p1"})}, "ad"),
        ({"project_ids": frozenset({"p1", "p2"}), "user_ids": frozenset({"u1"})}, "ab"),
        ({"billable": True}, "ad"),
        ({"billable": False}, "bc"),
        ({"billable": False, "client_ids": frozenset({"c1"})}, "b"),
        ({"tasks": {"t1": "Punch  list", "t2": "Permits"}}, "bc"),
        ({"tasks": {"t1": "Punch list"}, "tags": {"g1": "on, site"}}, "b"),
        ({"tags": {"g1": "site"}}, "b"),
        ({"tags": {"g1": "on, site", "g2": "rework"}}, "bd"),
        ({"description": "CAFE\u0301"}, "ad"),
    ],
)
def test_filters_take_what_fits_all_of_them(plan, filters, taken):
    """One of several values must match, and all filters; an empty filter matches everything."""
    rows = [
        {"entry_id": "a", "description": "In the Café  of today"},
        {"entry_id": "b", "project_id": "p2", "billable": False, "tags": "x, on, site"},
        {"entry_id": "c", "project_id": None, "client_id": None, "billable": False},
        {"entry_id": "d", "user_id": "u2", "tags": "rework", "description": "Cafe\u0301"},
    ]
    tasks = {"b": "Punch list", "c": "Permits", "d": "Punch lists"}
    rows = [{"tags": None, "task_name": tasks.get(row["entry_id"]), **row} for row in rows]
    judged = plan(*rows, filters=filters)
    kept = judged.loc[judged["reason"] != "filtered", "entry_id"]
    assert "".join(kept) == taken


def test_partners_are_found_by_id_and_kind(plan):
    """A user and a project may share an id; vendors are linked as such; names do not matter."""
    linked = [
        {**PERSON, "clockify_id": "x", "qbo_kind": "vendor", "qbo_id": "7"},
        {**CUSTOMER, "clockify_id": "x", "qbo_id": "9"},
    ]
    (judged,) = plan({"user_id": "x", "project_id": "x"}, linked=linked).to_dict("records")
    assert judged["state"] == "ready"
    assert (judged["qbo_kind"], judged["qbo_person_id"], judged["qbo_customer_id"]) == (
        "vendor", "7", "9",
    )  # fmt: skip


def test_a_link_by_hand_ends_what_the_last_sync_could_not_find(plan):
    """The list of the missing is from the last sync; a link may be newer."""
    assert plan({}, lost=[AMBIGUOUS_USER, AMBIGUOUS_PROJECT])["state"].tolist() == ["ready"]


def test_no_entries_make_an_empty_plan(plan):
    """With all its columns."""
    judged = plan()
    assert len(judged) == 0
    assert judged.columns.tolist() == list(Plan.to_schema().columns)


# --- for all entries ---------------------------------------------------------------------------

ids = st.sampled_from(["1", "2", "3"])
optional_rows = st.lists(
    st.fixed_dictionaries(
        {"user_id": ids.map("u{}".format), "project_id": st.none() | ids.map("p{}".format)},
        optional={
            "duration_s": st.none() | st.integers(0, 90_000),
            "billable": st.booleans(),
            "entry_type": st.sampled_from(["REGULAR", "BREAK", "HOLIDAY", "TIME_OFF"]),
            "rate_micros": st.none() | st.integers(0, 10**9),
            "currency": st.sampled_from(["USD", "EUR", None]),
            "approved": st.booleans(),
            "user_name": st.none() | st.text("Ab é", max_size=3),
            "project_name": st.none() | st.text("Ab é", max_size=3),
            "client_name": st.none() | st.text("Ab é", max_size=3),
        },
    ),
    max_size=8,
)
some_links = st.lists(
    st.builds(
        lambda link, id_: {**link, "clockify_id": link["clockify_id"][0] + id_},
        st.sampled_from([PERSON, CUSTOMER]),
        ids,
    ),
    unique_by=lambda link: link["clockify_id"],
)
some_lost = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["user", "project"]),
            "clockify_id": ids,
            "problem": st.sampled_from(["missing", "near", "ambiguous"]),
            "candidates": st.just("id 7"),
        }
    ).map(lambda lost: {**lost, "clockify_id": lost["kind"][0] + lost["clockify_id"]}),
    unique_by=lambda lost: lost["clockify_id"],
)
some_held = st.dictionaries(
    st.integers(0, 7), st.sampled_from(["sending", "sent", "refused", "recalled"])
)


@given(optional_rows, some_links, some_lost, some_held, st.booleans(), st.sampled_from("UE"))
def test_each_entry_ends_once_with_what_it_needs(
    plan, rows, linked, lost, held, approved_only, currency
):
    """No entry is dropped or doubled; each has a state, its reason and a text, or is complete."""
    rows = [
        {**row, "entry_id": f"e{n}", **({"end": None} if row.get("duration_s", 0) is None else {})}
        for n, row in enumerate(rows)
    ]

    judged = plan(
        *rows,
        linked=linked,
        lost=lost,
        held=[(f"e{n}", state, "7" if state == "sent" else None) for n, state in held.items()],
        approved_only=approved_only,
        books={"currency": {"U": "USD", "E": ""}[currency]},
    )

    assert judged["entry_id"].tolist() == [row["entry_id"] for row in rows]
    for row in judged.astype(object).where(judged.notna(), None).to_dict("records"):
        if row["state"] == "ready":
            assert row["reason"] is row["detail"] is None
            assert row["qbo_person_id"]
            assert 0 < row["minutes"] <= LONGEST_S // 60
            assert not row["billable"] or (
                row["qbo_customer_id"] and row["rate_micros"] is not None
            )
        else:
            assert row["state"] == STATE_OF[Reason(row["reason"])]
            assert row["detail"].strip()
            assert "nan" not in row["detail"]


EUROS = {"billable": True, "currency": "EUR"}
NO_RATE = {"billable": True, "rate_micros": None}
HOME = {"billable": True, "rate_micros": 75_500_000}


@pytest.mark.parametrize(
    ("missing", "foreign", "reasons"),
    [
        (None, None, ["rate_currency", "billable_without_rate", None, None]),
        (None, RateSource.ZERO, [None, "billable_without_rate", None, None]),
        (RateSource.ZERO, None, ["rate_currency", None, None, None]),
        (RateSource.ZERO, RateSource.ZERO, [None] * 4),
    ],
)
def test_billable_time_without_a_fitting_rate_may_go_at_zero(plan, missing, foreign, reasons):
    """Only what the setting names, and no other rate is touched."""
    others = [HOME, NO_RATE | {"billable": False}]
    rows = [one | {"entry_id": f"z{n}"} for n, one in enumerate([EUROS, NO_RATE, *others])]
    judged = plan(*rows, rates=RateRules(missing=missing, foreign=foreign))

    assert judged["reason"].astype(object).where(judged["reason"].notna(), None).tolist() == reasons
    going = judged.loc[[0, 1], "reason"].isna()
    assert (judged.loc[[0, 1], "rate_micros"][going] == 0).all()
    assert judged["rate_micros"][2] == 75_500_000
    assert pd.isna(judged["rate_micros"][3])
    bodies = to_activities(judged[judged["state"] == "ready"])["body"]
    assert sum('"HourlyRate":0,' in body for body in bodies) == reasons.count(None) - 2


#: Rules that give an item with a price, and one without.
PRICED = Rules.validate(
    pd.DataFrame(
        [
            {"number": 1, "gives": "item", "name": "Design", "qbo_id": "7", "task": "Design"},
            {"number": 2, "gives": "item", "name": "Travel", "qbo_id": "8", "task": "Travel"},
        ],
        columns=list(Rules.to_schema().columns),
        dtype=object,
    )
)


@pytest.mark.parametrize(
    "choice",
    [
        pytest.param(
            {"source": source, "missing": missing, "foreign": foreign},
            # Only Clockify's rate may be foreign.
            marks=pytest.mark.slow if foreign and source != RateSource.CLOCKIFY else (),
        )
        for source in (RateSource.CLOCKIFY, RateSource.ITEM, RateSource.PERSON)
        for missing in (None, RateSource.ZERO, RateSource.ITEM)
        for foreign in (None, RateSource.ZERO, RateSource.ITEM)
    ],
)
def test_a_rate_of_quickbooks_is_taken_where_the_setting_says_so(plan, choice):
    """The item's or the person's; what has none there is rejected, or as the other setting says."""
    cases = list(product([EUROS, NO_RATE, HOME], ["Design", "Travel", None], ["u1", "u2"]))
    rows = [
        one | {"entry_id": f"q{n}", "task_name": task, "user_id": user}
        for n, (one, task, user) in enumerate(cases)
    ]
    linked = [PERSON, PERSON | {"clockify_id": "u2", "qbo_id": "56"}, CUSTOMER]
    prices = {"items": {"7": 90_000_001}, "people": {"employee:55": 120_000_000}}
    rates = RateRules(**choice, **prices, names={"7": "Design", "8": "Travel"})
    judged = plan(*rows, linked=linked, rates=rates, book=RuleBook(PRICED))

    for found, (row, task, user) in zip(judged.to_dict("records"), cases, strict=True):
        known = {
            RateSource.ITEM: 90_000_001 if task == "Design" else None,
            RateSource.PERSON: 120_000_000 if user == "u1" else None,
            RateSource.ZERO: 0,
        }
        rate, asked = row.get("rate_micros", 75_000_000), choice["source"]
        reason = None
        if asked in known:
            rate = known[asked]
        elif row is EUROS and choice["foreign"]:
            asked = choice["foreign"]
            rate = known[asked]
        elif row is EUROS:
            reason = "rate_currency"
        if rate is None:
            asked = choice["missing"] or asked
            rate = known.get(choice["missing"])
            reason = "billable_without_rate" if rate is None else None
        assert (found["reason"] if reason else found["state"]) == (reason or "ready")
        if reason is None:
            assert found["rate_micros"] == rate
        elif reason == "billable_without_rate":
            of_item = "'Travel' has no price" if task else "rules add --item"
            says = {RateSource.ITEM: of_item, RateSource.PERSON: "no billing rate for"}
            assert says.get(asked, "Clockify reports no rate") in found["detail"]


@pytest.mark.parametrize(
    ("value", "micros"),
    [
        (75, 75_000_000), (Decimal("75.5"), 75_500_000), (Decimal("0.0000005"), 1),
        (Decimal("33.3333333"), 33_333_333), (99_999_999_999, 99_999_999_999_000_000),
        (0, None), (Decimal("0.0"), None), (-1, None), (100_000_000_000, None), (None, None),
        ("75", None), (True, None), (75.5, None), (Decimal("0.0000001"), None),
    ],
)  # fmt: skip
def test_a_rate_is_read_to_the_digit(value, micros):
    """As millionths, a half up; what is no rate above zero that QuickBooks takes is none."""
    assert rate_micros(value) == micros
