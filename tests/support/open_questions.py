"""Open questions about both services: the other answers, and what happens meanwhile."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, get_args, get_type_hints

import pytest


def other_answers(switches: type) -> dict[str, list[Any]]:
    """Return the answers that are not the usual ones, by switch; none where any number is one."""
    types, usual = get_type_hints(switches), switches()
    return {
        one.name: [value for value in _values(types[one.name]) if value != getattr(usual, one.name)]
        for one in fields(switches)
    }


def _values(type_: Any) -> list[Any]:
    """List the values of a type that has only a few."""
    if type_ is bool:
        return [True, False]
    if type_ is type(None):
        return [None]
    parts = get_args(type_)
    if not any(isinstance(part, type) for part in parts):
        return [value for part in parts for value in (_values(part) or [part])]  # of Literals
    if {int, float, str} & set(parts):
        return []
    return [value for part in parts for value in _values(part)]


# --- QuickBooks ----------------------------------------------------------------------------------

CUSTOMER = "21"


def nothing(house: Any) -> None:
    """Let nothing happen besides."""


@dataclass(frozen=True)
class Scene:
    """What happens in QuickBooks in the middle of a send, and is undone before the next.

    Attributes:
        begins: What somebody does there.
        ends: What undoes it.
        limits: What QuickBooks takes meanwhile, by the names of its switches.
    """

    begins: Callable[[Any], None] = nothing
    ends: Callable[[Any], None] = nothing
    limits: Mapping[str, int] = field(default_factory=dict)

    def begin(self, house: Any) -> None:
        """Let it happen."""
        self.begins(house)
        for name, most in self.limits.items():
            setattr(house.quickbooks.switches, name, most)

    def end(self, house: Any) -> None:
        """Undo it."""
        self.ends(house)
        for name in self.limits:
            setattr(house.quickbooks.switches, name, 0 if name.startswith("others") else None)


def _make_project(house: Any) -> None:
    customers, books = house.quickbooks.customers, house.quickbooks.books
    if not customers[CUSTOMER].get("IsProject"):
        above = books.save("Customer", {"DisplayName": "Estate"}, "create")
        parts = {"Job": True, "ParentRef": {"value": above["Id"]}}
        system = {"Id": CUSTOMER, "SyncToken": customers[CUSTOMER]["SyncToken"], "sparse": True}
        books.save("Customer", system | parts, "update")
        customers[CUSTOMER]["IsProject"] = True


def _close_books(house: Any) -> None:
    house.quickbooks.people.close_books("2026-03-31")


def _close_books_to_the_fifth(house: Any) -> None:
    house.quickbooks.people.close_books("2026-03-05")


def _open_books(house: Any) -> None:
    house.quickbooks.people.close_books(None)


def _make_active(active: bool) -> Callable[[Any], None]:  # noqa: FBT001 - one of the two ways
    def save(house: Any) -> None:
        row = house.quickbooks.customers[CUSTOMER]
        body = {"Id": CUSTOMER, "SyncToken": row["SyncToken"], "sparse": True, "Active": active}
        house.quickbooks.books.save("Customer", body, "update")

    return save


def _say(name: str, value: str) -> Callable[[Any], None]:
    def say(house: Any) -> None:
        pairs = house.quickbooks.company["NameValue"]
        pairs[:] = [pair for pair in pairs if pair["Name"] != name]
        pairs.append({"Name": name, "Value": value})

    return say


def _give_pay_types(house: Any) -> None:
    _say("PayrollFeature", "true")(house)
    own = {id_: {f"7{id_}": "Regular"} for id_ in house.quickbooks.employees}
    house.quickbooks.pay_types.update(own)


def _take_pay_types(house: Any) -> None:
    _say("PayrollFeature", "false")(house)
    house.quickbooks.pay_types.clear()


def _prefer(name: str, *, on: bool) -> Callable[[Any], None]:
    def prefer(house: Any) -> None:
        house.quickbooks.preferences["TimeTrackingPrefs"][name] = on

    return prefer


def _track_classes(*, on: bool) -> Callable[[Any], None]:
    def track(house: Any) -> None:
        house.quickbooks.preferences["AccountingInfoPrefs"]["ClassTrackingPerTxn"] = on

    return track


def _bill_what_is_there(house: Any) -> None:
    house.quickbooks.people.invoice(CUSTOMER, *house.quickbooks.activities)


def _forget_access_tokens(house: Any) -> None:
    for consent in house.quickbooks.oauth._consents:  # noqa: SLF001 - as their hour does
        consent.access.clear()


def _lower_the_batches(_house: Any) -> None:
    os.environ["CLOCKBOOKS_QBO_BATCH_SIZE"] = "1"  # as somebody does whom QuickBooks tells 1040


PLAIN = Scene()
TOO_LARGE = Scene(ends=_lower_the_batches)
CLOSED = Scene(_close_books, _open_books)
CLOSED_TO_THE_FIFTH = Scene(_close_books_to_the_fifth, _open_books)
INACTIVE = Scene(_make_active(active=False), _make_active(active=True))
PROJECT = Scene(_make_project)
PAID = Scene(_give_pay_types, _take_pay_types)
PAYROLL = Scene(_say("PayrollFeature", "true"), _say("PayrollFeature", "false"))
SIMPLE_START = Scene(
    _say("OfferingSku", "QuickBooks Online Simple Start"),
    _say("OfferingSku", "QuickBooks Online Plus"),
)
NO_BILLING = Scene(_prefer("BillCustomers", on=False), _prefer("BillCustomers", on=True))
NO_SERVICES = Scene(_prefer("UseServices", on=False), _prefer("UseServices", on=True))
CLASSES = Scene(_track_classes(on=True), _track_classes(on=False))
BILLED = Scene(_bill_what_is_there)
EXPIRED = Scene(_forget_access_tokens)
EIGHT = Scene(limits={"requests_per_minute": 8})
ONE_BATCH = Scene(limits={"batches_per_minute": 1})


@dataclass(frozen=True)
class Run:
    """One way in which QuickBooks may be, and what happens there meanwhile.

    Attributes:
        name: What it is called among the tests.
        switches: Answers to open questions that are not the usual ones.
        scene: What they are about.
        refuses: Whether QuickBooks refuses entries there.
        quick: Whether `make test` runs it too: what changes the shape of answers.
        asks: Whether a person has to say what became of an entry: its content was changed.
    """

    name: str
    switches: dict[str, Any]
    scene: Scene = PLAIN
    refuses: bool = False
    quick: bool = False
    asks: bool = False


QUICKBOOKS = [
    Run("no memory", {"remembers_request_ids": False}),
    Run("forgets at once", {"forgets_request_ids_after_s": 0}),
    Run("forgets after 30 minutes", {"forgets_request_ids_after_s": 1800}),
    Run("forgets after a day", {"forgets_request_ids_after_s": 86_400}),
    Run("forgets after a week", {"forgets_request_ids_after_s": 604_800}),
    Run("a replay is 6000", {"replay_answers_6000": True}),
    Run("600 in progress", {"answers_600_in_progress": True}),
    Run("other content refused", {"other_content": "refused"}),
    Run("other content done", {"other_content": "done"}),
    Run(
        "answers shuffled",
        {"shuffles_batch_answers": True, "runs_batches_backwards": True},
        quick=True,
    ),
    Run("slow", {"latency_s": 0.01}),
    Run("one item a batch", {"largest_batch": 1}, TOO_LARGE),
    Run("full updates", {"sparse_time_updates": False}, BILLED),
    Run("filters by reference", {"filters_time_by_reference": True}),
    Run("billable status kept", {"billable_status": "kept"}, BILLED),
    Run("billed time deleted", {"billed_can_be_deleted": True}, BILLED),
    Run("billed time stays", {"update_of_billed": "stays_billed"}, BILLED),
    Run("billed time unbilled", {"update_of_billed": "unbills"}, BILLED),
    Run("billing raises tokens", {"billing_raises_sync_token": True}, BILLED),
    Run("changes of time told", {"cdc_serves_time": True}),
    Run("inactive names untold", {"cdc_shows_inactive": False}),
    Run("inactive is 610", {"inactive_reference_code": "610"}, INACTIVE, refuses=True),
    Run("inactive taken", {"inactive_reference_code": None}, INACTIVE),
    Run("404 for what is not there", {"missing_status": 404}),
    Run("billed is 6000", {"has_been_billed_code": "6000"}, BILLED),
    Run("projects shown", {"shows_project_ref": True}, PROJECT),
    Run("projects are no jobs", {"project_customers": "children"}, PROJECT),
    Run("projects alone", {"project_customers": "alone"}, PROJECT),
    Run("strangers become others", {"strangers_become_others": True}),
    Run(
        "no words",
        {"names_time_faults": False, "without_billing": "refused"},
        NO_BILLING,
        refuses=True,
    ),
    Run("tracking kept", {"without_tracking": "kept"}),
    Run("tracking refused", {"without_tracking": "refused"}),
    Run("a class wanted", {"requires_class": True}, CLASSES, refuses=True),
    Run("services dropped", {"without_services": "dropped"}, NO_SERVICES),
    Run("services refused", {"without_services": "refused"}, NO_SERVICES),
    Run("billing dropped", {"without_billing": "dropped"}, NO_BILLING, asks=True),
    Run("billing refused", {"without_billing": "refused"}, NO_BILLING, refuses=True),
    Run("long pages cut", {"cuts_long_pages": True}),
    Run("oldest time first", {"time_order": "oldest"}, quick=True),
    Run("time by its date", {"time_order": "date"}),
    Run("columns refused", {"takes_columns": False}),
    Run("plain backslashes", {"escapes_backslashes": False}),
    Run("closed books taken", {"refuses_closed_books": False}, CLOSED),
    Run("the last day open", {"closes_last_day": False}, CLOSED_TO_THE_FIFTH),
    Run("closed is 6200", {"closed_books_code": "6200"}, CLOSED, refuses=True),
    Run("closed is 6000", {"closed_books_code": "6000"}, CLOSED, refuses=True),
    Run("payroll is 5030", {"payroll_code": "5030"}, PAYROLL, refuses=True),
    Run("payroll wants a pay type", {"payroll_code": "2020"}, PAYROLL, refuses=True),
    Run("payroll takes contractors", {"payroll_takes_contractors": True}, PAYROLL, refuses=True),
    Run("payroll takes time", {"payroll_code": None}, PAYROLL),
    Run("others' pay types", {"refuses_foreign_pay_types": False}, PAID, refuses=True),
    Run("pay types without names", {"names_pay_types": False}, PAID, refuses=True),
    Run("pay types by default", {"payroll_code": None, "fills_pay_types": True}, PAID),
    Run("no pay types", {"takes_pay_types": False}, PAYROLL, refuses=True),
    Run("a small plan is 6000", {"plan_code": "6000"}, SIMPLE_START, refuses=True),
    Run("a small plan takes time", {"plan_code": None}, SIMPLE_START),
    Run("names by case", {"case_insensitive_names": False}),
    Run("inactive names block", {"inactive_names_block": True}, INACTIVE, refuses=True),
    Run("the suffix stays", {"reactivating_renames": False}, INACTIVE, refuses=True),
    Run("401 for another company", {"foreign_realm_status": 401}),
    Run("each refresh rotates", {"rotates_every_refresh": True}, EXPIRED),
    Run("PKCE offered", {"offers_pkce": True}, EXPIRED),
    Run("400 for a bad client", {"bad_client_status": 400}, EXPIRED),
    Run("codes live long", {"code_life_s": 600}),
    Run("3 a second", {}, Scene(limits={"requests_per_second": 3})),
    Run("8 a minute", {}, EIGHT),
    Run("no batch counted", {"batches_per_minute": None}),
    Run("one batch a minute", {}, ONE_BATCH),
    Run("two in flight", {"requests_in_flight": 2, "latency_s": 0.01}),
    Run("no reads left", {}, Scene(limits={"reads_per_month": 1})),
    Run(
        "others' requests",
        {},
        Scene(limits={"requests_per_minute": 500, "others_requests": 495}),
    ),
    Run("others' batches", {}, Scene(limits={"batches_per_minute": 40, "others_batches": 119})),
    Run("batches counted by item", {"counts_batch_items": True}, EIGHT),
    Run(
        "lower-case faults",
        {"lower_case_faults": True, "throttle_in_json": True},
        CLOSED,
        refuses=True,
        quick=True,
    ),
    Run("429 in JSON", {"throttle_in_json": True}, ONE_BATCH),
    Run("403 for a throttle", {"throttle_status": 403}, ONE_BATCH, quick=True),
    Run("Retry-After", {"retry_after_s": 30}, ONE_BATCH),
    Run("CloudEvents", {"webhook_form": "CloudEvents"}),
    Run("events alone", {"webhook_events": 1}),
    Run("messages twice", {"webhook_deliveries": 2}),
    Run("messages late", {"webhook_delay_s": 60}),
    Run("messages backwards", {"webhooks_backwards": True}),
    Run("JSON by default", {"xml_by_default": False}),
    Run("Intuit-Tid", {"tid_header": "Intuit-Tid"}),
]

#: What the product relies on, and why: its other answers have no run.
RELIED_ON = {
    "works_when_throttled": "QuickBooks answers 429 before it works (2.3): what it throttles is "
    "sent again under a new request id. Were it done all the same, it would be booked twice.",
}


def parameters(runs: list[Run]) -> list[Any]:
    """Give the runs, of which most are slow by their number."""
    marks = [pytest.mark.slow]
    return [pytest.param(run, id=run.name, marks=[] if run.quick else marks) for run in runs]


# --- Clockify ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """One way in which Clockify may be.

    Attributes:
        name: What it is called among the tests.
        switches: Answers to open questions that are not the usual ones.
        plan: What the workspace's plan is called.
        settings: What its settings say besides.
    """

    name: str
    switches: dict[str, Any]
    plan: str = "PRO_2021"
    settings: Mapping[str, Any] = field(default_factory=dict)


def _rounds(words: str) -> dict[str, Any]:
    return {"timeRoundingInReports": True, "round": {"round": words, "minutes": "20"}}


CLOCKIFY = [
    Source("small pages of the core host", {"largest_core_page": 1}),
    Source("small pages of reports", {"largest_report_page": 2}),
    Source("large pages refused", {"larger_pages": "refused"}),
    Source("newer times", {"newer_report_times": True}),
    Source("the owner's zone", {"window_zone": "owner"}),
    Source("the feed on a wall clock", {"feed_window_on_account_clock": True}),
    Source("no address of who left", {"deleted_user_email": None}),
    Source("names by any case", {"case_insensitive_names": True}),
    Source("null for no client", {"no_client_is_null": True}),
    Source("a field's own type", {"custom_value_type": "field"}),
    Source("short words of rounding", {"rounding_words": "short"}, settings=_rounds("Round up to")),
    Source(
        "rounding in capitals", {"rounding_words": "capitals"}, settings=_rounds("Round down to")
    ),
    Source("oldest entries first", {"entry_order": "oldest"}),
    Source("no feed", {"serves_change_feed": False}),
    Source("deletions at once", {"deleted_lag_s": 0}),
    Source("what waits is locked", {"pending_is_locked": True}),
    Source("no id of a request turned down", {"keeps_request_id": False}),
    Source("every state of approval", {"lists_every_approval_state": True}),
    Source("2 a second", {"requests_per_second": 2}),
    Source("20 an hour", {"free_requests_per_hour": 20}, plan="FREE"),
    Source("no limit on the free plan", {"free_requests_per_hour": None}, plan="FREE"),
    Source("429 as a text", {"throttles_in_json": False, "requests_per_second": 2}),
    Source("Retry-After", {"retry_after_s": 5, "requests_per_second": 2}),
    Source("a member's rate first", {"member_rate_first": True}),
    Source("a half goes down", {"half_rounds": "down"}),
    Source("no rounding by default", {"rounds_by_default": "never"}),
    Source("durations rounded alone", {"rounds_amounts": False}),
    Source("years in one report", {"refuses_over_a_year": False}),
    Source("hidden rates are missing", {"hidden_rates": "missing"}),
    Source("reports as CSV", {"serves_csv": True}),
    Source("tags have _id", {"tag_key": "_id"}),
    Source("no types", {"shows_type": False}),
    Source("empty where not invoiced", {"not_invoiced": "empty"}),
    Source("null totals", {"excluded_totals": "null"}),
    Source("no totals without rows", {"empty_totals": "empty"}),
    Source("webhooks in an envelope", {"webhook_envelope": True}),
    Source("webhooks twice", {"webhook_deliveries": 2}),
    Source("webhooks tried again", {"webhook_attempts": 2}),
    Source("webhooks held", {"webhooks_held": True}),
    Source("webhooks backwards", {"webhooks_backwards": True}),
]
