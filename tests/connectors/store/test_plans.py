"""Kept plans: what they hold back, and that one decision alone counts, on both databases."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from connectors.errors import AskPerson, TryAgain
from connectors.store import plans
from connectors.store.plans import LeftOut, PlanWriter
from schemas.words import PlanState

NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
LATER = NOW + timedelta(hours=72)
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
def offer(ledger_database):
    """Give a way to keep a plan and let it wait: its slices, each a frame."""
    engine, connection_id = ledger_database

    def make(*slices, run=RUN, now=NOW, until=LATER):
        writer = PlanWriter(
            engine,
            connection_id,
            days=("2026-11-01", "2026-11-30"),
            flow_run_id=run,
            address=None,
            currency="USD",
            now=now,
        )
        for rows in slices:
            writer.add(rows, pd.Series([11250] * len(rows)))
        return writer.offer(now=now, expires_at=until)

    return make


@pytest.fixture
def ledger_database(engine, connection_id):
    """Give the database with one connection."""
    return engine, connection_id


def test_a_plan_is_kept_as_it_was_shown(offer, ledger_database):
    """Sums, days, run and fingerprint stand in the database, and its entries by number."""
    engine, connection_id = ledger_database

    plan = offer(_rows("a", "b"), _rows("c", minutes=30))

    assert plan.state is PlanState.WAITING
    assert (plan.entries, plan.minutes, plan.amount_cents) == (3, 210, 33750)
    assert plans.of_flow_run(engine, connection_id, RUN) == plan
    kept = plans.entries_of(engine, plan.id, ["c", "a", "x"]).set_index("entry_id")
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


def test_what_waits_is_held_until_somebody_decides(offer, ledger_database):
    """Each way in which a wait ends gives the entries back."""
    engine, connection_id = ledger_database
    first, second, third = (
        offer(_rows(name), run=name, until=until)
        for name, until in (("a", LATER), ("b", LATER), ("c", NOW + timedelta(hours=1)))
    )
    ids = ["a", "b", "c", "d"]
    held = {"a": first.id, "b": second.id, "c": third.id}
    assert plans.held(engine, connection_id, ids, now=NOW) == held

    plans.decide(engine, first.id, PlanState.APPROVED, by="Ann", now=NOW)
    plans.decide(engine, second.id, PlanState.WITHDRAWN, by="Bo", now=NOW)

    assert plans.held(engine, connection_id, ids, now=NOW) == {"c": third.id}
    after = NOW + timedelta(hours=1)
    assert plans.held(engine, connection_id, ids, now=after) == {}
    states = [plan.state for plan in plans.every(engine, connection_id, now=after)]
    assert states == ["expired", "withdrawn", "approved"]


def test_of_two_decisions_the_first_counts(offer, ledger_database):
    """The second is told who was first, and changes nothing."""
    engine, _ = ledger_database
    plan = offer(_rows("a"))

    plans.decide(engine, plan.id, PlanState.REJECTED, by="Ann Lee", note="not yet", now=NOW)
    with pytest.raises(AskPerson, match="rejected already, by Ann Lee"):
        plans.decide(engine, plan.id, PlanState.APPROVED, by="Bo", now=NOW)

    kept = plans.of_id(engine, plan.id)
    assert (kept.state, kept.decided_by, kept.note) == ("rejected", "Ann Lee", "not yet")
    assert kept.decided_at == NOW


def test_what_somebody_typed_is_not_verified_unless_somebody_vouches(offer, ledger_database):
    """A name in the form proves nothing; a proxy's word does, and counts for the answer alone."""
    engine, _ = ledger_database
    typed, vouched, withdrawn, other = (offer(_rows(name), run=name) for name in "abcd")
    for name in "bcd":
        plans.vouch(engine, name, f"answer-{name}", "ann@books.example")

    assert plans.of_id(engine, vouched.id).verified_by is None
    yes = {"state": PlanState.APPROVED, "by": "Ann Lee", "now": NOW}
    by_hand = plans.decide(engine, typed.id, **yes)
    by_proxy = plans.decide(engine, vouched.id, **yes, answer_id="answer-b")
    by_another = plans.decide(engine, other.id, **yes, answer_id="answer-b")
    taken_back = plans.decide(engine, withdrawn.id, PlanState.WITHDRAWN, by="Clockbooks", now=NOW)
    plans.vouch(engine, "a", "answer-a", "bo@books.example")

    assert by_hand.decider == "Ann Lee (claimed, not verified)"
    assert by_proxy.decider == "ann@books.example (verified; typed Ann Lee)"
    assert by_another.decider == "Ann Lee (claimed, not verified)"
    assert taken_back.decider == "Clockbooks"
    assert plans.of_id(engine, typed.id).verified_by is None


def test_a_decision_that_comes_too_late_counts_for_nothing(offer, ledger_database):
    """At the very instant of the limit the plan has expired, and says so from then on."""
    engine, _ = ledger_database
    plan = offer(_rows("a"))

    with pytest.raises(AskPerson, match="nobody decided in time"):
        plans.decide(
            engine, plan.id, PlanState.APPROVED, by="Ann", left_out=LeftOut((1,)), now=LATER
        )

    assert plans.of_id(engine, plan.id).state is PlanState.EXPIRED
    assert not plans.numbered(engine, plan.id, [1])["left_out"].any()


def test_entries_are_left_out_by_number_person_or_project(offer, ledger_database):
    """Any of the three is enough; a project without a client is not one of a client."""
    engine, _ = ledger_database
    plan = offer(
        _rows("number"),
        _rows("person", user="Bo Li"),
        _rows("project", project="Roof"),
        _rows("clientless", client=None, project="Attic"),
        _rows("namesake", client="Orchard", project="Attic"),
        _rows("goes"),
    )
    left_out = LeftOut((1,), ("Bo Li",), (("Orchard", "Roof"), (None, "Attic")))
    assert plans.count_left_out(engine, plan.id, left_out) == 4
    assert plans.count_left_out(engine, plan.id, LeftOut()) == 0

    plans.decide(engine, plan.id, PlanState.APPROVED, by="Ann", left_out=left_out, now=NOW)

    kept = plans.numbered(engine, plan.id, range(1, 7))
    assert kept.loc[kept["left_out"].astype(bool), "entry_id"].tolist() == [
        "number", "person", "project", "clientless",
    ]  # fmt: skip


def test_the_names_of_a_plan(offer, ledger_database):
    """To choose from: each once, nobody who is nameless."""
    engine, _ = ledger_database
    plan = offer(
        _rows("a"), _rows("b", user="Bo Li", client=None), _rows("c", user=None, project=None)
    )

    assert plans.names_of(engine, plan.id) == (
        ["Ann Lee", "Bo Li"], [(None, "Kitchen"), ("Orchard", "Kitchen")],
    )  # fmt: skip


def test_two_plans_that_are_made_at_once_never_share_an_entry(offer, ledger_database):
    """Whoever comes second is told to run again, and leaves nothing behind."""
    engine, connection_id = ledger_database
    first = offer(_rows("a", "b"), run="first")

    with pytest.raises(TryAgain, match=f"Plan {first.id} came to wait meanwhile"):
        offer(_rows("b", "c"), run="second")

    assert [plan.id for plan in plans.every(engine, connection_id, now=NOW)] == [first.id]


def test_a_plan_without_entries_is_none(offer, ledger_database):
    """There is nothing to decide."""
    engine, connection_id = ledger_database

    assert offer() is None
    assert plans.every(engine, connection_id, now=NOW) == []


def test_a_plan_that_was_not_finished_holds_nothing_and_is_replaced(offer, ledger_database):
    """A process that died while it wrote one down leaves nothing that anybody could approve."""
    engine, connection_id = ledger_database
    options = {"days": ("2026-11-01", "2026-11-30"), "currency": "USD", "now": NOW}
    dead = PlanWriter(engine, connection_id, flow_run_id=RUN, address=None, **options)
    dead.add(_rows("a"), pd.Series([1]))
    assert plans.held(engine, connection_id, ["a"], now=NOW) == {}
    assert plans.of_flow_run(engine, connection_id, RUN) is None

    plan = offer(_rows("a"))

    assert plan.entries == 1
    assert plans.of_id(engine, dead.plan_id) in {None, plan}
