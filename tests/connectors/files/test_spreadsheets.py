"""Spreadsheets: typed cells become the text that a reader of CSV knows."""

import doctest
import io
import zipfile
from zoneinfo import ZoneInfo

import pytest
from pandas.testing import assert_frame_equal

import connectors.files.spreadsheets
from connectors.errors import AskPerson
from connectors.files.reader import open_export
from transforms.exports.read import Survey, read_rows, recognize

PACKAGE = "http://schemas.openxmlformats.org/package/2006"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

#: Formats of cells by their place in the style sheet: none, day, h:mm:ss, day and time, [h]:mm:ss.
GENERAL, DAY, TIME, MOMENT, SPAN = range(5)


def workbook(**sheets):
    """Write an .xlsx file: for each sheet its rows of cells, text or (number, format)."""
    names = list(sheets)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/></Types>',
        "_rels/.rels": relations(["officeDocument"], ["xl/workbook.xml"]),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        + "".join(
            f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for n, name in enumerate(names, 1)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(
            ["worksheet"] * len(names) + ["styles"],
            [f"worksheets/{name}.xml" for name in names] + ["styles.xml"],
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{MAIN}"><cellXfs>'
        + "".join(f'<xf numFmtId="{number}"/>' for number in (0, 14, 21, 22, 46))
        + "</cellXfs></styleSheet>",
    }
    for name, rows in sheets.items():
        body = "".join(
            f'<row r="{r}">{"".join(cell(r, c, value) for c, value in enumerate(row))}</row>'
            for r, row in enumerate(rows, 1)
        )
        parts[f"xl/worksheets/{name}.xml"] = (
            f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def relations(kinds, targets):
    return (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="rId{n}" Type="{OFFICE}/{kind}" Target="{target}"/>'
            for n, (kind, target) in enumerate(zip(kinds, targets, strict=True), 1)
        )
        + "</Relationships>"
    )


def cell(row, column, value):
    at = f"{chr(65 + column)}{row}"
    if isinstance(value, tuple):
        return f'<c r="{at}" s="{value[1]}"><v>{value[0]}</v></c>'
    return f'<c r="{at}" t="inlineStr"><is><t>{value}</t></is></c>' if value else ""


@pytest.fixture
def saved(tmp_path):
    def save(content):
        path = tmp_path / "export.xlsx"
        path.write_bytes(content)
        return path

    return save


HEADER = ["User", "Start Date", "Start Time", "Duration (h)", "Duration (decimal)"]


def test_typed_cells_are_read_as_iso_text(saved):
    """Days, times and spans come as the sheet shows them, to the second; numbers without noise."""
    path = saved(
        workbook(
            Report=[
                HEADER,
                ["Ann", (46072, DAY), (0.4332407407407407, TIME), (0.125, SPAN), (3, GENERAL)],
                ["Bo", (46072.625, MOMENT), "3:00 PM", (1.25, SPAN), (0.1 + 0.2, GENERAL)],
                ["Cy", "19/02/2026", "15:00", (1.25, TIME), "1,5"],
            ]
        )
    )
    with open_export(path) as export:
        (chunk,) = export.chunks()

    assert (export.kind, export.header, export.notes) == ("xlsx", HEADER, [])
    assert chunk.frame.to_numpy().tolist() == [
        ["Ann", "2026-02-19", "10:23:52", "3:00:00", "3"],
        ["Bo", "2026-02-19T15:00:00", "3:00 PM", "30:00:00", "0.3"],
        ["Cy", "19/02/2026", "15:00", "30:00:00", "1,5"],
    ]
    assert list(chunk.frame.index) == [2, 3, 4]


def test_rows_are_numbered_as_in_the_sheet(saved):
    """A title's empty row above, and empty rows between, count as the spreadsheet counts them."""
    rows = [
        [],
        ["User", "Date", "Hours"],
        ["Ann", "2026-02-19", (1, GENERAL)],
        [],
        ["Bo", "x", "y", "z"],
    ]
    with open_export(saved(workbook(Report=rows))) as export:
        (chunk,) = export.chunks()

    assert list(chunk.frame.index) == [3]
    assert [(bad.line, bad.value) for bad in chunk.bad] == [(5, "z")]


def test_the_first_sheet_with_rows_is_read_and_the_others_are_told(saved):
    """Nobody should think that all sheets went."""
    rows = [["User", "Date"], ["Ann", "2026-02-19"]]
    with open_export(saved(workbook(Empty=[], One=rows, Two=rows))) as export:
        (chunk,) = export.chunks()

    assert len(chunk.frame) == 1
    assert export.notes == ["Only the sheet 'One' was read, not 'Empty', 'Two'."]


def test_a_spreadsheet_reads_as_the_same_export_in_csv(saved, tmp_path):
    """Typed days, times and spans come to the same entries as their texts."""
    header = [
        "User",
        "Billable",
        "Start Date",
        "Start Time",
        "End Date",
        "End Time",
        "Duration (h)",
    ]
    typed = saved(
        workbook(
            Report=[
                [*header, "Duration (decimal)"],
                ["Ann", "Yes", (46072, DAY), (0.375, TIME), (46072, DAY), (0.4375, TIME),
                 (0.0625, SPAN), (1.5, GENERAL)],
                ["Bo", "No", (46073, DAY), (0.5, TIME), (46073.5, MOMENT), "12:00:36",
                 (0.000416666666666667, TIME), (0.01, GENERAL)],
            ]
        )
    )  # fmt: skip
    plain = tmp_path / "export.csv"
    plain.write_text(
        ",".join([*header, "Duration (decimal)"]) + "\n"
        "Ann,Yes,19/02/2026,09:00:00,19/02/2026,10:30:00,01:30:00,1.50\n"
        "Bo,No,20/02/2026,12:00:00,20/02/2026,12:00:36,00:00:36,0.01\n"
    )

    assert_frame_equal(entries(typed), entries(plain))


def entries(path):
    with open_export(path) as export:
        spreadsheet = export.kind == "xlsx"
        fmt = recognize(export.header)
        survey = Survey(fmt, spreadsheet=spreadsheet)
        (chunk,) = export.chunks()
        survey.feed(chunk.frame)
        found = survey.conclude()
        read = read_rows(
            chunk.frame, fmt, order=found.order, decimal_mark=found.decimal_mark,
            timezone=ZoneInfo("Europe/Paris"), currency="EUR",
        )  # fmt: skip
        assert (read.bad, read.notes, len(read.entries)) == ([], [], 2)
        return read.entries


@pytest.mark.parametrize("rows", [[], [["User", "Date"]], [[""]]])
def test_a_workbook_without_rows_is_refused(saved, rows):
    """As a CSV file without rows is."""
    with (
        pytest.raises(AskPerson, match=r"without rows|only a header"),
        open_export(saved(workbook(One=rows))),
    ):
        pass


@pytest.mark.parametrize("at", [0.2, 0.5, 0.9])
def test_a_cut_workbook_is_refused(saved, at):
    """A download that broke off is told as that."""
    content = workbook(One=[["User", "Date"], ["Ann", "2026-02-19"]])
    with (
        pytest.raises(AskPerson, match="damaged"),
        open_export(saved(content[: int(len(content) * at)])),
    ):
        pass


def test_every_byte_changed_is_read_or_refused(saved):
    """Damage anywhere in the file ends in rows or in a sentence, never in a traceback."""
    content = workbook(One=[["User", "Date"], ["Ann", (46072, DAY)]])
    ends = set()
    for at in range(0, len(content), 5):
        damaged = content[:at] + bytes([content[at] ^ 0x5A]) + content[at + 1 :]
        try:
            with open_export(saved(damaged)) as export:
                ends.add(sum(len(chunk.frame) + len(chunk.bad) for chunk in export.chunks()))
        except AskPerson:
            ends.add("refused")

    assert "refused" in ends


def test_examples_in_docstrings_hold():
    """What a docstring shows is what happens."""
    assert doctest.testmod(connectors.files.spreadsheets).failed == 0
