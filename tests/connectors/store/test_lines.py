"""A line is claimed for all of its entries, and what the ledger has of it, it has of each."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors.quickbooks.batch import Done, NotDone
from connectors.quickbooks.faults import Fault
from connectors.store import connections
from connectors.store.adoptions import Adoptions
from connectors.store.change_rows import Wanted
from schemas.tables import lines
from schemas.words import Mark, Operation, Source
from transforms.plan.lines import Member

REFUSAL = Fault("6000", "No", "Not so", "ValidationFault")
LEASE = timedelta(minutes=10)
ABC = ("a", "b", "c")


def ready(*ids):
    members = [Member(id_, 60 * nth, 60, f'{{"own":"{id_}"}}') for nth, id_ in enumerate(ids)]
    body = f'{{"Description":"{" ".join(ids)}"}}'
    row = {"entry_id": ids[0], "body": body, "minutes": 60 * len(ids), "date": "2026-03-02"}
    return row | {"members": members if len(ids) > 1 else []}


def claim(book, *rows, run_id=None, **about):
    """Claim rows, each given by the ids of its entries."""
    every = [id_ for ids in rows for id_ in ids]
    return book.store.ledger.claim(
        run_id or book.run_id,
        [ready(*ids) for ids in rows],
        book.about(*every, **{"source": "clockify", "since": 0, **about}),
        lease=LEASE,
        qbo_time=None,
    )


def claimed(made):
    return [] if made is None else [id_ for id_, _, _ in made.items]


def kept(book):
    with book.engine.connect() as connection:
        rows = connection.execute(sa.select(lines.c.entry_id, lines.c.first_id))
        return dict(tuple(row) for row in rows)


def recall(book, id_, activity):
    wanted = Wanted(id_, activity, "{}", date="2026-03-02")
    made = book.store.changes.claim(
        book.run_id, Operation.DELETE, [wanted], lease=LEASE, qbo_time=None
    )
    book.store.changes.record(made, [Done("1", activity, "")], qbo_time=None)


def test_each_entry_is_what_its_line_is(book):
    """With its own minutes, through all that becomes of the line."""
    made = claim(book, ABC, ("d",))
    assert claimed(made) == ["a", "d"]
    assert book.states(*ABC, "d") == dict.fromkeys([*ABC, "d"], "sending")
    assert book.store.ledger.count() == {"sending": 4}
    book.record(made, Done("1", "100", "0"), NotDone("2", REFUSAL))
    held = book.store.ledger.held([*ABC, "d"]).set_index("entry_id")
    assert held["time_activity_id"].dropna().to_dict() == dict.fromkeys(ABC, "100")
    assert set(held["minutes"]) == {60}
    assert book.store.ledger.state_of("c") == "sent"
    assert book.store.ledger.taken_by_others(["b", "d"], run_id="other") == {"b"}
    assert [row.entry_id for row in book.store.sent.of(["b"])] == [*ABC]
    assert {row.minutes for row in book.store.sent.between("2026-03-02", "2026-03-02")} == {60}
    recall(book, "a", "100")
    assert book.states(*ABC) == dict.fromkeys(ABC, "recalled")
    assert book.store.ledger.count() == {"recalled": 3, "refused": 1}


def test_what_was_refused_alone_counts_as_what_its_line_is(book, engine, joined, vault, clock):
    """Not as refused besides; and the lines of another connection say nothing of it."""
    second = connections.store_connection(
        engine, "b", joined(realm_id="78"), vault=vault, now=clock.now
    )
    other = type(book)(engine, second.id, clock, book.about)
    for one in (book, other):
        one.record(claim(one, ("b",)), NotDone("1", REFUSAL))
    book.record(claim(book, ABC), Done("1", "100", "0"))
    assert book.store.ledger.count() == {"sent": 3}
    assert other.store.ledger.count() == {"refused": 1}


@pytest.mark.parametrize("ends", ["sending", "sent"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ABC, ("a",)),
        (ABC, ("b",)),
        (("a",), ABC),
        (("b",), ABC),
        (ABC, ("x", "c")),
        (("x", "c"), ABC),
        (("b", "c"), ABC),
        (ABC, ("b", "c")),
    ],
)
def test_no_entry_is_claimed_twice(book, first, second, ends):
    """Alone or in whatever line; what else is in the batch is claimed."""
    made = claim(book, first, run_id=book.start())
    if ends == "sent":
        book.record(made, Done("1", "100", "0"))
    before = kept(book)
    assert claimed(claim(book, second, ("z",))) == ["z"]
    assert kept(book) == before


def test_no_line_goes_that_has_an_entry_of_which_parts_go(book):
    """Nor the parts of an entry that is in a line."""
    units = {"b": "b", "b/2": "b"}
    book.claim("b", "b/2", units=units, run_id=book.start())
    assert claimed(claim(book, ABC)) == []
    claim(book, ("d", "e"), run_id=book.start())
    made = book.claim("e", "e/2", units={"e": "e", "e/2": "e"})
    assert claimed(made) == []


def test_no_line_goes_that_has_an_entry_sent_from_a_file(book):
    """It is recognized by its content, as an entry that goes alone is."""
    book.claim("row of b", source=Source.FILE, run_id=book.start())
    assert claimed(claim(book, ABC)) == []


@pytest.mark.parametrize("ends", ["released", "refused", "recalled"])
@pytest.mark.parametrize(
    "then", [[("b",)], [("b", "c")], [("a",), ("b",), ("c",)], [("b", "x")], [ABC], [("a", "x")]]
)
def test_what_did_not_stay_goes_again_in_any_way(book, ends, then):
    """And what the ledger has of the new way counts, not what it had of the old one."""
    made = claim(book, ABC)
    if ends == "released":
        book.store.ledger.release(made)
    elif ends == "refused":
        book.record(made, NotDone("1", REFUSAL))
    else:
        book.record(made, Done("1", "100", "0"))
        recall(book, "a", "100")
    again = claim(book, *then)
    assert claimed(again) == [ids[0] for ids in then]
    gone = {id_ for ids in then for id_ in ids}
    states = book.states(*ABC, "x")
    assert {id_ for id_, state in states.items() if state == "sending"} == gone
    book.record(again, *[Done(str(nth), str(200 + nth), "0") for nth, _ in enumerate(then, 1)])
    sent = book.store.sent.between("2026-03-02", "2026-03-02")
    assert {row.entry_id for row in sent} == gone
    assert len(sent) == len(gone)
    known = book.store.contents.known(["2026-03-02"])["entry_id"].tolist()
    assert len(known) == len(set(known)) == len(book.store.ledger.held(known))
    assert book.store.ledger.count()["sent"] == len(gone)


def test_what_a_line_is_about_is_known_of_each_entry(book):
    """As it was when it was claimed; those of a file alone are none of them."""
    before = book.store.contents.newest_claim()
    claim(book, ABC, run_id=book.start())
    known = book.store.contents.known(["2026-03-02"]).set_index("entry_id")
    as_claimed = book.store.contents.as_claimed([*ABC]).set_index("entry_id")
    given = book.about(*ABC, source="clockify", since=0).of([*ABC])
    for id_ in ABC:
        for found in (known, as_claimed):
            assert (found.loc[id_].dropna() == given.loc[id_].dropna()[1:]).all()
    assert book.store.contents.known(["2026-03-02"], source=Source.FILE).empty
    with book.engine.connect() as connection:
        rivals = book.store.contents.claimed_since(connection, before, book.run_id, ["2026-03-02"])
    assert sorted(rivals["entry_id"]) == [*ABC]


def test_a_doubt_is_one_and_counts_for_each(book):
    """It is settled under the id of the first."""
    made = claim(book, ABC, run_id=book.start(timedelta(0)))
    book.clock.now += timedelta(minutes=11)
    assert book.store.open_claims.number() == 3
    [doubt] = book.store.doubts.take(book.start(), at_work=timedelta(0))
    assert (doubt.entry_id, claimed(made)) == ("a", ["a"])
    assert book.store.lines.first_of("c") == "a"
    assert book.store.lines.whole(["b", "z"]) == {"a": [*ABC]}


def test_the_history_tells_of_each_entry(book):
    """Under its own id, with its own minutes, also of what was given back."""
    claim_ = claim(book, ABC)
    book.store.ledger.release(claim_)
    made = claim(book, ABC)
    book.record(made, Done("1", "100", "0"))
    for id_ in ABC:
        told = [(row["event"], row["minutes"]) for row in book.store.history.of(id_)]
        assert told == [("claimed", 60), ("released", None), ("claimed", 60), ("sent", 60)]


def test_each_entry_gets_its_tag_and_loses_it(book):
    """Also where the line's row goes to another line before it could be taken off."""
    book.store.marks.want(Mark.SENT_TAG, [*ABC])
    book.record(claim(book, ABC), Done("1", "100", "0"))
    assert sorted(book.store.marks.to_tag()) == [*ABC]
    book.store.marks.begin(Mark.SENT_TAG, [*ABC], tag_id="t")
    book.store.marks.settle(Mark.SENT_TAG, [*ABC])
    recall(book, "a", "100")
    assert sorted(book.store.marks.to_untag()) == [(id_, "t") for id_ in ABC]
    claim(book, ("a", "b"))
    assert book.store.marks.to_untag() == [("c", "t")]


def test_no_entry_of_a_line_is_adopted(book):
    """Not while the line is in the books; then it is, and the line is forgotten."""

    def adopt(id_, activity):
        row = {"entry_id": id_, "body": "{}", "minutes": 60, "date": "2026-03-02"}
        row |= {"time_activity_id": activity, "sync_token": "0"}
        about = book.about(id_, source="clockify", since=0)
        return adoptions.adopt(book.run_id, [row], about, lease=LEASE)

    adoptions = Adoptions(book.engine, book.store.ledger.connection_id, lambda: book.clock.now)
    book.record(claim(book, ABC), Done("1", "100", "0"))
    assert adopt("b", "900") == set()
    recall(book, "a", "100")
    assert adopt("b", "900") == {"b"}
    assert book.states(*ABC) == {"a": "recalled", "b": "sent", "c": "recalled"}
    assert kept(book) == {"a": "a", "c": "a"}
