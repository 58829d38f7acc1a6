"""What nobody knows of the services: whatever the answer is, each entry is booked once."""

from typing import Any

import pytest
from open_questions import (
    CLOCKIFY,
    NO_BILLING,
    PLAIN,
    QUICKBOOKS,
    RELIED_ON,
    Run,
    Scene,
    Source,
    other_answers,
    parameters,
)

from connectors.standins.clockify.switches import Switches as ClockifySwitches
from connectors.standins.quickbooks.switches import Switches
from flows.directory.sync import sync
from flows.sending.settle_by_hand import take_word


@pytest.mark.parametrize("run", parameters(QUICKBOOKS))
def test_each_entry_goes_once_whatever_quickbooks_answers(lab: Any, run: Run) -> None:
    """Something happens and an answer is lost in the middle; afterwards all is settled."""
    lab.known = {}  # connect and sync under these answers, too
    with lab.open(**run.switches) as house:
        lose_an_answer(lab, house, run.scene)
        assert {row.state == "refused" for row in lab.ledger(house)} == {False, run.refuses}
        assert bool(house.quickbooks.throttled) == bool(run.scene.limits)
        run.scene.end(house)
        if run.asks:
            answer_by_hand(lab, house)
        assert lab.run(sync)
        lab.recover(house)
        check_each_once(lab, house, as_sent=not run.asks)


def test_what_a_setting_refused_goes_once_it_is_on(lab: Any) -> None:
    """Nobody has to sync, or to ask for it: a setting of the company's is one of its causes."""
    with lab.open(without_billing="refused") as house:
        NO_BILLING.begin(house)
        assert lab.send()
        assert {row.state for row in lab.ledger(house)} == {"refused"}
        NO_BILLING.end(house)
        assert lab.send()
        lab.check_each_once(house)


def lose_an_answer(lab: Any, house: Any, scene: Scene) -> None:
    """Send the week: the second of three batches meets the scene, and its answer is lost."""
    batches = 0

    def visit(point: str) -> None:
        nonlocal batches
        if point.startswith("before a request") and point.endswith("/batch"):
            batches += 1
            if batches == 2:
                scene.begin(house)

    house.quickbooks.faults.plan("POST .*/batch", "drop_after", skip=1)
    lab.bomb.visit = visit
    lab.send()
    lab.bomb.visit = None
    assert batches > 1


def answer_by_hand(lab: Any, house: Any) -> None:
    """Say which TimeActivity each entry in doubt is, where QuickBooks has changed what was sent."""
    house.quickbooks.faults.clear()
    lab.pass_time(600)
    assert lab.settle()
    known = {row.time_activity_id for row in lab.ledger(house)}
    left = [id_ for id_ in house.quickbooks.activities if id_ not in known]
    doubts = [row for row in lab.ledger(house) if row.state == "sending"]
    assert len(doubts) == len(left) > 0
    for row, id_ in zip(doubts, left, strict=True):
        assert lab.run(lambda context, row=row, id_=id_: take_word(context, row.entry_id, id_))


def check_each_once(lab: Any, house: Any, *, as_sent: bool) -> None:
    """Hold the ledger against the books; *as_sent* also what each activity says."""
    if as_sent:
        lab.check_each_once(house)
    rows = lab.ledger(house)
    assert {row.state for row in rows} == {"sent"}
    assert len(rows) == len(house.quickbooks.activities) == 6
    assert {row.time_activity_id for row in rows} == set(house.quickbooks.activities)


@pytest.mark.slow
@pytest.mark.parametrize("source", CLOCKIFY, ids=lambda source: source.name)
def test_each_entry_goes_once_whatever_clockify_answers(lab: Any, source: Source) -> None:
    """The same week, with an answer of QuickBooks' lost."""
    lab.known = {}
    workspace = lab.scenario["clockify"]["workspace"]
    workspace["featureSubscriptionType"] = source.plan
    workspace["workspaceSettings"] |= source.settings
    with lab.open() as house:
        for name, value in source.switches.items():
            setattr(house.clockify.switches, name, value)
        lab.pass_time(3600)
        lose_an_answer(lab, house, PLAIN)
        lab.pass_time(3600)
        assert lab.run(sync)
        lab.recover(house)
        lab.check_each_once(house)
        assert len(house.quickbooks.activities) == 6
        assert bool(house.clockify.throttle.refused) == ("requests_per_second" in source.switches)


# --- all of them ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("switches", "answers", "relied_on"),
    [
        (Switches, [{**run.switches, **run.scene.limits} for run in QUICKBOOKS], RELIED_ON),
        (ClockifySwitches, [source.switches for source in CLOCKIFY], {}),
    ],
)
def test_every_open_question_is_answered_each_way(
    switches: type, answers: list[dict[str, Any]], relied_on: dict[str, str]
) -> None:
    """Whoever adds a switch adds a run here, or says why the product relies on one answer."""
    usual, unasked = switches(), []
    for name, others in other_answers(switches).items():
        tried = [answer[name] for answer in answers if name in answer]
        unasked += [(name, other) for other in others if other not in tried]
        if not others and all(value == getattr(usual, name) for value in tried):
            unasked.append((name, "any other"))
    assert [name for name, _ in unasked] == list(relied_on)
