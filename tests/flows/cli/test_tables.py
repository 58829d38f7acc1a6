"""Tables on a terminal: what goes first where there is not enough room."""

import pytest
from rich.console import Console

from flows.cli.output import Output
from flows.cli.tables import lesser, show_table, whole

COLUMNS = (whole("Name"), lesser("Zone", 1), "What", lesser("Since", 2), lesser("Plan", 3))
ROW = ("acme-inc", "America/Chicago", "a long text that may be wrapped", "2026-10-05")


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (80, ["Name", "Zone", "What", "Since", "Plan"]),
        (66, ["Name", "Zone", "What", "Since"]),
        (55, ["Name", "Zone", "What"]),
        (40, ["Name", "What"]),
    ],
)
def test_lesser_columns_go_first(capsys, width, heads):
    """By rank, one after the other; the others keep their values whole."""
    output = Output(as_json=False)
    output.console = Console(width=width)

    show_table(output, COLUMNS, [(*ROW, "7")])

    shown = capsys.readouterr().out
    assert shown.split("─")[0].split() == heads
    assert "acme-inc" in shown


def test_an_empty_lesser_column_is_left_out(capsys):
    """A column of nothing tells nothing."""
    output = Output(as_json=False)
    output.console = Console(width=120)

    show_table(output, COLUMNS, [(*ROW, None)])

    assert "Plan" not in capsys.readouterr().out
