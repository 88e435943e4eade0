"""The model of a delivery: the messages of one event, each with the id of its change."""

import hashlib
import re
from dataclasses import dataclass, field
from enum import Enum

from shared.runtime.tracing import new_trace

_COMMAND_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Trigger(str, Enum):
    """What started the function. It decides the form of the reply."""

    HTTP = "http"
    TIMER = "timer"
    QUEUE = "queue"


class UnknownEvent(ValueError):
    """The event has no known shape. The message lists the known shapes, never what the event holds."""

    def __init__(self) -> None:
        super().__init__(
            "the event has no known shape; known shapes: HTTP call of SCF or FC, timer, CKafka, CMQ, SMQ topic or"
            " queue, RocketMQ, RabbitMQ, Kafka, CloudEvent, dead letter, and a bare command"
        )


# repr is off: a message may hold a secret.
@dataclass(frozen=True, repr=False)
class Message:
    """One message of a delivery: its command and its id."""

    data: object
    """The command as parsed JSON, normally a dict; None where `problem` is set."""
    command_id: str
    """Default CommandId: 1 to 64 of [A-Za-z0-9_-]."""
    named: bool = False
    """The sender chose `command_id`: header Idempotency-Key, or the id of its CloudEvent."""
    problem: str | None = None
    """Why there is no command: names the rule, never the value."""
    type: str | None = None
    """CloudEvents type, where the message was a CloudEvent."""
    authentic: bool = False
    """A `keyturn.command.*` event that keyturn itself made: its `mac` is valid under one of the keys."""
    attempt: int = 1
    """From 1, as the CloudEvent says. With a key set: 1 where it is not authentic."""
    hop: int = 0
    """As the CloudEvent says. With a key set: 0 where it is not authentic."""
    notbefore: str | None = None
    """RFC 3339 text, unparsed."""
    traceparent: str = field(default_factory=new_trace)
    """W3C Trace Context: the sender's, or one that begins here."""
    tracestate: str | None = None
    """The sender's, beside a traceparent of the sender's."""
    prefix: str | None = None
    """Timers: a text that keyturn puts with a `-` before an id in the command; `fit_id` then makes the whole a valid
    id.
    """

    def for_another(self, function: str) -> bool:
        """Whether the message is for another keyturn function. The data of foreign event types count as commands."""
        kind = self.type or ""
        return kind.startswith("keyturn.") and kind != f"keyturn.command.{function}"


@dataclass(frozen=True, repr=False)
class Delivery:
    """What one invocation has to do. A batch may be empty."""

    trigger: Trigger
    messages: tuple[Message, ...]
    many: bool = False
    """The HTTP body was a JSON list, so the reply is one too."""
    asynchronous: bool = False
    """An HTTP call that nobody waits for."""
    refused: tuple[int, str] | None = None
    """HTTP only: status (405, 415, 400) and reason; there are no messages then."""
    traceparent: str | None = None
    """Trace Context of an HTTP call that is refused."""
    tracestate: str | None = None
    """The same."""


def fit_id(raw: str) -> str:
    """`raw` if it is 1 to 64 of [A-Za-z0-9_-], first a letter or digit; else `h` + 40 hex of its SHA-256."""
    if _COMMAND_ID.fullmatch(raw):
        return raw
    return "h" + hashlib.sha256(raw.encode("utf-8", "surrogatepass")).hexdigest()[:40]
