"""The history of what was really applied, and when. Judges need it to know which password was in force at a moment."""

from __future__ import annotations

import secrets
import time
from hashlib import sha256
from typing import Any, Literal

from tests.cloud.state.world_clock import Clock, to_rfc3339

By = Literal["world", "call", "outside"]


class History:
    """Every password and every stored value that took effect, the oldest first.

    It holds salted digests, never values.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Delete everything, and choose another salt."""
        self.salt = secrets.token_hex(16)
        self._applied: list[dict[str, Any]] = []

    def add(
        self,
        service: str,
        resource: str,
        account: str,
        value: str | None,
        *,
        by: By = "call",
        current: str | None = None,
    ) -> None:
        """Add a value that took effect now.

        `value` None: it was deleted. `current`: the store's current version afterwards.
        """
        digest = "" if value is None else sha256((self.salt + value).encode()).hexdigest()
        entry = {
            "At": to_rfc3339(self._clock.now()),
            "Real": time.time(),
            "Service": service,
            "Resource": resource,
            "Account": account,
            "Digest": digest,
            "By": by,
        }
        self._applied.append(entry if current is None else {**entry, "Current": current})

    def as_json(self) -> dict[str, Any]:
        """What `GET /_standin/history` answers."""
        return {"Salt": self.salt, "History": self._applied}
