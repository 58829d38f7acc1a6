"""Descriptions by a template: what is written, what vanishes, what is cut, and what is refused."""

import json
import re
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.plan.activities import to_activities
from transforms.plan.descriptions import DESCRIPTION_LIMIT, FIELDS, described, parse_template

ENTRY = {
    "description": "Kitchen",
    "task_name": "Design",
    "tags": "urgent, site",
    "project_name": "Lagoon",
    "client_name": "Hôtel",
    "user_name": "Ann",
    "start": "2026-09-14T22:30:00Z",
    "end": "2026-09-15T00:05:00Z",
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{description}", "Kitchen"),
        ("[{task}: ]{description}[ #{tags}]", "Design: Kitchen #urgent, site"),
        ("{client} › {project}\\n{description}", "Hôtel › Lagoon\nKitchen"),
        ("{user}, {start} to {end}", "Ann, 17:30 to 19:05"),
        ("[[{task}]] {{{description}}}", "[Design] {Kitchen}"),
        ("Time on site", "Time on site"),
        ("C:\\temp {task}", "C:\\temp Design"),
    ],
)
def test_a_template_writes_what_it_names(plan, template, expected):
    """Every field, literal brackets, line breaks, and the connection's clock."""
    judged = plan(ENTRY, template=parse_template(template))

    assert judged["description"].tolist() == [expected]


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ({"task_name": None}, "Kitchen #urgent, site (Hôtel › Lagoon)"),
        ({"tags": None}, "Design: Kitchen (Hôtel › Lagoon)"),
        ({"client_name": None}, "Design: Kitchen #urgent, site"),
        ({"description": ""}, "Design:  #urgent, site (Hôtel › Lagoon)"),
    ],
)
def test_a_section_vanishes_where_a_field_of_it_is_empty(plan, missing, expected):
    """With the words around the field; what stands outside of brackets stays."""
    template = parse_template("[{task}: ]{description}[ #{tags}][ ({client} › {project})]")
    judged = plan(ENTRY | missing, template=template)

    assert judged["description"].tolist() == [expected]


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{rate}", "not a field"),
        ("{Task}", "'{' too many"),
        ("{task", "'{' too many"),
        ("task}", "'}' too many"),
        ("[{task}", "does not end"),
        ("{task}]", "']' too many"),
        ("[{task}[ {tags}]]", "'[' too many"),
        ("[task] {description}", "names no field"),
    ],
)
def test_a_template_that_cannot_be_meant_is_refused(template, problem):
    """With what is wrong about it, before anything is read."""
    with pytest.raises(ValueError, match=re.escape(problem)):
        parse_template(template)


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, texts)), st.lists(texts, max_size=3))
def test_any_text_may_stand_in_a_template(values, around):
    """Doubled brackets stand for themselves, and values are never read as a template."""
    quoted = [re.sub(r"[\[\]{}]", lambda found: found[0] * 2, text) for text in around]
    template = parse_template("{task}" + "{description}".join(quoted) + "{end}")
    lines = [text.replace("\\n", "\n") for text in around]

    expected = values["task"] + values["description"].join(lines) + values["end"]
    assert template.write(**values) == expected.strip()


letters = st.characters(exclude_categories=["Cs"])
long_texts = st.builds(
    lambda word, times: word * times, st.text(letters, min_size=1, max_size=9), st.integers(1, 900)
)


@given(long_texts, st.booleans())
def test_nothing_is_longer_than_quickbooks_takes_and_no_letter_is_cut(text, marked):
    """The marker stays whole; the text before it is cut between letters, with an ellipsis."""
    at = pd.Timestamp("2026-09-14T22:30Z")
    row = {"description": text, "entry_id": "64ee", "start": at, "end": at}
    entries = pd.DataFrame([dict.fromkeys(FIELDS, "") | row])
    template = parse_template("{description}")
    (written,) = described(entries, template, ZoneInfo("UTC"), marked=marked)
    (sent,) = to_activities(_ready(written))["body"].map(_description)

    assert len(sent.encode("utf-16-le")) // 2 <= DESCRIPTION_LIMIT
    kept, mark, rest = sent.partition("[clockbooks:64ee]")
    assert (mark != "", rest) == (marked, "")
    kept = kept.removesuffix(" ") if mark else kept
    body = kept.removesuffix("…")
    assert text.strip().startswith(body)
    assert body == text.strip() or kept.endswith("…")


def _ready(description: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "entry_id": "64ee",
                "date": "2026-09-14",
                "minutes": 60,
                "description": description,
                "billable": False,
                "rate_micros": None,
                "qbo_kind": "employee",
                "qbo_person_id": "1",
                "qbo_customer_id": None,
                "qbo_item_id": None,
                "qbo_class_id": None,
                "qbo_department_id": None,
                "qbo_pay_type_id": None,
            }
        ]
    )


def _description(body: str) -> str:
    return str(json.loads(body).get("Description", ""))


def test_the_marker_stands_alone_where_there_is_no_description(plan):
    """Without a blank before it."""
    judged = plan(ENTRY | {"description": ""}, marked=True)

    assert judged["description"].tolist() == [f"[clockbooks:{judged['entry_id'][0]}]"]
