"""Replaces websocket-client in packaged functions. Only calls that stay open use it, and keyturn makes none."""

from __future__ import annotations

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    if name.startswith("__"):  # Python itself looks for such names in every module
        raise AttributeError(name)
    raise RuntimeError(f"websocket-client is not in this package: no call stays open (websocket.{name})")
