"""What is not known for certain about QuickBooks Online, one switch for each question.

The defaults are the likeliest behaviour, or the least kind one where none is likelier. Tests that
matter run with a switch both ways, so that nothing leans on a guess (FACTS 12), with one exception:
the product relies on `works_when_throttled` as it is by default.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Switches:
    """The open questions. All may be changed while the stand-in runs."""

    # --- requestid (FACTS 3): how long, and how well, it is remembered is written nowhere.
    remembers_request_ids: bool = True  # False: a repeated write is a second write
    forgets_request_ids_after_s: float | None = None  # None: never
    replay_answers_6000: bool = False  # True: a repeated write is refused, as seen in 2016
    answers_600_in_progress: bool = False  # True: refuses while the first one still runs
    # The same id with other content: the first answer again, a refusal (600), or new work.
    other_content: Literal["replayed", "refused", "done"] = "replayed"

    # --- batches (FACTS 2.1)
    largest_batch: int = 30  # 10, 25 and 50 can be read, too
    runs_batches_backwards: bool = False  # no order of execution is promised
    shuffles_batch_answers: bool = False  # nor one of the answers; by the request id, so repeatable
    latency_s: float = 0  # work on one item of a batch; the real one takes 0.06 to 1 s

    # --- TimeActivity (FACTS 1)
    sparse_time_updates: bool = True  # False: `sparse` is ignored, the update is a full one
    filters_time_by_reference: bool = False  # EmployeeRef, VendorRef, CustomerRef in WHERE
    # What an update makes of the status: Intuit's page calls it "not updatable".
    billable_status: Literal["changed", "kept"] = "changed"
    billed_can_be_deleted: bool = False  # an activity that an invoice has taken up
    # What an update does to such an activity; "unbills" lets the invoice go of it when the update
    # says Billable or NotBillable.
    update_of_billed: Literal["refused", "stays_billed", "unbills"] = "refused"
    billing_raises_sync_token: bool = False  # billed rows were recorded with SyncToken 0
    cdc_serves_time: bool = False  # a release note of 2021 says yes, all else says no
    cdc_shows_inactive: bool = True  # False: of names, only active ones and deleted ones come
    inactive_reference_code: Literal["2500", "610"] | None = "2500"  # None: taken
    missing_status: Literal[400, 404] = 400  # of reading an id that is not there, or no more
    has_been_billed_code: Literal["2170", "6000"] = "2170"  # of that status in a request
    shows_project_ref: bool = False  # time of a customer that is a project bears a ProjectRef too
    strangers_become_others: bool = False  # an id that is no employee's: NameOf Other, seen once
    names_time_faults: bool = True  # False: 6290 to 6390 come without any words

    # --- settings that are off (FACTS 1.1, 6.2): what becomes of what they are about.
    without_tracking: Literal["kept", "dropped", "refused"] = "dropped"  # classes, departments
    requires_class: bool = False  # True: time without a ClassRef is refused, where classes are kept
    without_services: Literal["kept", "dropped", "refused"] = "kept"  # UseServices
    without_billing: Literal["kept", "dropped", "refused"] = "kept"  # BillCustomers

    # --- queries (FACTS 4.1)
    cuts_long_pages: bool = False  # MAXRESULTS over 1000: 1000 rows come; otherwise 4001
    time_order: Literal["newest", "oldest", "date"] = "newest"  # of TimeActivity without ORDERBY
    takes_columns: bool = True  # False: `select Id, TxnDate` is 4001, as the page has it
    escapes_backslashes: bool = True  # False: a backslash escapes the apostrophe alone

    # --- companies that refuse time (FACTS 6.3, 11.11): the real codes were never seen.
    refuses_closed_books: bool = True  # rows dated on or before BookCloseDate
    closes_last_day: bool = True  # or only what lies before BookCloseDate
    closed_books_code: Literal["6200", "6210", "6000"] = "6210"
    # Of time without a pay type where payroll is on; None: it is taken.
    payroll_code: Literal["2020", "5030", "6000"] | None = "6000"
    takes_pay_types: bool = True  # False: payroll refuses time with a PayrollItemRef too
    payroll_takes_contractors: bool = False  # vendors, whom payroll does not pay
    # Pay types of a company whose employees have some (13.1); no answer about them was ever seen.
    refuses_foreign_pay_types: bool = True  # an id that is not the employee's own: 2500
    names_pay_types: bool = True  # False: answers bear the id alone
    fills_pay_types: bool = False  # True: time without one gets the employee's first
    plan_code: Literal["5030", "6000"] | None = "5030"  # Simple Start has no time tracking

    # --- names (FACTS 5.1)
    case_insensitive_names: bool = True  # "bo li" is taken when "Bo Li" is there
    inactive_names_block: bool = False  # True: the " (deleted)" suffix does not free a name
    reactivating_renames: bool = True  # False: who is active again keeps the suffix
    # How a customer that is a project is shown (5.2): with Job and ParentRef; with ParentRef, Job
    # false; with neither.
    project_customers: Literal["jobs", "children", "alone"] = "jobs"

    # --- OAuth (FACTS 8)
    rotates_every_refresh: bool = False  # True: each refresh kills the old refresh token at once
    offers_pkce: bool = False  # the discovery document of Intuit's SDK does not list it
    bad_client_status: Literal[400, 401] = 401  # of a wrong client id or secret: both were seen
    foreign_realm_status: Literal[401, 403] = 403  # of a token in another company's path
    code_life_s: float = 300  # of an authorization code; recalled, not verified

    # --- throttling (FACTS 2.2, 2.3); None lifts a limit.
    requests_per_second: int | None = 10
    requests_per_minute: int | None = 500
    batches_per_minute: int | None = 40
    requests_in_flight: int | None = 10  # a rule of 2016 that is still quoted
    reads_per_month: int | None = None  # 500,000 for small developers
    # What other apps of the same company use up meanwhile, a minute.
    others_requests: int = 0
    others_batches: int = 0
    counts_batch_items: bool = False  # True: a batch of 30 is 30 of the requests a minute
    throttle_in_json: bool = False  # 429 was only ever seen in XML
    throttle_status: Literal[429, 403] = 429  # 403 in October 2016
    # True: what is throttled is done all the same. The product relies on False: the service answers
    # before it works (2.3), so a throttled batch is sent again.
    works_when_throttled: bool = False
    retry_after_s: int | None = None  # sent as Retry-After with a 429; the real one was not seen to

    # --- webhooks (FACTS 9): the form changes in 2026; no order and no single delivery is promised.
    webhook_form: Literal["eventNotifications", "CloudEvents"] = "eventNotifications"
    webhook_events: int | None = None  # most in one message; None: all that came together
    webhook_deliveries: int = 1  # how often each message is sent
    webhook_delay_s: float = 0
    webhooks_backwards: bool = False  # the latest message first

    # --- the wire (FACTS 7.3, 11.2)
    lower_case_faults: bool = False  # the books' own faults in the gateway's spelling, seen in 2024
    xml_by_default: bool = True  # False: JSON even for callers that do not ask for it
    tid_header: str = "intuit_tid"  # or "Intuit-Tid": both were recorded
