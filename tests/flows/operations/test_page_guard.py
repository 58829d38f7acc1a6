"""The guard in front of Prefect's page, alone: an application behind it tells what reached it."""

import asyncio
import base64
import json
import tracemalloc
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.operations.page_guard import PageGuard, Rules
from flows.operations.page_logins import GUESSES, GUESSING_S

RUN = "abababab-1111-4111-8111-111111111111"

#: The run's id in all ways that Prefect's paths take it.
SPELLED = [RUN, RUN.upper(), RUN.replace("-", "")]

OURS = "clockbooks:made-by-us"
CHOSEN = "clockbooks:chosen-by-somebody"

BEATS = {"env": {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}}

RULES = {
    "login": OURS,
    "chosen": CHOSEN,
    "origins": frozenset({"https://books.example"}),
    "names": frozenset({"127.0.0.1", "localhost", "::1", "books.example"}),
    "entrypoints": frozenset({"flows.settle.settle"}),
    "job_variables": BEATS,
}


@dataclass
class Street:
    """A guard, the application behind it, and a clock.

    Attributes:
        answers: What the application says, by path; an empty object elsewhere.
        seen: The requests that reached it: their scopes, and their bodies.
        kept: The identities that were recorded: of which run, for which answer, and who.
        time: The clock, in seconds.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    seen: list[tuple[Any, bytes]] = field(default_factory=list)
    kept: list[tuple[str, str, str]] = field(default_factory=list)
    time: float = 0.0
    rules: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.guard = PageGuard(self.behind, Rules(**RULES | self.rules), now=lambda: self.time)

    async def behind(self, scope: Any, receive: Any, send: Any) -> None:
        """Do as Prefect does: read, and answer."""
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            self.seen.append((scope, (await receive())["text"].encode()))
            return
        body = (await receive())["body"] if scope["method"] != "GET" else b""
        self.seen.append((scope, body))
        told = json.dumps(self.answers.get(scope["path"], {})).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": told})

    def ask(
        self, method: str, path: str, body: Any = None, *, login: str | None = OURS,
        peer: str = "127.0.0.1", host: str = "127.0.0.1:4200", **headers: str,
    ) -> tuple[int, Any, dict[str, str]]:  # fmt: skip
        """Return the status, the document and the headers of an answer."""
        scope = self._scope("http", path, peer, host, headers) | {"method": method}
        if login is not None:
            basic = b"Basic " + base64.b64encode(login.encode())
            scope["headers"].append((b"authorization", basic))
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        sent = self._run(scope, [{"type": "http.request", "body": raw or b"", "more_body": False}])
        told = b"".join(message.get("body", b"") for message in sent[1:])
        names = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        return sent[0]["status"], json.loads(told) if told[:1] in b"{[" else told, names

    def listen(
        self,
        login: str = OURS,
        *,
        path: str = "/api/events/out",
        host: str = "127.0.0.1:4200",
        **headers: str,
    ) -> Any:
        """Open a WebSocket and log in; return what the application read, or what the guard said."""
        scope = self._scope("websocket", path, "127.0.0.1", host, headers)
        first = json.dumps({"type": "auth", "token": login})
        messages = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": first}]
        sent = self._run(scope, messages)
        accepted = sent[0]["type"] == "websocket.accept"
        return json.loads(self.seen[-1][1]) if accepted else sent[0]["type"]

    def _scope(self, kind: str, path: str, peer: str, host: str, headers: dict[str, str]) -> Any:
        named = {"host": host, **{name.replace("_", "-"): told for name, told in headers.items()}}
        raw = [(name.encode(), told.encode()) for name, told in named.items()]
        return {"type": kind, "path": path, "client": (peer, 5000), "headers": raw}

    def _run(self, scope: Any, messages: list[Any]) -> list[Any]:
        sent: list[Any] = []

        async def receive() -> Any:
            return messages.pop(0)

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.guard(scope, receive, send))
        return sent


@pytest.fixture
def street() -> Street:
    """Return a guard with its usual rules."""
    return Street()


@pytest.mark.parametrize("host", ["127.0.0.1:4200", "LOCALHOST", "[::1]:4200", "books.example"])
def test_its_own_names_are_known(street, host):
    """With and without a port, in any case, and behind a proxy."""
    assert street.ask("GET", "/", host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "", "10.0.0.7", "localhost.", "a@localhost:x"],
)
def test_another_name_is_no_name_of_the_server(street, host):
    """A name that was bound anew to this machine (DNS rebinding) gets nothing, not even a page."""
    assert street.ask("GET", "/", host=host)[0] == 421
    assert street.listen(host=host) == "websocket.close"
    assert street.seen == []


def test_a_server_for_others_is_called_by_its_addresses_too():
    """An IP address is no name that somebody could bind anew."""
    street = Street(rules={"numbers": True})

    assert street.ask("GET", "/", host="10.0.0.7:4200")[0] == 200
    assert street.ask("GET", "/", host="evil.example")[0] == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:4201"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "http://127.0.0.1:4200", "sec_fetch_site": "same-site"},
    ],
)
def test_pages_of_other_sites_write_nothing(street, headers):
    """With the password too: a page may not lend a person's rights to another one."""
    assert street.ask("POST", "/api/flow_runs/", {}, **headers)[0] == 403
    assert street.listen(**headers) == "websocket.close"
    assert street.seen == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:4200", "sec_fetch_site": "same-origin"},
        {"origin": "https://books.example", "sec_fetch_site": "same-origin"},
        {"origin": "https://books.example", "host": "books.example"},
    ],
    ids=["a command", "the page", "behind a proxy", "behind one that keeps the name"],
)
def test_its_own_pages_and_commands_may_write(street, headers):
    """A proxy with TLS may hand on the name that people see, or its own."""
    assert street.ask("POST", "/api/flow_runs/", {}, **headers)[0] == 200


def test_an_address_in_a_notice_can_be_followed(street):
    """A link to a run, opened from an e-mail: that only reads."""
    assert street.ask("GET", "/runs/flow-run/1", sec_fetch_site="cross-site")[0] == 200


def test_every_answer_keeps_out_of_frames(street):
    """Those of Prefect's and those of the guard's own."""
    for status, _, headers in (street.ask("GET", "/"), street.ask("GET", "/api/x", login=None)):
        assert status in {200, 401}
        assert headers["content-security-policy"] == "frame-ancestors 'none'"
        assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("login", [None, "", "clockbooks:", "made-by-us", f"{OURS}x", "é:é"])
def test_without_the_right_password_nothing_of_the_api_is_reached(street, login):
    """Neither by a request nor by a WebSocket; signs of life are for everybody."""
    assert street.ask("POST", "/api/flow_runs/filter", {}, login=login)[0] == 401
    assert street.seen == []
    assert street.listen(str(login)) == {}
    assert street.ask("GET", "/api/health", login=login)[0] == 200


@pytest.mark.parametrize("login", [OURS, CHOSEN])
def test_prefect_sees_its_own_password_whichever_was_given(street, login):
    """A person's password stays with the guard."""
    street.ask("GET", "/api/flows/1", login=login)

    [given_] = [value for name, value in street.seen[-1][0]["headers"] if name == b"authorization"]
    assert base64.b64decode(given_.partition(b" ")[2]).decode() == OURS
    assert street.listen(login) == {"type": "auth", "token": OURS}


def test_wrong_guesses_are_slowed_down(street):
    """After ten a minute nobody looks at more of that address, right or wrong.

    It is told when to come again, and is not kept waiting for longer than a minute.
    """
    for _ in range(GUESSES):
        assert street.ask("GET", "/api/flows/1", login="clockbooks:guess")[0] == 401

    status, _, headers = street.ask("GET", "/api/flows/1", login=CHOSEN)
    assert (status, street.listen(CHOSEN)) == (429, {})
    assert int(headers["retry-after"]) <= GUESSING_S + 1
    street.time += GUESSING_S + 1
    assert street.ask("GET", "/api/flows/1", login=CHOSEN)[0] == 200


def test_nobody_keeps_the_owner_out_by_guessing(street):
    """What we made ourselves is always taken; and others' addresses are others'."""
    for _ in range(3 * GUESSES):
        street.ask("GET", "/api/flows/1", login="clockbooks:guess")
        street.listen("clockbooks:guess")

    assert street.ask("GET", "/api/flows/1")[0] == 200
    assert street.ask("GET", "/api/flows/1", login=CHOSEN, peer="10.0.0.9")[0] == 200


def test_guessers_of_ipv6_have_one_network(street):
    """Somebody with a /64 has more addresses than anybody could remember."""
    for number in range(GUESSES):
        street.ask("GET", "/api/flows/1", login="a:b", peer=f"2001:db8::{number:x}")

    assert street.ask("GET", "/api/flows/1", login=CHOSEN, peer="2001:db8::ffff")[0] == 429


def test_guesses_from_everywhere_take_little_memory(street):
    """A hundred thousand addresses are not remembered one by one."""
    guesses = street.guard._guesses  # noqa: SLF001 - it is about what stays in memory
    tracemalloc.start()
    for number in range(100_000):
        guesses.wrong(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 3_000_000


@given(st.binary(max_size=60))
def test_whatever_is_sent_as_login_is_no_login(told):
    """Bytes of any kind: 401, never a failure."""
    street = Street()
    scope = street._scope("http", "/api/x", "127.0.0.1", "localhost", {})  # noqa: SLF001 - raw bytes
    scope |= {"method": "GET"}
    scope["headers"].append((b"authorization", told))

    sent = street._run(scope, [])  # noqa: SLF001

    assert sent[0]["status"] in {401, 429}


@pytest.mark.parametrize(
    "body",
    [
        {"entrypoint": "flows.settle.settle", "name": "hourly"},
        {"entrypoint": "flows.settle.settle", "pull_steps": [], "path": "", "job_variables": BEATS},
        {"entrypoint": "flows.settle.settle", "parameters": {"entrypoint": "a", "pull_steps": [1]}},
    ],
)
def test_our_deployments_pass(street, body):
    """As `clockbooks ui` and `prefect deploy` write them; a flow's parameters may have any name."""
    assert street.ask("POST", "/api/deployments/", body)[0] == 200
    assert json.loads(street.seen[-1][1]) == body


def test_our_own_block_for_notices_passes(street):
    """It says nothing but its type: where notices go stays in the settings."""
    data = {"block_type_slug": "clockbooks-notice", "_is_anonymous": None}
    body = {"name": "clockbooks-notice", "data": data}

    assert street.ask("POST", "/api/block_documents/", body)[0] == 200


@pytest.mark.parametrize(
    "raw",
    [
        b'{"entrypoint": "flows.settle.settle", "entrypoint": "os.system"}',
        b'{"entrypoint": "os.system", "entrypoint": "flows.settle.settle"}',
        '{"entrypoint": "os.system"}'.encode("utf-16"),
        b'{"entrypoint": ["flows.settle.settle"]}',
        b'{"entrypoint": null}',
        b"[[]]",
        b'"text"',
        b"{",
        b"[" * 100_000,
    ],
)
def test_no_spelling_gets_other_code_past(street, raw):
    """Twice the same member, another encoding, no JSON: what passes is what was looked at."""
    status, _, _ = street.ask("POST", "/api/deployments/", raw)

    passed = json.loads(street.seen[-1][1]) if street.seen else {}
    assert status in {400, 403} or passed == {"entrypoint": "flows.settle.settle"}


def test_a_workers_own_websocket_is_refused(street):
    """Templates of work pools pass on it unseen; by requests, each is looked at."""
    assert street.listen(path="/api/work_pools/p/workers/connect") == "websocket.close"
    assert street.listen(path="/api/events/in")["token"] == OURS


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "flow_runs/1", {"job_variables": {"command": "id"}}),
        ("POST", "flow_runs/", {"flow_id": "1", "job_variables": {"env": {"BROWSER": "id"}}}),
        ("POST", "deployments/", {"entrypoint": "flows.settle.settle", "path": "/tmp"}),  # noqa: S108
        ("POST", "deployments/", {"entrypoint": "flows.settle.settle", "storage_document_id": "1"}),
        ("PATCH", "work_pools/p", {"base_job_template": {"job_configuration": {"command": "id"}}}),
        (
            "PATCH",
            "work_pools/p",
            {"base_job_template": {"variables": {"properties": {"command": {"default": "id"}}}}},
        ),
        ("POST", "block_documents/", {"name": "a", "data": {"basepath": "/"}}),
        ("PUT", "automations/1", {"actions": [{"type": "call-webhook"}]}),
        (
            "POST",
            "automations/",
            {"actions": [], "actions_on_trigger": [{"type": "run-deployment"}]},
        ),
        ("POST", f"flow_runs/{RUN}/input", {"key": "suspended-plan-1-1-response", "value": "{}"}),
        ("DELETE", f"flow_runs/{RUN}/input/suspended-plan-1-1-response", None),
    ],
)
def test_what_would_run_something_else_is_refused(street, method, path, body):
    """By whatever way it could come into a run or an automation; answers come by Resume alone."""
    status, told, _ = street.ask(method, f"/api/{path}", body)

    assert (status, street.seen) == (403, [])
    assert "not Clockbooks' own" in told["detail"]


def test_a_planted_deployment_is_given_to_nobody(street):
    """One that came into Prefect's database past the guard: whoever would run it cannot read it."""
    planted = {"entrypoint": "flows.settle.settle", "pull_steps": [{"run_shell_script": {}}]}
    ours = planted | {"pull_steps": None, "job_variables": BEATS, "path": None}
    pool = {"type": "process", "base_job_template": {"job_configuration": {"command": "id"}}}
    job = {"command": "{{ command }}", "env": "{{ env }}"}
    own = {
        "type": "process",
        "base_job_template": {"job_configuration": job, "variables": {"properties": {}}},
        "storage_configuration": {"bundle_upload_step": None, "bundle_execution_step": None},
    }
    street.answers = {
        "/api/work_pools/own": own,
        "/api/deployments/1": planted,
        "/api/deployments/2": ours,
        "/api/work_pools/p": pool,
    }

    assert street.ask("GET", "/api/deployments/1", accept_encoding="gzip")[0] == 403
    assert b"accept-encoding" not in dict(street.seen[-1][0]["headers"])
    assert street.ask("GET", "/api/deployments/2")[:2] == (200, ours)
    assert street.ask("GET", "/api/work_pools/p")[0] == 403
    assert street.ask("GET", "/api/work_pools/own")[0] == 200


def test_a_browser_is_signed_in_once(street):
    """A token is good for one login, and for some minutes."""
    token = street.guard.sign_in.offer().partition("#")[2]
    late = street.guard.sign_in.offer().partition("#")[2]

    def sign_in(what: str) -> Any:
        return street.ask("POST", "/clockbooks/sign-in", {"token": what}, login=None)

    assert base64.b64decode(sign_in(token)[1]["login"]).decode() == OURS
    assert sign_in(token)[:2] == (403, {"login": None})
    assert sign_in("guess")[0] == 403
    street.time = 10_000
    assert sign_in(late)[0] == 403
    assert token.encode() not in street.ask("GET", "/clockbooks/sign-in", login=None)[1]


def _resume(run_id: str) -> str:
    return f"/api/flow_runs/{run_id}/resume"


@pytest.fixture
def vouching() -> Street:
    """Return a guard that takes a proxy's word for who somebody is."""
    street = Street(rules={"user_header": "X-Forwarded-User"})
    rules = {**RULES, **street.rules}
    keep = lambda *identity: street.kept.append(identity)  # noqa: E731 - one line says it
    street.guard = PageGuard(street.behind, Rules(**rules, keep_identity=keep))
    street.answers = {f"/api/flow_runs/{RUN}/resume": {"status": "ACCEPT"}}
    return street


def test_whom_a_proxy_vouches_for_is_kept_with_the_answer(vouching):
    """The name stands in the header that a proxy on this machine sets, not in what was typed.

    The answer carries the id for which the name is kept; one that came along is replaced.
    """
    body = {"run_input": {"decision": "approve", "who": "Somebody Else", "answer_id": "0" * 32}}

    vouching.answers = {_resume(run): {"status": "ACCEPT"} for run in SPELLED}
    for run in SPELLED:
        vouching.ask("POST", _resume(run), body, x_forwarded_user="ann@books.example")

    ids = [json.loads(body)["run_input"]["answer_id"] for _, body in vouching.seen]
    assert vouching.kept == [(RUN, id_, "ann@books.example") for id_ in ids]
    assert len({*ids, "0" * 32}) == len(SPELLED) + 1
    assert b"x-forwarded-user" not in dict(vouching.seen[-1][0]["headers"])


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("10.0.0.9", {"x_forwarded_user": "ann@books.example"}),
        ("10.0.0.9", {"x_forwarded_user": "ann@books.example", "x_forwarded_for": "127.0.0.1"}),
        ("127.0.0.1", {"x_forwarded_user": "ann", "X_Forwarded_User": "bo"}),
        ("127.0.0.1", {"x_forwarded_user": " "}),
        ("127.0.0.1", {"x_forwarded_email": "ann@books.example"}),
    ],
    ids=["from elsewhere", "as if from here", "twice", "empty", "another header"],
)
def test_nobody_vouches_for_themselves(vouching, peer, headers):
    """The header counts from this machine alone, once, and by its own name."""
    body = {"run_input": {"decision": "approve", "answer_id": "0" * 32}}
    vouching.ask("POST", f"/api/flow_runs/{RUN}/resume", body, peer=peer, **headers)

    assert vouching.kept == []
    assert json.loads(vouching.seen[-1][1]) == {"run_input": {"decision": "approve"}}
    assert b"x-forwarded-user" not in dict(vouching.seen[-1][0]["headers"])


def test_an_answer_that_prefect_did_not_take_keeps_nobody(vouching):
    """Of two who answer at once the first one counts: the second one's name is not kept."""
    vouching.answers = {f"/api/flow_runs/{RUN}/resume": {"status": "ABORT"}}

    body = {"run_input": {"decision": "approve"}}
    vouching.ask("POST", f"/api/flow_runs/{RUN}/resume", body, x_forwarded_user="bo@books.example")

    assert vouching.kept == []


@pytest.mark.parametrize("body", [None, b"", {}, [], {"run_input": None}, {"run_input": []}])
def test_an_answer_without_a_form_is_passed_on_as_it_is(vouching, body):
    """It decides nothing; what Prefect does not take, it refuses itself."""
    vouching.ask("POST", _resume(RUN), body, x_forwarded_user="ann@books.example")

    [(_, passed)] = vouching.seen
    assert json.loads(passed or "null") == (body or None if body in (None, b"") else body)
    assert vouching.kept == []
