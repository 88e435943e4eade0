"""Queues by URL: one file a kind, imported only when a URL names it.

`sqlite:///path` (a file; several processes), `memory://name` (this process), `ckafka://region/datahub-id` and
`smq://host/queue` (the clouds' own, with role keys), `amqp(s)://user:secret@host:port/vhost?queue=name`. `{function}`
in a URL stands for the receiving function, `_` as `-`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from shared.queues import urls
from shared.queues.contract import (
    MAX_BODY,
    Inbox,
    Leased,
    MessageTooLarge,
    Outgoing,
    Queue,
    QueueAccess,
    QueueError,
    QueueRejected,
    QueueTimeout,
    QueueUnavailable,
    Stored,
)

if TYPE_CHECKING:
    from shared.queues.amqp import AmqpQueue
    from shared.queues.ckafka import CkafkaQueue
    from shared.queues.memory import MemoryQueue
    from shared.queues.smq import SmqQueue
    from shared.queues.sqlite import SqliteQueue

__all__ = [
    "MAX_BODY",
    "Inbox",
    "Leased",
    "MessageTooLarge",
    "Outgoing",
    "Queue",
    "QueueAccess",
    "QueueError",
    "QueueRejected",
    "QueueTimeout",
    "QueueUnavailable",
    "Stored",
    "check_url",
    "open_inbox",
    "open_queue",
]

_FUNCTION = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
# A message taken by one function is gone for the others there, so each function needs a queue of its own.
_ONE_A_FUNCTION = ("smq", "amqp", "amqps")
_KNOWN = ("sqlite", "memory", "ckafka", "smq", "amqp", "amqps")


def open_queue(
    url: str, *, function: str | None = None, on_platform: bool = False, access: QueueAccess | None = None
) -> Queue:
    """The queue that `url` names, to send to. Nothing is opened before the first use.

    `access`: needed for the clouds' own queues; its keys are asked for at every send.

    Raises: ValueError, naming the rule, never the URL.
    """
    return _open(url, function, on_platform, access)


def open_inbox(url: str, *, function: str | None = None, access: QueueAccess | None = None) -> Inbox:
    """The same queue, to take messages from; CKafka's HTTP API has no way to. Raises: ValueError, as `open_queue`."""
    opened = _open(url, function, False, access)
    if not isinstance(opened, Inbox):
        raise ValueError("queue URL: ckafka:// is read by the platform's own trigger alone")
    return opened


def check_url(url: str, *, on_platform: bool = False, use: Literal["results", "commands"] | None = None) -> None:
    """Raises: ValueError if `url` names no queue that can be opened, or none for that use; never with the URL."""
    if use == "results" and "{function}" in url:
        raise ValueError("queue URL: {function} is for commands; all results go to one queue")
    if use == "commands" and "{function}" not in url and _split(url)[0] in _ONE_A_FUNCTION:
        raise ValueError("queue URL: smq and amqp hold one function's commands: put {function} into the queue's name")
    _place(url.replace("{function}", "function"), on_platform)


def _open(
    url: str, function: str | None, on_platform: bool, access: QueueAccess | None
) -> MemoryQueue | SqliteQueue | CkafkaQueue | SmqQueue | AmqpQueue:
    if function is not None and not _FUNCTION.fullmatch(function):
        raise ValueError("function name is not letters, digits and _")
    if "{function}" in url:
        if function is None:
            raise ValueError("queue URL holds {function}, and no function is named")
        url = url.replace("{function}", function.replace("_", "-"))
    place = _place(url, on_platform)
    if isinstance(place, urls.AmqpPlace):
        from shared.queues.amqp import AmqpQueue

        return AmqpQueue(place)
    if isinstance(place, str):
        if _split(url)[0] == "memory":
            from shared.queues.memory import MemoryQueue

            return MemoryQueue(place)
        from shared.queues.sqlite import SqliteQueue

        return SqliteQueue(place)
    if access is None:
        raise ValueError("queue URL: a cloud's own queue takes role keys, and none are given")
    if isinstance(place, urls.CkafkaPlace):
        from shared.queues.ckafka import CkafkaQueue

        return CkafkaQueue(place, access)
    from shared.queues.smq import SmqQueue

    return SmqQueue(place, access)


def _split(url: str) -> tuple[str, str]:
    scheme, separator, rest = url.partition("://")
    return (scheme.lower(), rest) if separator else ("", "")


def _place(url: str, on_platform: bool) -> str | urls.CkafkaPlace | urls.SmqPlace | urls.AmqpPlace:
    scheme, rest = _split(url)
    if scheme == "memory":
        if on_platform:
            raise ValueError("queue URL: memory is for tests, not for a platform")
        return urls.memory_name(rest)
    if scheme == "sqlite":
        return urls.sqlite_path(rest)
    if scheme == "ckafka":
        return urls.ckafka_place(rest)
    if scheme == "smq":
        return urls.smq_place(rest)
    if scheme in ("amqp", "amqps"):
        return urls.amqp_place(scheme, rest)
    raise ValueError(f"queue URL has no known scheme; known are {', '.join(_KNOWN)}")
