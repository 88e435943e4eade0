"""The messages of the stand-in's queues.

Each queue or topic is a file of the embedded queue, deleted with the stand-in.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shared.queues.port import LeasedMessage, QueueMessage
from shared.queues.sqlite import SqliteQueue
from tests.cloud.state.world_clock import Clock

_TIMEOUT_S = 5.0


class MessageBroker:
    """Queues by name. Like both clouds, the broker never removes duplicates: each message gets its own id."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._folder = Path(tempfile.mkdtemp(prefix="standin-queues-"))
        self._queues: dict[str, SqliteQueue] = {}

    def queue(self, name: str) -> SqliteQueue:
        """The queue of that name, which may contain `/`. It is created at its first message."""
        if name not in self._queues:
            path = self._folder / f"{name.replace('/', '+')}.db"
            self._queues[name] = SqliteQueue(str(path), now=self._clock.now)
        return self._queues[name]

    def add(self, name: str, body: str, *, key: str = "", delay_s: float = 0.0) -> str:
        """Add a message; returns its new id."""
        id_ = uuid.uuid4().hex.upper()
        self.queue(name).send(QueueMessage(id_, "", key, body), timeout_s=_TIMEOUT_S, delay_s=delay_s)
        return id_

    def remove(self, name: str) -> None:
        """Delete a queue and its messages."""
        queue = self._queues.pop(name, None)
        if queue is not None:
            queue.close()
        for file in self._folder.glob(f"{name.replace('/', '+')}.db*"):
            file.unlink()

    def clear(self) -> None:
        """Delete every message."""
        for queue in self._queues.values():
            queue.close()
        self._queues.clear()
        for file in self._folder.iterdir():
            file.unlink()

    def close(self) -> None:
        """Delete every message and the folder. A second call does nothing."""
        for queue in self._queues.values():
            queue.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def handle_control(self, order: Mapping[str, Any]) -> Any:
        """Answer a consumer without a wire protocol: `{"Queue", "Do"}`, where `Do` is a method of Inbox, and its
        arguments.

        `hurry` makes all delayed messages due. Raises: ValueError.
        """
        queue, do = self.queue(str(order.get("Queue"))), order.get("Do")
        if do == "peek":
            return [asdict(stored) for stored in queue.peek()]
        if do == "receive":
            return [asdict(one) for one in queue.receive(int(order["Most"]), float(order["LeaseS"]))]
        if do == "hurry":
            late = queue.receive(10_000, 60.0, ignore_delay=True)
            return sum(queue.release(one) for one in late)
        if do in ("ack", "release"):
            leased = LeasedMessage(QueueMessage(str(order["Id"]), "", "", ""), str(order["Lease"]), 0.0, 0)
            return queue.ack(leased) if do == "ack" else queue.release(leased, float(order.get("DelayS", 0.0)))
        raise ValueError("Do: one of peek, receive, ack, release, hurry")
