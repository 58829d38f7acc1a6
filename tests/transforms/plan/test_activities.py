"""TimeActivity bodies: JSON to the byte, exact in every digit."""

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.plan.activities import amount, to_activities
from transforms.plan.descriptions import DESCRIPTION_LIMIT

VENDOR = [
    {"kind": "user", "clockify_id": "u1", "qbo_kind": "vendor", "qbo_id": "7"},
    {"kind": "project", "clockify_id": "p1", "qbo_kind": "customer", "qbo_id": "21"},
]

# What is stored can be written as UTF-8, and has no NUL: reading has seen to that.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def bodies(judged):
    """Write the bodies of a plan's rows; numbers are read to the digit."""
    assert set(judged["state"]) <= {"ready"}
    written = to_activities(judged)
    assert written["entry_id"].tolist() == judged["entry_id"].tolist()
    return [json.loads(body, parse_float=Decimal) for body in written["body"]]


def utf16(text):
    return len(text.encode("utf-16-le")) // 2


def test_a_billable_entry_of_an_employee(plan):
    """It has these members and no others, in the vendor's own types."""
    assert bodies(plan({"duration_s": 5400})) == [
        {
            "TxnDate": "2026-03-02",
            "NameOf": "Employee",
            "EmployeeRef": {"value": "55"},
            "CustomerRef": {"value": "21"},
            "BillableStatus": "Billable",
            "HourlyRate": Decimal("75.5"),
            "Hours": 1,
            "Minutes": 30,
            "Description": "Drawings",
        }
    ]


@given(*[st.none() | st.sampled_from(["3", '"'])] * 4)
def test_where_the_time_goes(plan, item, class_, department, pay_type):
    """A reference for each that a rule has given, between the customer and the billing."""
    given_ = {"DepartmentRef": department, "ItemRef": item, "ClassRef": class_}
    given_ |= {"PayrollItemRef": pay_type}
    columns = ("qbo_department_id", "qbo_item_id", "qbo_class_id", "qbo_pay_type_id")
    judged = plan({}).assign(**dict(zip(columns, given_.values(), strict=True)))

    [body] = bodies(judged)

    names = list(body)
    between = names[names.index("CustomerRef") + 1 : names.index("BillableStatus")]
    assert between == [name for name, id_ in given_.items() if id_]
    assert {name: body[name]["value"] for name in between} == {
        name: id_ for name, id_ in given_.items() if id_
    }


def test_an_entry_of_a_vendor_that_nobody_pays_for(plan):
    """No rate, and without a project and a text no customer and no description."""
    row = {"billable": False, "project_id": None, "description": "", "duration_s": 60}
    assert bodies(plan(row, linked=VENDOR)) == [
        {
            "TxnDate": "2026-03-02",
            "NameOf": "Vendor",
            "VendorRef": {"value": "7"},
            "BillableStatus": "NotBillable",
            "Hours": 0,
            "Minutes": 1,
        }
    ]


def test_rows_do_not_mix(plan):
    """Each body belongs to its entry, in the order of the plan, whatever the index was."""
    rows = [
        {"entry_id": "a", "billable": False},
        {"entry_id": "b", "description": "", "rate_micros": 1},
        {"entry_id": "c", "billable": False, "project_id": None, "description": "C"},
    ]
    judged = plan(*rows)[::-1]
    found = bodies(judged)
    assert ["HourlyRate" in body for body in found] == [False, True, False]
    assert ["CustomerRef" in body for body in found] == [False, True, True]
    assert [body.get("Description") for body in found] == ["C", None, "Drawings"]
    assert bodies(judged[:0]) == []


@given(st.integers(0, 10**17))
@example(75_500_000)
@example(1)
@example(10**17)
def test_an_amount_is_exact_and_plain(micros):
    """Every digit, no exponent, no trailing zeros: as a person would write it."""
    text = amount(micros)
    assert Decimal(text).scaleb(6) == micros
    assert "e" not in text.lower()
    assert "." not in text or not text.endswith(("0", "."))
    assert json.loads(text, parse_float=Decimal) == Decimal(micros).scaleb(-6)


@given(st.lists(st.tuples(texts, st.integers(0, 10**15), st.integers(1, 1435)), max_size=4))
@example([('"\\\u2028</script>é🙂\x1f', 100_000, 61)])
def test_every_entry_comes_out_as_it_went_in(plan, rows):
    """Any description, rate and duration: read back, they are those of the plan."""
    judged = plan(
        *[
            {"entry_id": f"e{n}", "description": text, "rate_micros": micros, "duration_s": 60 * m}
            for n, (text, micros, m) in enumerate(rows)
        ]
    )
    for (text, micros, minutes), body in zip(rows, bodies(judged), strict=True):
        assert body.get("Description", "") == text
        assert Decimal(body["HourlyRate"]).scaleb(6) == micros
        assert 60 * body["Hours"] + body["Minutes"] == minutes
        assert 0 <= body["Minutes"] < 60


def test_a_body_is_plain_ascii(plan):
    """So that its bytes are the same, whoever encodes them."""
    (body,) = to_activities(plan({"description": "Zoë 🙂"}))["body"]
    assert body.isascii()


# --- descriptions that are too long ------------------------------------------------------------


@pytest.fixture(scope="session")
def described(plan):
    """Return a function to write a description into a body, and to read it there."""
    ready = plan({})

    def write(text):
        (body,) = bodies(ready.assign(description=text))
        return body["Description"]

    return write


@pytest.mark.parametrize("letter", ["a", "é", "🙂"])
def test_the_limit_counts_utf16_units(described, letter):
    """A text at the limit goes as it is; one unit more is cut. An emoji is two."""
    fits = letter * (DESCRIPTION_LIMIT // utf16(letter))
    assert described(fits) == fits
    cut = described(fits + "b")
    assert cut.endswith("…")
    assert utf16(cut) <= DESCRIPTION_LIMIT
    assert fits.startswith(cut[:-1])


def test_a_cut_falls_between_words(described):
    """The last word is left out whole, with the space before it."""
    text = "word " * 900
    cut = described(text)
    assert cut == "word " * 799 + "word…"
    assert described("x" * 3990 + " overlongword") == "x" * 3990 + "…"
    assert described("x" * 3998 + " next") == "x" * 3998 + "…"
    assert described("x" * 3999 + " next") == "x" * 3999 + "…"


def test_a_text_without_spaces_is_cut_where_it_must_be(described):
    """Otherwise more than half of it would be lost."""
    assert described("x" * 5000) == "x" * 3999 + "…"
    assert described("a " + "x" * 5000) == "a " + "x" * 3997 + "…"


@pytest.mark.parametrize(
    "text", [" " * 5000, " " * 3999 + "word", "\n" * 3999 + "🙂", " " * 3998 + "word word"]
)
def test_a_text_of_white_space_is_cut_too(described, text):
    """Even if it is useless, it does not stop the run."""
    assert utf16(described(text)) <= DESCRIPTION_LIMIT


long_texts = st.builds(
    lambda pieces, times: "".join(pieces) * times,
    st.lists(texts | st.sampled_from([" ", "\n", "🙂", "word "]), min_size=1, max_size=6),
    st.integers(1, 4001),
).filter(lambda text: 0 < len(text) < 20_000)


@given(long_texts)
def test_a_cut_text_is_a_beginning_of_it(described, text):
    """It fits, keeps at least its first half, and ends with an ellipsis if it was cut."""
    cut = described(text)
    assert utf16(cut) <= DESCRIPTION_LIMIT
    if utf16(text) <= DESCRIPTION_LIMIT:
        assert cut == text
    else:
        assert cut.endswith("…")
        assert text.startswith(cut[:-1])
        left_out = text.encode("utf-16-le")[utf16(cut[:-1]) * 2 : DESCRIPTION_LIMIT]
        assert not left_out.decode("utf-16-le", errors="ignore").strip()
