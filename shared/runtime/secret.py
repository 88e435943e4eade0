"""The one type for secrets.

Only `reveal()` gives the value. Code calls it where it builds a request body and nowhere else. A new Secret also
registers its value with `shared.runtime.redaction`, which keeps it out of every log record of the process.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import NoReturn

from shared.runtime import redaction


class Secret:
    """A password. It has no text, no length, no state and no serialised form. Two compare in constant time.

    `lasting`: keyturn keeps it beyond the invocation, so it must stay out of the logs of later invocations, too.
    """

    # A function, not the value: code that lists an object's attributes finds nothing to print.
    __slots__ = ("_held",)

    def __init__(self, value: str, *, lasting: bool = False) -> None:
        self._held: Callable[[], str] = lambda: value
        redaction.remember(value, lasting=lasting)

    def reveal(self) -> str:
        """The value, for the body of the request that needs it."""
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

    def __getstate__(self) -> NoReturn:  # Python 3.11's own would list the values of the slots
        self.__reduce__()
