"""follow_change in a scripted world, and its messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.changes.credential import TaskProgress, TaskState
from shared.handlers.declaration import Operation
from shared.handlers.follow import FollowChangeHandler
from shared.handlers.request import Handled
from shared.runtime.times import now_text
from shared.triggers import Message, Trigger
from tests.support.scripted_cloud import Cloud
from tests.support.scripted_world import World, message

TYPE = "keyturn.command.follow_change"
SUCCEEDED, FAILED, RUNNING = (TaskProgress(state, [state.value]) for state in (
    TaskState.SUCCEEDED, TaskState.FAILED, TaskState.RUNNING,
))  # fmt: skip
PLACE = {"Name": "ssm://s", "Version": "kt-0123abcd-1", "Region": "ap-guangzhou"}
NO_KEY: dict[str, Any] = {"handoff_keys": ()}


@dataclass
class Following:
    """follow_change in its own world, with the operations of a package."""

    world: World = field(default_factory=World)
    cloud: Cloud = field(default_factory=Cloud)
    loaded: list[str] = field(default_factory=list)

    def load(self, function: str) -> Operation[Any]:
        self.loaded.append(function)
        if function != self.cloud.operation.function:
            raise LookupError
        return self.cloud.operation

    @property
    def handler(self) -> FollowChangeHandler:
        return FollowChangeHandler(self.load, self.world.time.sleep, self.world.time.now)

    def ago(self, seconds: float) -> str:
        return now_text(self.world.time.utc() - timedelta(seconds=seconds))

    def data(self, age_s: float = 10.0, **what: Any) -> dict[str, Any]:
        data = {
            "Cloud": "tencent",
            "Service": "redis",
            "Region": "ap-guangzhou",
            "Resource": "crs-one",
            "Account": "app",
            "Operation": "SetPassword",
            "CommandId": "c-1",
            "TaskId": 7,
            "StartedAt": self.ago(age_s),
            **what,
        }
        return {name: value for name, value in data.items() if value != "-"}

    def message(self, age_s: float = 10.0, *, authentic: bool = True, hop: int = 1, **what: Any) -> Message:
        return message(self.data(age_s, **what), type=TYPE, authentic=authentic, hop=hop)

    def process(self, *messages: Message, trigger: Trigger = Trigger.QUEUE) -> list[Handled]:
        return self.handler.process(self.world.request(*messages, trigger=trigger))

    def ended(self, *messages: Message) -> Any:
        """The data of the only result."""
        (handled,) = self.process(*messages)
        assert handled.event is not None
        assert self.world.results.events == [handled.event]
        return handled.event["data"]


def following(world: World | None = None, cloud: Cloud | None = None, **answers: Any) -> Following:
    made = Following(world or World(), cloud or Cloud())
    for name, answer in answers.items():
        made.cloud.script.answers[name] = answer if isinstance(answer, list) else [answer]
    return made


def code(data: Any) -> tuple[str, str]:
    return data["Outcome"], data["Error"]["Code"]
