"""The one type for secrets, and the rules that new ones must pass.

A secret leaves this type only through `reveal()`, which is called where a request body is built and nowhere else.
Creating one also makes it known to `shared.hygiene`, which keeps it out of every log record of the process.
"""

from __future__ import annotations

import hmac
import string
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class PasswordRule:
    """What a cloud's API page says of a new password. Lengths count characters.

    `classes` of the four kinds (lower case, upper case, digits, `symbols`) must occur; the kinds named in `must`
    always. Where a page names no symbols, every visible ASCII character that is no letter and no digit counts.
    """

    shortest: int
    longest: int
    source: str
    classes: int = 1
    must: tuple[str, ...] = ()
    symbols: str = string.punctuation
    not_first: str = ""

    def violations(self, password: str) -> list[str]:
        """Every rule that the password breaks, in words that never quote it. Empty means that it passes."""
        kinds = {
            "a lower-case letter": string.ascii_lowercase,
            "an upper-case letter": string.ascii_uppercase,
            "a digit": string.digits,
            "a special character": self.symbols,
        }
        found = {kind for kind, letters in kinds.items() if any(c in letters for c in password)}
        allowed = "".join(kinds.values())
        broken = []
        if not self.shortest <= len(password) <= self.longest:
            broken.append(f"must have {self.shortest} to {self.longest} characters")
        if self.not_first and password[:1] in self.not_first:
            broken.append(f"must not start with {self.not_first}")
        if any(c not in allowed for c in password):
            broken.append(f"may hold only ASCII letters, digits and {self.symbols}")
        if len(found) < self.classes:
            broken.append(f"must hold at least {self.classes} of: {', '.join(kinds)}")
        broken += [f"must hold {kind}" for kind in self.must if kind not in found]
        return broken

    def check(self, secret: Secret) -> Secret:
        """Pass a secret on if it keeps the rule.

        Raises: PydanticCustomError naming every broken rule and the page it comes from.
        """
        if broken := self.violations(secret.reveal()):
            # The words hold braces of the symbol lists: keep them out of the template's own syntax.
            raise PydanticCustomError("password_rule", "{rules}", {"rules": f"{'; '.join(broken)} ({self.source})"})
        return secret

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))
