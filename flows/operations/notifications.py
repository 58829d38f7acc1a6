"""Notifies people of runs that failed, crashed, are late, left something or wait.

Prefect's automations see every run that the server knows: scheduled ones, those of commands, and
those whose machine is gone, which they also mark as crashed. The reason and the command that fixes
it are in the state's message (`flows.operations.final_states`, the errors' own texts).

Notifications go to the addresses in CLOCKBOOKS_NOTIFY, in Apprise's form, a library that comes with
Prefect. They are read in the server's process when they are used, and are neither in Prefect's
database nor in its pages.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from apprise import NotifyFormat
from prefect.automations import Automation
from prefect.blocks.abstract import NotificationBlock, NotificationError
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import StateType
from prefect.events import (
    ChangeFlowRunState,
    EventTrigger,
    Posture,
    ResourceSpecification,
    SendNotification,
)
from prefect.events.schemas.automations import AutomationCore

from flows.connections.notices import addresses
from flows.operations.final_states import CRASHED, DRIFTED, PARTLY_DONE
from flows.operations.page_rules import HARMLESS
from flows.settings import Settings, read_settings

#: A run without a heartbeat for this long has crashed: three heartbeats of 30 s.
SILENT_S = 90

#: How long a process may take to start; until then a run has no heartbeat.
STARTING_S = 180

FAILED = "Clockbooks: a run failed"
LATE = "Clockbooks: a run is late"
WAITS = "Clockbooks: a plan waits"
DEAD = "Clockbooks: a run is dead"  # kept: servers know the automation by it
NEVER_BEGAN = "Clockbooks: a run never began"

_BODY = """\
{{ flow_run.state.message or "It gives no reason. See its page." }}
Run: {{ flow_run.name }}{% if flow_run.parameters.connection %}, connection: \
{{ flow_run.parameters.connection }}{% endif %}
{{ flow_run | ui_url }}
"""

_LATE_BODY = """\
Nothing has started it yet. Is `clockbooks ui` or a worker running?
Due: {{ flow_run.expected_start_time }}
{{ flow_run | ui_url }}
"""

_WAITS_BODY = """\
A plan waits for your decision. Read it on the run's page under Artifacts, then press Resume. If \
nobody decides in time, nothing is sent.
Run: {{ flow_run.name }}{% if flow_run.parameters.connection %}, connection: \
{{ flow_run.parameters.connection }}{% endif %}
{{ flow_run | ui_url }}
"""

#: States after which no heartbeat and no start is expected.
_ENDS = (
    *("Completed", PARTLY_DONE, DRIFTED, "Skipped", "Failed", "TimedOut", "Crashed"),
    *("Cancelled", "Cancelling", "Missed", "Rejected", "Paused", "Suspended"),
)

logger = logging.getLogger("clockbooks.trouble")


class ClockbooksNotice(NotificationBlock):
    """Sends the text of an automation to the addresses in CLOCKBOOKS_NOTIFY."""

    _block_type_name = "Clockbooks notice"
    _block_type_slug = "clockbooks-notice"

    async def notify(self, body: str, subject: str | None = None) -> None:
        """Send it; if that fails, log the text without the addresses.

        Raises:
            NotificationError: Not every address accepted it.
        """
        settings = read_settings()
        # As text: e-mail is HTML otherwise, and a name from a service could put anything into it.
        sent = addresses(settings).async_notify(
            title=subject or "Clockbooks", body=body, body_format=NotifyFormat.TEXT
        )
        if not await sent:
            failure = f"Not every address in CLOCKBOOKS_NOTIFY accepted this: {subject}. {body}"
            logger.error(failure)
            raise NotificationError(failure)


def tell(settings: Settings, subject: str, body: str) -> None:
    """Notify of something that is no run's state."""
    if settings.notify is not None:
        with suppress(NotificationError):  # logged already
            asyncio.run(ClockbooksNotice().notify(body, subject))


def keep_watch(settings: Settings) -> None:
    """Set up the server's automations; what somebody switched off stays off.

    Raises:
        AskPerson: An address for notifications is not valid.
    """
    wanted = _crash_marks()
    if len(addresses(settings)):
        wanted += _notices(timedelta(seconds=settings.late_after_s))
    for automation in wanted:
        _keep(automation)
    for name in {FAILED, LATE, WAITS} - {automation.name for automation in wanted}:
        known = _known(name)
        if known is not None:
            known.delete()


def drop_foreign() -> list[str]:
    """Delete the automations that would run something; return their names.

    The page guard accepts none of them; these are older, or came past it.
    """
    with get_client(sync_client=True) as client:
        foreign = [one for one in client.read_automations() if _runs_something(one)]
        for one in foreign:
            client.delete_automation(one.id)
    return [one.name for one in foreign]


def _runs_something(one: AutomationCore) -> bool:
    actions = [*one.actions, *one.actions_on_trigger, *one.actions_on_resolve]
    return any(action.type not in HARMLESS for action in actions)


def _known(name: str) -> Automation | None:
    try:
        return Automation.read(name=name)  # type: ignore[return-value] # no loop runs here
    except ValueError:
        return None


def _keep(wanted: Automation) -> None:
    known = _known(wanted.name)
    if known is None:
        wanted.create()
        return
    known.trigger, known.actions = wanted.trigger, wanted.actions
    known.description = wanted.description
    known.update()


def _crash_marks() -> list[Automation]:
    """Return what marks a run as crashed whose process stopped without a final state.

    A run that waits for a person has no heartbeat either, so `_ENDS` has its states too. One whose
    worker was killed at once may be Running already, and still have had no heartbeat.
    """
    crash = ChangeFlowRunState(state=StateType.CRASHED, message=CRASHED)
    not_begun = ("Scheduled", "Late", "AwaitingConcurrencySlot")
    return [
        Automation(
            name=DEAD,
            description=f"Marks a run as crashed that has had no heartbeat for {SILENT_S} s.",
            trigger=_when_nothing_follows("heartbeat", ["heartbeat"], timedelta(seconds=SILENT_S)),
            actions=[crash],
        ),
        Automation(
            name=NEVER_BEGAN,
            description=f"Marks a run as crashed that had no heartbeat within {STARTING_S} s.",
            trigger=_when_nothing_follows(
                "Pending", ["heartbeat", *not_begun], timedelta(seconds=STARTING_S)
            ),
            actions=[crash],
        ),
    ]


def _notices(late_after: timedelta) -> list[Automation]:
    """Return what notifies of runs that failed, are late, or wait for a decision."""
    block_id = ClockbooksNotice().save("clockbooks-notice", overwrite=True)

    def notice(
        name: str, description: str, trigger: EventTrigger, subject: str, body: str
    ) -> Automation:
        sent = SendNotification(block_document_id=block_id, subject=subject, body=body)
        return Automation(name=name, description=description, trigger=trigger, actions=[sent])

    return [
        notice(
            FAILED,
            "Notifies of runs that failed, crashed, left something to do, or found a difference.",
            _when("Failed", "TimedOut", "Crashed", PARTLY_DONE, DRIFTED),
            "Clockbooks: {{ flow.name }} {{ flow_run.state.name }}",
            _BODY,
        ),
        notice(
            LATE,
            f"Notifies of runs that have not started {late_after} after their time.",
            _when_nothing_follows("Late", ["Pending", "Running"], late_after),
            "Clockbooks: {{ flow.name }} is late",
            _LATE_BODY,
        ),
        notice(
            WAITS,
            "Notifies of plans that wait for a decision.",
            _when("Suspended"),
            "Clockbooks: a plan waits for your decision",
            _WAITS_BODY,
        ),
    ]


def _when(*states: str) -> EventTrigger:
    return _each_run(posture=Posture.Reactive, expect=_events(states), within=timedelta(0))


def _when_nothing_follows(first: str, expected: list[str], within: timedelta) -> EventTrigger:
    """Trigger if neither one of the *expected* nor an end comes *within* a time after the first."""
    return _each_run(
        posture=Posture.Proactive,
        after=_events([first]),
        expect=_events([*expected, *_ENDS]),
        within=within,
    )


def _each_run(**options: Any) -> EventTrigger:
    return EventTrigger(
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        for_each={"prefect.resource.id"},
        threshold=1,
        **options,
    )


def _events(names: Iterable[str]) -> set[str]:
    return {f"prefect.flow-run.{name}" for name in names}
