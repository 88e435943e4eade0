"""SCF's runtime around `handle`, in this process, for a scripted handler."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.handlers import entry
from shared.handlers.request import Handled, Request
from shared.queues.memory import MemoryQueue
from shared.results.outcome import CommandContext, Conclusion, Outcome, Subject
from shared.results.result_event import result_event
from shared.runtime.errors import Refused
from shared.triggers import Message
from tests.cloud.invocation.bootstrap import invocation_context
from tests.support import platform_events
from tests.support.scripted_world import Lines

FUNCTION = "tencent_redis_set_password"
SUBJECT = Subject("tencent", "ap-guangzhou", "redis", "crs-one", "app")
NOBODY = Subject("tencent", "-", "redis")
COMMAND = {"InstanceId": "crs-one"}


def told(outcome: Outcome = Outcome.CHANGED, error: Refused | None = None, command_id: str = "c-1") -> Any:
    return result_event(CommandContext(SUBJECT, "SetPassword", command_id, "then"), Conclusion(outcome, error))


@dataclass
class ScriptedHandler:
    """The handler of a function, as a test describes it."""

    answer: Callable[[Request], list[Handled]] = lambda request: [Handled(told()) for _ in request.delivery.messages]
    requests: list[Request] = field(default_factory=list)
    function: str = FUNCTION
    action: str = "SetPassword"
    fields: Collection[str] = frozenset({"InstanceId"})
    unknown_subject: Subject = NOBODY

    def process(self, request: Request) -> list[Handled]:
        self.requests.append(request)
        return self.answer(request)

    def context_of(self, request: Request, message: Message) -> CommandContext:
        return CommandContext(SUBJECT, self.action, message.command_id, "then", traceparent=message.traceparent)

    @property
    def messages(self) -> tuple[Message, ...]:
        (request,) = self.requests
        return request.delivery.messages


@dataclass
class Platform:
    """SCF's runtime around `handle`, in this process, and the results queue of the test."""

    patch: pytest.MonkeyPatch
    handler: ScriptedHandler = field(default_factory=ScriptedHandler)
    name: str = field(default_factory=lambda: uuid.uuid4().hex)

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self.patch.setenv(f"KEYTURN_{name}", value)

    def call(self, event: Any, handle: Any = entry.handle) -> Any:
        context = invocation_context("scf", FUNCTION, 10.0, ["id", "role-key", "token"], self.patch.setenv)
        return handle(self.handler, event, context | {"request_id": "request-1"})

    def send(self, command: Any = COMMAND, trigger: str = "queue", **how: Any) -> Any:
        return self.call(platform_events.event(command, "scf", trigger, **how))

    @property
    def results(self) -> list[dict[str, Any]]:
        return [json.loads(one.message.body) for one in MemoryQueue(self.name).peek()]


def line_of(log: Lines) -> dict[str, Any]:
    (line,) = [dict(line) for line in log.of("invocation")]
    assert line.pop("milliseconds") < 10_000
    assert line.pop("function") == FUNCTION
    assert line.pop("event") == "invocation"
    return line


@contextmanager
def platform_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A platform. Its environment and log level are restored afterwards."""
    for name in ("REGION", "APPID"):
        monkeypatch.setenv(f"TENCENTCLOUD_{name}", "ap-guangzhou")
    level = logging.getLogger("keyturn").level
    made = Platform(monkeypatch)
    made.set(RESULTS=f"memory://{made.name}")
    yield made
    logging.getLogger("keyturn").setLevel(level)
