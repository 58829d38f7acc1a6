"""What a company's API offers, entity by entity: read, save, delete, query, batch, CDC.

Knows nothing of HTTP, tokens or throttles: those stand before it, in `app`.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

from connectors.standins.quickbooks import faults, query
from connectors.standins.quickbooks.activities import Activities
from connectors.standins.quickbooks.company import (
    Company,
    Operation,
    Rows,
    check_members,
    find,
)
from connectors.standins.quickbooks.faults import FaultError
from connectors.standins.quickbooks.listed import CLASS, DEPARTMENT, ITEM, Listed
from connectors.standins.quickbooks.names import CUSTOMER, EMPLOYEE, VENDOR, Names, shown_project
from connectors.standins.quickbooks.queryable import schema_of
from connectors.standins.quickbooks.sales import ESTIMATE, INVOICE, Sales
from connectors.standins.quickbooks.settings import Settings
from connectors.standins.quickbooks.switches import Switches
from connectors.standins.quickbooks.wire import PACIFIC, Json, second

CDC_DAYS = 30
CDC_ROWS = 1000

OPERATIONS: dict[str, Operation] = {name.lower(): name for name in get_args(Operation)}


class Books:
    """The API of one company."""

    def __init__(self, scenario: Json, *, now: Callable[[], datetime], switches: Switches) -> None:
        self.company = company = Company(scenario, now=now, switches=switches)
        self.switches = switches
        self.activities = Activities(company)
        lists: dict[str, Names | Listed] = {
            "customers": Names(company, CUSTOMER, company.customers),
            "employees": Names(company, EMPLOYEE, company.employees),
            "vendors": Names(company, VENDOR, company.vendors),
            "items": Listed(company, ITEM, company.items),
            "classes": Listed(company, CLASS, company.classes),
            "departments": Listed(company, DEPARTMENT, company.departments),
        }
        for key, service in lists.items():
            for row in scenario.get(key, []):
                service.load(row)
        # Each has those of create, update and delete that its entity has.
        self._services: dict[str, Any] = {
            "TimeActivity": self.activities,
            "Customer": lists["customers"],
            "Employee": lists["employees"],
            "Vendor": lists["vendors"],
            "Item": lists["items"],
            "Class": lists["classes"],
            "Department": lists["departments"],
            "Invoice": Sales(company, self.activities, INVOICE, company.invoices),
            "Estimate": Sales(company, self.activities, ESTIMATE, company.estimates),
            "Preferences": Settings(company),
        }
        self.rows: Mapping[str, Rows] = {
            entity: service.rows
            for entity, service in self._services.items()
            if entity != "Preferences"
        }
        self._seen = self._as_seen()

    def entity(self, name: str) -> str:
        """Return an entity's own spelling, e.g. `TimeActivity` for the path's `timeactivity`."""
        for entity in (*self._services, "CompanyInfo"):
            if entity.lower() == name.lower():
                return entity
        raise faults.unsupported(name)

    # --- single objects ---

    def read(self, entity: str, id_: str) -> Json:
        match entity:
            case "CompanyInfo":
                if id_ not in {"", "1", self.company.realm_id}:
                    raise faults.not_found()
                return self.company.company
            case "Preferences":
                return self.company.shown_preferences()
            case _:
                return self._shown(entity, find(id_, self.rows[entity]))

    def company_with_first_day(self) -> Json:
        """Return CompanyInfo with the day of its first transaction (FACTS 6.1)."""
        rows = [self.company.activities, self.company.invoices, self.company.estimates]
        days = [row["TxnDate"] for listed in rows for row in listed.values()]
        pairs = self.company.company.get("NameValue", [])
        first = [{"Name": "firstTxnDate", "Value": min(days)}] if days else []
        return self.company.company | {"NameValue": [*pairs, *first]}

    def save(self, entity: str, body: Json, operation: str) -> Json:
        """Create, update or delete one object; *operation* says which."""
        self.company.check_subscription()
        work = getattr(self._services.get(entity), operation, None)
        if operation not in OPERATIONS or work is None:
            raise faults.unsupported(f"{operation} of {entity}")
        try:
            row: Json = work(body)
        except FaultError as fault:
            raise self._as_told(fault) from None
        if row.get("SyncToken") != body.get("SyncToken"):  # otherwise nothing was changed
            self.company.note(entity, row["Id"], OPERATIONS[operation])
        return self._shown(entity, row) if entity == "Customer" else row

    def _as_told(self, fault: FaultError) -> FaultError:
        """Take the words away that nobody has seen, if the switch says so."""
        if int(fault.code) in faults.WITHOUT_KNOWN_TEXT and not self.switches.names_time_faults:
            fault.message = fault.detail = ""
        return fault

    def _shown(self, entity: str, row: Json) -> Json:
        if entity == "TimeActivity":
            return self.activities.shown(row)
        return shown_project(row, self.switches) if row.get("IsProject") else row

    # --- many at once ---

    def query(self, text: str) -> Json:
        """Answer a query: rows, nothing at all (`{}`), or a count (FACTS 4.2)."""
        statement = query.parse(
            text,
            today=self.company.today(),
            cuts_long_pages=self.switches.cuts_long_pages,
            takes_columns=self.switches.takes_columns,
            escapes_backslashes=self.switches.escapes_backslashes,
        )
        try:
            entity = self.entity(statement.entity)
        except FaultError:
            raise query.invalid(f"invalid context declaration: {statement.entity}") from None
        if entity in {"CompanyInfo", "Preferences"}:
            return {entity: [self.read(entity, "")], "maxResults": 1}
        rows = list(self.rows[entity].values())
        chosen = query.select(statement, entity, schema_of(entity, self.switches), rows)
        if statement.counts:
            return {"totalCount": len(chosen)}
        first = statement.start - 1
        page = [
            query.project(self._shown(entity, row), statement)
            for row in chosen[first : first + statement.limit]
        ]
        if not page:
            return {}
        return {entity: page, "startPosition": statement.start, "maxResults": len(page)}

    def batch_item(self, item: Json) -> Json:
        """Do one item of a batch and give its answer, without the bId (FACTS 2.1)."""
        if "Query" in item:
            return {"QueryResponse": self.query(str(item["Query"]))}
        if "CDCQuery" in item:
            asked = item["CDCQuery"]
            check_members("CDCQuery", asked, ("Entities", "ChangedSince"))
            return self.changes(
                str(asked.get("Entities") or ""), str(asked.get("ChangedSince") or "")
            )
        for member in ("optionsData", "ReportQuery"):  # of the schema, and not modelled
            if member in item:
                raise faults.unsupported(member)
        return self._saved(item)

    def _saved(self, item: Json) -> Json:
        entities = [name for name in item if name not in {"bId", "operation"}]
        if len(entities) != 1 or not isinstance(item[entities[0]], dict):
            raise faults.required("BatchItemRequest.IntuitObject")
        if item.get("operation") not in OPERATIONS:
            raise faults.bad_enum(item.get("operation"))
        entity = self.entity(entities[0])
        return {entity: self.save(entity, item[entities[0]], str(item["operation"]))}

    def changes(self, entities: str, since: str) -> Json:
        """Answer a change feed's question: what changed *since* then, an answer an entity."""
        self._notice_edits()
        names, moment = _read_changes(entities, since)
        moment = max(moment, self.company.now() - timedelta(days=CDC_DAYS))
        answers: list[Json] = []
        left = CDC_ROWS
        for name in names:
            rows = self._changed(self.entity(name), moment)[:left]
            left -= len(rows)
            count = {"startPosition": 1, "maxResults": len(rows), "totalCount": len(rows)}
            answers.append({self.entity(name): rows} | count if rows else {})
        return {"CDCResponse": [{"QueryResponse": answers}]}

    def _notice_edits(self) -> None:
        """Take what a test did to names in place for edits in QuickBooks' pages, just now."""
        for entity, seen in self._seen.items():
            rows, noted = self.rows[entity], {(one.entity, one.id) for one in self.company.changes}
            for id_, row in rows.items():
                text, times = seen.get(id_, ("", None))
                made_here = times is None and (entity, id_) not in noted
                if text != _contents(row) and (made_here or times == row["MetaData"]):
                    moment = {"LastUpdatedTime": second(self.company.now())}
                    row["MetaData"] = row.get("MetaData", {}) | moment
            for id_ in seen.keys() - rows.keys():
                self.company.note(entity, id_, "Delete")
        self._seen = self._as_seen()

    def _as_seen(self) -> dict[str, dict[str, tuple[str, Json]]]:
        return {
            entity: {
                id_: (_contents(row), row["MetaData"]) for id_, row in self.rows[entity].items()
            }
            for entity in ("Customer", "Employee", "Vendor")
        }

    def _changed(self, entity: str, since: datetime) -> list[Json]:
        """Return the rows that changed, deleted ones last."""
        if entity == "TimeActivity" and not self.switches.cdc_serves_time:
            raise faults.unsupported("ChangeDataCapture of TimeActivity")
        changed = [
            self._shown(entity, row)
            for row in list(self.rows.get(entity, {}).values())
            if datetime.fromisoformat(row["MetaData"]["LastUpdatedTime"]) >= since
            and (row.get("Active", True) or self.switches.cdc_shows_inactive)
        ]
        deleted = [
            {
                "domain": "QBO",
                "status": "Deleted",
                "Id": change.id,
                "MetaData": {"LastUpdatedTime": second(change.moment)},
            }
            for change in self.company.changes
            if (change.entity, change.operation) == (entity, "Delete") and change.moment >= since
        ]
        return changed + deleted


def _contents(row: Json) -> str:
    return json.dumps(row, default=str)


def _read_changes(entities: str, since: str) -> tuple[list[str], datetime]:
    """Read a change feed's question: names with commas, and an instant (FACTS 4.5)."""
    names = [name.strip() for name in entities.split(",") if name.strip()]
    if not names:
        raise faults.required("entities")
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        raise faults.required("changedSince") from None
    return names, moment if moment.tzinfo else moment.replace(tzinfo=PACIFIC)
