"""The message that hands a pending change to follow_change: names, times and the state before the call; no secret."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_pascal
from pydantic_core import PydanticCustomError

from shared.changes.credential import StateBefore, Task
from shared.changes.settling import LostCall
from shared.commands.command import CommandId, Moment, Note, Region, Role, Site
from shared.handlers.declaration import Operation, function_name
from shared.results.outcome import CommandContext, Conclusion, StoredSecret
from shared.results.publisher import OutgoingCommand
from shared.runtime import redaction
from shared.runtime.errors import ErrorClass, KeyturnError, Refused
from shared.runtime.times import now_text, parse_time

FUNCTION = "follow_change"

_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
_Shown = Annotated[str, Field(max_length=40)]
_FORM = ConfigDict(alias_generator=to_pascal, extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class PendingVersion(BaseModel):
    """Where a store holds the new secret: names only."""

    model_config = _FORM

    name: Annotated[str, Field(max_length=160)]
    version: Annotated[str, Field(pattern=r"^kt-[0-9a-f-]{4,61}$")]
    region: Region
    current: Annotated[str, Field(max_length=64)] | None = None


class BeforeTheCall(BaseModel):
    """The state before the call: tasks, the time of the last change, and the requested fields that are no secret."""

    model_config = _FORM

    tasks: Annotated[list[int], Field(max_length=200)] = []
    time: _Shown | None = None
    asked: dict[str, Any] = {}
    secret: bool = True
    calls: Annotated[int, Field(ge=0, le=100)] = 0
    soon: Annotated[list[int], Field(max_length=100)] = []
    denied: bool = False

    @property
    def before(self) -> StateBefore:
        return StateBefore(
            frozenset(self.tasks), self.time, self.asked, self.secret, self.calls, frozenset(self.soon), self.denied
        )


class LostCallTimes(BaseModel):
    """The times of a lost call: when the last one was signed, and the first look that showed no effect."""

    model_config = _FORM

    signed: Moment
    quiet: Moment | None = None


class EarlierRefusal(BaseModel):
    """Why this delivery changed nothing. The result says so if no earlier delivery changed anything either."""

    model_config = _FORM

    error_class: Annotated[ErrorClass, Field(alias="Class", strict=False)]
    code: Annotated[str, Field(max_length=100)] | None = None
    message: Annotated[str, Field(max_length=2000)]
    retryable: bool = False

    @property
    def error(self) -> KeyturnError:
        error = Refused(self.error_class, self.message, code=self.code)
        error.retryable = self.retryable
        return error


class FollowChange(BaseModel):
    """The data of `keyturn.command.follow_change`: the credential, what to follow, and what is known so far."""

    model_config = _FORM

    cloud: Literal["tencent", "alibaba"]
    service: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,30}$")]
    region: Region
    site: Site = "domestic"
    role: Role | None = None
    resource: _Name
    account: _Name
    operation: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z0-9]{0,99}$")]
    command_id: CommandId
    task_id: Annotated[int, Field(ge=1)] | None = None
    settling: LostCallTimes | None = None  # no task is known: reads must show what happened
    refused: EarlierRefusal | None = None
    unclear: bool = False  # an earlier call of the change may still take effect, however the task ends
    proven: bool = False  # the change is in force, and only its promotion is missing
    login: bool = False
    before: BeforeTheCall | None = None
    store: PendingVersion | None = None
    sealed: Annotated[str, Field(max_length=16_000)] | None = None
    started_at: Moment
    attempts: Annotated[int, Field(ge=1)] = 1
    request_id: Annotated[str, Field(max_length=100)] | None = None
    evidence: list[Annotated[str, Field(max_length=200)]] = Field(default=[], max_length=40)
    actor: Note | None = None
    reason: Note | None = None

    @model_validator(mode="after")
    def _of_one_kind(self) -> FollowChange:
        if self.proven and self.store is None:
            raise PydanticCustomError("store", "Store: is required with Proven")
        if not self.proven and self.settling is not None and self.before is None:
            raise PydanticCustomError("settling", "Settling: requires Before")
        return self

    @property
    def function(self) -> str:
        """The function that began the change."""
        return function_name(self.cloud, self.service, self.operation)

    def check(self, operation: Operation[Any]) -> None:
        """Check the message against the operation's declaration. Raises: Refused (invalid_command)."""
        rule = None
        if self.proven:
            return
        if operation.follower is None:
            rule = "Operation: its changes have no task or status to follow"
        elif self.settling is not None and not operation.reconciles:
            rule = "Settling: is only for an operation whose tasks can be read"
        elif operation.reconciles and self.task_id is None and self.settling is None:
            rule = "TaskId: is required for a change that runs as a task"
        if rule is not None:
            raise Refused(ErrorClass.INVALID_COMMAND, rule)

    def lost_call(self) -> LostCall | None:
        """The lost call, with its times in Unix seconds."""
        if self.settling is None or self.before is None:
            return None
        quiet = seconds(self.settling.quiet) if self.settling.quiet else None
        return LostCall(seconds(self.settling.signed), self.before.before, quiet)


FIELDS = frozenset(to_pascal(name) for name in FollowChange.model_fields)


def seconds(moment: str) -> float:
    """A time as keyturn writes it, in Unix seconds; 0 for a date that does not exist."""
    found = parse_time(moment)
    return found.timestamp() if found else 0.0


def _text(at: float) -> str:
    return now_text(datetime.fromtimestamp(at, timezone.utc))


def follow_command(
    origin: CommandContext,
    pending: Conclusion,
    *,
    site: str,
    delay_s: float,
    login: bool = False,
    task: Task | None = None,
    before: StateBefore | None = None,
    settling: LostCall | None = None,
    refused: KeyturnError | None = None,
    unclear: bool = False,
    proven: bool = False,
    hop: int = 1,
    notbefore: str | None = None,
) -> OutgoingCommand:
    """The message that asks follow_change to go on, `delay_s` seconds from now, or at `notbefore`."""
    subject, kept = origin.subject, pending.stored
    task_id = task.task_id if task is not None else None
    data = {
        "Cloud": subject.cloud,
        "Service": subject.service,
        "Region": subject.region,
        "Site": site,
        "Role": origin.role,
        "Resource": subject.resource,
        "Account": subject.account,
        "Operation": origin.operation,
        "CommandId": origin.command_id,
        "TaskId": task_id,
        "Settling": _settling(settling),
        "Refused": _refusal(refused),
        "Unclear": unclear,
        "Proven": proven,
        "Login": login,
        "Before": _stood(before) if before is not None else None,
        "Store": _place(kept) if kept else None,
        "Sealed": pending.sealed,
        "StartedAt": origin.started_at,
        "Attempts": origin.attempt,
        "RequestId": pending.request_id,
        # Redacted here: follow_change does not know the secret, and a cloud's code can hold any text.
        "Evidence": [line[:200] for line in redaction.scrub_all(pending.evidence[:40])],
        "Actor": origin.actor,
        "Reason": origin.reason,
    }
    names = [subject.source, str(subject), origin.operation, origin.command_id, task_id, origin.started_at, hop, proven]
    return OutgoingCommand(
        FUNCTION,
        hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32],
        subject.source,
        str(subject),
        {name: value for name, value in data.items() if value is not None},
        attempt=origin.attempt,
        hop=hop,
        notbefore=notbefore or now_text(datetime.now(timezone.utc) + timedelta(seconds=delay_s)),
        traceparent=origin.traceparent,
        tracestate=origin.tracestate,
        delay_s=delay_s,
    )


def _place(kept: StoredSecret) -> dict[str, str]:
    place = {"Name": kept.name, "Version": kept.version, "Region": kept.region}
    return place | ({"Current": kept.current} if kept.current else {})


def _settling(settling: LostCall | None) -> dict[str, str] | None:
    if settling is None:
        return None
    return {"Signed": _text(settling.signed), **({"Quiet": _text(settling.quiet)} if settling.quiet else {})}


def _refusal(error: KeyturnError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    code = redaction.scrub(error.code) if error.code else None
    told = {"Class": error.error_class.value, "Code": code, "Message": redaction.scrub(error.message)[:2000]}
    return {name: value for name, value in told.items() if value is not None} | {"Retryable": error.retryable}


def _stood(before: StateBefore) -> dict[str, Any]:
    told = {"Tasks": sorted(before.tasks), "Time": before.time, "Asked": dict(before.asked), "Calls": before.calls}
    if before.soon:
        told["Soon"] = sorted(before.soon)
    if before.denied:
        told["Denied"] = True
    return {name: value for name, value in told.items() if value is not None} | {"Secret": before.secret}
