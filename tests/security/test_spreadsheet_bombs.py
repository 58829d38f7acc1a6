"""Spreadsheets of a few kilobytes that unpack to gigabytes: refused, with what to do."""

import zipfile

import pytest

from connectors.files.sheet_check import TooMuchError, copy_checked

PACKAGE = "http://schemas.openxmlformats.org/package/2006"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SHEET, STRINGS = "xl/worksheets/one.xml", "xl/sharedStrings.xml"
HEADER = "".join(
    f'<c r="{column}1" t="inlineStr"><is><t>{name}</t></is></c>'
    for column, name in zip("ABC", ("User", "Date", "Hours"), strict=True)
)
ROW = '<c r="A{0}" t="inlineStr"><is><t>Ann</t></is></c><c r="B{0}"><v>46072</v></c>'


def sheet(rows, head="", tail=""):
    """Write a sheet with a good header and first row, then *rows*."""
    good = f'<row r="1">{HEADER}</row><row r="2">{ROW.format(2)}</row>'
    data = f"<sheetData>{good}{rows}</sheetData>"
    return f'{head}<worksheet xmlns="{MAIN}">{data}{tail}</worksheet>'


def refusal(path):
    """Check the workbook in this process, without opening it: nothing is allocated."""
    try:
        copy_checked(path, path.with_suffix(".copy"))
    except (TooMuchError, ValueError) as error:
        return f"{'too much' if isinstance(error, TooMuchError) else 'damaged'}: {error}"
    return ""


def relation(number, kind, target):
    return f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'


@pytest.fixture
def saved(tmp_path):
    """Return a function to save a workbook of one sheet; *parts* take the place of its own."""

    def save(content="", **parts):
        book = {
            "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
            "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
            f"{relation(1, 'officeDocument', 'xl/workbook.xml')}</Relationships>",
            "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
            '<sheet name="One" sheetId="1" r:id="rId1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
            f"{relation(1, 'worksheet', 'worksheets/one.xml')}"
            f"{relation(2, 'sharedStrings', 'sharedStrings.xml')}</Relationships>",
            SHEET: content or sheet(""),
        } | parts.pop("parts", {})
        path = tmp_path / "export.xlsx"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, part in book.items():
                with packed.open(name, "w", force_zip64=True) as file:
                    for piece in [part] if isinstance(part, str) else part:
                        file.write(piece.encode())
        return path

    return save


def test_the_workbook_of_these_attacks_is_good_without_them(saved, read_in_little_memory):
    """What is refused below is refused for the attack alone."""
    assert read_in_little_memory(saved()) == "1 rows"


#: Where two cells stand that make a reader allocate everything between them.
CORNERS = {
    "the last cell": '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
    "beyond any sheet": '<row r="4000000000"><c r="ZZZZZ4000000000"><v>1</v></c></row>',
    "no numbers of its own": '<row r="1048575"/><row>' + "<c><v>1</v></c>" * 5000 + "</row>",
    "a row number that its cells deny": '<row r="3"><c r="XFD1048576"><v>1</v></c></row>',
    "an empty text": '<row r="9"><c r="XFD1048576" t="str"><v></v></c></row>',
    "names with a prefix": f'<x:row xmlns:x="{MAIN}" r="9"><x:c r="XFD1048576"><x:v>1</x:v></x:c>'
    "</x:row>",
    "small letters": '<row r="9"><c r="xfd1048576"><v>1</v></c></row>',
    "no column": '<row r="9"><c r="1048576"><v>1</v></c></row>',
}


@pytest.mark.parametrize("corner", CORNERS)
def test_a_cell_far_away_is_refused(saved, read_in_little_memory, corner):
    """1.4 kB took 549 GB: two cells, and everything between them."""
    path = saved(sheet(CORNERS[corner]))
    assert path.stat().st_size < 4000

    told = read_in_little_memory(path)

    assert told.startswith("refused:"), told
    assert "csv" in told


#: Cells that stand alone, so that nothing lies between them and others.
ALONE = {
    "a row beyond any sheet": '<row r="4294967290"><c r="A4294967290"><v>1</v></c></row>',
    "the first row beyond": '<row r="1048577"><c r="A1048577"><v>1</v></c></row>',
    "the first column beyond": '<row r="1"><c r="XFE1"><v>1</v></c></row>',
    "a wide row at the end": '<row r="1048576"><c r="A1048576"><v>1</v></c>'
    '<c r="XFD1048576"><v>1</v></c></row>',
}


@pytest.mark.parametrize("cell", ALONE)
def test_a_sheet_that_starts_far_away_is_refused(saved, read_in_little_memory, cell):
    """The rows above the first one are read as empty ones: four billion of them take hours."""
    only = f'<worksheet xmlns="{MAIN}"><sheetData>{ALONE[cell]}</sheetData></worksheet>'

    assert read_in_little_memory(saved(only)).startswith("refused:")


#: Elements inside each other, which move calamine's place in the sheet but not where they seem.
NESTED = {
    "a row in a formula": '<row r="9"><c><f><row r="3"/></f></c><c><v>1</v></c></row>',
    "a row in a row": '<row r="9"><c/><row r="10"><c><v>1</v></c></row></row>',
    "a cell in a formula": '<row r="9"><c t="s"><f><c/></f><v>0</v></c></row>',
    "a cell after its row": '<row r="9"><c/><c><v>1</v></c></row><c><v>1</v></c>',
    "two colons": '<row r="9"/><x:y:row r="3"/><row><c><v>1</v></c></row>',
}


@pytest.mark.parametrize("nested", NESTED)
def test_rows_and_cells_inside_each_other_are_refused(saved, nested):
    """Two readers would count them differently."""
    assert "damaged" in refusal(saved(sheet(NESTED[nested])))


def test_a_stray_cell_that_costs_little_is_read(saved, read_in_little_memory):
    """Somebody typed a space a long way below the table: that is no attack."""
    told = read_in_little_memory(saved(sheet('<row r="200000"><c r="A200000"><v>1</v></c></row>')))

    assert told == "2 rows"


def test_cells_without_content_do_not_count(saved, read_in_little_memory):
    """Whole columns with a format reach to the sheet's end in many a real file."""
    empty = "".join(f'<row r="{row}"><c r="XFD{row}" s="0"/></row>' for row in (3, 1048576))

    assert read_in_little_memory(saved(sheet(empty))) == "1 rows"


def test_a_part_that_unpacks_to_a_thousand_times_its_size_is_refused(saved, read_in_little_memory):
    """A hundred megabytes of blanks pack into a hundred kilobytes."""
    blanks = " " * (1 << 20)
    content = sheet("|").split("|")

    told = read_in_little_memory(saved([content[0], *[blanks] * 100, content[1]]))

    assert told.startswith("refused:")
    assert "csv" in told


def test_a_mimetype_that_unpacks_to_much_is_not_unpacked(saved, read_in_little_memory):
    """Only its first bytes tell what kind of file this is."""
    parts = {"mimetype": ["x" * (1 << 20)] * 100}

    assert read_in_little_memory(saved(parts=parts), 64 << 20) == "1 rows"


def test_one_long_shared_text_in_many_cells_is_refused(saved, read_in_little_memory):
    """Each cell that names it gets a copy: 30 bytes a cell become 30,000."""
    text = "x" * 30_000
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(3, 60_000))
    strings = f'<sst xmlns="{MAIN}"><si><t>{text}</t></si></sst>'

    told = read_in_little_memory(saved(sheet(cells), parts={STRINGS: strings}))

    assert told.startswith("refused:")
    assert "csv" in told


#: Ways to name text 0, which is long, so that another reader sees text 1 or 10, which are empty.
MASKED = {
    "two values": "<v>1</v><v>0</v>",
    "an empty value, then one": "<v/><v>0</v>",
    "a comment": "<v>0<!-- -->1</v>",
    "a reference": "<v>0&#49;</v>",
    "CDATA": "<v>0<![CDATA[1]]></v>",
    "an element": "<v>0<x>1</x></v>",
    "blanks": "<v> 1</v>",
    "a sign": "<v>-1</v>",
    "an underscore": "<v>1_0</v>",
}


@pytest.mark.parametrize("masked", MASKED)
def test_a_shared_text_named_in_two_ways_is_refused(saved, masked):
    """What the check counts must be what calamine copies."""
    strings = f'<sst xmlns="{MAIN}"><si><t>long</t></si>{"<si/>" * 12}</sst>'
    cell = f'<row r="3"><c r="A3" t="s">{MASKED[masked]}</c></row>'

    told = refusal(saved(sheet(cell), parts={STRINGS: strings}))

    assert "damaged" in told


@pytest.mark.parametrize("after", ["1", "<f>1</f>", "<!-- -->1"])
def test_what_follows_the_number_of_a_long_text_does_not_hide_it(saved, after):
    """17,000 cells name text 0, of 30,000 characters; read with what follows, an empty one."""
    cells = "".join(
        f'<row r="{n}"><c r="A{n}" t="s"><v>0</v>{after}</c></row>' for n in range(3, 17_003)
    )
    strings = f'<sst xmlns="{MAIN}"><si><t>{"時" * 30_000}</t></si>{"<si/>" * 12}</sst>'

    assert "MB of text" in refusal(saved(sheet(cells), parts={STRINGS: strings}))


DECOYS = {
    "another part": ({"xl/a_sharedstrings.xml": "<sst><si/><si/></sst>"}, ""),
    "a text inside another": ({}, "<si><si></si></si>"),
}


@pytest.mark.parametrize("decoy", DECOYS)
def test_texts_that_shift_the_others_are_refused(saved, decoy):
    """A long text would count as the empty one before it."""
    parts, before = DECOYS[decoy]
    strings = f'<sst xmlns="{MAIN}">{before}<si><t>long</t></si><si><t>a</t></si></sst>'
    cell = '<row r="3"><c r="A3" t="s"><v>0</v></c></row>'

    assert "damaged" in refusal(saved(sheet(cell), parts={**parts, STRINGS: strings}))


def test_long_texts_of_three_bytes_a_character_are_refused(saved):
    """510 million characters, which 512 MB would hold if each took one byte, take 1.5 GB."""
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(3, 17_003))
    strings = f'<sst xmlns="{MAIN}"><si><t>{"時" * 30_000}</t></si></sst>'

    assert "MB of text" in refusal(saved(sheet(cells), parts={STRINGS: strings}))


def test_a_cell_may_hold_as_many_characters_of_three_bytes(saved):
    """The format allows 32,767 characters, whatever they take."""
    strings = f'<sst xmlns="{MAIN}"><si><t>{"時" * 32_767}</t></si></sst>'
    cell = '<row r="3"><c r="A3" t="s"><v>0</v></c></row>'

    assert refusal(saved(sheet(cell), parts={STRINGS: strings})) == ""


def test_millions_of_shared_texts_are_refused(saved, read_in_little_memory):
    """Five bytes each in the file, and an object each in memory."""
    strings = [f'<sst xmlns="{MAIN}">', *["<si/>" * 100_000] * 150, "</sst>"]

    assert read_in_little_memory(saved(parts={STRINGS: strings})).startswith("refused:")


def test_a_huge_text_in_a_cell_is_refused(saved, read_in_little_memory):
    """A cell holds 32,767 characters; this one has 40 million."""
    head, tail = sheet('<row r="3"><c r="A3" t="inlineStr"><is><t>|</t></is></c></row>').split("|")
    letters = "".join(chr(97 + n % 26) for n in range(1 << 20))

    told = read_in_little_memory(saved([head, *[letters] * 40, tail]))

    assert told.startswith("refused:")


def test_a_hundred_thousand_sheets_are_refused(saved, read_in_little_memory):
    """Each would be opened, and each would be named in the note about sheets not read."""
    sheets = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="rId1"/>' for n in range(100_000))
    book = f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheets}</sheets></workbook>'

    told = read_in_little_memory(saved(sheet(""), parts={"xl/workbook.xml": book}))

    assert told.startswith("refused:")
    assert "sheets" in told


ENTITIES = '<!DOCTYPE x [<!ENTITY a "{}">{}]>'.format(
    "x" * 1000,
    "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefg", "bcdefgh", strict=True)),
)
OUTSIDE = '<!DOCTYPE x [<!ENTITY h SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("declared", [ENTITIES, OUTSIDE], ids=["a billion laughs", "a file"])
@pytest.mark.parametrize("part", [SHEET, STRINGS, "xl/workbook.xml"])
def test_entities_are_refused(saved, read_in_little_memory, declared, part):
    """No spreadsheet declares any."""
    text = '<row r="3"><c r="A3" t="inlineStr"><is><t>&h;</t></is></c></row>'
    content = {
        SHEET: sheet(text, declared),
        STRINGS: f'{declared}<sst xmlns="{MAIN}"><si><t>&h;</t></si></sst>',
        "xl/workbook.xml": f'{declared}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        '<sheet name="&h;" sheetId="1" r:id="rId1"/></sheets></workbook>',
    }[part]

    told = read_in_little_memory(saved(parts={part: content}))

    assert told.startswith("refused:")
    assert "root:" not in told


@pytest.mark.parametrize("place", ["rows", "tail"])
def test_a_hundred_thousand_tags_in_each_other_do_no_harm(saved, read_in_little_memory, place):
    """Depth costs a reader that calls itself its stack."""
    deep = "<a>" * 100_000 + "</a>" * 100_000
    told = read_in_little_memory(saved(sheet(**{"rows": "", place: deep})))

    assert told == "1 rows" or told.startswith("refused:")


def test_what_the_archive_says_of_its_sizes_is_not_believed(saved, read_in_little_memory):
    """A second sheet stands behind the size that the archive tells for the first."""
    bomb = sheet(CORNERS["the last cell"])
    hidden = f'<x xmlns="{MAIN}"/>'
    path = saved(hidden + bomb)
    content = path.read_bytes()
    size = len((hidden + bomb).encode()).to_bytes(4, "little")
    assert content.count(size)
    path.write_bytes(content.replace(size, len(hidden).to_bytes(4, "little")))

    assert read_in_little_memory(path).startswith("refused:")


def test_parts_of_the_same_name_are_refused(saved, read_in_little_memory):
    """One reader takes the first, another the last."""
    path = saved()
    with zipfile.ZipFile(path, "a") as packed, pytest.warns(UserWarning, match="Duplicate"):
        packed.writestr(SHEET, sheet(CORNERS["the last cell"]))

    assert read_in_little_memory(path).startswith("refused:")


@pytest.mark.slow
def test_a_million_rows_of_thirty_columns_are_read(saved, read_in_little_memory):
    """As many rows as a sheet can hold are no attack; they may take the memory they need."""
    letters = [*map(chr, range(65, 91)), "AA", "AB", "AC", "AD"]

    def rows():
        yield sheet("|").split("|")[0]
        for first in range(3, 1_000_003, 1000):
            yield "".join(
                f'<row r="{row}">'
                + "".join(
                    f'<c r="{letter}{row}" t="s"><v>{row % 999}</v></c>' for letter in letters
                )
                + "</row>"
                for row in range(first, first + 1000)
            )
        yield sheet("|").split("|")[1]

    strings = "".join(f"<si><t>Text {n}</t></si>" for n in range(999))
    path = saved(rows(), parts={STRINGS: f'<sst xmlns="{MAIN}">{strings}</sst>'})

    assert read_in_little_memory(path, 6 << 30, cpu_s=300) == "1000001 rows"
