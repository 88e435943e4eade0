"""Publishes results and commands as CloudEvents. The queue confirms each, and no result is lost silently."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.queues import pool
from shared.queues.port import MessageTooLarge, QueueAccess, QueueError, QueueMessage, QueueRejected
from shared.results.cloudevent import encode
from shared.runtime import redaction
from shared.runtime.backoff import backoff_s
from shared.runtime.message_signing import COMMAND_TYPE, sign
from shared.runtime.platform import Invocation
from shared.runtime.tracing import trace_id

log = logging.getLogger("keyturn")
# For results only: they are redacted already and must be logged whole, so this logger does not redact them again.
second_sink = logging.getLogger(redaction.CLEAN_LOGGER)

_TRIES = 4
_SHORT_S = 0.5
_LONGEST_S = 3.0  # one publish waits no longer than this for its confirmation


@dataclass(frozen=True, eq=False)
class OutgoingCommand:
    """A command for the commands queue. It never holds a secret in clear."""

    function: str
    id: str
    source: str
    subject: str
    data: Mapping[str, Any]
    attempt: int = 1
    hop: int = 0
    notbefore: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    delay_s: float = 0.0


@dataclass(eq=False)
class Publisher:
    """Publishes for one invocation. It takes a queue from the pool on first use. Threads may publish in parallel."""

    invocation: Invocation
    open_queue: pool.Opener
    sleep: Callable[[float], None] = time.sleep
    _lent: dict[tuple[str | None, str], pool.PooledQueue] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def has_results(self) -> bool:
        return self.invocation.settings.results is not None

    @property
    def has_commands(self) -> bool:
        return self.invocation.settings.commands is not None

    def publish_result(self, event: Mapping[str, Any]) -> bool:
        """Publish a result; True once the queue confirmed it. Never raises: an undelivered result goes to the log."""
        attributes = {name: value for name, value in event.items() if name not in ("data", "specversion")}
        url = self.invocation.settings.results
        try:
            body = encode(attributes, event["data"])
        except (TypeError, ValueError) as error:  # a defect of keyturn: the log still gets the result
            log.warning("%s", json.dumps({"event": "encode_failed", "why": type(error).__name__}))
            url, body = None, ""
        outgoing = QueueMessage(event["id"], event["type"], _key(event["subject"]), body)
        delivered = url is not None and self._send(url, None, outgoing, 0.0)
        if not delivered:
            line = {
                "event": "undelivered_result",
                "id": event["id"],
                "type": event["type"],
                "resource": event["subject"],
                "trace_id": trace_id(event.get("traceparent")),
                "result": json.dumps(event, ensure_ascii=False),  # as text: SCF's log service drops nested values
            }
            second_sink.error("%s", json.dumps(line, ensure_ascii=False))
        return delivered

    def send_command(self, command: OutgoingCommand) -> bool:
        """Put a command on the commands queue, signed if there is a key; True once confirmed. Never raises."""
        url = self.invocation.settings.commands
        if url is None:
            return False
        kind, keys = COMMAND_TYPE + command.function, self.invocation.settings.handoff_keys
        attributes: dict[str, str | int | bool | None] = {
            "id": command.id,
            "source": command.source,
            "type": kind,
            "subject": command.subject,
            "attempt": command.attempt,
            "hop": command.hop,
            "notbefore": command.notbefore,
            "traceparent": command.traceparent,
            "tracestate": command.tracestate,
        }
        if keys:
            attributes["mac"] = sign(
                keys,
                type=kind,
                id=command.id,
                subject=command.subject,
                attempt=command.attempt,
                hop=command.hop,
                data=command.data,
            )
        outgoing = QueueMessage(command.id, kind, _key(command.subject), encode(attributes, command.data))
        return self._send(url, command.function, outgoing, command.delay_s)

    def longest_delay_s(self, function: str) -> float:
        """How many seconds the commands queue can delay a message; 0 if it cannot, or if there is no queue."""
        url = self.invocation.settings.commands
        try:
            return self._lend(url, function).queue.max_delay_s if url else 0.0
        except ValueError:
            return 0.0

    def _send(self, url: str, function: str | None, message: QueueMessage, delay_s: float) -> bool:
        # After a queue has failed all tries of one message, it gets one short try for each further message.
        most, longest_s = (1, _SHORT_S) if url in self._failed else (_TRIES, _LONGEST_S)
        for tries in range(1, most + 1):
            left = self.invocation.deadline.left()
            # A change may use up the time. Its result still gets one short try, in the margin behind the deadline.
            if left <= 0 and (tries > 1 or url in self._failed):
                break
            lent: pool.PooledQueue | None = None
            try:
                lent = self._lend(url, function)
                queue = lent.queue
                queue.send(
                    message, timeout_s=max(0.2, min(longest_s, left / 2)), delay_s=min(delay_s, queue.max_delay_s)
                )
                return True
            except QueueError as error:
                # The next try has the same id: consumers, and queues that can, drop the repeat.
                why, final = type(error).__name__, isinstance(error, QueueRejected | MessageTooLarge)
            except ValueError as error:
                why, final = str(error), True
            # A defect of a queue's client must not lose the result of a change: it still goes to the log.
            except Exception as error:
                why, final = type(error).__name__, False
            if lent is not None:
                lent.failed = True
            log.warning("%s", json.dumps({"event": "publish_failed", "id": message.id, "try": tries, "why": why}))
            wait_s = backoff_s(tries)
            if final or tries == most or wait_s > self.invocation.deadline.left() / 2:
                break
            self.sleep(wait_s)
        self._failed.add(url)
        return False

    def _lend(self, url: str, function: str | None) -> pool.PooledQueue:
        with self._lock:
            lent = self._lent.get((function, url))
            if lent is None:
                invocation, settings = self.invocation, self.invocation.settings
                access = QueueAccess(invocation.keys, settings.endpoint, settings.site, settings.ca_file)
                name = pool.QueueKey.of(url, function, invocation.on_platform, access)
                lent = self._lent[function, url] = pool.acquire(name, access, self.open_queue)
            return lent

    def close(self) -> None:
        """Return the queues to the pool: open for the next invocation, but without this one's keys. Never raises."""
        settings = self.invocation.settings
        urls = (settings.results, settings.commands)
        endpoints = pool.endpoints(settings.endpoint, settings.ca_file)
        with self._lock:
            lent = list(self._lent.values())
            self._lent.clear()
        for error in pool.release(lent, lambda name: name.url in urls and name.endpoints == endpoints):
            log.warning("%s", json.dumps({"event": "close_failed", "why": type(error).__name__}))


def _key(subject: str) -> str:
    """`<service>/<resource>`: a queue that keeps an order keeps it for the messages of one resource."""
    return "/".join(subject.split("/")[:2])
