"""The only name that Alibaba's client imports from this module."""

from __future__ import annotations

from typing import Any


class ABNF:
    """Raises: RuntimeError."""

    OPCODE_BINARY = 2  # RFC 6455, section 5.2

    def __init__(self, *given: Any, **named: Any) -> None:
        raise RuntimeError("websocket-client is not in this package: no call stays open")
