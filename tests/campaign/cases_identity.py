"""Kind A: whose change is it? Users' versions, ids used twice, foreign stores, old commands again, manual changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

from tests.campaign.case import Case, Step, step
from tests.campaign.case_command import CaseCommand
from tests.campaign.cases_faults import TRIGGERS, triggers_of
from tests.campaign.operations import ALL_TARGETS, KEPT_TARGETS, TARGETS

APP, ROOT, ROBOT, KMS = (KEPT_TARGETS[f"kept {one}"].place for one in ("account", "password", "registry", "tair"))
_FOREIGN = {"kept account": (ROOT, ROBOT), "kept password": (APP, ROBOT), "kept registry": (APP, ROOT)}
DAYS = 3 * 86_400.0


_SAID: tuple[dict[str, Any], ...] = ({}, {"DryRun": True}, {"Login": True}, {"Deliver": "reply"})


def _of_nobody(place: str) -> tuple[dict[str, Any], ...]:
    return ({}, {"DryRun": True}, {"Deliver": {"Store": place, "Reply": True}}, {"Adopt": True})


def _again(letter: str, trigger: str) -> tuple[Step, ...]:
    return (step("send", letter, trigger), step("work_off"))


def _case(topic: str, name: str, orders: Mapping[str, CaseCommand], steps: tuple[Step, ...], **more: Any) -> Case:
    return Case("A", topic, name, orders, steps, **more)


def named_as_users() -> Iterator[Case]:
    """A CommandId that equals the name of a user's version; also for a missing instance and somebody else's store."""
    for name in KEPT_TARGETS:
        for trigger in TRIGGERS:
            for more in _SAID:
                if more.get("Deliver") and trigger != "http":
                    continue
                said: dict[str, Any] = dict(more)
                if said.get("Deliver"):
                    said["Deliver"] = {"Store": ALL_TARGETS[name].place, "Reply": True}
                orders = {
                    "a": CaseCommand(name, {**said, "CommandId": "v1"}),
                    "b": CaseCommand(name, {**said, "CommandId": "v2"}),
                }
                steps = (*_again("a", trigger), *_again("b", trigger), *_again("a", trigger))
                words = " ".join(["", *more])
                yield _case(f"users' versions {name}", f"{name} {trigger}{words}", orders, steps)
    for place in (APP, ROOT, ROBOT):
        for more in _of_nobody(place):
            deliver = {"Store": place, **({"Adopt": True} if more.get("Adopt") else {})}
            said = {"Deliver": deliver, **{key: value for key, value in more.items() if key != "Adopt"}}
            nobody = {"InstanceId": "crs-none0001", "AccountName": "nobody", "CommandId": "v1", **said}
            words = " ".join(more) or "-"
            yield _case("nobody's", f"{place} {words}", {"a": CaseCommand("kept account", nobody)}, _again("a", "http"))


def foreign_stores() -> Iterator[Case]:
    """A store with another credential's secrets, before and after keyturn wrote to it, with and without Adopt."""
    triggers = cycle(TRIGGERS)
    for name, places in _FOREIGN.items():
        for place in places:
            owner = next(one.name for one in KEPT_TARGETS.values() if one.place == place)
            for adopt in (False, True):
                for first in (True, False):
                    trigger = next(triggers)
                    deliver = {"Store": place, **({"Adopt": True} if adopt else {})}
                    orders = {
                        "a": CaseCommand(owner, id="same"),
                        "b": CaseCommand(name, {"Deliver": deliver}, id="same"),
                    }
                    steps: tuple[Step, ...] = _again("a", trigger) if first else ()
                    steps += (*_again("b", trigger), *_again("b", trigger), *_again("a", trigger))
                    words = f"{name} into {place}{' adopt' if adopt else ''}{' after its owner' if first else ''}"
                    yield _case("foreign stores", words, orders, steps)


def ids_used_twice() -> Iterator[Case]:
    """One CommandId for two accounts, for two operations, or with two sets of parameters."""
    triggers = cycle(TRIGGERS)
    pairs: list[tuple[str, str, CaseCommand, CaseCommand]] = [
        (
            "two accounts",
            "app, then root by the same operation",
            CaseCommand("kept account", {"CommandId": "same"}),
            CaseCommand("kept account", {"CommandId": "same", "AccountName": "root"}),
        ),
        (
            "parameters",
            "a remark besides",
            CaseCommand("kept account", {"CommandId": "same"}),
            CaseCommand("kept account", {"CommandId": "same", "Remark": "another"}),
        ),
        (
            "parameters",
            "Random",
            CaseCommand("kept registry", {"CommandId": "same"}),
            CaseCommand("kept random", {"CommandId": "same"}),
        ),
        (
            "operations",
            "root by the other operation, one store",
            CaseCommand("kept account", {"CommandId": "same", "AccountName": "root", "Deliver": {"Store": ROOT}}),
            CaseCommand("kept password", {"CommandId": "same"}),
        ),
        ("lengths", "only the length", CaseCommand("kept account", {"CommandId": "same"}), CaseCommand(
            "kept account", {"CommandId": "same", "AccountPassword": {"Generate": {"Length": 30}}})),
        ("alternate", "one of the two alone", CaseCommand("kept account in turn", {"CommandId": "same"}), CaseCommand(
            "kept account in turn", {"CommandId": "same", "Alternate": ["app_b", "app_a"]})),
    ]  # fmt: skip
    for topic, name, first, second in pairs:
        action = ALL_TARGETS[first.target].action
        for fault in ("", "drop_before", "drop_after", "late"):
            trigger = next(triggers)
            lost: dict[str, Any] = {"Action": action, "Fault": fault, "Times": 3}
            if fault == "late":
                lost["Seconds"] = 25.0
            steps: tuple[Step, ...] = (step("fault", lost),) if fault else ()
            steps += (*_again("a", trigger), step("clear"), *_again("b", trigger), *_again("a", trigger))
            yield _case(f"ids: {topic}", f"{name} {fault or 'no fault'}", {"a": first, "b": second}, steps)


def replays() -> Iterator[Case]:
    """An old command comes again, at once or after days, after another command or a change in the console."""
    triggers = cycle(TRIGGERS)
    for name, target in ALL_TARGETS.items():
        if name == "remark":
            continue
        for between in ("nothing", "another command", "by hand", "both"):
            for days in (False, True):
                for login in (False, True) if not target.shown else (False,):
                    for old in ("accept", "refuse") if target.fenced else ("accept",):
                        if target.turns and between in ("by hand", "both"):
                            continue
                        trigger = next(triggers) if not target.shown else "http"
                        more = {"Login": True} if login else {}
                        orders = {"a": CaseCommand(name, more), "b": CaseCommand(name, more)}
                        steps: tuple[Step, ...] = _again("a", trigger)
                        if between in ("another command", "both") and not target.old_once:
                            steps += (step("advance", 1200.0), *_again("b", trigger))
                        if between in ("by hand", "both"):
                            steps += (step("outside", "a"),)
                        steps += (step("advance", DAYS),) if days else ()
                        steps += (*_again("a", trigger), *_again("a", trigger))
                        words = f"{name} {trigger} {between}{' days later' if days else ''}{' login' if login else ''}"
                        world = {"old_equals_new": old}
                        yield _case(f"replay {name}", f"{words} {old}", orders, steps, world=world)


def full_stores() -> Iterator[Case]:
    """Stores that are full of the user's versions or of keyturn's own, shortly or long after these were written."""
    for name in ("kept account", "kept password", "kept registry", "kept tair"):
        target = KEPT_TARGETS[name]
        kind, _, store = target.place.partition("://")
        for users in (0, 4, 8, 9):
            for apart_s in (0.0, 2000.0):
                versions = {f"v{n}": f"Stale-Passw0rd{n}" for n in range(2, users + 1)}
                world = {kind: {store: {"versions": {"v1": target.old, **versions}}}} if users else {}
                letters = "abcdefghijkl" if users < 8 else "abcd"
                orders = {letter: CaseCommand(name) for letter in letters}
                steps: tuple[Step, ...] = ()
                for letter in letters:
                    steps += (*_again(letter, "queue"), step("advance", apart_s))
                yield _case(
                    f"full {name}", f"{name} {users} of the user's, {apart_s:.0f} s apart", orders, steps, world=world
                )


def in_clear() -> Iterator[Case]:
    """Commands with their secrets in clear, one after another, without a store."""
    for name, target in TARGETS.items():
        if target.shown or not target.secret:
            continue
        for trigger in triggers_of(name):
            orders = {"a": CaseCommand(name), "b": CaseCommand(name, {"Login": True})}
            steps = (*_again("a", trigger), *_again("b", trigger), *_again("a", trigger))
            yield _case("in clear", f"{name} {trigger}", orders, steps)


def identity_cases() -> list[Case]:
    """All of them, in a fixed order."""
    return [
        *named_as_users(),
        *foreign_stores(),
        *ids_used_twice(),
        *replays(),
        *full_stores(),
        *in_clear(),
    ]
