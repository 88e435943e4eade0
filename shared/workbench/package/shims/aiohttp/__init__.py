"""In a packaged function's place of aiohttp 3 and the nine packages that it needs.

Alibaba's client (darabonba, Tea) imports aiohttp by name and uses it in its coroutines alone; keyturn calls none of
those. What that import and the client's annotations name is here; using it, or asking for anything else, raises.
"""

from __future__ import annotations

from typing import Any, NoReturn

_WHY = "aiohttp is not in this package: the coroutine half of Alibaba's client needs it, and keyturn calls the other"


class ClientResponse:
    """Named by the client's annotations. Raises: RuntimeError."""

    def __init__(self, *given: Any, **named: Any) -> None:
        raise RuntimeError(_WHY)


class ClientSession:
    """Named by the client's annotations. Raises: RuntimeError."""

    def __init__(self, *given: Any, **named: Any) -> None:
        raise RuntimeError(_WHY)


def __getattr__(name: str) -> NoReturn:
    if name.startswith("__"):  # what Python itself looks for in any module
        raise AttributeError(name)
    raise RuntimeError(f"{_WHY} (aiohttp.{name})")
