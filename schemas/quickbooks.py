"""What comes from QuickBooks Online: the directory of people and customers, and the company."""

from dataclasses import dataclass
from datetime import date

from pandera.typing import Series

from schemas.frames import Frame, column
from schemas.words import QboKind, Target


class People(Frame):
    """One employee or vendor per row: the people who can work."""

    qbo_id: Series[str] = column("QuickBooks' id, unique among rows of its kind.", source="Id")
    qbo_kind: Series[str] = column(
        "Which list they are in; contractors are vendors.",
        source="Employee, Vendor",
        isin=list(QboKind),
    )
    name: Series[str] = column("DisplayName.", source="DisplayName", str_length={"min_value": 1})
    email: Series[str] = column("E-mail address.", source="PrimaryEmailAddr.Address", nullable=True)
    active: Series[bool] = column(
        "Whether it is active; QuickBooks appends ' (deleted)' to the names of inactive rows.",
        source="Active",
    )


class Customers(Frame):
    """One customer, sub-customer or project per row: those who can be billed."""

    qbo_id: Series[str] = column("QuickBooks' id.", source="Id", unique=True)
    name: Series[str] = column(
        "DisplayName; a sub-customer may have the same one as a top-level customer.",
        source="DisplayName",
        str_length={"min_value": 1},
    )
    parent_id: Series[str] = column(
        "Id of the customer above; empty at the top.", source="ParentRef.value", nullable=True
    )
    full_name: Series[str] = column(
        "Names from the top, joined by colons.", source="FullyQualifiedName", nullable=True
    )
    active: Series[bool] = column(
        "Whether it is active; QuickBooks appends ' (deleted)' to the names of inactive rows.",
        source="Active",
    )


class Targets(Frame):
    """One service item, class or location per row: what a rule can give."""

    gives: Series[str] = column(
        "Which list it is in.", source="Item, Class, Department", isin=list(Target)
    )
    qbo_id: Series[str] = column("QuickBooks' id, unique among rows of its kind.", source="Id")
    name: Series[str] = column("Name.", source="Name", str_length={"min_value": 1})
    full_name: Series[str] = column(
        "Names from the top, joined by colons; unique in its list.", source="FullyQualifiedName"
    )
    active: Series[bool] = column(
        "Whether it is active; QuickBooks appends ' (deleted)' to the names of inactive rows.",
        source="Active",
    )


@dataclass(frozen=True)
class Company:
    """The settings of a QuickBooks company that decide which entries may go.

    Attributes:
        name: CompanyInfo.CompanyName.
        plan: CompanyInfo.NameValue[OfferingSku]; empty if missing.
        subscription: CompanyInfo.NameValue[SubscriptionStatus]; empty if missing.
        has_payroll: CompanyInfo.NameValue[PayrollFeature].
        tracks_time: Preferences.OtherPrefs[TimeTrackingFeatureEnabled]; true if missing.
        currency: Preferences.CurrencyPrefs.HomeCurrency, ISO 4217; empty if missing.
        closed_until: Preferences.AccountingInfoPrefs.BookCloseDate: the books are closed through
            this day; `None` if they are open.
        timezone: CompanyInfo.DefaultTimeZone, IANA; empty if missing.
        many_currencies: Preferences.CurrencyPrefs.MultiCurrencyEnabled.
        bills_customers: Preferences.TimeTrackingPrefs.BillCustomers; `None` if missing.
        takes: What may be given to time (section 6.2): an item unless TimeTrackingPrefs.UseServices
            is off, a class where AccountingInfoPrefs.ClassTrackingPerTxn, a location where
            TrackDepartments, a pay type where the company has payroll.
    """

    name: str
    plan: str
    subscription: str
    has_payroll: bool
    tracks_time: bool
    currency: str
    closed_until: date | None
    timezone: str = ""
    many_currencies: bool = False
    bills_customers: bool | None = None
    takes: frozenset[Target] = frozenset({Target.ITEM})

    @property
    def state(self) -> str:
        """All that may cause a refusal, as one text: once it differs, the cause may be gone."""
        parts = (self.plan, self.subscription, self.has_payroll, self.tracks_time, self.currency,
                 self.closed_until, self.bills_customers, *sorted(self.takes))  # fmt: skip
        return "|".join(str(part) for part in parts)
