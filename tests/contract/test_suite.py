"""The contract suite itself: it leaves out no section, records no secret, and leaves nothing."""

import json
import os
import re
import subprocess
import sys
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import contract_records as records
import fidelity
import pytest
from clockify_studio import SCENARIO
from contract_quickbooks import COMPANY, check_sandbox
from hypothesis import given
from hypothesis import strategies as st

from connectors.standins.clockify.app import ClockifyStandin
from connectors.standins.quickbooks.app import QuickBooksStandin
from connectors.standins.server import serving

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

#: Sections of docs/vendor-facts.md without a rule here, and why.
NO_RULES = {
    "qbo-0.1": "shown by section 3",
    "qbo-0.2": "an absence",
    "qbo-0.3": "shown by section 4.5",
    "qbo-0.4": "shown by section 2.1",
    "qbo-0.5": "shown by section 2.2",
    "qbo-0.6": "start and end are never sent",
    "qbo-0.7": "shown by section 1.4",
    "qbo-0.11": "every call of the suite bears the version",
    "qbo-0.12": "shown by section 11.11",
    "qbo-1.3": "start and end are never sent",
    "qbo-9": "webhooks are not used",
    "qbo-10": "a mistake that is not made",
    "qbo-13.2": "a month's reads cannot be used up",
    "qbo-13.3": "about other services",
    "qbo-13.4": "about what stands between",
    "clockify-1.1": "the suite's own addresses",
    "clockify-2.8": "rates are read from the report",
    "clockify-7": "webhooks are not used",
    "clockify-8": "another product",
    "clockify-9.1": "files have tests of their own",
    "clockify-9.2": "files have tests of their own",
    "clockify-9.3": "files have tests of their own",
}


def test_every_section_has_a_rule_or_a_reason():
    """What docs/vendor-facts.md says the product relies on is shown here, section by section."""
    text = (ROOT / "docs" / "vendor-facts.md").read_text("utf-8")
    sections = set(re.findall(r'<a id="([^"]+)">', text))
    chapters = {one for one in sections if any(other.startswith(f"{one}.") for other in sections)}
    ruled = {f"{one.rule.service}-{one.rule.section}" for one in fidelity.shown()}

    assert sections - chapters - ruled == set(NO_RULES)
    assert ruled <= sections


# --- recordings --------------------------------------------------------------------------------

OURS = "Contract 12345678"
SECRET = "Zoë Quinn"
MEMBERS = st.sampled_from([*sorted(records.NAMES), "description", "Line1", "notes", "authToken"])


def scrubbed(*answers):
    """Return what is recorded of answers that name the company's secret number, too."""
    scrub = records.Scrubber(OURS, {"4620816365": "REALM"}, records.names_in(list(answers)))
    return json.dumps([scrub.value(answer) for answer in answers], ensure_ascii=False)


@given(st.lists(MEMBERS, min_size=1, max_size=4), st.booleans())
def test_no_recording_has_a_name(members, is_listed):
    """However deep it lies, and also where a fault's words repeat it."""
    answer = SECRET
    for member in members:
        answer = {member: [answer] if is_listed else answer, "realm": "4620816365"}

    text = scrubbed(answer, {"name": SECRET}, {"Detail": f"{SECRET} exists : 4620816365"})

    assert "Quinn" not in text
    assert "4620816365" not in text


def test_a_recording_names_no_colleague():
    """QuickBooks tells who else was at work (FACTS, QBO, 7.2)."""
    detail = "You and Jane Doe were working on this at the same time. Jane Doe finished before you."

    assert "Jane" not in scrubbed({"Detail": detail})


def test_a_recording_keeps_what_it_is_about():
    """The service's own words, numbers, times; ids stay apart; our own names lose their mark."""
    id_ = "64aa000000000000000000a1"
    answer = {
        "code": "6240",
        "Message": "Duplicate Name Exists Error",
        "DisplayName": f"{OURS} customer 1",
        "TxnDate": "2026-03-02",
        "Hours": 3,
        "id": id_,
        "projectId": id_,
    }

    (kept,) = json.loads(scrubbed(answer))

    assert kept == answer | {
        "DisplayName": "Contract customer 1", "id": f"{1:024x}", "projectId": f"{1:024x}"
    }  # fmt: skip


def exchange(status=200, **answer):
    return {
        "exchanges": [
            {
                "asked": "POST /v3/company/REALM/timeactivity",
                "status": status,
                "media_type": "application/json",
                "answer": answer,
            }
        ]
    }


@pytest.mark.parametrize(
    ("real", "told"),
    [
        (exchange(Id="1", Hours=1), []),
        (exchange(Id="7", Hours=2, More="…"), []),
        (exchange(Id="1", Hours=None), []),
        (exchange(400, Id="1", Hours=1), ["status 200 instead of 400"]),
        (exchange(Id="1"), [".Hours: not in the recorded answer"]),
        (exchange(Id="1", Hours="1"), [".Hours: a number instead of a text"]),
        ({"exchanges": []}, ["record it again"]),
    ],
    ids=["same", "more", "null", "status", "member", "type", "questions"],
)
def test_a_stand_in_is_held_against_recordings(real, told):
    """Another status, a member of its own or of another type fails; what it lacks does not."""
    found = records.differences(real, exchange(Id="1", Hours=1))

    assert len(found) == len(told)
    assert all(part in difference for part, difference in zip(told, found, strict=True))


def test_codes_are_held_against_recordings():
    """A fault's code is no detail."""
    fault = {"Fault": {"Error": [{"code": "6000", "Message": "…"}]}}
    real = {"Fault": {"Error": [{"code": "2170", "Message": "…"}]}}

    (found,) = records.differences(exchange(400, **real), exchange(400, **fault))

    assert found.endswith("code: '6000' instead of '2170'")


# --- a whole run -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["https://quickbooks.api.intuit.com", "https://sandbox-quickbooks.api.intuit.com.example.com"],
)
def test_no_real_company_is_touched(url):
    """The suite books time and deletes it: Intuit's sandbox only."""
    with pytest.raises(pytest.exit.Exception, match="no sandbox"):
        check_sandbox(url)
    check_sandbox("https://sandbox-quickbooks.api.intuit.com")


def run_suite(*arguments, **keys):
    """Run the suite in a process of its own, with keys in its environment."""
    environment = os.environ | {f"CLOCKBOOKS_CONTRACT_{name}": one for name, one in keys.items()}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=HERE, env=environment, capture_output=True, text=True, check=False
    )


@dataclass
class RealRun:
    """A run on services that are not the suite's own, and what it left."""

    clockify: ClockifyStandin
    quickbooks: QuickBooksStandin
    folder: Path
    token: str
    ended: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def real_run(tmp_path_factory):
    """Run the suite with keys; stand-ins with all their limits play the real services."""
    clockify = ClockifyStandin(deepcopy(SCENARIO))
    quickbooks = QuickBooksStandin({"quickbooks": deepcopy(COMPANY)})
    folder, token = tmp_path_factory.mktemp("recorded"), quickbooks.access_token()
    with serving(clockify.app) as clockify_url, serving(quickbooks.app) as quickbooks_url:
        ended = run_suite(
            "-m",
            "real",
            CLOCKIFY_API_KEY="owner",
            CLOCKIFY_WORKSPACE_ID=clockify.workspace_id,
            CLOCKIFY_URL=f"{clockify_url}/api/v1",
            CLOCKIFY_REPORTS_URL=f"{clockify_url}/report/v1",
            QBO_URL=quickbooks_url,
            QBO_REALM_ID=quickbooks.realm_id,
            QBO_ACCESS_TOKEN=token,
            QBO_TOKEN_URL=f"{quickbooks_url}/oauth2/v1/tokens/bearer",
            QBO_DISCOVERY_URL=f"{quickbooks_url}/.well-known/openid_configuration",
            QBO_CLIENT_ID=COMPANY["client_id"],
            QBO_CLIENT_SECRET=COMPANY["client_secret"],
            FOLDER=str(folder),
        )
    return RealRun(clockify, quickbooks, folder, token, ended)


@pytest.mark.slow
def test_a_real_run_leaves_the_accounts_as_they_were(real_run):
    """Time and invoices are deleted, names inactive; no limit was reached."""
    clockify, quickbooks = real_run.clockify, real_run.quickbooks

    assert real_run.ended.returncode == 0, real_run.ended.stdout
    assert (quickbooks.activities, quickbooks.invoices, quickbooks.throttled) == ({}, {}, 0)
    lists = (quickbooks.customers, quickbooks.employees, quickbooks.vendors)
    assert not any(row["Active"] for rows in lists for row in rows.values())
    own = [*clockify.entries.values(), *clockify.projects.values(), *clockify.clients.values()]
    assert "Contract" not in json.dumps(own)
    assert not clockify.custom_fields


@pytest.mark.slow
def test_a_real_run_records_no_secret(real_run):
    """Neither token nor company, nor anybody's name."""
    files = list(real_run.folder.rglob("*.json"))
    text = "".join(path.read_text("utf-8") for path in files)

    assert len(files) > 150
    people = [user["name"] for user in real_run.clockify.users.values() if user["name"]]
    things = ["Studio", "Website", "Acme", COMPANY["company"]["CompanyName"]]
    secrets = [real_run.token, real_run.quickbooks.realm_id, COMPANY["client_secret"]]
    assert not [word for word in (*people, *things, *secrets) if word in text]


@pytest.mark.slow
def test_what_a_real_run_recorded_holds_the_stand_ins(real_run):
    """They pass against it; they would not if the real service had answered otherwise."""
    alike = run_suite("-m", "not slow", f"--ignore={__file__}", FOLDER=str(real_run.folder))
    assert alike.returncode == 0, alike.stdout
    test = "test_a_deletion_answers_with_the_id"
    path = real_run.folder / "sandbox" / f"{test}.json"
    path.write_text(path.read_text("utf-8").replace('"status": 200', '"status": 204'), "utf-8")

    other = run_suite("-k", test, FOLDER=str(real_run.folder))

    assert other.returncode == 1
    assert "status 200 instead of 204" in other.stdout
