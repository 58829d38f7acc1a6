"""What tests of sends share: a company whose employee has overtime."""

import shutil

import pytest
from workweeks import done


@pytest.fixture(scope="session")
def office_kept(tmp_path_factory):
    """Return where the database of an office is kept once one is set up, and its links."""
    return tmp_path_factory.mktemp("office") / "clockbooks.db", []


@pytest.fixture
def office(week, office_kept):
    """Return a company with payroll, one employee with three pay types, and weekly overtime.

    The first one is set up by commands; the others get a copy of its database.
    """
    kept, links = office_kept
    pairs = week.quickbooks.company["NameValue"]
    pairs[:] = [pair for pair in pairs if pair["Name"] != "PayrollFeature"]
    pairs.append({"Name": "PayrollFeature", "Value": "true"})
    week.quickbooks.switches.payroll_code = "2020"
    links[:] = links or done(week, "links")["links"]
    employees = {
        row["clockify_id"]: row["qbo_id"] for row in links if row["qbo_kind"] == "employee"
    }
    week.employee = next(
        dict(entry) for entry in week.clockify.entries.values() if entry["userId"] in employees
    ) | {"type": "REGULAR", "billable": False, "tagIds": []}
    week.person = employees[week.employee["userId"]]
    week.quickbooks.pay_types[week.person] = {"71": "Regular", "72": "Overtime", "73": "Double"}
    if kept.exists():
        shutil.copy(kept, week.folder)
    else:
        done(week, "rules", "add", "--pay-type", "Regular")
        done(week, "rules", "add", "--pay-type", "Overtime", "--hours", "overtime")
        for id_, name in week.quickbooks.pay_types[week.person].items():
            done(week, "pay-types", "set", week.person, name, id_)
        shutil.copy(week.folder / kept.name, kept)
    week.environment |= {"CLOCKBOOKS_OVERTIME": "weekly", "CLOCKBOOKS_ALLOW_PAYROLL": "true"}
    return week
