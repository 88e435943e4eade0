"""SMQ's queues with their attributes and tags: those that match the world's patterns, and those that were created
since.

Source: https://www.alibabacloud.com/help/en/doc-detail/35129.htm (CreateQueue: attributes, their ranges and defaults).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import ApiError

RANGES = {
    "VisibilityTimeout": (1, 43_200),
    "MaximumMessageSize": (1024, 65_536),
    "MessageRetentionPeriod": (60, 604_800),
    "DelaySeconds": (0, 604_800),
    "PollingWaitSeconds": (0, 30),
}
DEFAULTS = {
    "VisibilityTimeout": 30,
    "MaximumMessageSize": 65_536,
    "MessageRetentionPeriod": 345_600,
    "DelaySeconds": 0,
    "PollingWaitSeconds": 0,
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,119}")


@dataclass
class QueueSettings:
    """A queue without its messages. Times are in Unix seconds; `attributes` have the API's names."""

    name: str
    attributes: dict[str, int]
    created_at: float
    modified_at: float
    logs: bool = False
    tags: dict[str, str] = field(default_factory=dict)


class SmqQueues:
    """The queues of each account."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._clock = clock
        self.reset(world)

    def reset(self, world: World) -> None:
        """Set the queues of the world file."""
        self.world = world
        self._made: dict[tuple[str, str], QueueSettings] = {}
        self._deleted: set[tuple[str, str]] = set()
        for account, table in world.smq.items():
            for name in table.queues:
                if _NAME.fullmatch(name):
                    self.find(account, name)

    def find(self, account: str, name: str) -> QueueSettings | None:
        """A queue, or None if it does not exist. A queue of a pattern gets its settings when it is first used."""
        key, table = (account, name), self.world.smq[account]
        if key not in self._made and key not in self._deleted:
            if not any(fnmatchcase(name, pattern) for pattern in table.queues):
                return None
            attributes = {**DEFAULTS, "VisibilityTimeout": int(table.visibility_s)}
            now = self._clock.now()
            self._made[key] = QueueSettings(name, attributes, now, now)
        return self._made.get(key)

    def existing(self, account: str, name: str) -> QueueSettings:
        """The queue. Raises: ApiError: it does not exist."""
        # claims: Q10
        found = self.find(account, name)
        if found is None:
            raise ApiError("QueueNotExist", "The queue does not exist.", 404)
        return found

    def create(
        self, account: str, name: str, attributes: Mapping[str, int], logs: bool, tags: Mapping[str, str]
    ) -> bool:
        """Create a queue; returns whether it is new.

        Raises: ApiError: it breaks a rule, or exists with other attributes.
        """
        # claims: Q10
        if not _NAME.fullmatch(name):
            raise ApiError("InvalidQueueName", "The name of the queue breaks the rules.")
        whole, found = {**DEFAULTS, **_checked(attributes)}, self.find(account, name)
        if found is not None:
            if (found.attributes, found.logs) != (whole, logs):
                raise ApiError("QueueAlreadyExist", "A queue of this name has other attributes.", 409)
            return False
        now = self._clock.now()
        self._made[account, name] = QueueSettings(name, whole, now, now, logs, dict(tags))
        return True

    def change(self, account: str, name: str, attributes: Mapping[str, int], logs: bool | None) -> None:
        """Change the attributes of a queue. Raises: ApiError."""
        queue, checked = self.existing(account, name), _checked(attributes)
        queue.attributes |= checked
        queue.logs = queue.logs if logs is None else logs
        queue.modified_at = self._clock.now()

    def delete(self, account: str, name: str) -> None:
        """Delete a queue. It is no error if the queue does not exist."""
        self._made.pop((account, name), None)
        self._deleted.add((account, name))

    def list(self, account: str, prefix: str) -> list[QueueSettings]:
        """The queues whose names have this prefix, by name.

        Queues of a pattern are listed only after they were used.
        """
        found = [one for (owner, name), one in self._made.items() if owner == account and name.startswith(prefix)]
        return sorted(found, key=lambda one: one.name)


def _checked(attributes: Mapping[str, int]) -> dict[str, int]:
    # claims: Q10
    for name, value in attributes.items():
        least, most = RANGES[name]
        if not least <= value <= most:
            raise ApiError("InvalidArgument", f"{name} is {least} to {most}.")
    return dict(attributes)
