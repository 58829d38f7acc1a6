"""What is not known for certain about Clockify, one switch for each question (FACTS 11).

The defaults are the likeliest behaviour, or the least kind one where none is likelier. Tests that
matter run with a switch both ways, so that nothing leans on a guess.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Switches:
    """The open questions. All may be changed while the stand-in runs."""

    # --- pages (FACTS 1.5): whether more than the largest page is cut or refused
    largest_core_page: int = 5000
    largest_report_page: int = 1000
    larger_pages: Literal["cut", "refused"] = "cut"

    # --- time (FACTS 1.6)
    newer_report_times: bool = False  # `Z` times with the zone's reading beside them
    window_zone: Literal["user", "owner"] = "user"  # whose clock the core host's bounds are on
    feed_window_on_account_clock: bool = False  # whether 1.6(2) holds for `entities/*`, too

    # --- people and names (FACTS 2.4 to 2.6, 4)
    deleted_user_email: str | None = ""
    case_insensitive_names: bool = False  # "acme" is taken when "Acme" is there
    no_client_is_null: bool = False  # in `/projects`; reports have `""`

    # --- the workspace (FACTS 2.2): only "Round to nearest" was seen. "to": as its settings say,
    # e.g. "Round up to"; "short": "Round up"; "capitals": "ROUND_UP_TO".
    rounding_words: Literal["to", "short", "capitals"] = "to"

    # --- entries (FACTS 3): the order of their lists; `type` of a custom field's value, "source
    # type" in the OpenAPI's words
    entry_order: Literal["newest", "oldest"] = "newest"
    custom_value_type: Literal["source", "field"] = "source"

    # --- the change feed (FACTS 3)
    serves_change_feed: bool = True  # it is called experimental
    deleted_lag_s: int = 60  # "approximately one minute" until `entities/deleted` shows it

    # --- approval (FACTS 6)
    pending_is_locked: bool = False  # whether what waits for approval is locked for its owner
    keeps_request_id: bool = True  # an entry keeps the id of a request that was turned down
    lists_every_approval_state: bool = False  # `status` beyond the three that are documented

    # --- throttling (FACTS 1.3); `None` lifts a limit. Body and headers of a 429 were never seen.
    requests_per_second: int | None = 50
    free_requests_per_hour: int | None = 30  # for a whole workspace on the free plan
    throttles_in_json: bool = True  # or the text "Too Many Requests"
    retry_after_s: int | None = None  # sent as Retry-After

    # --- rates (FACTS 6): one help page puts the workspace's member above the project
    member_rate_first: bool = False

    # --- the report (FACTS 4 and 5)
    half_rounds: Literal["up", "down"] = "up"  # an exact half of the workspace's step
    rounds_by_default: Literal["workspace", "never"] = "workspace"  # without `rounding`
    rounds_amounts: bool = True  # or the durations alone
    refuses_over_a_year: bool = True  # on plans whose reports are said to span a year
    hidden_rates: Literal["refused", "missing"] = "refused"  # for those who may not see rates
    serves_csv: bool = False  # whether `exportType: CSV` is heard, or ignored
    tag_key: Literal["id", "_id"] = "id"  # what an entry's tags have as their id
    shows_type: bool = True  # reports of 2023 had no `type`
    not_invoiced: Literal["absent", "empty"] = "absent"  # `invoicingInfo` of what is not invoiced
    excluded_totals: Literal["empty", "null"] = "empty"  # `[]` or `[null]`
    empty_totals: Literal["empty", "null"] = "null"  # of a report without rows

    # --- webhooks (FACTS 7): no delivery was ever captured, and nothing is promised of them
    webhook_envelope: bool = False  # `{event, timeEntry}` around the flat body
    webhook_deliveries: int = 1  # how often each event comes
    webhook_attempts: int = 1  # how often one is tried until its receiver answers 2xx
    webhooks_held: bool = False  # late: until `outbox.release()` is called
    webhooks_backwards: bool = False  # what is released comes in the opposite order
