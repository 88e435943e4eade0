"""What functions log, well and badly: the scenes that alarms are tried on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import pytest

from shared.runtime.secret import Secret
from shared.workbench.bundle.operations import operations
from tests.cloud.client.standin import Standin
from tests.conftest import ACCOUNT, HANDOFF_KEY, PASSWORD, REGISTRY, TAIR, House
from tests.support import platform_events
from tests.support.commands import VALID_COMMANDS

FOLLOW, PLAN = "follow_change", "plan_rotation"
NOWHERE = "sqlite:///dev/null/results.db"  # a folder that cannot be one

WORLD = """
rate = 2000
[credentials.tencent]
id = "AKIDSTANDIN"
key = "standin-secret-key"
token = "standin-session-token"
[credentials.alibaba]
id = "LTAISTANDIN"
key = "standin-secret-key"
token = "standin-session-token"
[redis.crs-young001]
region = "ap-guangzhou"
lazy = true
accounts = { app = { password = "App-Passw0rd", password_age_days = 10 } }
[redis.crs-due00001]
region = "ap-guangzhou"
lazy = true
accounts = { app = { password = "App-Passw0rd", password_age_days = 92 } }
[redis.crs-late0001]
region = "ap-guangzhou"
lazy = true
accounts = { app = { password = "App-Passw0rd", password_age_days = 400 } }
"""


def policy(name: str, *patterns: str) -> dict[str, Any]:
    return {
        "Policy": name,
        "Function": ACCOUNT,
        "Region": "ap-guangzhou",
        "Resources": {"Patterns": list(patterns)},
        "Accounts": ["app"],
        "MaxAgeDays": 90,
        "Store": "ssm://redis-{resource}-{account}",
    }


class Listener(logging.Handler):
    """Keeps what the functions log, as a platform would print it."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[tuple[str, str]] = []  # level, message

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append((record.levelname, record.getMessage()))

    def take(self) -> list[tuple[str, str]]:
        said, self.said = self.said, []
        return said


@contextmanager
def listening() -> Iterator[Listener]:
    listener, logger = Listener(), logging.getLogger("keyturn")
    before = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        yield listener
    finally:
        logger.removeHandler(listener)
        logger.setLevel(before)


def defective(function: str, patch: pytest.MonkeyPatch) -> None:
    """Give the function an adapter with a defect: it raises what nobody expects, with a secret in it."""

    def fails(*_: Any) -> Any:
        raise TypeError(f"cannot use {Secret(VALID_COMMANDS[ACCOUNT]['AccountPassword']).reveal()}")

    module, declared = import_module(f"functions.{function}"), operations()[ACCOUNT]
    if function == PLAN and declared.rotation is not None:
        defect = replace(declared, rotation=replace(declared.rotation, fleet=fails))
        handler = replace(module.main_handler, load=lambda _: defect)
    else:
        handler = replace(module.main_handler, operation=replace(declared, change=fails))
    patch.setattr(module, "main_handler", handler)


Said = dict[str, list[tuple[float, str]]]  # scene: when, in minutes before now, and the line


def command(name: str, function: str = ACCOUNT) -> dict[str, Any]:
    """A good command of this id."""
    good: dict[str, Any] = VALID_COMMANDS[function]
    return good | {"CommandId": name}


def end_of(house: House) -> None:
    """Deliver what waits for follow_change until it has ended."""
    handed = [event for event in house.commands() if event["type"].endswith(FOLLOW)][-1]
    house.deliver(FOLLOW, platform_events.event(handed, "scf", "queue"), timeout_s=30.0)


@dataclass
class Stage:
    """Where scenes are played; `said` fills with their lines."""

    standin: Standin
    fleet: Standin  # of `WORLD`
    listener: Listener
    folders: pytest.TempPathFactory
    patch: pytest.MonkeyPatch
    said: Said = field(default_factory=dict)

    def place(self, name: str, cloud: Standin, **changed: Any) -> House:
        """A fresh world and fresh queues."""
        cloud.reset(**changed)
        house = House(cloud, self.folders.mktemp(name), self.patch)
        house.settings |= {"KEYTURN_COMMANDS": house.commands_url, "KEYTURN_RATE": "1000"}
        return house

    def fire(self, name: str, cloud: Standin, fired: dict[str, Any], **changed: Any) -> None:
        """A timer fires a policy."""
        self.place(name, cloud, **changed).deliver(PLAN, platform_events.event(fired, "scf", "timer", name=name))

    def keep(self, scene: str, minutes: float) -> None:
        """What was logged since the last time belongs to `scene`, and was written `minutes` ago."""
        lines = [(minutes, message) for _, message in self.listener.take()]
        assert lines
        self.said.setdefault(scene, []).extend(lines)


def healthy(stage: Stage) -> None:
    """Nothing that an alarm may find."""
    standin, fleet = stage.standin, stage.fleet
    house = stage.place("healthy", standin)
    for function, platform in ((ACCOUNT, "scf"), (PASSWORD, "scf"), (REGISTRY, "scf"), (TAIR, "fc")):
        house.send(function, command(f"h-{function[:20]}", function), platform, "queue")
    house.send(PASSWORD, command("h-again", PASSWORD), trigger="queue", name="again")
    house.send(ACCOUNT, command("h-dry") | {"DryRun": True})
    house.send(ACCOUNT, {"CommandId": "h-unknown-field", "unknown": "result exhausted"})
    house.deliver(
        ACCOUNT, platform_events.event({"specversion": "1.0", "id": "1", "type": "keyturn.x"}, "scf", "queue")
    )
    stage.keep("healthy", 5)
    house = stage.place("ended", standin, task_s=3.0, settle_s=3.0)
    house.send(ACCOUNT, command("h-slow"))
    stage.keep("healthy", 60)
    end_of(house)
    stage.keep("healthy", 59)
    stage.place("fresh", standin, task_s=60.0).send(ACCOUNT, command("h-fresh"))
    stage.keep("healthy", 5)
    stage.fire("schedule", fleet, policy("well", "crs-young*", "crs-due*"))
    stage.keep("healthy", 120)
    stage.fire("report", fleet, policy("ages", "*") | {"Mode": "report", "MaxAgeDays": 395})
    stage.keep("healthy", 20)


def without_end(stage: Stage) -> None:
    """Changes that stay pending, one of them after an earlier one of the same id had ended."""
    stage.place("stuck", stage.standin, task_s=60.0).send(ACCOUNT, command("p-stuck"))
    stage.keep("pending_without_end", 60)
    house = stage.place("twice", stage.standin, task_s=3.0, settle_s=3.0)
    house.send(ACCOUNT, command("p-twice"))
    end_of(house)
    stage.keep("pending_without_end", 300)
    stage.place("twice-more", stage.standin, task_s=60.0).send(ACCOUNT, command("p-twice"))
    stage.keep("pending_without_end", 90)


def lost(stage: Stage) -> None:
    """An answer that nobody gets, and a result that no queue takes."""
    house = stage.place("unknown", stage.standin)
    stage.standin.faults([{"Action": "ModifyServiceAccountPassword", "Fault": "drop_after", "Times": 9}])
    house.send(REGISTRY, command("u-lost", REGISTRY), trigger="queue")
    stage.keep("unknown_outcome", 10)
    house = stage.place("undelivered", stage.standin)
    house.settings["KEYTURN_RESULTS"] = NOWHERE
    house.send(PASSWORD, command("l-lost", PASSWORD), trigger="queue")
    stage.keep("undelivered_result", 10)


def rotations(stage: Stage) -> None:
    """Firings that find what is long overdue, or leave something behind."""
    fleet = stage.fleet
    stage.fire("late", fleet, policy("late", "*"))
    stage.keep("overdue", 120)
    stage.fire("denied", fleet, policy("not-listed", "*"), deny=["DescribeInstanceAccount"])
    house = stage.place("unsent", fleet)
    house.settings["KEYTURN_COMMANDS"] = NOWHERE
    house.deliver(PLAN, platform_events.event(policy("unsent", "crs-due*"), "scf", "timer", name="unsent"))
    event: dict[str, Any] = {"specversion": "1.0", "id": "refused-firing", "source": "s", "type": "ops.firing"}
    event |= {"data": {"Policy": "no policy"}}
    stage.place("refused", fleet).deliver(PLAN, platform_events.event(event, "scf", "queue"))
    stage.keep("rotation_incomplete", 10)


def given_up(stage: Stage) -> None:
    """A command whose tenth delivery finds the resource locked."""
    house = stage.place("exhausted", stage.standin)
    stage.standin.faults([{"Action": "ModifyInstanceAccount", "Fault": "lock", "Times": 9}])
    data = {"InstanceId": "crs-demo0001", "AccountName": "app", "Privilege": "r", "Region": "ap-guangzhou"}
    envelope = {"specversion": "1.0", "id": "x-given-up", "source": "s", "attempt": 10, "hop": 9}
    envelope |= {"type": f"keyturn.command.{ACCOUNT}", "subject": "redis/crs-demo0001/app", "data": data}
    envelope = platform_events.signed(envelope, HANDOFF_KEY)
    house.deliver(ACCOUNT, platform_events.event(envelope, "scf", "queue"), timeout_s=5.0)
    stage.keep("exhausted", 10)


def broken(stage: Stage) -> None:
    """A defect of keyturn's own, and a setting that cannot be read."""
    house = stage.place("broken", stage.standin)
    with pytest.MonkeyPatch.context() as defect:
        defective(ACCOUNT, defect)
        house.send(ACCOUNT, command("b-defect"), trigger="queue")
    house.settings["KEYTURN_RATE"] = "none"
    house.send(ACCOUNT, VALID_COMMANDS[ACCOUNT], trigger="timer")
    stage.keep("broken", 10)


SCENES = (healthy, without_end, lost, rotations, given_up, broken)
