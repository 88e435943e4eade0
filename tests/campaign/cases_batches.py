"""Kind C: commands of one instance in one event. They share what they read about its accounts before their calls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from tests.campaign.case import Case, Step, step
from tests.campaign.case_command import CaseCommand

_TARGETS = ("account", "remark", "kept account")
# `a` and `c` are of one account, `b` is of another.
_ORDERS = ("ab", "ba", "aca", "abcb")
_CHANGE = "ModifyInstanceAccount"
_TROUBLE: tuple[tuple[dict[str, Any], ...], ...] = (
    (),
    *(({"Action": _CHANGE, "Fault": fault, "Times": 1},) for fault in ("drop_before", "drop_after", "twice", "lock")),
    *(({"Action": _CHANGE, "Fault": "late", "Seconds": seconds, "Times": 1},) for seconds in (1.0, 4.0, 60.0)),
    ({"Action": _CHANGE, "Fault": "code", "Code": "InternalError", "When": "after", "Times": 1},),
    ({"Action": _CHANGE, "Fault": "fail_task", "Times": 1},),
    ({"Action": "DescribeInstanceAccount", "Fault": "html_500", "Times": 2},),
    tuple({"Action": one, "Fault": "lag", "Seconds": 4.0} for one in ("DescribeInstanceAccount", "DescribeTaskList")),
)
_WORLDS: tuple[dict[str, Any], ...] = (
    {},
    {"task_s": 2.5},
    {"task_listed_after_s": 2.0},
    {"times_lag_s": 2.0},
    {"shows_changing": False},
    {"not_so": ["R10"]},
    {"not_so": ["R23"]},
)


def batch_cases() -> Iterator[Case]:
    """Each kind of trouble in each world. Meanwhile somebody changes one of the accounts in the console."""
    ways = cycle(_ORDERS)
    hands = cycle(("", "a", "b", ""))
    for name in _TARGETS:
        orders = {letter: CaseCommand(name) for letter in "ac"}
        orders["b"] = CaseCommand("account", {"AccountName": "root"})
        for world in _WORLDS:
            for trouble in _TROUBLE:
                letters, by_hand = next(ways), next(hands)
                steps: tuple[Step, ...] = (step("fault", *trouble),) if trouble else ()
                steps += (step("batch", letters, by_hand=by_hand, apart_s=0.7), step("clear"), step("work_off"))
                met = " and ".join(f"{one['Action']} {one['Fault']} {one.get('Seconds', '')}" for one in trouble)
                words = (
                    f"{name} {letters}, {met or 'no trouble'}, {world or 'as usual'}, by hand {by_hand or 'nothing'}"
                )
                yield Case("C", f"batch {name}", words, orders, steps, world)
