"""What nobody knows of QuickBooks: whatever the answer is, each entry is booked once."""

from contextlib import closing
from datetime import date
from typing import Any

import pytest

from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send

WEEK = SendRequest(date(2026, 3, 2), date(2026, 3, 6))

SETTINGS: dict[str, dict[str, Any]] = {
    "answers shuffled": {"shuffles_batch_answers": True, "runs_batches_backwards": True},
    "forgets at once": {"forgets_request_ids_after_s": 0},
    "forgets after 30 minutes": {"forgets_request_ids_after_s": 1800},
    "forgets after a day": {"forgets_request_ids_after_s": 86_400},
    "forgets after a week": {"forgets_request_ids_after_s": 604_800},
    "other content refused": {"other_content": "refused"},
    "other content done": {"other_content": "done"},
    "lower-case faults": {"lower_case_faults": True, "throttle_in_json": True},
    "403 for a throttle": {"throttle_status": 403},
    "two in flight": {"requests_in_flight": 2, "latency_s": 0.01},
    "long pages cut": {"cuts_long_pages": True, "filters_time_by_reference": True},
    "404 for what is not there": {"missing_status": 404},
    "projects shown": {"shows_project_ref": True},
    "no words": {"names_time_faults": False, "tid_header": "Intuit-Tid"},
    "strangers become others": {"strangers_become_others": True},
    "inactive taken": {"inactive_reference_code": None},
}


# Those that change the shape of answers run always; the rest have their say in `make test-slow`.
QUICK = {"answers shuffled", "lower-case faults", "403 for a throttle"}


@pytest.mark.parametrize(
    "switches",
    [
        pytest.param(switches, id=name, marks=[] if name in QUICK else [pytest.mark.slow])
        for name, switches in SETTINGS.items()
    ],
)
def test_each_entry_goes_once_whatever_the_answer(lab: Any, switches: dict[str, Any]) -> None:
    """A lost answer, a throttle and a replay in the middle; afterwards all is settled."""
    with lab.open(**switches) as house:
        house.quickbooks.faults.plan("POST .*/batch", "drop_after", skip=1)
        documents: list[dict[str, Any]] = []
        with closing(Report()) as report:
            lab.run(lambda scenario: documents.append(send(scenario, WEEK, report)))
        lab.recover(house)
        lab.check_each_once(house)
