"""Intuit's support asks for the id of a request (`intuit_tid`): whoever meets trouble sees it."""

import pytest

TID = "1-5f2b-77aa"

FAULT = (
    '{"Fault":{"Error":[{"Message":"Bad","Detail":"No such column","code":"4001"}],'
    '"type":"ValidationFault"}}'
)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    "header", ["intuit_tid", pytest.param("Intuit-Tid", marks=pytest.mark.slow)]
)
def test_a_doubt_names_the_request(week, send_day, header):
    """A batch that got a 500 is in doubt, and each of its entries says which request it was."""
    week.quickbooks.faults.plan("POST .*/batch", "answer", status=500, headers={header: TID})

    sent = send_day(week).document

    doubts = [row for row in sent["entries"] if row["state"] == "in_doubt"]
    assert len(doubts) == 3
    assert all(TID in row["detail"] for row in doubts)


@pytest.mark.usefixtures("in_this_process")
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, FAULT),
        *(pytest.param(*one, marks=pytest.mark.slow) for one in ((401, "{}"), (503, ""))),
    ],
)
def test_a_command_that_could_not_run_names_the_request(week, status, body):
    """Refused, not let in, or busy: the message has the id of the last request."""
    week.quickbooks.faults.plan(
        "GET .*/companyinfo", "answer", status=status, body=body, times=99,
        headers={"intuit_tid": TID, "Retry-After": "0"},
    )  # fmt: skip

    ran = week.run("send", "--start", "2026-09-22", "--end", "2026-09-22", "--dry-run")

    assert ran.code == 1
    assert TID in ran.err


@pytest.mark.usefixtures("in_forks")
def test_the_log_names_the_request_of_refused_entries(week, send_day):
    """With CLOCKBOOKS_DEBUG=1; the report of a refusal has QuickBooks' own words, which suffice."""
    refused = FAULT.removeprefix("{").removesuffix("}")
    week.quickbooks.faults.plan(
        "POST .*/batch", "answer", status=200, headers={"intuit_tid": TID},
        body=f'{{"BatchItemResponse":[{{"bId":"1",{refused}}}]}}',
    )  # fmt: skip

    ran = send_day(week, CLOCKBOOKS_DEBUG="1")

    assert TID in ran.err
