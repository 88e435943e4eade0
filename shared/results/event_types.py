"""The types of what keyturn sends: the result event, the rotation report, the HTTP reply. They are the schemas' source.

Only type checkers and the workbench import this module, so it does not slow down a cold start.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Literal

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

from shared.results.outcome import Outcome, Stage
from shared.runtime.errors import ErrorClass
from shared.runtime.role_names import ALIBABA_ROLE, TENCENT_ROLE


def _one_of(names: type[Enum]) -> Any:
    return Field(json_schema_extra={"enum": [one.value for one in names]})


_PLACE = r"[A-Za-z0-9._$-]{1,100}"
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
EventId = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
Source = Annotated[str, Field(pattern=r"^keyturn/(tencent|alibaba|-)/[A-Za-z0-9-]{1,40}$")]
Subject = Annotated[str, Field(pattern=rf"^(redis|tcr|tair|-)/{_PLACE}/{_PLACE}$")]
Traceparent = Annotated[str, Field(pattern="^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")]
Tracestate = Annotated[str, Field(max_length=512)]
CommandId = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
Note = Annotated[str, Field(max_length=64)]
Role = Annotated[str, Field(pattern=f"^({TENCENT_ROLE}|{ALIBABA_ROLE})$")]
Evidence = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=40)]
Days = Annotated[float, Field(ge=0)]


class Error(TypedDict):
    """Why the change was not made, or why its outcome is not known."""

    Class: Annotated[str, _one_of(ErrorClass)]
    Code: str | None
    Message: Annotated[str, Field(max_length=2000)]
    Retryable: bool


class Stored(TypedDict):
    """Where the new secret is stored: names only, never the secret."""

    Name: Annotated[str, Field(pattern="^(ssm|kms)://")]
    Version: str
    Stage: Annotated[str, _one_of(Stage)] | None


class Result(TypedDict):
    """How one delivery of one command ended, and how keyturn knows. It never holds a secret in clear."""

    CommandId: CommandId
    Operation: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,100}$")]
    Outcome: Annotated[str, _one_of(Outcome)]
    RequestId: str | None
    TaskId: Annotated[int, Field(ge=0)] | None
    Evidence: Evidence
    Error: Error | None
    Attempts: Annotated[int, Field(ge=1)]
    StartedAt: Time
    FinishedAt: Time
    DryRun: bool
    Sealed: str | None
    Stored: Stored | None
    Role: Role | None
    Actor: Note | None
    Reason: Note | None


class ResultEvent(TypedDict):
    """A result as a CloudEvent 1.0 in structured JSON mode, under 48 KB."""

    specversion: Literal["1.0"]
    id: EventId
    source: Source
    type: Annotated[str, Field(json_schema_extra={"enum": [f"keyturn.credential.{one.value}" for one in Outcome]})]
    subject: Subject
    time: Time
    datacontenttype: Literal["application/json"]
    traceparent: NotRequired[Traceparent]
    tracestate: NotRequired[Tracestate]
    data: Result


class RotationCounts(TypedDict):
    """How many credentials of this rotation are in each group so far."""

    Listed: Annotated[int, Field(ge=0)]
    Due: Annotated[int, Field(ge=0)]
    Sent: Annotated[int, Field(ge=0)]
    NotDue: Annotated[int, Field(ge=0)]
    Unknown: Annotated[int, Field(ge=0)]
    NotAllowed: Annotated[int, Field(ge=0)]


class Reply(TypedDict):
    """The HTTP reply to one command."""

    Result: ResultEvent | None
    Delivered: bool
    Password: NotRequired[str]
    Rotation: NotRequired[RotationCounts]
    Continues: NotRequired[bool]


class Replies(TypedDict):
    """The HTTP reply to a list of commands."""

    Results: Annotated[list[ResultEvent | None], Field(min_length=1, max_length=100)]
    Delivered: bool
    Passwords: NotRequired[list[str | None]]
    Rotations: NotRequired[list[RotationCounts | None]]
    Continues: NotRequired[bool]
