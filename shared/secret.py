"""The one type for secrets.

A secret leaves this type only through `reveal()`, which is called where a request body is built and nowhere else.
Creating one also makes it known to `shared.hygiene`, which keeps it out of every log record of the process.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn

from pydantic_core import PydanticCustomError, core_schema

from shared import hygiene
from shared.store import StoreRef, parse_ref

_LONGEST = 1024


class Secret:
    """A password. It has no text, no length, no state and no serialised form; two compare in constant time.

    `lasting`: it is kept beyond the invocation, so it stays out of later ones' logs too.
    """

    # A function, not the value: whatever lists an object's attributes finds nothing to print.
    __slots__ = ("_held",)

    def __init__(self, value: str, *, lasting: bool = False) -> None:
        self._held: Callable[[], str] = lambda: value
        hygiene.learn(value, lasting=lasting)

    def reveal(self) -> str:
        """The value itself, for the body of the one request that needs it."""
        return self._held()

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (one.reveal().encode("utf-8", "surrogatepass") for one in (self, other))
        return hmac.compare_digest(mine, theirs)

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never serialised")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        self.__reduce__()

    def __getstate__(self) -> NoReturn:  # Python 3.11 gives every object one, which lists what its slots hold
        self.__reduce__()


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


def clear(value: Secret | StoreRef | Generate) -> Secret:
    """A secret that has been fetched or made by now. Raises: TypeError otherwise, a defect of ours."""
    if isinstance(value, Secret):
        return value
    raise TypeError("a secret is used before it was fetched or made")
