"""What fetches an ECS instance's keys anew once a minute, in a thread: a function is given its keys instead."""

from __future__ import annotations

from typing import Any


class BackgroundScheduler:
    """Raises: RuntimeError."""

    def __init__(self, *given: Any, **named: Any) -> None:
        raise RuntimeError("APScheduler is not in this package: a function's keys are given, never fetched")
