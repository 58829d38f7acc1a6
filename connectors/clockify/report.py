"""The detailed report: what is asked for, and whether what came is complete.

Source: FACTS, Clockify, sections 1 and 4.
"""

from array import array
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from connectors.errors import TryAgain


class Moved(TryAgain):
    """A report changed while it was read, so that rows may be missing: read it again."""


def report_body(
    start: date, end: date, timezone: ZoneInfo, *, approved_only: bool
) -> dict[str, Any]:
    """Return the body that asks for all rows that start on the days *start* to *end*."""
    return {
        "dateRangeStart": f"{start.isoformat()}T00:00:00.000",
        "dateRangeEnd": f"{end.isoformat()}T23:59:59.999",
        "dateRangeType": "ABSOLUTE",
        "timeZone": str(timezone),
        "exportType": "JSON",
        "rounding": False,
        "amountShown": "EARNED",
        "amounts": ["EARNED"],
        "approvalState": "APPROVED" if approved_only else "ALL",
        "sortOrder": "ASCENDING",
        "users": {"ids": [], "contains": "CONTAINS", "status": "ALL"},
    }


def id_filter(name: str, ids: Sequence[str]) -> dict[str, Any]:
    """Return what lets rows pass that have one of some ids, whatever is archived."""
    # Tags have a second word for it (4); nothing says which one counts.
    more = {"containedInTimeentry": "CONTAINS"} if name == "tags" else {}
    return {"ids": list(ids), "contains": "CONTAINS", "status": "ALL", **more}


class ReportReading:
    """What went by of a report while its pages are read: of each row, 8 bytes.

    Attributes:
        first: What the first page counts of the whole: entries and time, if it says.
    """

    def __init__(self) -> None:
        self.first: tuple[int, Any] | None = None
        self._last: tuple[int, Any] | None = None
        self._pages = 0
        self._page_before: set[str] = set()
        self._seen, self._nameless = array("q"), 0

    def add(self, answer: Any) -> list[Any]:
        """Take the answer to the next page, and return its rows.

        Raises:
            Moved: It is the page before once more.
            TryAgain: It is no report.
        """
        rows = answer.get("timeentries") if isinstance(answer, Mapping) else None
        if not isinstance(rows, list):
            raise TryAgain(
                "Clockify sent a report without entries (no `timeentries` in it)."
                " Nothing was changed; run the command again."
            )
        self._pages += 1
        ids = [
            row["_id"]
            for row in rows
            if isinstance(row, Mapping) and isinstance(row.get("_id"), str)
        ]
        page = set(ids)
        if rows and self._pages > 1 and page <= self._page_before:
            raise repeated("report", self._pages)
        self._page_before = page
        self._seen.extend(map(hash, page))
        self._nameless += len(rows) - len(ids)
        self._last = _totals(answer)
        if self._pages == 1:
            self.first = self._last
        return rows

    def check_complete(self) -> None:
        """Compare what the first and the last page counted, and what was read.

        Where a row goes between two pages, the next one moves up, and comes on neither.

        Raises:
            Moved: They do not agree.
        """
        first, last = self.first, self._last
        read = len(np.unique(np.frombuffer(self._seen, dtype=np.int64))) + self._nameless
        if last and last[0] > read:
            what = f"counts {last[0]} entries but gave {read}"
        elif first and last and first != last:
            what = (
                f"was not the same at its first page ({first[0]} entries) and its last ({last[0]})"
            )
        else:
            return
        raise Moved(
            f"Clockify's report {what}: it changed while it was read."
            " Nothing was changed; run the command again."
        )


def _totals(answer: Mapping[str, Any]) -> tuple[int, Any] | None:
    """Return the report's own count of its entries and their time, where it has one."""
    totals = answer.get("totals")
    whole = totals[0] if isinstance(totals, list) and totals else None
    if not isinstance(whole, Mapping) or not isinstance(whole.get("entriesCount"), int):
        return None
    return whole["entriesCount"], whole.get("totalTime")


def repeated(name: str, page: int) -> Moved:
    """Return the error of a page that came twice."""
    return Moved(
        f"Clockify sent page {page} of {name} twice, so the rest cannot be reached."
        " Nothing was changed; run the command again."
    )
