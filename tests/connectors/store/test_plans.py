"""Kept plans: what they hold back, and that one decision alone counts, on both databases."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from connectors.errors import AskPerson, TryAgain
from connectors.store.actors import Actor
from connectors.store.plans import LeftOut, Plans, vouch
from schemas.words import ActorKind, PlanState

NOW = datetime(2026, 3, 9, 8, tzinfo=UTC)  # the clock's
LATER = NOW + timedelta(hours=72)
OPTIONS = {"made_at": NOW, "days": ("2026-11-01", "2026-11-30"), "address": None, "currency": "USD"}
RUN = "0d8b4dd8-0000-4000-8000-000000000001"


def _rows(*ids, **more):
    row = {
        "date": "2026-11-02",
        "minutes": 90,
        "user": "Ann Lee",
        "client": "Orchard",
        "project": "Kitchen",
        "description": "Drawings",
    }
    return pd.DataFrame(
        [{**row, "entry_id": id_, "body": f'{{"of":"{id_}"}}', **more} for id_ in ids]
    )


@pytest.fixture
def offer(plans):
    """Return a way to keep a plan and let it wait: its slices, each a frame."""

    def make(*slices, run=RUN, until=LATER):
        writer = plans.begin(flow_run_id=run, **OPTIONS)
        for rows in slices:
            writer.add(rows, pd.Series([11250] * len(rows)))
        return writer.offer(until)

    return make


@pytest.fixture
def plans(engine, connection_id, clock):
    """Return the plans of a connection, none as yet."""
    return Plans(engine, connection_id, lambda: clock.now)


def test_a_plan_is_kept_as_it_was_shown(offer, plans):
    """Sums, days, run and fingerprint stand in the database, and its entries by number."""
    plan = offer(_rows("a", "b"), _rows("c", minutes=30))

    assert plan.state is PlanState.WAITING
    assert (plan.entries, plan.minutes, plan.amount_cents) == (3, 210, 33750)
    assert plans.of_flow_run(RUN) == plan
    kept = plans.entries(plan.id, ["c", "a", "x"]).set_index("entry_id")
    assert kept["number"].to_dict() == {"a": 1, "c": 3}
    assert kept.loc["c", "body"] == '{"of":"c"}'


def test_the_fingerprint_is_of_the_content_in_order(offer):
    """However it was cut into slices; another entry, body or order is another plan."""
    prints = [
        offer(*slices, run=f"run {n}", until=NOW).fingerprint
        for n, slices in enumerate([
            (_rows("a"), _rows("b")),
            (_rows("a", "b"),),
            (_rows("b", "a"),),
            (_rows("a", "b", body="{}"),),
            (_rows("a"),),
        ])
    ]  # fmt: skip

    assert prints[0] == prints[1]
    assert len(set(prints)) == 4


def test_what_waits_is_held_until_somebody_decides(offer, plans, clock):
    """Each way in which a wait ends gives the entries back."""
    first, second, third = (
        offer(_rows(name), run=name, until=until)
        for name, until in (("a", LATER), ("b", LATER), ("c", NOW + timedelta(hours=1)))
    )
    ids = ["a", "b", "c", "d"]
    held = {"a": first.id, "b": second.id, "c": third.id}
    assert plans.held(ids) == held

    plans.decide(first.id, PlanState.APPROVED, by="Ann")
    plans.decide(second.id, PlanState.WITHDRAWN, by="Bo")

    assert plans.held(ids) == {"c": third.id}
    clock.now = NOW + timedelta(hours=1)
    assert plans.held(ids) == {}
    states = [plan.state for plan in plans.all()]
    assert states == ["expired", "withdrawn", "approved"]


def test_of_two_decisions_the_first_counts(offer, plans):
    """The second is told who was first, and changes nothing."""
    plan = offer(_rows("a"))

    plans.decide(plan.id, PlanState.REJECTED, by="Ann Lee", note="not yet")
    with pytest.raises(AskPerson, match="already rejected, by Ann Lee"):
        plans.decide(plan.id, PlanState.APPROVED, by="Bo")

    kept = plans.of_id(plan.id)
    assert (kept.state, kept.decided_by, kept.note) == ("rejected", "Ann Lee", "not yet")
    assert kept.decided_at == NOW


def test_what_somebody_typed_is_not_verified_unless_somebody_vouches(offer, plans):
    """A name in the form proves nothing; a proxy's word does, and counts for the answer alone."""
    typed, vouched, withdrawn, other = (offer(_rows(name), run=name) for name in "abcd")
    for name in "bcd":
        vouch(plans.engine, name, f"answer-{name}", "ann@books.example")

    assert plans.of_id(vouched.id).verified_by is None
    by_hand = plans.decide(typed.id, PlanState.APPROVED, by="Ann Lee")
    by_proxy = plans.decide(vouched.id, PlanState.APPROVED, by="Ann Lee", answer_id="answer-b")
    by_another = plans.decide(other.id, PlanState.APPROVED, by="Ann Lee", answer_id="answer-b")
    taken_back = plans.decide(withdrawn.id, PlanState.WITHDRAWN, by="Clockbooks")
    vouch(plans.engine, "a", "answer-a", "bo@books.example")

    assert by_hand.decider == "Ann Lee (claimed, not verified)"
    assert by_hand.actor == Actor(ActorKind.REVIEWER, "Ann Lee")
    assert by_proxy.actor == Actor(ActorKind.VERIFIED, "ann@books.example")
    assert by_proxy.decider == "ann@books.example (verified; typed Ann Lee)"
    assert by_another.decider == "Ann Lee (claimed, not verified)"
    assert taken_back.decider == "Clockbooks"
    assert plans.of_id(typed.id).verified_by is None


def test_a_decision_that_comes_too_late_counts_for_nothing(offer, plans, clock):
    """At the very instant of the limit the plan has expired, and says so from then on."""
    plan = offer(_rows("a"))

    clock.now = LATER
    with pytest.raises(AskPerson, match="nobody decided in time"):
        plans.decide(plan.id, PlanState.APPROVED, by="Ann", left_out=LeftOut((1,)))

    assert plans.of_id(plan.id).state is PlanState.EXPIRED
    assert not plans.numbered(plan.id, [1])["left_out"].any()


def test_entries_are_left_out_by_number_person_or_project(offer, plans):
    """Any of the three is enough; a project without a client is not one of a client."""
    plan = offer(
        _rows("number"),
        _rows("person", user="Bo Li"),
        _rows("project", project="Roof"),
        _rows("clientless", client=None, project="Attic"),
        _rows("namesake", client="Orchard", project="Attic"),
        _rows("goes"),
    )
    left_out = LeftOut((1,), ("Bo Li",), (("Orchard", "Roof"), (None, "Attic")))
    assert plans.count_left_out(plan.id, left_out) == 4
    assert plans.count_left_out(plan.id, LeftOut()) == 0

    plans.decide(plan.id, PlanState.APPROVED, by="Ann", left_out=left_out)

    kept = plans.numbered(plan.id, range(1, 7))
    assert kept.loc[kept["left_out"].astype(bool), "entry_id"].tolist() == [
        "number", "person", "project", "clientless",
    ]  # fmt: skip


def test_the_names_of_a_plan(offer, plans):
    """To choose from: each once, nobody who is nameless."""
    plan = offer(
        _rows("a"), _rows("b", user="Bo Li", client=None), _rows("c", user=None, project=None)
    )

    assert plans.names(plan.id) == (
        ["Ann Lee", "Bo Li"], [(None, "Kitchen"), ("Orchard", "Kitchen")],
    )  # fmt: skip


def test_two_plans_that_are_made_at_once_never_share_an_entry(offer, plans):
    """Whoever comes second is told to run again, and leaves nothing behind."""
    first = offer(_rows("a", "b"), run="first")

    with pytest.raises(TryAgain, match=f"Plan {first.id} was offered meanwhile"):
        offer(_rows("b", "c"), run="second")

    assert [plan.id for plan in plans.all()] == [first.id]


def test_a_plan_without_entries_is_none(offer, plans):
    """There is nothing to decide."""
    assert offer() is None
    assert plans.all() == []


def test_a_plan_that_was_not_finished_holds_nothing_and_is_replaced(offer, plans):
    """A process that died while it wrote one down leaves nothing that anybody could approve."""
    dead = plans.begin(flow_run_id=RUN, **OPTIONS)
    dead.add(_rows("a"), pd.Series([1]))
    assert plans.held(["a"]) == {}
    assert plans.of_flow_run(RUN) is None

    plan = offer(_rows("a"))

    assert plan.entries == 1
    assert plans.all() == [plan]
