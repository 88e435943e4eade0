"""Finds breaking changes between two schemas of one message, for its senders (a command) or its readers (a result).

A new schema of a command must accept everything that the old one accepted. A new schema of a result must promise
everything that the old one promised. Both are the same question with the schemas exchanged: does the wider schema
accept everything that the narrower one accepts? If the module does not understand a difference, it reports the
difference.

It compares keyword by keyword: types, members, bounds, enumerations, patterns. For `anyOf` and `oneOf`, each branch of
the narrower schema must be accepted by a branch of the wider one. Descriptions, examples and defaults are not compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal

Schema = Mapping[str, Any]
Direction = Literal["taken", "sent"]

_SAID = {"description", "title", "examples", "default", "$schema", "$id", "$comment", "$defs", "writeOnly"}
_LOWER = {"minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties"}
_UPPER = {"maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties"}
_READ = {"type", "enum", "const", "properties", "required", "additionalProperties", "items", "anyOf", "oneOf", "allOf"}
_NARROWING = {"pattern", "format", "not", "if", "then", "else", "uniqueItems", "propertyNames"}
_TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")
# Keyword -> the JSON types that it limits.
_OF = {"Length": {"string"}, "imum": {"integer", "number"}, "Items": {"array"}, "Properties": {"object"}}
_OF |= {"pattern": {"string"}, "format": {"string"}, "propertyNames": {"object"}}
_MOST_DEPTH = 40


def breaking(old: Schema, new: Schema, direction: Direction) -> list[str]:
    """Each breaking change as `<JSON pointer>: <what>`; the pointer is one into the message. Empty: none was found."""
    wider, narrower = (new, old) if direction == "taken" else (old, new)
    found = _Held(wider, narrower, taken=direction == "taken").problems(wider, narrower, "", 0)
    return sorted(set(found))


class _Held:
    """Checks that a wider schema accepts everything that a narrower one accepts."""

    def __init__(self, wider: Schema, narrower: Schema, *, taken: bool) -> None:
        self._wide, self._narrow, self._taken = wider, narrower, taken

    def problems(self, wide: Any, narrow: Any, at: str, depth: int) -> Iterator[str]:
        """The places where `wide` does not accept everything that `narrow` accepts."""
        wide, narrow = _resolved(self._wide, wide), _resolved(self._narrow, narrow)
        if wide is True or narrow is False or depth > _MOST_DEPTH:
            return
        if wide is False:
            yield f"{at or '/'}: {self._word('is no longer accepted', 'is new here')}"
            return
        yield from self._branches(wide, {} if narrow is True else narrow, at, depth)

    def _branches(self, wide: Schema, narrow: Schema, at: str, depth: int) -> Iterator[str]:
        for name in ("anyOf", "oneOf"):
            for branch in narrow.get(name, ()):
                yield from self.problems(wide, _within(self._narrow, narrow, name, branch), at, depth + 1)
            if name in narrow:
                return
        for name in ("anyOf", "oneOf"):
            if name in wide:
                branches = [_within(self._wide, wide, name, branch) for branch in wide[name]]
                tries = [list(self.problems(branch, narrow, at, depth + 1)) for branch in branches]
                yield from min(tries, key=len, default=[])
                return
        yield from self._types(wide, narrow, at)
        yield from self._values(wide, narrow, at)
        yield from self._bounds(wide, narrow, at)
        yield from self._inner(wide, narrow, at, depth)
        kept = [_plain(rule) for rule in narrow.get("allOf", ())]
        for rule in wide.get("allOf", ()):
            if _plain(rule) not in kept:
                words = rule.get("description", _plain(rule)[:80])
                yield f"{at or '/'}: a rule is {self._word('new', 'gone')}: {words}"
        for name in sorted((wide.keys() | narrow.keys()) - _SAID - _READ - _LOWER - _UPPER):
            loosened = name in _NARROWING and name not in wide
            if wide.get(name) != narrow.get(name) and not loosened and _speaks_of(name, narrow):
                yield f"{at or '/'}: {name} differs"

    def _types(self, wide: Schema, narrow: Schema, at: str) -> Iterator[str]:
        lost = sorted(_types(narrow) - _types(wide))
        if lost:
            yield f"{at or '/'}: {', '.join(lost)} {self._word('is no longer accepted', 'may come now')}"

    def _values(self, wide: Schema, narrow: Schema, at: str) -> Iterator[str]:
        allowed, used = _values(wide), _values(narrow)
        if allowed is None:
            return
        if used is None:
            yield f"{at or '/'}: {self._word('only some values are accepted now', 'values are no longer enumerated')}"
            return
        for value in used:
            if value not in allowed:
                yield f"{at or '/'}: value {value} {self._word('is no longer accepted', 'may come now')}"

    def _bounds(self, wide: Schema, narrow: Schema, at: str) -> Iterator[str]:
        for name in sorted((_LOWER | _UPPER) & wide.keys()):
            there = narrow.get(name)
            fits = there is not None and (there >= wide[name] if name in _LOWER else there <= wide[name])
            if not fits and _values(narrow) is None and _speaks_of(name, narrow):
                yield f"{at or '/'}: {name} {self._word('is narrower', 'is wider')}"

    def _inner(self, wide: Schema, narrow: Schema, at: str, depth: int) -> Iterator[str]:
        """Compare members and elements."""
        if not _may_be_object(narrow):
            wide_has, narrow_has = {}, {}
        else:
            wide_has, narrow_has = wide.get("properties", {}), narrow.get("properties", {})
        for name in sorted(wide_has.keys() | narrow_has.keys()):
            place = f"{at}/{name}"
            if name in narrow_has and name not in wide_has:
                if wide.get("additionalProperties", True) is False:
                    yield f"{place}: {self._word('is no longer accepted', 'is new where no other member was allowed')}"
                elif self._taken:
                    yield f"{place}: is no longer read"
            elif name in wide_has and name not in narrow_has:
                # A result no longer promises a member that it no longer names. A command may get a new member.
                if not self._taken:
                    yield f"{place}: is no longer sent"
            else:
                yield from self.problems(wide_has[name], narrow_has[name], place, depth + 1)
        for name in sorted({*wide.get("required", ())} - {*narrow.get("required", ())}):
            if _may_be_object(narrow):
                yield f"{at}/{name}: {self._word('is required now', 'may be absent now')}"
        extra = wide.get("additionalProperties", True)
        if isinstance(extra, dict):
            yield from self.problems(extra, narrow.get("additionalProperties", True), f"{at}/*", depth + 1)
        elif extra is False and narrow.get("additionalProperties", True) is not False and _may_be_object(narrow):
            yield f"{at or '/'}: {self._word('unknown members are refused now', 'unknown members may come now')}"
        if "items" in wide and "array" in _types(narrow):
            yield from self.problems(wide["items"], narrow.get("items", True), f"{at}/*", depth + 1)

    def _word(self, taken: str, sent: str) -> str:
        return taken if self._taken else sent


def _resolved(document: Schema, schema: Any) -> Any:
    """A schema in place of its reference. Keywords beside the reference are kept."""
    for _ in range(_MOST_DEPTH):
        if not isinstance(schema, Mapping) or "$ref" not in schema:
            return schema
        target: Any = document
        for step in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[step]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _within(document: Schema, schema: Schema, name: str, branch: Any) -> Schema:
    """One branch of a choice, combined with the keywords beside the choice."""
    branch = _resolved(document, branch)
    rest = {key: value for key, value in schema.items() if key != name}
    if "allOf" in rest and "allOf" in branch:
        rest["allOf"] = [*rest["allOf"], *branch["allOf"]]
    return {**branch, **rest}


def _plain(rule: Any) -> str:
    """A rule without its description, for comparison."""
    stripped = {key: value for key, value in rule.items() if key not in _SAID} if isinstance(rule, Mapping) else rule
    return json.dumps(stripped, sort_keys=True)


def _types(schema: Schema) -> set[str]:
    kind = schema.get("type")
    named = {kind} if isinstance(kind, str) else set(kind or _TYPES)
    return named | ({"integer"} if "number" in named else set())


def _values(schema: Schema) -> list[str] | None:
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    return None if values is None else [json.dumps(value) for value in values]


def _speaks_of(name: str, schema: Schema) -> bool:
    """Whether a keyword limits anything in this schema."""
    kinds = next((kinds for key, kinds in _OF.items() if name.endswith(key)), None)
    return kinds is None or not kinds.isdisjoint(_types(schema))


def _may_be_object(schema: Schema) -> bool:
    return "object" in _types(schema)
