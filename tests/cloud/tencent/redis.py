"""Tencent Cloud Redis (2018-04-12): accounts, passwords, tasks, by the API's published pages and metadata."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Any

from tests.cloud.backends.redis_login import LoginForms
from tests.cloud.backends.redis_pool import EagerRedisServer, LazyRedisServer, RedisPool
from tests.cloud.backends.redis_server import RedisUser
from tests.cloud.state.accounts import TENCENT_UIN
from tests.cloud.state.history import History
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.tencent.redis_parameters import (
    INSTANCES,
    MODFIY_PASSWORD,
    MODIFY_ACCOUNT,
    MODIFY_PASSWORD,
    TASK_LIST,
    check_password,
    window,
)
from tests.cloud.tencent.redis_state import (
    ROOT,
    Account,
    Instance,
    account_state,
    instance_set,
    matches_search,
    task_details,
    task_summary,
)
from tests.cloud.tencent.tasks import RESULT, Task, Tasks, redis_time
from tests.cloud.wire.service import (
    Action,
    Answer,
    ApiError,
    Call,
    Cloud,
    RefusalKind,
    page,
    parameter_table,
)

OPERATOR = TENCENT_UIN
OTHER_OPERATOR = "700000000001"
"""The operator of a role's tasks, in a world without R10."""
CHANGE_ACCOUNT, CHANGE_PASSWORD = "037", "007"
_KINDS = {CHANGE_ACCOUNT: "修改实例账号", CHANGE_PASSWORD: "修改实例密码"}
_MONTH_S = 30 * 24 * 3600

_INSTANCE = "qcs::redis:{region}:uin/{account}:instance/{InstanceId}"


class TencentRedis:
    """The service. Each instance has a Redis process; the process of a lazy instance sleeps."""

    cloud: Cloud = "tencent"
    name = "redis"
    version = "2018-04-12"
    task_faults = frozenset({"fail_task", "hang_task"})

    def __init__(self, world: World, pool: RedisPool, clock: Clock, history: History) -> None:
        self.world, self._pool, self._clock, self._history = world, pool, clock, history
        self._tasks = Tasks(world, clock)
        forms = LoginForms(b"@")
        self.instances = {
            id_: Instance(id_, spec, LazyRedisServer(pool, forms) if spec.lazy else EagerRedisServer(forms))
            for id_, spec in world.redis.items()
        }
        self._restore()
        self.actions: Mapping[str, Action] = {
            "ModifyInstanceAccount": Action(MODIFY_ACCOUNT, self._modify_account, changes=True, resource=_INSTANCE),
            "ModifyInstancePassword": Action(MODIFY_PASSWORD, self._modify_password, changes=True, resource=_INSTANCE),
            "ModfiyInstancePassword": Action(MODFIY_PASSWORD, self._modify_password, changes=True, resource=_INSTANCE),
            "DescribeTaskInfo": Action(parameter_table("TaskId!:int"), self._task_info),
            "DescribeTaskList": Action(TASK_LIST, self._task_list),
            "DescribeInstanceAccount": Action(parameter_table("InstanceId! Limit!:int Offset!:int"), self._accounts),
            "DescribeInstances": Action(INSTANCES, self._instances),
            "DescribeSSLStatus": Action(parameter_table("InstanceId!"), self._ssl_status),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The code that this service publishes for the action."""
        # claims: R14, R15, W2
        if kind == "denied":
            return ApiError("UnauthorizedOperation.NoCAMAuthed", "No CAM permission.")
        if kind == "lock":
            account = call.action == "ModifyInstanceAccount"
            code = "InstanceStatusError" if account else "InstanceLockedError"
            return ApiError(f"ResourceUnavailable.{code}", "The instance is locked by another flow.")
        return ApiError("FailedOperation.SystemError", "Internal system error.")

    def state(self) -> dict[str, Any]:
        """Accounts and tasks, without passwords, and the number of sleeping servers of both clouds that are awake."""
        tasks = [task_details(task, self.world) for task in self._tasks.all.values()]
        instances = {
            instance.id: {name: account_state(account, self.world) for name, account in instance.accounts.items()}
            for instance in self.instances.values()
        }
        return {"instances": instances, "tasks": tasks, "awake": len(self._pool)}

    async def start(self) -> None:
        """Start all Redis servers at once; lazy ones only listen."""
        await asyncio.gather(*(one.server.start(one.users) for one in self.instances.values()))

    async def reset(self, world: World) -> None:
        """No task, the first accounts, the same ports."""
        self._tasks.close()
        self.world, self._pool.world, self._tasks = world, world, Tasks(world, self._clock)
        self._restore()
        await asyncio.gather(*(one.server.restore(one.users) for one in self.instances.values()))

    async def close(self) -> None:
        """End the tasks, then the servers."""
        self._tasks.close()
        await asyncio.gather(*(instance.server.stop() for instance in self.instances.values()))

    def frozen(self) -> TencentRedis:
        """A copy that always shows the present state."""
        twin = copy(self)
        twin._clock, twin._tasks = self._clock.stopped(), self._tasks.frozen()
        twin.instances = {
            id_: replace(one, accounts={name: copy(account) for name, account in one.accounts.items()})
            for id_, one in self.instances.items()
        }
        return twin

    async def outside(self, resource: str, account: str, password: str, *, task: bool) -> None:
        """Change a password as if by hand, at once; with `task`, the list shows a finished task for it.

        Raises: ValueError: there is no such account.
        """
        instance = self.instances.get(resource)
        if instance is None or account not in instance.accounts:
            raise ValueError("redis has no such instance or account")
        live = instance.accounts[account]
        await self._turn(instance, live, replace(live.user, password=password), live.remark, live.readonly_policy, True)
        self._history.add(self.name, resource, account, password, by="outside")
        if task:
            kind = CHANGE_PASSWORD if account == ROOT else CHANGE_ACCOUNT
            self._tasks.done(resource, kind, _KINDS[kind])

    def _restore(self) -> None:
        """Set the accounts of the world."""
        for instance in self.instances.values():
            instance.restore(self.world, self._clock.now())
            for name, account in instance.accounts.items():
                self._history.add(self.name, instance.id, name, account.user.password, by="world")

    async def _modify_account(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: R5, R6, R14, W3
        instance = self.instance_of(call)
        refusal = self.refusal_of(instance, call, "ResourceUnavailable.InstanceStatusError")
        account = self.account_of(instance, given["AccountName"])
        root = account.user.default
        password, no_auth = given.get("AccountPassword"), given.get("NoAuth")
        if password is not None:
            check_password(password, 64)
            self.world.check_password(call.action, password)
        # Fields that the caller leaves out are not kept. Callers must know this trap.
        resets = self.world.holds("R5")
        privilege = given.get("Privilege", "rw" if resets else account.user.privilege)
        policy = tuple(given.get("ReadonlyPolicy", ["master"] if resets else account.readonly_policy))
        if privilege not in ("r", "w", "rw") or not policy or set(policy) - {"master", "replication"}:
            raise ApiError("InvalidParameter.InvalidParameter", "Privilege or ReadonlyPolicy is not known.")
        if resets and root and privilege != account.user.privilege:
            raise ApiError("InvalidParameter.InvalidParameter", "The rights of root cannot be changed.")
        if no_auth and not root:
            raise ApiError("InvalidParameter.InvalidParameter", "Only root can go without a password.")
        user = replace(account.user, privilege=privilege)
        if password is not None:
            user = replace(user, password=password)
        if no_auth is not None:
            user = replace(user, no_auth=no_auth)
        remark = given.get("Remark", account.remark)
        answer = self.begin(
            instance, account, user, CHANGE_ACCOUNT, call, password is not None, remark, policy, refusal
        )
        return {"TaskId": 0} if no_auth is not None and self.world.no_auth_task == "zero" else answer

    async def _modify_password(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: R1, R2, R3, R4, R6, R14, W3, W10
        old, new = given["OldPassword"], given["Password"]
        if not old:
            raise ApiError("InvalidParameter.EmptyParam", "OldPassword is empty.")
        longer = call.action == "ModfiyInstancePassword" and self.world.holds("R21")
        check_password(new, 64 if longer else 30)
        self.world.check_password(call.action, new)
        instance = self.instance_of(call)
        refusal = self.refusal_of(instance, call, "ResourceUnavailable.InstanceStatusAbnormal")
        account = self.account_of(instance, ROOT)
        if old == new and self.world.old_equals_new == "refuse":
            raise ApiError("InvalidParameterValue.PasswordRuleError", "The new password equals the old one.")
        if old == new and not self.world.holds("W10"):
            old = new = account.user.password
        if old != account.user.password or (old == new and self.world.old_equals_new == "same_code"):
            code = (
                "InvalidParameterValue.PasswordError" if self.world.holds("R2") else "FailedOperation.PasswordUnequal"
            )
            raise ApiError(code, "The old password is wrong.")
        user = replace(account.user, password=new)
        return self.begin(
            instance, account, user, CHANGE_PASSWORD, call, True, account.remark, account.readonly_policy, refusal
        )

    def begin(
        self,
        instance: Instance,
        account: Account,
        user: RedisUser,
        kind: str,
        call: Call,
        with_password: bool,
        remark: str,
        policy: tuple[str, ...],
        refusal: ApiError | None,
    ) -> Answer:
        """Start a task. Raises: ApiError: in a world without R14 the caller is refused although the task runs."""

        async def apply() -> None:
            await self._turn(instance, account, user, remark, policy, with_password)
            if with_password:
                self._history.add(self.name, instance.id, user.name, user.password)

        kind = self.world.task_types.get(call.action, kind)
        task = self._tasks.start(instance.id, kind, _KINDS.get(kind, kind), apply, call.fault)
        if refusal:
            raise refusal
        return {"TaskId": task.id}

    async def _turn(
        self,
        instance: Instance,
        account: Account,
        user: RedisUser,
        remark: str,
        policy: tuple[str, ...],
        with_password: bool,
    ) -> None:
        await instance.server.start(instance.users)
        await instance.server.set_users([user])
        account.update(user, remark, policy)
        if with_password:
            account.set_time(self._clock.now(), self.world)
        instance.server.forms = instance.forms(self.world)

    async def _task_info(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: R6
        task = self._tasks.all.get(given["TaskId"])
        if task is not None and self._clock.now() < task.started + self.world.task_readable_after_s:
            task = None
        if task is None or not self._reaches(self.instances[task.instance_id], call):
            raise ApiError("InvalidParameter.InvalidParameter", "The task does not exist.")
        return {
            "Status": task.status,
            "StartTime": redis_time(task.started, self.world),
            "TaskType": task.title,
            "InstanceId": task.instance_id,
            "TaskMessage": task.message,
        }

    async def _task_list(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: R9, R23
        limit, offset = window(given)
        oldest = redis_time(self._clock.now() - _MONTH_S, self.world)
        keeps: list[Callable[[Task], bool]] = [
            lambda task: self._reaches(self.instances[task.instance_id], call),
            lambda task: redis_time(task.started, self.world) >= given.get("BeginTime", oldest),
            lambda task: self._clock.now() >= task.started + self.world.task_listed_after_s,
        ]
        if "InstanceId" in given:
            keeps.append(lambda task: task.instance_id == given["InstanceId"])
        if "EndTime" in given:
            keeps.append(lambda task: redis_time(task.started, self.world) <= given["EndTime"])
        if given.get("TaskTypes"):
            keeps.append(lambda task: task.kind in given["TaskTypes"])
        if given.get("Result"):
            keeps.append(lambda task: RESULT[task.status] in given["Result"])
        if given.get("OperateUin"):
            operator = OPERATOR if self.world.holds("R10") else OTHER_OPERATOR
            keeps.append(lambda _: operator in given["OperateUin"])
        found = [task for task in reversed(self._tasks.all.values()) if all(keep(task) for keep in keeps)]
        if not self.world.holds("R23"):
            found.reverse()
        shown = [task_summary(task, self.world) for task in page(found, offset, limit)]
        return {"TotalCount": self._total(found, shown), "Tasks": shown}

    async def _accounts(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: R11
        limit, offset = window(given)
        instance = self.instance_of(call)
        changing = self.world.shows_changing and self._tasks.locks(instance.id)
        now = self._clock.now()
        accounts = [
            {
                "InstanceId": instance.id,
                "AccountName": name,
                "Remark": account.remark,
                "Privilege": account.user.privilege,
                "ReadonlyPolicy": list(account.readonly_policy),
                "Status": 1 if changing else 2,
                "CreateTime": redis_time(self._clock.now() - 2 * _MONTH_S, self.world),
                "PasswordLastModifiedTime": account.time(now),
            }
            for name, account in instance.accounts.items()
        ]
        shown = page(accounts, offset, limit)
        return {"TotalCount": self._total(accounts, shown), "Accounts": shown}

    def _total(self, found: Sequence[object], shown: Sequence[object]) -> int:
        """TotalCount: of everything that was found. In a world without R13: of the page only."""
        return len(found if self.world.holds("R13") else shown)

    async def _instances(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: R13, R22
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
            and matches_search(instance, given)
        ]
        made = self._clock.now() - 2 * _MONTH_S
        shown = [instance_set(one, self._status(one), made, self.world) for one in page(found, offset, limit)]
        return {"TotalCount": self._total(found, shown), "InstanceSet": shown}

    async def _ssl_status(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: W6
        self.instance_of(call)
        if self.world.ssl == "no_engine":
            raise ApiError("InvalidParameterValue.UnSupportedType", "The type of the instance is not supported.")
        if self.world.ssl == "no_status":
            raise ApiError("ResourceUnavailable.InstanceStatusError", "The status of the instance is wrong.")
        return {"SSLConfig": False, "FeatureSupport": True, "Status": 2, "CertDownloadUrl": ""}

    def _status(self, instance: Instance) -> int:
        changing = self.world.shows_changing and self._tasks.locks(instance.id)
        return 1 if instance.spec.status == 2 and changing else instance.spec.status

    def refusal_of(self, instance: Instance, call: Call, wrong_status: str) -> ApiError | None:
        """The refusal of a change that an instance's state does not allow.

        In a world without R14 the change still happens.

        Raises: ApiError: the refusal, in any other world.
        """
        if self._tasks.locks(instance.id) and self.world.holds("R20"):
            refusal = self.error_for("lock", call)
        elif instance.spec.status != 2:
            refusal = ApiError(wrong_status, "The status of the instance does not allow this.")
        else:
            return None
        if self.world.holds("R14"):
            raise refusal
        return refusal

    def _reaches(self, instance: Instance, call: Call) -> bool:
        here = instance.spec.region == call.region and call.site in (None, instance.spec.site)
        return here and call.sees(self.world, instance.id)

    def instance_of(self, call: Call) -> Instance:
        instance = self.instances.get(call.instance_id)
        if instance is None or not self._reaches(instance, call):
            raise self._missing("ResourceNotFound.InstanceNotExists", "The instance does not exist.")
        return instance

    def account_of(self, instance: Instance, name: str) -> Account:
        if name not in instance.accounts:
            raise self._missing("ResourceNotFound.AccountDoesNotExists", "The account does not exist.")
        return instance.accounts[name]

    def _missing(self, code: str, message: str) -> ApiError:
        return ApiError(code if self.world.holds("R16") else "FailedOperation.Unknown", message)
