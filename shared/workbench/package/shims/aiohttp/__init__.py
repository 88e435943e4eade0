"""Replaces aiohttp 3, and the nine packages that it needs, in packaged functions.

Alibaba's client (darabonba, Tea) imports aiohttp by name, but uses it only in its coroutines. keyturn never calls
those. This module defines the names of that import and of the client's annotations. Any use of them, or of another
name, raises.
"""

from __future__ import annotations

from typing import Any, NoReturn

_WHY = "aiohttp is not in this package: only the coroutines of Alibaba's client need it, and keyturn does not call them"


class ClientResponse:
    """Defined for the client's annotations. Raises: RuntimeError."""

    def __init__(self, *given: Any, **named: Any) -> None:
        raise RuntimeError(_WHY)


class ClientSession:
    """Defined for the client's annotations. Raises: RuntimeError."""

    def __init__(self, *given: Any, **named: Any) -> None:
        raise RuntimeError(_WHY)


def __getattr__(name: str) -> NoReturn:
    if name.startswith("__"):  # Python itself looks for such names in every module
        raise AttributeError(name)
    raise RuntimeError(f"{_WHY} (aiohttp.{name})")
