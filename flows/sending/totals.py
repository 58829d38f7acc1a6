"""Adds up a report while it grows, for those who look at a plan or a result."""

import pandas as pd

from transforms.plan.summary import Overview, overview


class Totals:
    """The sums of a report: a follower of it.

    Attributes:
        overview: What goes and what stays, added up.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start again at zero."""
        self.overview = Overview.empty()

    def add(self, plan: pd.DataFrame) -> None:
        """Add rows of `Plan`, with the states in which they ended."""
        self.overview += overview(plan)
