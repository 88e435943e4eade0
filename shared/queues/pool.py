"""Open queues that rest between two invocations, with their connections but without anybody's keys.

A queue is lent to one invocation at a time, and only to one whose settings name it as before: another URL or another
endpoint is another queue. What the adapters promise holds for a queue that has rested too: one that was frozen together
with its process finds out that its connection is gone, and opens another.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.queues.port import Queue, QueueAccess
from shared.runtime.cloud_access import RoleKeys
from shared.runtime.errors import ErrorClass, Refused

if TYPE_CHECKING:
    from typing import Protocol

    class Opener(Protocol):
        """Opens the queue that a URL names. Raises: ValueError, naming the rule."""

        def __call__(self, url: str, *, function: str | None, on_platform: bool, access: QueueAccess) -> Queue: ...


_MOST = 8  # resting at a time; one that is over is the one that has rested longest
_CLOUDS = ("tencent", "alibaba")


@dataclass(frozen=True, repr=False)
class QueueKey:
    """What an open queue hangs on. It may hold the password of a URL, so it has no repr."""

    url: str
    function: str | None
    on_platform: bool
    endpoints: tuple[str | None, ...]
    site: str = "domestic"

    @classmethod
    def of(cls, url: str, function: str | None, on_platform: bool, access: QueueAccess) -> QueueKey:
        return cls(url, function, on_platform, endpoints(access.endpoint, access.ca_file), access.site)


def endpoints(endpoint: Callable[[str], str | None], ca_file: str | None) -> tuple[str | None, ...]:
    """Where the calls of each cloud go, and whose certificates are trusted there."""
    return (*(endpoint(cloud) for cloud in _CLOUDS), ca_file)


@dataclass(repr=False)
class _Borrower:
    """Who holds the queue now. Nobody: then there are no keys to be had through it."""

    access: QueueAccess | None = None

    def keys(self, cloud: str) -> RoleKeys:
        if self.access is None:
            raise Refused(ErrorClass.FAILED, "the queue is lent to nobody, so it has no keys", code="NotLent")
        return self.access.keys(cloud)

    def endpoint(self, cloud: str) -> str | None:
        return self.access.endpoint(cloud) if self.access else None


@dataclass(eq=False)
class PooledQueue:
    """A queue in the hands of one invocation; its threads may share it."""

    queue: Queue
    name: QueueKey = field(repr=False)
    borrower: _Borrower = field(repr=False)
    failed: bool = False
    """Set by whoever saw it fail: it is closed then, not kept."""


_resting: list[PooledQueue] = []  # the longest first
_lock = threading.Lock()


def acquire(name: QueueKey, access: QueueAccess, open_queue: Opener) -> PooledQueue:
    """A queue that rests under this name, or a new one; it asks `access` for keys until it is given back.

    Raises: ValueError, as its `Opener`.
    """
    with _lock:
        found = next((one for one in _resting if one.name == name), None)
        if found is not None:
            _resting.remove(found)
    if found is None:
        borrower = _Borrower()
        asked = QueueAccess(borrower.keys, borrower.endpoint, access.site, access.ca_file)
        queue = open_queue(name.url, function=name.function, on_platform=name.on_platform, access=asked)
        found = PooledQueue(queue, name, borrower)
    found.borrower.access = access
    return found


def release(lent: list[PooledQueue], fits: Callable[[QueueKey], bool]) -> list[Exception]:
    """Let queues rest; closed are those that failed, those that are too many, and those that do not fit any more.

    Never raises: what could not be closed is told in the answer.
    """
    over = [one for one in lent if one.failed]
    with _lock:
        for one in lent:
            one.borrower.access = None
            if not one.failed:
                _resting.append(one)
        over += [one for one in _resting if not fits(one.name)]
        over += [one for one in _resting if one not in over][:-_MOST]
        _resting[:] = [one for one in _resting if one not in over]
    return [error for one in over if (error := _closed(one.queue)) is not None]


def close_all() -> None:
    """Close every queue that rests."""
    with _lock:
        over, _resting[:] = list(_resting), []
    for one in over:
        _closed(one.queue)


def _closed(queue: Queue) -> Exception | None:
    try:
        queue.close()
    # Whatever a queue's client raises, a connection that cannot be closed must not undo what the change has done.
    except Exception as error:
        return error
    return None


# A process that ends in peace leaves no half-open connection, and a queue's file without a log beside it.
atexit.register(close_all)
