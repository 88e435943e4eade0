"""Queues inside this process, for tests and the bench. They keep the promises of the file queue without a file."""

import math
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

from shared.queues.port import LeasedMessage, QueueMessage, QueueUnavailable, WaitingMessage, check_size


@dataclass
class _Entry:
    stored: WaitingMessage
    lease: str = ""


class _Store:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.waiting: dict[str, _Entry] = {}  # by id, in the order of arrival
        self.acknowledged: set[str] = set()


_stores: dict[str, _Store] = {}
_stores_lock = threading.Lock()


class MemoryQueue:
    """Queue and Inbox. All instances with one name share their messages as long as the process lives."""

    max_delay_s = math.inf

    def __init__(self, name: str, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        with _stores_lock:
            self._store = _stores.setdefault(name, _Store())

    def send(self, message: QueueMessage, *, timeout_s: float, delay_s: float = 0.0) -> None:
        """See Queue.send. A message with a known id is confirmed and ignored."""
        check_size(message)
        if timeout_s <= 0:
            raise QueueUnavailable("no time left to send")
        store, now = self._store, self._now()
        with store.lock:
            if message.id not in store.acknowledged and message.id not in store.waiting:
                store.waiting[message.id] = _Entry(WaitingMessage(message, now, now + max(delay_s, 0.0), 0.0, 0))

    def receive(self, max_messages: int, lease_s: float, *, ignore_delay: bool = False) -> list[LeasedMessage]:
        """See Inbox.receive."""
        now = self._now()
        taken: list[LeasedMessage] = []
        with self._store.lock:
            for entry in self._store.waiting.values():
                if len(taken) >= max_messages:
                    break
                stored = entry.stored
                if stored.leased_until > now or (stored.visible_at > now and not ignore_delay):
                    continue
                entry.lease = uuid.uuid4().hex
                entry.stored = replace(stored, leased_until=now + lease_s, receives=stored.receives + 1)
                taken.append(LeasedMessage(stored.message, entry.lease, now + lease_s, stored.receives + 1))
        return taken

    def ack(self, leased: LeasedMessage) -> bool:
        """See Inbox.ack."""
        with self._store.lock:
            if self._held(leased) is None:
                return False
            del self._store.waiting[leased.message.id]
            self._store.acknowledged.add(leased.message.id)
        return True

    def release(self, leased: LeasedMessage, delay_s: float = 0.0) -> bool:
        """See Inbox.release."""
        with self._store.lock:
            entry = self._held(leased)
            if entry is None:
                return False
            entry.lease = ""
            entry.stored = replace(entry.stored, visible_at=self._now() + max(delay_s, 0.0), leased_until=0.0)
        return True

    def peek(self) -> list[WaitingMessage]:
        """See Inbox.peek."""
        with self._store.lock:
            return [entry.stored for entry in self._store.waiting.values()]

    def close(self) -> None:
        """Do nothing: the messages stay."""

    def _held(self, leased: LeasedMessage) -> _Entry | None:
        entry = self._store.waiting.get(leased.message.id)
        return entry if entry is not None and entry.lease == leased.lease else None
