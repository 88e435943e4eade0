"""What happened, as one CloudEvents 1.0 event (https://github.com/cloudevents/spec). It never holds a secret."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING

from shared import hygiene
from shared.errors import ErrorClass, KeyturnError

if TYPE_CHECKING:
    from shared import events

TYPE_PREFIX = "keyturn.credential."
_MOST_EVIDENCE = 40
_LONGEST_EVIDENCE = 200
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class Outcome(str, Enum):
    """How a delivery ended. Only `pending` is not terminal."""

    CHANGED = "changed"
    ALREADY_CHANGED = "already_changed"
    NOT_CHANGED = "not_changed"
    UNKNOWN = "unknown"
    WOULD_CHANGE = "would_change"
    PENDING = "pending"

    @property
    def fact(self) -> str:
        """What consumers dedupe on: that it is in force counts, not which delivery brought it about."""
        return "in_force" if self in (Outcome.CHANGED, Outcome.ALREADY_CHANGED) else self.value


@dataclass(frozen=True)
class Subject:
    """Which credential: `<service>/<resource>/<account>` in a region of a cloud."""

    cloud: str
    region: str
    service: str
    resource: str = "-"
    account: str = "-"

    @property
    def source(self) -> str:
        return f"keyturn/{self.cloud}/{self.region}"

    def __str__(self) -> str:
        return f"{self.service}/{self.resource}/{self.account}"

    @property
    def name(self) -> tuple[str, str, str, str, str]:
        """The five parts that an allow list matches."""
        return (self.cloud, self.service, self.region, self.resource, self.account)


@dataclass(frozen=True, eq=False)
class Stored:
    """Where the new secret is kept, by names alone: the store, its version, and what that version is there."""

    name: str
    version: str
    stage: str | None = None  # `current` or `pending`
    region: str = "-"
    current: str | None = None  # the version that was current before


@dataclass(eq=False)
class Ending:
    """How one delivery of one command ended: an outcome, and how we know."""

    outcome: Outcome
    error: KeyturnError | None = None
    evidence: list[str] = field(default_factory=list)
    request_id: str | None = None
    task_id: int | None = None
    calls: int = 0
    sealed: str | None = None
    stored: Stored | None = None
    looked: bool = True  # False: nothing shows that what was once in force is so still


@dataclass(frozen=True, eq=False)
class Origin:
    """Whose result it is: the command's names, kept from delivery to delivery."""

    subject: Subject
    operation: str
    command_id: str
    started_at: str
    attempt: int = 1
    dry_run: bool = False
    actor: str | None = None
    reason: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None


def now_text(now: datetime | None = None) -> str:
    """A time as RFC 3339 in UTC with milliseconds."""
    moment = now.astimezone(timezone.utc) if now else datetime.now(timezone.utc)
    return moment.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def event_id(source: str, subject: str, operation: str, command_id: str, fact: str) -> str:
    """32 hex digits of SHA-256 over the compact JSON array of the five: the same fact has the same id for ever."""
    text = _compact([source, subject, operation, command_id, fact])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def result_event(origin: Origin, ending: Ending, *, now: datetime | None = None) -> events.ResultEvent:
    """The result as a CloudEvent in structured JSON form."""
    finished = now_text(now)
    subject, outcome = origin.subject, ending.outcome
    source, name = subject.source, str(subject)
    error, kept = ending.error, ending.stored
    data: events.Result = {
        "CommandId": origin.command_id,
        "Operation": origin.operation,
        "Outcome": outcome.value,
        "RequestId": ending.request_id or (error.request_id if error else None),
        "TaskId": ending.task_id,
        # Free text is scrubbed; names and ids are of forms that were checked, and must stay what they are.
        "Evidence": [line[:_LONGEST_EVIDENCE] for line in hygiene.scrub_all(ending.evidence[:_MOST_EVIDENCE])],
        "Error": None,
        "Attempts": origin.attempt,
        "StartedAt": origin.started_at,
        "FinishedAt": finished,
        "DryRun": origin.dry_run,
        "Sealed": ending.sealed,
        "Stored": {"Name": kept.name, "Version": kept.version, "Stage": kept.stage} if kept else None,
        "Actor": origin.actor,
        "Reason": origin.reason,
    }
    if error is not None:
        data["Error"] = {
            "Class": error.error_class.value,
            "Code": hygiene.scrub(error.code) if error.code else None,  # the cloud's word, or whatever it sent as one
            "Message": hygiene.scrub(error.message)[:2000],
            "Retryable": error.retryable,
        }
    event: events.ResultEvent = {
        "specversion": "1.0",
        "id": event_id(source, name, origin.operation, origin.command_id, outcome.fact),
        "source": source,
        "type": TYPE_PREFIX + outcome.value,
        "subject": name,
        "time": finished,
        "datacontenttype": "application/json",
        "data": data,
    }
    if origin.traceparent:
        event["traceparent"] = origin.traceparent
        if origin.tracestate:
            event["tracestate"] = origin.tracestate
    return event


_STATUS = {
    ErrorClass.INVALID_COMMAND: 400,
    ErrorClass.FORBIDDEN: 403,
    ErrorClass.NOT_FOUND: 404,
    ErrorClass.WRONG_OLD_SECRET: 409,
    ErrorClass.BUSY: 409,
    ErrorClass.THROTTLED: 429,
    ErrorClass.AMBIGUOUS: 500,
    ErrorClass.FAILED: 500,
    ErrorClass.UNAVAILABLE: 503,
    ErrorClass.EXHAUSTED: 503,
}


def http_status(event: events.ResultEvent) -> int:
    """The HTTP status that tells a caller what the result says."""
    outcome = Outcome(event["data"]["Outcome"])
    if outcome in (Outcome.CHANGED, Outcome.ALREADY_CHANGED, Outcome.WOULD_CHANGE):
        return 200
    if outcome is Outcome.PENDING:
        return 202
    error = event["data"]["Error"]
    if outcome is Outcome.UNKNOWN or not error:
        return 500
    return _STATUS[ErrorClass(error["Class"])]
