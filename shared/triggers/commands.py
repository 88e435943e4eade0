"""Turns one JSON value into messages: a bare command, a CloudEvent that carries one, or a list of either."""

from dataclasses import dataclass, replace
from enum import Enum

from shared.runtime.message_signing import COMMAND_TYPE, MOST_ATTEMPTS, MOST_HOPS, Keys, verify
from shared.runtime.times import parse_time
from shared.runtime.tracing import new_trace, traceparent, tracestate
from shared.triggers.decoding import NotJson, decode, flaw, from_base64, repetition
from shared.triggers.delivery import Message, fit_id

MAX_LIST = 100
_MAX_INTEGER = 2**31 - 1  # CloudEvents 1.0, Integer


class Events(Enum):
    """Whether the value may be a CloudEvent. One event carries one command or a list of commands."""

    MAY = "may"
    MUST = "must"
    MUST_NOT = "must not"  # it is inside a CloudEvent already


@dataclass(frozen=True, repr=False)
class EventOrigin:
    """What a message inherits from the event around it. The fields are those of Message."""

    id: str
    named: bool = False
    type: str | None = None
    attempt: int = 1
    hop: int = 0
    notbefore: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    prefix: str | None = None
    authentic: bool = False
    keys: Keys = ()
    """The keys in KEYTURN_HANDOFF_KEY, which verify keyturn's own messages."""

    def called(self, raw: str) -> "EventOrigin":
        """A copy with another id, behind the timer's prefix if there is one."""
        return replace(self, id=f"{self.prefix}-{raw}" if self.prefix else raw)

    def element(self, n: int) -> "EventOrigin":
        """A copy for element `n` of a list, counted from 0."""
        return replace(self, id=f"{self.id}-{n}")

    def message(self, data: object) -> Message:
        """A message that holds a command."""
        return self._message(data, None)

    def refuse(self, problem: str) -> Message:
        """A message without a command; `problem` says why."""
        return self._message(None, problem)

    def _message(self, data: object, problem: str | None) -> Message:
        return Message(
            data=data,
            command_id=fit_id(self.id),  # here, because the id is complete only now
            named=self.named,
            problem=problem,
            type=self.type,
            authentic=self.authentic,
            attempt=self.attempt,
            hop=self.hop,
            notbefore=self.notbefore,
            traceparent=self.traceparent or new_trace(),
            tracestate=self.tracestate,
            prefix=self.prefix,
        )


def commands(
    value: object, origin: EventOrigin, noun: str, *, events: Events = Events.MAY, listed: bool = False
) -> tuple[Message, ...]:
    """The messages in `value`. `noun` is the subject of each problem. A list inside a list is a problem."""
    if isinstance(value, list) and not listed:
        if not 1 <= len(value) <= MAX_LIST:
            return (origin.refuse(f"{noun} is an empty list or a list of more than {MAX_LIST} commands"),)
        return tuple(
            message
            for n, element in enumerate(value)
            for message in commands(element, origin.element(n), f"element of {noun}", events=events, listed=True)
        )
    if isinstance(value, dict) and is_event(value):
        if events is Events.MUST_NOT:
            return (origin.refuse(f"{noun} is a CloudEvent inside a CloudEvent: send the inner one alone"),)
        return _event(value, origin, noun, listed)
    if events is Events.MUST:
        return (origin.refuse(f"{noun} is not a CloudEvent"),)
    if isinstance(value, dict):
        rule = flaw(value)
        return (origin.refuse(f"{noun} {rule}") if rule else origin.message(value),)
    return (origin.refuse(f"{noun} is not a JSON object"),)


def is_event(value: dict[str, object]) -> bool:
    """Whether `value` is a structured CloudEvent; some senders write `specversion` "0", or leave it out."""
    return (
        isinstance(value.get("type"), str)
        and isinstance(value.get("source"), str)
        and "id" in value
        and not value.keys().isdisjoint({"specversion", "data", "data_base64"})
    )


def event_origin(event: dict[str, object], origin: EventOrigin) -> EventOrigin:
    """What the messages inside a CloudEvent inherit. The event's id replaces the transport's."""
    name = event["id"]
    return origin.called(name) if isinstance(name, str) and name else origin


def _event(event: dict[str, object], origin: EventOrigin, noun: str, listed: bool) -> tuple[Message, ...]:
    attributes = {name: value for name, value in event.items() if name not in {"data", "data_base64"}}
    rule = flaw(attributes) or repetition(event)
    if rule:
        return (origin.refuse(f"{noun} {rule}"),)
    # An attribute that is null counts as missing (JSON format, 2.2).
    event = {name: value for name, value in event.items() if value is not None}
    if not isinstance(event.get("id"), str):
        return (origin.refuse("event attribute id is not text"),)
    origin = event_origin(event, origin)
    kind = str(event["type"])
    origin = replace(origin, named=origin.named or bool(event["id"]), type=kind)
    parent = traceparent(event.get("traceparent"))
    if parent is not None:
        origin = replace(origin, traceparent=parent, tracestate=tracestate(event.get("tracestate")))
    if kind.startswith(COMMAND_TYPE):
        notbefore = event.get("notbefore")
        if notbefore is not None and parse_time(notbefore) is None:
            return (origin.refuse("event attribute notbefore is not an RFC 3339 time"),)
        origin = replace(origin, notbefore=str(notbefore) if notbefore else None)
        if not origin.keys:
            counts = _counts(event)
            if counts is None:
                return (origin.refuse("event attribute attempt or hop is not a whole number in its range"),)
            origin = _counted(origin, *counts)
    try:
        data = _data(event)
    except NotJson as error:
        return (origin.refuse(f"event {error}"),)
    if isinstance(data, dict) and not is_event(data):
        rule = flaw(data)
        return (origin.refuse(f"event data {rule}") if rule else _verified(event, origin, data).message(data),)
    return commands(data, origin, "event data", events=Events.MUST_NOT, listed=listed)


def _data(event: dict[str, object]) -> object:
    """The data of a CloudEvent whose null members were removed. Raises: NotJson."""
    if event.keys().isdisjoint({"data", "data_base64"}):
        raise NotJson("has no data")
    if event.keys() >= {"data", "data_base64"}:  # JSON format, 3.1.1
        raise NotJson("has both data and data_base64")
    data, packed, rule = event.get("data"), event.get("data_base64"), "data_base64 is not text"
    if packed is None or isinstance(packed, str):
        try:
            data = data if packed is None else from_base64(packed)
            return decode(data) if isinstance(data, str) else data
        except NotJson as error:
            rule = f"data {error}"
    raise NotJson(rule)


def _counted(origin: EventOrigin, attempt: int, hop: int) -> EventOrigin:
    """Without a key to verify them: believe the event's `attempt` and `hop` up to keyturn's own limits.

    So the commands that keyturn hands back end after all, and an invented number cannot end a command. A number above
    its limit is read as that of a first delivery. With such a `hop`, the command is also due at once.
    """
    if hop >= MOST_HOPS:
        origin = replace(origin, notbefore=None)
    return replace(origin, attempt=attempt if attempt <= MOST_ATTEMPTS else 1, hop=hop if hop < MOST_HOPS else 0)


def _verified(event: dict[str, object], origin: EventOrigin, data: object) -> EventOrigin:
    """With a key set: take `attempt` and `hop` of an event that keyturn signed. Any other counts as a bare command."""
    counts, mac, name, subject = _counts(event), event.get("mac"), event["id"], event.get("subject")
    if not origin.keys or counts is None or not str(event["type"]).startswith(COMMAND_TYPE):
        return origin
    if not (isinstance(mac, str) and isinstance(name, str) and isinstance(subject, str)):
        return origin
    attempt, hop = counts
    kind = str(event["type"])
    if not verify(origin.keys, mac, type=kind, id=name, subject=subject, attempt=attempt, hop=hop, data=data):
        return origin
    return replace(origin, authentic=True, attempt=attempt, hop=hop)


def _counts(event: dict[str, object]) -> tuple[int, int] | None:
    """The event's `attempt` and `hop`; None if one is not a whole number in its range."""
    attempt, hop = _integer(event.get("attempt", 1)), _integer(event.get("hop", 0))
    return (attempt, hop) if attempt and hop is not None else None


def _integer(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_INTEGER:
        return value
    return None
