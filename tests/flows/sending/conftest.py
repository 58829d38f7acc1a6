"""What tests of sends share: a company whose employee has overtime."""

import pytest
from workweeks import done


@pytest.fixture
def office(week):
    """Return a company with payroll, one employee with three pay types, and weekly overtime."""
    pairs = week.quickbooks.company["NameValue"]
    pairs[:] = [pair for pair in pairs if pair["Name"] != "PayrollFeature"]
    pairs.append({"Name": "PayrollFeature", "Value": "true"})
    week.quickbooks.switches.payroll_code = "2020"
    links = done(week, "links")["links"]
    employees = {
        row["clockify_id"]: row["qbo_id"] for row in links if row["qbo_kind"] == "employee"
    }
    week.employee = next(
        dict(entry) for entry in week.clockify.entries.values() if entry["userId"] in employees
    ) | {"type": "REGULAR", "billable": False, "tagIds": []}
    week.person = employees[week.employee["userId"]]
    week.quickbooks.pay_types[week.person] = {"71": "Regular", "72": "Overtime", "73": "Double"}
    done(week, "rules", "add", "--pay-type", "Regular")
    done(week, "rules", "add", "--pay-type", "Overtime", "--hours", "overtime")
    for id_, name in week.quickbooks.pay_types[week.person].items():
        done(week, "pay-types", "set", week.person, name, id_)
    week.environment |= {"CLOCKBOOKS_OVERTIME": "weekly", "CLOCKBOOKS_ALLOW_PAYROLL": "true"}
    return week
