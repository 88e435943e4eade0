"""Combines schemas: moves inner ones to a document's components, and adds names to files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.workbench.schemas.generator import Schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def as_file(name: str, schema: Schema) -> Schema:
    """A schema as a file of its own."""
    return {"$schema": DIALECT, "$id": f"urn:keyturn:schema:{name}", **schema}


def move_to_components(schema: Schema, into: dict[str, Schema], name: str | None = None) -> Schema:
    """Move a schema and its `$defs` into a document's components; returns the reference to it.

    Raises: ValueError: a different schema has the name.
    """
    moved = json.loads(json.dumps(schema).replace('"#/$defs/', '"#/components/schemas/'))
    for key, inner in {**moved.pop("$defs", {}), name or moved["title"]: moved}.items():
        if into.setdefault(key, inner) != inner:
            raise ValueError(f"two schemas have the name {key}")
    return ref(name or moved["title"])


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def text_of(document: Mapping[str, Any]) -> str:
    """A document as it is committed: with sorted keys, so that a diff shows only what changed."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
