"""The forms of a secret in a command: a text or a reference to a store; for a new secret also `Generate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic_core import PydanticCustomError, core_schema

from shared.commands.store_reference import StoreRef, parse_ref
from shared.runtime.secret import Secret

_LONGEST = 1024


@dataclass(frozen=True)
class Generate:
    """Asks keyturn to generate the new secret, of `length` characters, from the operating system's randomness."""

    length: int = 24


@dataclass(frozen=True)
class _Form:
    """The allowed forms of one field. `new`: a new secret, for which `Generate` is allowed, too."""

    new: bool

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._read, serialization=core_schema.plain_serializer_function_ser_schema(lambda _: "***")
        )

    def _read(self, value: object) -> Secret | StoreRef | Generate:
        if isinstance(value, Secret | StoreRef) or (self.new and isinstance(value, Generate)):
            return value
        if isinstance(value, dict):
            if value.keys() == {"SecretRef"}:
                return read_ref(value["SecretRef"], "SecretRef: ")
            if self.new and value.keys() == {"Generate"}:
                return _generate(value["Generate"])
        if not isinstance(value, str):
            forms = (
                'a string, {"SecretRef": ...} or {"Generate": {...}}' if self.new else 'a string or {"SecretRef": ...}'
            )
            raise PydanticCustomError("secret_type", "{rule}", {"rule": f"must be {forms}"})
        if not value:
            raise PydanticCustomError("secret_empty", "must not be empty")
        if len(value) > _LONGEST:
            raise PydanticCustomError("secret_long", f"must have at most {_LONGEST} characters")
        return Secret(value)


OldSecret = Annotated[Secret | StoreRef, _Form(new=False)]


NewSecret = Annotated[Secret | StoreRef | Generate, _Form(new=True)]


def read_ref(value: object, field: str = "") -> StoreRef:
    """Read a text such as `ssm://name`. Raises: PydanticCustomError naming the rule, never the text."""
    try:
        return parse_ref(value if isinstance(value, str) else "")
    except ValueError as error:
        rule = str(error)
    raise PydanticCustomError("secret_ref", "{rule}", {"rule": field + rule})


def _generate(value: object) -> Generate:
    if not isinstance(value, dict) or not value.keys() <= {"Length"}:
        raise PydanticCustomError("generate", "Generate: must be an object with Length, or an empty one")
    length = value.get("Length", Generate.length)
    if not isinstance(length, int) or isinstance(length, bool):
        raise PydanticCustomError("generate", "Generate: Length must be a whole number of characters")
    return Generate(length)


def resolved(value: Secret | StoreRef | Generate) -> Secret:
    """The secret itself. Raises: TypeError if it was not read or generated yet, which is a defect of keyturn."""
    if isinstance(value, Secret):
        return value
    raise TypeError("a secret is used before it was read or generated")
