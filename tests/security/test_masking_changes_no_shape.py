"""Secrets that equal one of our own words: values are hidden, and no document loses its shape."""

import json

import pytest

from connectors import masking
from connectors.errors import AskPerson
from connectors.masking import HIDDEN, remember
from flows.cli import render
from flows.cli.output import Output, write_json
from flows.sending.entry_list import LISTED
from flows.sending.report import MEMBERS, write_csv
from flows.settings import read_settings

#: Members of our JSON and heads of our tables, as somebody might choose them for a password.
WORDS = ["entry_id", "minutes_sent", "extracted", "time_activity_id", "TimeActivity, or why not"]
DOCUMENT = {
    "run_id": "7",
    "minutes_sent": 12345678,
    "counts": {"extracted": 1, "skipped": {"already_sent": 1}},
    "entries": [dict.fromkeys(MEMBERS, "x") | {"minutes": 12345678}],
}


@pytest.mark.parametrize("secret", [*WORDS, "already_sent", "12345678"])
def test_a_secret_renames_no_member_and_changes_no_number(capsys, secret):
    """A script finds every member where it was, also of lists that are written one by one."""
    remember(secret)

    write_json({**DOCUMENT, "more": iter(DOCUMENT["entries"])})

    assert json.loads(capsys.readouterr().out) == {**DOCUMENT, "more": DOCUMENT["entries"]}


@pytest.mark.parametrize(
    "secret", ['pass"word"42', "back\\slash-42", "zwei\nzeilen", "grüße-aus-köln"]
)
def test_a_secret_in_a_value_is_hidden_however_json_writes_it(capsys, secret):
    """Quotation marks and line ends are written otherwise in JSON: masked before that, all go."""
    remember(secret)

    write_json({"entries": [{"description": f"my password is {secret}, you know"}]})

    (entry,) = json.loads(capsys.readouterr().out)["entries"]
    assert entry["description"] == f"my password is {HIDDEN}, you know"


def test_a_table_for_a_spreadsheet_keeps_its_header_and_hides_its_values(tmp_path):
    """The header is ours; what stands below it people typed."""
    remember("entry_id", "hunter2-hunter2")

    write_csv([dict.fromkeys(MEMBERS, "is hunter2-hunter2")], tmp_path / "out.csv", MEMBERS)

    head, row = (tmp_path / "out.csv").read_text("utf-8-sig").splitlines()
    assert head == ",".join(f'"{name}"' for name in MEMBERS)
    assert row == ",".join([f'"is {HIDDEN}"'] * len(MEMBERS))


def test_a_table_in_the_terminal_keeps_its_heads_and_hides_its_values(capsys, monkeypatch):
    """What a person typed as a description may be what they typed as a password."""
    monkeypatch.setenv("COLUMNS", "160")
    remember("Id, or reason", "hunter2-hunter2")
    row = dict.fromkeys(LISTED, None) | {
        "state": "rejected", "minutes": 5, "date": "2026-01-02", "user": "Ann hunter2-hunter2",
        "reason": "too_long", "detail": "hunter2-hunter2",
    }  # fmt: skip

    output = Output(as_json=False)
    render.show_entries(output, [row], live=False)
    output.say("It is hunter2-hunter2.")
    output.tell("It is hunter2-hunter2.")

    shown = capsys.readouterr()
    assert "Id, or reason" in shown.out
    assert "hunter2" not in shown.out + shown.err
    assert HIDDEN in shown.out


SHORT = {
    "CLOCKBOOKS_CLOCKIFY_API_KEY": "Clockify",
    "CLOCKBOOKS_QBO_CLIENT_SECRET": "developer.intuit.com",
}


@pytest.mark.parametrize("name", SHORT)
def test_a_short_secret_is_refused_at_its_setting(monkeypatch, tmp_path, name):
    """It could not be hidden without hiding half of every word; the text says what to do."""
    monkeypatch.chdir(tmp_path)
    secret = "Pq7-zx9"
    monkeypatch.setenv(name, secret)

    with pytest.raises(AskPerson) as refused:
        read_settings()

    assert name in str(refused.value)
    assert "8 characters" in str(refused.value)
    assert SHORT[name] in str(refused.value)
    assert secret not in str(refused.value)


@pytest.mark.parametrize("name", [*SHORT, "CLOCKBOOKS_NOTIFY", "CLOCKBOOKS_DATABASE_URL"])
def test_a_secret_of_eight_characters_is_taken_and_hidden(monkeypatch, tmp_path, name):
    """Whatever it is for."""
    monkeypatch.chdir(tmp_path)
    secret = "Pq7-zx9!"
    address = f"postgresql+psycopg://books:{secret}@127.0.0.1/books"
    monkeypatch.setenv(name, address if name == "CLOCKBOOKS_DATABASE_URL" else secret)

    read_settings()

    assert secret not in masking.hide_known(f"it is {secret}")


def test_the_key_before_may_be_short(monkeypatch, tmp_path):
    """Else nobody could rotate it away."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLOCKBOOKS_OLD_SECRET_KEY", "short")

    assert read_settings().old_secret_key.get_secret_value() == "short"
