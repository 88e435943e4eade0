"""A handler's input (Request), and its output for each message (Handled)."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.results.outcome import CommandContext, Conclusion, Outcome, Subject
from shared.results.publisher import Publisher
from shared.results.result_event import result_event
from shared.runtime import redaction
from shared.runtime.errors import KeyturnError
from shared.runtime.platform import Invocation
from shared.runtime.secret import Secret
from shared.runtime.tracing import trace_id
from shared.triggers import Delivery, Message

if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Protocol

    from shared.results.event_types import ResultEvent, RotationCounts

    class Handler(Protocol):
        """Processes the messages of one function."""

        @property
        def function(self) -> str: ...

        @property
        def action(self) -> str:
            """The operation, as results name it."""

        @property
        def unknown_subject(self) -> Subject:
            """The subject of a result if nothing of the command is known."""

        @property
        def fields(self) -> Collection[str]: ...

        def process(self, request: Request) -> list[Handled]:
            """One entry for each message, in order. Never raises after a call that may have taken effect."""

        def context_of(self, request: Request, message: Message) -> CommandContext:
            """The context of a refused message's result, from the fields that are valid by themselves."""


log = logging.getLogger("keyturn")

_LONGEST_TRACEBACK = 8000


class NothingDone(RuntimeError):
    """Nothing had an effect and nothing could be published. Raised so that the platform repeats the event."""


@dataclass(frozen=True, eq=False, repr=False)
class Handled:
    """What became of one message: its result if it has ended, and whether the queue took that result."""

    event: ResultEvent | None  # None: left to another function, or handed on
    delivered: bool = True
    called: bool = False  # a call that may have taken effect was made
    handed: bool = False  # the command was put on the commands queue
    password: Secret | None = None
    rotation: RotationCounts | None = None  # the counts of a rotation so far; None: no rotation
    continues: bool = False  # that rotation goes on in another invocation


@dataclass(frozen=True, eq=False, repr=False)
class Request:
    """One invocation, its event, and the publisher of its results."""

    invocation: Invocation
    delivery: Delivery
    publisher: Publisher
    began: float  # by the monotonic clock

    def publish(self, event: ResultEvent, started: float, calls: int = 0) -> bool:
        """Publish a result and log it. Returns whether the queue took it. `started`: monotonic clock. Never raises."""
        delivered = self.publisher.publish_result(event)
        log_result(event, started, calls)
        return delivered

    def is_for_another_function(self, message: Message, function: str) -> bool:
        """Whether the message is for another function. It is then acknowledged, with one log line."""
        if not message.for_another(function):
            return False
        # The type is the sender's text: log it only if it looks like a type of keyturn.
        kind = message.type if re.fullmatch(r"keyturn\.[a-z_.]{1,80}", message.type or "") else "keyturn.-"
        line = {"event": "left", "type": kind, "trace_id": trace_id(message.traceparent)}
        log.info("%s", json.dumps(line))
        return True


def refused_result(handler: Handler, request: Request, message: Message, error: KeyturnError) -> ResultEvent:
    """The result of a message that changed nothing."""
    return result_event(handler.context_of(request, message), Conclusion(Outcome.NOT_CHANGED, error))


def log_result(event: ResultEvent, started: float, calls: int = 0) -> None:
    """Write the log line of a result. `started`: when the work on it began, by the monotonic clock."""
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
    """Log a defect of keyturn. The text is redacted before it is cut, so that no half of a secret is left.

    Never raises.
    """
    try:
        text = logging.Formatter().formatException((type(error), error, error.__traceback__))
    # A change may have been made: an exception that cannot be printed must not lose its result.
    except Exception:
        text = "cannot be printed"
    line = {
        "event": "unexpected",
        "why": type(error).__name__,
        "trace_id": trace_id(message.traceparent),
        "traceback": redaction.scrub(text)[-_LONGEST_TRACEBACK:],
    }
    log.error("%s", json.dumps(line))
