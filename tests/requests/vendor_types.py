"""Whether a recorded parameter fits a vendor's model: no unknown field, no wrong type, none missing.

A type is `string`, `number`, `boolean`, `any`, a list of one type, `{"map": type}` or the name of a model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Type = Any


@dataclass(frozen=True)
class Field:
    """One field of a model."""

    type: Type
    required: bool


Models = Mapping[str, Mapping[str, Field]]


def problems(shape: Any, type_: Type, models: Models, where: str) -> Iterator[str]:
    """What of a recorded type does not fit, each with the path of the parameter."""
    if isinstance(type_, list):
        if not isinstance(shape, list):
            yield f"{where}: {_name(shape)}, and a list is wanted"
            return
        for item in shape:
            yield from problems(item, type_[0], models, f"{where}[]")
    elif isinstance(type_, dict):
        if not isinstance(shape, dict):
            yield f"{where}: {_name(shape)}, and a map is wanted"
            return
        for name, value in shape.items():
            yield from problems(value, type_["map"], models, f"{where}.{name}")
    elif type_ in models:
        if not isinstance(shape, dict):
            yield f"{where}: {_name(shape)}, and {type_} is wanted"
            return
        yield from _fields(shape, models[type_], models, where)
    elif type_ != "any" and {"integer": "number"}.get(_name(shape), _name(shape)) != type_:
        yield f"{where}: {_name(shape)}, and {type_} is wanted"


def _fields(shape: Mapping[str, Any], model: Mapping[str, Field], models: Models, where: str) -> Iterator[str]:
    for name, value in shape.items():
        if name in model:
            yield from problems(value, model[name].type, models, f"{where}.{name}")
        else:
            yield f"{where}.{name}: unknown"
    for name, field in model.items():
        if field.required and name not in shape:
            yield f"{where}.{name}: missing"


def _name(shape: Any) -> str:
    """The name of a recorded type; a document in a text is a string."""
    if isinstance(shape, dict):
        return "string" if shape.keys() == {"document"} else "an object"
    return "a list" if isinstance(shape, list) else str(shape)
