"""Runs each rule on the stand-ins, and on the real services when their keys are at hand."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import contract_records as records
import pytest
from clockify_studio import SCENARIO
from contract_clockify import Clockify
from contract_http import Clock, Service, Where, open_session
from contract_quickbooks import COMPANY, SANDBOX, QuickBooks, check_sandbox
from contract_rules import REAL, SWITCHES, Rule

KEYS = "CLOCKBOOKS_CONTRACT_"
#: What must be in the environment for a real service; docs/contract.md describes all of them.
NEEDED = {
    "qbo": ("QBO_REALM_ID", "QBO_ACCESS_TOKEN"),
    "clockify": ("CLOCKIFY_API_KEY", "CLOCKIFY_WORKSPACE_ID"),
}
CLIENTS: dict[str, type[Service]] = {"qbo": QuickBooks, "clockify": Clockify}

TOKENS = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"
DISCOVERY = "https://developer.intuit.com/.well-known/openid_sandbox_configuration"
CORE, REPORTS = "https://api.clockify.me/api/v1", "https://reports.api.clockify.me/v1"


def key(name: str, default: str = "") -> str:
    return os.environ.get(KEYS + name, "").strip() or default


def has_keys(service: str) -> bool:
    return all(key(name) for name in NEEDED[service])


def pytest_report_header() -> list[str]:
    """Say which services the suite runs on."""
    lines = []
    for service, names in NEEDED.items():
        missing = ", ".join(KEYS + name for name in names)
        on = REAL[service] if has_keys(service) else f"no {REAL[service]}, for want of {missing}"
        lines.append(f"contract of {service}: stand-in; {on}")
    return lines


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Let each rule run on the stand-in with each setting of its switch, and on the real one."""
    mark = metafunc.definition.get_closest_marker("rule")
    if mark is None:
        return
    rule: Rule = mark.args[0]
    if rule.switch:
        settings = [{rule.switch: setting} for setting in rule.all_settings()]
        targets = [pytest.param(one, id=f"stand-in {_shown(one)}") for one in settings]
    else:
        targets = [pytest.param({}, id="stand-in")]
    if not rule.only and has_keys(rule.service):
        targets.append(pytest.param(None, id=REAL[rule.service], marks=pytest.mark.real))
    metafunc.parametrize("target", targets)


def _shown(switches: dict[str, Any]) -> str:
    return ", ".join(f"{name}={setting}" for name, setting in switches.items())


@pytest.fixture
def qbo(request: pytest.FixtureRequest, target: dict[str, Any] | None) -> Iterator[Service]:
    """Give a company: a new stand-in, or the sandbox."""
    yield from _real(request, "qbo") if target is None else _standin(request, "qbo", target)


@pytest.fixture
def clockify(request: pytest.FixtureRequest, target: dict[str, Any] | None) -> Iterator[Service]:
    """Give a workspace: a new stand-in, or the real one."""
    yield from (
        _real(request, "clockify") if target is None else _standin(request, "clockify", target)
    )


def _real(request: pytest.FixtureRequest, name: str) -> Iterator[Service]:
    service: Service = request.getfixturevalue(f"real_{name}")
    service.begin()
    yield service


def _standin(
    request: pytest.FixtureRequest, name: str, switches: dict[str, Any]
) -> Iterator[Service]:
    """Give a stand-in; where the real service was recorded, hold its answers against that."""
    where = request.getfixturevalue("standins")(name)
    defaults = SWITCHES[name]()
    for switch, setting in switches.items():
        setattr(where.switches, switch, setting)
    service = CLIENTS[name](where, request.getfixturevalue("standin_session"))
    yield service
    record = records.read(REAL[name], record_name(request.node))
    is_default = all(getattr(defaults, switch) == one for switch, one in switches.items())
    if record is not None and record["passed"] and is_default:
        assert not records.differences(record, service.records.cleaned())


@pytest.fixture(scope="session")
def standin_session() -> Iterator[Any]:
    """Keep connections open between tests: to open one takes as long as a call."""
    with closing(open_session(is_real=False)) as session:
        yield session


@pytest.fixture
def standins(build_house: Callable[..., Any], tmp_path: Path) -> Callable[[str], Where]:
    """Return a way to put new stand-ins behind the tests' two addresses."""

    def build(name: str) -> Where:
        scenario = deepcopy(SCENARIO) | {"quickbooks": deepcopy(COMPANY)}
        scenario["clockify"]["entries"].clear()
        house = build_house(scenario, tmp_path, now=Clock())
        return _where_quickbooks(house) if name == "qbo" else _where_clockify(house)

    return build


def _where_clockify(house: Any) -> Where:
    workspace, found = house.clockify.workspace_id, house.environment
    return Where(
        urls={
            "core": found["CLOCKBOOKS_CLOCKIFY_URL"],
            "reports": found["CLOCKBOOKS_CLOCKIFY_REPORTS_URL"],
        },
        account=workspace,
        credentials={"X-Api-Key": found["CLOCKBOOKS_CLOCKIFY_API_KEY"]},
        secrets={workspace: "WORKSPACE"},
        standin=house.clockify,
        switches=house.clockify.switches,
    )


def _where_quickbooks(house: Any) -> Where:
    company, found = house.quickbooks, house.environment
    token = company.access_token()
    return Where(
        urls={
            "api": found["CLOCKBOOKS_QBO_URL"],
            "token": found["CLOCKBOOKS_QBO_TOKEN_URL"],
            "discovery": found["CLOCKBOOKS_QBO_DISCOVERY_URL"],
        },
        account=company.realm_id,
        credentials=_bearer(token),
        secrets={token: "TOKEN", company.realm_id: "REALM"},
        standin=company,
        switches=company.switches,
        app=(COMPANY["client_id"], COMPANY["client_secret"]),
    )


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


@pytest.fixture(scope="session")
def real_qbo() -> Iterator[QuickBooks]:
    """Give the sandbox for the whole run, and clean it up afterwards."""
    url = key("QBO_URL", SANDBOX)
    check_sandbox(url)
    client, secret, token = key("QBO_CLIENT_ID"), key("QBO_CLIENT_SECRET"), key("QBO_ACCESS_TOKEN")
    realm = key("QBO_REALM_ID")
    where = Where(
        urls={
            "api": url,
            "token": key("QBO_TOKEN_URL", TOKENS),
            "discovery": key("QBO_DISCOVERY_URL", DISCOVERY),
        },
        account=realm,
        credentials=_bearer(token),
        secrets={token: "TOKEN", realm: "REALM"},
        standin=None,
        switches=SWITCHES["qbo"](),
        pause_s=0.15,
        app=(client, secret) if client and secret else None,
    )
    yield from _opened(QuickBooks, where)


@pytest.fixture(scope="session")
def real_clockify() -> Iterator[Clockify]:
    """Give the workspace for the whole run, and clean it up afterwards."""
    api_key, workspace = key("CLOCKIFY_API_KEY"), key("CLOCKIFY_WORKSPACE_ID")
    where = Where(
        urls={
            "core": key("CLOCKIFY_URL", CORE).rstrip("/"),
            "reports": key("CLOCKIFY_REPORTS_URL", REPORTS).rstrip("/"),
        },
        account=workspace,
        credentials={"X-Api-Key": api_key},
        secrets={api_key: "KEY", workspace: "WORKSPACE"},
        standin=None,
        switches=SWITCHES["clockify"](),
        pause_s=0.05,
    )
    yield from _opened(Clockify, where)


def _opened(client: type[Service], where: Where) -> Iterator[Any]:
    with closing(open_session(is_real=True)) as session:
        service = client(where, session)
        service.check_account()
        yield service
        service.clean_up()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Record what a real service answered, be it what the rule says or not."""
    report = yield
    mark = item.get_closest_marker("real")
    if mark is not None and call.when == "call" and not report.skipped:
        rule: Rule = item.get_closest_marker("rule").args[0]
        service = item.funcargs[rule.service]
        record = {"passed": report.passed, "date": datetime.now(UTC).date().isoformat()}
        records.write(REAL[rule.service], record_name(item), record | service.records.cleaned())
    return report


def record_name(item: Any) -> str:
    """Return the name of a test's recording: with its parameters, whatever it runs on."""
    more = [str(value) for name, value in item.callspec.params.items() if name != "target"]
    words = [re.sub(r"\W+", "-", value).strip("-")[:40] for value in more]
    return ".".join([item.originalname, *words])
