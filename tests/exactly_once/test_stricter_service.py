"""A QuickBooks that takes less than the settings say: the loader finds out, and loses nothing."""

import re
from collections.abc import Callable
from contextlib import closing
from datetime import date
from typing import Any

import pytest

from connectors.standins.quickbooks.faults import THROTTLED_ANSWER
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send

WEEK = SendRequest(date(2026, 3, 2), date(2026, 3, 6))


@pytest.fixture
def send_week(lab: Any) -> Callable[[], dict[str, Any]]:
    """Return a way to send the week's six entries in batches of two, on the laboratory's clock."""

    def go() -> dict[str, Any]:
        documents: list[dict[str, Any]] = []
        with closing(Report()) as report:
            assert lab.run(lambda scenario: documents.append(send(scenario, WEEK, report)))
        return documents[0]

    return go


@pytest.mark.parametrize("a_minute", [4, 6])
def test_a_stricter_quota_is_found_kept_and_told(
    lab: Any, send_week: Callable[[], dict[str, Any]], a_minute: int
) -> None:
    """Where each entry is metered: a few 429s, then the rest, minute by minute."""
    with lab.open(counts_batch_items=True) as house:
        lab.pass_time(120)
        house.quickbooks.switches.requests_per_minute = a_minute
        result = send_week()

        assert result["counts"]["sent"] == 6
        assert house.quickbooks.throttled <= 6
        (note,) = result["notes"]
        (found,) = re.findall(r"(\d+) entries a minute", note)
        assert 1 <= int(found) <= a_minute
        lab.check_each_once(house)


def test_a_throttled_batch_is_released_and_goes_again(
    lab: Any, send_week: Callable[[], dict[str, Any]]
) -> None:
    """The ledger holds nothing of it meanwhile: what was refused was not done."""
    with lab.open() as house:
        house.quickbooks.faults.plan("POST .*/batch", "answer", **THROTTLED_ANSWER, skip=1)
        result = send_week()

        assert result["counts"]["sent"] == 6
        lab.check_each_once(house)
        batches = [id_ for _, path, id_ in house.quickbooks.requests if path.endswith("/batch")]
        assert len(batches) == len(set(batches)) == 3


def test_batches_without_an_answer_are_halved(
    lab: Any, send_week: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway's timeout leaves two entries in doubt; the other four go one by one."""
    monkeypatch.setenv("CLOCKBOOKS_QBO_CONCURRENCY", "1")
    with lab.open() as house:
        house.quickbooks.faults.plan("POST .*/batch", "answer_after", status=504, body="<html>")
        result = send_week()

        assert (result["counts"]["sent"], result["counts"]["in_doubt"]) == (4, 2)
        assert any("1 entries" in note for note in result["notes"])
        lab.recover(house)
        lab.check_each_once(house)
