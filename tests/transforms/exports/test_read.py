"""Rows of exports to entries: formats by their header, every cell read or reported."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.exports import (
    LINES_NAMED,
    DateOrder,
    NotAnExport,
    Note,
    UndecidedDates,
    WrongMapping,
    add_up,
)
from transforms.exports.read import Survey, parse_mapping, read_rows, recognize

NEW_YORK = ZoneInfo("America/New_York")


def columns(*texts):
    return ";".join(texts).split(";")


CLOCKIFY = columns(
    "Project;Client;Description;Task;User;Group;Email;Tags;Billable;Start Date;Start Time",
    "End Date;End Time;Duration (h);Duration (decimal);Billable Rate (USD);Billable Amount (USD)",
)
CLOCKIFY_2024 = columns(
    "Project;Client;Description;Task;User;Group;Email;Tags;Type;Billable;Invoiced;Invoice ID",
    "Start Date;Start Time;End Date;End Time;Duration (h);Duration (decimal);Date of creation;Deal",
)
TOGGL = columns(
    "User;Email;Client;Project;Task;Description;Billable;Start date;Start time;End date;End time",
    "Duration;Tags;Amount (EUR)",
)
TOGGL_IMPORT = columns(
    "Email;Start date;Start time;Duration;Project;Task;Client;Billable;Description"
)
HARVEST = columns(
    "Date;Client;Project;Project Code;Task;Notes;Hours;Billable?;Invoiced?;Approved?;First Name",
    "Last Name;Roles;Employee?;Billable Rate;Billable Amount;Cost Rate;Cost Amount;Currency",
    "External Reference URL",
)
HARVEST_IMPORT = columns("Date;Client;Project;Task;Notes;Hours;First name;Last name")
GERMAN = columns(
    "Projekt;Kunde;Beschreibung;Aufgabe;Benutzer;E-Mail;Tags;Abrechenbar;Startdatum;Startzeit",
    "Enddatum;Endzeit;Dauer (h);Dauer (dezimal)",
)
PORTUGUESE = columns(
    "Projeto;Cliente;Descrição;Tarefa;Usuário;E-mail;Faturável;Data de início;Hora de início",
    "Data de término;Hora de término;Duração (h);Duração (decimal);Taxa faturável (BRL)",
)

#: One good row of Clockify, to change a cell of.
GOOD = {
    "Project": "P", "Client": "C", "Description": "d", "Task": "T", "User": "Ann", "Group": "G",
    "Email": "ann@example.com", "Tags": "x, y", "Billable": "Yes", "Start Date": "02/19/2026",
    "Start Time": "09:00:00 AM", "End Date": "02/19/2026", "End Time": "10:30:00 AM",
    "Duration (h)": "01:30:00", "Duration (decimal)": "1.50", "Billable Rate (USD)": "40.00",
    "Billable Amount (USD)": "60.00",
}  # fmt: skip


def read(rows, *, mapping=None, date_order=None, timezone=NEW_YORK, file_name="", **options):
    """Survey and read rows, each a dict of cells by column, as a file of two chunks."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    fmt = recognize(header, file_name, parse_mapping(mapping or []))
    frame = pd.DataFrame(
        [[row.get(name) for name in header] for row in rows],
        index=range(2, 2 + len(rows)), columns=header, dtype="str",
    )  # fmt: skip
    survey = Survey(fmt, file_name, **options)
    survey.feed(frame[:1])
    survey.feed(frame[1:])
    found = survey.conclude(date_order)
    return read_rows(
        frame, fmt, order=found.order, decimal_mark=found.decimal_mark, timezone=timezone,
        currency="CAD", spreadsheet=survey.spreadsheet,
    )  # fmt: skip


def one(*rows, **options):
    """Read rows, of which the first is good, and return it."""
    return read(list(rows), **options).entries.iloc[0]


def faults(row, **options):
    """Return the bad cells of one row."""
    found = read([row], **options)
    assert len(found.entries) + found.bad_rows == 1
    return [(bad.column, bad.value) for bad in found.bad]


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (CLOCKIFY, "clockify-detailed"),
        (CLOCKIFY_2024, "clockify-detailed"),
        ([name.upper() + " " for name in CLOCKIFY], "clockify-detailed"),
        (CLOCKIFY[:13], "clockify-detailed"),
        ([name for name in CLOCKIFY if name not in {"User", "Client", "Billable", "Group"}],
         "clockify-detailed"),
        (GERMAN, "clockify-detailed"),
        (PORTUGUESE, "clockify-detailed"),
        (TOGGL, "toggl-detailed"),
        (TOGGL[:-1], "toggl-detailed"),
        (TOGGL_IMPORT, "toggl-import"),
        (HARVEST, "harvest-detailed"),
        (HARVEST_IMPORT, "harvest-import"),
    ],
)  # fmt: skip
def test_formats_are_known_by_their_header(header, name):
    """Whatever the language, the case, and the columns that were left out."""
    assert recognize(header).name == name


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Project,Client,Status,Visibility,Tracked (h),Progress(%)", "Clockify's list of projects"),
        ("Date,Project,Client,Description,Time (h),Time (decimal)", "a Clockify summary report"),
        ("User,Project,Duration", "a summary report"),
        ("Name,Transaction Date,Customer,Service Item,Duration", "a time import for QuickBooks"),
        ("First,Second,Third", "who worked or on which day or for how long"),
        ("User,Start Date,Start Time", "for how long"),
        ("First name,Date,Hours", "who worked"),
    ],
)
def test_another_table_is_refused_with_what_it_looks_like(header, words):
    """And the text says what is needed instead."""
    with pytest.raises(NotAnExport) as refused:
        recognize(header.split(","), "time.csv")

    assert str(refused.value).startswith("time.csv ")
    assert words in str(refused.value)
    assert "--map" in str(refused.value)


def test_what_is_not_used_is_told():
    """Custom fields, group columns and a second column of a name are ignored, and reported."""
    notes = " ".join(recognize([*CLOCKIFY, "Deal ID", "User"]).notes)

    assert "Unused columns: 'Deal ID', 'User'" in notes
    assert "Column 19, 'User', means the same as column 5" in notes
    assert recognize(CLOCKIFY).notes == ()


def test_renamed_labels_are_found_by_their_place_and_told():
    """Workspaces rename Project, Client and Task; Clockify keeps their order."""
    header = [
        "Matter" if name == "Client" else "Job" if name == "Task" else name for name in CLOCKIFY
    ]
    fmt = recognize(header)

    assert (fmt.column("client"), fmt.column("task")) == ("Matter", "Job")
    assert [note.partition(" was")[0] for note in fmt.notes] == ["Column 'Matter'", "Column 'Job'"]
    assert recognize(["Case", *CLOCKIFY[1:]]).column("project") == "Case"


def test_any_table_is_read_through_a_mapping():
    """A person's mapping overrides what is known."""
    row = {"Who=": "Ann", "Day": "2026-02-19", "h": "1,5", "User": "nobody", "Pay": "Ja"}
    mapping = ["Who==user", "day=date", "h = hours", "Pay=billable"]
    found = one(row, mapping=mapping)

    assert (found["user_name"], found["day"], found["duration_s"]) == ("Ann", "2026-02-19", 5400)
    assert found["billable"]
    assert recognize(list(row), mapping=parse_mapping(mapping)).name == "mapped"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["user"], "column=field"), (["=user"], "column=field"), (["Who="], "column=field"),
        (["Who=boss"], "The fields are user"), (["a=user", "b=user"], "Choose one"),
        (["a=date", "b=start_date"], "Choose one"), (["Whoever=user"], "The columns are 'User'"),
        (["Twice=user"], "2 columns"),
    ],
)  # fmt: skip
def test_a_mapping_that_cannot_be_followed_is_refused(texts, words):
    """The text says what is wrong and what there is."""
    with pytest.raises(WrongMapping, match=words):
        recognize(["User", "Date", "Hours", "Twice", "Twice"], mapping=parse_mapping(texts))


def test_a_row_of_clockify():
    """Everything in the row, in the units of the schema."""
    found = one(GOOD)

    assert found.drop(["start", "end", "approved"]).to_dict() == {
        "line": 2, "user_name": "Ann", "user_email": "ann@example.com", "project_name": "P",
        "client_name": "C", "task_name": "T", "tags": "x, y", "description": "d",
        "day": "2026-02-19", "duration_s": 5400, "billable": True, "entry_type": "REGULAR",
        "rate_micros": 40_000_000, "currency": "USD", "has_clock": True,
        "start_local": "2026-02-19T09:00:00", "end_local": "2026-02-19T10:30:00", "precision_s": 1,
    }  # fmt: skip
    assert (found["start"], found["end"]) == (
        pd.Timestamp("2026-02-19T14:00Z"),
        pd.Timestamp("2026-02-19T15:30Z"),
    )
    assert pd.isna(found["approved"])


def test_a_row_of_harvest():
    """Decimal hours in the account's locale, with a day and no time of day."""
    row = dict.fromkeys(HARVEST, "") | {
        "Date": "2026-02-19", "Hours": "1.000,25", "Billable?": "Yes", "Approved?": "No",
        "First Name": "Ann", "Last Name": "Lee", "Billable Rate": "100,0", "Currency": "Euro - EUR",
    }  # fmt: skip
    found = one(row)

    assert (found["user_name"], found["day"]) == ("Ann Lee", "2026-02-19")
    assert (found["duration_s"], found["rate_micros"]) == (3_600_900, 100_000_000)
    assert (found["currency"], found["approved"], found["has_clock"]) == ("EUR", False, False)
    assert found[["start", "end", "start_local", "end_local"]].isna().all()


def test_a_row_of_toggls_import_layout_ends_after_its_duration():
    """Without an end, start and duration give it."""
    row = dict.fromkeys(TOGGL_IMPORT, "") | {
        "Email": "ann@example.com", "Start date": "2026-02-19", "Start time": "23:30:00",
        "Duration": "01:00:01", "Billable": "No",
    }  # fmt: skip
    found = one(row)

    assert found["end"] - found["start"] == timedelta(seconds=3601)
    assert (found["day"], found["precision_s"]) == ("2026-02-19", 1)
    assert pd.isna(found["end_local"])


@pytest.mark.parametrize(
    ("changes", "bad"),
    [
        ({"User": "", "Email": ""}, [("User", "")]),
        ({"Billable": "maybe"}, [("Billable", "maybe")]),
        ({"Billable": ""}, [("Billable", "")]),
        ({"Start Date": ""}, [("Start Date", "")]),
        ({"Start Date": "19 Feb"}, [("Start Date", "19 Feb")]),
        ({"Start Date": "13/15/2026"}, [("Start Date", "13/15/2026")]),
        ({"End Date": "02/30/2026"}, [("End Date", "02/30/2026")]),
        ({"Start Time": "25:00"}, [("Start Time", "25:00")]),
        ({"End Time": "later"}, [("End Time", "later")]),
        ({"End Date": "02/18/2026"}, [("End Time", "10:30:00 AM")]),
        ({"End Time": "", "Duration (h)": "", "Duration (decimal)": ""}, [("End Time", "")]),
        ({"Billable Rate (USD)": "much"}, [("Billable Rate (USD)", "much")]),
        ({"Billable Rate (USD)": "-1"}, [("Billable Rate (USD)", "-1")]),
        ({"Type": "Nap"}, [("Type", "Nap")]),
        ({"Billable": "?", "End Time": "x"}, [("End Time", "x"), ("Billable", "?")]),
    ],
)
def test_each_bad_cell_is_reported_and_good_rows_go_on(changes, bad):
    """With its line, its column and its value."""
    found = read([GOOD, GOOD | changes, GOOD | {"User": "Bo"}])

    assert list(found.entries["user_name"]) == ["Ann", "Bo"]
    assert [(cell.column, cell.value) for cell in found.bad] == bad
    assert {cell.line for cell in found.bad} == {3}
    assert all(len(cell.why) > 20 for cell in found.bad)


def test_a_row_that_ends_early_is_read_where_only_optional_columns_are_missing():
    """The client may be missing; billable may not."""
    short = [{name: GOOD[name] for name in GOOD if name != "Client"} | {"Client": None}]
    assert pd.isna(one(*short)["client_name"])

    (bad,) = read([GOOD, GOOD | {"Billable": None}]).bad
    assert (bad.line, bad.column) == (3, "Billable")
    assert "ends before this column" in bad.why


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, []),
        ({"End Time": "10:30:17 AM", "Duration (h)": "01:30:17", "Duration (decimal)": "1.50"}, []),
        ({"End Time": "10:30:18 AM", "Duration (h)": "1:31"}, []),  # half a hundredth up, compact
        ({"Duration (h)": "", "Duration (decimal)": ""}, []),
        ({"Duration (h)": "01:45:00", "Duration (decimal)": "1.75"}, ["duration", "hours"]),
        ({"Duration (decimal)": "0.00"}, ["hours"]),
        ({"Duration (decimal)": "1.51"}, ["hours"]),
        ({"Duration (h)": "1:32"}, ["duration"]),
    ],
)
def test_durations_are_compared_beyond_what_display_rounds(changes, kinds):
    """A disagreement is a note with its lines; the row is read from start and end."""
    found = read([GOOD, GOOD | changes])

    assert [(note.kind, note.count, note.lines) for note in found.notes] == [
        (f"other_{kind}", 1, (3,)) for kind in kinds
    ]
    assert len(found.entries) == 2


def test_minutes_without_seconds_may_hide_a_minute():
    """Shown to the minute, 09:00 to 10:30 may have been 89 or 91 minutes."""
    coarse = GOOD | {"Start Time": "9:00 AM", "End Time": "10:30 AM"}
    for shown, notes in [("01:29:01", 0), ("01:30:59", 0), ("01:29:00", 1), ("01:31:00", 1)]:
        found = read([coarse | {"Duration (h)": shown, "Duration (decimal)": ""}])
        assert len(found.notes) == notes
        (row,) = found.entries.to_dict("records")
        assert (row["duration_s"], row["precision_s"]) == (5400, 60)
        assert (row["start_local"], row["end_local"]) == ("2026-02-19T09:00", "2026-02-19T10:30")


def test_without_a_date_of_the_end_it_may_be_the_next_day():
    """An end earlier than the start is on the next day, and noted."""
    row = {name: value for name, value in GOOD.items() if name != "End Date"}
    found = read([row | {"Start Time": "11:00:00 PM", "End Time": "12:30:00 AM"}])

    assert list(found.entries["duration_s"]) == [5400]
    assert list(found.entries["end_local"]) == ["2026-02-20T00:30:00"]
    assert [note.kind for note in found.notes] == ["over_midnight"]


def test_a_date_may_carry_its_time():
    """As in typed cells, and in tables that have one column for both."""
    row = {"Who": "Ann", "From": "2026-02-19 09:00", "To": "2026-02-19T10:30:00"}
    found = one(row, mapping=["Who=user", "From=start_date", "To=end_date"])

    assert (found["duration_s"], found["start_local"]) == (5400, "2026-02-19T09:00")


@pytest.mark.parametrize("spreadsheet", [False, True])
@pytest.mark.parametrize(
    ("column", "number", "read_as"),
    [
        ("Duration", "0.5", None), ("Minutes", "20", None), ("Elapsed", "8", None),
        ("Duration (h)", "0.5", 1800), ("Duration hours", "0.5", 1800),
        ("Decimal duration", "1.25", 4500), ("Dauer (Std.)", "2", 7200),
        ("Duration", "0:30:00", 1800), ("Minutes", "0:20", 1200),
    ],
)  # fmt: skip
def test_a_bare_number_is_hours_only_where_the_header_says_so(column, number, read_as, spreadsheet):
    """It could be half a day, half an hour or half a minute, so the row is not sent."""
    found = read(
        [{"Who": "Ann", "Date": "2026-02-19", column: number}],
        mapping=["Who=user", f"{column}=duration"],
        spreadsheet=spreadsheet,
    )

    assert found.entries["duration_s"].tolist() == [read_as] * (read_as is not None)
    assert [cell.column for cell in found.bad] == [column] * (read_as is None)
    advised = column != "Minutes"
    assert all((f"{column}=hours" in cell.why) == advised for cell in found.bad)


def test_a_bare_number_in_a_spreadsheet_is_no_time_of_day():
    """In a spreadsheet 0.25 is a quarter of a day, not 25 minutes past midnight."""
    row = {"User": "Ann", "Start Date": "2026-02-19", "Start Time": "0.25", "End Time": "0.35"}

    assert faults(row, spreadsheet=True) == [("Start Time", "0.25"), ("End Time", "0.35")]
    assert one(row)["duration_s"] == 600
    text = row | {"Start Time": "6:00", "End Time": "08.24.00"}
    assert one(text, spreadsheet=True)["duration_s"] == 8640


@pytest.mark.parametrize("name", ["Minutes", "Duration (min)", "Dauer in Minuten", "Seconds"])
def test_minutes_are_not_mapped_as_hours(name):
    """15 minutes would be paid as 15 hours."""
    header = ["User", "Date", name]

    with pytest.raises(WrongMapping, match="not hours"):
        recognize(header, mapping=parse_mapping([f"{name}=hours"]))
    assert recognize(["User", "Date", "Hours:Min"], mapping={"hours": "Hours:Min"})


@pytest.mark.parametrize(
    ("text", "duration_s"),
    [
        ("0.17", 600), ("0.33", 1200), ("0.08", 300), ("1.67", 6000), ("2.97", 10_680),
        ("0.01", 36), ("0.333", 1200), ("0.1667", 600), ("2.9708", 10_695), ("0:10:12", 612),
    ],
)  # fmt: skip
def test_rounded_hours_are_the_whole_minute_that_they_may_be(text, duration_s):
    """Two decimals are exact to 18 seconds: 0.17 hours are 10 minutes, not 10 min 12 s."""
    found = read([HOURS | {"Hours": text}])

    assert found.entries["duration_s"].tolist() == [duration_s]


def test_where_there_is_a_clock_rounded_hours_do_not_count():
    """0.18 hours may be 11 minutes; 09:00 to 09:10:30 are ten and a half."""
    ends = {"End Time": "09:10:30 AM", "Duration (h)": "", "Duration (decimal)": "0.18"}
    found = read([GOOD | ends])

    assert found.entries["duration_s"].tolist() == [630]
    assert found.notes == []


def test_a_bare_number_beside_a_clock_is_only_told():
    """Start and end give the duration; the number is not needed."""
    row = {"Who": "Ann", "Date": "2026-02-19", "Minutes": "90", "From": "09:00", "To": "10:30"}
    found = read([row], mapping=["Who=user", "From=start_time", "To=end_time", "Minutes=duration"])

    assert found.entries["duration_s"].tolist() == [5400]
    assert [note.kind for note in found.notes] == ["unreadable_duration"]


def test_commas_in_a_spreadsheet_make_its_points_doubtful():
    """Typed cells write 1.125 for a number with three decimals; text beside it may not."""
    found = read([HOURS | {"Hours": "1.125"}], spreadsheet=True)
    assert found.entries["duration_s"].tolist() == [4050]

    found = read([HOURS | {"Hours": text} for text in ("1,5", "1.125")], spreadsheet=True)
    assert [cell.value for cell in found.bad] == ["1.125"]


@pytest.mark.parametrize(
    "changes",
    [
        {"Start Time": ""},
        {"Start Time": "", "End Date": "03/08/2026", "End Time": "2:30:00 AM"},  # skipped by clocks
        {"Start Time": "", "End Time": ""},
    ],
)
def test_a_row_without_a_clock_counts_by_its_day_and_duration(changes):
    """An end alone is no use; the written duration is used, and that is noted."""
    found = read([GOOD, GOOD | changes])

    (_, row) = found.entries.to_dict("records")
    assert (row["day"], row["duration_s"], row["has_clock"]) == ("2026-02-19", 5400, False)
    assert all(pd.isna(row[name]) for name in ("start", "end", "start_local", "end_local"))
    assert [(note.kind, note.lines) for note in found.notes] == [("no_clock", (3,))]


def test_notes_are_about_rows_that_are_read():
    """A row that is reported gets no note as well."""
    found = read([GOOD, GOOD | {"Duration (h)": "05:00:00", "Billable": "?"}])

    assert (found.bad_rows, found.notes) == (1, [])


def test_a_currency_that_is_no_code_is_told_where_there_is_a_rate():
    """The rate is then in the connection's currency."""
    row = HOURS | {"Currency": "Euro", "Billable Rate": "40.00"}
    found = read([row, row | {"Billable Rate": ""}, row | {"Currency": "Euro - EUR"}])

    assert [(note.kind, note.lines) for note in found.notes] == [("unknown_currency", (2,))]
    assert found.entries["currency"].tolist() == ["CAD", "CAD", "EUR"]


@pytest.mark.parametrize(
    ("label", "currency", "told"),
    [(" (EUR)", "EUR", False), (" (EURO)", "CAD", True), (" ($)", "CAD", True), ("", "CAD", False)],
)
def test_the_currency_is_the_headers_where_it_is_a_code(label, currency, told):
    """Else it is the connection's, and that is noted."""
    row = {name: value for name, value in GOOD.items() if "(USD)" not in name}
    row[f"Billable Rate{label}"] = "40.00"

    assert one(row)["currency"] == currency
    assert bool(recognize(list(row)).notes) is told


def test_no_rate_and_a_rate_of_nothing_are_none():
    """Exports write 0.00 for no rate; a rate is never computed from an amount."""
    assert pd.isna(one(GOOD | {"Billable Rate (USD)": "0.00"})["rate_micros"])
    assert pd.isna(one(GOOD | {"Billable Rate (USD)": ""})["rate_micros"])
    row = {name: value for name, value in GOOD.items() if "Rate" not in name}
    assert pd.isna(one(row)["rate_micros"])


def test_without_a_column_nothing_is_billable_and_that_is_told():
    """A customer is never billed by a guess."""
    row = {name: value for name, value in GOOD.items() if name != "Billable"}

    assert not one(row)["billable"]
    assert "no row is billable" in " ".join(recognize(list(row)).notes)


HOURS = {"User": "Ann", "Date": "2026-02-19", "Hours": "8", "Billable?": "No"}


@pytest.mark.parametrize(
    ("others", "seconds"),
    [(["0,5"], 3_600_000), (["2.5"], 3600), (["1.000.000,0"], 3_600_000)],
)
def test_the_decimal_mark_is_decided_by_the_whole_file(others, seconds):
    """1.000 hours are a thousand or one; other cells show which."""
    found = read([HOURS | {"Hours": text} for text in [*others, "1.000"]])

    assert found.entries["duration_s"].iloc[-1] == seconds


def test_a_number_that_nothing_explains_is_reported():
    """If no cell shows the mark, 1.000 is not guessed."""
    found = read([HOURS, HOURS | {"Hours": "1.000"}])

    assert [(bad.line, bad.column, bad.value) for bad in found.bad] == [(3, "Hours", "1.000")]
    assert "a point or a comma" in found.bad[0].why


def test_numbers_written_in_two_ways_are_told():
    """Clear ones are read, each on its own; ambiguous ones are not."""
    header = list(HOURS)
    survey = Survey(recognize(header))
    rows = [HOURS | {"Hours": text} for text in ("1,5", "1.5", "1.000")]
    survey.feed(pd.DataFrame(rows, index=[2, 3, 4], dtype="str"))

    assert [note.kind for note in survey.conclude().notes] == ["mixed_numbers"]
    assert read(rows).entries["duration_s"].tolist() == [5400, 5400]


def test_days_that_nobody_can_tell_are_refused_before_any_row_is_read():
    """The survey raises an error; the option settles it."""
    row = GOOD | {"Start Date": "03/04/2026", "End Date": "03/04/2026"}
    with pytest.raises(UndecidedDates):
        read([row])
    assert one(row, date_order=DateOrder.DMY)["day"] == "2026-04-03"


def test_notes_of_chunks_add_up():
    """One note for all equal ones, with the first lines and the full count."""
    notes = [
        Note("a", "t", 15, tuple(range(15))),
        Note("b", "t"),
        Note("a", "t", 9, tuple(range(9))),
    ]

    first, second = add_up(notes)
    assert (first.count, len(first.lines)) == (24, LINES_NAMED)
    assert second == Note("b", "t")


# Whatever is written in any display format is read back, or reported.

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=8).map(
    str.strip
)
worked = st.fixed_dictionaries(
    {
        "user": texts.filter(bool),
        "project": texts,
        "description": texts,
        "billable": st.booleans(),
        "start": st.datetimes(datetime(2000, 1, 1), datetime(2050, 12, 31)),  # noqa: DTZ001
        "seconds": st.integers(0, 23 * 3600),
        "rate": st.integers(1, 10**6),
    }
)
DATES = {
    DateOrder.MDY: ["%m/%d/%Y", "%m-%d-%Y"],
    DateOrder.DMY: ["%d/%m/%Y", "%d.%m.%Y"],
    DateOrder.YMD: ["%Y-%m-%d"],
}


@given(
    st.lists(worked, min_size=1, max_size=6), st.sampled_from(DateOrder), st.sampled_from([0, 1]),
    st.sampled_from(["%H:%M:%S", "%I:%M:%S %p", "%H:%M", "%I:%M\u202f%p"]), st.sampled_from(".,"),
)  # fmt: skip
def test_what_was_exported_is_read_back(entries, order, which, time_format, mark):
    """Any display format, once the order of the date is known."""
    day_format = DATES[order][which % len(DATES[order])]
    coarse = "%S" not in time_format
    rows, expected = [], []
    for entry in entries:
        start = entry["start"].replace(microsecond=0, second=0 if coarse else entry["start"].second)
        seconds = entry["seconds"] // 60 * 60 if coarse else entry["seconds"]
        end = start + timedelta(seconds=seconds)
        hours = (Decimal(seconds) / 3600).quantize(Decimal("0.01"))
        rows.append(
            {
                "Project": entry["project"], "Description": entry["description"],
                "User": entry["user"], "Billable": "Yes" if entry["billable"] else "No",
                "Start Date": start.strftime(day_format), "Start Time": start.strftime(time_format),
                "End Date": end.strftime(day_format), "End Time": end.strftime(time_format),
                "Duration (h)": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
                "Duration (decimal)": str(hours).replace(".", mark),
                "Billable Rate (EUR)": f"{entry['rate'] / 100:.2f}".replace(".", mark),
            }
        )  # fmt: skip
        expected.append(
            (entry["user"], entry["project"], entry["description"], entry["billable"],
             f"{start:%Y-%m-%d}", start, end, seconds, entry["rate"] * 10_000)
        )  # fmt: skip
    found = read(rows, date_order=order, timezone=ZoneInfo("UTC"))

    assert found.bad == []
    assert found.notes == []
    assert [
        (row["user_name"], row["project_name"] if pd.notna(row["project_name"]) else "",
         row["description"], row["billable"], row["day"], row["start"].replace(tzinfo=None),
         row["end"].replace(tzinfo=None), row["duration_s"], row["rate_micros"])
        for row in found.entries.to_dict("records")
    ] == expected  # fmt: skip


cells = st.one_of(
    st.none(), texts,
    st.sampled_from(["", "1.000", "1,5", "25:00", "02/29/2026", "2026-10-25", "02:30", "Yes", "0"]),
)  # fmt: skip


@given(
    st.sampled_from([CLOCKIFY, CLOCKIFY_2024, TOGGL, TOGGL_IMPORT, HARVEST, GERMAN, PORTUGUESE]),
    st.data(),
)
def test_every_row_is_read_or_reported(header, data):
    """Whatever is in the cells, entries and reported rows add up to the rows of the file."""
    rows = data.draw(
        st.lists(st.fixed_dictionaries(dict.fromkeys(header, cells)), min_size=1, max_size=5)
    )
    try:
        found = read(rows, date_order=data.draw(st.sampled_from(DateOrder)))
    except UndecidedDates:
        return

    assert len(found.entries) + found.bad_rows == len(rows)
    assert set(found.entries["line"]).isdisjoint(cell.line for cell in found.bad)
    assert all(cell.why for cell in found.bad)
