"""What the campaign knows about each operation: how to ask for it, and how to check the truth from outside."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.commands.command import Command
from shared.workbench.bundle.operations import example_command, operations
from tests.campaign.leaks import canary
from tests.cloud.client.logins import redis_accepts, registry_accepts
from tests.cloud.client.standin import Standin
from tests.cloud.functions.platform_names import FC, SCF
from tests.cloud.state.world import load_world

REDIS, TCR, TAIR = "crs-demo0001", "tcr-demo0001", "r-demo0001"
# Rights that a careless change would reset: every case must find them as they were.
KEPT = {"privilege": "r", "readonly_policy": ["replication"]}


@dataclass(frozen=True)
class Target:
    """One operation on one credential of the default world. `old` and `new` are values of the secret or field."""

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
    limit_s: float = 6.0  # of one invocation
    place: str = ""  # the store that keeps its secret; then the command holds none
    turns: tuple[str, str] | None = None  # two accounts that are changed in turn
    world: Mapping[str, Any] = field(default_factory=dict)

    @property
    def old_once(self) -> bool:
        """Whether the command holds the old secret in clear, so that a second one must hold what the first has set."""
        return self.fenced and not self.place

    @property
    def base(self) -> str:
        """The operation's name, without `kept` and `in turn`."""
        return self.name.removeprefix("kept ").removesuffix(" in turn")

    @property
    def in_clear(self) -> bool:
        """Whether the command holds a secret in clear, so that it must not be handed on."""
        return self.secret and not self.place

    def account_state(self, standin: Standin) -> Mapping[str, Any]:
        """The account in the stand-in, without its password."""
        state: Mapping[str, Any] = standin.state()[self.service]["instances"][self.resource][self.account]
        return state


def redis_opens(address: str, password: str, account: str | None, separator: str = "@") -> bool:
    """Log in with each form that an instance's proxy may take: two words, one word, the password, id and password."""
    if account is None:
        return redis_accepts(address, password) or redis_accepts(address, f"{REDIS}:{password}")
    return redis_accepts(address, password, account) or redis_accepts(address, f"{account}{separator}{password}")


def _redis(account: str | None) -> Callable[[Standin, str], bool]:
    return lambda standin, password: redis_opens(standin.redis[REDIS], password, account)


def _remark(standin: Standin, remark: str) -> bool:
    shown = standin.state()["redis"]["instances"][REDIS]["app"]
    # The password must have stayed whatever becomes of the remark.
    return bool(shown["Remark"] == remark) and redis_accepts(standin.redis[REDIS], "App-Passw0rd", "app")


def _registry(standin: Standin, password: str) -> bool:
    return registry_accepts(standin.registry[TCR], "tcr$robot", password)


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
            "ModifyInstancePassword",
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
            lambda standin, password: redis_opens(standin.redis[TAIR], password, "app", ":"),
        ),
    )
}


# --- operations without words of their own above: their example says what they take, the rest is their service's

_BESIDE_THE_API = Command.model_fields.keys() - {"region"}


def _secret_fields(function: str) -> tuple[str | None, str]:
    """The names of the fields for the old and the new secret, as commands spell them."""
    model = operations()[function].command
    spelled = {name: field.alias or name for name, field in model.model_fields.items()}
    return spelled[model.old_field] if model.old_field else None, spelled[model.new_field]


def _declared(function: str) -> Target:
    """An operation on the credential of its example. A target of the same service gives what belongs to the service."""
    operation, model = operations()[function], operations()[function].command
    like = next(one for one in TARGETS.values() if operations()[one.function].service == operation.service)
    old_field, new_field = _secret_fields(function)
    example = example_command(function)
    account = str(example.get(model.account_field or "", model.account_default))
    beside = {field.alias for name, field in model.model_fields.items() if name in _BESIDE_THE_API}
    named = {name: value for name, value in example.items() if name not in beside | {new_field, old_field}}

    def command(old: str, new: str) -> dict[str, Any]:
        return {**named, **({old_field: old} if old_field else {}), new_field: new}

    return replace(
        like,
        name=" ".join(function.split("_")[2:]),
        function=function,
        action=operation.action,
        fenced=old_field is not None,
        account=account,
        old=getattr(load_world(), operation.service)[like.resource].accounts[account].password,
        command=command,
        holds=like.holds if account == like.account else _redis(None if account == "root" else account),
    )


_WRITTEN = {target.function for target in TARGETS.values()}
TARGETS |= {target.name: target for target in (_declared(one) for one in operations() if one not in _WRITTEN)}


# --- the same operations with a secret that is made, kept in a store and read from there

_STORES = {
    ("redis", "app"): "ssm://redis-crs-demo0001-app",
    ("redis", "root"): "ssm://redis-crs-demo0001-root",
    ("tcr", "robot"): "ssm://tcr-demo0001-robot",
    ("r-kvstore", "app"): "kms://tair-r-demo0001-app",
}
STORE_ACTIONS = {
    "ssm": (
        "ListSecretVersionIds",
        "GetSecretValue",
        "PutSecretValue",
        "DescribeSecret",
        "UpdateSecret",
        "UpdateDescription",
        "DeleteSecretVersion",
    ),
    "kms": ("ListSecretVersionIds", "GetSecretValue", "PutSecretValue", "UpdateSecretVersionStage"),
}
_KEPT_LIMIT_S = 12.0  # before and after the change there is a store to write to
_PAIR = ("app_a", "app_b")
_FIRST_TURN = {
    "AccountName": _PAIR[0],
    "Password": "Aaaa-Passw0rd",
    "Previous": {"AccountName": _PAIR[1], "Password": "Bbbb-Passw0rd"},
}


def _kept(target: Target) -> Target:
    place = _STORES[target.service, target.account]
    old_field, new_field = _secret_fields(target.function)
    length = 20 if target.service == "tcr" else 24

    def command(old: str, new: str) -> dict[str, Any]:
        made = {} if target.shown else {new_field: {"Generate": {"Length": length}}}
        fence = {} if old_field is None else {old_field: {"SecretRef": place}}
        return target.command(old, new) | made | fence | {"Deliver": {"Store": place}}

    return replace(target, name=f"kept {target.name}", command=command, limit_s=_KEPT_LIMIT_S, place=place, shown=False)


def _in_turn(target: Target) -> Target:
    """Two accounts of one instance: the store says whose password is in use, and keyturn changes the other one."""
    kind, _, name = target.place.partition("://")
    accounts = {account: {"password": f"{account[-1].upper()}{account[-1] * 3}-Passw0rd"} for account in _PAIR}
    service = "redis" if target.service == "redis" else "tair"
    left_out = ("AccountName", "OldAccountPassword")

    def command(old: str, new: str) -> dict[str, Any]:
        whole = target.command(old, new)
        return {name: value for name, value in whole.items() if name not in left_out} | {"Alternate": list(_PAIR)}

    return replace(
        target,
        name=f"{target.name} in turn",
        command=command,
        account=_PAIR[1],
        old=json.dumps(_FIRST_TURN),
        turns=_PAIR,
        world={
            service: {target.resource: {"accounts": accounts}},
            kind: {name: {"versions": {"v1": json.dumps(_FIRST_TURN)}}},
        },
    )


_KEPT = [_kept(target) for target in TARGETS.values() if target.secret]
_IN_TURN = [_in_turn(one) for one in _KEPT if "alternate" in operations()[one.function].command.model_fields]
KEPT_TARGETS = {target.name: target for target in (*_KEPT, *_IN_TURN)}
ALL_TARGETS = {**TARGETS, **KEPT_TARGETS}
OWNERS = {target.place: target for target in reversed(_KEPT)}
"""Whose secret each store of the default world holds: the first operation's that is kept there."""
