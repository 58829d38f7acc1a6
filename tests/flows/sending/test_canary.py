"""A company with payroll: one entry goes first, alone, and the rest only if QuickBooks takes it.

Sources disagree about such companies, so each test runs against a QuickBooks that answers one way
or the other. Nine entries of one day go in batches of three.
"""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from flows.context import open_context
from flows.sending import judge
from flows.sending.report import Report
from flows.sending.request import SendRequest
from flows.sending.send import send

pytestmark = pytest.mark.usefixtures("in_this_process")

BATCH = "POST .*/batch"

#: A contractor of the demo: a vendor in QuickBooks.
CONTRACTOR = "64d0000000000000000000aa"

CLOSED = (
    '{"BatchItemResponse":[{"bId":"1","Fault":{"Error":[{"Message":"Account Period Closed",'
    '"Detail":"The account period has closed","code":"6210"}],"type":"ValidationFault"}}]}'
)

#: QuickBooks may be at work on a call that got no answer.
AT_WORK = {"CLOCKBOOKS_QBO_AT_WORK_S": "3600"}


def set_payroll(house: Any, *, on: bool) -> None:
    """Turn payroll on or off in the company."""
    pairs = house.quickbooks.company["NameValue"]
    pairs[:] = [pair for pair in pairs if pair["Name"] != "PayrollFeature"]
    pairs.append({"Name": "PayrollFeature", "Value": str(on).lower()})


@pytest.fixture
def week(week: Any) -> Any:
    """Return the small week of a company that has payroll; QuickBooks takes its time."""
    set_payroll(week, on=True)
    week.quickbooks.switches.payroll_code = None
    return week


@pytest.fixture
def sizes(week: Any) -> Callable[[], list[int]]:
    """Return a function for the sizes of the batches that QuickBooks did since its last call."""
    seen: list[int] = []

    def note(answer: Any) -> Any:
        seen.append(len(answer["BatchItemResponse"]))
        return answer

    def new() -> list[int]:
        week.quickbooks.faults.plan(BATCH, "edit", times=10**6, edit=note)
        found, seen[:] = list(seen), []
        return found

    new()
    return new


def reasons(document: Any) -> dict[str, list[Any]]:
    """Return a document's entries by reason; those that were sent have none."""
    found: dict[str, list[Any]] = {}
    for row in document["entries"]:
        found.setdefault(row["reason"] or row["state"], []).append(row)
    return found


def payroll_line(house: Any, *options: str) -> Any:
    """Return what `check` says of payroll."""
    checks = house.run("check", "--json", *options).document["checks"]
    return next(row for row in checks if row["name"] == "Payroll")


def set_aside(house: Any, number: int) -> Callable[[], None]:
    """Take some entries away, and return a function that gives them back."""
    entries = house.clockify.entries
    gone = {id_: entries.pop(id_) for id_ in sorted(entries)[:number]}
    return lambda: entries.update(gone)


# --- taken ---------------------------------------------------------------------------------------


def test_what_is_taken_alone_lets_the_rest_go_and_is_remembered(week, send_day, sizes, all_once):
    """One entry, then the rest in full batches; the next send begins with full ones."""
    give_back = set_aside(week, 4)
    assert send_day(week).code == 0
    assert sizes() == [1, 3, 1]
    give_back()

    later = send_day(week)

    assert later.code == 0, later.err
    assert sizes() == [3, 1]
    assert not any("Payroll" in note for note in later.document["notes"])
    all_once(week)
    line = payroll_line(week)
    assert (line["state"], line["to_do"]) == ("ok", "")
    assert "QuickBooks took time there" in line["found"]


def test_plan_and_check_say_beforehand_that_one_goes_first(week, sizes):
    """Whoever approves the plan knows it; and looking sends nothing."""
    plan = week.run("send", "--start", "2026-09-22", "--end", "2026-09-22", "--dry-run", "--json")

    assert any("one entry goes first, alone" in note for note in plan.document["notes"])
    line = payroll_line(week)
    assert line["state"] == "warning"
    assert "not known yet" in line["found"]
    assert "goes first, alone" in line["to_do"]
    assert sizes() == []


def test_nothing_to_send_needs_no_note(week, send_day, sizes):
    """A plan without a ready entry says nothing of payroll, and sends none."""
    week.clockify.entries.clear()

    ran = send_day(week)

    assert ran.code == 0
    assert not any("Payroll" in note for note in ran.document["notes"])
    assert sizes() == []


def test_it_goes_before_every_slice_of_the_plan(week, sizes, all_once, monkeypatch):
    """An employee's entry of a later day goes first, before the contractors' of an earlier one."""
    monkeypatch.setattr(judge, "SLICE_ROWS", 1)
    for nth, entry in enumerate(week.clockify.entries.values()):
        if nth < 4:
            entry["userId"] = CONTRACTOR
            for end in ("start", "end"):
                entry[end] = entry[end].replace("2026-09-22", "2026-09-21")

    ran = week.run("send", "--start", "2026-09-21", "--end", "2026-09-22", "--yes", "--json")

    assert ran.code == 0, ran.err
    assert sizes() == [1, 3, 1, 3, 1]
    first = min(week.quickbooks.activities, key=int)
    assert week.quickbooks.activities[first]["TxnDate"] == "2026-09-22"
    assert week.quickbooks.activities[first]["NameOf"] == "Employee"
    all_once(week)


@pytest.mark.slow
def test_an_import_sends_one_first_too(week, export, sizes, booked):
    """Rows of files go to the same company, by the same rule."""
    file = export(week)

    ran = week.run("import", str(file), "--yes", "--json")

    assert ran.code == 0, ran.err
    assert sizes() == [1, 3, 3, 2]
    assert booked(week).total() == 9


@pytest.mark.slow
def test_a_throttled_entry_is_tried_again_alone(week, send_day, sizes, all_once):
    """Nothing was done, so nothing is known: it waits for another permit."""
    week.quickbooks.faults.clear()
    throttle = '<Fault type="SERVICE"><Error code="3001"/></Fault>'
    week.quickbooks.faults.plan(
        BATCH, "answer", status=429, body=throttle, headers={"Retry-After": "0"}
    )
    sizes()

    assert send_day(week).code == 0
    first, *others = sizes()  # how large those are, the pace says after a throttle
    assert (first, sum(others)) == (1, 8)
    assert max(others) > 1
    all_once(week)


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "code", ["2020", *(pytest.param(one, marks=pytest.mark.slow) for one in ("5030", "6000"))]
)
def test_what_is_refused_alone_keeps_the_rest_back(week, send_day, sizes, code):
    """The fault's own words stand in the report and in `check`; the next send tries one again."""
    week.quickbooks.switches.payroll_code = code

    ran = send_day(week)

    assert ran.code == 3, ran.err
    assert sizes() == [1]
    assert not week.quickbooks.activities
    assert ran.document["counts"]["rejected"] == {"qbo_refused": 1, "not_attempted": 8}
    words = "PayrollItemRef is missing" if code == "2020" else "Time needs a pay type"
    found = reasons(ran.document)
    (canary,) = found["qbo_refused"]
    for text in (
        canary["detail"],
        ran.document["stopped"],
        *{r["detail"] for r in found["not_attempted"]},
    ):
        assert words in text
        assert f"code {code}" in text
    assert "next send" in found["not_attempted"][0]["detail"]
    assert canary["entry_id"] in ran.document["stopped"]
    line = payroll_line(week)
    assert line["state"] == "warning"
    assert words in line["found"]
    assert "UTC" not in line["found"]
    assert send_day(week).code == 3
    assert sizes() == [1]
    assert not week.quickbooks.activities


def test_once_quickbooks_takes_time_all_goes(week, send_day, sizes, all_once):
    """A refusal is not for ever: the next one that goes alone is taken, and the rest follows."""
    week.quickbooks.switches.payroll_code = "6000"
    send_day(week)
    week.quickbooks.switches.payroll_code = None
    sizes()

    ran = send_day(week, "--retry-refused")

    assert ran.code == 0, ran.err
    assert sizes() == [1, 3, 3, 2]
    all_once(week)
    assert payroll_line(week)["state"] == "ok"


def test_a_refusal_for_another_cause_proves_nothing(week, send_day, sizes):
    """An inactive employee is refused anywhere: somebody else's entry is tried alone next."""
    first = next(iter(sorted(week.clockify.entries)))
    user = week.clockify.entries[first]["userId"]
    name = week.clockify.users[user]["name"]
    row = next(r for r in week.quickbooks.employees.values() if r["DisplayName"] == name)
    key = {"Id": row["Id"], "SyncToken": row["SyncToken"], "sparse": True}
    week.quickbooks.books.save("Employee", key | {"Active": False}, "update")
    theirs = sum(entry["userId"] == user for entry in week.clockify.entries.values())

    ran = send_day(week)

    counts = ran.document["counts"]
    assert ran.code == 3
    assert sizes()[:2] == [1, 1]
    assert counts["rejected"] == {"qbo_refused": theirs}
    assert counts["sent"] == 9 - theirs > 0


@pytest.mark.slow
def test_other_causes_are_not_tried_for_ever(week, send_day):
    """After five entries of which none proves anything, the rest waits, and says why."""
    week.quickbooks.faults.clear()
    week.quickbooks.faults.plan(BATCH, "answer", times=99, status=200, body=CLOSED)

    ran = send_day(week)

    assert ran.code == 3
    assert ran.document["counts"]["rejected"] == {"qbo_refused": 5, "not_attempted": 4}
    assert "code 6210" in ran.document["stopped"]
    line = payroll_line(week)
    assert "6210" not in line["found"]
    assert "not known yet" in line["found"]


def test_a_refusal_of_the_whole_call_keeps_the_rest_back(week, send_day):
    """QuickBooks may say no to the call rather than to its item: the same follows."""
    week.quickbooks.faults.clear()
    fault = {"Fault": {"Error": [{"Detail": "No time", "code": "5030"}], "type": "ValidationFault"}}
    week.quickbooks.faults.plan(BATCH, "answer", times=99, status=400, body=json.dumps(fault))

    ran = send_day(week)

    assert ran.code == 3, ran.err
    assert ran.document["counts"]["rejected"] == {"qbo_refused": 1, "not_attempted": 8}
    assert "No time" in ran.document["stopped"]


# --- contractors ---------------------------------------------------------------------------------


def test_contractors_time_says_nothing_of_employees(week, send_day, sizes):
    """Payroll pays employees: that a vendor's time is taken lets only vendors' time go at once."""
    switches = week.quickbooks.switches
    switches.payroll_code, switches.payroll_takes_contractors = "6000", True
    for entry in list(week.clockify.entries.values())[:5]:
        entry["userId"] = CONTRACTOR

    theirs = send_day(week, "--user", CONTRACTOR)
    assert theirs.document["counts"]["sent"] == 5
    assert sizes() == [1, 3, 1]
    line = payroll_line(week)
    assert line["state"] == "warning"
    assert "contractor" in line["found"]

    ran = send_day(week)
    assert ran.document["counts"]["rejected"] == {"qbo_refused": 1, "not_attempted": 3}
    assert sizes() == [1]


# --- in doubt ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "then"),
    [
        ({"kind": "drop_after"}, [3, 3, 2]),
        pytest.param({"kind": "answer", "status": 503}, [1, 3, 3, 2], marks=pytest.mark.slow),
    ],
)
def test_without_a_clear_answer_nothing_else_goes(week, send_day, sizes, all_once, fault, then):
    """The next send asks QuickBooks first: the entry is there, or is handed over again."""
    week.quickbooks.faults.clear()
    week.quickbooks.faults.plan(BATCH, **fault)
    sizes()

    ran = send_day(week)

    assert ran.code == 3, ran.err
    assert ran.document["counts"]["in_doubt"] == 1
    assert ran.document["counts"]["rejected"] == {"not_attempted": 8}
    assert "not known" in ran.document["stopped"]
    sizes()
    assert send_day(week).code == 0
    assert sizes() == then
    all_once(week)


@pytest.mark.slow
def test_while_one_stays_in_doubt_another_is_tried_alone(week, send_day, sizes):
    """QuickBooks may still be at work on the first: that keeps nobody waiting for long."""
    week.quickbooks.faults.clear()
    week.quickbooks.faults.plan(BATCH, "answer", status=503)
    sizes()
    send_day(week, **AT_WORK)
    sizes()

    ran = send_day(week, **AT_WORK)

    assert sizes() == [1, 3, 3, 1]
    assert ran.document["counts"]["sent"] == 8
    assert ran.document["counts"]["in_doubt"] == 1


@pytest.mark.slow
def test_a_run_killed_right_after_the_answer_is_found_out(
    week, send_day, sizes, all_once, execute, until
):
    """QuickBooks has the entry, and nobody heard of it: the next send settles, and goes on."""
    week.quickbooks.faults.clear()
    week.quickbooks.faults.plan(BATCH, "hang_after")
    day = ("--start", "2026-09-22", "--end", "2026-09-22")
    with week.fork("send", *day, "--yes", "--json") as victim:
        until(lambda: week.quickbooks.activities)
        meanwhile = send_day(week)
        victim.kill()
        victim.wait(timeout=60)
    assert meanwhile.code == 3
    assert meanwhile.document["counts"]["rejected"] == {"not_attempted": 8}
    assert "Another run" in meanwhile.document["stopped"]
    assert len(week.quickbooks.activities) == 1
    execute(week, "UPDATE runs SET lease_until = '2026-01-01 00:00:00.000000'")
    sizes()

    ran = send_day(week)

    assert ran.code == 0, ran.err
    assert sizes() == [3, 3, 2]
    all_once(week)


# --- a person's word -----------------------------------------------------------------------------


def test_allowed_means_all_at_once(week, send_day, sizes):
    """Somebody knows already: no entry goes first, and what is taken is remembered as well."""
    give_back = set_aside(week, 3)
    assert send_day(week, CLOCKBOOKS_ALLOW_PAYROLL="true").code == 0
    assert sizes() == [3, 3]
    give_back()
    assert send_day(week).code == 0
    assert sizes() == [3]


def test_not_allowed_means_refused_before_anything_is_read(week, send_day, sizes):
    """As before: by the option, the environment or the connection's own setting."""
    for ran in (
        send_day(week, "--no-allow-payroll"),
        send_day(week, CLOCKBOOKS_ALLOW_PAYROLL="no"),
    ):
        assert ran.code == 1
        assert "--allow-payroll" in ran.err
    assert week.run("configure", "--set", "allow-payroll=no").code == 0
    assert send_day(week).code == 1
    assert payroll_line(week)["state"] == "problem"
    assert week.run("configure", "--unset", "allow-payroll").code == 0
    assert payroll_line(week)["state"] == "warning"
    assert sizes() == []


@pytest.mark.slow
def test_payroll_that_was_off_meanwhile_is_tried_again(week, send_day, sizes, all_once):
    """What was taken before payroll was turned off and on again proves nothing of the new one."""
    back = [set_aside(week, 3), set_aside(week, 3)]
    send_day(week)
    assert sizes() == [1, 2]
    set_payroll(week, on=False)
    back.pop()()
    send_day(week)
    assert sizes() == [3]
    set_payroll(week, on=True)
    back.pop()()

    assert send_day(week).code == 0
    assert sizes() == [1, 2]
    all_once(week)


def test_payroll_that_is_turned_on_while_somebody_looks_at_the_plan(week, sizes, monkeypatch):
    """The plan was made without payroll; after the yes one entry goes first all the same."""
    set_payroll(week, on=False)
    sizes()
    for name, value in week.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(week.folder)

    def approve(plan: Any) -> bool:
        set_payroll(week, on=True)
        return bool(plan["counts"]["ready"] == 9)

    report = Report()
    with open_context(None) as context:
        day = date(2026, 9, 22)
        send(context, SendRequest(start=day, end=day), report, approve=approve)
        assert report.latest["counts"]["sent"] == 9
    report.close()
    assert sizes()[0] == 1
