"""A run's name says what it does, so that a list of runs can be read."""

from datetime import date

import pytest

from flows.operations.run_names import name_of


@pytest.mark.parametrize(
    ("flow", "parameters", "name"),
    [
        ("send-time", {"start": "2026-10-01", "end": "2026-10-31"}, "Send October 2026"),
        (
            "send-time",
            {"start": date(2026, 2, 1), "end": date(2026, 2, 28), "connection": "acme"},
            "Send February 2026, acme",
        ),
        (
            "send-time",
            {"start": "2026-10-05", "end": "2026-10-05", "dry_run": True},
            "Preview 2026-10-05",
        ),
        ("send-time", {"last_days": 35, "connection": "acme"}, "Send the last 35 days, acme"),
        ("send-time", {"start": "", "end": "", "last_days": "not used"}, "Send"),
        ("send-time", {"start": "soon", "end": "later"}, "Send soon … later"),
        ("send-time", {}, "Send"),
        ("send-all", {"last_days": 7, "connections": ["a", "b"]}, "Send the last 7 days, a, b"),
        (
            "import-csv",
            {"files": ["exports/a.csv", "b.xlsx", "c.csv"], "dry_run": False},
            "Import a.csv, b.xlsx and 1 more",
        ),
        ("sync-directory", {"dry_run": True}, "Compare people and projects"),
        ("month", {"month": "2026-10", "connection": ""}, "Month 2026-10"),
        ("settle", {"connection": None}, "Settle doubts"),
    ],
)
def test_a_run_is_named_for_what_it_does(flow, parameters, name):
    """Its verb, its days or files, and its company; whatever is missing is left out."""
    assert name_of(flow, parameters) == name
