"""Opens queue envelopes. Inside the platform's envelope is a command, or one CloudEvent that carries it.

Source of the shapes: the platforms' trigger documentation. The keys alone identify a layer, because event buses deliver
a connector's data with or without a CloudEvent around them (`eventSchema` CloudEvents or RawData).
"""

from collections.abc import Callable
from dataclasses import dataclass

from shared.triggers.commands import EventOrigin, commands, event_origin, is_event
from shared.triggers.decoding import NotJson, decode, flaw, repetition
from shared.triggers.delivery import Message

_MOST = 2**64  # the largest offset or numeric id

Reread = Callable[[str, EventOrigin], tuple[Message, ...]]
"""Reads the original event of a dead letter. Arguments: its text, and what its messages inherit."""


@dataclass(frozen=True, repr=False)
class Record:
    """One queue message, out of its envelope: the broker's id ("" if there is none) and the body."""

    id: str
    body: object
    headers: object = None
    """The sender's headers, if the platform passes them on. CloudEvents attributes in them make the body an event."""
    topic: bool = False
    """It came through an SMQ topic. A topic can push into a queue, which adds one more envelope."""


def unwrap(value: object, origin: EventOrigin, reread: Reread, *, outer: Record | None = None) -> tuple[Message, ...]:
    """The messages in `value`, which is a body or an envelope of any known shape. Never raises.

    `outer`: the envelope around `value`, if there is one.
    """
    if isinstance(value, str):
        try:
            value = decode(value)
        except NotJson as error:
            return (origin.refuse(f"message {error}"),)
    if value is None:
        return (origin.refuse("message has no body"),)
    if not isinstance(value, dict):
        return commands(value, origin, "message")
    if rule := repetition(value):
        return (origin.refuse(f"message {rule}"),)
    record = record_of(value)
    if record is None and outer is None and is_event(value) and not str(value["type"]).startswith("keyturn."):
        data = value.get("data")
        record = record_of(data) if isinstance(data, dict) else None  # an event bus's event around a connector's
        origin = event_origin(value, origin) if record is not None else origin
    letter = dead_letter(value) if record is None else None
    inner = record or letter
    if inner is None:
        return commands(value, origin, "message")
    if record is not None and outer is not None and (outer.topic or not record.topic):
        return (origin.refuse("message is wrapped in too many envelopes"),)
    if rule := flaw(value):
        return (origin.refuse(f"message {rule}"),)
    origin = origin.called(inner.id) if inner.id else origin
    if record is not None:
        return _opened(record, origin, reread)
    if not isinstance(inner.body, str):
        return (origin.refuse("message reports an invocation that succeeded"),)
    return reread(inner.body, origin)


def _opened(record: Record, origin: EventOrigin, reread: Reread) -> tuple[Message, ...]:
    if record.headers:
        from shared.triggers.binary import message_attributes

        try:
            attributes = message_attributes(record.headers)
        except NotJson as error:
            return (origin.refuse(f"message {error}"),)
        if attributes:
            return commands({**attributes, "data": record.body}, origin, "message")
    return unwrap(record.body, origin, reread, outer=record)


def record_of(value: dict[str, object]) -> Record | None:
    """The queue message in `value`; None if `value` is not the envelope of a broker or connector."""
    inner = value.get("Ckafka", value.get("CMQ"))
    if isinstance(inner, dict) and "msgBody" in inner:  # SCF's own triggers
        value = inner
    if "msgBody" in value:  # CMQ, CKafka, TDMQ
        return Record(_position(value) or _word(value.get("msgId")), value["msgBody"])
    if "messageBody" in value:  # SMQ queue
        return Record(_word(value.get("messageId")), value["messageBody"])
    if {"Message", "MessageId", "TopicName"} <= value.keys():  # SMQ topic, JSON format
        return Record(_word(value["MessageId"]), value["Message"], topic=True)
    if {"topic", "offset", "value"} <= value.keys():  # Kafka
        return Record(_position(value), value["value"], value.get("headers"))
    if "body" not in value:
        return None
    system, props = value.get("systemProperties"), value.get("props")
    if isinstance(system, dict):  # RocketMQ
        return Record(_word(value.get("msgId")) or _word(system.get("UNIQ_KEY")), value["body"])
    if isinstance(props, dict):  # RabbitMQ, MQTT
        structured = str(props.get("contentType")).strip().lower().startswith("application/cloudevents")
        return Record(_word(props.get("messageId")), value["body"], None if structured else props.get("headers"))
    # SMQ topic, STREAM format with attributes; RabbitMQ without properties.
    if isinstance(value.get("attrs"), dict) or isinstance(value.get("envelope"), dict):
        return Record("", value["body"])
    return None


def dead_letter(value: dict[str, object]) -> Record | None:
    """Request id and original event (text) in a platform's dead letter; body None: the invocation succeeded.

    SCF: dead letter of an asynchronous invocation. FC: message to a destination, which may be set for success, too.
    """
    body, context, payload = value.get("Body"), value.get("requestContext"), value.get("requestPayload")
    if isinstance(body, dict) and isinstance(body.get("ClientContext"), str) and "RequestId" in value:
        return Record(_word(value["RequestId"]), body["ClientContext"])
    if isinstance(context, dict) and isinstance(payload, str):
        condition = context.get("condition")
        succeeded = isinstance(condition, str) and condition.lower() == "success"
        return Record(_word(context.get("requestId")), None if succeeded else payload)
    return None


def _position(value: dict[str, object]) -> str:
    """`<topic>-<partition>-<offset>`, or "" if the message has no such place; the partition may be empty."""
    topic, offset = _word(value.get("topic")), _word(value.get("offset"))
    partition = _word(value.get("partition", value.get("Partition")))
    return f"{topic}-{partition}-{offset}" if topic and offset else ""


def _word(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= _MOST else ""  # Python refuses to print a number of thousands of digits
    return value if isinstance(value, str) else ""
