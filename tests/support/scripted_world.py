"""One invocation in a scripted world: its time, its settings, its queues. Nothing waits, and nothing listens."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from shared.handlers.request import Request
from shared.queues.port import Queue, QueueAccess, QueueMessage, QueueRejected
from shared.results.publisher import Publisher
from shared.runtime.deadline import Deadline
from shared.runtime.platform import Invocation
from shared.runtime.settings import Settings, handoff_keys
from shared.triggers import Delivery, Message, Trigger

KEY = "c2lnbnMtd2hhdC1rZXl0dXJuLXNlbmRzLWl0c2VsZi4"
PARENT = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
RESULTS, COMMANDS = "memory://results", "memory://commands"
ROLE = {
    "TENCENTCLOUD_SECRETID": "AKIDTEST",
    "TENCENTCLOUD_SECRETKEY": "role-secret-key",
    "TENCENTCLOUD_SESSIONTOKEN": "role-token",
    "KEYTURN_ALIBABA_ACCESS_KEY_ID": "LTAITEST",
    "KEYTURN_ALIBABA_ACCESS_KEY_SECRET": "other-secret-key",
}


@dataclass
class FakeTime:
    """Both clocks. Only sleeping moves them."""

    monotonic: float = 1_000.0
    unix: float = 1_795_000_000.0
    slept: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.monotonic

    def now(self) -> float:
        return self.unix

    def utc(self) -> datetime:
        return datetime.fromtimestamp(self.unix, timezone.utc)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_by(seconds)

    def pass_by(self, seconds: float) -> None:
        self.monotonic += seconds
        self.unix += seconds


@dataclass
class RecordingQueue:
    """A queue that keeps the messages that it gets, or refuses them."""

    max_delay_s: float = 900.0
    refuses: bool = False
    events: list[dict[str, Any]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    def send(self, message: QueueMessage, *, timeout_s: float, delay_s: float = 0.0) -> None:
        if self.refuses:
            raise QueueRejected("not today")
        self.events.append(json.loads(message.body))
        self.delays.append(delay_s)

    def close(self) -> None:
        """Does nothing: no connection is open."""


@dataclass
class World:
    """What an invocation knows of the world around it, and what it sent to its queues."""

    settings: Settings = field(
        default_factory=lambda: Settings(results=RESULTS, commands=COMMANDS, handoff_keys=handoff_keys(KEY))
    )
    cloud: str = "tencent"
    region: str | None = "ap-guangzhou"
    left_s: float = 20.0
    limit_s: float = 30.0
    time: FakeTime = field(default_factory=FakeTime)
    results: RecordingQueue = field(default_factory=RecordingQueue)
    commands: RecordingQueue = field(default_factory=RecordingQueue)
    environ: dict[str, str] = field(default_factory=lambda: dict(ROLE))

    def set(self, **settings: Any) -> World:
        """The same world with other settings."""
        self.settings = replace(self.settings, **settings)
        return self

    @property
    def invocation(self) -> Invocation:
        return Invocation(
            cloud=self.cloud,
            request_id="request-1",
            deadline=Deadline(self.time.monotonic + self.left_s, self.time.clock),
            settings=self.settings,
            region=self.region,
            operator="100000000001",
            environ=self.environ,
            context=None,
            on_platform=False,
            limit_s=self.limit_s,
        )

    def open_queue(self, url: str, *, function: str | None, on_platform: bool, access: QueueAccess) -> Queue:
        return self.results if url == RESULTS else self.commands

    def request(self, *messages: Message, trigger: Trigger = Trigger.QUEUE, asynchronous: bool = False) -> Request:
        invocation = self.invocation
        publisher = Publisher(invocation, self.open_queue, self.time.sleep)
        return Request(invocation, Delivery(trigger, messages, asynchronous=asynchronous), publisher, 0.0)

    @property
    def outcomes(self) -> list[str]:
        return [event["data"]["Outcome"] for event in self.results.events]


def message(data: object, command_id: str = "m-1", **what: Any) -> Message:
    """A message of a queue, as the triggers pass it to a handler."""
    return Message(data, command_id, **{"traceparent": PARENT, **what})


class Lines(logging.Handler):
    """The log lines of keyturn, as parsed JSON."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[dict[str, Any]] = []
        self.levels: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(record.getMessage()))
        self.levels.append(record.levelname)

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def level_of(self, event: str) -> str:
        (level,) = [level for line, level in zip(self.lines, self.levels, strict=True) if line["event"] == event]
        return level


@contextmanager
def logged() -> Iterator[Lines]:
    """The lines that keyturn logs inside this context."""
    log, handler = logging.getLogger("keyturn"), Lines()
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield handler
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
