"""Pydantic's JSON Schema with keyturn's own forms: secrets, password rules, places in a store, JWKs.

The forms are derived from the objects that check them, so that no shipped code exists for schemas alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from shared.commands import command, public_keys, secrets, store_reference
from shared.commands.password_rules import PasswordRule
from shared.workbench.schemas import texts

Schema = dict[str, Any]

# The patterns of shared.stores.store, as JSON Schema: a prefix, the name, and a version where one is allowed.
_VERSION = r"(#[A-Za-z0-9][A-Za-z0-9._-]{0,63})?"
_BASE64URL = "^[A-Za-z0-9_-]+$"


class Generator(GenerateJsonSchema):
    """Pydantic's schema, without generated titles and null defaults, and with keyturn's own forms."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return or_null(self.generate_inner(schema["schema"]))

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:
        function: Any = schema["function"]["function"]
        if isinstance(getattr(function, "__self__", None), secrets._Form):
            return secret_of(new=function.__self__.new)
        form = _PLAIN.get(_called(function))
        return form() if form else super().function_plain_schema(schema)

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> JsonSchemaValue:
        made = super().function_after_schema(schema)
        rule = getattr(schema["function"]["function"], "__self__", None)
        return with_rule(made, rule) if isinstance(rule, PasswordRule) else made


def of_model(model: type[BaseModel]) -> Schema:
    """A model's validation schema, with the field names that senders use. Every field has a description.

    Raises: TextMissing, naming a field that has no text.
    """
    made = model.model_json_schema(by_alias=True, schema_generator=Generator, mode="validation")
    add_descriptions(made)
    for inner in made.get("$defs", {}).values():
        add_descriptions(inner)
    return made


def add_descriptions(schema: Schema) -> None:
    """Add a description to each property of an object. Raises: TextMissing."""
    for name, part in schema.get("properties", {}).items():
        part["description"] = texts.field(schema["title"], name)


def or_null(schema: Schema) -> Schema:
    """The schema, or null, in the shortest form of JSON Schema."""
    kind = schema.get("type")
    if isinstance(kind, str) and not {"const", "anyOf", "oneOf"} & schema.keys():
        made = {**schema, "type": [kind, "null"]}
        return {**made, "enum": [*schema["enum"], None]} if "enum" in schema else made
    branches = schema["anyOf"] if schema.keys() == {"anyOf"} else [schema]
    return {"anyOf": [*branches, {"type": "null"}]}


def secret_of(*, new: bool) -> Schema:
    """The forms in which a command may give a secret."""
    given: Schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": secrets._LONGEST,
        "format": "password",
        "writeOnly": True,
        "description": "In clear. keyturn never echoes it, logs it, or puts it on a queue.",
    }
    reference = closed_object({"SecretRef": store_place(version=True)}, ["SecretRef"])
    reference["description"] = "By reference: keyturn reads it from the store when the change begins."
    forms = [given, reference]
    if new:
        length: Schema = {"type": "integer", "default": secrets.Generate.length, "description": "Characters."}
        made = closed_object({"Generate": closed_object({"Length": length}, [])}, ["Generate"])
        made["description"] = "keyturn generates it from the operating system's randomness. Requires Deliver."
        forms.append(made)
    return {"anyOf": forms}


def with_rule(schema: Schema, rule: PasswordRule) -> Schema:
    """The schema of a new secret, limited by the rule on the cloud's page."""
    clear, reference, made = schema["anyOf"]
    length = {**made["properties"]["Generate"]["properties"]["Length"], "minimum": rule.shortest}
    length["maximum"] = rule.longest
    # A Generate without a Length means 24 characters. Not every rule allows so many.
    needed = [] if rule.shortest <= secrets.Generate.length <= rule.longest else ["Length"]
    if needed:
        del length["default"]
    made = {**made, "properties": {"Generate": closed_object({"Length": length}, needed)}}
    return {"anyOf": [{**clear, **password(rule)}, reference, made]}


def password(rule: PasswordRule) -> Schema:
    """A password rule as a pattern without look-ahead, because some gateways do not support look-ahead."""
    kinds = {kind: f"[{charset(letters)}]" for kind, letters in rule._kinds.items()}
    allowed = "".join(sorted({letter for letters in rule._kinds.values() for letter in letters}))
    first = "".join(letter for letter in allowed if letter not in rule.not_first)
    made: Schema = {
        "minLength": rule.shortest,
        "maxLength": rule.longest,
        "pattern": f"^[{charset(first)}][{charset(allowed)}]*$",
        "description": f"In clear: {rule_text(rule)}. keyturn never echoes it, logs it, or puts it on a queue.",
    }
    if rule.must:
        made["allOf"] = [{"pattern": kinds[kind]} for kind in rule.must]
    if rule.classes > 1:
        made["anyOf"] = [
            {"allOf": [{"pattern": kinds[kind]} for kind in some]} for some in combinations(kinds, rule.classes)
        ]
    return made


def rule_text(rule: PasswordRule) -> str:
    """A password rule in words, with its source."""
    said = [f"{rule.shortest} to {rule.longest} characters of ASCII letters, digits and {rule.symbols}"]
    if rule.classes > 1:
        said.append(f"at least {rule.classes} of {', '.join(rule._kinds)}")
    said += [f"at least {kind}" for kind in rule.must]
    if rule.not_first:
        said.append(f"not starting with {rule.not_first}")
    return f"{'; '.join(said)} ({rule.source})"


def charset(letters: Iterable[str]) -> str:
    """The inside of a character class.

    Letters and digits are ranges, in a spelling that every dialect of patterns reads.
    """
    ordered, made, index = sorted(letters), "", 0
    while index < len(ordered):
        last = index
        while (
            last + 1 < len(ordered) and ordered[last + 1].isalnum() and ord(ordered[last + 1]) == ord(ordered[last]) + 1
        ):
            last += 1
        if ordered[index].isalnum() and last - index > 1:
            made, index = made + f"{ordered[index]}-{ordered[last]}", last + 1
        else:
            made, index = made + re.sub(r"([\\\]\[^/-])", r"\\\1", ordered[index]), index + 1
    return made


def store_place(*, version: bool) -> Schema:
    """The place of a secret: `ssm://name` or `kms://name`, as shared.stores.store reads it."""
    names = "|".join(f"{kind}://{name.pattern}" for kind, name in sorted(store_reference._NAMES.items()))
    tail = _VERSION if version else ""
    behind = ", and one of its versions behind #" if version else ""
    return {
        "type": "string",
        "pattern": f"^({names}){tail}$",
        "description": f"A secret of Tencent SSM (`ssm://name`) or Alibaba KMS (`kms://name`){behind}.",
    }


def public_key() -> Schema:
    """The public JWKs that a secret may be sealed to, as far as JSON Schema can distinguish them."""
    part: Schema = {"type": "string", "pattern": _BASE64URL}

    def kind(kty: str, algorithm: str, members: Mapping[str, Schema]) -> Schema:
        properties: Schema = {"kty": {"const": kty}, **members, "use": {"const": "enc"}, "alg": {"const": algorithm}}
        return {"properties": properties, "required": ["kty", *members]}

    curves = [
        kind("EC", "ECDH-ES", {"crv": {"const": name}, "x": _octets(curve.size), "y": _octets(curve.size)})
        for name, curve in public_keys._CURVES.items()
    ]
    return {
        "type": "object",
        "oneOf": [
            kind("RSA", "RSA-OAEP-256", {"n": part, "e": part}),
            *curves,
            kind("OKP", "ECDH-ES", {"crv": {"const": "X25519"}, "x": _octets(32)}),
        ],
        "not": {"anyOf": [{"required": [name]} for name in public_keys._PRIVATE]},
        "description": texts.SEAL_KEY,
    }


def closed_object(properties: Mapping[str, Schema], required: Sequence[str]) -> Schema:
    """An object that allows no other members."""
    made: Schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return {**made, "required": list(required)} if required else made


def _octets(size: int) -> Schema:
    """A base64url text of so many bytes, without padding."""
    length = -(-size * 8 // 6)
    return {"type": "string", "pattern": _BASE64URL, "minLength": length, "maxLength": length}


def _called(function: Any) -> Any:
    """The function of commands.command that a one-line lambda calls.

    A field is declared before the function that reads it.
    """
    names: tuple[str, ...] = getattr(getattr(function, "__code__", None), "co_names", ())
    return getattr(command, names[0], None) if len(names) == 1 else None


_PLAIN = {command._store: lambda: store_place(version=False), command._seal_key: public_key}
