"""plan_rotation in a scripted world, with a fleet that the test describes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from shared.handlers.declaration import Operation, Rotation
from shared.handlers.request import Handled
from shared.handlers.rotation import PlanRotationHandler
from shared.rotation.fleet import Account, Page, Resource
from shared.runtime.cloud_access import CloudAccess
from shared.triggers import Message, Trigger
from tests.support.scripted_cloud import Cloud
from tests.support.scripted_world import World, message

SET = "tencent_redis_set_password"
TYPE = "keyturn.command.plan_rotation"
OLD = datetime(2020, 1, 1, tzinfo=timezone.utc)
PLAN = {
    "Policy": "yearly",
    "Function": SET,
    "Resources": {"Patterns": ["*"]},
    "Accounts": ["app"],
    "MaxAgeDays": 90,
    "Store": "ssm://{resource}",
    "JitterS": 0,
}
BEGUN = {"Firing": "f-1", "Fired": "2026-11-26T10:00:00Z", "Page": 2, "Offset": 0, "Next": "2026-11-26T10:00:00Z"}
BEGUN |= {"Listed": 3, "Due": 1, "Sent": 1, "NotDue": 1, "Unknown": 1, "NotAllowed": 0}


@dataclass
class ScriptedFleet:
    """A region's resources, each with one account of a given age."""

    accounts_of: Mapping[str, list[Account]] = field(default_factory=lambda: {"crs-one": [Account("app", "t", OLD)]})
    error: Exception | None = None
    page_size: int = 10
    assumes: str = "nothing"

    def page(self, offset: int, tags: Mapping[str, str]) -> Page:
        if self.error is not None:
            raise self.error
        return Page([Resource(name) for name in self.accounts_of], True)

    def accounts(self, resource: str) -> list[Account]:
        return list(self.accounts_of[resource])


@dataclass
class Planning:
    """plan_rotation in its own world, for the test's fleet."""

    world: World = field(default_factory=World)
    fleet: ScriptedFleet = field(default_factory=ScriptedFleet)
    cloud: Cloud = field(default_factory=Cloud)
    rotates: bool = True
    opened: list[tuple[CloudAccess, str]] = field(default_factory=list)

    def load(self, function: str) -> Operation[Any]:
        self.cloud.rotation = Rotation(self._open, (), {"NoAuth": False}) if self.rotates else None
        operation = self.cloud.operation
        if function != operation.function:
            raise LookupError("no operation of this package: a, b")
        return operation

    def _open(self, access: CloudAccess, region: str) -> ScriptedFleet:
        self.opened.append((access, region))
        return self.fleet

    @property
    def handler(self) -> PlanRotationHandler:
        time = self.world.time
        return PlanRotationHandler(self.load, time.utc, time.sleep, random.Random(1))

    def process(self, *messages: Message, trigger: Trigger = Trigger.TIMER) -> list[Handled]:
        return self.handler.process(self.world.request(*messages, trigger=trigger))

    def refused(self, data: Any, **what: Any) -> tuple[str, str | None, str]:
        (handled,) = self.process(data if isinstance(data, Message) else message(data, **what))
        assert handled.event is not None
        error = handled.event["data"]["Error"]
        assert error is not None
        assert handled.event["data"]["Outcome"] == "not_changed"
        return error["Class"], error["Code"], error["Message"]
