"""An entry is written back as it was read, but for our tag; and our tag never counts."""

import copy
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.entries.read_report import read_report
from transforms.entries.sent_tag import differences, has_tag, is_writable, replacement

TAG = "our tag"
NOW = datetime(2026, 9, 22, 9, tzinfo=UTC).isoformat()
ids = st.none() | st.text("ab", min_size=1, max_size=3)
ENTRY = {
    "id": "e1",
    "billable": True,
    "description": "Work",
    "projectId": "p",
    "taskId": None,
    "type": "REGULAR",
    "tagIds": ["t1"],
    "timeInterval": {"start": NOW, "end": NOW, "duration": "PT0S"},
    "customFieldValues": [{"customFieldId": "f", "value": "A-1", "type": "WORKSPACE"}],
    "hourlyRate": {"amount": 4500, "currency": "USD"},
    "isLocked": False,
}


def put(entry, body):
    """Replace an entry as Clockify does: what a body leaves out is cleared (FACTS 3)."""
    written = {one["customFieldId"]: one["value"] for one in body.get("customFields", [])}
    return entry | {
        "timeInterval": entry["timeInterval"] | {name: body.get(name) for name in ("start", "end")},
        "billable": body.get("billable", False),
        "description": body.get("description", ""),
        "projectId": body.get("projectId"),
        "taskId": body.get("taskId"),
        "type": body.get("type", "REGULAR"),
        "tagIds": body.get("tagIds"),
        "customFieldValues": [
            one | {"value": written.get(one["customFieldId"])} for one in entry["customFieldValues"]
        ],
    }


@given(
    st.fixed_dictionaries(
        {
            "billable": st.booleans(),
            "description": st.text(max_size=9),
            "projectId": ids,
            "taskId": ids,
            "type": st.sampled_from(["REGULAR", "BREAK"]),
            "tagIds": st.none() | st.lists(st.sampled_from([TAG, "t1", "t2"]), unique=True),
            "customFieldValues": st.dictionaries(
                st.text("fg", min_size=1, max_size=2), st.none() | st.integers() | st.text()
            ).map(lambda of: [{"customFieldId": id_, "value": v} for id_, v in of.items()]),
        }
    ),
    st.booleans(),
)
def test_a_replacement_changes_the_tag_alone(members, tagged):
    """Whatever an entry has: nothing else differs afterwards, and the tag is as asked for."""
    before = ENTRY | members
    assert is_writable(before)

    after = put(before, replacement(before, TAG, tagged=tagged))

    assert differences(before, after, TAG) == {}
    assert has_tag(after, TAG) is tagged


@pytest.mark.parametrize(
    "members",
    [
        {"description": "Other"},
        {"hourlyRate": {"amount": 5000, "currency": "USD"}},
        {"tagIds": [TAG]},
        {"customFieldValues": [{"customFieldId": "f", "value": None}]},
        {"timeInterval": {"start": NOW, "end": None, "duration": None}},
        {"new": "member"},
        {"customFieldValues": "?"},
        {"tagIds": 1},
    ],
)
def test_every_other_difference_is_found(members):
    """With both values, whatever the member is."""
    (name,) = members

    assert list(differences(ENTRY, ENTRY | members, TAG)) == [name]


@pytest.mark.parametrize(
    "members",
    [
        {"isLocked": True},
        {"isLocked": None},
        {"type": "HOLIDAY"},
        {"timeInterval": {"start": NOW, "end": None}},
        {"timeInterval": None},
        {"customFieldValues": None},
        {"customFieldValues": [{"value": 1}]},
        {"tagIds": "t1"},
        {"customFieldValues": [{"customFieldId": str(n), "value": n} for n in range(51)]},
    ],
)
def test_what_a_write_could_not_keep_is_not_writable(members):
    """Nor what is locked; nor a reading that lacks a member, which a PUT would clear."""
    assert not is_writable(ENTRY | members)
    for name in ("projectId", "taskId", "tagIds", "description", "billable", "isLocked", "type"):
        assert not is_writable({key: value for key, value in ENTRY.items() if key != name})


@given(st.lists(st.sampled_from(["urgent", "site, north", "Sent off"]), unique=True), st.data())
def test_an_entry_is_read_as_if_our_tag_were_not_there(names, data):
    """By its id or its name, wherever it stands: what is judged from then on is the same."""
    row = {
        "_id": "e1", "userId": "u", "description": "", "billable": True,
        "timeInterval": {"start": NOW, "end": NOW, "duration": 0},
        "tags": [{"_id": name, "name": name} for name in names],
    }  # fmt: skip
    tagged = copy.deepcopy(row)
    ours = data.draw(st.sampled_from([{"_id": TAG, "name": "?"}, {"id": TAG}, {"name": "Sent"}]))
    tagged["tags"].insert(data.draw(st.integers(0, len(names))), ours)

    without, with_it = (
        read_report([one], currency="USD", own_tags={TAG, "Sent"}).entries for one in (row, tagged)
    )

    pd.testing.assert_frame_equal(with_it, without)
    assert without["tags"].fillna("").tolist() == [", ".join(names)]
