"""Draws charts of hours: per person and week, and of the sides of a reconciliation.

It uses pygal: 130 kB of pure Python, where matplotlib brings 25 MB. An SVG uses the fonts of its
reader, so it can show every name. Prefect's pages sanitize SVG in HTML, but show an SVG as an
image, in which nothing runs and from which nothing is loaded.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from flows.text import SIDES

#: People with a color of their own; the others share one.
MOST_PEOPLE = 11

#: Weeks that fit; of longer plans, the last weeks are drawn.
MOST_WEEKS = 53

#: Twelve colors that can be told apart, even side by side.
_COLORS = (
    "#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5",
    "#9c6b4e", "#2f4b7c", "#8a9a00", "#9498a0",
)  # fmt: skip


def hours_chart(weekly_minutes: pd.DataFrame) -> bytes | None:
    """Draw `Overview.weekly_minutes`: a bar per week, stacked by person.

    Returns an SVG image; `None` if there is nothing to draw.
    """
    if weekly_minutes.empty:
        return None
    shown = _few(weekly_minutes.tail(MOST_WEEKS))
    lines = {name: list(shown[name]) for name in shown.columns}
    return _bars("StackedBar", "Hours per week, by its Monday", list(shown.index), lines)


def sides_chart(weeks: Sequence[Mapping[str, Any]]) -> bytes | None:
    """Draw `totals.weeks` of a reconciliation: per week a bar for each side.

    Returns an SVG image; `None` if there is nothing to draw.
    """
    mondays = sorted({row["week"] for row in weeks})[-MOST_WEEKS:]
    if not mondays:
        return None
    lines = {
        words: [
            sum(row["minutes"][side] for row in weeks if row["week"] == monday)
            for monday in mondays
        ]
        for side, words in SIDES.items()
    }
    return _bars("Bar", "Hours per week, by its Monday", mondays, lines)


def _bars(
    kind: str, title: str, labels: Sequence[str], lines: Mapping[str, Sequence[int]]
) -> bytes:
    """Draw minutes by label, a color for each line."""
    import pygal
    from pygal.style import Style

    style = Style(
        background="#ffffff",
        plot_background="#ffffff",
        foreground="#333333",
        foreground_strong="#111111",
        foreground_subtle="#bbbbbb",
        font_family="sans-serif",
        label_font_size=12,
        major_label_font_size=12,
        legend_font_size=13,
        title_font_size=15,
        opacity="1",
        colors=_COLORS,
    )
    chart = getattr(pygal, kind)(
        style=style,
        js=(),  # an image runs no script, and this one would come from another server
        width=900,
        height=420,
        explicit_size=True,
        title=title,
        x_label_rotation=40,
        truncate_legend=22,
        print_values=False,
        disable_xml_declaration=True,
        value_formatter=lambda hours: f"{hours:g}",
    )
    chart.x_labels = labels
    for name, minutes in lines.items():
        # Floats do for a drawing; the tables beside it are exact.
        chart.add(name, [number / 60 for number in minutes])
    drawn = chart.render(pretty_print=False)
    return drawn if isinstance(drawn, bytes) else drawn.encode()


def _few(minutes: pd.DataFrame) -> pd.DataFrame:
    """Keep the people with the most time, in order; add up the others."""
    order = minutes.sum().sort_values(ascending=False, kind="stable").index
    kept = minutes[order[:MOST_PEOPLE]]
    rest = order[MOST_PEOPLE:]
    if len(rest) == 0:
        return kept
    return kept.assign(**{f"{len(rest)} others": minutes[rest].sum(axis=1)})
