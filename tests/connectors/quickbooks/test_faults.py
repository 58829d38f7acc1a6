"""QuickBooks' faults are read in every spelling that was recorded, and nothing else is one."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.quickbooks.faults import Fault, fault_in, fault_of

CHOOSE = "Please use a different name."
NAMESPACE = 'xmlns="http://schema.intuit.com/finance/v3"'


@pytest.mark.parametrize(
    ("sample", "code", "message", "detail", "kind"),
    [
        (
            "http-qbo_api/error_validation.0.json",
            "6240",
            "Duplicate Name Exists Error",
            "The name supplied already exists. : null",
            "ValidationFault",
        ),
        (
            "http-qbo_api/error_400.1.json",
            "4001",
            "Invalid query",
            "QueryValidationError: invalid context declaration: Custmoer",
            "ValidationFault",
        ),
        (
            "http-qbo_api/error_401.0.json",
            "3200",
            "message=AuthenticationFailed; errorCode=003200; statusCode=401",
            "Token expired: REDACTED",
            "AUTHENTICATION",
        ),
        (
            "http-qbo_api/error_500.1.json",
            "2030",
            "Invalid ID",
            "Id should be a valid number. Supplied value:1.5",
            "ValidationFault",
        ),
        (
            "xml-quickbooks-ruby/tax_service_error_dup.json",
            "6240",
            "Duplicate Name Exists Error",
            "The name supplied already exists. : Another tax rate is already using this name. "
            + CHOOSE,
            "ValidationFault",
        ),
        (
            "xml-quickbooks-ruby/too_many_requests_error.xml",
            "3001",
            "message=ThrottleExceeded; errorCode=003001; statusCode=429",
            "The request limit was reached. Try again later",
            "SERVICE",
        ),
        (
            "xml-quickbooks-ruby/throttle_exceeded_error.xml",
            "3001",
            "message=ThrottleExceeded; errorCode=003001; statusCode=403",
            "The request limit was reached. Try again later",
            "SERVICE",
        ),
        (
            "xml-quickbooks-ruby/generic_error.xml",
            "10000",
            "An application error has occurred while processing your request",
            "System Failure Error: Could not find resource for relative : some more info here",
            "SystemFault",
        ),
        (
            "xml-quickbooks-ruby/query_validation_error.xml",
            "4001",
            "Invalid query",
            "QueryValidationError: value 0 is too small. Min allowed value is 1",
            "ValidationFault",
        ),
        (
            "xml-quickbooks-ruby/customer_duplicate_error.xml",
            "6240",
            "Duplicate Name Exists Error",
            "The name supplied already exists. : Another $$customer$$ is already using this name. "
            + CHOOSE,
            "ValidationFault",
        ),
        (
            "xml-quickbooks-ruby/fault.xml",
            "2050",
            "Length exceeds limit",
            "Length of the field exceeds 21 chars",
            "ValidationFault",
        ),
        (
            "xml-quickbooks-ruby/batch_response.xml",
            "2050",
            "Length exceeds limit",
            "Length of the field exceeds 21 chars",
            "ValidationFault",
        ),
    ],
)
def test_recorded_faults_are_read(shared_samples, sample, code, message, detail, kind):
    """Whatever the spelling, a person gets QuickBooks' own code and words."""
    content = shared_samples(f"qbo/samples/{sample}").read_bytes()

    fault = fault_of(content)
    assert fault is not None
    assert replace(fault, more_codes=()) == Fault(code, message, detail, kind)


def test_every_recorded_error_is_a_fault(shared_samples):
    """No recorded error is taken for an answer, and no recorded answer for an error."""
    for path in sorted(shared_samples("qbo/samples/http-qbo_api").glob("*.0.json")):
        fault = fault_of(path.read_bytes())
        assert (fault is not None) == path.name.startswith("error_"), path.name
        assert fault is None or fault.code


def test_faults_of_recorded_batch_items_are_read(shared_samples):
    """An item that was refused has a fault of its own; its neighbors have none."""
    path = shared_samples("qbo/samples/http-qbo_api/batch_basic.0.json")
    items = json.loads(path.read_text())["BatchItemResponse"]

    codes = {item["bId"]: fault.code if (fault := fault_in(item)) else None for item in items}

    assert codes == {"bid1": None, "bid2": "610", "bid3": "5010", "bid4": None}


def test_a_proxys_timeout_is_read():
    """QuickBooks' 504 comes in XML, with a `requestId` and without a detail."""
    content = (
        f'<IntuitResponse requestId="r1" {NAMESPACE}><Fault type="SERVICE"><Error code="6002">'
        "<Message>message=Timeout occurred while proxying request; errorCode=006002;"
        " statusCode=504</Message></Error></Fault></IntuitResponse>"
    ).encode()

    fault = fault_of(content)

    assert (fault.code, fault.detail, fault.kind) == ("6002", "", "SERVICE")
    assert str(fault).startswith("message=Timeout occurred")
    assert str(fault).endswith("(code 6002)")


@pytest.mark.parametrize(
    "fields",
    [
        {"message": "Stale", "detail": None, "code": "5010"},
        {"Message": "Stale", "code": 5010},
        {"Message": "Stale", "Detail": "", "code": "5010", "element": ""},
    ],
)
@pytest.mark.parametrize(("outer", "inner"), [("Fault", "Error"), ("fault", "error")])
def test_upper_and_lower_case_are_read_alike(outer, inner, fields):
    """The application and the gateway spell the same members in two ways."""
    body = json.dumps({outer: {inner: [fields], "type": "ValidationFault"}}).encode()

    assert fault_of(body) == Fault("5010", "Stale", "", "ValidationFault")


@pytest.mark.parametrize(
    "body",
    [{"Fault": {}}, {"Fault": None}, {"Fault": "no"}, {"fault": []}, {}, [], None, 5, "Fault"],
)
def test_what_has_no_fault_has_none(body):
    """A member of that name with nothing in it is no fault, nor is any other JSON."""
    assert fault_of(json.dumps(body).encode()) is None


@pytest.mark.parametrize("errors", [None, [], "no", [None], ["no"], {"code": "1"}])
def test_a_fault_without_a_readable_error_is_one_all_the_same(errors):
    """What QuickBooks calls a fault is never taken for success."""
    fault = fault_in({"Fault": {"Error": errors, "type": "SystemFault"}})

    assert fault == Fault("", "", "", "SystemFault")
    assert "code unknown" in str(fault)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
    '<Fault type="SERVICE"><Error code="1"><Message>&b;</Message></Error></Fault>'
)
FILE = (
    '<!DOCTYPE f [<!ENTITY f SYSTEM "file:///etc/hostname">]>'
    '<Fault type="SERVICE"><Error code="1"><Message>&f;</Message></Error></Fault>'
)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"<html><body><h1>502 Bad Gateway</h1></body></html>",
        b"<!DOCTYPE html><html><br>503</html>",
        b"Service Unavailable",
        f"<IntuitResponse {NAMESPACE}/>".encode(),
        f'<IntuitResponse {NAMESPACE}><Fault type="SERVICE"><Error code="30'.encode(),
        b'{"Fault":{"Error":[{"Mess',
        BOMB.encode(),
        FILE.encode(),
        b"\xff\xfe<\x00F\x00a\x00u\x00l\x00t\x00/\x00>\x00",
        b"[" * 100_000,
        b'{"Fault":' * 100_000,
    ],
    ids=lambda content: repr(content[:24]),
)
def test_what_is_no_fault_gives_none(content):
    """A proxy's page, nothing, half of something or an XML trap is no fault, and no crash."""
    assert fault_of(content) is None


@given(st.binary())
def test_no_bytes_make_it_raise(content):
    """Whatever comes over the wire is read, or is no fault."""
    for prefix in (b"", b"<", b"{", b'{"Fault":{"Error":[{"code":"'):
        fault = fault_of(prefix + content)
        assert fault is None or isinstance(fault, Fault)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Fault", "fault", "Error", "error", "code", "Message", "detail"]),
            inner,
            max_size=3,
        )
    ),
)


@given(JSON)
def test_no_json_makes_it_raise(answer):
    """Members of any type, in any place, are read, or are no fault."""
    fault = fault_in(answer)

    assert fault is None or isinstance(str(fault), str)


@given(st.text(max_size=900))
def test_texts_fit_a_terminal_and_a_database(text):
    """A service's text is shortened, on one line, and without characters that do harm."""
    fault = fault_in({"Fault": {"Error": [{"code": "1", "Detail": text}]}})

    assert len(fault.detail) <= 500
    assert fault.detail.isprintable()
