"""A result as one CloudEvents 1.0 event (https://github.com/cloudevents/spec). It holds no secret in clear."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING

from shared.results.outcome import CommandContext, Conclusion, Outcome
from shared.runtime import redaction
from shared.runtime.errors import ErrorClass
from shared.runtime.times import now_text

if TYPE_CHECKING:
    from shared.results import event_types

TYPE_PREFIX = "keyturn.credential."


_MOST_EVIDENCE = 40


_LONGEST_EVIDENCE = 200


_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def event_id(source: str, subject: str, operation: str, command_id: str, fact: str) -> str:
    """A result's id: 32 hex digits of SHA-256 over the arguments as a compact JSON array. A fact's id never changes."""
    text = _compact([source, subject, operation, command_id, fact])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def result_event(
    origin: CommandContext, conclusion: Conclusion, *, now: datetime | None = None
) -> event_types.ResultEvent:
    """The result as a CloudEvent in structured JSON form."""
    finished = now_text(now)
    subject, outcome = origin.subject, conclusion.outcome
    source, name = subject.source, str(subject)
    error, kept = conclusion.error, conclusion.stored
    data: event_types.Result = {
        "CommandId": origin.command_id,
        "Operation": origin.operation,
        "Outcome": outcome.value,
        "RequestId": conclusion.request_id or (error.request_id if error else None),
        "TaskId": conclusion.task_id,
        # Free text is redacted. The forms of names and ids were checked, and they must stay as they are.
        "Evidence": [line[:_LONGEST_EVIDENCE] for line in redaction.scrub_all(conclusion.evidence[:_MOST_EVIDENCE])],
        "Error": None,
        "Attempts": origin.attempt,
        "StartedAt": origin.started_at,
        "FinishedAt": finished,
        "DryRun": origin.dry_run,
        "Sealed": conclusion.sealed,
        "Stored": {"Name": kept.name, "Version": kept.version, "Stage": kept.stage} if kept else None,
        "Role": origin.role,
        "Actor": origin.actor,
        "Reason": origin.reason,
    }
    if error is not None:
        data["Error"] = {
            "Class": error.error_class.value,
            "Code": redaction.scrub(error.code) if error.code else None,  # the cloud's code, or what it sent as one
            "Message": redaction.scrub(error.message)[:2000],
            "Retryable": error.retryable,
        }
    event: event_types.ResultEvent = {
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


def http_status(event: event_types.ResultEvent) -> int:
    """The HTTP status of a reply with this result."""
    outcome = Outcome(event["data"]["Outcome"])
    if outcome in (Outcome.CHANGED, Outcome.ALREADY_CHANGED, Outcome.WOULD_CHANGE):
        return 200
    if outcome is Outcome.PENDING:
        return 202
    error = event["data"]["Error"]
    if outcome is Outcome.UNKNOWN or not error:
        return 500
    return _STATUS[ErrorClass(error["Class"])]
