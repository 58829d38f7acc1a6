"""QuickBooks Online's XML: what callers get that do not ask for JSON (FACTS 7.1 c, 11.2).

The schema has its members in an order of its own, by type, and knows some of JSON's as
attributes. Members that it does not know are left out, as they could not be written.
"""

from typing import Any
from xml.sax.saxutils import escape, quoteattr

from connectors.standins.quickbooks.wire import Json, write_json

NAMESPACE = "http://schema.intuit.com/finance/v3"

# These are XML attributes; the rest are elements.
_ATTRIBUTES = {
    "domain", "sparse", "status", "type", "code", "element", "name", "bId",
    "startPosition", "maxResults", "totalCount",
}  # fmt: skip

_ENTITY = "Id SyncToken MetaData"
_NAME = (
    f"{_ENTITY} Organization Title GivenName MiddleName FamilyName Suffix FullyQualifiedName"
    " CompanyName DisplayName PrintOnCheckName Active V4IDPseudonym PrimaryPhone AlternatePhone"
    " Mobile Fax PrimaryEmailAddr WebAddr DefaultTaxCodeRef"
)
_SALE = (
    f"{_ENTITY} DocNumber TxnDate DepartmentRef CurrencyRef ExchangeRate PrivateNote TxnStatus"
    " LinkedTxn Line TxnTaxDetail CustomerRef CustomerMemo BillAddr ShipAddr FreeFormAddress"
    " ClassRef SalesTermRef DueDate TotalAmt ApplyTaxAfterDiscount PrintStatus EmailStatus"
    " BillEmail Balance"
)
_ADDRESS = (
    "Id Line1 Line2 Line3 Line4 Line5 City Country CountryCode County CountrySubDivisionCode"
    " PostalCode PostalCodeSuffix Lat Long Tag Note"
)
_PHONE = "Id DeviceType CountryCode AreaCode ExchangeCode Extension FreeFormNumber Default Tag"
_EMAIL = "Id Address Default Tag"

#: By element: its members in the schema's order.
_ORDER = {
    element: members.split()
    for elements, members in {
        "TimeActivity": (
            f"{_ENTITY} TxnDate NameOf EmployeeRef VendorRef OtherNameRef CustomerRef"
            " DepartmentRef ItemRef ClassRef PayrollItemRef ProjectRef BillableStatus Taxable"
            " HourlyRate CostRate Hours Minutes Seconds BreakHours BreakMinutes BreakSeconds"
            " StartTime EndTime Description HoursInEmployeeTimeZone"
        ),
        "Customer": (
            f"{_NAME} Taxable BillAddr ShipAddr Notes Job BillWithParent ParentRef Level"
            " CustomerTypeRef SalesTermRef PaymentMethodRef Balance OpenBalanceDate"
            " BalanceWithJobs AcctNum CurrencyRef PreferredDeliveryMethod ResaleNum"
            " SecondaryTaxIdentifier ARAccountRef PrimaryTaxIdentifier TaxExemptionReasonId"
            " IsProject BusinessNumber GSTIN GSTRegistrationType ClientEntityId"
        ),
        "Vendor": (
            f"{_NAME} Notes BillAddr ShipAddr TaxIdentifier BusinessNumber TermRef Balance"
            " BillRate AcctNum Vendor1099 T4AEligible T5018Eligible CurrencyRef TaxReportingBasis"
            " APAccountRef GSTIN GSTRegistrationType HasTPAR CostRate"
        ),
        "Employee": (
            f"{_NAME} EmployeeType EmployeeNumber SSN PrimaryAddr BillableTime BillRate BirthDate"
            " Gender HiredDate ReleasedDate UseTimeEntry CostRate Notes"
        ),
        "Item": (
            f"{_ENTITY} Name Sku Description Active SubItem ParentRef Level FullyQualifiedName"
            " Taxable SalesTaxIncluded UnitPrice Type IncomeAccountRef PurchaseDesc PurchaseCost"
            " ExpenseAccountRef AssetAccountRef PrefVendorRef TrackQtyOnHand QtyOnHand"
            " SalesTaxCodeRef InvStartDate ClassRef"
        ),
        "Class": f"{_ENTITY} Name SubClass ParentRef FullyQualifiedName Active",
        "Department": f"{_ENTITY} Name SubDepartment ParentRef FullyQualifiedName Active Address",
        "Invoice": (
            f"{_SALE} AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment"
            " AllowOnlineACHPayment"
        ),
        "Estimate": f"{_SALE} ExpirationDate AcceptedBy AcceptedDate",
        "CompanyInfo": (
            f"{_ENTITY} CompanyName LegalName CompanyAddr CustomerCommunicationAddr LegalAddr"
            " CompanyEmailAddr CustomerCommunicationEmailAddr PrimaryPhone CompanyStartDate"
            " EmployerId FiscalYearStartMonth Country Email WebAddr SupportedLanguages"
            " DefaultTimeZone NameValue"
        ),
        "Preferences": (
            f"{_ENTITY} AccountingInfoPrefs ProductAndServicesPrefs SalesFormsPrefs"
            " EmailMessagesPrefs VendorAndPurchasesPrefs TimeTrackingPrefs TaxPrefs CurrencyPrefs"
            " ReportPrefs OtherPrefs"
        ),
        "AccountingInfoPrefs": (
            "UseAccountNumbers TrackDepartments DepartmentTerminology ClassTrackingPerTxn"
            " ClassTrackingPerTxnLine FirstMonthOfFiscalYear TaxYearMonth TaxForm BookCloseDate"
            " CustomerTerminology"
        ),
        "TimeTrackingPrefs": (
            "UseServices DefaultTimeItem BillCustomers ShowBillRateToAll WorkWeekStartDate"
            " MarkTimeEntriesBillable"
        ),
        "CurrencyPrefs": "MultiCurrencyEnabled HomeCurrency",
        "Line": "Id LineNum Description Amount LinkedTxn DetailType SalesItemLineDetail"
        " SubTotalLineDetail",
        "SalesItemLineDetail": "ItemRef ClassRef UnitPrice Qty TaxCodeRef ServiceDate",
        "LinkedTxn": "TxnId TxnType TxnLineId",
        "MetaData": "CreateTime LastUpdatedTime",
        "BillAddr ShipAddr PrimaryAddr Address CompanyAddr CustomerCommunicationAddr LegalAddr": (
            _ADDRESS
        ),
        "PrimaryPhone AlternatePhone Mobile Fax": _PHONE,
        "PrimaryEmailAddr BillEmail Email CompanyEmailAddr CustomerCommunicationEmailAddr": _EMAIL,
        "WebAddr": "Id URI Default Tag",
        "NameValue": "Name Value",
        "Error": "Message Detail",
    }.items()
    for element in elements.split()
}


def write_xml(answer: Json) -> str:
    """Write an answer; its members in the order of the schema."""
    time = answer.get("time")
    stamp = f" time={quoteattr(str(time))}" if time else ""
    members = "".join(_element(name, value) for name, value in answer.items() if name != "time")
    return f'<IntuitResponse{stamp} xmlns="{NAMESPACE}">{members}</IntuitResponse>'


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if value is None:
        return ""
    if not isinstance(value, dict):
        return f"<{name}>{escape(_text(value))}</{name}>"
    return _parent(name, value)


def _parent(name: str, value: Json) -> str:
    inner = {m: v for m, v in value.items() if m not in _ATTRIBUTES and m != "value"}
    attributes = "".join(
        f" {member}={quoteattr(_text(value[member]))}" for member in value if member in _ATTRIBUTES
    )
    order = _ORDER.get(name, list(inner))
    content = escape(_text(value["value"])) if "value" in value else ""
    content += "".join(_element(member, inner[member]) for member in order if member in inner)
    return f"<{name}{attributes}>{content}</{name}>"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else write_json(value)
