"""The handler of plan_rotation: it sends a command for each credential of a fleet that is older than its policy allows.

A rotation (in the code: a firing) lists the fleet page by page and sends as it goes. If it does not fit into one
invocation, it goes on through the commands queue, behind the last resource that it has finished. The CommandId names
the change that is due, so a repeated or second rotation asks for the same changes and no others.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from shared.commands.parsing import field_or_none, parse_model
from shared.commands.secrets import Generate
from shared.commands.store_reference import StoreRef
from shared.handlers.access import access_to, check_role, store_region
from shared.handlers.adapters import as_role, open_store
from shared.handlers.declaration import Operation, Rotation
from shared.handlers.entry import handle
from shared.handlers.request import Handled, NothingDone, Request, log_unexpected, refused_result
from shared.results.outcome import CommandContext, Subject
from shared.rotation.ages import AgeReader
from shared.rotation.firing import Firing
from shared.rotation.fleet import FleetOfRole
from shared.rotation.policy import FUNCTION, CommandSpelling, PlanRotation, Policy
from shared.rotation.spreading import spread_firing
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.deadline import Deadline
from shared.runtime.errors import ErrorClass, KeyturnError, Refused
from shared.runtime.message_signing import COMMAND_TYPE
from shared.runtime.regions import check_region
from shared.runtime.times import now_text, parse_time
from shared.stores.store import Version
from shared.triggers import Message, Trigger, fit_id

_LONGEST_WAIT_S = 10.0
_KEPT_S = 5.0  # kept back to report and hand on; in a short invocation, a third of it


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)


def spelling_of(operation: Operation[Any]) -> CommandSpelling:
    """The fields and limits of an operation's command that a policy needs, from the command's model."""
    model = operation.command
    names = {name: field.alias or name for name, field in model.model_fields.items()}
    return CommandSpelling(
        cloud=operation.cloud,
        service=operation.service,
        resource=model.resource_field,
        account=model.account_field,
        new=names[model.new_field],
        old=names[model.old_field] if model.old_field else None,
        lengths=range(model.rule.shortest, model.rule.longest + 1),
        length=min(Generate.length, model.rule.longest),
        alternates="alternate" in names,
        only=None if model.account_field else model.account_default,
        parameters=operation.rotation.parameters if operation.rotation else {},
    )


def policy_for(plan: PlanRotation, load: Callable[[str], Operation[Any]]) -> tuple[Rotation, Policy]:
    """The declared rotation and the policy of a plan. Raises: Refused (invalid_command) naming field and rule."""
    try:
        operation = load(plan.function)
    except LookupError as unknown:
        raise Refused(ErrorClass.INVALID_COMMAND, f"Function: names {unknown}") from None
    if operation.rotation is None:
        raise Refused(ErrorClass.INVALID_COMMAND, "Function: names an operation whose credentials cannot be listed")
    policy = Policy(plan, spelling_of(operation))
    policy.check()
    return operation.rotation, policy


@dataclass(frozen=True)
class PlanRotationHandler:
    """The handler of plan_rotation; `load` gives the declaration of the operation that a policy names."""

    load: Callable[[str], Operation[Any]]
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    rng: random.Random = field(default_factory=random.Random)  # only for jitter

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
    def action(self) -> str:
        return FUNCTION

    @property
    def unknown_subject(self) -> Subject:
        return Subject("-", "-", "-")

    def process(self, request: Request) -> list[Handled]:
        """One report for each message. Raises: NothingDone if nothing was sent or reported: the platform repeats it."""
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
            plan, rotation, policy = self._read(request, message)
            if plan.is_spread:
                default = "" if plan.regions else _region_of(request, policy)
                ended = spread_firing(policy, _name_of(message), request.publisher, message, default)
            else:
                firing = self._begin(request, message, rotation, policy)
                self._wait(request, message)
                ended = firing.run()
            counts = ended.counts.shown
            return Handled(None, ended.delivered, handed=ended.had_effect, rotation=counts, continues=ended.continues)
        except KeyturnError as error:
            refused: KeyturnError = error
        except ImportError:  # a package carries only the clouds of its own operations
            text = "this package cannot list that cloud: deploy plan_rotation beside that cloud's operations"
            refused = Refused(ErrorClass.FAILED, text, code="NotPackaged")
        # A defect of keyturn must not stop the other messages. A repeat sends the same commands, which changes nothing.
        except Exception as defect:
            log_unexpected(defect, message)
            refused = Refused(ErrorClass.FAILED, "an unexpected failure while the fleet was listed; see the log")
        event = refused_result(self, request, message, refused)
        return Handled(event, request.publish(event, request.began))

    def _read(self, request: Request, message: Message) -> tuple[PlanRotation, Rotation, Policy]:
        """Read the policy, and refuse it if it cannot run. Raises: KeyturnError, ImportError."""
        settings = request.invocation.settings
        if message.problem is not None:
            raise Refused(ErrorClass.INVALID_COMMAND, message.problem)
        plan = parse_model(PlanRotation, message.data, PlanRotation.names)
        ours = message.type == COMMAND_TYPE + FUNCTION and (message.authentic or not settings.handoff_keys)
        if plan.begun is not None and not ours:
            raise Refused(ErrorClass.INVALID_COMMAND, "From: only keyturn itself may set it")
        rotation, policy = policy_for(plan, self.load)
        if settings.results is None:
            raise Refused(ErrorClass.FAILED, "KEYTURN_RESULTS is not set: it must receive the report", code="Settings")
        if (plan.mode == "rotate" or plan.is_spread) and settings.commands is None:
            text = "KEYTURN_COMMANDS is not set: no command could be sent, nothing was listed"
            raise Refused(ErrorClass.FAILED, text, code="Settings")
        return plan, rotation, policy

    def _begin(self, request: Request, message: Message, rotation: Rotation, policy: Policy) -> Firing:
        """Prepare the rotation, and refuse what can be refused before a call. Raises: KeyturnError."""
        invocation, settings, plan = request.invocation, request.invocation.settings, policy.plan
        cloud = policy.spelling.cloud
        region = _region_of(request, policy)
        subject = Subject(cloud, region, policy.spelling.service)
        place = plan.store_of("r", "a")
        place_region = store_region(invocation, place, cloud, region, plan.role) if place else region
        left = invocation.deadline.left()
        deadline = Deadline(
            invocation.deadline.at - min(_KEPT_S, left / 3),
            invocation.deadline.clock,
        )

        def own(of: str) -> CloudAccess:
            return replace(access_to(invocation, of, plan.site), deadline=deadline)

        def access(of: str) -> CloudAccess:
            check_role(invocation, plan.role)
            return as_role(own(of), of, region, plan.role, FUNCTION)

        def versions_of(ref: StoreRef) -> list[Version]:
            return open_store(ref, access, place_region).versions()

        fleet = rotation.fleet(own(cloud), region)
        if plan.role is not None:
            fleet = FleetOfRole(fleet.page_size, fleet.assumes, lambda: rotation.fleet(access(cloud), region))
        ages = AgeReader(policy, subject, fleet, place_region, versions_of, settings.allow, deadline)
        rate = settings.calls_per_s(cloud)
        return Firing(_name_of(message), request.publisher, message, ages, rate, self.now, self.rng)

    def _wait(self, request: Request, message: Message) -> None:
        """Wait until the message's `notbefore`: before it, the rotation would fail again. Not every queue delays."""
        due = parse_time(message.notbefore)
        if due is not None:
            early_s = min((due - self.now()).total_seconds(), _LONGEST_WAIT_S, request.invocation.deadline.left() / 3)
            self.sleep(max(0.0, early_s))

    def context_of(self, request: Request, message: Message) -> CommandContext:
        """The context of the result, from the fields that are valid by themselves."""
        data = message.data if isinstance(message.data, Mapping) else {}
        cloud, service = request.invocation.cloud, "-"
        try:
            operation = self.load(field_or_none(PlanRotation, data, "Function") or "")
            cloud, service = operation.cloud, operation.service
        except (LookupError, ImportError):  # an unknown name is the sender's text: do not repeat it
            pass
        subject = Subject(
            cloud,
            field_or_none(PlanRotation, data, "Region") or request.invocation.settings.region or "-",
            service,
        )
        return CommandContext(
            subject,
            FUNCTION,
            _name_of(message),
            now_text(),
            message.attempt,
            traceparent=message.traceparent,
            tracestate=message.tracestate,
            role=field_or_none(PlanRotation, data, "Role"),
        )


def _region_of(request: Request, policy: Policy) -> str:
    """The one region that a policy is for. Raises: Refused."""
    invocation, cloud = request.invocation, policy.spelling.cloud
    here = invocation.region if invocation.cloud == cloud else None
    region = policy.plan.region or invocation.settings.region or here
    if region is None:
        raise Refused(ErrorClass.INVALID_COMMAND, "Region: is required, in the command or in KEYTURN_REGION")
    check_region(cloud, region)
    return region


def _name_of(message: Message) -> str:
    """The name of the rotation: the timer's name and time, or the sender's CommandId."""
    given = field_or_none(PlanRotation, message.data, "CommandId")
    if given is None:
        return message.command_id
    return fit_id(f"{message.prefix}-{given}") if message.prefix else given
