"""Time that is changed after it was booked: by the API, and by people in QuickBooks' pages."""

import pytest


def fault(outcome):
    return outcome["Fault"]["Error"][0]["code"]


def changed(qbo, **members):
    return qbo.ACTIVITY | {"Id": "1", "SyncToken": "0"} | members


GONE = {"Id": "1", "SyncToken": "0"}


def test_an_update_in_a_batch_is_replayed_and_not_done_twice(qbo):
    """FACTS 3: the same request id and bId give the same answer, also to an update."""
    qbo.create()
    body = changed(qbo, Hours=5)

    first = qbo.item("update", body, requestid="r-1")
    again = qbo.item("update", body, requestid="r-1")

    assert first["TimeActivity"]["SyncToken"] == "1"
    assert again == first
    assert qbo.row()["SyncToken"] == "1"
    assert fault(qbo.item("update", body, requestid="r-2")) == "5010"


def test_a_deletion_is_replayed_and_not_refused(qbo):
    """FACTS 3 and 1.2: whoever asks again is told "Deleted" again; without an id it is 610."""
    qbo.create()

    first = qbo.item("delete", GONE, requestid="r-1")

    assert first["TimeActivity"] == {"domain": "QBO", "status": "Deleted", "Id": "1"}
    assert qbo.item("delete", GONE, requestid="r-1") == first
    assert fault(qbo.item("delete", GONE)) == "610"


@pytest.mark.parametrize("operation", ["update", "delete"])
def test_single_calls_are_replayed_to_the_byte(qbo, operation):
    """FACTS 3: outside a batch, too, with the time of the first answer, faults included."""
    qbo.create()
    body = changed(qbo, Hours=5) if operation == "update" else GONE
    for request_id, status in (("r-1", 200), ("r-2", 400)):
        first = qbo.post("/timeactivity", body, operation=operation, requestid=request_id)
        qbo.clock.advance(60)
        again = qbo.post("/timeactivity", body, operation=operation, requestid=request_id)
        assert (first.status_code, again.text) == (status, first.text)


def test_a_full_update_in_a_batch_forgets_what_it_leaves_out(qbo):
    """FACTS 1.2: all writable members, or they are lost; `sparse` keeps them."""
    qbo.create()
    row = qbo.item("update", changed(qbo, sparse=True, Description="New"))["TimeActivity"]
    assert (row["Description"], row["HourlyRate"], row["SyncToken"]) == ("New", 75, "1")

    bare = {name: qbo.ACTIVITY[name] for name in ("TxnDate", "NameOf", "EmployeeRef", "Hours")}
    row = qbo.item("update", bare | {"Id": "1", "SyncToken": "1"})["TimeActivity"]

    assert "Description" not in row
    assert "CustomerRef" not in row
    assert row["BillableStatus"] == "NotBillable"


def test_sparse_is_a_boolean(qbo):
    """FACTS 7.2: the parser is strict; a text there would make a full update of a sparse one."""
    qbo.create()
    assert fault(qbo.item("update", changed(qbo, sparse="true"))) == "2010"


def test_an_empty_text_is_no_text(qbo):
    """FACTS 1.1: what has no value is left out of answers, not shown as empty."""
    assert "Description" not in qbo.create(Description="").json()["TimeActivity"]
    qbo.create()
    row = qbo.post(
        "/timeactivity", {"Id": "2", "SyncToken": "0", "sparse": True, "Description": ""}
    ).json()["TimeActivity"]
    assert "Description" not in row
    assert row["HourlyRate"] == 75


# --- closed books ------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["update", "delete"])
@pytest.mark.parametrize("code", ["6200", "6210", "6000"])
def test_closed_days_are_neither_changed_nor_deleted(qbo, operation, code):
    """FACTS 11.11: 6210 or another code, alone and in a batch; the day after is open."""
    qbo.switches.closed_books_code = code
    qbo.create()
    qbo.standin.people.close_books("2026-03-02")

    assert fault(qbo.item(operation, changed(qbo))) == code
    assert fault(qbo.post("/timeactivity", changed(qbo), operation=operation).json()) == code
    qbo.standin.people.close_books("2026-03-01")
    assert "TimeActivity" in qbo.item(operation, changed(qbo))


def test_nothing_moves_into_closed_books(qbo):
    """FACTS 11.11: a day that is open now may not become one that is closed."""
    qbo.create()
    qbo.standin.people.close_books("2026-02-28")

    assert fault(qbo.item("update", changed(qbo, TxnDate="2026-02-28"))) == "6210"
    qbo.standin.people.close_books(None)
    assert qbo.item("update", changed(qbo, TxnDate="2026-02-28"))["TimeActivity"]


# --- people in QuickBooks' pages ---------------------------------------------------------------


def test_what_a_person_edits_makes_tokens_stale(qbo):
    """FACTS 1.1: +1 a change, whoever made it; the time of the last change moves."""
    qbo.create()
    qbo.clock.advance(60)
    qbo.standin.people.edit_time("1", Hours=7, Description=None)

    row = qbo.row()
    assert (row["Hours"], row["SyncToken"]) == (7, "1")
    assert "Description" not in row
    assert list(row)[:4] == ["TxnDate", "NameOf", "EmployeeRef", "CustomerRef"]
    assert row["MetaData"]["LastUpdatedTime"] == "2026-03-04T09:31:15-08:00"
    assert fault(qbo.item("update", changed(qbo))) == "5010"
    assert fault(qbo.item("delete", GONE)) == "5010"


def test_people_type_and_delete_time_too(qbo):
    """FACTS 0.3: a hard deletion shows by absence alone; closed days do not stop people."""
    people = qbo.standin.people
    id_ = people.type_time(**qbo.ACTIVITY)
    people.close_books("2026-12-31")
    people.edit_time(id_, Hours=1)
    people.delete_time(id_)

    assert qbo.query("select * from TimeActivity") == []
    assert qbo.get(f"/timeactivity/{id_}").status_code == 400


# --- switches ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404])
def test_a_deleted_id_is_610_with_either_status(qbo, status):
    """FACTS 1.2 and 12: the status was recalled, not seen."""
    qbo.switches.missing_status = status

    answer = qbo.get("/timeactivity/77")

    assert answer.status_code == status
    assert fault(answer.json()) == "610"


@pytest.mark.parametrize("billable_status", ["changed", "kept"])
def test_an_update_of_the_billable_status(qbo, billable_status):
    """FACTS 1.1: documented as "not updatable"; whether an update is ignored is not known."""
    qbo.switches.billable_status = billable_status
    qbo.create()

    row = qbo.item("update", changed(qbo, BillableStatus="NotBillable", Hours=4))["TimeActivity"]

    assert row["BillableStatus"] == {"changed": "NotBillable", "kept": "Billable"}[billable_status]
    assert row["Hours"] == 4


@pytest.mark.parametrize("other_content", ["replayed", "refused", "done"])
def test_one_request_id_with_other_content(qbo, other_content):
    """FACTS 3 and 12: not documented: the first answer, a refusal, or new work."""
    qbo.switches.other_content = other_content
    qbo.create()
    first = qbo.item("update", changed(qbo, Hours=5), requestid="r-1")

    other = qbo.item("update", changed(qbo, Hours=6, SyncToken="1"), requestid="r-1")

    if other_content == "refused":
        assert fault(other) == "600"
    else:
        assert (other == first) is (other_content == "replayed")
    assert qbo.row()["Hours"] == (6 if other_content == "done" else 5)
    assert qbo.item("update", changed(qbo, Hours=5), requestid="r-1") is not None
