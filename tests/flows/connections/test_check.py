"""`clockbooks check`: everything that can be known before a send, each line with what to do."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

pytestmark = pytest.mark.usefixtures("in_this_process")

NAMES = {
    "Clockify", "Clockify role", "Clockify plan", "QuickBooks", "QuickBooks plan", "Subscription",
    "Payroll", "Time tracking", "Billable time", "Books", "Currency", "Time zone", "Links",
    "How time is sent", "Ledger", "Tokens", "Limits", "Reads", "Addresses", "Notifications", "Key",
    "Database",
}  # fmt: skip

#: A line that is there only if there is something to say.
UNKNOWN_TIME = "Unknown time"

#: A send that only looks.
LOOK = ("send", "--start", "2026-09-22", "--end", "2026-09-22", "--dry-run")


def lines(ran):
    return {row["name"]: row for row in ran.document["checks"]}


def test_a_house_that_is_well_is_ready(synced):
    """Each line says what was found; warnings say what to do, and stop nothing."""
    ran = synced.run("check", "--json")

    assert ran.code == 0, ran.out + ran.err
    assert ran.document["connection"] == "main"
    found = lines(ran)
    assert {row["state"] for row in found.values()} == {"ok", "warning"}
    assert all(row["to_do"] for row in found.values() if row["state"] == "warning")
    assert set(found) == NAMES
    assert found["Links"]["state"] == "warning"  # the demo has people and projects without partner
    assert "refresh token until" in found["Tokens"]["found"]


def test_it_says_how_time_is_sent(synced, monkeypatch):
    """Each choice that the settings make is told, by `check` and by the plan of a send."""
    before = lines(synced.run("check", "--json"))["How time is sent"]["found"]
    monkeypatch.setitem(synced.environment, "CLOCKBOOKS_MISSING_RATE", "zero")
    names = (
        *("rounding=up:6", "rounding_per=day", "day_zone=worker", "split=midnight", "line_per=day"),
        *("description_marker=true", "sent_tag=In QuickBooks", "not_before=2026-01-15"),
    )
    assert synced.run("configure", *(f"--set={name}" for name in names)).code == 0

    told = lines(synced.run("check", "--json"))["How time is sent"]["found"]
    (note,) = [note for note in synced.run(*LOOK, "--json").document["notes"] if told in note]

    assert told != before
    assert note == f"How time is sent: {told}"
    for words in (
        "up to the next 6 minutes",
        "on each of its days",
        "as a whole",
        "as one TimeActivity",
        "from before 2026-01-15",
        "time zone",
        "rate of 0",
        "the entry's id",
        "the tag 'In QuickBooks'",
    ):
        assert words in told, words
        assert words not in before, words


def test_every_line_is_explained(pytestconfig):
    """A person who does not understand a line finds it in docs/troubleshooting.md."""
    text = (pytestconfig.rootpath / "docs" / "troubleshooting.md").read_text()

    for name in {*NAMES, UNKNOWN_TIME}:
        assert f"\n| {name} | " in text, name


def test_a_person_sees_a_table(synced):
    """The same for people: states, what was found, what to do, and whether a send would run."""
    ran = synced.run("check")

    assert ran.code == 0
    assert "Ready to send" in ran.out
    assert "QuickBooks plan" in ran.out
    assert "› " in ran.out


def booked(house, employee, day, **more):
    """Book an hour and a half by hand."""
    row = {"TxnDate": f"{day}", "NameOf": "Employee", "EmployeeRef": {"value": employee}}
    row |= {"Hours": 1, "Minutes": 30, "Description": "Trade fair"}
    return house.quickbooks.books.activities.create(row | more)["Id"]


def test_time_from_elsewhere_is_told_before_the_first_send(synced, rows_of):
    """How many TimeActivities and hours of linked people the last 31 days hold, and what to do."""
    links = [row["qbo_id"] for row in rows_of(synced, "links") if row["qbo_kind"] == "employee"]
    strangers = [id_ for id_ in synced.quickbooks.employees if id_ not in links]
    today = datetime.now(ZoneInfo("America/Chicago")).date()
    for days_ago in (0, 30, 31):
        booked(synced, links[0], today - timedelta(days=days_ago))
    booked(synced, strangers[0], today)
    ran = synced.run("check", "--json")

    assert ran.code == 0
    line = lines(ran)[UNKNOWN_TIME]
    assert line["state"] == "warning"
    assert "2 TimeActivities (3 h 00 min) of linked people" in line["found"]
    first = today - timedelta(days=30)
    assert f"`clockbooks adopt --start {first} --end {today}`" in line["to_do"]


def test_after_the_first_send_check_reads_no_time(synced):
    """Each send looks for itself then."""
    assert synced.run("send", "--start", "2026-09-22", "--end", "2026-09-22", "--yes").code in {
        0,
        3,
    }
    links = next(iter(synced.quickbooks.activities.values()))["EmployeeRef"]["value"]
    booked(synced, links, datetime.now(ZoneInfo("America/Chicago")).date())

    assert UNKNOWN_TIME not in lines(synced.run("check", "--json"))


def _company(name, value):
    def change(house):
        pairs = house.quickbooks.company["NameValue"]
        pairs[:] = [pair for pair in pairs if pair["Name"] != name]
        pairs.append({"Name": name, "Value": value})

    return change


def _preference(part, name, value):
    def change(house):
        house.quickbooks.preferences.setdefault(part, {})[name] = value

    return change


def _no_feature(house):
    house.clockify.workspace["features"] = []


STATES = {
    "no integration": (_no_feature, (), "Clockify plan", "problem"),
    "Simple Start": (
        _company("OfferingSku", "QuickBooks Online Simple Start"), (), "QuickBooks plan", "problem"
    ),
    "another plan": (_company("OfferingSku", "QuickBooks Solo"), (), "QuickBooks plan", "warning"),
    "expired": (_company("SubscriptionStatus", "EXPIRED"), (), "Subscription", "problem"),
    "payroll": (_company("PayrollFeature", "true"), (), "Payroll", "warning"),
    "payroll not allowed": (
        _company("PayrollFeature", "true"), ("--no-allow-payroll",), "Payroll", "problem"
    ),
    "payroll allowed": (
        _company("PayrollFeature", "true"), ("--allow-payroll",), "Payroll", "warning"
    ),
    "no time tracking": (
        _preference(
            "OtherPrefs", "NameValue", [{"Name": "TimeTrackingFeatureEnabled", "Value": "false"}]
        ),
        (), "Time tracking", "problem",
    ),
    "no billing": (
        _preference("TimeTrackingPrefs", "BillCustomers", False), (), "Billable time", "warning"
    ),
    "closed": (
        _preference("AccountingInfoPrefs", "BookCloseDate", "2026-06-30"), (), "Books", "ok"
    ),
    "another currency": (
        _preference("CurrencyPrefs", "HomeCurrency", {"value": "CAD"}), (), "Currency", "warning"
    ),
    "another zone": (
        lambda house: house.quickbooks.company.update(DefaultTimeZone="Asia/Tokyo"),
        (), "Time zone", "warning",
    ),
    "open database": (
        lambda house: (house.folder / "clockbooks.db").chmod(0o644), (), "Database", "warning"
    ),
}  # fmt: skip


#: One of each kind of change; the others are slow.
TELLING = (
    *("no integration", "Simple Start", "payroll not allowed", "no time tracking"),
    *("no billing", "closed", "open database"),
)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=() if case in TELLING else pytest.mark.slow) for case in STATES],
)
def test_each_state_is_told(synced, case):
    """What stops a send is a problem and ends with 1, the document there; the rest goes on."""
    change, options, name, state = STATES[case]
    (synced.folder / "clockbooks.db").chmod(0o600)
    change(synced)

    ran = synced.run("check", "--json", *options)

    found = lines(ran)
    assert found[name]["state"] == state, found[name]
    assert ran.code == (1 if state == "problem" else 0)
    assert bool(found[name]["to_do"]) == (state != "ok")
    if case == "closed":
        assert "2026-06-30" in found[name]["found"]
    if state == "problem":
        assert synced.run(*LOOK, *options).code == 1  # check and send agree


def test_names_with_colons_and_stops_are_not_cut(synced):
    """What was found holds the whole name; what to do stands apart."""
    _no_feature(synced)
    synced.clockify.workspace["name"] = "Acme: North. East"
    synced.quickbooks.company["CompanyName"] = "Acme Inc. Ltd: Books"
    _company("SubscriptionStatus", "EXPIRED")(synced)

    found = lines(synced.run("check", "--json"))

    plan, subscription = found["Clockify plan"], found["Subscription"]
    assert plan["found"].startswith("The Clockify workspace 'Acme: North. East' is on a plan")
    assert "Standard, Pro or Enterprise" in plan["to_do"]
    assert subscription["found"].startswith(
        "The QuickBooks subscription of 'Acme Inc. Ltd: Books' is expired"
    )
    assert subscription["to_do"] == "Renew it in QuickBooks."


@pytest.mark.parametrize("command", ["connect", "sync"])
def test_what_sends_nothing_does_not_speak_of_sending(synced, command):
    """Connect and sync stop at the same problems as a send, in words of their own."""
    _no_feature(synced)

    ran = synced.connect() if command == "connect" else synced.run("sync")

    assert ran.code == 1
    assert "without the QuickBooks integration" in ran.err
    assert "Nothing was changed." in ran.err
    assert "sent" not in ran.err


def test_one_failure_does_not_stop_the_others(synced):
    """A wrong Clockify key is reported; QuickBooks is checked all the same."""
    ran = synced.run("check", "--json", CLOCKBOOKS_CLOCKIFY_API_KEY="wrong-key-of-nobody")

    found = lines(ran)
    assert ran.code == 1
    assert found["Clockify"]["state"] == "problem"
    assert found["QuickBooks"]["state"] == "ok"
    assert found["Database"]["name"]
    assert "wrong-key-of-nobody" not in ran.out + ran.err


NOWHERE = "http://127.0.0.1:9"
FAILURES = {
    "wrong key": (
        {"CLOCKBOOKS_CLOCKIFY_API_KEY": "wrong-key-of-nobody"},
        "Clockify", "does not accept the API key.", "CLOCKBOOKS_CLOCKIFY_API_KEY",
    ),
    "Clockify is away": (
        {"CLOCKBOOKS_CLOCKIFY_URL": f"{NOWHERE}/api/v1"},
        "Clockify", "did not answer", "Check the network",
    ),
    "QuickBooks is away": (
        {"CLOCKBOOKS_QBO_URL": NOWHERE}, "QuickBooks", "did not answer", "Check the network",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_found_and_its_remedy_is_to_do(synced, case):
    """What is wrong is in what was found; what to do has only that."""
    environment, name, found, to_do = FAILURES[case]

    line = lines(synced.run("check", "--json", **environment))[name]

    assert line["state"] == "problem"
    assert found in line["found"]
    assert found not in line["to_do"]
    assert to_do in line["to_do"]
    assert to_do not in line["found"]


def test_an_ended_consent_is_told_and_intuit_is_left_alone(synced, rows_of):
    """The first look asks Intuit and learns it; the next ones know it already."""
    synced.quickbooks.oauth.revoke(synced.scenario["quickbooks"]["refresh_token"])
    asked = [path for _, path, _ in synced.quickbooks.requests if "bearer" in path]

    for _ in range(2):
        ran = synced.run("check", "--json")
        assert ran.code == 1
        assert "clockbooks connect" in lines(ran)["QuickBooks"]["to_do"]

    again = [path for _, path, _ in synced.quickbooks.requests if "bearer" in path]
    assert len(again) - len(asked) == 1
    assert rows_of(synced, "secrets")[0]["consent_ended_at"]


def test_the_end_of_the_consent_is_told_in_time(synced, execute):
    """Two weeks before, check warns, and every run has a note."""
    quiet = synced.run("sync", "--json")
    assert quiet.document["notes"] == []
    soon = timedelta(days=13)
    execute(synced, "UPDATE secrets SET consent_expires_at = datetime('now', ?)",
            f"+{soon.days} days")  # fmt: skip

    assert lines(synced.run("check", "--json"))["Tokens"]["state"] == "warning"
    for command in (("sync",), ("settle",), LOOK):
        (note,) = [
            note for note in synced.run(*command, "--json").document["notes"] if "consent" in note
        ]
        assert "run `clockbooks connect` again" in note
        assert note in " ".join(synced.run(*command).out.split())


def test_hosts_of_strangers_and_a_file_that_others_read_are_named(shared_house):
    """Who else gets keys and tokens is a warning; stand-ins on this machine are not."""
    (shared_house.folder / ".env").write_text("CLOCKBOOKS_ROUNDING=none\n")
    (shared_house.folder / ".env").chmod(0o644)
    elsewhere = {"CLOCKBOOKS_QBO_REVOKE_URL": "https://intuit.com.evil.example/revoke"}

    here = lines(shared_house.run("check", "--json"))
    there = lines(shared_house.run("check", "--json", **elsewhere))
    (shared_house.folder / ".env").unlink()

    assert here["Addresses"]["state"] == "ok"
    assert "CLOCKBOOKS_QBO_URL" in here["Addresses"]["found"]
    assert there["Addresses"]["state"] == "warning"
    assert "intuit.com.evil.example" in there["Addresses"]["found"]
    assert "chmod 600" in here["Settings"]["to_do"]
