"""A pool of open queues. They keep their connections between two invocations, but no keys.

One invocation at a time uses a queue, and only if its settings name the same queue: another URL or endpoint is another
queue. An idle queue keeps the promises of its adapter. If the platform froze the process, the queue sees that its
connection is gone, and opens another.
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


_MOST = 8  # idle queues at a time; beyond that, the one that was idle for longest is closed
_CLOUDS = ("tencent", "alibaba")


@dataclass(frozen=True, repr=False)
class QueueKey:
    """The settings that an open queue depends on. A URL may hold a password, so this has no repr."""

    url: str
    function: str | None
    on_platform: bool
    endpoints: tuple[str | None, ...]
    site: str = "domestic"

    @classmethod
    def of(cls, url: str, function: str | None, on_platform: bool, access: QueueAccess) -> QueueKey:
        return cls(url, function, on_platform, endpoints(access.endpoint, access.ca_file), access.site)


def endpoints(endpoint: Callable[[str], str | None], ca_file: str | None) -> tuple[str | None, ...]:
    """The endpoint of each cloud, and the CA file for them."""
    return (*(endpoint(cloud) for cloud in _CLOUDS), ca_file)


@dataclass(repr=False)
class _Borrower:
    """The invocation that uses the queue now. An idle queue has none, and so no keys."""

    access: QueueAccess | None = None

    def keys(self, cloud: str) -> RoleKeys:
        if self.access is None:
            raise Refused(ErrorClass.FAILED, "no invocation uses this queue now, so it has no keys", code="NotLent")
        return self.access.keys(cloud)

    def endpoint(self, cloud: str) -> str | None:
        return self.access.endpoint(cloud) if self.access else None


@dataclass(eq=False)
class PooledQueue:
    """A queue that one invocation uses. All its threads may use it."""

    queue: Queue
    name: QueueKey = field(repr=False)
    borrower: _Borrower = field(repr=False)
    failed: bool = False
    """Set this if the queue failed: then it is closed and not kept."""


_resting: list[PooledQueue] = []  # the one that is idle for longest comes first
_lock = threading.Lock()


def acquire(name: QueueKey, access: QueueAccess, open_queue: Opener) -> PooledQueue:
    """An idle queue with this name, or a new one. Until `release` it asks `access` for keys.

    Raises: ValueError, as `open_queue`.
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
    """Put queues back. Closes queues that failed, that are too many, or for which `fits` says no.

    Never raises. Returns: the exceptions of queues that could not be closed.
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
    """Close all idle queues."""
    with _lock:
        over, _resting[:] = list(_resting), []
    for one in over:
        _closed(one.queue)


def _closed(queue: Queue) -> Exception | None:
    try:
        queue.close()
    # No exception of a client may pass: a connection that cannot be closed must not hide what the change did.
    except Exception as error:
        return error
    return None


# When the process ends normally, no connection stays half-open, and a queue's file has no log beside it.
atexit.register(close_all)
