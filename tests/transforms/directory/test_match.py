"""Who in Clockify is who in QuickBooks: exactly one of a name, or nobody."""

import unicodedata

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.links import Links
from schemas.words import Problem
from transforms.directory.match import match_projects, match_users
from transforms.directory.names import DELETED_USER, same_form, without_case

NO_LINKS = Links.validate(pd.DataFrame(columns=list(Links.to_schema().columns), dtype="str"))


def linked(matches):
    """Return the pairs that were linked, as {clockify id: QuickBooks id}."""
    return dict(zip(matches.links["clockify_id"], matches.links["qbo_id"], strict=True))


def lost(matches):
    """Return those without a partner, as {clockify id: problem}."""
    frame = matches.unlinked
    return dict(zip(frame["clockify_id"], frame["problem"], strict=True))


@pytest.fixture(scope="session")
def staff(users, people):
    """Return a function to match names of users with rows of people."""

    def match(names, rows, *, link_vendors=True, already=NO_LINKS):
        return match_users(users(*names), people(*rows), linked=already, link_vendors=link_vendors)

    return match


@pytest.fixture(scope="session")
def work(projects, customers):
    """Return a function to match projects with customers, both by their full names."""

    def match(names, full_names, *, already=NO_LINKS):
        return match_projects(projects(*names), customers(*full_names), linked=already)

    return match


# --- when two names are the same ---------------------------------------------------------------


@given(st.text())
def test_composed_and_decomposed_names_are_the_same(name):
    """é is é, whether typed as one letter or as two."""
    assert same_form(unicodedata.normalize("NFD", name)) == same_form(name)
    assert without_case(unicodedata.normalize("NFD", name)) == without_case(name)


@given(st.text())
def test_the_form_of_names_is_stable(name):
    """Normalizing a name twice changes nothing more."""
    assert same_form(same_form(name)) == same_form(name)
    assert without_case(same_form(name)) == without_case(name)


# --- users -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "employee"),
    [
        ("Ann Lee", "Ann Lee"),
        ("Zoë Núñez", unicodedata.normalize("NFD", "Zoë Núñez")),
        (unicodedata.normalize("NFD", "Zoë Núñez"), "Zoë Núñez"),
        ("Ann  Lee", "Ann Lee"),
        (" Ann Lee\t", "Ann Lee"),
        ("Ann\u00a0Lee", "Ann Lee"),
        ("Ann Lee", "Ann\u2003Lee "),
        ("李 四", "李 四"),
    ],
)
def test_the_same_name_links(staff, user, employee):
    """After Unicode NFC and collapsing of white space, names that are equal link."""
    matches = staff([user], [("employee", "55", employee)])
    assert linked(matches) == {"u1": "55"}
    assert matches.links.to_dict("records")[0] == {
        "kind": "user",
        "clockify_id": "u1",
        "clockify_name": user,
        "qbo_kind": "employee",
        "qbo_id": "55",
        "qbo_name": employee,
        "origin": "name",
    }
    assert len(matches.unlinked) == len(matches.unused) == 0


@pytest.mark.parametrize(("user", "employee"), [("ann lee", "Ann Lee"), ("STRASSE", "Straße")])
def test_another_case_is_a_near_miss_only(staff, user, employee):
    """It is not linked, and the likely partner is named with its id."""
    matches = staff([user], [("employee", "55", employee)])
    assert linked(matches) == {}
    assert lost(matches) == {"u1": "near"}
    (candidates,) = matches.unlinked["candidates"]
    assert employee in candidates
    assert "55" in candidates


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Anne Lee", "differs in one letter"),
        ("An Lee", "differs in one letter"),
        ("Ann Lea", "differs in one letter"),
        ("Anm Lee", "differs in one letter"),
        ("nAn Lee", "differs in one letter"),  # two letters swapped
        ("ANN LEE", "differs in case"),
        ("Ann Leé", "differs in accents"),
        ("AnnLee", "differs in punctuation or spaces"),
        ("Ann-Lee", "differs in punctuation or spaces"),
        ("Lee Ann", "first and last name swapped"),
        ("Lee, Ann", "first and last name swapped"),
        ("Ann Marie Lee", "differs by one word"),
    ],
)
def test_a_likely_partner_is_told_with_the_reason(staff, name, why):
    """It is not linked: a person decides whether the two are the same."""
    matches = staff([name], [("employee", "55", "Ann Lee"), ("employee", "56", "Bo Li")])
    assert linked(matches) == {}
    assert lost(matches) == {"u1": "near"}
    assert [(candidate.partner.qbo_id, candidate.why) for candidate in matches.near] == [
        ("55", why)
    ]
    assert matches.unlinked["candidates"].tolist() == [f"employee 'Ann Lee' (id 55), {why}"]


@pytest.mark.parametrize("name", ["Ann", "Lee", "Anna Leigh", "Bo Lee", "Ann Marie Louise Lee"])
def test_another_name_is_missing(staff, name):
    """A name that is not similar is not a near miss."""
    assert lost(staff([name], [("employee", "55", "Ann Lee")])) == {"u1": "missing"}


def test_the_likeliest_partner_is_told_first_and_alone(staff):
    """A difference in case beats a letter; equally likely partners are listed, three at most."""
    rows = [
        ("employee", "55", "Ann Leo"),
        ("employee", "56", "Ann LEE"),
        ("vendor", "57", "Ann lee"),
    ]
    matches = staff(["Ann Lee"], rows)
    assert [candidate.partner.qbo_id for candidate in matches.near] == ["56", "57"]
    crowd = [("employee", str(n), f"Ann Le{letter}") for n, letter in enumerate("abcdf", 60)]
    assert [candidate.partner.qbo_id for candidate in staff(["Ann Lee"], crowd).near] == [
        "60",
        "61",
        "62",
    ]


def test_whoever_has_their_namesake_is_nobodys_near_miss(staff):
    """Jon is linked to Jon, so John without a partner is missing, and not a near miss of Jon."""
    matches = staff(["Jon Smith", "John Smith"], [("employee", "55", "Jon Smith")])
    assert linked(matches) == {"u1": "55"}
    assert lost(matches) == {"u2": "missing"}


def test_an_address_tells_who_may_be_meant(users, people):
    """A user without a name yet, or with another one, has the e-mail address of an employee."""
    matches = match_users(
        users(None, "Zoe L.", "Bo").assign(email=["Ann@Example.com ", "zoe@example.com", None]),
        people(("employee", "55", "Ann Lee"), ("vendor", "56", "Zoë Lindqvist")).assign(
            email=["ann@example.com", "zoe@example.com"]
        ),
        linked=NO_LINKS,
        link_vendors=True,
    )
    assert [
        (candidate.unmatched.clockify_id, candidate.partner.qbo_id, candidate.why)
        for candidate in matches.near
    ] == [
        ("u1", "55", "the same e-mail address"),
        ("u2", "56", "the same e-mail address"),
    ]
    assert lost(matches)["u3"] == "missing"


def test_who_was_unlinked_by_hand_is_not_linked_by_name_again(users, people):
    """The name would match; a person has said that it is somebody else."""
    matches = match_users(
        users("Ann Lee", "Bo Li"),
        people(("employee", "55", "Ann Lee"), ("employee", "56", "Bo Li")),
        linked=NO_LINKS,
        link_vendors=True,
        apart={"u1": Problem.UNLINKED},
    )
    assert linked(matches) == {"u2": "56"}
    assert lost(matches) == {"u1": "unlinked"}
    assert matches.unlinked["candidates"].tolist() == ["employee 'Ann Lee' (id 55)"]


def test_an_employee_beats_a_vendor(staff):
    """Somebody who is both is paid as an employee."""
    rows = [("vendor", "7", "Ann Lee"), ("employee", "55", "Ann Lee")]
    matches = staff(["Ann Lee"], rows)
    assert linked(matches) == {"u1": "55"}
    assert matches.links["qbo_kind"].tolist() == ["employee"]


def test_a_contractor_is_linked_unless_vendors_are_off(staff):
    """`link_vendors` decides; ids of vendors and employees may be the same."""
    rows = [("vendor", "7", "Ann Lee"), ("employee", "7", "Bo Li")]
    on, off = (staff(["Ann Lee"], rows, link_vendors=allowed) for allowed in (True, False))
    assert linked(on) == {"u1": "7"}
    assert on.links["qbo_kind"].tolist() == ["vendor"]
    assert lost(off) == {"u1": "missing"}
    assert [partner.name for partner in off.unused] == ["Bo Li"]


@pytest.mark.parametrize("kind", ["employee", "vendor"])
def test_two_of_a_name_are_ambiguous(staff, kind):
    """Neither is linked, and both ids are reported."""
    matches = staff(["Ann Lee"], [(kind, "71", "Ann Lee"), (kind, "72", "Ann  Lee")])
    assert linked(matches) == {}
    assert lost(matches) == {"u1": "ambiguous"}
    (candidates,) = matches.unlinked["candidates"]
    assert "71" in candidates
    assert "72" in candidates


def test_two_users_of_a_name_are_not_linked_to_one_employee(staff):
    """Nobody can know which one it is, not even when one was linked by hand."""
    rows = [("employee", "55", "Ann Lee")]
    matches = staff(["Ann Lee", "Ann Lee"], rows)
    assert lost(matches) == {"u1": "ambiguous", "u2": "ambiguous"}

    by_hand = matches.unlinked.head(1)[["kind", "clockify_id", "clockify_name"]].assign(
        qbo_kind="employee", qbo_id="99", qbo_name="x", origin="manual"
    )
    assert lost(staff(["Ann Lee", "Ann Lee"], rows, already=by_hand)) == {"u2": "ambiguous"}


@pytest.mark.parametrize("origin", ["name", "created"])
def test_who_bears_the_old_name_of_somebody_renamed_is_not_their_employee(staff, origin):
    """A partner is for one user: the new one is ambiguous, and the holder of the link is named."""
    already = NO_LINKS.copy()
    already.loc[0] = ["user", "u1", "Ann Lee", "employee", "55", "Ann Lee", origin]
    matches = staff(["Ann Lee-Kim", "Ann Lee"], [("employee", "55", "Ann Lee")], already=already)
    assert linked(matches) == {}
    assert lost(matches) == {"u2": "ambiguous"}
    (candidates,) = matches.unlinked["candidates"]
    assert "id 55" in candidates
    assert "already linked to the user 'Ann Lee' (id u1)" in candidates


def test_somebody_known_from_files_may_come_to_clockify(staff):
    """A link for the rows of files, which have only a name, blocks nobody."""
    already = NO_LINKS.copy()
    already.loc[0] = ["user", "name:Ann Lee", "Ann Lee", "employee", "55", "Ann Lee", "name"]
    matches = staff(["Ann Lee"], [("employee", "55", "Ann Lee")], already=already)
    assert linked(matches) == {"u1": "55"}


def test_an_employee_given_by_hand_may_also_be_given_by_name(staff):
    """Several users may be linked to one contractor by hand; that blocks no match by name."""
    already = NO_LINKS.copy()
    already.loc[0] = ["user", "u1", "Bo Li", "vendor", "55", "Ann Lee", "manual"]
    matches = staff(["Bo Li", "Ann Lee"], [("vendor", "55", "Ann Lee")], already=already)
    assert linked(matches) == {"u2": "55"}


@pytest.mark.parametrize("name", [DELETED_USER, f" {DELETED_USER} ", None, "", "  "])
def test_who_has_no_name_is_not_linked(staff, name):
    """Clockify gives every deleted user the same name, so nobody is matched by it."""
    matches = staff([name, "Ann Lee"], [("employee", "55", DELETED_USER)])
    assert linked(matches) == {}
    assert lost(matches) == {"u1": "missing", "u2": "missing"}


def test_inactive_people_are_not_newly_linked(staff):
    """QuickBooks appends ` (deleted)`; neither the old name nor the new one links."""
    rows = [("employee", "55", "Ann Lee (deleted)", False), ("employee", "56", "Bo Li", False)]
    matches = staff(["Ann Lee", "Ann Lee (deleted)", "Bo Li"], rows)
    assert linked(matches) == {}
    assert lost(matches) == {"u1": "near", "u2": "missing", "u3": "near"}
    assert {candidate.why for candidate in matches.near} == {"inactive in QuickBooks"}
    assert matches.unused == []


def test_an_inactive_namesake_is_no_rival(staff):
    """The active one is meant."""
    rows = [("employee", "55", "Ann Lee", False), ("employee", "56", "Ann Lee")]
    assert linked(staff(["Ann Lee"], rows)) == {"u1": "56"}


def test_a_link_survives_every_sync(staff):
    """By hand or by name, whatever the names are now, active or not: it is left alone."""
    already = NO_LINKS.copy()
    already.loc[0] = ["user", "u1", "Ann Lee", "employee", "54", "Somebody", "manual"]
    rows = [("employee", "55", "Ann Lee"), ("employee", "54", "Gone (deleted)", False)]
    matches = staff(["Ann Lee", "Bo Li"], rows, already=already)
    assert linked(matches) == {}
    assert lost(matches) == {"u2": "missing"}
    assert [partner.qbo_id for partner in matches.unused] == ["55"]


# --- projects ----------------------------------------------------------------------------------

# The table of the domain: what each level of QuickBooks' hierarchy is in Clockify.
FOUR_LEVELS = [
    "Lonely",
    "Customer",
    "Customer:Sub 1",
    "Customer:Sub 1:Sub 2",
    "Customer:Sub 1:Sub 2:Sub 3",
]


@pytest.mark.parametrize(
    ("project", "customer"),
    [
        ("Lonely", "Lonely"),  # top-level without sub-customers: a project without client
        ("Customer", "Customer"),  # top-level with sub-customers: also without a client
        ("Customer › Sub 1", "Customer:Sub 1"),  # sub-customer with sub-customers
        ("Sub 1 › Sub 2", "Customer:Sub 1:Sub 2"),
        ("Sub 2 › Sub 3", "Customer:Sub 1:Sub 2:Sub 3"),  # sub-customer without
        ("Sub 3", "Customer:Sub 1:Sub 2:Sub 3"),  # without a client, and the only one
        ("Sub  2 › Sub 3 ", "Customer:Sub 1:Sub 2:Sub 3"),
    ],
)
def test_each_level_has_its_project(work, project, customer):
    """Client › project is parent › sub-customer at every depth."""
    matches = work([project], FOUR_LEVELS)
    assert linked(matches) == {"p1": str(FOUR_LEVELS.index(customer) + 1)}
    assert matches.links["qbo_name"].tolist() == [customer]
    assert matches.links["qbo_kind"].tolist() == ["customer"]
    assert len(matches.unused) == 4


@pytest.mark.parametrize(
    "project",
    [
        "Customer › Sub 2",  # a grandparent is no client
        "Sub 2 › Sub 1",
        "Sub 1 › Customer",  # the wrong way round
        "Somebody › Lonely",  # another client's
        "customer › sub 1",
        "lonely",
        "sub 3",
    ],
)
def test_another_place_or_case_is_a_near_miss(work, project):
    """The customer of that name is reported with its path and id; it is not linked."""
    matches = work([project], FOUR_LEVELS)
    assert linked(matches) == {}
    assert lost(matches) == {"p1": "near"}
    (shown,) = matches.unlinked["candidates"]
    assert any(f"{name!r} (id {id_})" in shown for id_, name in enumerate(FOUR_LEVELS, start=1))
    assert matches.unlinked["clockify_name"].tolist() == [project]


def test_one_name_under_two_parents(work):
    """The client decides; without one it is ambiguous, and both are reported."""
    names = ["A", "A:Kitchen", "B", "B:Kitchen"]
    matches = work(["A › Kitchen", "B › Kitchen", "Kitchen", "C › Kitchen"], names)
    assert linked(matches) == {"p1": "2", "p2": "4"}
    assert lost(matches) == {"p3": "ambiguous", "p4": "near"}
    for shown in matches.unlinked["candidates"]:
        assert "'A:Kitchen' (id 2)" in shown
        assert "'B:Kitchen' (id 4)" in shown


def test_parents_of_one_name_make_a_client_ambiguous(work):
    """Two customers are called `Site`, each with a `Kitchen`: no client tells them apart."""
    names = ["A", "A:Site", "A:Site:Kitchen", "B", "B:Site", "B:Site:Kitchen"]
    assert lost(work(["Site › Kitchen"], names)) == {"p1": "ambiguous"}


def test_a_top_level_customer_beats_sub_customers_of_its_name(work):
    """A project without a client is the top-level customer where there is one."""
    assert linked(work(["Kitchen"], ["A", "A:Kitchen", "Kitchen"])) == {"p1": "3"}


def test_inactive_customers_are_not_newly_linked(work):
    """Nor do they make another one ambiguous."""
    names = ["A", "A:Kitchen (deleted)", "B", "B:Kitchen", "Old (deleted)"]
    matches = work(["A › Kitchen", "Kitchen", "Old", "Old (deleted)"], names)
    assert linked(matches) == {"p2": "4"}
    assert lost(matches) == {"p1": "near", "p3": "near", "p4": "missing"}
    assert {
        (candidate.unmatched.clockify_id, candidate.partner.qbo_id, candidate.why)
        for candidate in matches.near
    } == {
        ("p1", "2", "inactive in QuickBooks"),
        ("p3", "5", "inactive in QuickBooks"),
    }


def test_an_inactive_customer_is_not_replaced_by_a_sub_customer_of_its_name(work):
    """`Acme` was closed; `Holding:Acme` is another customer, and nothing shows that it is meant."""
    matches = work(["Acme"], ["Acme (deleted)", "Holding", "Holding:Acme"])
    assert linked(matches) == {}
    assert [(candidate.partner.qbo_id, candidate.why) for candidate in matches.near] == [
        ("1", "inactive in QuickBooks")
    ]


def test_of_two_projects_one_customer_goes_to_the_one_that_names_its_client(work):
    """A project without a client does not get a customer that another project names in full."""
    names = ["A", "A:Kitchen"]
    matches = work(["Kitchen", "A › Kitchen"], names)
    assert linked(matches) == {"p2": "2"}
    assert lost(matches) == {"p1": "ambiguous"}
    assert lost(work(["A:Kitchen", "A › Kitchen"], names)) == {"p1": "ambiguous", "p2": "ambiguous"}


def test_a_recreated_project_is_not_linked_to_the_customer_of_the_old_one(work):
    """Nor one that has the old name of a renamed project."""
    already = NO_LINKS.copy()
    already.loc[0] = ["project", "p9", "Acme", "customer", "1", "Acme", "name"]
    matches = work(["Acme"], ["Acme"], already=already)
    assert lost(matches) == {"p1": "ambiguous"}


def test_an_inactive_parent_still_names_its_sub_customers(work):
    """By the name that it had."""
    assert linked(work(["A › Kitchen"], ["A (deleted)", "A (deleted):Kitchen"])) == {"p1": "2"}


@pytest.mark.parametrize(
    ("project", "customer"),
    [
        ("Customer:Sub 1 › Sub 2", "Customer:Sub 1:Sub 2"),  # its client bears the whole path
        ("Customer:Sub 1:Sub 2", "Customer:Sub 1:Sub 2"),  # it bears the whole path itself
    ],
)
def test_a_whole_path_names_a_customer_too(work, project, customer):
    """As QuickBooks' FullyQualifiedName writes it, so that parents of one name can be told."""
    assert linked(work([project], FOUR_LEVELS)) == {"p1": str(FOUR_LEVELS.index(customer) + 1)}


def test_a_path_tells_parents_of_one_name_apart(work):
    """What the bare client leaves ambiguous, the client with its own parent decides."""
    names = ["A", "A:Site", "A:Site:Kitchen", "B", "B:Site", "B:Site:Kitchen"]
    assert linked(work(["A:Site › Kitchen", "B:Site › Kitchen"], names)) == {"p1": "3", "p2": "6"}


def test_numbers_are_no_typing_errors(work):
    """`Phase 2` is not a misspelled `Phase 1`, and `Lot 12` not a misspelled `Lot 21`."""
    matches = work(["A › Phase 2", "Lot 12"], ["A", "A:Phase 1", "Lot 21"])
    assert set(lost(matches).values()) == {"missing"}


# --- properties --------------------------------------------------------------------------------

few = st.sampled_from(["Ann", "ann", "Bo", "Bo ", "Zoe\u0308", "Zoë", DELETED_USER])
crowd = st.lists(few | st.none(), max_size=6)
staff_rows = st.lists(
    st.tuples(st.sampled_from(["employee", "vendor"]), few, st.booleans()), max_size=6
).map(lambda rows: [(kind, str(n), name, on) for n, (kind, name, on) in enumerate(rows, 50)])
sub_names = st.sampled_from(["A", "B", "a", "Kitchen", "kitchen"])
project_names = st.lists(sub_names | st.builds("{} › {}".format, sub_names, sub_names), max_size=6)
trees = st.lists(st.lists(sub_names, min_size=1, max_size=3).map(tuple), max_size=5).map(
    lambda paths: sorted({":".join(path[: n + 1]) for path in paths for n in range(len(path))})
)


def check_matches(frame, matches, again):
    """Check what is promised of all matches."""
    ids = [*matches.links["clockify_id"], *matches.unlinked["clockify_id"]]
    assert sorted(ids) == sorted(frame["clockify_id"])
    assert len(again.links) == 0
    assert lost(again) == lost(matches)


@given(crowd, staff_rows, st.booleans(), st.randoms())
def test_users_are_linked_once_and_never_by_guessing(users, people, names, rows, vendors, random):
    """Each user is linked or reported, none to one of two candidates; the order is irrelevant."""
    everybody, staff = users(*names), people(*rows)

    def match(left, right, already=NO_LINKS):
        return match_users(left, right, linked=already, link_vendors=vendors)

    matches = match(everybody, staff)

    check_matches(everybody, matches, match(everybody, staff, matches.links))
    employees, contractors = (
        {
            id_: same_form(name)
            for kind, id_, name, active in rows
            if active and kind == wanted and (kind == "employee" or vendors)
        }
        for wanted in ("employee", "vendor")
    )
    forms = [same_form(name or "") for name in names]
    for number, form in enumerate(forms, start=1):
        of_name = [id_ for id_, name in employees.items() if name == form] or [
            id_ for id_, name in contractors.items() if name == form
        ]
        alone = len(of_name) == 1 and forms.count(form) == 1 and form not in {"", DELETED_USER}
        assert linked(matches).get(f"u{number}") == (of_name[0] if alone else None)

    mixed = match(
        everybody.sample(frac=1, random_state=random.randrange(99)),
        staff.sample(frac=1, random_state=random.randrange(99)),
    )
    assert linked(mixed) == linked(matches)
    assert lost(mixed) == lost(matches)


@given(project_names, trees, st.randoms())
def test_projects_are_linked_once_and_never_by_guessing(projects, customers, names, tree, random):
    """The same for projects, whose partner has the name, under the client's name."""
    left, right = projects(*names), customers(*tree)
    matches = match_projects(left, right, linked=NO_LINKS)

    check_matches(left, matches, match_projects(left, right, linked=matches.links))
    for id_, qbo_id in linked(matches).items():
        client, _, name = names[int(id_[1:]) - 1].rpartition(" › ")
        of_name = [full.split(":") for full in tree if full.split(":")[-1] == name]
        placed = [full for full in of_name if client == (full[-2] if len(full) > 1 else "")]
        (partner,) = placed if client or placed else of_name
        assert ":".join(partner) == tree[int(qbo_id) - 1]

    mixed = match_projects(
        left.sample(frac=1, random_state=random.randrange(99)),
        right.sample(frac=1, random_state=random.randrange(99)),
        linked=NO_LINKS,
    )
    assert linked(mixed) == linked(matches)
    assert lost(mixed) == lost(matches)
