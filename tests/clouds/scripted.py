"""Sessions that answer from a script, at our own port: `Session._send`. Each records what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.clouds.alibaba.session import AlibabaSession
from shared.clouds.tencent.session import TencentSession
from shared.runtime.cloud_access import CloudAccess, RoleKeys
from shared.runtime.deadline import Deadline
from shared.runtime.errors import KeyturnError
from shared.runtime.secret import Secret

Answer = Mapping[str, Any] | KeyturnError | Callable[[dict[str, Any]], Mapping[str, Any]]

CALLS_PER_S = 1e6  # no call waits for its place


@dataclass
class Call:
    """One request, as the vendor's client would have sent it."""

    action: str
    ids: dict[str, Any]
    secrets: dict[str, Any]
    timeout_s: float


@dataclass
class Script:
    """What each action answers: in this order, the last one again and again."""

    answers: dict[str, Answer | Sequence[Answer]]
    calls: list[Call] = field(default_factory=list)

    def answer(self, call: Call) -> dict[str, Any]:
        self.calls.append(call)
        if call.action not in self.answers:
            pytest.fail(f"{call.action} is not in the script")
        told = self.answers[call.action]
        if isinstance(told, Sequence):
            told = told[min(len(told), sum(one.action == call.action for one in self.calls)) - 1]
        if isinstance(told, KeyturnError):
            raise told
        return dict(told(call.ids) if callable(told) else told)

    def asked(self, action: str) -> list[dict[str, Any]]:
        """The parameters of each call of an action, secrets among them."""
        return [{**call.ids, **call.secrets} for call in self.calls if call.action == action]

    @property
    def actions(self) -> list[str]:
        return [call.action for call in self.calls]


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def access(left_s: float = 60.0, *, operator: str | None = None, clock: Clock | None = None) -> CloudAccess:
    """An access with so much time left, by a clock that moves only where a call sleeps."""
    clock = clock or Clock()
    keys = RoleKeys("id", Secret("role-key-of-a-test"), None)
    deadline = Deadline(clock.now + left_s, clock)
    return CloudAccess(keys, None, CALLS_PER_S, deadline, operator, "domestic", clock.sleep)


class ScriptedTencent(TencentSession):
    """A Tencent session that never reaches its client."""

    def __init__(self, script: Script, through: CloudAccess, region: str = "ap-guangzhou") -> None:
        super().__init__(through, region, "domestic", "redis", _no_client)
        self.script = script

    def _load(self) -> None:
        pass

    def _send(self, action: str, ids: dict[str, Any], secrets: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        return self.script.answer(Call(action, ids, secrets, timeout_s))


class ScriptedAlibaba(AlibabaSession):
    """An Alibaba session that never reaches its client."""

    def __init__(self, script: Script, through: CloudAccess, region: str = "cn-hangzhou") -> None:
        super().__init__(through, region)
        self.script = script

    def _load(self) -> None:
        pass

    def _send(self, action: str, ids: dict[str, Any], secrets: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        return self.script.answer(Call(action, ids, secrets, timeout_s))


def _no_client() -> Any:
    pytest.fail("no client is needed: the session answers from a script")


def raised(kind: type[KeyturnError], call: Callable[[], object]) -> KeyturnError:
    """The error of this very class that the call raises."""
    with pytest.raises(KeyturnError) as caught:
        call()
    assert type(caught.value) is kind, caught.value
    return caught.value
