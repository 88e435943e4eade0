"""Kinds B and H: what comes late or twice, reads that lag, and clouds whose ways are only guessed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any

from tests.campaign.case import Case, Step, step
from tests.campaign.case_command import CaseCommand
from tests.campaign.cases_faults import TRIGGERS, has_tasks, triggers_of
from tests.campaign.fault_kinds import MANY
from tests.campaign.operations import ALL_TARGETS, TARGETS

LATE_S = (2.0, 25.0, 200.0, 290.0, 880.0)
WORLDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("times empty until changed", {"empty_times": "until_changed"}),
    ("times empty for ever", {"empty_times": "forever"}),
    ("times move 5 s late", {"times_lag_s": 5.0}),
    ("times move 400 s late", {"times_lag_s": 400.0}),
    ("tasks listed 3 s late", {"task_listed_after_s": 3.0}),
    ("tasks listed 400 s late", {"task_listed_after_s": 400.0}),
    ("tasks readable 2 s late", {"task_readable_after_s": 2.0}),
    ("tasks readable 400 s late", {"task_readable_after_s": 400.0}),
    ("changing not shown", {"shows_changing": False}),
    ("other task types", {"task_types": {"ModifyInstanceAccount": "007", "ModifyInstancePassword": "033"}}),
    ("year one", {"redis": {"crs-demo0001": {"accounts": {
        "app": {"modified_time": "0001-01-01 00:00:00"}, "root": {"modified_time": "0001-01-01 00:00:00"}}}}}),
    ("a promotion moves CreateTime", {"update_moves_create_time": True}),
    ("versions oldest first", {"version_order": "oldest"}),
    ("versions newest first", {"version_order": "newest"}),
    ("old = new refused", {"old_equals_new": "refuse"}),
    ("old = new as wrong", {"old_equals_new": "same_code"}),
    ("slow tasks", {"task_s": 20.0, "settle_s": 20.0}),
    ("stricter rule", {"refuses_values": [{"characters": "eXz", "code": "InvalidNewPassword.Format"}]}),
)  # fmt: skip
LOGIN_WORLDS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("no two words", {"two_word_auth": "refuse"}),
    ("two words are too many", {"two_word_auth": "arguments"}),
    ("root by password alone", {"root_login": "password"}),
    ("root by id", {"root_login": "id"}),
    ("no TLS engine", {"ssl": "no_engine"}),
    ("no TLS status", {"ssl": "no_status"}),
    ("before 6.0", {
        "redis": {"crs-demo0001": {"engine_version": "4.0"}},
        "tair": {"r-demo0001": {"engine_version": "4.0"}},
    }),
    ("any password", {
        "redis": {"crs-demo0001": {"accounts": {"app": {"nopass": True}, "root": {"nopass": True}}}},
        "tair": {"r-demo0001": {"accounts": {"app": {"nopass": True}}}},
    }),
)  # fmt: skip


def _send(letter: str, trigger: str) -> tuple[Step, ...]:
    return (step("send", letter, trigger),)


def late_cases() -> Iterator[Case]:
    """A change that comes long after nobody waits for it any more, and what is sent meanwhile."""
    triggers = cycle(TRIGGERS)
    turn = 0
    for name, target in ALL_TARGETS.items():
        for seconds in LATE_S:
            for times in (1, MANY):
                for pattern in (
                    "alone",
                    "again before",
                    "again after",
                    "another before",
                    "another after",
                    "by hand before",
                ):
                    turn += 1
                    if target.turns and "by hand" in pattern:
                        continue
                    if turn % 2 and seconds in (2.0, 290.0):
                        continue
                    trigger = next(triggers) if not target.shown else "http"
                    late = {"Action": target.action, "Fault": "late", "Seconds": seconds, "Times": times}
                    more = {"Login": True} if turn % 3 == 0 and target.secret and not target.shown else {}
                    second = "b" if "another" in pattern else "a"
                    if second == "b" and target.old_once:
                        continue
                    steps: tuple[Step, ...] = (step("fault", late), *_send("a", trigger), step("clear"))
                    if pattern == "by hand before":
                        steps += (step("outside", "a"), step("work_off"))
                    elif pattern.endswith("before"):
                        steps += (*_send(second, trigger), step("work_off"))
                    elif pattern.endswith("after"):
                        steps += (step("work_off"), step("advance", 1000.0), *_send(second, trigger), step("work_off"))
                    steps += (step("work_off"), step("advance", 1200.0), *_send("a", trigger), step("work_off"))
                    if not target.old_once:
                        steps += (*_send("c", trigger), step("work_off"))
                    orders = {letter: CaseCommand(name, more) for letter in "abc"}
                    words = f"{name} {trigger} {seconds:.0f} s late x{times}, {pattern}{' login' if more else ''}"
                    yield Case(
                        "B", f"late {name} {pattern}", words, orders, steps, commands=turn % 5 != 0, key=turn % 7 != 0
                    )


def lag_cases() -> Iterator[Case]:
    """Reads repeat what they showed, for a while, around a change whose answer was lost or that comes late."""
    triggers = cycle(TRIGGERS)
    turn = 0
    for name, target in ALL_TARGETS.items():
        for reads in dict.fromkeys([*((one,) for one in target.reads), target.reads]):
            for fault in ("", "drop_before", "drop_after", "late", "fail_task"):
                for seconds in (3.0, 700.0):
                    turn += 1
                    trigger = next(triggers) if not target.shown else "http"
                    lag = [{"Action": one, "Fault": "lag", "Seconds": seconds} for one in reads]
                    lost: dict[str, Any] = {"Action": target.action, "Fault": fault, "Times": 1 + turn % 3}
                    lost |= {"Seconds": 30.0} if fault == "late" else {}
                    steps = (
                        step("fault", *lag, *([lost] if fault else [])),
                        *_send("a", trigger),
                        step("work_off"),
                        *_send("a", trigger),
                        step("work_off"),
                    )
                    if not target.old_once:
                        steps += (step("clear"), step("advance", 1200.0), *_send("b", trigger), step("work_off"))
                    words = f"{name} {trigger} {'+'.join(reads)} {seconds:.0f} s, {fault or 'no fault'}"
                    orders = {"a": CaseCommand(name), "b": CaseCommand(name)}
                    yield Case("B", f"lag {name}", words, orders, steps, commands=turn % 4 != 0)


def twice_cases() -> Iterator[Case]:
    """A request that arrives two times, and one that is slow."""
    triggers = cycle(TRIGGERS)
    for name, target in ALL_TARGETS.items():
        for fault in (
            {"Fault": "twice"},
            {"Fault": "slow", "Seconds": 1.0},
            {"Fault": "slow", "Seconds": 5.0},
            {"Fault": "slow", "Seconds": 5.0, "When": "after"},
        ):
            for times in (1, MANY):
                trigger = next(triggers) if not target.shown else "http"
                put = {"Action": target.action, "Times": times, **fault}
                steps = (
                    step("fault", put),
                    *_send("a", trigger),
                    step("work_off"),
                    step("clear"),
                    *_send("a", trigger),
                    step("work_off"),
                )
                words = f"{name} {trigger} x{times} " + " ".join(str(one) for one in fault.values())
                yield Case("B", f"twice {name}", words, {"a": CaseCommand(name)}, steps, commands=times == 1)


def slow_store_cases() -> Iterator[Case]:
    """Kind G: a store so slow that the deadline comes before the change could be sent."""
    for name in ("kept account", "kept password", "kept registry", "kept tair"):
        for action in ("PutSecretValue", "ListSecretVersionIds", "GetSecretValue"):
            for seconds in (3.0, 4.5, 9.0):
                put = {"Action": action, "Fault": "slow", "Seconds": seconds, "Times": 2}
                steps = (
                    step("fault", put),
                    *_send("a", "queue"),
                    step("clear"),
                    step("work_off"),
                    *_send("a", "queue"),
                )
                words = f"{name} {action} {seconds} s"
                yield Case("G", f"slow store {name}", words, {"a": CaseCommand(name)}, (*steps, step("work_off")))


def world_cases() -> Iterator[Case]:
    """Each way in which a cloud may be, with each kind of lost answer."""
    triggers = cycle(TRIGGERS)
    turn = 0
    for label, world in WORLDS:
        for name, target in ALL_TARGETS.items():
            redis_only = any(word in label for word in ("times", "tasks", "task types", "year"))
            if redis_only and target.service != "redis":
                continue
            if ("CreateTime" in label or "versions" in label) and not target.place.startswith("ssm"):
                continue
            if "old =" in label and not target.fenced:
                continue
            if label == "slow tasks" and not has_tasks(name):
                continue
            if label == "stricter rule" and name != "kept tair":  # of a secret that is given the command must say so
                continue
            for fault in ("", "drop_before", "drop_after", "late", "fail_task"):
                turn += 1
                trigger = (
                    next(triggers)
                    if name in TARGETS and not target.shown
                    else triggers_of(name)[turn % len(triggers_of(name))]
                )
                lost: dict[str, Any] = {"Action": target.action, "Fault": fault, "Times": (1, 1, MANY)[turn % 3]}
                lost |= {"Seconds": 60.0} if fault == "late" else {}
                steps: tuple[Step, ...] = (step("fault", lost),) if fault else ()
                steps += (*_send("a", trigger), step("clear"), step("work_off"), *_send("a", trigger), step("work_off"))
                if not target.old_once:
                    steps += (step("advance", 1200.0), *_send("b", trigger), step("work_off"))
                more = {"Login": True} if turn % 4 == 0 and target.secret and not target.shown else {}
                orders = {"a": CaseCommand(name, more), "b": CaseCommand(name, more)}
                words = f"{label}: {name} {trigger} {fault or 'no fault'}{' login' if more else ''}"
                yield Case("H", f"{label} {target.base}", words, orders, steps, world, commands=turn % 6 != 0)


def login_world_cases() -> Iterator[Case]:
    """Kind F: servers that take other forms of a login, or any password."""
    turn = 0
    for label, world in LOGIN_WORLDS:
        for name, target in ALL_TARGETS.items():
            if target.service == "tcr" or not target.secret or target.turns:
                continue
            for fault in ("", "drop_before", "drop_after", "late"):
                for by_hand in (False, True):
                    turn += 1
                    trigger = TRIGGERS[turn % 3]
                    lost: dict[str, Any] = {"Action": target.action, "Fault": fault, "Times": 1 + turn % 2}
                    lost |= {"Seconds": 60.0} if fault == "late" else {}
                    steps: tuple[Step, ...] = (step("fault", lost),) if fault else ()
                    steps += (*_send("a", trigger), step("clear"), step("work_off"))
                    steps += (step("outside", "a"), step("advance", 2000.0)) if by_hand else ()
                    steps += (*_send("a", trigger), step("work_off"))
                    words = f"{label}: {name} {trigger} {fault or 'no fault'}{' by hand' if by_hand else ''}"
                    order = CaseCommand(name, {"Login": True})
                    yield Case("F", f"{label} {target.base}", words, {"a": order}, steps, world, commands=turn % 3 != 0)
