"""Stories of root: ModifyInstancePassword, with the old password as its fence, by both names of the action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.workbench.apis.calls import CallRefused
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.verify.check import Untried, WrongPassword, made_up_password
from shared.workbench.verify.put_back import Changed
from shared.workbench.verify.tencent.desk import TencentDesk
from shared.workbench.verify.tencent.redis_instance import SPELLINGS, RedisInstance

KIND = "redis root"
LONG = 40


@dataclass(frozen=True)
class RootStory:
    """The codes of calls with a wrong, the same, and the former password as the old one. Empty: accepted.

    `equal_wrong`: of one that was never in force, as old and as new.
    `typed`: the type by which the list shows the change's task.
    """

    wrong: str
    wrong_began: bool
    equal_wrong: str
    equal: str
    change: str
    typed: str
    former: str


def root_story(desk: TencentDesk) -> RootStory:
    """Call with a made-up old password, with the present one as old and new, make a change, and repeat it."""
    desk.once(_prove)
    instance, first = _sandbox(desk)
    new = made_up_password()
    with desk.change(_changed(desk, new)):
        instance.wait_free()
        known = set(instance.tasks())
        wrong = _refusal(instance, lambda: instance.set_root_by_any_name(made_up_password(), new))
        instance.wait_free()
        began = bool(set(instance.tasks()) - known)
        equal_wrong = _refusal(instance, lambda: instance.set_root_by_any_name(new, new))
        equal = _refusal(instance, lambda: instance.set_root_by_any_name(first, first))
        tasks: list[int] = []

        def to_new() -> int:
            tasks.append(instance.set_root_by_any_name(first, new))
            return tasks[-1]

        change = _refusal(instance, to_new)
        typed = instance.type_listed(tasks[-1]) if tasks else ""
        former = _refusal(instance, lambda: instance.set_root_by_any_name(first, new))
        return RootStory(wrong, began, equal_wrong, equal, change, typed, former)


@dataclass(frozen=True)
class LongStory:
    """The codes that refuse a password of 40 characters, by the name of the action. Empty: accepted."""

    codes: Mapping[str, str]


def long_story(desk: TencentDesk) -> LongStory:
    """Try a long password by the name that should refuse it, then by the other."""
    desk.once(_prove)
    instance, first = _sandbox(desk)
    new = made_up_password(LONG)
    with desk.change(_changed(desk, new)):
        codes: dict[str, str] = {}
        for name in SPELLINGS:
            codes[name] = _refusal(instance, lambda name=name: instance.set_root(first, new, name))  # type: ignore[misc]
            if not codes[name]:
                break
        return LongStory(codes)


def _prove(desk: TencentDesk) -> None:
    """Check by the fence that the variable holds the present password. Raises: WrongPassword: it does not.

    If the cloud refuses the present password as old and new, try a change to another one: the refusal may be about
    equality.
    """
    instance, first = _sandbox(desk)
    instance.shown()
    what = _changed(desk, made_up_password())
    desk.agree(what.title)
    if not _refusal(instance, lambda: instance.set_root_by_any_name(first, first)):
        return
    wrong = _refusal(instance, lambda: instance.set_root_by_any_name(what.password, first))
    with desk.change(what):
        if _refusal(instance, lambda: instance.set_root_by_any_name(first, what.password)) == wrong:
            raise WrongPassword(what.variable)


def put_back(api: TencentApi, environ: Mapping[str, str], what: Changed) -> None:
    """Give root its first password again, whichever of the two is in force. Raises: Untried: neither is."""
    instance, first = RedisInstance(api, what.ids["instance"]), environ[what.variable]
    if not _refusal(instance, lambda: instance.set_root_by_any_name(what.password, first)):
        return
    if not _refusal(instance, lambda: instance.set_root_by_any_name(first, first)):
        return
    # The first password may be in force although it is refused as old and new: change away from it and back.
    if _refusal(instance, lambda: instance.set_root_by_any_name(first, what.password)):
        raise Untried("neither password is accepted as the old one")
    if _refusal(instance, lambda: instance.set_root_by_any_name(what.password, first)):
        raise Untried("the first password is not accepted again")


def _changed(desk: TencentDesk, password: str) -> Changed:
    part = desk.need(desk.sandbox.redis, "redis")
    title = "the password of root of the Redis instance"
    return Changed(KIND, title, {"instance": part.instance}, part.root_password or "", password)


def _sandbox(desk: TencentDesk) -> tuple[RedisInstance, str]:
    part = desk.need(desk.sandbox.redis, "redis")
    first = desk.present(part.root_password)
    if not 8 <= len(first) <= 64:
        raise Untried(
            "the present password of root could not be set again, because it does not have 8 to 64 characters"
        )
    return RedisInstance(desk.api, part.instance), first


def _refusal(instance: RedisInstance, change: Callable[[], int]) -> str:
    """The code that refuses a change; empty once it succeeded.

    Raises: Untried: its task failed, which may be temporary.
    """
    try:
        ended = instance.changed(change)
    except CallRefused as refused:
        return refused.code
    if ended != "succeed":
        raise Untried(f"the task of a change ended: {ended or 'not in 5 minutes'}")
    return ""
