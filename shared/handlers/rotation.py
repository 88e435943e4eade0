"""Rotation: which credentials of a fleet are older than their policy allows, and a command for each that is.

A firing lists the fleet page by page and sends as it goes. What does not fit into one invocation goes on through the
commands queue, at the resource behind the last one that was dealt with. Every command is named for the change that is
due, so a firing that is repeated, or a second one, asks for the same changes and for no others.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from shared.commands.command import field_or_none, parse_model
from shared.handlers.access import access_to, store_region
from shared.handlers.entry import Handled, NothingDone, Request, handle, log_unexpected, refused_result
from shared.results.outcome import CommandContext, Subject
from shared.rotation.ages import AgeReader
from shared.rotation.firing import Firing
from shared.rotation.fleet import Fleet
from shared.rotation.policy import FUNCTION, TARGETS, PlanRotation
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.deadline import Deadline
from shared.runtime.errors import ErrorClass, KeyturnError, Refused
from shared.runtime.times import now_text
from shared.triggers import Message, Trigger, fit_id, parse_time

_LONGEST_WAIT_S = 10.0
_KEPT_S = 5.0  # for telling and handing on; of a short invocation a third


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Rotation:
    """The work of plan_rotation; `fleets` builds the list of resources of a cloud's service in a region."""

    fleets: Mapping[tuple[str, str], Callable[[CloudAccess, str], Fleet]]
    rights: tuple[str, ...] = field(default=())
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)  # jitter alone hangs on it

    def __call__(self, event: object, context: object) -> Any:
        """The entry point of both runtimes."""
        return handle(self, event, context)

    @property
    def function(self) -> str:
        return FUNCTION

    @property
    def fields(self) -> Collection[str]:
        return PlanRotation.names

    @property
    def name(self) -> str:
        return FUNCTION

    @property
    def unknown_subject(self) -> Subject:
        return Subject("-", "-", "-")

    def process(self, request: Request) -> list[Handled]:
        """One report a message. Raises: NothingDone where nothing was sent, handed on or told: a repeat is wanted."""
        reports = [self._one(request, message) for message in request.delivery.messages]
        lost = any(not one.delivered for one in reports)
        kept = any(one.handed or (one.event is not None and one.delivered) for one in reports)
        if lost and not kept and request.delivery.trigger is not Trigger.HTTP:
            raise NothingDone("no report could be published and no command was sent: the event may be delivered again")
        return reports

    def _one(self, request: Request, message: Message) -> Handled:
        if request.is_for_another_function(message, FUNCTION):
            return Handled(None)
        try:
            firing = self._begin(request, message)
            self._wait(request, message)
            return firing.run()
        except KeyturnError as error:
            refused: KeyturnError = error
        except ImportError:  # a package carries only the clouds of its own operations
            text = "this package cannot list that cloud: deploy plan_rotation beside that cloud's operations"
            refused = Refused(ErrorClass.FAILED, text, code="NotPackaged")
        # A defect of ours must not stop the other messages; what was sent already stands, and a repeat changes nothing.
        except Exception as defect:
            log_unexpected(defect, message)
            refused = Refused(ErrorClass.FAILED, "an unexpected failure while the fleet was listed; see the log")
        event = refused_result(self, request, message, refused)
        return Handled(event, request.publish(event, request.began))

    def _begin(self, request: Request, message: Message) -> Firing:
        """Everything that can be refused before a call. Raises: KeyturnError, ImportError."""
        invocation, settings = request.invocation, request.invocation.settings
        if message.problem is not None:
            raise Refused(ErrorClass.INVALID_COMMAND, message.problem)
        policy = parse_model(PlanRotation, message.data, PlanRotation.names)
        target = policy.target
        if policy.begun is not None and message.type != f"keyturn.command.{FUNCTION}":
            raise Refused(ErrorClass.INVALID_COMMAND, "From: is written by keyturn alone")
        region = policy.region or settings.region or (invocation.region if invocation.cloud == target.cloud else None)
        if region is None:
            raise Refused(ErrorClass.INVALID_COMMAND, "Region: is required, in the command or in KEYTURN_REGION")
        if settings.results is None:
            raise Refused(ErrorClass.FAILED, "KEYTURN_RESULTS is not set: the report goes there", code="Settings")
        if policy.mode == "rotate" and settings.commands is None:
            text = "KEYTURN_COMMANDS is not set: no command could be sent, nothing was listed"
            raise Refused(ErrorClass.FAILED, text, code="Settings")
        subject = Subject(target.cloud, region, target.service)
        place = policy.store_of("r", "a")
        place_region = store_region(invocation, place, target.cloud, region) if place else region
        left = invocation.deadline.left()
        deadline = Deadline(
            invocation.deadline.at - min(_KEPT_S, left / 3),
            invocation.deadline.clock,
        )
        access = replace(access_to(invocation, target.cloud, policy.site), deadline=deadline)
        fleet = self.fleets[target.cloud, target.service](access, region)
        ages = AgeReader(invocation, policy, subject, fleet, place_region, deadline)
        return Firing(_name_of(message), request, message, ages, self.now, self.rng)

    def _wait(self, request: Request, message: Message) -> None:
        """What goes on after a failure comes with a time before which it would fail again; not every queue keeps it."""
        due = parse_time(message.notbefore)
        if due is not None:
            early_s = min((due - self.now()).total_seconds(), _LONGEST_WAIT_S, request.invocation.deadline.left() / 3)
            self.sleep(max(0.0, early_s))

    def origin(self, request: Request, message: Message) -> CommandContext:
        """Whose result it is, by the fields that are valid by themselves."""
        data = message.data if isinstance(message.data, Mapping) else {}
        target = TARGETS.get(field_or_none(PlanRotation, data, "Function") or "")
        subject = Subject(
            target.cloud if target else request.invocation.cloud,
            field_or_none(PlanRotation, data, "Region") or request.invocation.settings.region or "-",
            target.service if target else "-",
        )
        name, parent = _name_of(message), message.traceparent
        return CommandContext(subject, FUNCTION, name, now_text(), message.attempt, traceparent=parent)


def _name_of(message: Message) -> str:
    """The firing's name: a timer's and its time, or what the sender calls it."""
    given = field_or_none(PlanRotation, message.data, "CommandId")
    if given is None:
        return message.command_id
    return fit_id(f"{message.prefix}-{given}") if message.prefix else given
