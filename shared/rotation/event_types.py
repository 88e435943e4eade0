"""The types of a rotation's report. The workbench makes schemas from them.

Only type checkers and the workbench load this module.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

from shared.results.event_types import (
    CommandId,
    Days,
    Error,
    EventId,
    Role,
    RotationCounts,
    Source,
    Subject,
    Time,
    Traceparent,
    Tracestate,
)


class RotationRow(TypedDict):
    """One credential, or a resource whose credentials could not be listed."""

    Resource: str
    Account: str
    AgeDays: Days | None
    ChangedAt: Time | None
    Due: bool
    Why: Annotated[str, Field(max_length=300)]
    CommandId: CommandId | None


class RotationPage(RotationCounts):
    """One page of the report about a firing."""

    Policy: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
    Mode: Literal["rotate", "report"]
    Function: Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,99}$")]
    Role: Role | None
    MaxAgeDays: float
    Firing: CommandId
    Fired: Time
    Page: Annotated[int, Field(ge=0)]
    Last: bool
    Rows: list[RotationRow]
    Evidence: list[str]
    Error: Error | None


class RotationReport(TypedDict):
    """A page as a CloudEvent 1.0 in structured JSON mode, under 48 KB."""

    specversion: Literal["1.0"]
    id: EventId
    source: Source
    type: Literal["keyturn.rotation.report"]
    subject: Subject
    time: Time
    datacontenttype: Literal["application/json"]
    traceparent: NotRequired[Traceparent]
    tracestate: NotRequired[Tracestate]
    data: RotationPage
