"""Following: what is needed to bring a pending change to its end, in a message that holds no secret.

A batch's tasks are asked for together, one question each in turn, so that many tasks cost the time of one.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

from shared.change import ending_of, progress
from shared.clouds.session import Access
from shared.command import CommandId, Moment, Note, Region, Site, field_or_none, parse_model
from shared.credential import Follower, State, Task
from shared.errors import Ambiguous, ErrorClass, KeyturnError, Refused
from shared.handler import Report, Visit, handle, refusal
from shared.keeping import not_promoted, promote
from shared.publish import HandedOn
from shared.reach import access_to, store_of
from shared.result import Ending, Origin, Outcome, Stored, Subject, now_text, result_event
from shared.settings import allows
from shared.store import Stage, Store, parse_ref
from shared.triggers import Message

FUNCTION = "follow_change"
_GIVE_UP_AFTER = timedelta(minutes=30)
_MOST_HOPS = 1000
_WAIT_HERE_S = 4.0  # where the queue can hold a message back
_WAIT_HERE_UNDELAYED_S = 30.0  # where it cannot, so that a message does not spin
_POLL_S = 0.5
_RESERVE_S = 1.5
_LONGEST_DELAY_S = 30.0

_FOLLOWED = {
    "redis": ("ModifyInstanceAccount", "ModifyInstancePassword"),
    "tair": ("ModifyAccountPassword",),
    "tcr": ("ModifyServiceAccountPassword",),
}
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]


class KeptAhead(BaseModel):
    """The new secret's place in a store: names alone, so that following needs no secret."""

    model_config = ConfigDict(
        alias_generator=to_pascal, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )

    name: Annotated[str, Field(max_length=160)]
    version: CommandId
    region: Region
    moot: list[Annotated[str, Field(max_length=64)]] = Field(default=[], max_length=20)


class FollowChange(BaseModel):
    """What `keyturn.command.follow_change` carries: whose change it is, its task, and what was known before."""

    model_config = ConfigDict(
        alias_generator=to_pascal, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True
    )

    cloud: Literal["tencent", "alibaba"]
    service: Literal["redis", "tair", "tcr"]
    region: Region
    site: Site = "domestic"
    resource: _Name
    account: _Name
    operation: _Name
    command_id: CommandId
    task_id: Annotated[int, Field(ge=0)] | None = None
    adopted: bool = False
    proven: bool = False  # the change is in force, and only the store does not say so yet
    store: KeptAhead | None = None
    sealed: Annotated[str, Field(max_length=16_000)] | None = None
    time_before: Annotated[str, Field(max_length=40)] | None = None
    expect: dict[str, Any] | None = None
    started_at: Moment
    attempts: Annotated[int, Field(ge=1)] = 1
    request_id: Annotated[str, Field(max_length=100)] | None = None
    evidence: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=40)
    actor: Note | None = None
    reason: Note | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> FollowChange:
        if self.operation not in _FOLLOWED[self.service]:
            raise PydanticCustomError("operation", f"Operation: must be one of {', '.join(_FOLLOWED[self.service])}")
        if self.proven:
            if self.store is None:
                raise PydanticCustomError("store", "Store: is required where a change is proven")
            return self
        if self.service == "tcr":
            raise PydanticCustomError("service", "Service: a registry's change has no task to follow")
        if self.service == "redis" and self.task_id is None:
            raise PydanticCustomError("task", "TaskId: is required for a change that runs as a task")
        return self


_FIELDS = frozenset(to_pascal(name) for name in FollowChange.model_fields)


def follow_command(
    origin: Origin, pending: Ending, task: Task, *, site: str, delay_s: float, hop: int = 1, proven: bool = False
) -> HandedOn:
    """The message that asks follow_change to go on, `delay_s` seconds from now; `proven`: with the store alone."""
    subject, kept = origin.subject, pending.stored
    data = {
        "Cloud": subject.cloud,
        "Service": subject.service,
        "Region": subject.region,
        "Site": site,
        "Resource": subject.resource,
        "Account": subject.account,
        "Operation": origin.operation,
        "CommandId": origin.command_id,
        "TaskId": task.task_id,
        "Adopted": task.adopted,
        "Proven": proven,
        "Store": {"Name": kept.name, "Version": kept.version, "Region": kept.region, "Moot": list(kept.moot)}
        if kept
        else None,
        "Sealed": pending.sealed,
        "TimeBefore": task.time_before,
        "Expect": dict(task.expect) if task.expect is not None else None,
        "StartedAt": origin.started_at,
        "Attempts": origin.attempt,
        "RequestId": pending.request_id,
        "Evidence": pending.evidence,
        "Actor": origin.actor,
        "Reason": origin.reason,
    }
    names = [
        subject.source,
        str(subject),
        origin.operation,
        origin.command_id,
        task.task_id,
        origin.started_at,
        hop,
        proven,
    ]
    return HandedOn(
        FUNCTION,
        hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32],
        subject.source,
        str(subject),
        {name: value for name, value in data.items() if value is not None},
        attempt=origin.attempt,
        hop=hop,
        notbefore=now_text(datetime.now(timezone.utc) + timedelta(seconds=delay_s)),
        traceparent=origin.traceparent,
        delay_s=delay_s,
    )


@dataclass
class _Following:
    """One pending change in this invocation."""

    index: int
    message: Message
    origin: Origin
    command: FollowChange
    follower: Follower | None  # None: the change is proven
    ending: Ending
    store: Store | None = None
    ended: State | None = None  # how the change itself ended, while its store does not say so yet

    @property
    def task(self) -> Task:
        c = self.command
        return Task(c.task_id, c.adopted, c.time_before, c.expect)


@dataclass(frozen=True)
class Following:
    """The work of follow_change; `followers` builds the reader for a cloud and service."""

    followers: Mapping[tuple[str, str], Callable[[Access, Subject], Follower]]
    rights: tuple[str, ...] = field(default=())
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, event: object, context: object) -> Any:
        """The entry point of both runtimes."""
        return handle(self, event, context)

    @property
    def function(self) -> str:
        return FUNCTION

    @property
    def fields(self) -> Collection[str]:
        return frozenset({"TaskId", "Operation", "StartedAt", "Resource"})

    @property
    def name(self) -> str:
        return FUNCTION

    @property
    def unknown(self) -> Subject:
        return Subject("-", "-", "-")

    def process(self, visit: Visit) -> list[Report]:
        reports: dict[int, Report] = {}
        going: list[_Following] = []
        for index, message in enumerate(visit.delivery.messages):
            if visit.leaves(message, FUNCTION):
                reports[index] = Report(None)
                continue
            started = self._start(visit, index, message)
            if isinstance(started, _Following):
                going.append(started)
            else:
                reports[index] = started
        can_delay = visit.publisher.longest_delay_s(FUNCTION) > 0
        here_s = _WAIT_HERE_S if can_delay else _WAIT_HERE_UNDELAYED_S
        going = self._ask(visit, going, here_s, reports)
        stuck = [one for one in going if not self._hand_on(visit, one, reports)]
        for one in self._ask(visit, stuck, visit.invocation.deadline.left(), reports):
            text = "the change is still pending, and no message could carry it on: ask for the task later"
            reports[one.index] = self._end(visit, one, Outcome.UNKNOWN, Ambiguous(text, code="NotHandedOn"))
        return [reports[index] for index in range(len(visit.delivery.messages))]

    def _start(self, visit: Visit, index: int, message: Message) -> _Following | Report:
        try:
            if message.problem is not None:
                raise Refused(ErrorClass.INVALID_COMMAND, message.problem)
            command = parse_model(FollowChange, message.data, _FIELDS)
            subject = Subject(command.cloud, command.region, command.service, command.resource, command.account)
            make = self.followers.get((command.cloud, command.service))
            if make is None and not command.proven:
                raise Refused(
                    ErrorClass.INVALID_COMMAND, f"{command.service} of {command.cloud} has no tasks to follow"
                )
            if not allows(visit.invocation.settings.allow, subject.name):
                raise Refused(ErrorClass.FORBIDDEN, "KEYTURN_ALLOW does not name this credential, nothing was called")
            access = access_to(visit.invocation, command.cloud, command.site)
            follower = make(access, subject) if make is not None and not command.proven else None
            store = self._store(visit, command)
        except KeyturnError as error:
            return self._refused(visit, message, error)
        except ImportError:  # a package carries only the clouds of its own operations
            missing = f"this package cannot follow {command.cloud}: deploy follow_change beside that cloud's operations"
            return self._refused(visit, message, Refused(ErrorClass.FAILED, missing, code="NotPackaged"))
        origin = Origin(
            subject,
            command.operation,
            command.command_id,
            command.started_at,
            command.attempts,
            False,
            command.actor,
            command.reason,
            message.traceparent,
        )
        pending = Ending(Outcome.PENDING, None, list(command.evidence), command.request_id, command.task_id)
        pending.sealed = command.sealed
        if command.store is not None:
            kept = command.store
            pending.stored = Stored(kept.name, kept.version, Stage.PENDING.value, kept.region, tuple(kept.moot))
        return _Following(index, message, origin, command, follower, pending, store)

    def _store(self, visit: Visit, command: FollowChange) -> Store | None:
        if command.store is None:
            return None
        try:
            ref = parse_ref(command.store.name)
        except ValueError as error:
            rule = str(error)
        else:
            return store_of(visit.invocation, ref, command.store.region, command.site)
        raise Refused(ErrorClass.INVALID_COMMAND, f"Store.Name: {rule}")

    def _ask(self, visit: Visit, going: list[_Following], for_s: float, reports: dict[int, Report]) -> list[_Following]:
        """Ask for every task in turn until all have ended or the time is over; what still runs is returned."""
        deadline = visit.invocation.deadline
        until = deadline.left() - min(for_s, deadline.left() - _RESERVE_S)
        while going:
            still = []
            for one in going:
                if deadline.left() < _RESERVE_S:
                    still.append(one)
                    continue
                state, evidence, error = self._progress(one)
                if state is State.RUNNING and self._too_old(one):
                    one.ending.evidence += evidence
                    reports[one.index] = self._end(visit, one, *_given_up(one, error))
                elif state is State.RUNNING:
                    still.append(one)
                else:
                    one.ending.evidence += evidence
                    outcome, failure = ending_of(state, error, one.ending.request_id)
                    reports[one.index] = self._end(visit, one, outcome, failure)
            going = still
            if not going or deadline.left() - _POLL_S < until:
                break
            self.sleep(_POLL_S)
        return going

    def _progress(self, one: _Following) -> tuple[State, list[str], KeyturnError | None]:
        """How far the change is, and, where a store keeps its secret, whether the store says so too."""
        if one.follower is None:
            state, evidence, error = State.SUCCEEDED, list[str](), None
        else:
            state, evidence, error = progress(one.follower, one.task)
        if one.store is None or one.ending.stored is None or state in (State.RUNNING, State.UNPROVEN):
            return state, evidence, error
        kept, one.ended = one.ending.stored, state
        try:
            if state is State.SUCCEEDED:
                evidence = [*evidence, *promote(one.store, kept.version, kept.moot)]
                one.ending.stored = replace(kept, stage=Stage.CURRENT.value)
            elif one.follower is not None and one.follower.overtaken(one.task):
                # It may be another delivery of this command, with the same version: the next command resolves it.
                evidence = [*evidence, f"store: version {kept.version} left pending, another change is at work"]
            else:
                one.store.discard(kept.version)
                evidence = [*evidence, f"store: version {kept.version} discarded"]
                one.ending.stored = None
        except KeyturnError as refused:
            if refused.retryable:  # or keys that have run out: the next invocation has fresh ones
                return State.RUNNING, [*evidence, f"store: {refused.code or refused.error_class.value}"], refused
            if state is State.FAILED:
                return state, [*evidence, f"store: version {kept.version} could not be discarded"], error
            return State.UNPROVEN, evidence, not_promoted(kept.name, kept.version, refused)
        return state, evidence, error

    def _too_old(self, one: _Following) -> bool:
        try:
            started = datetime.fromisoformat(one.command.started_at.replace("Z", "+00:00"))
            return datetime.now(timezone.utc) - started > _GIVE_UP_AFTER
        except (ValueError, TypeError):
            return True  # a time that cannot be read must not make a message that lives for ever

    def _hand_on(self, visit: Visit, one: _Following, reports: dict[int, Report]) -> bool:
        hop = one.message.hop + 1
        if hop > _MOST_HOPS:
            error = Ambiguous("the change was followed over 1,000 hops and is still pending", code="TooManyHops")
            reports[one.index] = self._end(visit, one, Outcome.UNKNOWN, error)
            return True
        delay_s = min(_LONGEST_DELAY_S, 2.0 * hop)
        command = follow_command(
            one.origin,
            one.ending,
            one.task,
            site=one.command.site,
            delay_s=delay_s,
            hop=hop,
            proven=one.command.proven,
        )
        if not visit.publisher.command(command):
            return False
        reports[one.index] = Report(None, handed=True)
        return True

    def _end(self, visit: Visit, one: _Following, outcome: Outcome, error: KeyturnError | None) -> Report:
        one.ending.outcome, one.ending.error = outcome, error
        event = result_event(one.origin, one.ending)
        # This invocation only reads: if nothing of it can be published, its repeat is wanted.
        return Report(event, visit.tell(event, visit.began))

    def _refused(self, visit: Visit, message: Message, error: KeyturnError) -> Report:
        event = refusal(self, visit, message, error)
        return Report(event, visit.tell(event, visit.began))

    def origin(self, visit: Visit, message: Message) -> Origin:
        """Whose result it is, by the fields that are valid by themselves."""
        data = message.data if isinstance(message.data, Mapping) else {}

        def known(name: str) -> str | None:
            return field_or_none(FollowChange, data, name)

        subject = Subject(
            visit.invocation.cloud,
            known("Region") or "-",
            known("Service") or "-",
            known("Resource") or "-",
            known("Account") or "-",
        )
        operation, command_id = known("Operation") or FUNCTION, known("CommandId") or message.command_id
        return Origin(subject, operation, command_id, now_text(), message.attempt, traceparent=message.traceparent)


def _given_up(one: _Following, error: KeyturnError | None) -> tuple[Outcome, KeyturnError]:
    """What is true after 30 minutes: of the change where it has not ended, else of its store."""
    kept = one.ending.stored
    if one.ended is State.SUCCEEDED and kept is not None and error is not None:
        return Outcome.UNKNOWN, not_promoted(kept.name, kept.version, error)
    if one.ended is State.FAILED and kept is not None:
        one.ending.evidence.append(f"store: version {kept.version} could not be discarded")
        outcome, failed = ending_of(State.FAILED, None, one.ending.request_id)
        assert failed is not None  # noqa: S101 - a failed task always has one
        return outcome, failed
    text = "the change was accepted and did not end within 30 minutes: look at the instance's tasks"
    return Outcome.UNKNOWN, Ambiguous(text, code="TaskNotEnded", request_id=one.ending.request_id)
