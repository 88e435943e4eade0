"""Results of an AMQP exchange, by a queue of the reader's own: exclusive, and gone with its connection.

What the results queue itself holds is shown once, at the first look: each message is taken and put back. From then on
that queue is left alone, and what its consumers take is seen all the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from shared.queues.amqp import connect
from shared.queues.port import Inbox, QueueUnavailable
from shared.runtime.queue_urls import AmqpPlace
from shared.workbench.results.errors import SourceError

_ANSWER_S = 10.0


class OwnQueueSource:
    """A Source over a queue beside the results queue, bound to their exchange when this is made."""

    note = "AMQP: read by a queue of its own from now on; what waits in the results queue is shown once and stays there"
    missed = ""

    def __init__(self, place: AmqpPlace, waiting: Inbox) -> None:
        """`waiting`: the results queue. Raises: SourceError."""
        self._waiting: Inbox | None = waiting
        self._given: set[str] = set()
        self._connection: Any = None
        try:
            self._connection = connect(place, _ANSWER_S)
            self._connection.transport.sock.settimeout(_ANSWER_S)
            self._channel = self._connection.channel()
            self._queue = self._channel.queue_declare("", exclusive=True, auto_delete=True).queue
            self._channel.queue_bind(self._queue, place.exchange, place.queue)
        except Exception as error:  # whatever the client, `socket` or `ssl` raises
            self.close()
            raise SourceError(f"no queue can be bound beside the results queue: {_reason(error)}") from None

    def read(self) -> Iterator[str]:
        """See Source.read."""
        if self._waiting is not None:
            try:
                stored = self._waiting.peek()
            except QueueUnavailable as error:
                raise SourceError(f"the results queue cannot be looked at: {error}") from None
            yield from self._new(one.message.body for one in stored)
            self._waiting.close()
            self._waiting = None
        yield from self._new(self._arrived())

    def close(self) -> None:
        """See Source.close. The broker deletes the queue with the connection."""
        if self._waiting is not None:
            self._waiting.close()
        with contextlib.suppress(Exception):  # gone already, then
            self._connection.close()

    def _new(self, bodies: Iterable[str]) -> Iterator[str]:
        for body in bodies:
            if body not in self._given:
                self._given.add(body)
                yield body

    def _arrived(self) -> Iterator[str]:
        try:
            while (got := self._channel.basic_get(self._queue, no_ack=True)) is not None:
                yield got.body if isinstance(got.body, str) else bytes(got.body).decode("utf-8", "replace")
        except Exception as error:  # as above; what came meanwhile is lost with the queue
            raise SourceError(f"the broker ended the queue of this command: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    """The kind of failure, without its text, which may name what a URL holds."""
    from amqp.exceptions import AccessRefused, NotFound

    if isinstance(error, AccessRefused):
        needed = "the rights to configure and write amq.gen-* and to read the exchange"
        return f"the broker refuses the user, its password or the vhost, or the user lacks {needed}"
    if isinstance(error, NotFound):
        return "there is no such exchange"
    return type(error).__name__
