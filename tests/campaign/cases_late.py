"""Kinds B and G: changes and requests that come late or twice, reads that lag, and slow stores."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from tests.campaign.case import Case, Step, step
from tests.campaign.case_command import CaseCommand
from tests.campaign.cases_faults import TRIGGERS
from tests.campaign.fault_kinds import MANY
from tests.campaign.operations import ALL_TARGETS

LATE_S = (2.0, 25.0, 200.0, 290.0, 880.0)


def _send(letter: str, trigger: str) -> tuple[Step, ...]:
    return (step("send", letter, trigger),)


def late_cases() -> Iterator[Case]:
    """A change that takes effect long after everybody stopped waiting, and commands that are sent meanwhile."""
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
    """Reads show old answers for a while, around a change whose answer was lost or that comes late.

    All reads together lag for no longer than the settling time: beyond that, nothing could show what happened.
    """
    triggers = cycle(TRIGGERS)
    turn = 0
    for name, target in ALL_TARGETS.items():
        for reads in dict.fromkeys([*((one,) for one in target.reads), target.reads]):
            for fault in ("", "drop_before", "drop_after", "late", "fail_task"):
                all_lag = len(reads) > 1 and bool(fault) and target.service == "redis"
                for seconds in (3.0, 300.0 if all_lag else 700.0):
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
    """A request that arrives twice, and one that is slow."""
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
    """Kind G: a store that is so slow that the deadline comes before the change can be sent."""
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
