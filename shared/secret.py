"""The one type for secrets.

A secret leaves this type only through `reveal()`, which is called where a request body is built and nowhere else.
Creating one also makes it known to `shared.hygiene`, which keeps it out of every log record of the process.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, NoReturn

from pydantic_core import PydanticCustomError, core_schema

from shared import hygiene

_NOT_BUILT = {
    "SecretRef": "secrets by reference are not built yet; give the secret as a string",
    "Generate": "generated secrets are not built yet; give the secret as a string",
}


class Secret:
    """A password. It has no text, no length and no serialised form; two compare in constant time."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        hygiene.learn(value)

    def reveal(self) -> str:
        """The value itself, for the body of the one request that needs it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never serialised")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls._read, serialization=core_schema.plain_serializer_function_ser_schema(lambda _: "***")
        )

    @classmethod
    def _read(cls, value: object) -> Secret:
        if isinstance(value, Secret):
            return value
        if isinstance(value, dict):
            for form, why in _NOT_BUILT.items():
                if form in value:
                    raise PydanticCustomError("not_built", f"{form}: {why}")
        if not isinstance(value, str):
            raise PydanticCustomError("secret_type", "must be a string")
        if not value:
            raise PydanticCustomError("secret_empty", "must not be empty")
        if len(value) > 1024:
            raise PydanticCustomError("secret_long", "must have at most 1024 characters")
        return cls(value)
