"""Reads an event: which trigger it came from, and which commands it holds."""

from collections.abc import Collection, Iterable

from shared.runtime.message_signing import Keys
from shared.triggers.commands import EventOrigin, is_event
from shared.triggers.decoding import MAX_EVENT, NotJson, decode, flaw, repetition, text_of
from shared.triggers.delivery import Delivery, Message, Trigger, UnknownEvent
from shared.triggers.envelopes import Reread, dead_letter, record_of, unwrap
from shared.triggers.http import is_call, read_call
from shared.triggers.timer import is_timer, read_timer


def read(event: object, *, fields: Collection[str], request_id: str, keys: Keys = ()) -> Delivery:
    """Read `event` into a Delivery.

    `event` is what the runtime passes: a dict on SCF, bytes on FC; text and lists are read, too. An object without an
    envelope is a command if it has one of `fields`, the field names of the operation's command. `request_id` is the id
    of a message that has no id of its own. `keys` are those in KEYTURN_HANDOFF_KEY, which verify keyturn's own
    messages. A record that cannot be read becomes a Message with a problem, and does not stop the others.

    Raises: UnknownEvent.
    """
    return _read(event, fields, EventOrigin(request_id, keys=keys), inside_dead_letter=False)


def _read(event: object, fields: Collection[str], origin: EventOrigin, *, inside_dead_letter: bool) -> Delivery:
    request_id, keys = origin.id, origin.keys

    def reread(text: str, inherited: EventOrigin) -> tuple[Message, ...]:
        if inside_dead_letter:
            return (inherited.refuse("message is a dead letter inside a dead letter"),)
        return _original(text, fields, inherited)

    raw = isinstance(event, (bytes, bytearray, memoryview, str))
    if isinstance(event, (bytes, bytearray, memoryview, str)):
        if not event:
            raise UnknownEvent
        try:
            event = decode(event if isinstance(event, str) else text_of(bytes(event)), MAX_EVENT)
        except NotJson as error:  # a topic in STREAM format delivers the bare message
            return _queue([origin.refuse(f"message {error}")])
        if not isinstance(event, (dict, list)):
            return _queue([origin.refuse("message is not a JSON object")])
    if isinstance(event, list):
        return _queue(m for n, item in enumerate(event) for m in _element(item, fields, origin.element(n), reread))
    if not isinstance(event, dict):
        raise UnknownEvent
    if is_call(event, fields, raw=raw):
        return read_call(event, request_id=request_id, keys=keys)
    if is_timer(event):
        return read_timer(event, request_id=request_id, keys=keys)
    records = event.get("Records")
    if isinstance(records, list):
        if rule := flaw({**event, "Records": None}) or repetition(event):
            return _queue([origin.refuse(f"event {rule}")])
        if records and not any(_is_record(record) for record in records):
            raise UnknownEvent  # an event of object storage has the same outer shape
        return _queue(m for n, item in enumerate(records) for m in _record(item, origin.element(n), reread))
    if not _is_message(event, fields):
        raise UnknownEvent
    return _queue(unwrap(event, origin, reread))


def _queue(messages: Iterable[Message]) -> Delivery:
    return Delivery(Trigger.QUEUE, tuple(messages))


def _record(record: object, origin: EventOrigin, reread: Reread) -> tuple[Message, ...]:
    """One of SCF's `Records`."""
    if not isinstance(record, dict) or record_of(record) is None:
        return (origin.refuse("record has no known shape"),)
    return unwrap(record, origin, reread)


def _is_record(record: object) -> bool:
    return isinstance(record, dict) and not record.keys().isdisjoint({"Ckafka", "CMQ"})


def _element(element: object, fields: Collection[str], origin: EventOrigin, reread: Reread) -> tuple[Message, ...]:
    """One element of FC's list: an envelope, a bare command, or either as JSON text."""
    if isinstance(element, str):
        try:
            element = decode(element)
        except NotJson as error:
            return (origin.refuse(f"message {error}"),)
    if isinstance(element, dict) and not _is_message(element, fields):
        return (origin.refuse("message is neither a command nor in a known envelope"),)
    return unwrap(element, origin, reread)


def _is_message(value: dict[str, object], fields: Collection[str]) -> bool:
    enveloped = record_of(value) or dead_letter(value)
    return bool(enveloped) or is_event(value) or any(name in fields for name in value)


def _original(text: str, fields: Collection[str], inherited: EventOrigin) -> tuple[Message, ...]:
    """The messages of a dead letter's event. If it was an HTTP call, its caller no longer waits."""
    try:
        delivery = _read(text, fields, EventOrigin(inherited.id, keys=inherited.keys), inside_dead_letter=True)
    except UnknownEvent:
        return (inherited.refuse("dead letter holds an event of no known shape"),)
    if delivery.refused:
        return (inherited.refuse(f"dead letter holds a refused call: {delivery.refused[1]}"),)
    return delivery.messages
