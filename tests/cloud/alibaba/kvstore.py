"""Alibaba Cloud R-kvstore (2015-01-01), that is Tair and Redis: accounts, without tasks or times."""

from __future__ import annotations

import asyncio
import random
import string
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from tests.cloud.backends.redis_login import LoginForms
from tests.cloud.backends.redis_pool import EagerRedisServer, LazyRedisServer, RedisPool
from tests.cloud.backends.redis_server import InstanceServer, RedisUser
from tests.cloud.state.history import History
from tests.cloud.state.world import TairAccount, TairInstance, World
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import (
    Action,
    Answer,
    ApiError,
    Call,
    Cloud,
    RefusalKind,
    character_classes,
    judged_by,
    page,
    parameter_table,
)

BUSY_S = 5.0
"""The seconds after a change has settled in which the next one is refused, in a world without A3."""
EFFECT_LATE_S = 3.0
"""The seconds from an account's rest until its new password is in force, in a world without A11."""
NOBODY_LISTENS = 1
"""The port that the API shows in a world without W5."""
_SYMBOLS = "!@#$%^&*()_+-="
_PRIVILEGES = {"RoleReadOnly": "r", "RoleReadWrite": "rw"}
_MOST_TAGS = 5
_TAGS = " ".join(f"Tag.{number}.{part}" for number in range(1, _MOST_TAGS + 1) for part in ("Key", "Value"))
LEGACY = "SourceBiz OwnerAccount OwnerId:int ResourceOwnerAccount ResourceOwnerId:int SecurityToken"


@dataclass
class Account:
    """An account. It shows Unavailable from `shown` to `settled`, both in epoch seconds."""

    spec: TairAccount
    user: RedisUser
    shown: float = 0.0
    settled: float = 0.0
    applied: int = 0
    changed: int = 0

    def status(self, now: float) -> str:
        """AccountStatus."""
        return "Unavailable" if self.shown <= now < self.settled else "Available"


@dataclass
class Instance:
    """An instance."""

    id: str
    spec: TairInstance
    server: InstanceServer
    accounts: dict[str, Account] = field(default_factory=dict)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def users(self) -> list[RedisUser]:
        """The instance's accounts as Redis users. If it has no default account, a password alone logs nobody in."""
        return [account.user for account in self.accounts.values()]

    def restore(self, world: World) -> None:
        """Set the accounts of a world."""
        self.spec, own, spec = world.tair[self.id], {"default", self.id}, world.tair[self.id]
        self.accounts = {}
        for name, one in spec.accounts.items():
            user = RedisUser(name, one.password, _PRIVILEGES[one.privilege], nopass=one.nopass, default=name in own)
            self.accounts[name] = Account(one, user)
        defaults = [one.user for one in self.accounts.values() if one.user.default]
        self.server.forms = LoginForms(
            b":",
            default=frozenset(name.encode() for name in own) if defaults else frozenset(),
            two_words="accept" if world.holds("A8") else "refuse",
            password_alone=world.holds("A8"),
            before_6=float(spec.engine_version) < 6,
            takes_any=any(user.nopass for user in defaults),
        )


_INSTANCE = "acs:kvstore:{region}:{account}:instance/{InstanceId}"


class AlibabaKvstore:
    """The service. Each instance has a Redis process; the process of a lazy instance sleeps."""

    cloud: Cloud = "alibaba"
    name = "r-kvstore"
    version = "2015-01-01"
    task_faults = frozenset({"hang_task"})

    def __init__(self, world: World, pool: RedisPool, clock: Clock, history: History) -> None:
        self.world, self._pool, self._clock, self._history = world, pool, clock, history
        self._wrong_old = _drawn_refusal()
        forms = LoginForms(b":")
        self.instances = {
            id_: Instance(id_, spec, LazyRedisServer(pool, forms) if spec.lazy else EagerRedisServer(forms))
            for id_, spec in world.tair.items()
        }
        self._restore()
        actions = {
            "ModifyAccountPassword": Action(
                parameter_table(f"InstanceId! AccountName! OldAccountPassword! NewAccountPassword! {LEGACY}"),
                self._modify_password,
                changes=True,
            ),
            "DescribeAccounts": Action(
                parameter_table(f"InstanceId! AccountName PageNumber:int PageSize:int {LEGACY}", "SearchAccountName"),
                self._accounts,
            ),
            "DescribeInstanceAttribute": Action(parameter_table(f"InstanceId! {LEGACY}"), self._instance_attribute),
            "DescribeInstances": Action(
                parameter_table(
                    "InstanceIds InstanceStatus InstanceType RegionId SearchKey PageNumber:int PageSize:int"
                    f" {_TAGS} {LEGACY}",
                    "ArchitectureType ChargeType EditionType EngineVersion Expired GlobalInstance:bool"
                    " InstanceClass NetworkType NodeType PrivateIp ResourceGroupId VSwitchId VpcId ZoneId",
                ),
                self._instances,
                resource="acs:kvstore:{region}:{account}:instance/*",
            ),
            "DescribeInstanceSSL": Action(parameter_table(f"InstanceId! {LEGACY}"), self._instance_ssl),
        }
        self.actions: Mapping[str, Action] = judged_by(_INSTANCE, "InstanceId", actions)

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The codes of similar actions. ModifyAccountPassword itself has no published ones."""
        # claims: R14, W2
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
                    name: {"Status": self._status(one), "Applied": one.applied, "Changed": one.changed}
                    for name, one in instance.accounts.items()
                }
                for instance in self.instances.values()
            }
        }

    async def start(self) -> None:
        """Start all Redis servers at once; lazy ones only listen."""
        await asyncio.gather(*(one.server.start(one.users) for one in self.instances.values()))

    async def reset(self, world: World) -> None:
        """Set the first accounts again, keep the ports, and choose another code for a wrong old password."""
        self.world, self._pool.world, self._wrong_old = world, world, _drawn_refusal()
        self._restore()
        await asyncio.gather(*(one.server.restore(one.users) for one in self.instances.values()))

    async def close(self) -> None:
        """End the servers."""
        await asyncio.gather(*(instance.server.stop() for instance in self.instances.values()))

    def frozen(self) -> AlibabaKvstore:
        """A copy that always shows the present state."""
        twin = copy(self)
        twin._clock = self._clock.stopped()
        twin.instances = {
            id_: replace(one, accounts={name: copy(account) for name, account in one.accounts.items()})
            for id_, one in self.instances.items()
        }
        return twin

    async def outside(self, resource: str, account: str, password: str, *, task: bool) -> None:
        """Change a password as if by hand. Raises: ValueError: there is no such account."""
        instance = self.instances.get(resource)
        if instance is None or account not in instance.accounts:
            raise ValueError("tair has no such instance or account")
        async with instance.turn:
            await self._turn(instance, instance.accounts[account], password)
        self._history.add("tair", resource, account, password, by="outside")

    def _restore(self) -> None:
        """Set the accounts of the world."""
        for instance in self.instances.values():
            instance.restore(self.world)
            for name, account in instance.accounts.items():
                self._history.add("tair", instance.id, name, account.user.password, by="world")

    async def _turn(self, instance: Instance, account: Account, password: str) -> None:
        user = replace(account.user, password=password)
        await instance.server.start(instance.users)
        if self.world.holds("A11"):
            await instance.server.set_users([user])
        else:
            late_s = self.world.changing_shown_after_s + self.world.settle_s + EFFECT_LATE_S
            self._clock.call_after(late_s, partial(instance.server.set_users, [user]))
        account.applied += 1
        account.changed += user.password != account.user.password
        account.user, account.shown = user, self._clock.now() + self.world.changing_shown_after_s
        account.settled = account.shown + self.world.settle_s

    def _status(self, account: Account) -> str:
        return account.status(self._clock.now()) if self.world.shows_changing else "Available"

    async def _modify_password(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: A4, A5, A6, A11, R14, W3, W10
        old, new = given["OldAccountPassword"], given["NewAccountPassword"]
        instance, account, refused = self.ready_account(given, new, call)
        if old == new and self.world.old_equals_new == "refuse":
            raise ApiError("InvalidNewPassword.Duplicate", "The new password equals the old one.")
        async with instance.turn:  # compare and swap: only one of two callers with the same old password succeeds
            if old == new and not self.world.holds("W10"):
                old = new = account.user.password
            if old != account.user.password or (old == new and self.world.old_equals_new == "same_code"):
                raise self._wrong_old_password()
            await self.set_password(instance, account, new)
        return self.answered(account, call, refused)

    def ready_account(self, given: Mapping[str, Any], new: str, call: Call) -> tuple[Instance, Account, bool]:
        """The instance and account for a new password, and whether the caller is told a refusal although it changes.

        Raises: ApiError.
        """
        # claims: A3, R14, W3
        instance = self.instance_of(call)
        refused = instance.spec.status != "Normal"
        if refused and self.world.holds("R14"):
            raise self.error_for("lock", call)
        account = instance.accounts.get(given["AccountName"])
        if account is None:
            raise ApiError("InvalidAccountName.NotFound", "Specified AccountName does not exist.", 404)
        _check_password(new)
        self.world.check_password(call.action, new)
        if not self.world.holds("A3") and self._clock.now() < account.settled + BUSY_S:
            raise ApiError("OperationConflict.Switching", "The instance is being switched.")
        return instance, account, refused

    def is_settling(self, account: Account) -> bool:
        """Whether a change of the account is under way, shown or not."""
        return self._clock.now() < account.settled

    async def set_password(self, instance: Instance, account: Account, password: str) -> None:
        """Put a new password in force. The caller holds the instance's lock."""
        await self._turn(instance, account, password)
        self._history.add("tair", instance.id, account.user.name, password)

    def answered(self, account: Account, call: Call, refused: bool) -> Answer:
        """The answer to a change that was made. Raises: ApiError: the caller is told a refusal."""
        # claims: R14
        if refused:
            raise self.error_for("lock", call)
        if call.fault == "hang_task":
            account.settled = float("inf")
        return {}

    def _wrong_old_password(self) -> ApiError:
        """An unpublished code; in a world without A2, the published code of another mistake."""
        if self.world.holds("A2"):
            return ApiError(*self._wrong_old)
        return ApiError("InvalidAccountPassword.Format", "Specified AccountPassword is not valid.")

    async def _accounts(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: A5, A10
        instance = self.instance_of(call)
        found = [
            {
                "InstanceId": instance.id,
                "AccountName": name,
                "AccountStatus": self._status(account),
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
        # claims: A10
        shown = self._shown(self.instance_of(call))
        shown |= {"Engine": "Redis", "IsOrderCompleted": True, "VpcAuthMode": "Open"}
        return {"Instances": {"DBInstanceAttribute": [shown]}}

    async def _instances(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: A10
        ids = [id_ for id_ in given.get("InstanceIds", "").split(",") if id_]
        if len(ids) > 30:
            raise ApiError("InvalidInstanceIds.Malformed", "At most 30 instances can be named.")
        if any(name.startswith("Tag.") for name in given) and "RegionId" not in given:
            raise ApiError("MissingRegionId", "RegionId is mandatory for this action when tags are given.")
        wanted = _wanted_tags(given)
        found = [
            instance
            for instance in self.instances.values()
            if self._reaches(instance, call)
            and (not ids or instance.id in ids)
            and instance.spec.status == given.get("InstanceStatus", instance.spec.status)
            and instance.spec.region == given.get("RegionId", instance.spec.region)
            and given.get("InstanceType", "Tair") == "Tair"
            and (given.get("SearchKey", "") in instance.id or given["SearchKey"] in instance.spec.name)
            and all(key in tags and value in ("", tags[key]) for tags in [instance.spec.tags] for key, value in wanted)
        ]
        shown = [self._shown(instance) for instance in _page(found, given)]
        return {**_paged(given, len(found)), "Instances": {"KVStoreInstance": shown}}

    async def _instance_ssl(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: W6
        instance = self.instance_of(call)
        if self.world.ssl != "off":
            raise ApiError("IncorrectEngineVersion", "The engine version does not support this operation.")
        return {"InstanceId": instance.id, "SSLEnabled": "Disable", "SSLExpiredTime": ""}

    def _shown(self, instance: Instance) -> dict[str, Any]:
        host, _, port = instance.server.address.partition(":")
        return {
            "InstanceId": instance.id,
            "InstanceName": instance.spec.name or instance.id,
            "InstanceStatus": instance.spec.status,
            "InstanceType": "Tair",
            "EngineVersion": instance.spec.engine_version,
            "ArchitectureType": "standard",
            "ConnectionDomain": host,
            "Port": int(port or 0) if self.world.holds("W5") else NOBODY_LISTENS,
            "RegionId": instance.spec.region,
            "EndTime": "",
            "HasRenewChangeOrder": False,
            "Tags": {"Tag": [{"Key": key, "Value": value} for key, value in instance.spec.tags.items()]},
        }

    def _reaches(self, instance: Instance, call: Call) -> bool:
        return call.region in (None, instance.spec.region) and call.sees(self.world, instance.id)

    def instance_of(self, call: Call) -> Instance:
        # claims: A10
        instance = self.instances.get(call.instance_id)
        if instance is None or not self._reaches(instance, call):
            raise ApiError("InvalidInstanceId.NotFound", "The specified instance does not exist.", 404)
        return instance


def _drawn_refusal() -> tuple[str, str, int]:
    """A random code, because what a wrong old password returns is not published: no caller may rely on a code."""
    kind = random.choice(("InvalidOldPassword", "InvalidOldAccountPassword", "IncorrectOldPassword"))
    end = "".join(random.choices(string.ascii_lowercase, k=4)).capitalize()
    return f"{kind}.{end}", "The old password is wrong.", random.choice((400, 403))


def _check_password(password: str) -> None:
    """The rule: 8 to 32 characters, three classes of four, and only the published symbols."""
    # claims: W3
    known = all(one.isascii() and (one.isalnum() or one in _SYMBOLS) for one in password)
    if not 8 <= len(password) <= 32 or character_classes(password) < 3 or not known:
        raise ApiError("InvalidAccountPassword.Format", "Specified AccountPassword is not valid.")


def _wanted_tags(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Key and value of each `Tag.N`. An empty value matches any."""
    # claims: A10
    numbers = range(1, _MOST_TAGS + 1)
    if any(f"Tag.{number}.Value" in given and f"Tag.{number}.Key" not in given for number in numbers):
        raise ApiError("InvalidTagKey", "A tag has a key.")
    return [(given[key], given.get(f"Tag.{n}.Value", "")) for n in numbers if (key := f"Tag.{n}.Key") in given]


def _window(given: Mapping[str, Any]) -> tuple[int, int]:
    # claims: A10
    number, size = given.get("PageNumber", 1), given.get("PageSize", 30)
    if number < 1 or not 1 <= size <= 50:
        raise ApiError("InvalidPageSize", "PageNumber starts at 1, PageSize is at most 50.")
    return number, size


def _paged(given: Mapping[str, Any], total: int) -> dict[str, int]:
    number, size = _window(given)
    return {"PageNumber": number, "PageSize": size, "TotalCount": total}


def _page(found: list[Any], given: Mapping[str, Any]) -> list[Any]:
    number, size = _window(given)
    return page(found, (number - 1) * size, size)
