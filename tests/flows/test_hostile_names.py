"""Names and texts are data: none changes a query, a path, a terminal or a spreadsheet."""

import csv

import pytest

from connectors.http import read_json

pytestmark = pytest.mark.usefixtures("in_this_process")

#: What people, and those who mean harm, type as a name.
HOSTILE = {
    "quote": 'O\'Brien "Bob"',
    "backslash": "back\\slash \\' OR",
    "percent": "100 % of %s {0}",
    "query": "' OR Id > '0",
    "sql": "'; DROP TABLE ledger; --",
    "newline": "two\nlines\r\nand\ttab",
    "right to left": "evil\u202egnp.exe\u2066",
    "escape": "\x1b[31mred\x1b]0;title\x07",
    "formula": '=HYPERLINK("http://evil.example","x")',
    "plus": "+1+1",
    "at": "@SUM(A1)",
    "minus": "-2+3",
    "markup": "[bold red]bold[/] [link=http://evil.example]",
    "surrogate": "half \ud83d pair",
    "emoji": "😀" * 250,
    "nul": "nul\x00byte",
    "path": "../../etc/passwd",
}
DAY = ("--start", "2026-09-22", "--end", "2026-09-22")


class Answer:
    """An answer's bytes."""

    def __init__(self, content):
        self.content = content


def test_what_no_database_takes_is_replaced_where_it_comes_in():
    """Half of a pair and NUL have no bytes in UTF-8 or PostgreSQL; the rest stays as it is."""
    content = rb'{"a\u0000": ["\ud83d x", "\ud83d\ude00 \\u0000 \u00e9", 1.50]}'

    answer = read_json("Clockify", Answer(content))

    assert answer == {"a\ufffd": ["\ufffd x", "😀 \\u0000 é", answer["a\ufffd"][2]]}
    assert str(answer["a\ufffd"][2]) == "1.50"


#: The stand-in writes UTF-8 and so cannot say half a pair; the test above does.
KINDS = [
    pytest.param(kind, marks=() if kind in {"escape", "formula"} else pytest.mark.slow)
    for kind in HOSTILE
    if kind != "surrogate"
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_name_does_no_harm(week, rows_of, kind):
    """Sync, creating, send, entries and CSV come through; both sides hold what they should."""
    text = HOSTILE[kind]
    chosen = next(iter(week.clockify.entries.values()))
    project = week.clockify.projects[chosen["projectId"]]
    before = {id_: dict(row) for id_, row in week.quickbooks.customers.items()}
    for entry in week.clockify.entries.values():
        entry["description"] = text
    project["name"] = text
    others = {**week.clockify.projects}

    synced = week.run("sync", "--create", "quickbooks", "--csv", "sync.csv")
    sent = week.run("send", *DAY, "--yes", "--json")
    shown = week.run("entries", "--csv", "entries.csv")

    for ran in (synced, sent, shown):
        assert ran.code in {0, 3}, ran.err
        assert "Traceback" not in ran.err
    for harm in ("\x1b", "\x07", "\x00", "\u202e", "\u2066", "\r"):
        assert harm not in shown.out + synced.out
    assert sent.document["counts"]["sent"] + sum(
        sent.document["counts"]["rejected"].values()
    ) == len(week.clockify.entries)
    assert sent.document["counts"]["sent"] == len(week.quickbooks.activities) > 0
    told = {row["Description"] for row in week.quickbooks.activities.values()}
    assert told == {text.replace("\0", "\ufffd")}
    assert len(rows_of(week, "ledger")) >= sent.document["counts"]["sent"]
    # Nothing else was touched, and no file but those that were asked for was written.
    assert {id_: row["DisplayName"] for id_, row in before.items()}.items() <= {
        id_: row["DisplayName"] for id_, row in week.quickbooks.customers.items()
    }.items()
    assert week.clockify.projects == others
    assert {path.name for path in week.folder.iterdir()} <= {
        "clockbooks.db", "clockbooks.db-wal", "clockbooks.db-shm", "clockbooks.key", "sync.csv",
        "entries.csv",
    }  # fmt: skip
    for name in ("sync.csv", "entries.csv"):
        with (week.folder / name).open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


IN_FILES = [kind for kind in HOSTILE if kind not in {"surrogate", "nul"}]


@pytest.mark.parametrize(
    "kinds",
    [
        pytest.param(IN_FILES[::2], id="some"),
        pytest.param(IN_FILES[1::2], id="others"),
        *[pytest.param([kind], id=kind, marks=pytest.mark.slow) for kind in IN_FILES],
    ],
)
def test_a_hostile_file_does_no_harm(week, send_day, export, kinds):
    """Names in a file are data too, and rows are recognized: nothing goes twice."""
    for number, entry in enumerate(week.clockify.entries.values()):
        entry["description"] = HOSTILE[kinds[number % len(kinds)]]
    assert send_day(week).code == 0

    ran = week.run("import", str(export(week)), "--dry-run")

    assert ran.code == 0, ran.err
    assert "0 would be sent" in ran.out
    for harm in ("\x1b", "\x07", "\u202e", "\u2066", "\r"):
        assert harm not in ran.out
