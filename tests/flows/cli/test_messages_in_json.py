"""JSON has its sentences for people in `message`; `told`, its name in 0.1, stays for a release."""

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")


def test_settle_has_a_message(week, send_day):
    """What became of entries in doubt, in a sentence; empty when nothing was."""
    week.quickbooks.faults.plan("POST .*/batch", "drop_after")
    send_day(week)

    settled = week.run("settle", "--json").document
    again = week.run("settle", "--json").document

    assert settled["message"] == settled["told"] != ""
    assert again["message"] == again["told"] == ""


def test_a_file_of_an_import_has_a_message(week, export):
    """How it was read."""
    (file,) = week.run("import", str(export(week)), "--dry-run", "--json").document["files"]

    assert "Clockify" in file["message"]
    assert file["told"] == file["message"]


def test_rotate_key_has_a_message(week):
    """What to do with a new key, and after a rotation."""
    for arguments in (("rotate-key", "--generate"), ("rotate-key",)):
        document = week.run(*arguments, "--json").document
        assert document["message"] == document["told"] != ""


def test_disconnect_has_a_message(week):
    """What became of the consent; `told` had one text a line."""
    document = week.run("disconnect", "--yes", "--json").document

    assert "revoked" in document["message"]
    assert document["message"] == " ".join(document["told"])
