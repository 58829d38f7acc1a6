"""Tells people about runs that failed, died, are late, left something or wait; finds the dead.

Prefect's automations see every run that the server knows: scheduled ones, those of the command line
with a server, and those whose machine is gone, which could not tell anything themselves. The reason
and the command that mends it are the state's message (`flows.operations.final_states`, the errors'
own texts).

Where to tell it is the setting CLOCKBOOKS_NOTIFY: addresses as Apprise has them, which Prefect
brings along. They are read where they are used, in the server's process, and stand neither in
Prefect's database nor in its page.
"""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import Any

from apprise import Apprise, AppriseAsset, NotifyFormat
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

from connectors.errors import AskPerson
from connectors.masking import remember
from flows.operations.final_states import PARTLY_DONE, WHAT_DIED
from flows.operations.page_rules import HARMLESS
from flows.settings import Settings, read_settings

#: Without a sign of life for so long a run counts as dead: three heartbeats of 30 s.
SILENT_S = 90

#: So long a process may take to start; a run whose worker died before that has no heartbeat.
STARTING_S = 180

FAILED = "Clockbooks: a run failed"
LATE = "Clockbooks: a run is late"
WAITS = "Clockbooks: a plan waits"
DEAD = "Clockbooks: a run is dead"
NEVER_BEGAN = "Clockbooks: a run never began"

_BODY = """\
{{ flow_run.state.message or "It says no more: see its page." }}
Run: {{ flow_run.name }}{% if flow_run.parameters.connection %}, connection: \
{{ flow_run.parameters.connection }}{% endif %}
{{ flow_run | ui_url }}
"""

_LATE_BODY = """\
Nothing has started it yet: is `clockbooks ui`, or a worker, running?
Due: {{ flow_run.expected_start_time }}
{{ flow_run | ui_url }}
"""

_WAITS_BODY = """\
A plan is ready and waits for a decision: on the run's page, read it under Artifacts, then press \
Resume. When nobody decides in time, nothing is sent.
Run: {{ flow_run.name }}{% if flow_run.parameters.connection %}, connection: \
{{ flow_run.parameters.connection }}{% endif %}
{{ flow_run | ui_url }}
"""

#: States after which nobody waits for a run's next sign of life, or for its beginning.
_ENDS = (
    *("Completed", PARTLY_DONE, "Skipped", "Failed", "TimedOut", "Crashed"),
    *("Cancelled", "Cancelling", "Missed", "Rejected", "Paused", "Suspended"),
)

logger = logging.getLogger("clockbooks.trouble")


class ClockbooksNotice(NotificationBlock):
    """Sends what an automation says to the addresses of CLOCKBOOKS_NOTIFY."""

    _block_type_name = "Clockbooks notice"
    _block_type_slug = "clockbooks-notice"

    async def notify(self, body: str, subject: str | None = None) -> None:
        """Send it; what could not be told is in the log, without the address.

        Raises:
            NotificationError: Not every address took it.
        """
        settings = read_settings()
        # As text: e-mail is HTML otherwise, and a name from a service could put anything into it.
        sent = addresses(settings).async_notify(
            title=subject or "Clockbooks", body=body, body_format=NotifyFormat.TEXT
        )
        if not await sent:
            told = f"Not every address of CLOCKBOOKS_NOTIFY took this: {subject}. {body}"
            logger.error(told)
            raise NotificationError(told)


def addresses(settings: Settings) -> Apprise:
    """Give the addresses to tell trouble to.

    Raises:
        AskPerson: Apprise does not know one of them.
    """
    asset = AppriseAsset(app_id="Clockbooks", app_desc="Clockbooks", app_url="")
    known = Apprise(asset=asset)
    given = settings.notify.get_secret_value().split() if settings.notify else []
    for number, address in enumerate(given, start=1):
        remember(address)
        if not known.add(address):
            raise AskPerson(
                f"CLOCKBOOKS_NOTIFY: address number {number} is none that can be used. Addresses"
                " are those of Apprise, such as mailtos://…, slack://… or jsons://…, with a space"
                " between two."
            )
    return known


def tell(settings: Settings, subject: str, body: str) -> None:
    """Tell something that no run's state says."""
    if settings.notify is not None:
        with suppress(NotificationError):  # it is in the log
            asyncio.run(ClockbooksNotice().notify(body, subject))


def keep_watch(settings: Settings) -> None:
    """Let the server watch over the runs from now on; what somebody switched off stays off.

    Raises:
        AskPerson: An address to tell trouble to cannot be used.
    """
    wanted = [_finds_the_dead(), _finds_what_never_began()]
    if len(addresses(settings)):
        block_id = ClockbooksNotice().save("clockbooks-notice", overwrite=True)
        late_after = timedelta(seconds=settings.late_after_s)
        wanted += [
            _tells_failed(block_id),
            _tells_late(block_id, late_after),
            _tells_that_a_plan_waits(block_id),
        ]
    for automation in wanted:
        _keep(automation)
    for name in {FAILED, LATE, WAITS} - {automation.name for automation in wanted}:
        known = _known(name)
        if known is not None:
            known.delete()


def drop_foreign() -> list[str]:
    """Delete the automations that would run something, and give their names.

    The page's guard takes none of them; these came before it, or past it.
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


def _each_run(**options: Any) -> EventTrigger:
    return EventTrigger(
        match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
        for_each={"prefect.resource.id"},
        threshold=1,
        **options,
    )


def _states(*names: str) -> set[str]:
    return {f"prefect.flow-run.{name}" for name in names}


def _finds_the_dead() -> Automation:
    """Say of a run that it crashed, once its heart has stopped without any other end.

    A run that waits for a person has no heartbeat either: pausing is among the ends.
    """
    return Automation(
        name=DEAD,
        description=f"Marks a run as crashed that gave no sign of life for {SILENT_S} s.",
        trigger=_each_run(
            posture=Posture.Proactive,
            after=_states("heartbeat"),
            expect=_states("heartbeat", *_ENDS),
            within=timedelta(seconds=SILENT_S),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=WHAT_DIED)],
    )


def _finds_what_never_began() -> Automation:
    """Say of a run that it crashed, whose worker took it and died before it began."""
    return Automation(
        name=NEVER_BEGAN,
        description=f"Marks a run as crashed whose process did not start within {STARTING_S} s.",
        trigger=_each_run(
            posture=Posture.Proactive,
            after=_states("Pending"),
            expect=_states("Running", "Scheduled", "Late", "AwaitingConcurrencySlot", *_ENDS),
            within=timedelta(seconds=STARTING_S),
        ),
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=WHAT_DIED)],
    )


def _tells_failed(block_id: Any) -> Automation:
    return Automation(
        name=FAILED,
        description="Tells CLOCKBOOKS_NOTIFY of runs that failed, crashed or left something.",
        trigger=_each_run(
            posture=Posture.Reactive,
            expect=_states("Failed", "TimedOut", "Crashed", PARTLY_DONE),
            within=timedelta(0),
        ),
        actions=[
            SendNotification(
                block_document_id=block_id,
                subject="Clockbooks: {{ flow.name }} {{ flow_run.state.name }}",
                body=_BODY,
            )
        ],
    )


def _tells_late(block_id: Any, late_after: timedelta) -> Automation:
    begun = _states("Pending", "Running", *_ENDS)
    return Automation(
        name=LATE,
        description=f"Tells CLOCKBOOKS_NOTIFY of runs that nothing starts for {late_after}.",
        trigger=_each_run(
            posture=Posture.Proactive, after=_states("Late"), expect=begun, within=late_after
        ),
        actions=[
            SendNotification(
                block_document_id=block_id,
                subject="Clockbooks: {{ flow.name }} is late",
                body=_LATE_BODY,
            )
        ],
    )


def _tells_that_a_plan_waits(block_id: Any) -> Automation:
    return Automation(
        name=WAITS,
        description="Tells CLOCKBOOKS_NOTIFY of plans that wait for somebody's decision.",
        trigger=_each_run(
            posture=Posture.Reactive, expect=_states("Suspended"), within=timedelta(0)
        ),
        actions=[
            SendNotification(
                block_document_id=block_id,
                subject="Clockbooks: a plan waits for your decision",
                body=_WAITS_BODY,
            )
        ],
    )
