"""Entries that were sent from a file without times of day, and edited in Clockify afterwards."""

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")


def test_an_edited_entry_of_a_day_without_times_is_pointed_out(week, export, send_day):
    """What may be a corrected version of a row that was sent does not go without a word.

    The same person, day, project and length: only the description was corrected. With times of day
    the report points it out, because both begin in the same minute.
    """
    path = export(week, without=("Start Time", "End Time", "Task"))
    assert week.run("import", str(path), "--yes", "--json").document["counts"]["sent"] == 9
    edited = min(week.clockify.entries.values(), key=lambda entry: entry["id"])
    edited["description"] = "Corrected words"
    number = len(week.quickbooks.activities)

    document = send_day(week).document

    assert len(week.quickbooks.activities) == number or any(
        edited["id"] in note for note in document["notes"]
    )
