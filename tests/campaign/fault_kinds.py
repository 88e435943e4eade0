"""The kinds of trouble that a delivery meets, from the waiting faults and its world. They may excuse `unknown`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tests.campaign.operations import STORE_ACTIONS, Target

LOST = ("drop_before", "drop_after", "stall", "cut_body", "html_500", "not_json", "wrong_type", "no_task_id")
"""The answer does not say what happened."""
LATE = ("late", "slow", "twice", "code", "echo", "lock", "throttle", "fail_task", "expire_token")
FAULTS = (*LOST, "throttle", "lock", "fail_task", "hang_task", "expire_token")
READ_FAULTS = ("drop_after", "stall", "throttle", "html_500", "not_json", "wrong_type", "cut_body")
MANY = 50
"""So often that no repeat comes through."""

_SOON_S = 60.0  # a lag that is over by then hides nothing for long
_STORES = {action for actions in STORE_ACTIONS.values() for action in actions}


def kinds_met(faults: Iterable[Mapping[str, Any]], target: Target) -> set[str]:
    """The kinds of trouble in waiting faults: lost, endless, blind, store."""
    found = set()
    for fault in faults:
        action, kind = fault["Action"], fault["Fault"]
        if action in (target.action, "*"):
            if kind in LOST or kind in ("late", "slow", "twice", "code", "echo"):
                found.add("lost")
            if kind == "hang_task":
                found.add("endless" if target.service != "tcr" else "lost")
            if kind == "fail_task" and target.service == "tcr":
                found.add("lost")  # it has no task: the failure is an answer of its kind
        if action in (*target.reads, *target.login_reads, "*") and _lasts(fault):
            found.add("blind")
            if fault.get("Times", 1) >= MANY and target.fenced and kind not in ("lock", "throttle", "expire_token"):
                found.add("deaf")
        if action == target.action and fault.get("Times", 1) >= MANY and target.fenced and kind in (*LOST, "code"):
            found.add("deaf")
        if action in _STORES:
            found.add("store")
    return found


def refusal(code: object) -> str:
    """The kind of trouble of a world that refuses some values with this code, which has other causes, too."""
    return f"refuses: {code}"


def kinds_in_world(world: Mapping[str, Any], target: Target) -> set[str]:
    """The kinds of trouble that a world's own behaviour causes."""
    found = set()
    if world.get("old_equals_new", "accept") != "accept":
        found.add("probe")
    if world.get("not_so"):
        found.add("otherwise")
    found |= {refusal(rule["code"]) for rule in world.get("refuses_values", ())}
    redis = target.service == "redis"
    if redis and (
        world.get("empty_times", "no") != "no"
        or world.get("times_lag_s")
        or world.get("task_listed_after_s")
        or world.get("task_readable_after_s")
        or world.get("task_types")
    ):
        found.add("blind")
    return found


def _lasts(fault: Mapping[str, Any]) -> bool:
    return bool(fault.get("Times", 1) >= MANY) or bool(fault["Fault"] == "lag" and fault["Seconds"] > _SOON_S)
