"""Adds up a report while it grows, for those who look at a plan or a result."""

import pandas as pd

from transforms.plan.summary import Overview, overview


class Totals:
    """The sums of a report: a follower of it."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Start again at zero."""
        self._sum: Overview | None = None

    def add(self, plan: pd.DataFrame) -> None:
        """Add rows of `Plan`, with the states in which they ended."""
        rows = overview(plan)
        self._sum = rows if self._sum is None else self._sum + rows

    @property
    def overview(self) -> Overview:
        """What goes and what stays, added up."""
        return self._sum or Overview.empty()
