"""Tencent Cloud Redis (2018-04-12): accounts, passwords, flows, by the API's published pages and metadata."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .redis_pool import Pool, SleepingServer
from .redis_server import RedisServer, Server, User
from .service import Action, Answer, ApiError, Call, Cloud, Refusal, character_classes, page, takes
from .tasks import RESULT, Task, Tasks, china_time
from .world import DAY_S, RedisInstance, World
from .world_clock import Clock

OPERATOR = "100000000001"
CHANGE_ACCOUNT = ("037", "修改实例账号")
CHANGE_PASSWORD = ("007", "修改实例密码")
_MONTH_S = 30 * 24 * 3600
_REGION_IDS = {
    "ap-guangzhou": 1, "ap-shanghai": 4, "ap-hongkong": 5, "ap-shanghai-fsi": 7, "ap-beijing": 8,
    "ap-singapore": 9, "ap-shenzhen-fsi": 11,
}  # fmt: skip
_TITLES = {0: "待初始化", 1: "流程中", 2: "运行中", -2: "已隔离", -3: "待删除"}


@dataclass
class Account:
    """A live account. `applied` counts password changes that took effect, `changed` those to a new value."""

    user: User
    remark: str
    readonly_policy: tuple[str, ...]
    password_time: float
    applied: int = 0
    changed: int = 0

    def turn(self, target: Account, now: float, *, with_password: bool) -> None:
        """Become `target`."""
        self.applied += with_password
        self.changed += self.user.password != target.user.password
        self.user, self.remark, self.readonly_policy = target.user, target.remark, target.readonly_policy
        if with_password:
            self.password_time = now


@dataclass
class Instance:
    """A live instance."""

    id: str
    spec: RedisInstance
    server: Server
    accounts: dict[str, Account] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name, which is its id if nobody gave it one."""
        return self.spec.name or self.id

    @property
    def users(self) -> list[User]:
        """Its accounts as Redis users."""
        return [account.user for account in self.accounts.values()]

    def restore(self, spec: RedisInstance, now: float) -> None:
        """Take the accounts of a world, their passwords as old as it says."""
        self.spec = spec
        self.accounts = {
            name: Account(
                User(name, one.password, one.privilege, spec.no_auth and name == "root"),
                one.remark,
                one.readonly_policy,
                now - one.password_age_days * DAY_S,
            )
            for name, one in spec.accounts.items()
        }


class TencentRedis:
    """The service; one Redis process an instance, which sleeps if the instance is lazy."""

    cloud: Cloud = "tencent"
    name = "redis"
    version = "2018-04-12"
    stages = frozenset({"fail_task", "hang_task"})

    def __init__(self, world: World, pool: Pool, clock: Clock) -> None:
        self._world, self._pool, self._clock = world, pool, clock
        self._tasks = Tasks(world.task_s, clock)
        self.instances = {
            id_: Instance(id_, spec, SleepingServer(pool) if spec.lazy else RedisServer())
            for id_, spec in world.redis.items()
        }
        for instance in self.instances.values():
            instance.restore(instance.spec, clock.now())
        password = "InstanceId! OldPassword! Password!"
        self.actions: Mapping[str, Action] = {
            "ModifyInstanceAccount": Action(
                takes(
                    "InstanceId! AccountName! AccountPassword Remark ReadonlyPolicy:strs Privilege"
                    " NoAuth:bool EncryptPassword:bool"
                ),
                self._modify_account,
                changes=True,
            ),
            "ModifyInstancePassword": Action(takes(password), self._modify_password, changes=True),
            "ModfiyInstancePassword": Action(
                takes(f"{password} EncryptPassword:bool"), self._modify_password, changes=True
            ),
            "DescribeTaskInfo": Action(takes("TaskId!:int"), self._task_info),
            "DescribeTaskList": Action(
                takes(
                    "InstanceId Limit:int Offset:int TaskTypes:strs BeginTime EndTime Result:ints OperateUin:strs",
                    "InstanceName ProjectIds:ints TaskStatus:ints OperatorUin:ints",
                ),
                self._task_list,
            ),
            "DescribeInstanceAccount": Action(takes("InstanceId! Limit!:int Offset!:int"), self._accounts),
            "DescribeInstances": Action(
                takes(
                    "Limit:int Offset:int InstanceId InstanceIds:strs Status:ints SearchKey SearchKeys:strs"
                    " InstanceName InstanceTags:objects TagKeys:strs",
                    "OrderBy OrderType:int VpcIds:strs SubnetIds:strs"
                    " ProjectIds:ints UniqVpcIds:strs UniqSubnetIds:strs RegionIds:ints"
                    " TypeVersion:int EngineName AutoRenew:ints BillingMode Type:int TypeList:ints"
                    " MonitorVersion ProductVersions:strs AzMode",
                ),
                self._instances,
            ),
            "DescribeSSLStatus": Action(takes("InstanceId!"), self._ssl_status),
        }

    def refuse(self, kind: Refusal, call: Call) -> ApiError:
        """The code that this service publishes for the action."""
        if kind == "denied":
            return ApiError("UnauthorizedOperation.NoCAMAuthed", "No CAM permission.")
        if kind == "lock":
            account = call.action == "ModifyInstanceAccount"
            code = "InstanceStatusError" if account else "InstanceLockedError"
            return ApiError(f"ResourceUnavailable.{code}", "The instance is locked by another flow.")
        return ApiError("FailedOperation.SystemError", "Internal system error.")

    def state(self) -> dict[str, Any]:
        """Accounts and tasks, without passwords; how many sleeping servers are awake, of both clouds."""
        tasks = [_described(task) for task in self._tasks.all.values()]
        instances = {
            instance.id: {name: _shown(account) for name, account in instance.accounts.items()}
            for instance in self.instances.values()
        }
        return {"instances": instances, "tasks": tasks, "awake": len(self._pool)}

    async def start(self) -> None:
        """Start the Redis servers, side by side; lazy ones only listen."""
        await asyncio.gather(*(one.server.start(one.users) for one in self.instances.values()))

    async def reset(self, world: World) -> None:
        """No task, the first accounts, the same ports."""
        self._tasks.close()
        self._world, self._pool.world, self._tasks = world, world, Tasks(world.task_s, self._clock)
        for instance in self.instances.values():
            instance.restore(world.redis[instance.id], self._clock.now())
        await asyncio.gather(*(one.server.restore(one.users) for one in self.instances.values()))

    async def close(self) -> None:
        """End the flows, then the servers."""
        self._tasks.close()
        await asyncio.gather(*(instance.server.stop() for instance in self.instances.values()))

    async def _modify_account(self, given: Mapping[str, Any], call: Call) -> Answer:
        instance = self._instance(call)
        self._check_free(instance, call, "ResourceUnavailable.InstanceStatusError")
        account = self._account(instance, given["AccountName"])
        root = account.user.name == "root"
        password, no_auth = given.get("AccountPassword"), given.get("NoAuth")
        if password is not None:
            _check_password(password, 64)
        # What the caller leaves out is not kept: this is the trap that callers have to know.
        privilege = given.get("Privilege", "rw")
        policy = tuple(given.get("ReadonlyPolicy", ["master"]))
        if privilege not in ("r", "w", "rw") or not policy or set(policy) - {"master", "replication"}:
            raise ApiError("InvalidParameter.InvalidParameter", "Privilege or ReadonlyPolicy is not known.")
        if root and privilege != account.user.privilege:
            raise ApiError("InvalidParameter.InvalidParameter", "The rights of root cannot be changed.")
        if no_auth and not root:
            raise ApiError("InvalidParameter.InvalidParameter", "Only root can go without a password.")
        user = replace(account.user, privilege=privilege)
        if password is not None:
            user = replace(user, password=password)
        if no_auth is not None:
            user = replace(user, no_auth=no_auth)
        target = replace(account, user=user, remark=given.get("Remark", account.remark), readonly_policy=policy)
        return await self._change(instance, account, target, CHANGE_ACCOUNT, call, with_password=password is not None)

    async def _modify_password(self, given: Mapping[str, Any], call: Call) -> Answer:
        old, new = given["OldPassword"], given["Password"]
        if not old:
            raise ApiError("InvalidParameter.EmptyParam", "OldPassword is empty.")
        _check_password(new, 30 if call.action == "ModifyInstancePassword" else 64)
        instance = self._instance(call)
        self._check_free(instance, call, "ResourceUnavailable.InstanceStatusAbnormal")
        account = self._account(instance, "root")
        if old == new and self._world.old_equals_new == "refuse":
            raise ApiError("InvalidParameterValue.PasswordRuleError", "The new password equals the old one.")
        if old != account.user.password:
            raise ApiError("InvalidParameterValue.PasswordError", "The old password is wrong.")
        target = replace(account, user=replace(account.user, password=new))
        return await self._change(instance, account, target, CHANGE_PASSWORD, call, with_password=True)

    async def _change(
        self,
        instance: Instance,
        account: Account,
        target: Account,
        flow: tuple[str, str],
        call: Call,
        *,
        with_password: bool,
    ) -> Answer:
        async def apply() -> None:
            await instance.server.start(instance.users)
            await instance.server.set_users([target.user])
            account.turn(target, self._clock.now(), with_password=with_password)

        return {"TaskId": self._tasks.start(instance.id, *flow, apply, call.fault).id}

    async def _task_info(self, given: Mapping[str, Any], call: Call) -> Answer:
        task = self._tasks.all.get(given["TaskId"])
        if task is None or not self._reaches(self.instances[task.instance_id], call):
            raise ApiError("InvalidParameter.InvalidParameter", "The task does not exist.")
        return {
            "Status": task.status,
            "StartTime": china_time(task.started),
            "TaskType": task.title,
            "InstanceId": task.instance_id,
            "TaskMessage": task.message,
        }

    async def _task_list(self, given: Mapping[str, Any], call: Call) -> Answer:
        limit, offset = _window(given, 100)
        oldest = china_time(self._clock.now() - _MONTH_S)
        keeps: list[Callable[[Task], bool]] = [
            lambda task: self._reaches(self.instances[task.instance_id], call),
            lambda task: china_time(task.started) >= given.get("BeginTime", oldest),
        ]
        if "InstanceId" in given:
            keeps.append(lambda task: task.instance_id == given["InstanceId"])
        if "EndTime" in given:
            keeps.append(lambda task: china_time(task.started) <= given["EndTime"])
        if given.get("TaskTypes"):
            keeps.append(lambda task: task.kind in given["TaskTypes"])
        if given.get("Result"):
            keeps.append(lambda task: RESULT[task.status] in given["Result"])
        if given.get("OperateUin"):
            keeps.append(lambda _: OPERATOR in given["OperateUin"])
        found = [task for task in reversed(self._tasks.all.values()) if all(keep(task) for keep in keeps)]
        return {"TotalCount": len(found), "Tasks": [_listed(task) for task in page(found, offset, limit)]}

    async def _accounts(self, given: Mapping[str, Any], call: Call) -> Answer:
        limit, offset = _window(given, 100)
        instance = self._instance(call)
        changing = self._tasks.locks(instance.id)
        accounts = [
            {
                "InstanceId": instance.id,
                "AccountName": name,
                "Remark": account.remark,
                "Privilege": account.user.privilege,
                "ReadonlyPolicy": list(account.readonly_policy),
                "Status": 1 if changing else 2,
                "CreateTime": china_time(self._clock.now() - 2 * _MONTH_S),
                "PasswordLastModifiedTime": china_time(account.password_time),
            }
            for name, account in instance.accounts.items()
        ]
        return {"TotalCount": len(accounts), "Accounts": page(accounts, offset, limit)}

    async def _instances(self, given: Mapping[str, Any], call: Call) -> Answer:
        limit, offset = given.get("Limit", 20), given.get("Offset", 0)
        if not 0 <= limit <= 1000 or offset < 0 or (limit and offset % limit):
            raise ApiError("InvalidParameter.InvalidParameter", "Offset has to be a multiple of Limit.")
        wanted = {*given.get("InstanceIds", ()), *([given["InstanceId"]] if "InstanceId" in given else ())}
        found = [
            instance
            for instance in self.instances.values()
            if self._reaches(instance, call)
            and (not wanted or instance.id in wanted)
            and self._status(instance) in (given.get("Status") or [self._status(instance)])
            and _is_sought(instance, given)
        ]
        shown = [self._instance_set(instance) for instance in page(found, offset, limit)]
        return {"TotalCount": len(found), "InstanceSet": shown}

    async def _ssl_status(self, given: Mapping[str, Any], call: Call) -> Answer:
        self._instance(call)
        return {"SSLConfig": False, "FeatureSupport": True, "Status": 2, "CertDownloadUrl": ""}

    def _instance_set(self, instance: Instance) -> dict[str, Any]:
        host, _, port = instance.server.address.partition(":")
        status, spec = self._status(instance), instance.spec
        no_auth = instance.accounts["root"].user.no_auth if "root" in instance.accounts else False
        return {
            "InstanceName": instance.name,
            "InstanceId": instance.id,
            "Appid": 1250000000,
            "ProjectId": 0,
            "Region": spec.region,
            "RegionId": _REGION_IDS.get(spec.region, 1),
            "Status": status,
            "InstanceTitle": _TITLES[status],
            "WanIp": host,
            "Port": int(port or 0),
            "Createtime": china_time(self._clock.now() - 2 * _MONTH_S),
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

    def _status(self, instance: Instance) -> int:
        return 1 if instance.spec.status == 2 and self._tasks.locks(instance.id) else instance.spec.status

    def _check_free(self, instance: Instance, call: Call, wrong_status: str) -> None:
        if self._tasks.locks(instance.id):
            raise self.refuse("lock", call)
        if instance.spec.status != 2:
            raise ApiError(wrong_status, "The status of the instance does not allow this.")

    def _reaches(self, instance: Instance, call: Call) -> bool:
        return instance.spec.region == call.region and call.site in (None, instance.spec.site)

    def _instance(self, call: Call) -> Instance:
        instance = self.instances.get(call.instance_id)
        if instance is None or not self._reaches(instance, call):
            raise ApiError("ResourceNotFound.InstanceNotExists", "The instance does not exist.")
        return instance

    def _account(self, instance: Instance, name: str) -> Account:
        if name not in instance.accounts:
            raise ApiError("ResourceNotFound.AccountDoesNotExists", "The account does not exist.")
        return instance.accounts[name]


def _check_password(password: str, longest: int) -> None:
    """8 to 30 (by the old action 64) characters, two classes of four, no leading `/`. Page 239/111555."""
    if not password:
        raise ApiError("InvalidParameter.EmptyParam", "The password is empty.")
    if not 8 <= len(password) <= longest or character_classes(password) < 2 or password.startswith("/"):
        raise ApiError("InvalidParameterValue.PasswordRuleError", "The password breaks the rules.")


def _is_sought(instance: Instance, given: Mapping[str, Any]) -> bool:
    """Whether an instance has the names and tags that a call asks for: any of the listed tags, any of the keys."""
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


def _window(given: Mapping[str, Any], most: int) -> tuple[int, int]:
    limit, offset = given.get("Limit", 20), given.get("Offset", 0)
    if not 1 <= limit <= most or offset < 0 or offset % limit:
        raise ApiError("InvalidParameter.InvalidParameter", "Offset has to be a multiple of Limit.")
    return limit, offset


def _listed(task: Task) -> dict[str, Any]:
    return {
        "TaskId": task.id,
        "StartTime": china_time(task.started),
        "EndTime": china_time(task.ended),
        "TaskType": task.kind,
        "InstanceName": task.instance_id,
        "InstanceId": task.instance_id,
        "ProjectId": 0,
        "Progress": 100.0 if task.ended else 50.0,
        "Result": RESULT[task.status],
    }


def _described(task: Task) -> dict[str, Any]:
    return {**_listed(task), "Status": task.status, "TaskMessage": task.message}


def _shown(account: Account) -> dict[str, Any]:
    return {
        "Privilege": account.user.privilege,
        "ReadonlyPolicy": list(account.readonly_policy),
        "Remark": account.remark,
        "NoAuth": account.user.no_auth,
        "PasswordLastModifiedTime": china_time(account.password_time),
        "Applied": account.applied,
        "Changed": account.changed,
    }
