"""A pending change on a scripted cloud, made from a message's data. Tests ask it one question at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shared.changes.credential import TaskProgress, TaskState
from shared.handlers.follow_message import FollowChange
from shared.handlers.followed_change import Clocks, Ended, FollowedChange
from shared.results.outcome import CommandContext, Conclusion, Outcome, StoredSecret, Subject
from shared.runtime.deadline import Deadline
from shared.runtime.errors import ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.times import now_text
from shared.stores.versions import change_identity
from tests.support.memory_store import Shelved, Vault
from tests.support.scripted_cloud import Script, ScriptedFollower
from tests.support.scripted_world import FakeTime

VERSION = change_identity("keyturn/tencent/ap-guangzhou", "redis/crs-one/app", (), "SetPassword", "c-1", {}).name(1)
LATER = change_identity("keyturn/tencent/ap-guangzhou", "redis/crs-one/app", (), "SetPassword", "c-2", {}).name(1)
BEFORE = {"Tasks": [1], "Time": "then", "Asked": {}, "Secret": True, "Calls": 1}
SUCCEEDED, FAILED, RUNNING, UNPROVEN = (TaskProgress(state, [state.value]) for state in (
    TaskState.SUCCEEDED, TaskState.FAILED, TaskState.RUNNING, TaskState.UNPROVEN,
))  # fmt: skip
LATER_ERROR = RetryLater(ErrorClass.UNAVAILABLE, "later", code="Down")
DENIED = Refused(ErrorClass.FORBIDDEN, "no", code="Denied", request_id="req-9")


@dataclass
class Case:
    """A pending change in its own world."""

    time: FakeTime = field(default_factory=FakeTime)
    script: Script = field(default_factory=Script)
    vault: Vault = field(default_factory=Vault)
    fails: dict[str, KeyturnError] = field(default_factory=dict)

    def change(
        self,
        *,
        age_s: float = 10.0,
        authentic: bool = True,
        stored: bool = False,
        lost: bool = False,
        follows: bool = True,
        left_s: float = 20.0,
        **data: Any,
    ) -> FollowedChange:
        command = FollowChange.model_validate(self._data(age_s, stored, lost) | data)
        subject = Subject("tencent", "ap-guangzhou", "redis", "crs-one", "app")
        context = CommandContext(subject, "SetPassword", "c-1", command.started_at)
        pending = Conclusion(Outcome.PENDING, None, [], "req-1", command.task_id)
        if stored:
            self.vault.values.setdefault(VERSION, "New-Passw0rd1")
            self.vault.made.setdefault(VERSION, 5.0)
            pending.stored = StoredSecret("ssm://s", VERSION, "pending", "ap-guangzhou", "v1")
        proven: dict[str, Any] = {"proven": True} if command.proven else {}
        deadline = Deadline(self.time.monotonic + left_s, self.time.clock)
        return FollowedChange(
            command,
            context,
            authentic,
            Clocks(deadline, self.time.now, self.time.sleep),
            pending,
            command.lost_call(),
            ScriptedFollower(self.script) if follows else None,
            Shelved(self.vault, before=self._fail) if stored else None,
            **proven,
        )

    def _fail(self, call: str) -> None:
        if call in self.fails:
            raise self.fails[call]

    def _data(self, age_s: float, stored: bool, lost: bool) -> dict[str, Any]:
        data: dict[str, Any] = {
            "Cloud": "tencent",
            "Service": "redis",
            "Region": "ap-guangzhou",
            "Resource": "crs-one",
            "Account": "app",
            "Operation": "SetPassword",
            "CommandId": "c-1",
            "StartedAt": self.ago(age_s),
            "Before": BEFORE,
        }
        if stored:
            data["Store"] = {"Name": "ssm://s", "Version": VERSION, "Region": "ap-guangzhou", "Current": "v1"}
        return data | ({"Settling": {"Signed": self.ago(age_s)}} if lost else {"TaskId": 7})

    def ago(self, seconds: float) -> str:
        from datetime import timedelta

        return now_text(self.time.utc() - timedelta(seconds=seconds))


def case(**answers: Any) -> Case:
    return Case(
        script=Script({name: answer if isinstance(answer, list) else [answer] for name, answer in answers.items()})
    )


def code(ended: Ended | None) -> str | None:
    assert ended is not None
    assert ended.error is not None
    return ended.error.code


def text(ended: Ended | None) -> str:
    assert ended is not None
    assert ended.error is not None
    return ended.error.message
