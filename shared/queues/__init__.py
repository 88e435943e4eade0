"""Queues by URL: one file a kind, imported only when a URL names it.

Built: `sqlite:///path` (a file; several processes) and `memory://name` (this process). `{function}` in a URL
stands for the receiving function, `_` as `-`.
"""

import re
from typing import TYPE_CHECKING

from shared.queues.contract import (
    MAX_BODY,
    Inbox,
    Leased,
    MessageTooLarge,
    Outgoing,
    Queue,
    QueueError,
    QueueRejected,
    QueueTimeout,
    QueueUnavailable,
    Stored,
)

if TYPE_CHECKING:
    from shared.queues.memory import MemoryQueue
    from shared.queues.sqlite import SqliteQueue

__all__ = [
    "MAX_BODY",
    "Inbox",
    "Leased",
    "MessageTooLarge",
    "Outgoing",
    "Queue",
    "QueueError",
    "QueueRejected",
    "QueueTimeout",
    "QueueUnavailable",
    "Stored",
    "check_url",
    "open_inbox",
    "open_queue",
]

_LATER = ("ckafka", "smq", "amqp", "amqps")
_FUNCTION = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_NAME = re.compile(r"[A-Za-z0-9._-]*")


def open_queue(url: str, *, function: str | None = None, on_platform: bool = False) -> Queue:
    """The queue that `url` names, to send to. Nothing is opened before the first use.

    Raises: ValueError, naming the rule, never the URL.
    """
    return _open(url, function, on_platform)


def open_inbox(url: str, *, function: str | None = None) -> Inbox:
    """The same queue, to take messages from. Raises: ValueError, as `open_queue`."""
    return _open(url, function, False)


def check_url(url: str, *, on_platform: bool = False) -> None:
    """Raises: ValueError if `url` names no queue that can be opened; it names the rule, never the URL."""
    _parts(url, on_platform)


def _open(url: str, function: str | None, on_platform: bool) -> "MemoryQueue | SqliteQueue":
    if function is not None and not _FUNCTION.fullmatch(function):
        raise ValueError("function name is not letters, digits and _")
    if "{function}" in url:
        if function is None:
            raise ValueError("queue URL holds {function}, and no function is named")
        url = url.replace("{function}", function.replace("_", "-"))
    scheme, rest = _parts(url, on_platform)
    if scheme == "memory":
        from shared.queues.memory import MemoryQueue

        return MemoryQueue(rest)
    from shared.queues.sqlite import SqliteQueue

    return SqliteQueue("/" + rest.lstrip("/"))


def _parts(url: str, on_platform: bool) -> tuple[str, str]:
    """Scheme, and what follows `://`."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if separator and scheme in _LATER:
        raise ValueError(f"queue URL: {scheme} is not built yet; known are sqlite and memory")
    if not separator or scheme not in ("sqlite", "memory"):
        raise ValueError(f"queue URL has no known scheme; known are sqlite, memory; not built yet: {', '.join(_LATER)}")
    if scheme == "memory":
        if on_platform:
            raise ValueError("queue URL: memory is for tests, not for a platform")
        if not _NAME.fullmatch(rest.replace("{function}", "")):
            raise ValueError("queue URL: the name in memory:// takes letters, digits and ._- only")
    elif not rest.startswith("/") or rest.endswith("/") or not rest.strip("/") or "\0" in rest:
        raise ValueError("queue URL: sqlite:// takes the absolute path of a file, as in sqlite:///path/to/file")
    return scheme, rest
