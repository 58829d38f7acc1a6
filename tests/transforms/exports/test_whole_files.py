"""Whole files: vendors' samples, spreadsheets, a million rows, and 100,000 broken files."""

import random
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.errors import AskPerson
from connectors.files.reader import open_export
from schemas.exports import DateOrder, NotAnExport
from transforms.exports.read import Survey, read_rows, recognize

SAMPLES = Path(__file__).parents[4] / "shared" / "reference" / "clockify" / "samples" / "csv"


def read_file(path, *, date_order=None):
    """Read a file in two passes: its format, its entries, its bad rows, its notes."""
    with open_export(path) as export:
        spreadsheet = export.kind == "xlsx"
        fmt = recognize(export.header, path.name)
        survey = Survey(fmt, path.name, spreadsheet)
        for chunk in export.chunks():
            survey.feed(chunk.frame)
        found = survey.conclude(date_order)
        entries, bad, notes, rows = [], [], [], 0
        for chunk in export.chunks():
            read = read_rows(
                chunk.frame, fmt, order=found.order, decimal_mark=found.decimal_mark,
                timezone=ZoneInfo("Europe/Berlin"), currency="USD",
            )  # fmt: skip
            entries.append(read.entries)
            bad += chunk.bad + read.bad
            notes += read.notes
            rows += len(chunk.frame) + len(chunk.bad)
        return fmt.name, pd.concat(entries), bad, notes, rows


#: What a person would expect of each sample: the format, entries, minutes of all of them, rows
#: that are reported, kinds of notes; or why it is refused.
EXPECTED = {
    # Day past the 12th; hours to the minute; a custom field
    "clockify_detailed_compact_type_invoiced_customfield.csv":
        ("clockify-detailed", 3, 570, 0, []),
    # Dots, and a day past the 12th; the label EURO is no code
    "clockify_detailed_dotdate_euro_label.csv": ("clockify-detailed", 5, 2160, 0, []),
    "compiler_admin_harvest_sample.csv": ("harvest-import", 40, None, 0, []),
    "compiler_admin_toggl_sample.csv": ("toggl-import", 40, None, 0, []),
    # 03/04/2024 alone, and a name without a range: nobody can tell
    "solidtime_clockify_detailed_1.csv": "which number is the day",
    # 10/15: the month is first
    "solidtime_clockify_detailed_2.csv": ("clockify-detailed", 1, 30, 0, []),
    # 13/15 is no day in any order, but 10/15 beside it decides: the row is reported
    "solidtime_clockify_detailed_3.csv": ("clockify-detailed", 0, 0, 1, []),
    "solidtime_clockify_detailed_4.csv": "which number is the day",
    "solidtime_clockify_detailed_5.csv": "which number is the day",
    "solidtime_clockify_detailed_6.csv": "which number is the day",
    "solidtime_clockify_detailed_7.csv": "which number is the day",
    "solidtime_clockify_projects_1.csv": "Clockify's list of projects",
    "solidtime_clockify_projects_2.csv": "Clockify's list of projects",
    "solidtime_clockify_projects_3.csv": "Clockify's list of projects",
    "solidtime_clockify_projects_4.csv": "Clockify's list of projects",
    # "20,0" and "0,01" hours
    "solidtime_harvest_detailed_1.csv": ("harvest-detailed", 2, 1200, 0, []),
    "solidtime_toggl_detailed_1.csv": ("toggl-detailed", 2, 60, 0, []),
    "solidtime_toggl_detailed_2.csv": ("toggl-detailed", 1, 0, 0, []),
}  # fmt: skip

#: The refused ones, once a person has said that the month is first.
TOLD_MDY = {
    # an hour and a second beside "0.00": read from start and end, and told
    "solidtime_clockify_detailed_1.csv": ("clockify-detailed", 2, 60, 0, ["other_hours"]),
    "solidtime_clockify_detailed_4.csv": ("clockify-detailed", 2, 60, 0, ["other_hours"]),
    "solidtime_clockify_detailed_5.csv": ("clockify-detailed", 2, 60, 0, ["other_hours"]),
    "solidtime_clockify_detailed_6.csv": ("clockify-detailed", 2, 60, 0, ["other_hours"]),
    # its row ends before the last column, Client, which is optional
    "solidtime_clockify_detailed_7.csv": ("clockify-detailed", 1, 60, 0, []),
}


def holds(path, expected, **options):
    name, entries, bad, notes, rows = read_file(path, **options)
    format_, count, minutes, reported, kinds = expected
    assert (name, len(entries), len({cell.line for cell in bad})) == (format_, count, reported)
    assert rows == count + reported
    assert [note.kind for note in notes] == kinds
    if minutes is not None:
        assert int(entries["duration_s"].sum()) // 60 == minutes


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendors' samples are not beside the project")
class TestSamples:
    """Real exports, which are not in the project because of their licenses."""

    @pytest.mark.parametrize("name", EXPECTED)
    def test_each_is_read_or_refused_as_a_person_expects(self, name):
        """The table above says which, and why."""
        if isinstance(EXPECTED[name], str):
            with pytest.raises(NotAnExport, match=EXPECTED[name]):
                read_file(SAMPLES / name)
        else:
            holds(SAMPLES / name, EXPECTED[name])

    @pytest.mark.parametrize("name", TOLD_MDY)
    def test_those_that_need_a_word_are_read_once_it_is_said(self, name):
        """`--date-order mdy` decides what the file does not."""
        holds(SAMPLES / name, TOLD_MDY[name], date_order=DateOrder.MDY)

    def test_no_sample_is_left_out(self):
        """A new sample needs a line in the table."""
        assert {path.name for path in SAMPLES.glob("*.csv")} == set(EXPECTED)


HEADER = (
    "Project,Client,Description,Task,User,Email,Tags,Type,Billable,Start Date,Start Time,End Date,"
    "End Time,Duration (h),Duration (decimal),Billable Rate (USD),Date of creation"
)


def export_of(rows):
    """Write an export with so many rows of work, from a fixed seed."""
    chance = random.Random(6)  # noqa: S311 - no secret
    yield HEADER + "\n"
    for n in range(rows):
        day, hour, worked_s = (
            chance.randrange(1, 29),
            chance.randrange(15),
            chance.randrange(28_000),
        )
        start_s = hour * 3600
        start, end, length = (
            f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}"
            for s in (start_s, start_s + worked_s, worked_s)
        )
        yield (
            f'Project {n % 300},Client {n % 50},"Work, number {n}",,User {n % 200},'
            f"u{n % 200}@example.com,,Regular,Yes,{day:02}/06/2026,{start},{day:02}/06/2026,{end},"
            f"{length},{worked_s / 3600:.2f},50.00,{day:02}/06/2026\n"
        )


def save(path, parts):
    with path.open("w", encoding="utf-8") as file:
        file.writelines(parts)
    return path


MEASURE = """
import resource, sys
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_whole_files import read_counts
print(*read_counts(Path(sys.argv[1])), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def read_counts(path):
    """Read a file as `import` does, keeping no row; return how many were read, and reported."""
    with open_export(path) as export:
        fmt = recognize(export.header, path.name)
        survey = Survey(fmt, path.name)
        for chunk in export.chunks():
            survey.feed(chunk.frame)
        found = survey.conclude()
        good = bad = 0
        for chunk in export.chunks():
            read = read_rows(
                chunk.frame, fmt, order=found.order, decimal_mark=found.decimal_mark,
                timezone=ZoneInfo("Europe/Berlin"), currency="USD",
            )  # fmt: skip
            good += len(read.entries)
            bad += len(chunk.bad) + read.bad_rows
    return good, bad


def measured(path):
    code = MEASURE.format(folder=str(Path(__file__).parent))
    ran = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    return [int(number) for number in ran.stdout.split()]


@pytest.mark.slow
def test_a_million_rows_need_the_memory_of_ten_thousand(tmp_path):
    """Each pass keeps one chunk: a hundred times the rows may take a fifth more, for its strays."""
    few, _, few_mib = measured(save(tmp_path / "few.csv", export_of(10_000)))
    many, bad, many_mib = measured(save(tmp_path / "many.csv", export_of(1_000_000)))

    assert (few, many, bad) == (10_000, 1_000_000, 0)
    assert many_mib < few_mib * 1.2


FEW = "".join(export_of(5)).encode()

#: What breaks files: pieces of syntax, of encodings and of values, in places where they are not.
PIECES = [
    b'"', b",", b";", b"\t", b"\n", b"\r", b"\r\n", b'""', b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf",
    b"\xff\xfe", b"1.000", b"1,5", b"25:00", b"02:30:00", b"32/13/2026", b"2026-10-25", b"AM", b"-",
    b"9" * 40, b"\xe2\x80\xaf", b"Date", b"User", b"No",
]  # fmt: skip

broken = st.builds(
    lambda edits, end, encoding: _encoded(_edited(edits)[: end or None], encoding),
    st.lists(
        st.tuples(st.integers(0, len(FEW)), st.integers(0, 60), st.sampled_from([b"", *PIECES])),
        max_size=4,
    ),
    st.none() | st.integers(1, len(FEW)),
    st.sampled_from([None, None, "utf-16", "utf-8-sig", "utf-16-be"]),
)


def _edited(edits):
    content = FEW
    for at, cut, piece in edits:
        content = content[:at] + piece + content[at + cut :]
    return content


def _encoded(content, encoding):
    return content.decode("latin-1").encode(encoding) if encoding else content


def never_a_traceback(path, content):
    """Read a broken file: rows and reported rows add up, or one sentence refuses it."""
    path.write_bytes(content)
    try:
        _, entries, bad, _, rows = read_file(path)
    except (AskPerson, NotAnExport):
        return
    lines = {cell.line for cell in bad}
    assert len(entries) + len(lines) == rows
    assert lines.isdisjoint(entries["line"])
    assert entries["line"].is_unique


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(broken)
def test_a_broken_file_is_read_or_refused(tmp_path, content):
    """There is no traceback and no row is lost, whatever was done to the bytes."""
    never_a_traceback(tmp_path / "export.csv", content)


@pytest.mark.slow
@settings(
    max_examples=100_000,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)
@given(broken | st.binary(max_size=400))
def test_a_hundred_thousand_broken_files_are_read_or_refused(tmp_path, content):
    """The same, for long."""
    never_a_traceback(tmp_path / "export.csv", content)
