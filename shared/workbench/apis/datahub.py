"""DataHub tasks of CKafka: the HTTP entries to topics, by the ids that queue URLs name. Claim: Q7."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_PAGE = 50  # tasks on one page of the list
TASK_GONE = (2, 3)
"""The Status values of a DataHub task that is being deleted, or is deleted."""


@dataclass(frozen=True)
class Topic:
    """A topic of a CKafka instance; both empty where a task names none."""

    instance: str
    name: str


def topic_of(list_tasks: Callable[[Mapping[str, Any]], Mapping[str, Any]], datahub_id: str) -> Topic | None:
    """Where a DataHub id writes to; None: no task has it. `list_tasks` is `Result` of DescribeDatahubTasks."""
    offset = 0
    while True:
        answer = list_tasks({"Limit": _PAGE, "Offset": offset, "TaskType": "SOURCE", "SourceType": "HTTP"})
        tasks = answer.get("TaskList") or []
        for task in tasks:
            if task.get("DatahubId") == datahub_id and task.get("Status") not in TASK_GONE:
                target = (task.get("TargetResource") or {}).get("KafkaParam") or {}
                return Topic(str(target.get("Resource") or ""), str(target.get("Topic") or ""))
        offset += len(tasks)
        if not tasks or offset >= int(answer.get("TotalCount") or 0):
            return None
