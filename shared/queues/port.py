"""The port of all queues. They confirm a message, or raise an error that says whether it may have arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from shared.runtime.cloud_access import RoleKeys

MAX_BODY = 49_152
"""The most bytes of a body. SMQ has the smallest limit of all queues: 64 KiB, less what base64 adds."""


@dataclass(frozen=True)
class QueueMessage:
    """One message to send."""

    id: str
    """The same for every repeat. Consumers dedupe on it, and so do queues that can."""
    type: str
    key: str
    """`service/resource`. If the queue keeps an order, messages with one key keep theirs."""
    body: str = field(repr=False)
    """The CloudEvent as JSON text."""


@dataclass(frozen=True, repr=False)
class QueueAccess:
    """How to reach a cloud's own queue. The queue uses this when it sends, not when it is opened."""

    keys: Callable[[str], RoleKeys]
    """Gives the role keys of a cloud, by the cloud's name. Raises: Refused."""
    endpoint: Callable[[str], str | None]
    """Gives the URL for every call of a cloud. None: the cloud's own hosts."""
    site: str = "domestic"
    """The queue's site of Tencent Cloud: `domestic` or `intl`."""
    ca_file: str | None = None
    """The CAs to trust for an endpoint, instead of the built-in ones; see `shared.runtime.tls`."""


@dataclass(frozen=True)
class Rest:
    """When a connection was last used. After a long pause it may be dead without a sign, so it is not used again."""

    since: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.time()))

    def longer_than(self, seconds: float) -> bool:
        """Whether the pause was longer, by either clock. The monotonic clock stops if a platform stops the machine."""
        monotonic, wall = self.since
        return time.monotonic() - monotonic > seconds or abs(time.time() - wall) > seconds


@dataclass(frozen=True)
class WaitingMessage:
    """A message that waits or is leased. Times are Unix seconds."""

    message: QueueMessage
    stored_at: float
    visible_at: float
    leased_until: float
    """0 if it is not leased."""
    receives: int


@dataclass(frozen=True)
class LeasedMessage:
    """A message that one consumer holds until `until` (Unix seconds). After that the queue delivers it again."""

    message: QueueMessage
    lease: str
    until: float
    receives: int
    """How often it was received, from 1."""


class QueueError(Exception):
    """Publishing failed. `maybe`: the message may have arrived all the same."""

    maybe = False

    def __init__(self, reason: str, *, maybe: bool | None = None) -> None:
        super().__init__(reason)
        if maybe is not None:
            self.maybe = maybe


class QueueUnavailable(QueueError):
    """The queue cannot be reached now. It may work later."""


class QueueTimeout(QueueError):
    """No confirmation came in time: the message may have arrived. Send the same id again."""

    maybe = True


class QueueRejected(QueueError):
    """The queue refused the message: unroutable, forbidden, or full."""


class QueueCertificateRefused(QueueRejected):
    """The queue's server has a certificate that is not trusted. Nothing was sent, and waiting does not help."""


class MessageTooLarge(QueueError):
    """The body has more than 48 KB. Nothing was sent."""


class Queue(Protocol):
    """Sends messages."""

    @property
    def max_delay_s(self) -> float:
        """The longest delay that the queue itself can keep, in seconds; 0: none."""

    def send(self, message: QueueMessage, *, timeout_s: float, delay_s: float = 0.0) -> None:
        """Publish a message. Returns when the queue has confirmed that it keeps the message.

        Raises: only QueueError: MessageTooLarge, QueueUnavailable, QueueTimeout or QueueRejected; QueueError itself if
        the confirmation is for another message.
        """

    def close(self) -> None:
        """Close files and connections. A repeat does no harm."""


@runtime_checkable
class Inbox(Protocol):
    """Delivers messages to a worker: at least once, the oldest first."""

    def receive(self, max_messages: int, lease_s: float, *, ignore_delay: bool = False) -> list[LeasedMessage]:
        """Take at most `max_messages` that are due; it does not wait for one. Raises: QueueUnavailable."""

    def ack(self, leased: LeasedMessage) -> bool:
        """Remove a message for good. False: another consumer has it now. Raises: QueueUnavailable."""

    def release(self, leased: LeasedMessage, delay_s: float = 0.0) -> bool:
        """Give a message back, due after `delay_s`. False: the lease was lost. Raises: QueueUnavailable."""

    def peek(self) -> Sequence[WaitingMessage]:
        """All unacknowledged messages, the oldest first; leased and delayed ones, too. Raises: QueueUnavailable."""

    def close(self) -> None:
        """Close files and connections. A repeat does no harm."""


def check_size(message: QueueMessage) -> None:
    """Check a body's size. Raises: MessageTooLarge; QueueRejected if the body is not Unicode text."""
    try:
        size = len(message.body.encode())
    except UnicodeEncodeError:
        size = -1
    if size < 0:
        raise QueueRejected("body is not Unicode text")
    if size > MAX_BODY:
        raise MessageTooLarge(f"body has {size} bytes, more than {MAX_BODY}")


def read_back(id_: str, body: str) -> QueueMessage:
    """Rebuild a message from its id and body, for queues that keep only these. Unknown fields are empty."""
    import json

    try:
        event = json.loads(body)
    except ValueError:
        event = None
    event = event if isinstance(event, dict) else {}
    key = "/".join(str(event.get("subject") or "").split("/")[:2])
    return QueueMessage(id_, str(event.get("type") or ""), key, body)
