"""Alibaba Cloud R-kvstore (2015-01-01), that is Tair and Redis: accounts, without tasks or times."""

from __future__ import annotations

import asyncio
import random
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .redis_server import RedisServer, User
from .service import Action, Answer, ApiError, Call, Cloud, Refusal, character_classes, page, takes
from .world import TairAccount, TairInstance, World

_SYMBOLS = "!@#$%^&*()_+-="
_PRIVILEGES = {"RoleReadOnly": "r", "RoleReadWrite": "rw"}
_LEGACY = "SourceBiz OwnerAccount OwnerId:int ResourceOwnerAccount ResourceOwnerId:int SecurityToken"


@dataclass
class Account:
    """A live account; `settled` is the monotonic time from which it shows Available."""

    spec: TairAccount
    user: User
    settled: float = 0.0
    applied: int = 0
    changed: int = 0

    @property
    def status(self) -> str:
        """AccountStatus."""
        return "Available" if time.monotonic() >= self.settled else "Unavailable"


@dataclass
class Instance:
    """A live instance."""

    id: str
    spec: TairInstance
    server: RedisServer
    accounts: dict[str, Account] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def users(self) -> list[User]:
        """Its accounts as Redis users; nobody is `default`, so a password alone opens nothing."""
        return [account.user for account in self.accounts.values()]

    def restore(self, spec: TairInstance) -> None:
        """Take the accounts of a world."""
        self.spec = spec
        self.accounts = {
            name: Account(one, User(name, one.password, _PRIVILEGES[one.privilege]))
            for name, one in spec.accounts.items()
        }


class AlibabaKvstore:
    """The service; one Redis process an instance."""

    cloud: Cloud = "alibaba"
    name = "r-kvstore"
    version = "2015-01-01"
    stages = frozenset({"hang_task"})

    def __init__(self, world: World) -> None:
        self._world = world
        self._wrong_old = _drawn_refusal()
        self.instances = {id_: Instance(id_, spec, RedisServer()) for id_, spec in world.tair.items()}
        for instance in self.instances.values():
            instance.restore(instance.spec)
        self.actions: Mapping[str, Action] = {
            "ModifyAccountPassword": Action(
                takes(f"InstanceId! AccountName! OldAccountPassword! NewAccountPassword! {_LEGACY}"),
                self._modify_password,
                changes=True,
            ),
            "DescribeAccounts": Action(
                takes(f"InstanceId! AccountName PageNumber:int PageSize:int {_LEGACY}", "SearchAccountName"),
                self._accounts,
            ),
            "DescribeInstanceAttribute": Action(takes(f"InstanceId! {_LEGACY}"), self._instance_attribute),
            "DescribeInstances": Action(
                takes(
                    f"InstanceIds InstanceStatus InstanceType RegionId PageNumber:int PageSize:int {_LEGACY}",
                    "ArchitectureType ChargeType EditionType EngineVersion Expired GlobalInstance:bool"
                    " InstanceClass NetworkType NodeType PrivateIp ResourceGroupId SearchKey VSwitchId VpcId"
                    " ZoneId",
                ),
                self._instances,
            ),
            "DescribeInstanceSSL": Action(takes(f"InstanceId! {_LEGACY}"), self._instance_ssl),
        }

    def refuse(self, kind: Refusal, call: Call) -> ApiError:
        """Codes of this API's siblings; ModifyAccountPassword itself publishes none."""
        if kind == "denied":
            return ApiError("Forbidden.RAM", "User not authorized to operate on the specified resource.", 403)
        if kind == "lock":
            return ApiError("IncorrectDBInstanceState", "The instance state does not support this operation.")
        if kind == "failed":
            return ApiError("OperationDenied.DBStatus", "The operation is denied in the current state.", 403)
        return ApiError("InternalError", "An internal error occurred.", 500)

    def state(self) -> dict[str, Any]:
        """Accounts without passwords."""
        return {
            "instances": {
                instance.id: {
                    name: {"Status": one.status, "Applied": one.applied, "Changed": one.changed}
                    for name, one in instance.accounts.items()
                }
                for instance in self.instances.values()
            }
        }

    async def start(self) -> None:
        """Start the Redis servers, side by side."""
        eager = [one for one in self.instances.values() if not one.spec.lazy]
        await asyncio.gather(*(one.server.start(one.users) for one in eager))

    async def reset(self, world: World) -> None:
        """The first accounts, the same ports, another code for a wrong old password."""
        self._world, self._wrong_old = world, _drawn_refusal()
        for instance in self.instances.values():
            instance.restore(world.tair[instance.id])
            if instance.server.address:
                await instance.server.set_users(instance.users)

    async def close(self) -> None:
        """End the servers."""
        await asyncio.gather(*(instance.server.stop() for instance in self.instances.values()))

    async def _modify_password(self, given: Mapping[str, Any], call: Call) -> Answer:
        instance = self._instance(call)
        if instance.spec.status != "Normal":
            raise self.refuse("lock", call)
        account = instance.accounts.get(given["AccountName"])
        if account is None:
            raise ApiError("InvalidAccountName.NotFound", "Specified AccountName does not exist.", 404)
        old, new = given["OldAccountPassword"], given["NewAccountPassword"]
        _check_password(new)
        if old == new and self._world.old_equals_new == "refuse":
            raise ApiError("InvalidNewPassword.Duplicate", "The new password equals the old one.")
        async with instance.turn:  # compare and swap: of two callers with the same old password one wins
            if old != account.user.password:
                raise ApiError(*self._wrong_old)
            target = replace(account.user, password=new)
            await instance.server.start(instance.users)
            await instance.server.set_users([target])
            account.user = target
        account.applied += 1
        account.changed += old != new
        hangs = call.fault == "hang_task"
        account.settled = float("inf") if hangs else time.monotonic() + self._world.settle_s
        return {}

    async def _accounts(self, given: Mapping[str, Any], call: Call) -> Answer:
        instance = self._instance(call)
        found = [
            {
                "InstanceId": instance.id,
                "AccountName": name,
                "AccountStatus": account.status,
                "AccountType": account.spec.type,
                "AccountDescription": "",
                "DatabasePrivileges": {
                    "DatabasePrivilege": [{"AccountPrivilege": account.spec.privilege}],
                },
            }
            for name, account in instance.accounts.items()
            if name == given.get("AccountName", name)
        ]
        return {**_paged(given, len(found)), "Accounts": {"Account": _page(found, given)}}

    async def _instance_attribute(self, given: Mapping[str, Any], call: Call) -> Answer:
        shown = await self._shown(self._instance(call))
        shown |= {"Engine": "Redis", "IsOrderCompleted": True, "VpcAuthMode": "Open"}
        return {"Instances": {"DBInstanceAttribute": [shown]}}

    async def _instances(self, given: Mapping[str, Any], call: Call) -> Answer:
        ids = [id_ for id_ in given.get("InstanceIds", "").split(",") if id_]
        if len(ids) > 30:
            raise ApiError("InvalidInstanceIds.Malformed", "At most 30 instances can be named.")
        found = [
            await self._shown(instance)
            for instance in self.instances.values()
            if self._reaches(instance, call)
            and (not ids or instance.id in ids)
            and instance.spec.status == given.get("InstanceStatus", instance.spec.status)
            and instance.spec.region == given.get("RegionId", instance.spec.region)
            and given.get("InstanceType", "Tair") == "Tair"
        ]
        return {**_paged(given, len(found)), "Instances": {"KVStoreInstance": _page(found, given)}}

    async def _instance_ssl(self, given: Mapping[str, Any], call: Call) -> Answer:
        instance = self._instance(call)
        return {"InstanceId": instance.id, "SSLEnabled": "Disable", "SSLExpiredTime": ""}

    async def _shown(self, instance: Instance) -> dict[str, Any]:
        await instance.server.start(instance.users)
        host, _, port = instance.server.address.partition(":")
        return {
            "InstanceId": instance.id,
            "InstanceName": instance.id,
            "InstanceStatus": instance.spec.status,
            "InstanceType": "Tair",
            "EngineVersion": "7.0",
            "ArchitectureType": "standard",
            "ConnectionDomain": host,
            "Port": int(port),
            "RegionId": instance.spec.region,
            "EndTime": "",
            "HasRenewChangeOrder": False,
        }

    def _reaches(self, instance: Instance, call: Call) -> bool:
        return call.region in (None, instance.spec.region)

    def _instance(self, call: Call) -> Instance:
        instance = self.instances.get(call.instance_id)
        if instance is None or not self._reaches(instance, call):
            raise ApiError("InvalidInstanceId.NotFound", "The specified instance does not exist.", 404)
        return instance


def _drawn_refusal() -> tuple[str, str, int]:
    """Nobody has published what a wrong old password returns: no caller may know this code beforehand."""
    kind = random.choice(("InvalidOldPassword", "InvalidOldAccountPassword", "IncorrectOldPassword"))
    end = "".join(random.choices(string.ascii_lowercase, k=4)).capitalize()
    return f"{kind}.{end}", "The old password is wrong.", random.choice((400, 403))


def _check_password(password: str) -> None:
    """8 to 32 characters, three classes of four, symbols only of the published ones."""
    known = all(one.isascii() and (one.isalnum() or one in _SYMBOLS) for one in password)
    if not 8 <= len(password) <= 32 or character_classes(password) < 3 or not known:
        raise ApiError("InvalidAccountPassword.Format", "Specified AccountPassword is not valid.")


def _window(given: Mapping[str, Any]) -> tuple[int, int]:
    number, size = given.get("PageNumber", 1), given.get("PageSize", 30)
    if number < 1 or not 1 <= size <= 50:
        raise ApiError("InvalidPageSize", "PageNumber starts at 1, PageSize is at most 50.")
    return number, size


def _paged(given: Mapping[str, Any], total: int) -> dict[str, int]:
    number, size = _window(given)
    return {"PageNumber": number, "PageSize": size, "TotalCount": total}


def _page(found: list[dict[str, Any]], given: Mapping[str, Any]) -> list[dict[str, Any]]:
    number, size = _window(given)
    return page(found, (number - 1) * size, size)
