"""A results queue that is looked at again and again; each message is given once, and none is taken away.

What a look costs, and what it cannot show:
- `sqlite://` and `amqp(s)://` show all that waits. On AMQP a look takes each message and puts it back; a quorum queue
  counts a delivery. Where the URL names an exchange, a queue of the reader's own is bound to it, see `amqp`.
- `smq://` shows the 16 oldest messages that are due. The rest is seen by borrowing alone: see `borrowing`.
- `ckafka://` has its own reader, see `ckafka`: it needs no consumer group, and nobody notices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from shared.handlers.adapters import open_inbox
from shared.queues.port import Inbox, QueueAccess, QueueUnavailable
from shared.runtime.cloud_access import RoleKeys
from shared.runtime.queue_urls import AmqpPlace, CkafkaPlace, MemoryPlace, SmqPlace, place_of
from shared.runtime.secret import Secret
from shared.runtime.settings import setting
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.results.borrowing import BorrowedMessages
from shared.workbench.results.ckafka import open_topic
from shared.workbench.results.errors import SourceError, unread

_SMQ_SHOWN = 16
_AMQP_NOTE = (
    "AMQP: each look takes every message and puts it back (a quorum queue counts that as a delivery), and what"
    " consumers took is not seen; with &exchange=<name> in KEYTURN_RESULTS a queue of the reader's own sees all"
)
_BORROW_NOTE = "SMQ: each message is taken for a moment and given back; that counts as a delivery"
_PEEK_FULL = (
    "SMQ shows its 16 oldest messages and no more, and so many wait: BORROW=1 takes each for a moment and gives it back"
    " (it counts as a delivery, and a queue with a dead-letter queue may move a message that was read too often)"
)


class Source(Protocol):
    """Where results are read."""

    note: str
    """What reading costs; empty where it costs nothing."""
    missed: str
    """Why the last look may not have shown all; empty where it has."""

    def read(self) -> Iterator[str]:
        """Every body that was not given before, oldest first. Raises: SourceError."""

    def close(self) -> None:
        """Let go of connections."""


class InboxSource:
    """A queue that can be looked at without taking."""

    def __init__(self, inbox: Inbox, *, note: str = "", most: int | None = None) -> None:
        """`most`: how many messages one look shows; None: all."""
        self.note, self.missed = note, ""
        self._inbox, self._most = inbox, most
        self._given: set[str] = set()

    def read(self) -> Iterator[str]:
        """See Source.read."""
        try:
            waiting = [one.message.body for one in self._inbox.peek()]
        except QueueUnavailable as error:
            raise unread(error, "PeekMessage") from None
        self.missed = _PEEK_FULL if self._most is not None and len(waiting) >= self._most else ""
        for body in waiting:
            if body not in self._given:
                self._given.add(body)
                yield body

    def close(self) -> None:
        """See Source.close."""
        self._inbox.close()


def open_source(
    url: str, keys: Mapping[str, str], environ: Mapping[str, str], *, since: float, borrow: bool = False
) -> Source:
    """The results queue `url`, read with a person's own `keys` (id, key and perhaps token) of the queue's cloud.

    `since`: Unix seconds; where a queue can be asked for what is newer, older messages are not read.

    Raises: SourceError.
    """
    try:
        place = place_of(url)
    except ValueError as error:
        raise SourceError(str(error)) from None
    if isinstance(place, MemoryPlace):
        raise SourceError("memory:// is seen by its own process alone")
    if isinstance(place, CkafkaPlace):
        site = setting(environ, "KEYTURN_SITE") or "domestic"
        endpoint = setting(environ, "KEYTURN_TENCENT_ENDPOINT") or ""
        return open_topic(TencentApi(keys, place.region, site, endpoint.rstrip("/")), place.datahub_id, since)
    given = RoleKeys(keys["id"], Secret(keys["key"]), Secret(keys["token"]) if keys.get("token") else None)
    access = QueueAccess(lambda _: given, lambda cloud: setting(environ, f"KEYTURN_{cloud.upper()}_ENDPOINT"))
    inbox = open_inbox(url, access=access)
    if isinstance(place, SmqPlace):
        return BorrowedMessages(inbox, _BORROW_NOTE) if borrow else InboxSource(inbox, most=_SMQ_SHOWN)
    if isinstance(place, AmqpPlace):
        return _amqp_source(place, inbox)
    return InboxSource(inbox)


def _amqp_source(place: AmqpPlace, inbox: Inbox) -> Source:
    from shared.workbench.results.amqp import OwnQueueSource

    return OwnQueueSource(place, inbox) if place.exchange else InboxSource(inbox, note=_AMQP_NOTE)
