"""Preferences: what of them the API may change (FACTS 6.2)."""

from copy import deepcopy

from connectors.standins.quickbooks import faults
from connectors.standins.quickbooks.company import SYSTEM_MEMBERS, Company, check_members, existing
from connectors.standins.quickbooks.wire import Json

GROUPS = (
    "AccountingInfoPrefs", "ProductAndServicesPrefs", "SalesFormsPrefs", "EmailMessagesPrefs",
    "VendorAndPurchasesPrefs", "TimeTrackingPrefs", "TaxPrefs", "CurrencyPrefs", "ReportPrefs",
    "OtherPrefs",
)  # fmt: skip
# Taken in silence, and not kept.
_READ_ONLY = {
    "AccountingInfoPrefs": {"BookCloseDate"},
    "CurrencyPrefs": {"HomeCurrency", "MultiCurrencyEnabled"},
}


class Settings:
    """Changes the Preferences of a company; there is no creating and no deleting."""

    def __init__(self, company: Company) -> None:
        self.preferences = company.preferences
        self.company = company

    def update(self, body: Json) -> Json:
        """Change settings; without `sparse`, what a group that is sent leaves out is lost."""
        check_members("Preferences", body, (*GROUPS, *SYSTEM_MEMBERS))
        existing(body, {self.preferences["Id"]: self.preferences})
        sent = {name: body[name] for name in GROUPS if body.get(name) is not None}
        for name, group in sent.items():
            if not isinstance(group, dict):
                raise faults.bad_property(f'Can not deserialize "{name}":')
            read_only, old = _READ_ONLY.get(name, set()), self.preferences.get(name, {})
            kept = (
                old if body.get("sparse") is True else {n: old[n] for n in read_only & old.keys()}
            )
            changed = {n: deepcopy(value) for n, value in group.items() if n not in read_only}
            self.preferences[name] = kept | changed
        self.preferences |= self.company.changed_members(self.preferences)
        return self.company.shown_preferences()
