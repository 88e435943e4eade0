"""Reads the rows of DescribeTaskList (TencentDB for Redis)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AT_WORK = (0, 1)
"""The `Result` of a task that waits or runs."""


def task_ids(tasks: list[Mapping[str, Any]]) -> frozenset[int]:
    """Like `task_id_of`, for a whole page. A page has up to a hundred tasks, so this is written for speed."""
    return frozenset([number if isinstance(number := task.get("TaskId"), int) else 0 for task in tasks])


def task_id_of(task: Mapping[str, Any]) -> int:
    return number_of(task.get("TaskId"))


def start_of(task: Mapping[str, Any]) -> str:
    """When the task began, as the service's text, which sorts by time. A missing time sorts last."""
    value = task.get("StartTime")
    return value if isinstance(value, str) and value else "~"


def outlasts(task: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether a task still runs or ended after keyturn's own. No page says that an instance runs one at a time."""
    end, own_end = task.get("EndTime"), own.get("EndTime")
    if task.get("Result") in AT_WORK:
        return True
    return isinstance(end, str) and isinstance(own_end, str) and end > own_end > ""


def number_of(value: object) -> int:
    return value if isinstance(value, int) else 0
