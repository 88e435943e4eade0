"""The state of an instance of Tencent Redis and its accounts, and how the API shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.cloud.backends.redis_login import LoginForms
from tests.cloud.backends.redis_server import InstanceServer, RedisUser
from tests.cloud.state.accounts import TENCENT_APPID
from tests.cloud.state.world import DAY_S, RedisInstance, World
from tests.cloud.tencent.tasks import RESULT, Task, redis_time

ROOT = "root"
NOBODY_LISTENS = 1
"""The port that the API shows in a world without W5."""
_REGION_IDS = {
    "ap-guangzhou": 1, "ap-shanghai": 4, "ap-hongkong": 5, "ap-shanghai-fsi": 7, "ap-beijing": 8,
    "ap-singapore": 9, "ap-shenzhen-fsi": 11,
}  # fmt: skip
_TITLES = {0: "待初始化", 1: "流程中", 2: "运行中", -2: "已隔离", -3: "待删除"}


@dataclass
class Account:
    """An account. `applied` counts the password changes that took effect, `changed` those to a new value."""

    user: RedisUser
    remark: str
    readonly_policy: tuple[str, ...]
    password_time: float
    time_shown: str
    time_later: tuple[float, str] | None = None
    applied: int = 0
    changed: int = 0

    def update(self, user: RedisUser, remark: str, readonly_policy: tuple[str, ...]) -> None:
        """Set the rights and the remark. The password belongs to the user."""
        self.changed += self.user.password != user.password
        self.user, self.remark, self.readonly_policy = user, remark, readonly_policy

    def set_time(self, now: float, world: World) -> None:
        """Note that the password was set now."""
        self.applied += 1
        self.time_shown, self.password_time = self.time(now), now
        if world.empty_times != "forever":
            self.time_later = (now + world.times_lag_s, redis_time(now, world))

    def time(self, now: float) -> str:
        """The PasswordLastModifiedTime that the API shows at a moment."""
        return self.time_later[1] if self.time_later and now >= self.time_later[0] else self.time_shown


@dataclass
class Instance:
    """An instance."""

    id: str
    spec: RedisInstance
    server: InstanceServer
    accounts: dict[str, Account] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name, or its id if it has no name."""
        return self.spec.name or self.id

    @property
    def users(self) -> list[RedisUser]:
        """Its accounts as Redis users."""
        return [account.user for account in self.accounts.values()]

    def restore(self, world: World, now: float) -> None:
        """Set the accounts of a world, with passwords as old as the world says."""
        self.spec = world.redis[self.id]
        self.accounts = {}
        for name, one in self.spec.accounts.items():
            root, made = name == ROOT, now - one.password_age_days * DAY_S
            user = RedisUser(name, one.password, one.privilege, self.spec.no_auth and root, one.nopass, root)
            account_state = one.modified_time or (redis_time(made, world) if world.empty_times == "no" else "")
            self.accounts[name] = Account(user, one.remark, one.readonly_policy, made, account_state)
        self.server.forms = self.forms(world)

    def forms(self, world: World) -> LoginForms:
        """How its proxy reads AUTH."""
        root = self.accounts[ROOT].user if ROOT in self.accounts else None
        free = root is not None and root.no_auth and world.password_free == "accept"
        return LoginForms(
            b"@",
            default=frozenset() if world.root_login == "password" else frozenset((self.id.encode(),)),
            two_words=world.two_word_auth,
            password_alone=world.root_login != "id",
            before_6=float(self.spec.engine_version) < 6,
            takes_any=free or (root is not None and root.nopass),
        )


def matches_search(instance: Instance, given: Mapping[str, Any]) -> bool:
    """Whether an instance has the names and tags that a call filters by: one of the listed tags, one of the keys."""
    tags = instance.spec.tags
    pairs = [(one.get("TagKey"), one.get("TagValue")) for one in given.get("InstanceTags", ())]
    keys = given.get("SearchKeys") or []
    return (
        given.get("SearchKey", "") in instance.name
        and given.get("InstanceName", instance.name) == instance.name
        and (not keys or any(key in instance.name or key == instance.id for key in keys))
        and (not given.get("TagKeys") or any(key in tags for key in given["TagKeys"]))
        and (not pairs or any((key, value) in pairs for key, value in tags.items()))
    )


def task_summary(task: Task, world: World) -> dict[str, Any]:
    return {
        "TaskId": task.id,
        "StartTime": redis_time(task.started, world),
        "EndTime": redis_time(task.ended, world),
        "TaskType": task.kind,
        "InstanceName": task.instance_id,
        "InstanceId": task.instance_id,
        "ProjectId": 0,
        "Progress": 100.0 if task.ended else 50.0,
        "Result": RESULT[task.status],
    }


def task_details(task: Task, world: World) -> dict[str, Any]:
    return {**task_summary(task, world), "Status": task.status, "TaskMessage": task.message}


def account_state(account: Account, world: World) -> dict[str, Any]:
    return {
        "Privilege": account.user.privilege,
        "ReadonlyPolicy": list(account.readonly_policy),
        "Remark": account.remark,
        "NoAuth": account.user.no_auth,
        "PasswordLastModifiedTime": redis_time(account.password_time, world),
        "Applied": account.applied,
        "Changed": account.changed,
    }


def instance_set(instance: Instance, status: int, made: float, world: World) -> dict[str, Any]:
    """An instance as DescribeInstances shows it; `made` is in epoch seconds."""
    # claims: R13
    host, _, port = instance.server.address.partition(":")
    spec = instance.spec
    no_auth = instance.accounts[ROOT].user.no_auth if ROOT in instance.accounts else False
    return {
        "InstanceName": instance.name,
        "InstanceId": instance.id,
        "Appid": int(TENCENT_APPID),
        "ProjectId": 0,
        "Region": spec.region,
        "RegionId": _REGION_IDS.get(spec.region, 1),
        "Status": status,
        "InstanceTitle": _TITLES[status],
        "WanIp": host,
        "Port": int(port or 0) if world.holds("W5") else NOBODY_LISTENS,
        "Createtime": redis_time(made, world),
        "DeadlineTime": "0000-00-00 00:00:00",
        "OfflineTime": "",
        "CloseTime": "",
        "Size": 1024,
        "Type": 15,
        "Engine": "Redis",
        "ProductType": "standalone",
        "NoAuth": no_auth,
        "PasswordFree": int(no_auth),
        "InstanceTags": [{"TagKey": key, "TagValue": value} for key, value in spec.tags.items()],
    }
