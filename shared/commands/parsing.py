"""Turns a sender's data into a command or a policy. keyturn validates them once, here.

pydantic's errors hold the input of a failing field, and so does their `errors()`. This module passes on only
locations, types and fixed texts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from shared.commands.command import Command
from shared.runtime.errors import ErrorClass, Refused

_MOST_LINES = 10  # mistakes that are told
_MOST_VALUES = 500  # the longest policy holds about 130
_KEY = "a key"  # shown instead of a name that may be a pasted secret

C = TypeVar("C", bound=Command)
M = TypeVar("M", bound=BaseModel)


def parse_command(model: type[C], data: object) -> C:
    """The command that the data describe.

    Raises: Refused (invalid_command) naming each field and rule, never a value.
    """
    return parse_model(model, data, model.names())


def parse_model(model: type[M], data: object, known: frozenset[str]) -> M:
    """Like `parse_command`, for any model. `known`: the field names that a refusal lists. Raises: Refused."""
    if not isinstance(data, Mapping):
        raise Refused(ErrorClass.INVALID_COMMAND, "the command must be a JSON object")
    if _is_vast(data):
        text = f"the command holds more than {_MOST_VALUES} names and values: send only the fields that it has"
        raise Refused(ErrorClass.INVALID_COMMAND, text)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors(include_input=False, include_context=False, include_url=False)
        lines: dict[str, None] = {}
        for problem in problems:
            lines.setdefault(_line(problem, known))
            if len(lines) == _MOST_LINES:
                break
    raise Refused(ErrorClass.INVALID_COMMAND, "; ".join(lines))


def _is_vast(data: Mapping[str, Any]) -> bool:
    """Whether the data hold more values than any command. pydantic would keep an error for each unknown name."""
    left = _MOST_VALUES
    waiting: list[Any] = [data]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping | list):
            left -= len(item)
            if left < 0:
                return True
            waiting += item.values() if isinstance(item, Mapping) else item
    return False


def _line(problem: Any, known: frozenset[str]) -> str:
    path = [_shown(step) for step in problem["loc"]]
    kind, rule = problem["type"], str(problem["msg"])
    if kind == "extra_forbidden":
        name = path[-1] if path[-1] != _KEY else "a field"
        near = _meant(problem["loc"], known) or ";"
        return f"{name}: is not a field of this command{near} its fields are {', '.join(sorted(known))}"
    if kind == "missing":
        rule = "is required"
    elif kind == "string_pattern_mismatch":
        rule = "has characters or a form that this field does not allow"
    elif kind == "union_tag_invalid" or kind.startswith("model_"):
        rule = "must be a JSON object of this field's form"
    if rule.startswith(("Input ", "String ", "List ")):  # pydantic's; keyturn's may begin with a field's name
        rule = rule[:1].lower() + rule[1:]
    return f"{'.'.join(path)}: {rule}" if path else rule


def _meant(path: tuple[str | int, ...], known: frozenset[str]) -> str:
    """The offer of a field of the command itself for an unknown one, empty if none is near. Holds no sender's text."""
    from shared.runtime.spelling import meant

    return meant(str(path[0]), known) if len(path) == 1 else ""


def _shown(step: str | int) -> str:
    """One part of a field's path. An unknown field's name is the sender's text: show it if it looks like a name."""
    plain = isinstance(step, int) or (step.isascii() and step.isalpha() and len(step) <= 32)
    return str(step) if plain else _KEY


def field_or_none(model: type[BaseModel], data: object, name: str) -> str | None:
    """One field's value if that field is valid, even if the whole command is not; else None."""
    value = data.get(name) if isinstance(data, Mapping) else None
    field = next((f for key, f in model.model_fields.items() if (f.alias or key) == name), None)
    if field is None or not isinstance(value, str):
        return None
    form: Any = field.annotation
    for rule in field.metadata:  # rules of a required field; an optional one has them inside its annotation
        form = Annotated[form, rule]
    try:
        valid = TypeAdapter(form).validate_python(value, strict=True)
    except ValidationError:
        return None
    return valid if isinstance(valid, str) else None
