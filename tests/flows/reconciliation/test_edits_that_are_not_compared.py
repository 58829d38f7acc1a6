"""What somebody edits in QuickBooks is theirs, also in fields and places that are not compared."""

#: 2,000 Cyrillic letters, 4,000 bytes; QuickBooks has all of it.
LONG = "д" * 2000


def test_a_long_text_is_compared_to_its_end(week):
    """A text that QuickBooks has whole is compared whole, in any alphabet, on both sides.

    A repair leaves alone what somebody wrote at its end, unless it is told which side counts.
    Services trim: spaces at its end are no edit once they are gone.
    """
    id_, trimmed = week.pick(0), week.pick(1)
    week.entry(id_)["description"] = LONG
    week.entry(trimmed)["description"] = LONG[:1940] + " " * 60
    week.reconcile("--repair", "--yes", code=0)
    assert week.activity(id_)["Description"] == LONG
    week.people.edit_time(week.activity_id(trimmed), Description=LONG[:1940])
    assert week.verdicts() == {}

    theirs = f"{LONG[:1980]} как договорились"
    week.people.edit_time(week.activity_id(id_), Description=theirs)
    assert week.verdicts() == {id_: "changed_in_quickbooks"}
    week.entry(id_)["description"] = f"{LONG[:1500]}{'ж' * 500}"
    assert week.found(week.reconcile("--repair", "--yes"), id_)["verdict"] == "changed_in_both"
    assert week.activity(id_)["Description"] == theirs


def test_time_that_somebody_edited_is_not_deleted(week):
    """Time that was edited in QuickBooks is refused with the reason, and stays.

    Whatever was edited there: deleted with it, a service, class or cost that a bookkeeper chose is
    lost, and the next send does not bring it back. Time that was on an invoice only is not edited.
    """
    edits = [{"ItemRef": {"value": "3"}}, {"CostRate": 33}, {"ClassRef": {"value": "1"}}]
    edited = [week.pick(number) for number in range(3)]
    for id_, edit in zip(edited, edits, strict=True):
        week.people.edit_time(week.activity_id(id_), **edit)
    unbilled = week.pick(3)
    customer = week.activity(unbilled)["CustomerRef"]["value"]
    week.people.delete_invoice(week.people.invoice(customer, week.activity_id(unbilled)))

    entries = [option for id_ in edited for option in ("--entry", id_)]
    recalled = week.run("recall", *entries, "--yes")
    for id_ in (*edited, unbilled):
        del week.house.clockify.entries[id_]
    repaired = week.reconcile("--repair", "--yes")

    assert recalled["counts"]["refused"] == {"changed_in_quickbooks": 3}
    for id_ in edited:
        assert week.activity(id_) is not None
        assert f"--entry {id_}" in week.found(repaired, id_)["detail"]
    assert week.activity(unbilled) is None
    week.reconcile("--repair", "--entry", edited[0], "--yes")
    assert week.activity(edited[0]) is None
