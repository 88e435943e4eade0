"""How a command gives a secret: as text, by reference to a store, or, a new one, as a wish to have it made."""

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
    """A new secret of so many characters, made from the operating system's randomness when the change begins."""

    length: int = 24


@dataclass(frozen=True)
class _Form:
    """How a secret may be given: as a string, by reference, or, a new one, to be made."""

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
    """The place in a store that a text names. Raises: PydanticCustomError naming the rule, never the text."""
    try:
        return parse_ref(value if isinstance(value, str) else "")
    except ValueError as error:
        rule = str(error)
    raise PydanticCustomError("secret_ref", "{rule}", {"rule": field + rule})


def _generate(value: object) -> Generate:
    if not isinstance(value, dict) or not value.keys() <= {"Length"}:
        raise PydanticCustomError("generate", "Generate: must be an object that holds Length or nothing")
    length = value.get("Length", Generate.length)
    if not isinstance(length, int) or isinstance(length, bool):
        raise PydanticCustomError("generate", "Generate: Length must be a whole number of characters")
    return Generate(length)


def resolved(value: Secret | StoreRef | Generate) -> Secret:
    """A secret that has been fetched or made by now. Raises: TypeError otherwise, a defect of ours."""
    if isinstance(value, Secret):
        return value
    raise TypeError("a secret is used before it was fetched or made")
