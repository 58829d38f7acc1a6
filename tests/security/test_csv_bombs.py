"""Text files that look like exports and would take all memory: refused, with what to do."""

import tracemalloc

import pytest

from connectors.errors import AskPerson
from connectors.files.reader import open_export

GOOD = "User,Date,Hours\nAnn,2026-01-02,1.5\n"
MEGABYTE = "ab cd, ef" * ((1 << 20) // 9)


@pytest.fixture
def saved(tmp_path):
    """Return a function to save a file from pieces of text."""

    def save(*pieces):
        path = tmp_path / "export.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(pieces)
        return path

    return save


#: Pieces of the file, and a word that its refusal must have.
ATTACKS = {
    "one giant line, and no line end at all": ([MEGABYTE] * 40, "line"),
    "a giant line below good rows": ([GOOD, *[MEGABYTE] * 40], "line"),
    "a giant cell": ([GOOD, '"', *["x" * (1 << 20)] * 40, '"\n'], "line"),
    "a giant cell of many lines": ([GOOD, '"', *["x" * 1000 + "\n"] * 50_000, '",1,2\n'], "row"),
    "one row of many lines, a cell of two lines each": (
        [GOOD, '"x\n', *['","x\n'] * 4_000_000, '",1,2\n'], "row",
    ),
    "a million columns": (["a," * 500_000, "b\n", "1,2\n" * 20_000], "columns"),
    "a million columns and as many fields": (
        ["a;" * 400_000, "b\n", *["1;" * 400_000 + "1\n"] * 50], "columns",
    ),
    "a quotation mark that never closes": (['User,"Date\n', *["x" * 1000 + "\n"] * 50_000],
                                           "quotation mark"),
    "NUL bytes below good rows": ([GOOD * 30_000, *["\0" * (1 << 20)] * 40], "NUL"),
    "nothing but line ends": (["\n" * (1 << 20)] * 20, "empty"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_file_that_would_take_all_memory_is_refused(saved, read_in_little_memory, attack):
    """The reason is told, and what is needed instead."""
    pieces, word = ATTACKS[attack]

    told = read_in_little_memory(saved(*pieces), 160 << 20)

    assert told.startswith("refused:"), told
    assert word in told
    assert "export" in told


def test_long_rows_are_read_a_few_at_a_time(saved, read_in_little_memory):
    """Ten thousand rows at once are the rule; rows of 500 kB each come in smaller groups."""
    row = ",".join(["Ann", "2026-01-02", *["x" * 100_000] * 5]) + "\n"
    head = "User,Date,A,B,C,D,E\n"

    assert read_in_little_memory(saved(head, *[row] * 300), 160 << 20) == "300 rows"


def test_nine_hundred_columns_are_read(saved, read_in_little_memory):
    """More than any export has."""
    line = ",".join(f"c{n}" for n in range(900)) + "\n"

    assert read_in_little_memory(saved(*[line] * 200)) == "199 rows"


def test_a_giant_name_of_a_column_is_refused(saved):
    """Also where a person says what stands between the columns."""
    path = saved('"', "x" * 200_000, '",Date\nAnn,2026-01-02\n')

    with pytest.raises(AskPerson, match="header"), open_export(path, delimiter="comma"):
        pass


@pytest.mark.usefixtures("in_this_process")
def test_columns_that_are_not_used_cost_nothing(house):
    """Forty kilobytes with a thousand columns and rows of one cell are read as those of three."""
    assert house.connect().code == 0
    path = house.folder / "export.csv"

    def peak_bytes(more):
        path.write_text(f"User,Date,Hours{more}\nAnn,2026-01-02,1{more}\n" + "Ann\n" * 4_000)
        tracemalloc.start()
        ran = house.run("import", str(path), "--dry-run", "--json")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert "4,001 rows" in ran.out, ran.err
        return peak

    assert peak_bytes(",x" * 990) < 1.5 * peak_bytes("")
