"""Prefect's form of each flow: titles, choices, and nothing that says only that it is None."""

from datetime import date

import pytest
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import ValidationError, validate

from flows.operations.deployments import flow_of, listed
from flows.send_time import send_time
from flows.sync_directory import sync_directory

FLOWS = {item["entrypoint"]: flow_of(item) for item in listed()}


def schema_of(flow):
    """Return what Prefect's form of a flow is drawn from."""
    return parameter_schema(flow).model_dump(exclude_unset=True)


def read(flow, **given):
    """Let Prefect's server accept parameters, as it does a form's, and the flow read them."""
    assert not list(validate(given, schema_of(flow), raise_on_error=True))
    return {name: flow.validate_parameters(given)[name] for name in given}


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_every_field_has_a_title_and_begins_as_something(flow):
    """No field is named as in code; what is not set is an empty field or a choice that says so.

    What a form that nobody touched sends means what the flow does without it.
    """
    fields = schema_of(flow)["properties"]
    begun = {name: field["default"] for name, field in fields.items()}

    assert None not in begun.values()
    assert not [name for name, field in fields.items() if field["title"] == name]
    assert all("description" in field for field in fields.values())
    untouched = read(flow, **begun)
    assert untouched == flow.validate_parameters({})


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        ("approved_only", "yes", True),
        ("approved_only", "no", False),
        ("approved_only", "default", None),
        ("approved_only", True, True),
        ("approved_only", None, None),
        ("rounding", "up:6", "up:6"),
        ("rounding", "nearest:7", "nearest:7"),  # typed: any number of minutes
        ("rounding", None, None),
        ("rate", "item", "item"),
        ("last_days", "35", 35),
        ("last_days", 3, 3),
        ("last_days", "not used", None),
        ("start", "2026-10-01", date(2026, 10, 1)),
        ("start", "", None),
        ("start", None, None),
        ("connection", "default", "default"),  # what is typed is no choice
        ("description", "no", "no"),
        ("description", "", None),
        ("users", ["Ann"], ["Ann"]),
    ],
)
def test_what_people_choose_and_what_scripts_give_is_understood(name, given, meant):
    """Both pass Prefect's server; names and values of old scripts stay good."""
    assert read(send_time, **{name: given}) == {name: meant}


def test_what_nothing_knows_is_refused():
    """The server says so in the form, before a run begins."""
    for given in ({"rate": "double"}, {"last_days": 0}, {"approved_only": "perhaps"}):
        with pytest.raises(ValidationError, match=next(iter(given))):
            read(send_time, **given)
    assert read(sync_directory, create="nowhere") == {"create": None}
