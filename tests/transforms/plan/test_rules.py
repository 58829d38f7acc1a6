"""Which rule decides about which entry: the first that matches, and no other one."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rules import PayTypes, Rules
from schemas.words import Target
from transforms.plan.rules import CONDITIONS, RuleBook, decide, never_decides, place

ALL = frozenset(Target)


def book(*rows, groups=None, required=(), paid=()):
    """Make rules of what differs; each gives the item that is called as its number.

    Of pay types, *paid* has the employee's id, the name, the id and how it is known.
    """
    known = {"qbo_id": "7", "problem": None, "candidates": None, **dict.fromkeys(CONDITIONS)}
    filled = [
        known | {"number": number, "gives": "item", "name": f"N{number}"} | row
        for number, row in enumerate(rows, start=1)
    ]
    rules = pd.DataFrame(filled, columns=list(Rules.to_schema().columns), dtype=object)
    names = ["qbo_person_id", "name", "pay_type_id", "origin"]
    pay_types = PayTypes.validate(pd.DataFrame(paid, columns=names, dtype="str"))
    return RuleBook(Rules.validate(rules), groups or {}, frozenset(required), pay_types)


def people(*kinds):
    """Make whose time entries are: employee 55, vendor 55, or nobody who is linked."""
    ids = [kind and "55" for kind in kinds]
    return pd.DataFrame({"qbo_kind": kinds, "qbo_person_id": ids}, dtype="str")


@pytest.fixture(scope="module")
def decided(entries):
    """Return a function that says which rule gives an entry its item."""

    def number(row, *rules, **options):
        [found] = decide(entries(row), book(*rules, **options), Target.ITEM).tolist()
        return None if pd.isna(found) else found

    return number


@pytest.mark.parametrize(
    ("condition", "row"),
    [
        ({"task": "Site  visit"}, {"task_name": " Site visit"}),
        ({"task": "Zoe\u0308"}, {"task_name": "Zo\u00eb"}),
        ({"tag": "rework"}, {"tags": "overtime, rework"}),
        ({"tag": "site visit, remote"}, {"tags": "a, site visit, remote, b"}),
        ({"project": "Hall"}, {"project_name": "Hall"}),
        ({"project": "p9"}, {"project_id": "p9"}),
        ({"client": "Parish"}, {"client_name": "Parish"}),
        ({"client": "c9"}, {"client_id": "c9"}),
        ({"user": "Ada"}, {"user_name": "Ada"}),
        ({"user": "u9"}, {"user_id": "u9", "user_name": "DeletedUser"}),
        ({"user_group": "Field"}, {"user_id": "u9"}),
        ({"billable": False}, {"billable": False}),
        ({}, {}),
        ({"task": "Plan", "billable": True}, {"task_name": "Plan", "billable": True}),
    ],
)
def test_a_rule_matches_what_meets_all_of_its_conditions(decided, condition, row):
    """By exact names, as everywhere, or by ids."""
    assert decided(row, condition, groups={"Field": frozenset({"u9"})}) == 1


@pytest.mark.parametrize(
    ("condition", "row"),
    [
        ({"task": "plan"}, {"task_name": "Plan"}),
        ({"task": "Plan"}, {"task_name": None}),
        ({"tag": "work"}, {"tags": "rework, work more"}),
        ({"tag": "a"}, {"tags": None}),
        ({"user": "DeletedUser"}, {"user_name": "DeletedUser"}),
        ({"user_group": "Field"}, {"user_id": "u8"}),
        ({"user_group": "Unknown"}, {"user_id": "u9"}),
        ({"billable": True}, {"billable": False}),
        ({"task": "Plan", "billable": True}, {"task_name": "Plan", "billable": False}),
    ],
)
def test_a_rule_matches_nothing_else(decided, condition, row):
    """Nearly the same name is another one, and one condition that is not met is enough."""
    assert decided(row, condition, groups={"Field": frozenset({"u9"})}) is None


names = st.sampled_from(["a", "b", "c"])
some_rules = st.lists(
    st.fixed_dictionaries(
        {"gives": st.sampled_from(list(Target))},
        optional={
            "task": names, "tag": names, "project": names, "client": names, "user": names,
            "user_group": names, "billable": st.booleans(), "qbo_id": names,
        },
    ),
    max_size=6,
)  # fmt: skip
some_entries = st.fixed_dictionaries(
    {
        "task_name": names | st.none(),
        "tags": st.lists(names, unique=True).map(", ".join),
        "project_name": names | st.none(),
        "client_name": names | st.none(),
        "user_name": names | st.none(),
        "user_id": st.sampled_from(["u1", "u2", "u3"]),
        "billable": st.booleans(),
    }
)
GROUPS = {"a": frozenset({"u1"}), "b": frozenset({"u1", "u2"}), "c": frozenset()}


def matches(rule, entry):
    """Say by the domain's words alone whether a rule matches."""
    return (
        all(
            rule.get(key) in {None, entry[column]}
            for key, column in (
                ("task", "task_name"),
                ("project", "project_name"),
                ("client", "client_name"),
                ("user", "user_name"),
                ("billable", "billable"),
            )
        )
        and ("tag" not in rule or rule["tag"] in entry["tags"].split(", "))
        and ("user_group" not in rule or entry["user_id"] in GROUPS[rule["user_group"]])
    )


kinds = st.sampled_from(["employee", "vendor", None])


@given(some_rules, st.lists(st.tuples(some_entries, kinds), min_size=1, max_size=5))
def test_the_first_matching_rule_and_no_other_decides(entries, company, rules, times):
    """For each of item, class, location and pay type, on its own; of the last, employees alone."""
    frame = entries(*({"entry_id": f"e{place}"} | row for place, (row, _) in enumerate(times)))
    paid = [("55", f"N{number}", f"P{number}", "learned") for number in range(1, 7)]

    placed = place(
        frame,
        book(*rules, groups=GROUPS, paid=paid),
        company(takes=ALL),
        people(*(kind for _, kind in times)),
    )

    for (row, kind), found in zip(times, placed.to_dict("records"), strict=True):
        first = {
            target: next(
                (
                    number
                    for number, rule in enumerate(rules, start=1)
                    if rule["gives"] == target
                    and matches(rule, row)
                    and (target != Target.PAY_TYPE or kind == "employee")
                ),
                None,
            )
            for target in Target
        }
        expected = [f"{target} {number}" for target, number in first.items() if number]
        assert (found["decided_by"] if expected else "") == ", ".join(expected)
        columns = ("qbo_item_id", "qbo_class_id", "qbo_department_id", "qbo_pay_type_id")
        for (target, number), column in zip(first.items(), columns, strict=True):
            given_ = None if pd.isna(found[column]) else found[column]
            expected_id = number and (
                f"P{number}" if target == Target.PAY_TYPE else rules[number - 1].get("qbo_id", "7")
            )
            assert given_ == expected_id
        assert pd.isna(found["rule_problem"])


@given(some_rules)
def test_a_rule_that_never_decides_is_told(rules):
    """One behind a rule of its kind that has no condition; no other one."""
    conditions = [{name for name in rule if name in CONDITIONS} for rule in rules]
    behind = [
        number
        for number, rule in enumerate(rules)
        if any(
            not conditions[before] and rules[before]["gives"] == rule["gives"]
            for before in range(number)
        )
    ]

    told = never_decides(book(*rules).rules)

    assert (told is None) is (not behind)
    if behind:
        assert told.startswith(f"Rule {behind[0] + 1} would never decide")


def test_what_the_company_does_not_keep_is_neither_given_nor_wanted(entries, company):
    """A rule for it does nothing, and neither does the wish for it."""
    rules = book({"gives": "class"}, {"gives": "location", "problem": "missing"}, required=ALL)

    [placed] = place(entries({}), rules, company(), people("employee")).to_dict("records")

    assert placed["lacking"] == "item"
    assert all(pd.isna(placed[name]) for name in placed if name != "lacking")


#: Rules that give "Overtime", and what is known of the employees' pay types.
some_pay_types = st.lists(
    st.tuples(
        st.sampled_from(["55", "56"]),
        st.sampled_from(["Overtime", "Over time", "Over  time", "overtime", None]),
        st.sampled_from(["71", "72"]),
        st.sampled_from(["learned", "by_hand"]),
    ),
    max_size=5,
)


@given(some_pay_types, st.sampled_from(["Overtime", "Over time"]))
def test_a_pay_type_is_the_employees_own_or_none(entries, company, paid, name):
    """By its exact name; what was given by hand counts first, and several ids are no answer."""
    rules = book({"gives": "pay_type", "name": name}, paid=paid)

    [placed] = place(entries({}), rules, company(takes=ALL), people("employee")).to_dict("records")

    mine = [
        (origin, id_)
        for person, known, id_, origin in paid
        if person == "55" and known and " ".join(known.split()) == name
    ]
    ids = {id_ for origin, id_ in mine if origin == "by_hand"} or {id_ for _, id_ in mine}
    if len(ids) == 1:
        assert placed["qbo_pay_type_id"] in ids
        assert pd.isna(placed["rule_problem"])
    else:
        assert pd.isna(placed["qbo_pay_type_id"])
        assert "clockbooks pay-types set 55" in placed["rule_problem"]


def test_what_a_company_wants_of_employees_it_does_not_want_of_others(entries, company):
    """Payroll pays employees alone: a contractor's time without a pay type is complete."""
    rows = entries(*({"entry_id": f"e{n}"} for n in range(3)))
    wants = book(required=[Target.PAY_TYPE])

    placed = place(rows, wants, company(takes=ALL), people("employee", "vendor", None))

    assert placed["lacking"].fillna("").tolist() == ["pay_type", "", ""]
