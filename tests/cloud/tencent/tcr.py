"""Tencent Container Registry (2019-09-24): service accounts, without tasks, by the API's published metadata."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

from tests.cloud.backends.registry import Registry
from tests.cloud.state.china_time import CHINA
from tests.cloud.state.history import By, History
from tests.cloud.state.world import DAY_S, RegistryAccount, RegistryInstance, World
from tests.cloud.state.world_clock import Clock
from tests.cloud.tencent.tasks import EFFECT_LATE_S
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, page, parameter_table

PREFIX = "tcr$"
_ALPHABET = string.ascii_letters + string.digits
_RANDOM_LENGTH = 32
_MONTH_S = 30 * 24 * 3600


@dataclass
class ServiceAccount:
    """A service account, by its name without prefix."""

    name: str
    spec: RegistryAccount
    password: str
    updated: float
    applied: int = 0
    changed: int = 0

    def may_log_in(self, now: float, world: World) -> bool:
        """Whether its password logs in; `expires_at` is in milliseconds, -1 means never."""
        return self.is_usable(now) or not world.holds("T6")

    def is_usable(self, now: float) -> bool:
        """Whether it is neither disabled nor expired."""
        return not self.spec.disabled and not 0 <= self.spec.expires_at / 1000 <= now


@dataclass
class Instance:
    """A registry instance."""

    id: str
    spec: RegistryInstance
    registry: Registry
    accounts: dict[str, ServiceAccount] = field(default_factory=dict)

    def logins(self, now: float, world: World) -> dict[str, str]:
        """Full account name -> password, for the accounts that may log in."""
        return {PREFIX + one.name: one.password for one in self.accounts.values() if one.may_log_in(now, world)}

    def restore(self, spec: RegistryInstance, now: float) -> None:
        """Set the accounts of a world."""
        self.spec = spec
        self.accounts = {
            name: ServiceAccount(name, one, one.password, now - one.password_age_days * DAY_S)
            for name, one in spec.accounts.items()
        }


_INSTANCE = "qcs::tcr:{region}:uin/{account}:instance/{RegistryId}"


class TencentTcr:
    """The service; each instance has a registry."""

    cloud: Cloud = "tencent"
    name = "tcr"
    version = "2019-09-24"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, clock: Clock, history: History) -> None:
        self._world, self._clock, self._history = world, clock, history
        self.instances = {id_: Instance(id_, spec, Registry()) for id_, spec in world.tcr.items()}
        self._restore()
        self.actions: Mapping[str, Action] = {
            "ModifyServiceAccountPassword": Action(
                parameter_table("RegistryId! Name! Random!:bool Password"),
                self._modify_password,
                changes=True,
                resource=_INSTANCE,
            ),
            "DescribeServiceAccounts": Action(
                parameter_table("RegistryId! All:bool EmbedPermission:bool Filters:objects Offset:int Limit:int"),
                self._service_accounts,
            ),
            "DescribeInstances": Action(
                parameter_table("Registryids:strs Offset:int Limit:int", "Filters:objects AllRegion:bool"),
                self._instances,
            ),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The error that this service publishes; it publishes none for a lock."""
        # claims: R14, R15, W2
        if kind == "denied":
            return ApiError("AuthFailure.UnauthorizedOperation", "No CAM permission.")
        if kind == "lock":
            return ApiError("RequestLimitExceeded", "More requests than the API takes in a second.")
        if kind == "system":
            return ApiError("FailedOperation.SystemError", "Internal system error.")
        return ApiError("FailedOperation", "The operation failed.")

    def state(self) -> dict[str, Any]:
        """Accounts without passwords."""
        return {
            "instances": {
                instance.id: {
                    one.name: {
                        "UpdateTime": _iso(one.updated),
                        "Disable": one.spec.disabled,
                        "Applied": one.applied,
                        "Changed": one.changed,
                    }
                    for one in instance.accounts.values()
                }
                for instance in self.instances.values()
            }
        }

    async def start(self) -> None:
        """Start the registries."""
        now = self._clock.now()
        await asyncio.gather(*(one.registry.start(one.logins(now, self._world)) for one in self.instances.values()))
        self._await_expiries()

    async def reset(self, world: World) -> None:
        """The first accounts, the same ports."""
        self._world = world
        self._restore()
        for instance in self.instances.values():
            instance.registry.set_logins(instance.logins(self._clock.now(), self._world))
        self._await_expiries()

    async def close(self) -> None:
        """End the registries."""
        await asyncio.gather(*(instance.registry.stop() for instance in self.instances.values()))

    def frozen(self) -> TencentTcr:
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
        instance, name = self.instances.get(resource), account.removeprefix(PREFIX)
        if instance is None or name not in instance.accounts:
            raise ValueError("tcr has no such instance or account")
        instance.accounts[name].updated = self._clock.now()
        await self._turn(instance, instance.accounts[name], password, "outside")

    def _restore(self) -> None:
        """Set the accounts of the world."""
        for instance in self.instances.values():
            instance.restore(self._world.tcr[instance.id], self._clock.now())
            for account in instance.accounts.values():
                self._history.add(self.name, instance.id, account.name, account.password, by="world")

    async def _turn(self, instance: Instance, account: ServiceAccount, password: str, by: By = "call") -> None:
        account.applied += 1
        account.changed += password != account.password
        account.password = password
        if account.may_log_in(self._clock.now(), self._world):
            instance.registry.set_login(PREFIX + account.name, password)
        self._history.add(self.name, instance.id, account.name, password, by=by)

    async def _modify_password(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: T6, T7, W3
        instance = self._instance(call)
        name = given["Name"]
        bare_names = name.startswith(PREFIX) or self._world.holds("T1")
        account = instance.accounts.get(name.removeprefix(PREFIX)) if bare_names else None
        if account is None:
            raise ApiError("InvalidParameter", "The service account does not exist.")
        if given["Random"] == bool(given.get("Password")):
            raise ApiError("InvalidParameter", "Either Random or a password.")
        if self._world.unusable_accounts == "refuse" and not account.is_usable(self._clock.now()):
            raise ApiError("FailedOperation", "The service account is disabled or has expired.")
        password = given.get("Password") or "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
        if not given["Random"]:
            _check_password(password)
            self._world.check_password(call.action, password)
        account.updated = self._clock.now()
        if self._world.holds("T3"):
            await self._turn(instance, account, password)
        else:
            self._clock.call_after(EFFECT_LATE_S, partial(self._turn, instance, account, password))
        return {"Password": password if given["Random"] or self._world.holds("T2") else ""}

    async def _service_accounts(self, given: Mapping[str, Any], call: Call) -> Answer:
        instance = self._instance(call)
        found = list(instance.accounts.values())
        for one in given.get("Filters", ()):
            if one.keys() != {"Name", "Values"} or one["Name"] != "ServiceAccountName":
                raise ApiError("InvalidParameter", "The only filter is ServiceAccountName.")
            wanted = {str(value).removeprefix(PREFIX) for value in one["Values"]}
            whole = self._world.holds("T4")
            found = [one for one in found if any(one.name == name if whole else name in one.name for name in wanted)]
        accounts = [
            {
                "Name": PREFIX + account.name,
                "Description": account.spec.description,
                "Disable": account.spec.disabled,
                "ExpiresAt": self._expires_at(account),
                "CreateTime": _iso(self._clock.now() - 2 * _MONTH_S),
                "UpdateTime": _iso(account.updated),
                "Permissions": [{"Resource": "library", "Actions": ["tcr:PullRepository"]}],
            }
            for account in found
        ]
        if given.get("All"):
            return {"TotalCount": len(accounts), "ServiceAccounts": accounts}
        return {"TotalCount": len(accounts), "ServiceAccounts": page(accounts, *_window(given))}

    async def _instances(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: T7
        found = [
            {
                "RegistryId": instance.id,
                "RegistryName": instance.id,
                "RegistryType": "basic",
                "Status": instance.spec.status,
                "PublicDomain": (
                    instance.registry.address if self._world.holds("T5") else instance.registry.closed_address
                ),
                "CreatedAt": _iso(self._clock.now() - 2 * _MONTH_S),
                "RegionName": instance.spec.region,
                "EnableAnonymous": False,
                "TagSpecification": {
                    "ResourceType": "instance",
                    "Tags": [{"Key": key, "Value": value} for key, value in instance.spec.tags.items()],
                },
            }
            for instance in self.instances.values()
            if self._reaches(instance, call) and instance.id in (given.get("Registryids") or [instance.id])
        ]
        return {"TotalCount": len(found), "Registries": page(found, *_window(given))}

    def _expires_at(self, account: ServiceAccount) -> int:
        # claims: T6
        moment = account.spec.expires_at
        return moment // 1000 if moment > 0 and self._world.expires_in == "seconds" else moment

    def _await_expiries(self) -> None:
        """Make an account that expires unable to log in."""
        for instance in self.instances.values():
            for account in instance.accounts.values():
                if (moment := account.spec.expires_at / 1000) > self._clock.now():
                    self._clock.call_at(moment, partial(self._expire, instance))

    async def _expire(self, instance: Instance) -> None:
        instance.registry.set_logins(instance.logins(self._clock.now(), self._world))

    def _reaches(self, instance: Instance, call: Call) -> bool:
        here = instance.spec.region == call.region and call.site in (None, instance.spec.site)
        return here and call.sees(self._world, instance.id)

    def _instance(self, call: Call) -> Instance:
        # claims: T7
        instance = self.instances.get(call.instance_id)
        if instance is None or not self._reaches(instance, call):
            raise ApiError("ResourceNotFound", "The registry does not exist.")
        return instance


def _check_password(password: str) -> None:
    """8 to 20 characters with upper case, lower case and a digit."""
    # claims: W3
    has_all = all(any(kind(one) for one in password) for kind in (str.isupper, str.islower, str.isdecimal))
    if not 8 <= len(password) <= 20 or not has_all:
        raise ApiError("InvalidParameter", "The password breaks the rules.")


def _window(given: Mapping[str, Any]) -> tuple[int, int]:
    # claims: T7
    limit, offset = given.get("Limit", 20), given.get("Offset", 0)
    if limit < 1 or offset < 0:
        raise ApiError("InvalidParameter", "Limit or Offset is out of range.")
    return offset, min(limit, 100)


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, CHINA).isoformat(timespec="seconds")
