"""The schemas of what leaves keyturn, made of the types in shared.events."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from shared import events
from shared.result import TYPE_PREFIX, Outcome
from shared.workbench.schemas.generator import Generator, Schema, described


def of_type(kind: Any) -> Schema:
    """A type's schema, its inner types under `$defs`, every field with its description. Raises: KeyError."""
    made = TypeAdapter(kind).json_schema(schema_generator=Generator)
    for one in (made, *made.get("$defs", {}).values()):
        described(one)
        if one["title"] == "ResultEvent":
            one["allOf"] = [_type_says_outcome(outcome) for outcome in Outcome]
    return made


def result() -> Schema:
    return of_type(events.ResultEvent)


def rotation_report() -> Schema:
    return of_type(events.RotationReport)


def reply() -> Schema:
    """The HTTP reply: to one command, or to a list."""
    one, many = of_type(events.Reply), of_type(events.Replies)
    inner = one.pop("$defs") | many.pop("$defs")
    return {
        "title": "HttpReply",
        "description": "The body of an HTTP reply: to one command, or to a list of them.",
        "anyOf": [{"$ref": "#/$defs/Reply"}, {"$ref": "#/$defs/Replies"}],
        "$defs": inner | {"Reply": one, "Replies": many},
    }


def of_outcome(outcome: Outcome) -> Schema:
    """What narrows a result event to one outcome."""
    return {
        "properties": {
            "type": {"const": TYPE_PREFIX + outcome.value},
            "data": {"properties": {"Outcome": {"const": outcome.value}}},
        }
    }


def _type_says_outcome(outcome: Outcome) -> Schema:
    narrowed = of_outcome(outcome)["properties"]
    return {
        "if": {"properties": {"type": narrowed["type"]}},
        "then": {"properties": {"data": narrowed["data"]}},
    }
