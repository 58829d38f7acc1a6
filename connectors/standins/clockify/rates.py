"""Which rate and which currency a time entry gets in the Clockify stand-in (FACTS 6)."""

from typing import Literal

from pydantic import BaseModel, Field

from connectors.standins.clockify.state import Row, State

RateKey = Literal["hourlyRate", "costRate"]


class Rate(BaseModel):
    """A rate that a write gives, in minor units an hour."""

    amount: int = Field(ge=0)
    since: str | None = None


def price(state: State, entry: Row) -> None:
    """Give an entry the rate and the currency of now, as creation and some edits do."""
    project = state.project_of(entry)
    entry["rate"] = rate_of(state, entry) if entry["billable"] else None
    entry["cost"] = rate_of(state, entry, "costRate")
    entry["currency"] = currency_of(state, project)


def rate_of(state: State, entry: Row, key: RateKey = "hourlyRate") -> int | None:
    """Return the newest rate for an entry, in minor units an hour; `None` where there is none.

    The finest one wins, even when it is zero: a project member's, a task's, a project's, a
    workspace member's, the workspace's. That costs go the same way is our guess.
    """
    project = state.project_of(entry)
    task = state.task_of(entry) if "TASK_RATES" in state.features else {}
    members = [one for one in project.get("memberships", []) if one["userId"] == entry["userId"]]
    user = state.users.get(entry["userId"], {})
    coarse = [user, project] if state.switches.member_rate_first else [project, user]
    for priced in (*members, task, *coarse, state.workspace):
        rate: Row | None = priced.get(key)
        if rate is not None:
            amount: int = rate["amount"]
            return amount
    return None


def currency_of(state: State, project: Row) -> str:
    """Return the code of a project's currency: its client's, else the workspace's."""
    client = state.client_of(project)
    code: str = state.currency["code"]
    if "CLIENT_CURRENCY" in state.features:
        code = client.get("currency") or code
    return code


def membership_of(project: Row, user_id: str) -> Row:
    """Return a user's membership in a project, which is made where there is none."""
    memberships: list[Row] = project.setdefault("memberships", [])
    for membership in memberships:
        if membership["userId"] == user_id:
            return membership
    memberships.append(
        {
            "userId": user_id,
            "hourlyRate": None,
            "costRate": None,
            "targetId": project["id"],
            "membershipType": "PROJECT",
            "membershipStatus": "ACTIVE",
        }
    )
    return memberships[-1]
