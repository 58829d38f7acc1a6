"""Files that are no exports: their reader says so, and quotes nothing of what is in them.

Whoever has the password of Prefect's page can have any file opened that the runs can read, by the
form of the import; what it says stands on the run's page.
"""

import zipfile

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

SECRET = "hunter2-s3cret"

SHEET = """<?xml version="1.0"?>
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>
<row r="1"><c r="A1" t="inlineStr"><is><t>{0}</t></is></c>
<c r="B1" t="inlineStr"><is><t>{0}</t></is></c></row>
<row r="2"><c r="A2" t="inlineStr"><is><t>{0}</t></is></c></row></sheetData></worksheet>"""

WORKBOOK = """<?xml version="1.0"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
<sheets><sheet name="hunter2-s3cret" sheetId="1" r:id="rId1"/></sheets></workbook>"""

RELATIONS = """<?xml version="1.0"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Id="rId1" Target="{1}" Type=
"http://schemas.openxmlformats.org/officeDocument/2006/relationships/{0}"/></Relationships>"""

#: What stands in the file, and what else the form says.
FILES = {
    "accounts": (f"root,{SECRET},0\nann,{SECRET},1\n", ()),
    "settings": (f"# a; {SECRET}\nKEY={SECRET}\n", ()),
    "a table of tabs": (f"{SECRET}\t{SECRET}\nx\ty\n", ()),
    "a key of many lines": (f'"{SECRET}\n{SECRET}",{SECRET}\nx,y\n', ()),
    "a quotation mark that is wrong": (f'a,b\n"{SECRET}"x,y\n', ()),
    "a row that is too long": (f"a,b\n1,2,{SECRET}\n", ()),
    "a row that is cut": (f'a,b\n1,"{SECRET}', ()),
    "a line without an end": (f"a,b,c\n1,{SECRET}", ()),
    "days": (f"{SECRET},2026-01-02\n{SECRET},2026-01-02\n", ()),
    "one known name": (f"date,{SECRET}\n2026-01-02,{SECRET}\n", ()),
    "a column that is mapped": (f"root,{SECRET},0\nann,{SECRET},1\n", ("--map", "a=user")),
    "a column that is there": (f"root,{SECRET},0\nann,{SECRET},1\n", ("--map", "root=user")),
    "a column that is there twice": (f"a,a,{SECRET}\n1,2,{SECRET}\n", ("--map", "a=user")),
    "another encoding": (f"a,{SECRET}\nb,c\n", ("--encoding", "utf-16-le")),
}


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_no_export_is_not_quoted(house, file):
    """Not its first line, which may be no header at all, and no other."""
    text, options = FILES[file]
    path = house.folder / "notes.txt"
    path.write_text(text)
    assert house.connect().code == 0

    ran = house.run("import", str(path), "--dry-run", *options)

    assert ran.code == 1, ran.out
    assert "notes.txt" in ran.err
    assert SECRET not in ran.out + ran.err


@pytest.mark.parametrize("options", [(), ("--map", "a=user")])
def test_a_spreadsheet_that_is_no_export_is_not_quoted(house, options):
    """Neither its cells nor the name of its sheet."""
    path = house.folder / "notes.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", WORKBOOK)
        sheet = RELATIONS.format("worksheet", "worksheets/sheet1.xml")
        archive.writestr("xl/_rels/workbook.xml.rels", sheet)
        archive.writestr("_rels/.rels", RELATIONS.format("officeDocument", "xl/workbook.xml"))
        archive.writestr("xl/worksheets/sheet1.xml", SHEET.format(SECRET))
    assert house.connect().code == 0

    ran = house.run("import", str(path), "--dry-run", *options)

    assert ran.code == 1, ran.out
    assert "notes.xlsx" in ran.err
    assert "column" in ran.err
    assert SECRET not in ran.out + ran.err


def test_an_export_that_lacks_something_still_says_what_it_has(house):
    """Several known columns: these are names, and a person looks for the one that is missing."""
    path = house.folder / "export.csv"
    path.write_text("User,Project,Worked on,Hours\nAnn,A,2026-01-02,1\n")
    assert house.connect().code == 0

    plain = house.run("import", str(path), "--dry-run")
    mapped = house.run("import", str(path), "--dry-run", "--map", "Day=date")

    assert "'Worked on'" in plain.err
    assert "'Worked on'" in mapped.err
