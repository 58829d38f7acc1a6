"""What in the Clockify stand-in may not be changed any more, and by whom (FACTS 6)."""

from connectors.standins.clockify.http import Caller, deny
from connectors.standins.clockify.state import Row, State
from connectors.standins.clockify.times import parse, stored


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
    lock: str | None = state.settings["lockTimeEntries"]
    return lock is not None and start < stored(parse(lock))
