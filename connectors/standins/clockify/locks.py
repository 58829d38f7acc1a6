"""What in the Clockify stand-in may not be changed any more, and by whom (FACTS 2.2 and 6)."""

from datetime import timedelta

from connectors.standins.clockify.http import Caller, deny, not_modelled
from connectors.standins.clockify.state import Row, State
from connectors.standins.clockify.times import parse, stored

DAYS = {"DAYS": 1, "WEEKS": 7, "MONTHS": 30}


def is_locked(state: State, entry: Row) -> bool:
    """Return what `isLocked` says: approved, or from before the lock date; it tells not which."""
    return bool(entry.get("approved")) or _is_before_lock_date(state, entry["start"])


def must_be_open(caller: Caller, entry: Row) -> None:
    """Refuse to change an entry: an approved one to everyone, one before the lock date to most."""
    if entry.get("approved"):
        deny()
    if entry.get("submitted") and caller.state.switches.pending_is_locked and not caller.is_admin:
        deny()
    must_be_after_lock_date(caller, entry["start"])


def must_be_after_lock_date(caller: Caller, start: str) -> None:
    """Refuse time before the lock date, which binds only who is no admin."""
    if not caller.is_admin and _is_before_lock_date(caller.state, start):
        deny()


def _is_before_lock_date(state: State, start: str) -> bool:
    settings = state.settings
    by_hand, by_itself = settings["lockTimeEntries"], settings["automaticLock"]
    if by_hand is not None and start < stored(parse(by_hand)):
        return True
    return by_itself is not None and start < _older_than(state, by_itself)


def _older_than(state: State, rule: Row) -> str:
    """Return before when an automatic lock has locked time; a month is 30 days (our guess)."""
    if rule["type"] != "OLDER_THAN":
        not_modelled(f"an automatic lock of type {rule['type']}")
    days = int(rule["olderThanValue"]) * DAYS[rule["olderThanPeriod"]]
    return stored(state.now() - timedelta(days))
