"""The OpenAPI document as a reader wants it.

The schemas also hold rules between fields, as conditions (`if`, `then`, `not`, lists of `required`). Programs need
them; a renderer shows them as forms of their own that say nothing. Each of these rules is in its schema's description
too, so they are left out of what is shown.
"""

from __future__ import annotations

from typing import Any

_CONDITIONS = {"if", "then", "else", "not", "dependentRequired", "dependentSchemas"}
_CHOICES = ("allOf", "anyOf", "oneOf")
_SAID = {"$ref", "type", "enum", "const", "description", "title", "items"}
_DATA = {"example", "examples", "value", "default", "enum", "const"}  # the sender's words, not schemas


def without_conditions(document: Any) -> Any:
    """The document without the conditions of its schemas; examples stay as they are."""
    if isinstance(document, list):
        return [without_conditions(item) for item in document]
    if not isinstance(document, dict):
        return document
    kept = {
        key: value if key in _DATA else without_conditions(value)
        for key, value in document.items()
        if key not in _CONDITIONS
    }
    # Beside a type, a choice only narrows what the type says, unless it names a schema.
    saying = {"$ref"} if kept.keys() & {"type", "properties"} else {*_SAID, *_CHOICES}
    for choice in _CHOICES:
        if isinstance(kept.get(choice), list):
            said = [one for one in kept.pop(choice) if isinstance(one, dict) and one.keys() & saying]
            if said:
                kept[choice] = said
    if isinstance(kept.get("properties"), dict):
        kept["properties"] = {key: value for key, value in kept["properties"].items() if isinstance(value, dict)}
    return kept


def in_page_order(document: dict[str, Any], order: list[str]) -> dict[str, Any]:
    """The same paths in the page's order, each under its function's name, with a link to what the page says of it."""
    by_name = {path.strip("/"): (path, without_conditions(item)) for path, item in document["paths"].items()}
    paths = {}
    for name in [name for name in order if name in by_name] + sorted(by_name.keys() - set(order)):
        path, item = by_name[name]
        for operation in (one for one in item.values() if isinstance(one, dict) and "operationId" in one):
            operation["description"] = f"{operation.get('summary', '')} [Promise, source and fields](#{name})"
            operation["summary"] = name
            content = operation.get("requestBody", {}).get("content", {})
            plain = {"application/json": content["application/json"]} if "application/json" in content else {}
            if plain:
                operation["requestBody"]["content"] = {**plain, **content}
        paths[path] = item
    return {**without_conditions({key: value for key, value in document.items() if key != "paths"}), "paths": paths}
