"""In a packaged function's place of websocket-client, for calls that stay open; keyturn makes none."""

from __future__ import annotations

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    if name.startswith("__"):  # what Python itself looks for in any module
        raise AttributeError(name)
    raise RuntimeError(f"websocket-client is not in this package: no call stays open (websocket.{name})")
