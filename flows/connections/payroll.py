"""A company with payroll: what is known of it, in words.

Sources disagree about whether QuickBooks takes time there (FACTS, QBO, 6.3 and 13.1). So a send
hands over one entry alone, and the others only if it is taken (`flows.sending.canary`).
"""

from datetime import datetime

from connectors.quickbooks.faults import is_of_the_item
from flows.context import RunContext
from schemas.words import TimeKind

#: What is said before a plan of which one entry goes first.
ONE_FIRST = (
    "The company has QuickBooks Payroll. Until QuickBooks has taken time there, one entry goes"
    " first, alone, and the others only if it is taken."
)

#: What helps where QuickBooks wants a pay type on an employee's time.
PAY_TYPES = (
    "If QuickBooks wants a pay type, give all time one: `clockbooks rules add --pay-type NAME`, and"
    " `clockbooks configure --set required_on_time=pay_type` keeps back what has none."
)

_HAS = "The company has QuickBooks Payroll."

_ONE = "One entry of the next send goes first, alone, and the others only if QuickBooks takes it."

_ALL = "`allow_payroll` is set, so all entries of a send go at once all the same."


def payroll_state(context: RunContext, *, tries_one: bool) -> tuple[str, str]:
    """Return what is known of a company with payroll, and what happens next; empty if all goes.

    *tries_one* is whether one entry goes first as long as nothing is known.
    """
    payroll, next_send = context.store.payroll, _ONE if tries_one else _ALL
    at = payroll.taken_at(TimeKind.PLAIN)
    if at is not None:
        return f"{_HAS} QuickBooks took time there, last on {_day(context, at)}.", ""
    at = payroll.taken_at(TimeKind.PAID)
    if at is not None:
        took = f"{_HAS} QuickBooks took time with a pay type there, last on {_day(context, at)}"
        return f"{took}; whether it takes time without one is not known.", ""
    for refusal in payroll.refusals():
        if not is_of_the_item(refusal.fault):
            on = f"{_HAS} On {_day(context, refusal.at)}, QuickBooks refused time there"
            to_do = f"If payroll is not why, correct what these words say. {PAY_TYPES} {next_send}"
            return f"{on}: {refusal.fault}.", to_do
    at = payroll.taken_at(TimeKind.CONTRACTORS)
    if at is not None:
        took = f"{_HAS} QuickBooks took a contractor's time there, last on {_day(context, at)}"
        return f"{took}; whether it takes an employee's is not known yet.", next_send
    return f"{_HAS} Whether QuickBooks takes time there is not known yet.", next_send


def _day(context: RunContext, at: datetime) -> str:
    return f"{at.astimezone(context.timezone):%Y-%m-%d %H:%M}"
