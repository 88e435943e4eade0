"""What every queue promises: a message sent is confirmed, or an error says whether it may have arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from shared.runtime.cloud_access import RoleKeys

MAX_BODY = 49_152
"""Bytes of one body: the smallest limit of the queues, SMQ's 64 KiB, less what base64 adds."""


@dataclass(frozen=True)
class QueueMessage:
    """One message to send."""

    id: str
    """Stable over repeats: consumers, and queues that can, dedupe on it."""
    type: str
    key: str
    """`service/resource`: messages of one key keep their order where the queue has one."""
    body: str = field(repr=False)
    """The CloudEvent, JSON text."""


@dataclass(frozen=True, repr=False)
class QueueAccess:
    """How a cloud's own queue is reached. Asked when a message goes out, not when a queue is opened."""

    keys: Callable[[str], RoleKeys]
    """The role keys of a cloud, by its name. Raises: Refused."""
    endpoint: Callable[[str], str | None]
    """Where every call of that cloud goes, if not to its own host."""
    site: str = "domestic"
    """Tencent's site that the queue is on: `domestic` or `intl`."""
    ca_file: str | None = None
    """What is trusted at an endpoint instead of the built-in set; see `shared.runtime.tls`."""


@dataclass(frozen=True)
class Rest:
    """When a connection was used last. One that rested long may be dead without a sign, and is not trusted."""

    since: tuple[float, float] = field(default_factory=lambda: (time.monotonic(), time.time()))

    def longer_than(self, seconds: float) -> bool:
        """By either clock: the monotonic one stands still where a platform stops the whole machine."""
        monotonic, wall = self.since
        return time.monotonic() - monotonic > seconds or abs(time.time() - wall) > seconds


@dataclass(frozen=True)
class WaitingMessage:
    """A message that waits, or is leased; times are Unix seconds."""

    message: QueueMessage
    stored_at: float
    visible_at: float
    leased_until: float
    """0 if nobody holds it."""
    receives: int


@dataclass(frozen=True)
class LeasedMessage:
    """A message that one consumer holds until `until`, Unix seconds; then it is given out again."""

    message: QueueMessage
    lease: str
    until: float
    receives: int
    """From 1."""


class QueueError(Exception):
    """Publishing failed; `maybe` says whether the message may have arrived all the same."""

    maybe = False

    def __init__(self, reason: str, *, maybe: bool | None = None) -> None:
        super().__init__(reason)
        if maybe is not None:
            self.maybe = maybe


class QueueUnavailable(QueueError):
    """The queue cannot be reached now; later it may."""


class QueueTimeout(QueueError):
    """No confirmation in time: it may have arrived. Send the same id again."""

    maybe = True


class QueueRejected(QueueError):
    """The queue refused the message: unroutable, forbidden, or full."""


class QueueCertificateRefused(QueueRejected):
    """The queue's server shows a certificate that is not trusted: nothing was sent, and it will not pass by itself."""


class MessageTooLarge(QueueError):
    """The body is over 48 KB; no queue was asked."""


class Queue(Protocol):
    """Where messages go out."""

    @property
    def max_delay_s(self) -> float:
        """The longest delay that the queue itself keeps; 0 = none."""

    def send(self, message: QueueMessage, *, timeout_s: float, delay_s: float = 0.0) -> None:
        """Publish, and return when the queue has confirmed that it keeps the message.

        Raises: QueueError and nothing else: MessageTooLarge, QueueUnavailable, QueueTimeout or QueueRejected; the
        bare one where the confirmation is of another message.
        """

    def close(self) -> None:
        """Let go of files and connections; harmless when repeated."""


@runtime_checkable
class Inbox(Protocol):
    """Where a worker takes messages from: at least once, oldest first."""

    def receive(self, max_messages: int, lease_s: float, *, ignore_delay: bool = False) -> list[LeasedMessage]:
        """At most `max_messages` that are due, or an empty list at once. Raises: QueueUnavailable."""

    def ack(self, leased: LeasedMessage) -> bool:
        """Done with it, for good; False if another consumer has it by now. Raises: QueueUnavailable."""

    def release(self, leased: LeasedMessage, delay_s: float = 0.0) -> bool:
        """Give it back, due after `delay_s`; False if the lease was lost. Raises: QueueUnavailable."""

    def peek(self) -> Sequence[WaitingMessage]:
        """All not acknowledged, oldest first, leased and delayed ones too. Raises: QueueUnavailable."""

    def close(self) -> None:
        """Let go of files and connections; harmless when repeated."""


def check_size(message: QueueMessage) -> None:
    """Raises: MessageTooLarge; QueueRejected if the body is not Unicode text."""
    try:
        size = len(message.body.encode())
    except UnicodeEncodeError:
        size = -1
    if size < 0:
        raise QueueRejected("body is not Unicode text")
    if size > MAX_BODY:
        raise MessageTooLarge(f"body has {size} bytes, more than {MAX_BODY}")


def read_back(id_: str, body: str) -> QueueMessage:
    """A message as it was sent, from a queue that keeps only an id and the body; what no event says is empty."""
    import json

    try:
        event = json.loads(body)
    except ValueError:
        event = None
    event = event if isinstance(event, dict) else {}
    key = "/".join(str(event.get("subject") or "").split("/")[:2])
    return QueueMessage(id_, str(event.get("type") or ""), key, body)
