"""A JSON Schema's fields as rows; fields of nested objects are `Outer.Inner`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]

_LONG_PATTERN = 72  # a longer pattern is not shown; the schema's description gives the rule in words
_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


@dataclass(frozen=True)
class Field:
    """One field: its forms and its description, both as Markdown."""

    name: str
    required: bool
    takes: list[str]
    meaning: str
    default: str | None = None


def fields(schema: Schema, *, first: tuple[str, ...] = ()) -> list[Field]:
    """Every field of an object's schema. Those of `first` come before the others, in that order."""
    return list(_rows(schema, schema.get("$defs", {}), "", first, ()))


def _rows(schema: Schema, defs: Schema, prefix: str, first: tuple[str, ...], seen: tuple[str, ...]) -> Iterator[Field]:
    properties: Schema = schema.get("properties", {})
    required = schema.get("required", ())
    # Without an own order: required fields first, then the others in the schema's order.
    rest = sorted((name for name in properties if name not in first), key=lambda name: name not in required)
    for name in [*(name for name in first if name in properties), *rest]:
        found = _resolved(properties[name], defs)
        default = found.get("default")
        forms = _variants(found, defs)
        yield Field(
            prefix + name,
            name in required,
            list(dict.fromkeys(_form(form, defs, of=found) for form in forms)),
            str(found.get("description", "")),
            None if default in (None, []) else json.dumps(default, ensure_ascii=False),
        )
        inner = [_resolved(form.get("items", form), defs) for form in forms]
        for form in inner:
            title = str(form.get("title", ""))
            if title and form.get("properties") and title not in seen:
                yield from _rows(form, defs, f"{prefix}{name}.", (), (*seen, title))


def _resolved(schema: Schema, defs: Schema) -> Schema:
    """A schema in place of its reference. Keywords beside the reference win."""
    if "$ref" in schema:
        target = defs.get(str(schema["$ref"]).rpartition("/")[2], {})
        return {**_resolved(target, defs), **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _variants(schema: Schema, defs: Schema) -> list[Schema]:
    """The forms of a value, without `null`: that only means that the field is left out."""
    forms = [_resolved(form, defs) for form in schema.get("anyOf", ())]
    if not forms or "type" in schema:
        return [schema]
    return [one for form in forms for one in _variants(form, defs) if one.get("type") != "null"]


def _form(schema: Schema, defs: Schema, *, of: Schema | None = None) -> str:
    """One form in words. If there are several, each has its description. `of`: the field that has this form."""
    told = str(schema.get("description", "")) if of is not None and schema is not of else ""
    if told and schema.get("type") == "string":
        return f"text. {told}"
    return f"{_words(schema, defs)}. {told}" if told else _words(schema, defs)


def _words(schema: Schema, defs: Schema) -> str:
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    kinds = schema.get("type", "any")
    kind = next((one for one in kinds if one != "null"), "any") if isinstance(kinds, list) else kinds
    if kind == "array":
        of = " or ".join(_words(form, defs) for form in _variants(_resolved(schema.get("items", {}), defs), defs))
        many = _between(schema, "minItems", "maxItems")
        return f"list of {many}: {of}" if many else f"list of {of}"
    if kind == "object":
        inner = [
            f"`{name}` ({_words(_resolved(one, defs), defs)})" for name, one in schema.get("properties", {}).items()
        ]
        titled = "title" in schema  # its fields have their own rows
        return "object" if titled or not inner else f"object with {', '.join(inner)}"
    words = [_TYPES.get(kind, "any")]
    if kind == "string":
        words.append(_between(schema, "minLength", "maxLength", " characters"))
        pattern = str(schema.get("pattern", ""))
        if pattern and len(pattern) <= _LONG_PATTERN:
            words.append(_code(pattern))
        if schema.get("format") == "date-time":
            words.append("RFC 3339")
    elif kind in ("integer", "number"):
        words.append(f"above {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else "")
        words.append(_between(schema, "minimum", "maximum"))
    return ", ".join(word for word in words if word)


def _between(schema: Schema, low: str, high: str, unit: str = "") -> str:
    least, most = schema.get(low), schema.get(high)
    if least is None and most is None:
        return ""
    if least == most:
        return f"{_number(least)}{unit}"
    if least is None:
        return f"at most {_number(most)}{unit}"
    return f"at least {_number(least)}{unit}" if most is None else f"{_number(least)} to {_number(most)}{unit}"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
