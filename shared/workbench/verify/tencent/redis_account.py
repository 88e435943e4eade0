"""Stories of a custom account: its password by ModifyInstanceAccount, its rights, and two changes at once."""

from __future__ import annotations

import secrets as randomness
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.check import Untried, WrongPassword, made_up_password
from shared.workbench.verify.logins import RedisDoor
from shared.workbench.verify.put_back import Changed
from shared.workbench.verify.tencent.desk import TencentDesk
from shared.workbench.verify.tencent.redis_instance import LISTED_S, Account, RedisInstance
from shared.workbench.verify.waiting import wait_until

KIND = "redis account"
NOBODY = "ktnobody"
SYMBOLS = "()~!@#$%^&*-+=_{}[]:;<>,.?/"
"""The symbols that the pages of Redis allow in a password."""
_TAKEN = ""


@dataclass(frozen=True)
class AccountStory:
    """What a change of an account showed. A code is empty if the call was accepted. Times are in seconds."""

    before: Account
    task: int
    sent_at: float
    asked_at_once: str
    of_instance: bool
    ended: str
    typed: str
    states: tuple[int, int]
    second: str
    second_began: bool
    changed: Account
    new_opens: bool | None
    old_opens: bool | None
    missing: str
    task_of_rights: int
    rights_ended: str
    rights_left_out: Account


def account_story(desk: TencentDesk) -> AccountStory:
    """Change the password and the rights, make a second change at once, then one without password and rights."""
    instance, name, first = _sandbox(desk)
    instance.wait_free()
    before, known, door = instance.account(name), set(instance.tasks()), _door(instance, desk)
    missing = _refusal(instance, NOBODY, AccountPassword=made_up_password())
    new, second_new = made_up_password(), made_up_password()
    with desk.change(changed_account(desk, before, new)):
        sent_at = time.time()
        task = instance.set_account(
            name, AccountPassword=new, Privilege="r", ReadonlyPolicy=list(before.readonly_policy)
        )
        asked, shown = _asked(instance, task)
        states = int(instance.shown()["Status"]), instance.account(name).status
        second = _refusal(instance, name, AccountPassword=second_new, ReadonlyPolicy=list(before.readonly_policy))
        typed = instance.type_listed(task)
        ended = instance.ended(task)
        new_opens, old_opens = _opens(door, name, new), _opens(door, name, first)
        instance.wait_free()
        began = set(instance.tasks()) - known
        wait_until(lambda: instance.account(name).modified != before.modified, LISTED_S)
        changed = instance.account(name)
        rights_task = _without_rights(instance, name, before.remark)
        rights_ended = instance.ended(rights_task)
        instance.wait_free()
        return AccountStory(
            before,
            task,
            sent_at,
            asked,
            shown == instance.id,
            ended,
            typed,
            states,
            second,
            bool(began - {task}),
            changed,
            new_opens,
            old_opens,
            missing,
            rights_task,
            rights_ended,
            instance.account(name),
        )


@dataclass(frozen=True)
class ValuesStory:
    """The codes that refuse a password with every published symbol, and one that is too short. Empty: accepted."""

    symbols: str
    short: str


def values_story(desk: TencentDesk) -> ValuesStory:
    """Two passwords at the limits of the published rule."""
    instance, name, _ = _sandbox(desk)
    instance.wait_free()
    before = instance.account(name)
    value = "Kt1" + "".join(randomness.SystemRandom().sample(SYMBOLS, len(SYMBOLS)))
    rights = {"Privilege": before.privilege, "ReadonlyPolicy": list(before.readonly_policy)}
    with desk.change(changed_account(desk, before, value)):
        short = _refusal(instance, name, AccountPassword=made_up_password(7), **rights)
        instance.wait_free()
        symbols = _refusal(instance, name, AccountPassword=value, **rights)
        instance.wait_free()
        return ValuesStory(symbols, short)


def changed_account(desk: TencentDesk, before: Account, password: str) -> Changed:
    """What must be restored: the account's password and rights. Raises: WrongPassword: nothing may be changed."""
    proven = desk.once(is_proven)
    part = desk.need(desk.sandbox.redis, "redis")
    ids = {
        "instance": part.instance,
        "account": part.account,
        "privilege": before.privilege,
        "policy": ",".join(before.readonly_policy),
        "remark": before.remark,
    }
    title = f"the password and rights of the account {part.account} of the Redis instance"
    if not proven:
        title += (
            "; no login from here can prove its present password: at the end it has the value of"
            f" {part.account_password}"
        )
    return Changed(KIND, title, ids, part.account_password, password)


def is_proven(desk: TencentDesk) -> bool:
    """Whether a login shows that the variable holds the present password.

    Raises: WrongPassword: it shows another one.
    """
    part, (instance, name, first) = desk.need(desk.sandbox.redis, "redis"), _sandbox(desk)
    if (door := _door(instance, desk)) is None:
        return False
    words = door.says(f"{name}@{first}"), door.says(name, first)
    if "OK" not in words and "nothing" not in words:
        raise WrongPassword(part.account_password)
    return "OK" in words


def put_back(api: TencentApi, environ: Mapping[str, str], what: Changed) -> None:
    """Set the first password and rights. Raises: what the API raises; Untried: the API does not show them."""
    instance, name = RedisInstance(api, what.ids["instance"]), what.ids["account"]
    policy = [one for one in what.ids["policy"].split(",") if one]
    rights = {"Privilege": what.ids["privilege"], "ReadonlyPolicy": policy, "Remark": what.ids["remark"]}
    password = environ[what.variable]
    ended = instance.changed(lambda: instance.set_account(name, AccountPassword=password, **rights))
    instance.wait_free()
    now = instance.account(name)
    if ended != "succeed" or (now.privilege, list(now.readonly_policy)) != (what.ids["privilege"], policy):
        raise Untried("the account is not restored")


def _sandbox(desk: TencentDesk) -> tuple[RedisInstance, str, str]:
    part = desk.need(desk.sandbox.redis, "redis")
    first = desk.present(part.account_password)
    if not 8 <= len(first) <= 64:
        raise Untried("the present password could not be set again, because it does not have 8 to 64 characters")
    return RedisInstance(desk.api, part.instance), part.account, first


def _refusal(instance: RedisInstance, name: str, **fields: object) -> str:
    """The code that refuses a change; empty if it was accepted."""
    try:
        instance.set_account(name, **fields)
    except CallRefused as refused:
        return refused.code
    return _TAKEN


def _without_rights(instance: RedisInstance, name: str, remark: str) -> int:
    """A change that names no password and no rights. It is tried without NoAuth if that is refused."""
    try:
        return instance.set_account(name, Remark=remark, NoAuth=False)
    except CallRefused:
        return instance.set_account(name, Remark=remark)


def _asked(instance: RedisInstance, task: int) -> tuple[str, str]:
    """The code that refuses the first query of a task, and the instance of the task."""
    try:
        return _TAKEN, str(instance.task(task)["InstanceId"])
    except CallRefused as refused:
        return refused.code, ""


def _door(instance: RedisInstance, desk: TencentDesk) -> RedisDoor | None:
    """The server of the instance, if it can be reached."""
    with suppress(Untried, ConnectionRefusedError, CallLost):
        return instance.door(slow=desk.slow)
    return None


def _opens(door: RedisDoor | None, name: str, password: str) -> bool | None:
    """Whether a login works; None if no server can be reached."""
    return door.takes(f"{name}@{password}") if door else None
