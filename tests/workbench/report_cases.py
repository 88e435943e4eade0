"""Files of events for the looks of the report: none, all clear, in progress, seven failures, overdue, and a mixture."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shared.workbench.bench.scale.history import History
from tests.workbench.report_events import LONG, result_event, rotation_event

Events = list[Any]
_EVIDENCE = ["DescribeTaskInfo 233815: succeed", "instance and account show what was asked: free", "login: accepted"]
_ERRORS = (
    *[("wrong_old_secret", "InvalidParameterValue.PasswordError", "the old password is not in force")] * 3,
    *[("forbidden", "UnauthorizedOperation", "the role may not call ModifyInstanceAccount")] * 3,
    ("busy", "TaskInFlight", "another task runs on the instance"),
)
_AGES = (12, 30, 44, 61, 70, 80, 85, 91.5, 130, 212)


def _event(outcome: str, count: int, **data: Any) -> dict[str, Any]:
    at = f"2026-11-22T06:{count:02d}"
    times = {"StartedAt": f"{at}:01.000Z", "FinishedAt": f"{at}:{2 + count * 7 % 50:02d}.000Z"}
    name = f"c-2026-{count:04d}"
    return result_event(
        outcome,
        name,
        times["FinishedAt"],
        subject=f"redis/crs-demo{count:04d}/app",
        **(times | {"Evidence": []} | data),
    )


def _changed(count: int) -> dict[str, Any]:
    return _event("changed", count, Evidence=_EVIDENCE)


def _failed() -> Events:
    refused = [
        _event("not_changed", count, Error={"Class": kind, "Code": code, "Message": text, "Retryable": kind == "busy"})
        for count, (kind, code, text) in enumerate(_ERRORS)
    ]
    return [*refused, _changed(10), _changed(11)]


def _overdue() -> Events:
    rows = [
        {"Resource": f"crs-fleet{age:.0f}", "Account": "app", "AgeDays": age, "ChangedAt": None, "Due": age > 90}
        | {"Why": "older than 90 days" if age > 90 else "not due"}
        for age in _AGES
    ]
    return [rotation_event(rows, "2026-11-22T06:00:00.000Z"), *map(_changed, range(4))]


def _mixed() -> Events:
    """Each part of the page, and names without a space."""
    row = {"Resource": "crs-x", "Account": "-", "AgeDays": None, "ChangedAt": None, "Due": False, "Why": "not listed"}
    firing = rotation_event([row], "2026-03-01T06:00:00.000Z", Policy="weekly", Last=False)
    unmatched = rotation_event([], "2026-11-22T05:00:00.000Z", "rotate", Policy="nobody", Firing="nobody-1")
    barred = rotation_event([{**row, "AgeDays": 5}], "2026-11-22T05:00:01.000Z", Policy="barred", NotAllowed=1)
    wrong_clock = rotation_event([{**row, "Account": LONG}], "2036-03-01T06:00:00.000Z", Policy="wrong-clock")
    undelivered = {"event": "undelivered_result", "result": json.dumps(_event("changed", 1, Evidence=[LONG * 3]))}
    waiting = _event("pending", 2, Evidence=[*_EVIDENCE, LONG * 3], TaskId=233816)
    return [
        *map(json.loads, History(1500).lines()),
        firing,
        unmatched,
        barred,
        wrong_clock,
        undelivered,
        waiting,
        "no JSON",
    ]


TODAY = "2026-11-22T06:40:00.000Z"
"""When the cases are read."""
CASES: dict[str, tuple[str, Callable[[], Events]]] = {
    "empty": ("No events", list),
    "clear": ("All clear: 29 commands, 29 changed", lambda: [_changed(count) for count in range(29)]),
    "waiting": ("1 of 2 commands still running", lambda: [_changed(1), _event("pending", 2, Evidence=_EVIDENCE)]),
    "failed": ("7 of 9 commands failed", _failed),
    "overdue": ("3 credentials overdue", _overdue),
    "mixed": ("", _mixed),
}
"""By name: the headline where it is told here, and what makes the events."""
