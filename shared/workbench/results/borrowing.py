"""All messages of an SMQ queue: each is received and given back at once, for a queue shows only 16 without that.

While one look lasts, a few seconds, its messages are hidden from other consumers, and each look adds 1 to a message's
DequeueCount. A look that is cut off gives nothing back: the queue does, when its VisibilityTimeout is over.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from shared.queues.port import Inbox, LeasedMessage, QueueUnavailable
from shared.workbench.results.errors import unread

_BATCH, _MOST = 16, 480
_LONGEST_S = 10.0  # of one look: shorter than the queue's own VisibilityTimeout, 30 s if nobody set it


class BorrowedMessages:
    """A Source over an inbox whose messages are borrowed."""

    def __init__(self, inbox: Inbox, note: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.note, self.missed = note, ""
        self._inbox, self._clock = inbox, clock
        self._given: set[str] = set()

    def read(self) -> Iterator[str]:
        """See Source.read: the look is over, and all is given back, before the first body is given."""
        bodies = self._look()
        for body in bodies:
            if body not in self._given:
                self._given.add(body)
                yield body

    def close(self) -> None:
        """See Source.close."""
        self._inbox.close()

    def _look(self) -> list[str]:
        held: dict[str, LeasedMessage] = {}
        until = self._clock() + _LONGEST_S
        self.missed = f"a look ends after {_MOST} messages or {_LONGEST_S:g} s, and more wait"
        try:
            while len(held) < _MOST and self._clock() < until:
                batch = self._inbox.receive(_BATCH, _LONGEST_S)
                if not batch or any(one.message.id in held for one in batch):
                    held |= {one.message.id: one for one in batch}
                    self.missed = ""
                    break
                held |= {one.message.id: one for one in batch}
        except QueueUnavailable as error:
            raise unread(error, "ReceiveMessage") from None
        finally:
            for one in held.values():
                with contextlib.suppress(QueueUnavailable):  # the queue itself gives it back later
                    self._inbox.release(one)
        return [one.message.body for one in held.values()]
