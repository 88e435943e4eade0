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
from shared.handlers.entry import NothingDone, Report, Visit, handle, log_unexpected, refusal
from shared.results.outcome import Origin, Subject
from shared.rotation.ages import Ages
from shared.rotation.firing import Firing
from shared.rotation.fleet import Fleet
from shared.rotation.policy import FUNCTION, TARGETS, PlanRotation
from shared.runtime.cloud_access import Access
from shared.runtime.deadline import Deadline
from shared.runtime.errors import ErrorClass, KeyturnError, Refused
from shared.runtime.times import now_text
from shared.triggers import Message, Trigger, fit, moment

_LONGEST_WAIT_S = 10.0
_KEPT_S = 5.0  # for telling and handing on; of a short invocation a third


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Rotation:
    """The work of plan_rotation; `fleets` builds the list of resources of a cloud's service in a region."""

    fleets: Mapping[tuple[str, str], Callable[[Access, str], Fleet]]
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
    def unknown(self) -> Subject:
        return Subject("-", "-", "-")

    def process(self, visit: Visit) -> list[Report]:
        """One report a message. Raises: NothingDone where nothing was sent, handed on or told: a repeat is wanted."""
        reports = [self._one(visit, message) for message in visit.delivery.messages]
        lost = any(not one.delivered for one in reports)
        kept = any(one.handed or (one.event is not None and one.delivered) for one in reports)
        if lost and not kept and visit.delivery.trigger is not Trigger.HTTP:
            raise NothingDone("no report could be published and no command was sent: the event may be delivered again")
        return reports

    def _one(self, visit: Visit, message: Message) -> Report:
        if visit.leaves(message, FUNCTION):
            return Report(None)
        try:
            firing = self._begin(visit, message)
            self._wait(visit, message)
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
        event = refusal(self, visit, message, refused)
        return Report(event, visit.tell(event, visit.began))

    def _begin(self, visit: Visit, message: Message) -> Firing:
        """Everything that can be refused before a call. Raises: KeyturnError, ImportError."""
        invocation, settings = visit.invocation, visit.invocation.settings
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
        ages = Ages(invocation, policy, subject, fleet, place_region, deadline)
        return Firing(_name_of(message), visit, message, ages, self.now, self.rng)

    def _wait(self, visit: Visit, message: Message) -> None:
        """What goes on after a failure comes with a time before which it would fail again; not every queue keeps it."""
        due = moment(message.notbefore)
        if due is not None:
            early_s = min((due - self.now()).total_seconds(), _LONGEST_WAIT_S, visit.invocation.deadline.left() / 3)
            self.sleep(max(0.0, early_s))

    def origin(self, visit: Visit, message: Message) -> Origin:
        """Whose result it is, by the fields that are valid by themselves."""
        data = message.data if isinstance(message.data, Mapping) else {}
        target = TARGETS.get(field_or_none(PlanRotation, data, "Function") or "")
        subject = Subject(
            target.cloud if target else visit.invocation.cloud,
            field_or_none(PlanRotation, data, "Region") or visit.invocation.settings.region or "-",
            target.service if target else "-",
        )
        name, parent = _name_of(message), message.traceparent
        return Origin(subject, FUNCTION, name, now_text(), message.attempt, traceparent=parent)


def _name_of(message: Message) -> str:
    """The firing's name: a timer's and its time, or what the sender calls it."""
    given = field_or_none(PlanRotation, message.data, "CommandId")
    if given is None:
        return message.command_id
    return fit(f"{message.prefix}-{given}") if message.prefix else given
