"""The schema of a function's command, and of the CloudEvent that may carry it."""

from __future__ import annotations

import re

from pydantic import BaseModel

from shared.commands.command import Command
from shared.handlers.follow_message import FollowChange
from shared.rotation.policy import PlanRotation
from shared.triggers.commands import _MAX_INTEGER, MAX_LIST
from shared.workbench.bundle.operations import FOLLOW, PLAN, operations
from shared.workbench.schemas import relations, texts
from shared.workbench.schemas.generator import Schema, of_model, store_place

_PLACE_CHAR = r"|\{resource\}|\{account\}"


def model(function: str) -> type[BaseModel]:
    """The model of a function's command."""
    if function == PLAN:
        return PlanRotation
    return FollowChange if function == FOLLOW else operations()[function].command


def command(function: str) -> Schema:
    """One function's command as JSON Schema, its inner models under `$defs`."""
    of = model(function)
    schema = of_model(of)
    inner = schema.get("$defs", {})
    if issubclass(of, Command):
        relations.state(schema, relations.of_command(of))
        relations.state(inner["Deliver"], relations.of_deliver())
    elif of is PlanRotation:
        properties = schema["properties"]
        properties["Store"] |= {"pattern": _store_pattern()}
        relations.state(schema, relations.of_policy())
        relations.state(inner["Resources"], relations.of_resources())
    else:
        relations.state(schema, relations.of_followed())
    return schema


def command_event(function: str) -> Schema:
    """The CloudEvent that carries a function's command: as keyturn writes it, and as keyturn accepts it from others."""
    text: Schema = {"type": "string"}
    # Brokers that map attributes to headers return whole numbers as text.
    digits: Schema = {"type": "string", "pattern": "^[0-9]{1,10}$"}
    number: Schema = {"type": "integer", "minimum": 0, "maximum": _MAX_INTEGER}
    properties: Schema = {
        "specversion": text,
        "id": text,
        "source": text,
        "type": {**text, "examples": [f"keyturn.command.{function}"]},
        "subject": text,
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": text,
        "attempt": {},
        "hop": {},
        "notbefore": {},
        "traceparent": {**text, "examples": ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]},
        "tracestate": {**text, "examples": ["vendor=00f067aa0ba902b7"]},
        "mac": {},
    }
    # An event of another sender may have attributes of these names with another meaning.
    ours: Schema = {
        "attempt": {"anyOf": [{**number, "minimum": 1}, digits]},
        "hop": {"anyOf": [number, digits]},
        "notbefore": {"type": "string", "format": "date-time"},
        "mac": text,
    }
    inner = command(function)
    models = inner.pop("$defs", {})
    return {
        "$defs": {**models, inner["title"]: inner},
        "type": "object",
        "title": "CommandEvent",
        "description": f"A command of `{function}` as a CloudEvent 1.0 in structured JSON mode. What keyturn itself"
        f" puts on the commands queue is of type `keyturn.command.{function}`; events of another `keyturn.*` type are"
        " left alone.",
        "properties": {
            name: {**part, "description": texts.field("CommandEvent", name)} for name, part in properties.items()
        }
        | {"data": {"$ref": f"#/$defs/{inner['title']}"}},
        "required": ["specversion", "id", "source", "type", "data"],
        "allOf": [
            {"if": {"properties": {"type": {"pattern": r"^keyturn\.command\."}}}, "then": {"properties": ours}},
        ],
    }


def request(ref: str, event_ref: str | None = None) -> Schema:
    """The schema of an HTTP body or a timer's text: one command, or 1 to 100 of them."""
    one: Schema = {"$ref": ref}
    event = [{"$ref": event_ref}] if event_ref else []
    each: Schema = {"anyOf": [one, *event]} if event else one
    many = {
        "type": "array",
        "items": each,
        "minItems": 1,
        "maxItems": MAX_LIST,
        "description": "A list of commands, each with its own result. If one is refused, the others still run.",
    }
    return {"anyOf": [one, *event, many]}


def _store_pattern() -> str:
    """The pattern of a store's name in shared.stores.store.

    A placeholder counts as one character, as PlanRotation checks it.
    """
    plain: str = store_place(version=False)["pattern"]
    return re.sub(r"\[[^\]]*\]", lambda found: f"(?:{found[0]}{_PLACE_CHAR})", plain)
