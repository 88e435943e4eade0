"""Timers: SCF `Type, TriggerName, Time, Message`; FC `triggerTime, triggerName, payload`."""

from shared.runtime.message_signing import Keys
from shared.triggers.commands import EventOrigin, commands
from shared.triggers.decoding import NotJson, flaw, parse
from shared.triggers.delivery import Delivery, Trigger


def is_timer(event: dict[str, object]) -> bool:
    """Whether `event` comes from a timer. SCF's pages spell the type with and without a capital letter."""
    kind = event.get("Type")
    if isinstance(kind, str) and kind.lower() == "timer":
        return "TriggerName" in event
    return "triggerName" in event and "triggerTime" in event


def read_timer(event: dict[str, object], *, request_id: str, keys: Keys = ()) -> Delivery:
    """The commands in a timer's text. An id holds the trigger's name and time: with a constant id it would run once."""
    scf = "TriggerName" in event
    name = event.get("TriggerName" if scf else "triggerName")
    # Without a time the request id keeps two firings apart.
    time = event.get("Time" if scf else "triggerTime") or request_id
    text = event.get("Message" if scf else "payload")
    # A name or time that is not text is left out: it names nothing, and printing a deeply nested value would fail.
    prefix = "-".join(part if isinstance(part, str) else request_id for part in (name, time))
    origin = EventOrigin(prefix, prefix=prefix, keys=keys)
    if rule := flaw(event):
        return Delivery(Trigger.TIMER, (origin.refuse(f"timer event {rule}"),))
    if text is None or text == "":
        return Delivery(Trigger.TIMER, (origin.refuse("timer text is empty"),))
    try:
        value = parse(text) if isinstance(text, str) else text
    except NotJson as error:
        return Delivery(Trigger.TIMER, (origin.refuse(f"timer text {error}"),))
    return Delivery(Trigger.TIMER, commands(value, origin, "timer text"))
