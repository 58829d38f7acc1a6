"""Draws hours a person and week as a picture.

By pygal: 130 kB of pure Python, where matplotlib brings 25 MB; and an SVG takes its letters from
whoever looks at it, so that every name can be written. Prefect's pages sanitise HTML and SVG inside
it, but show an SVG as an image, in which nothing runs and from which nothing is loaded.
"""

import pandas as pd

#: People with a colour of their own; the others share one.
MOST_PEOPLE = 11

#: Weeks that fit; of longer plans, the last ones are drawn.
MOST_WEEKS = 53

#: Twelve colours that are told apart, also side by side.
_COLOURS = (
    "#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5",
    "#9c6b4e", "#2f4b7c", "#8a9a00", "#9498a0",
)  # fmt: skip


def hours_picture(weekly_minutes: pd.DataFrame) -> bytes | None:
    """Draw a bar a week, divided by people.

    Args:
        weekly_minutes: See `Overview.weekly_minutes`.

    Returns:
        An SVG image; `None` where there is nothing to draw.
    """
    import pygal
    from pygal.style import Style

    if weekly_minutes.empty:
        return None
    shown = _few(weekly_minutes.tail(MOST_WEEKS))
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
        colors=_COLOURS,
    )
    chart = pygal.StackedBar(
        style=style,
        js=(),  # no script: an image runs none, and its address would be another server's
        width=900,
        height=420,
        explicit_size=True,
        title="Hours a week, from its Monday",
        x_label_rotation=40,
        truncate_legend=22,
        print_values=False,
        disable_xml_declaration=True,
        value_formatter=lambda hours: f"{hours:g}",
    )
    chart.x_labels = list(shown.index)
    for name in shown.columns:
        # A float draws well enough; the tables beside it are exact.
        chart.add(name, [minutes / 60 for minutes in shown[name]])
    drawn = chart.render(pretty_print=False)
    return drawn if isinstance(drawn, bytes) else drawn.encode()


def _few(minutes: pd.DataFrame) -> pd.DataFrame:
    """Keep those with most time, the most first; add the others up."""
    order = minutes.sum().sort_values(ascending=False, kind="stable").index
    kept = minutes[order[:MOST_PEOPLE]]
    rest = order[MOST_PEOPLE:]
    if len(rest) == 0:
        return kept
    return kept.assign(**{f"{len(rest)} others": minutes[rest].sum(axis=1)})
