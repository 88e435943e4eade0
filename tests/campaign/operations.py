"""What the campaign knows of each operation: how to ask for it, and how to see from outside what is true."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.cloud.client import Standin
from tests.cloud.proof import opens, registry_opens
from tests.cloud.runtime import FC, SCF

from .leaks import canary

REDIS, TCR, TAIR = "crs-demo0001", "tcr-demo0001", "r-demo0001"
# Rights that a careless change would reset: every case must find them as they were.
KEPT = {"privilege": "r", "readonly_policy": ["replication"]}


@dataclass(frozen=True)
class Target:
    """One operation on one credential of the default world. `old` and `new` are values of what it changes."""

    name: str
    function: str
    platform: str
    action: str
    reads: tuple[str, ...]
    login_reads: tuple[str, ...]
    fenced: bool
    service: str  # as /_standin/state names it
    resource: str
    account: str
    old: str
    make_new: Callable[[random.Random], str]
    command: Callable[[str, str], dict[str, Any]]
    holds: Callable[[Standin, str], bool]
    secret: bool = True
    shown: bool = False  # the cloud makes the secret and the reply shows it

    def account_state(self, standin: Standin) -> Mapping[str, Any]:
        """The account as the stand-in sees it, without its password."""
        state: Mapping[str, Any] = standin.state()[self.service]["instances"][self.resource][self.account]
        return state


def _redis(account: str | None) -> Callable[[Standin, str], bool]:
    return lambda standin, password: opens(standin.redis[REDIS], password, account)


def _remark(standin: Standin, remark: str) -> bool:
    shown = standin.state()["redis"]["instances"][REDIS]["app"]
    # The password must have stayed whatever becomes of the remark.
    return bool(shown["Remark"] == remark) and opens(standin.redis[REDIS], "App-Passw0rd", "app")


def _registry(standin: Standin, password: str) -> bool:
    return registry_opens(standin.registry[TCR], "tcr$robot", password)


_REDIS_READS = ("DescribeInstanceAccount", "DescribeTaskList", "DescribeTaskInfo")
_REDIS_LOGIN = ("DescribeInstances", "DescribeSSLStatus")
_PLACE = {"InstanceId": REDIS, "Region": "ap-guangzhou"}
_ROBOT = {"RegistryId": TCR, "Region": "ap-guangzhou", "Name": "robot"}

TARGETS = {
    target.name: target
    for target in (
        Target(
            "account",
            "tencent_redis_modify_instance_account",
            SCF,
            "ModifyInstanceAccount",
            _REDIS_READS,
            _REDIS_LOGIN,
            False,
            "redis",
            REDIS,
            "app",
            "App-Passw0rd",
            lambda rng: canary(rng, "redis"),
            lambda old, new: {**_PLACE, "AccountName": "app", "AccountPassword": new},
            _redis("app"),
        ),
        Target(
            "remark",
            "tencent_redis_modify_instance_account",
            SCF,
            "ModifyInstanceAccount",
            _REDIS_READS,
            (),
            False,
            "redis",
            REDIS,
            "app",
            "orders",
            lambda rng: f"remark {rng.randrange(10**9)}",
            lambda old, new: {**_PLACE, "AccountName": "app", "Remark": new},
            _remark,
            secret=False,
        ),
        Target(
            "password",
            "tencent_redis_modify_instance_password",
            SCF,
            "ModfiyInstancePassword",
            _REDIS_READS,
            _REDIS_LOGIN,
            True,
            "redis",
            REDIS,
            "root",
            "Old-Passw0rd",
            lambda rng: canary(rng, "redis"),
            lambda old, new: {**_PLACE, "OldPassword": old, "Password": new},
            _redis(None),
        ),
        Target(
            "registry",
            "tencent_tcr_modify_service_account_password",
            SCF,
            "ModifyServiceAccountPassword",
            ("DescribeServiceAccounts",),
            ("DescribeInstances",),
            False,
            "tcr",
            TCR,
            "robot",
            "Robot-Passw0rd1",
            lambda rng: canary(rng, "tcr"),
            lambda old, new: {**_ROBOT, "Random": False, "Password": new},
            _registry,
        ),
        Target(
            "random",
            "tencent_tcr_modify_service_account_password",
            SCF,
            "ModifyServiceAccountPassword",
            ("DescribeServiceAccounts",),
            ("DescribeInstances",),
            False,
            "tcr",
            TCR,
            "robot",
            "Robot-Passw0rd1",
            lambda rng: "Never-Passw0rd9",  # nobody sets this one: it must not open anything
            lambda old, new: {**_ROBOT, "Random": True},
            _registry,
            shown=True,
        ),
        Target(
            "tair",
            "alibaba_tair_modify_account_password",
            FC,
            "ModifyAccountPassword",
            ("DescribeAccounts", "DescribeInstanceAttribute"),
            ("DescribeInstanceSSL",),
            True,
            "r-kvstore",
            TAIR,
            "app",
            "Tair-Passw0rd",
            lambda rng: canary(rng, "tair"),
            lambda old, new: {
                "InstanceId": TAIR,
                "Region": "cn-hangzhou",
                "AccountName": "app",
                "OldAccountPassword": old,
                "NewAccountPassword": new,
            },
            lambda standin, password: opens(standin.redis[TAIR], password, "app"),
        ),
    )
}
