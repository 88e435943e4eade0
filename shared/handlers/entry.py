"""One invocation, from event to reply. Every function file hands its event to `handle` here.

An invocation raises only if no call in it can have taken effect and no result could be published: the platform should
repeat it then. After a possible effect nothing raises.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from shared.handlers.adapters import open_queue
from shared.handlers.replies import http, http_reply
from shared.handlers.request import Handled, NothingDone, Request, log_result, refused_result
from shared.results.outcome import CommandContext, Conclusion, Outcome
from shared.results.publisher import Publisher
from shared.results.result_event import http_status, result_event
from shared.runtime import redaction
from shared.runtime.errors import ErrorClass, Refused, SettingsError
from shared.runtime.platform import Invocation, read_invocation
from shared.runtime.times import now_text
from shared.runtime.tracing import new_trace
from shared.triggers import Delivery, Message, Trigger, UnknownEvent, fit_id, read

if TYPE_CHECKING:
    from shared.handlers.request import Handler

log = logging.getLogger("keyturn")

_SHOWN = 100  # results in the return value of a timer or a queue batch


@dataclass
class _InvocationLine:
    """The fields of the log line that each invocation writes, however it ends."""

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


def handle(handler: Handler, event: object, context: object) -> Any:
    """Answer one invocation.

    Raises: NothingDone, SettingsError (only where no HTTP caller waits).
    """
    started = time.monotonic()
    redaction.guard_logs()
    _print_lines()
    line, raised = _InvocationLine(), None
    with redaction.forget_at_end():
        try:
            return _handle(handler, event, context, started, line)
        except Exception as error:  # only for the log line: it is raised again
            raised = type(error).__name__
            raise
        finally:
            line.log(handler.function, started, raised)


def _print_lines() -> None:
    """Give the root logger a handler if the runtime gave it none: otherwise only warnings and errors would be logged.

    It prints each line as it is, because SCF's log service makes fields of a line that is pure JSON. Source: SCF's page
    on Python logs adds a handler itself (cloud.tencent.com 583/55595, 2025-07). FC installs its own.
    """
    root = logging.getLogger()
    if not root.handlers:
        stream = logging.StreamHandler(sys.stdout)
        stream.setFormatter(logging.Formatter("%(message)s"))
        root.addHandler(stream)


def _handle(handler: Handler, event: object, context: object, started: float, line: _InvocationLine) -> Any:
    settings_error: SettingsError | None = None
    try:
        invocation = read_invocation(context)
    except SettingsError as error:
        settings_error = error
    if settings_error is not None:
        if log.level == logging.NOTSET:
            log.setLevel(logging.INFO)
        log.error("%s", json.dumps({"event": "settings", "message": str(settings_error)}))
        return _unset(handler, event, settings_error, started, line)
    line.request_id = invocation.request_id
    if log.level != invocation.settings.log_level:
        log.setLevel(invocation.settings.log_level)  # only if needed: it clears the loggers' caches
    _warn_without_key(invocation)
    publisher = Publisher(invocation, open_queue)
    try:
        return _answer(handler, event, invocation, publisher, started, line)
    finally:
        publisher.close()


_warned = False


def _warn_without_key(invocation: Invocation) -> None:
    """On a platform, warn if there is a commands queue but no key for it: once a process, so once a cold start."""
    global _warned  # two threads at once may both write the line
    settings = invocation.settings
    if _warned or not invocation.on_platform or settings.commands is None or settings.handoff_keys:
        return
    _warned = True
    text = (
        "KEYTURN_HANDOFF_KEY is not set, so keyturn cannot tell its own messages on the commands queue from others:"
        " it hands on no Tair change and no promotion, and ignores the evidence in messages."
        " Set the same key for all functions that share the queue; `make deploy` does that"
    )
    log.warning("%s", json.dumps({"event": "no_handoff_key", "message": text}))


def _no_command(request: Request) -> Message:
    """A placeholder for an event without messages. Its id is the request's."""
    delivery = request.delivery
    parent = delivery.traceparent or new_trace()
    return Message(None, fit_id(request.invocation.request_id), traceparent=parent, tracestate=delivery.tracestate)


def _answer(
    handler: Handler, event: object, invocation: Invocation, publisher: Publisher, started: float, line: _InvocationLine
) -> Any:
    try:
        delivery = read(
            event,
            fields=handler.fields,
            request_id=invocation.request_id,
            keys=invocation.settings.handoff_keys,
        )
    except UnknownEvent as error:
        delivery, why = Delivery(Trigger.QUEUE, ()), str(error)
        request = Request(invocation, delivery, publisher, started)
        refused = refused_result(handler, request, _no_command(request), Refused(ErrorClass.INVALID_COMMAND, why))
        return _summed_up(delivery, [Handled(refused, request.publish(refused, started))], line)
    line.trigger = delivery.trigger.value
    request = Request(invocation, delivery, publisher, started)
    if delivery.refused is not None:
        status, why = delivery.refused
        refused = refused_result(handler, request, _no_command(request), Refused(ErrorClass.INVALID_COMMAND, why))
        log_result(refused, started)
        line.outcomes = {"not_changed": 1}
        return http(status, {"Result": refused, "Delivered": False})
    if delivery.trigger is not Trigger.HTTP and invocation.settings.results is None:
        log.error("%s", json.dumps({"event": "settings", "message": "KEYTURN_RESULTS is not set"}))
        raise NothingDone("KEYTURN_RESULTS is not set: timer and queue commands need it to report, so none was run")
    if delivery.trigger is Trigger.HTTP:
        # The caller waits: refuse a message for another function, which would be skipped on a queue.
        request = replace(
            request, delivery=replace(delivery, messages=tuple(_own(m, handler) for m in delivery.messages))
        )
    return _summed_up(delivery, handler.process(request), line)


def _own(message: Message, handler: Handler) -> Message:
    if not message.for_another(handler.function):
        return message
    why = "the event is for another function, or is not a command"
    return replace(message, data=None, type=None, problem=why)


def _summed_up(delivery: Delivery, handled: list[Handled], line: _InvocationLine) -> Any:
    events = [one.event for one in handled if one.event is not None]
    for event in events:
        outcome = event["data"]["Outcome"]
        line.outcomes[outcome] = line.outcomes.get(outcome, 0) + 1
    delivered = all(one.delivered for one in handled)
    line.messages, line.delivered = len(handled), delivered
    if delivery.trigger is Trigger.HTTP:
        return http_reply(delivery, handled)
    done = any(one.called or one.handed or (one.event is not None and one.delivered) for one in handled)
    if events and not done:
        raise NothingDone("no result could be published and nothing was changed: the event may be delivered again")
    return {"Results": events[:_SHOWN], "Count": len(events), "Delivered": delivered}


def _unset(handler: Handler, event: object, error: SettingsError, started: float, line: _InvocationLine) -> Any:
    """The settings are invalid: reply to an HTTP caller, else raise, so that the platform repeats the event."""
    try:
        delivery = read(event, fields=handler.fields, request_id="-")
    except UnknownEvent:
        raise error from None
    line.trigger = delivery.trigger.value
    if delivery.trigger is not Trigger.HTTP:
        raise error
    line.outcomes = {"not_changed": 1}
    message = delivery.messages[0] if delivery.messages else Message(None, fit_id("-"))
    command_context = CommandContext(
        handler.unknown_subject,
        handler.action,
        message.command_id,
        now_text(),
        traceparent=message.traceparent,
        tracestate=message.tracestate,
    )
    text = f"{error}; nothing was called: correct the function's environment"
    result = result_event(
        command_context, Conclusion(Outcome.NOT_CHANGED, Refused(ErrorClass.FAILED, text, code="Settings"))
    )
    log_result(result, started)
    return http(http_status(result), {"Result": result, "Delivered": False})
