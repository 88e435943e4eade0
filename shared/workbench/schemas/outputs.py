"""The schemas of what keyturn publishes and replies, made from the types in shared.results.event_types."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from shared.results import event_types
from shared.results.outcome import Outcome
from shared.results.result_event import TYPE_PREFIX
from shared.rotation import event_types as rotation_types
from shared.workbench.schemas.generator import Generator, Schema, add_descriptions


def of_type(kind: Any) -> Schema:
    """A type's schema, with its inner types under `$defs` and a description for every field. Raises: KeyError."""
    made = TypeAdapter(kind).json_schema(schema_generator=Generator)
    for one in (made, *made.get("$defs", {}).values()):
        add_descriptions(one)
        if one["title"] == "ResultEvent":
            one["allOf"] = [_type_says_outcome(outcome) for outcome in Outcome]
    return made


def result() -> Schema:
    return of_type(event_types.ResultEvent)


def rotation_report() -> Schema:
    return of_type(rotation_types.RotationReport)


def reply() -> Schema:
    """The HTTP reply: to one command, or to a list."""
    one, many = of_type(event_types.Reply), of_type(event_types.Replies)
    inner = one.pop("$defs") | many.pop("$defs")
    return {
        "title": "HttpReply",
        "description": "The body of an HTTP reply: to one command, or to a list of them.",
        "anyOf": [{"$ref": "#/$defs/Reply"}, {"$ref": "#/$defs/Replies"}],
        "$defs": inner | {"Reply": one, "Replies": many},
    }


def of_outcome(outcome: Outcome) -> Schema:
    """The schema that limits a result event to one outcome."""
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
