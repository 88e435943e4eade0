"""What DescribeTaskList shows of a task of TencentDB for Redis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AT_WORK = (0, 1)
"""Its `Result`, as long as it is waiting or running."""


def task_ids(tasks: list[Mapping[str, Any]]) -> frozenset[int]:
    """As `task_id_of`, of a whole page at once: there are up to a hundred at every look."""
    return frozenset([number if isinstance(number := task.get("TaskId"), int) else 0 for task in tasks])


def task_id_of(task: Mapping[str, Any]) -> int:
    return number_of(task.get("TaskId"))


def start_of(task: Mapping[str, Any]) -> str:
    """A time of the service's own, in a form that sorts; the last of all where it is not shown."""
    value = task.get("StartTime")
    return value if isinstance(value, str) and value else "~"


def outlasts(task: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Whether a task is at work still, or ended after our own: no page says that an instance runs one at a time."""
    end, own_end = task.get("EndTime"), own.get("EndTime")
    if task.get("Result") in AT_WORK:
        return True
    return isinstance(end, str) and isinstance(own_end, str) and end > own_end > ""


def number_of(value: object) -> int:
    return value if isinstance(value, int) else 0
