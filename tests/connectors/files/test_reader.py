"""Reading a file's bytes: every encoding and delimiter, and what is no table at all."""

import codecs
import csv
import io
import os
import re
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectors.errors import AskPerson
from connectors.files.reader import LONGEST_LINE, open_export

HEADER = ["Project", "Description", "User", "Date", "Hours"]
CYRILLIC = (
    "\u0420\u0430\u0437\u0440\u0430\u0431\u043e\u0442\u043a\u0430 \u0441\u0430\u0439\u0442\u0430"
)
SMALL = "Project,User,Date,Hours\nA,Ann,2026-01-02,1.5\n"


def table(rows, *, delimiter=",", line_end="\r\n", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerows(rows)
    return text.getvalue()


def read(path, **options):
    """Read all of a file: its rows by line, and its bad rows."""
    with open_export(path, **options) as export:
        rows, bad = {}, []
        for chunk in export.chunks(2):
            rows |= {line: list(cells) for line, *cells in chunk.frame.itertuples()}
            bad += chunk.bad
        return export, rows, bad


def refusal(path, **options):
    with pytest.raises(AskPerson) as refused:
        read(path, **options)
    return str(refused.value)


@pytest.fixture
def saved(tmp_path):
    def save(content, name="export.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return save


cells = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\x85")
    | st.sampled_from(',;\t"\n')
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(cells, min_size=5, max_size=5), min_size=1, max_size=6),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]),
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_what_was_written_is_read(tmp_path, rows, encoding, delimiter, line_end, quoting):
    """Whatever the encoding, the delimiter and the line ends: the same cells, at their lines."""
    rows = [["p" + row[0], *row[1:]] for row in rows]
    if line_end == "\r":  # the writer would leave a lone line feed without quotes
        quoting = csv.QUOTE_ALL
    text = table([HEADER, *rows], delimiter=delimiter, line_end=line_end, quoting=quoting)
    # Without its mark, UTF-16 is known by the NULs of a header that is mostly ASCII.
    if encoding in {"utf-16-le", "utf-16-be"} and not text.isascii():
        encoding = "utf-16"
    path = tmp_path / "export.csv"
    path.write_bytes(text.encode(encoding))

    export, found, bad = read(path)

    lines = [2]
    for row in rows[:-1]:
        line_ends = sum(len(re.findall(r"\r\n|\r|\n", cell)) for cell in row)
        lines.append(lines[-1] + 1 + line_ends)
    assert found == dict(zip(lines, rows, strict=True))
    assert (export.header, export.delimiter, bad) == (HEADER, delimiter, [])


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("Projeto;Usuário;Descrição\nSão João;José;Reunião de ação\n", "cp1252", "cp1252"),
        ("User,Date,Notes\nBüro,2026-01-02,“10 €”\n", "cp1252", "cp1252"),
        ("User,Date,Notes\né,2026-01-02,x", "cp1252", "cp1252"),
        (f"User,Date,Notes\n{CYRILLIC},2026-01-02,{CYRILLIC}\n", "cp1251", "cp1251"),
    ],
)
def test_a_code_page_is_found_and_told(saved, text, encoding, found):
    """A file from an old spreadsheet reads right, and says that it might not."""
    export, rows, _ = read(saved(text.encode(encoding)))

    assert export.encoding == found
    assert "windows-125" in export.notes[0]
    assert "--encoding" in export.notes[0]
    assert rows[2][0] == re.split("[,;]", text.splitlines()[1])[0]


def test_encoding_and_delimiter_that_were_given_are_used(saved):
    """What a person says beats what is found."""
    path = saved("User,a;Date\nJosé,b;2026-01-02\n".encode("cp850"))

    export, rows, _ = read(path, encoding="cp850", delimiter="semicolon")

    assert (export.encoding, export.delimiter) == ("cp850", ";")
    assert rows == {2: ["José,b", "2026-01-02"]}


@pytest.mark.parametrize("name", ["klingon", "rot13", "base64", "\0"])
def test_an_encoding_that_there_is_not_is_refused(saved, name):
    """A slip in --encoding is told, with examples."""
    assert "windows-1252" in refusal(saved(SMALL), encoding=name)


def test_an_encoding_that_does_not_fit_is_refused(saved):
    """A wrong --encoding is told before any row is read."""
    assert "cannot be read as utf-8" in refusal(saved(SMALL.encode() + b"\xff,"), encoding="utf-8")


@pytest.mark.parametrize("delimiter", ["|", "", "comma semicolon"])
def test_a_delimiter_that_there_is_not_is_refused(saved, delimiter):
    """A slip in --delimiter is told."""
    assert "comma, semicolon or tab" in refusal(saved(SMALL), delimiter=delimiter)


def test_a_delimiter_that_the_header_does_not_have_is_refused(saved):
    """A wrong --delimiter would make one column of all."""
    assert "has no tab" in refusal(saved(SMALL), delimiter="tab")


def test_the_line_that_tells_excel_the_delimiter_is_no_header(saved):
    """`sep=;` is left out, and believed."""
    export, rows, _ = read(saved("sep=;\nUser;Date\nAnn;2026-01-02\n"))

    assert export.header == ["User", "Date"]
    assert rows == {3: ["Ann", "2026-01-02"]}


def archive(**parts):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, content in parts.items():
            path = zipfile.ZipInfo(name.replace("__", "/").replace("_", "."))  # of no day
            packed.writestr(path, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (b"User,Date,Hours\n", "only a header"),
        (b"User,Date,Hours\n\n,,\n", "only a header"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), ".xls"),
        (archive(mimetype="application/vnd.oasis.opendocument.spreadsheet"), ".ods"),
        (archive(xl__workbook_bin="x"), ".xlsb"),
        (archive(word__document_xml="x"), ".docx"),
        (archive(report_csv=SMALL), "zip archive"),
        (archive(xl__workbook_xml="<x"), "damaged"),
        (archive(report_csv=SMALL)[:40], "damaged or cut"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"<!DOCTYPE html><html>a,b,c</html>", "web page"),
        (b"\xef\xbb\xbf <HTML>", "web page"),
        (b'<?xml version="1.0"?><a/>', "XML"),
        (b'{"timeentries": [1, 2]}', "JSON"),
        (b'[{"a": 1}, {"b": 2}]', "JSON"),
        (b"User,Date\nA\0nn,2026-01-02\n", "binary"),
        (b"\x89PNG\r\n", "picture"),
        (bytes(range(256)) * 9, "binary"),
        (b"just words\nand more\n", "no comma, semicolon or tab"),
        (b'User,"Date\nAnn,2026\n', "never closes"),
        ("User,Date\nZoë,2026-01-02\nZoë".encode()[:-1], "middle of a character"),
        ("User,Date\nAnn,2026-01-02\n".encode("utf-16")[:-1], "middle of a character"),
        (b"User,Date\n\x98\xff\x81\xff\xd2\xff,2026-01-02\n", "encoding"),
        (b'"User","Date"\n"Ann","2026-01-02"\n"Bo","2026', "is cut"),
        (b"User,Date,Hours\nAnn,2026-01-02,1\nBo,2026-0", "is cut"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(saved, content, words):
    """It says what the file looks like, and what is needed."""
    text = refusal(saved(content))

    assert words in text
    assert str(saved(content)) in text
    assert len(text) < 300
    assert re.search(r"export|--encoding", text)


def test_a_folder_a_missing_file_and_a_pipe_are_refused(tmp_path):
    """A path that is no file is told for what it is."""
    os.mkfifo(tmp_path / "pipe")

    assert "is a folder" in refusal(tmp_path)
    assert "There is no file" in refusal(tmp_path / "nowhere.csv")
    assert "is not a file" in refusal(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(saved):
    """The system's own reason is in the text."""
    path = saved(SMALL)
    path.chmod(0)

    assert "cannot be read: Permission denied" in refusal(path)


def test_a_gigabyte_of_noise_is_refused_in_little_memory(tmp_path):
    """Of zeros, of letters without a line end, and of letters under a good header."""
    zeros, letters, headed = (tmp_path / name for name in ("zeros", "letters", "headed"))
    with zeros.open("wb") as file:
        file.truncate(1 << 30)
    noise = (codecs.encode(os.urandom(1 << 20), "hex") * 16).decode()
    letters.write_text(noise)
    headed.write_text(SMALL + noise)
    tracemalloc.start()

    assert "binary" in refusal(zeros)
    assert f"line of {LONGEST_LINE:,} characters" in refusal(letters)
    assert f"line of {LONGEST_LINE:,} characters" in refusal(headed)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 << 20


def test_rows_of_another_width_are_told_not_dropped(saved):
    """A short row keeps what it has; a long one, and one that is torn, are reported by line."""
    path = saved(
        "User,Date,Hours\n"
        "Ann,2026-01-02\n"
        "Bo,2026-01-02,1,2,3\n"
        "Cy,2026-01-02,1,,\n"
        "\n"
        ",,\n"
        '"Di"e,2026-01-02,1\n'
        "Ed,2026-01-02,1\n"
    )

    _, rows, bad = read(path)

    assert rows.keys() == {2, 4, 8}
    assert rows[2][:2] == ["Ann", "2026-01-02"]
    assert rows[2][2] != rows[2][2]  # missing, not empty
    assert rows[4] == ["Cy", "2026-01-02", "1"]
    assert [(cell.line, cell.value) for cell in bad] == [(3, "2, 3"), (7, '"Di"e,2026-01-02,1')]
    assert "5 fields" in bad[0].why
    assert "quotation mark" in bad[1].why


def test_a_torn_row_names_all_lines_that_it_took(saved):
    """A quotation mark that closes lines below swallows rows: the report says which."""
    _, rows, bad = read(saved('User,Date\n"Ann,2026-01-02\nBo,2026"-01-02\nCy,2026-01-03\n'))

    assert rows == {4: ["Cy", "2026-01-03"]}
    assert bad[0].line == 2
    assert bad[0].why.startswith("Lines 2 to 3")


def test_column_names_may_repeat_and_are_trimmed(saved):
    """Columns are known by their place, so that two of one name are two."""
    export, rows, _ = read(saved("\ufeff User ,Date,User\nAnn,2026-01-02,Bo\n"))

    assert export.header == ["User", "Date", "User"]
    assert rows == {2: ["Ann", "2026-01-02", "Bo"]}


def test_chunks_begin_again_at_each_call(saved):
    """Two passes over one open file see the same rows."""
    path = saved(table([HEADER, *[["p", "d", "u", "2026-01-02", str(n)] for n in range(7)]]))
    with open_export(path) as export:
        passes = [[list(chunk.frame["Hours"]) for chunk in export.chunks(3)] for _ in range(2)]

    assert passes == [[["0", "1", "2"], ["3", "4", "5"], ["6"]]] * 2


plain = st.text(st.sampled_from("ab,;\t\r\n é\x00\xff"), max_size=80)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200) | plain.map(lambda text: ("User,Date\n" + text).encode("latin-1")))
@example(b'a,b\n"')
@example(b"a,b\n\xff\xfe")
@example(b"\xff\xfe\x00\xd8\x00\x00")
def test_any_bytes_are_read_or_refused(tmp_path, content):
    """No traceback, and every line that is not blank is a row or a reported one."""
    path = Path(tmp_path / "export.csv")
    path.write_bytes(content)
    try:
        export, rows, bad = read(path)
    except AskPerson:
        return

    if '"' not in (text := content.decode(export.encoding)):
        lines = re.split(r"\r\n|\r|\n", text)[1:]
        filled = [line for line in lines if line.strip(export.delimiter + " \t\ufeff")]
        assert len(rows) + len(bad) >= len([line for line in filled if line.strip()])
