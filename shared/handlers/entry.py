"""One invocation, from event to reply. Every function file hands its event to `handle` here.

An invocation raises only if nothing in it may have had an effect and nothing could be published: then the platform's
repeat is wanted. After a possible effect nothing raises.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from shared.handlers.adapters import open_queue
from shared.results.outcome import CommandContext, Conclusion, Outcome, Subject
from shared.results.publisher import Publisher
from shared.results.result_event import http_status, result_event
from shared.runtime import redaction
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, SettingsError
from shared.runtime.platform import Invocation, read_invocation
from shared.runtime.secret import Secret
from shared.runtime.times import now_text
from shared.runtime.tracing import new_trace, trace_id
from shared.triggers import Delivery, Message, Trigger, UnknownEvent, fit_id, read

if TYPE_CHECKING:
    from shared.results.event_types import Replies, Reply, ResultEvent

log = logging.getLogger("keyturn")

_SHOWN = 100  # results in the return value of a timer or a queue batch
_RETRY_AFTER_S = "5"
_LONGEST_TRACEBACK = 8000


class NothingDone(RuntimeError):
    """Nothing had an effect and nothing could be published. Raised so that the platform repeats the event."""


@dataclass(frozen=True, eq=False, repr=False)
class Handled:
    """What became of one message: its result if it has ended, and whether that left."""

    event: ResultEvent | None  # None: left to another function, or handed on
    delivered: bool = True
    called: bool = False  # a call that may have had an effect was made
    handed: bool = False  # the command was put on the commands queue
    password: Secret | None = None


@dataclass(frozen=True, eq=False, repr=False)
class Request:
    """One invocation's event, and the ports to answer it by."""

    invocation: Invocation
    delivery: Delivery
    publisher: Publisher
    began: float  # by the monotonic clock

    def publish(self, event: ResultEvent, started: float, calls: int = 0) -> bool:
        """Publish a result and log its line; whether it left. `started`: by the monotonic clock. Never raises."""
        delivered = self.publisher.publish_result(event)
        log_result(event, started, calls)
        return delivered

    def is_for_another_function(self, message: Message, function: str) -> bool:
        """Whether the message is addressed to another function: then it is acknowledged, with one log line."""
        if not message.for_another(function):
            return False
        # The type is the sender's text: shown only where it is one of ours.
        kind = message.type if re.fullmatch(r"keyturn\.[a-z_.]{1,80}", message.type or "") else "keyturn.-"
        line = {"event": "left", "type": kind, "trace_id": trace_id(message.traceparent)}
        log.info("%s", json.dumps(line))
        return True


class Handler(Protocol):
    """What a function does with the messages that it is given."""

    @property
    def function(self) -> str: ...

    @property
    def name(self) -> str:
        """The operation, as results name it."""

    @property
    def unknown_subject(self) -> Subject:
        """Whose result it is while nothing of the command is known."""

    @property
    def fields(self) -> Collection[str]: ...

    def process(self, request: Request) -> list[Handled]:
        """One report a message, in their order. Never raises after a call that may have had an effect."""

    def origin(self, request: Request, message: Message) -> CommandContext:
        """Whose result it is, by what is valid of a message that failed as a whole."""


def refused_result(work: Handler, request: Request, message: Message, error: KeyturnError) -> ResultEvent:
    """The result of a message that changed nothing."""
    return result_event(work.origin(request, message), Conclusion(Outcome.NOT_CHANGED, error))


def log_result(event: ResultEvent, started: float, calls: int = 0) -> None:
    """The one log line of a result; `started`: when the work on it began, by the monotonic clock."""
    data = event["data"]
    error: Mapping[str, Any] = data["Error"] or {}
    line = {
        "event": "result",
        "command_id": data["CommandId"],
        "operation": data["Operation"],
        "resource": event["subject"],
        "outcome": data["Outcome"],
        "error_class": error.get("Class"),
        "code": error.get("Code"),
        "calls": calls,
        "attempt": data["Attempts"],
        "trace_id": trace_id(event.get("traceparent")),
        "milliseconds": round((time.monotonic() - started) * 1000),
    }
    log.info("%s", json.dumps(line))


def log_unexpected(error: BaseException, message: Message) -> None:
    """The log line of a defect of ours. It is scrubbed before it is cut, so that no half of a secret is left.

    Never raises.
    """
    try:
        text = logging.Formatter().formatException((type(error), error, error.__traceback__))
    # A change may have been made: an exception that cannot be printed must not end what follows.
    except Exception:
        text = "cannot be printed"
    line = {
        "event": "unexpected",
        "why": type(error).__name__,
        "trace_id": trace_id(message.traceparent),
        "traceback": redaction.scrub(text)[-_LONGEST_TRACEBACK:],
    }
    log.error("%s", json.dumps(line))


@dataclass
class _InvocationLine:
    """What the one line of an invocation says, however it ends."""

    trigger: str | None = None
    messages: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    delivered: bool = False
    request_id: str | None = None

    def log(self, function: str, started: float, raised: str | None) -> None:
        line = {
            "event": "invocation",
            "function": function,
            "trigger": self.trigger,
            "messages": self.messages,
            "outcomes": self.outcomes,
            "delivered": self.delivered,
            "raised": raised,
            "milliseconds": round((time.monotonic() - started) * 1000),
            "request_id": self.request_id,
        }
        log.info("%s", json.dumps(line))


def handle(work: Handler, event: object, context: object) -> Any:
    """Answer one invocation.

    Raises: NothingDone, SettingsError (only where no HTTP caller waits).
    """
    started = time.monotonic()
    redaction.guard_logs()
    _print_lines()
    summary, raised = _InvocationLine(), None
    with redaction.forget_at_end():
        try:
            return _handle(work, event, context, started, summary)
        except Exception as error:  # only named in the line: it is raised on
            raised = type(error).__name__
            raise
        finally:
            summary.log(work.function, started, raised)


def _print_lines() -> None:
    """Print lines as they are where a runtime gives the root logger no handler: all but warnings would be lost.

    Source: SCF's page on Python logs adds one itself (cloud.tencent.com 583/55595, 2025-07); FC installs its own. A
    line that is JSON alone becomes fields in SCF's log service.
    """
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        root.addHandler(handler)


def _handle(work: Handler, event: object, context: object, started: float, summary: _InvocationLine) -> Any:
    settings_error: SettingsError | None = None
    try:
        invocation = read_invocation(context)
    except SettingsError as error:
        settings_error = error
    if settings_error is not None:
        if log.level == logging.NOTSET:
            log.setLevel(logging.INFO)
        log.error("%s", json.dumps({"event": "settings", "message": str(settings_error)}))
        return _unset(work, event, settings_error, started, summary)
    summary.request_id = invocation.request_id
    if log.level != invocation.settings.log_level:
        log.setLevel(invocation.settings.log_level)  # which empties the levels that each logger has worked out
    _warn_without_key(invocation)
    publisher = Publisher(invocation, open_queue)
    try:
        return _answer(work, event, invocation, publisher, started, summary)
    finally:
        publisher.close()


_warned = False


def _warn_without_key(invocation: Invocation) -> None:
    """On a platform with a commands queue and no key for it: one line a process, which is one a cold start."""
    global _warned  # two threads at once may both write the line
    settings = invocation.settings
    if _warned or not invocation.on_platform or settings.commands is None or settings.handoff_keys:
        return
    _warned = True
    text = (
        "KEYTURN_HANDOFF_KEY is not set, so keyturn cannot tell its own messages on the commands queue from others:"
        " a Tair change and a store's promotion are not handed on, and evidence in a message is not believed."
        " Set the same key for all functions that share the queue; `make deploy` does it"
    )
    log.warning("%s", json.dumps({"event": "no_handoff_key", "message": text}))


def _no_command(request: Request) -> Message:
    """In the place of a message, where there was none: named by the request."""
    parent = request.delivery.traceparent or new_trace()
    return Message(None, fit_id(request.invocation.request_id), traceparent=parent)


def _answer(
    work: Handler, event: object, invocation: Invocation, publisher: Publisher, started: float, summary: _InvocationLine
) -> Any:
    try:
        delivery = read(
            event,
            fields=work.fields,
            request_id=invocation.request_id,
            keys=invocation.settings.handoff_keys,
        )
    except UnknownEvent as error:
        delivery, why = Delivery(Trigger.QUEUE, ()), str(error)
        request = Request(invocation, delivery, publisher, started)
        refused = refused_result(work, request, _no_command(request), Refused(ErrorClass.INVALID_COMMAND, why))
        return _summed_up(delivery, [Handled(refused, request.publish(refused, started))], summary)
    summary.trigger = delivery.trigger.value
    request = Request(invocation, delivery, publisher, started)
    if delivery.refused is not None:
        status, why = delivery.refused
        refused = refused_result(work, request, _no_command(request), Refused(ErrorClass.INVALID_COMMAND, why))
        log_result(refused, started)
        summary.outcomes = {"not_changed": 1}
        return _http(status, {"Result": refused, "Delivered": False})
    if delivery.trigger is not Trigger.HTTP and invocation.settings.results is None:
        log.error("%s", json.dumps({"event": "settings", "message": "KEYTURN_RESULTS is not set"}))
        raise NothingDone("KEYTURN_RESULTS is not set: a timer or queue command has nowhere to report, so none was run")
    if delivery.trigger is Trigger.HTTP:
        # Its caller waits: what a queue's reader leaves alone is refused here.
        request = replace(request, delivery=replace(delivery, messages=tuple(_own(m, work) for m in delivery.messages)))
    return _summed_up(delivery, work.process(request), summary)


def _own(message: Message, work: Handler) -> Message:
    if not message.for_another(work.function):
        return message
    why = "the event is addressed to another function, or is no command"
    return replace(message, data=None, type=None, problem=why)


def _summed_up(delivery: Delivery, reports: list[Handled], summary: _InvocationLine) -> Any:
    events = [report.event for report in reports if report.event is not None]
    for event in events:
        outcome = event["data"]["Outcome"]
        summary.outcomes[outcome] = summary.outcomes.get(outcome, 0) + 1
    delivered = all(report.delivered for report in reports)
    summary.messages, summary.delivered = len(reports), delivered
    if delivery.trigger is Trigger.HTTP:
        return _http_reply(delivery, reports)
    done = any(one.called or one.handed or (one.event is not None and one.delivered) for one in reports)
    if events and not done:
        raise NothingDone("no result could be published and nothing was changed: the event may be delivered again")
    return {"Results": events[:_SHOWN], "Count": len(events), "Delivered": delivered}


def _http_reply(delivery: Delivery, reports: list[Handled]) -> dict[str, Any]:
    statuses = [http_status(report.event) if report.event else 202 for report in reports]
    passwords = [report.password.reveal() if report.password else None for report in reports]
    delivered = all(report.delivered for report in reports)
    if not delivery.many:
        one: Reply = {"Result": reports[0].event, "Delivered": delivered}
        if passwords[0] is not None:
            one["Password"] = passwords[0]
        return _http(statuses[0], one)
    many: Replies = {"Results": [report.event for report in reports], "Delivered": delivered}
    if any(passwords):
        many["Passwords"] = passwords  # one a result, in order
    return _http(200 if all(status == 200 for status in statuses) else 207, many)


def _http(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    if status in (202, 429, 503) or (status == 409 and _is_busy(body)):
        headers["Retry-After"] = _RETRY_AFTER_S
    if status == 405:
        headers["Allow"] = "POST"
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return {"isBase64Encoded": False, "statusCode": status, "headers": headers, "body": text}


def _is_busy(body: Mapping[str, Any]) -> bool:
    error = ((body.get("Result") or {}).get("data") or {}).get("Error") or {}
    return bool(error.get("Class") == "busy")


def _unset(work: Handler, event: object, error: SettingsError, started: float, summary: _InvocationLine) -> Any:
    """Settings that cannot be read: an HTTP caller is told; for the others the platform's repeat is wanted."""
    try:
        delivery = read(event, fields=work.fields, request_id="-")
    except UnknownEvent:
        raise error from None
    summary.trigger = delivery.trigger.value
    if delivery.trigger is not Trigger.HTTP:
        raise error
    summary.outcomes = {"not_changed": 1}
    message = delivery.messages[0] if delivery.messages else Message(None, fit_id("-"))
    origin = CommandContext(
        work.unknown_subject, work.name, message.command_id, now_text(), traceparent=message.traceparent
    )
    text = f"{error}; nothing was called: correct the function's environment"
    result = result_event(origin, Conclusion(Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, text, code="Settings")))
    log_result(result, started)
    return _http(http_status(result), {"Result": result, "Delivered": False})
