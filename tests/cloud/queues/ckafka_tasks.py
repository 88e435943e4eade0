"""CKafka's DataHub tasks, as its API creates, shows and deletes them. Only tasks from HTTP to a topic.

Sources: the vendor's Python SDK (tencentcloud-sdk-python-ckafka 3.1.195) for parameters and codes, tccli's SDK for the
required ones; rates: cloud.tencent.com 597/40823 (2026-11).

Claims: Q7, Q12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.cloud.queues.ckafka_topics import existing_topic
from tests.cloud.queues.kafka_topics import DataHubTask, KafkaTopics, new_id
from tests.cloud.state.china_time import china_time
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import Action, Answer, ApiError, Call, page, parameter_table

CREATING, RUNNING = 0, 1
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,63}")
_TARGET_FIELDS = {"SelfBuilt", "Resource", "Topic"}


class CkafkaTasks:
    """The actions on DataHub tasks."""

    def __init__(self, kafka: KafkaTopics, clock: Clock) -> None:
        self._kafka = kafka
        self._clock = clock

    def actions(self) -> dict[str, Action]:
        """The actions, by name."""
        return {
            "CreateDatahubTask": Action(
                parameter_table(
                    "TaskName! TaskType! SourceResource:object TargetResource:object Tags:objects Description",
                    "TransformParam:object PrivateLinkParam:object SchemaId TransformsParam:object TaskId",
                ),
                self._create,
                changes=True,
                rate_per_s=20,
            ),
            "DescribeDatahubTasks": Action(
                parameter_table("Limit:int Offset:int SearchWord TargetType TaskType SourceType Resource"),
                self._list,
                rate_per_s=20,
            ),
            "DescribeDatahubTask": Action(parameter_table("TaskId!"), self._describe, rate_per_s=20),
            "DeleteDatahubTask": Action(parameter_table("TaskId!"), self._delete, changes=True, rate_per_s=20),
        }

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        source, target = given.get("SourceResource", {}), given.get("TargetResource", {})
        if not _NAME.fullmatch(given["TaskName"]):
            raise ApiError("InvalidParameterValue", "TaskName breaks the rules.")
        of_http = (given["TaskType"], source.get("Type"), target.get("Type")) == ("SOURCE", "HTTP", "KAFKA")
        if not of_http or source.keys() != {"Type"} or target.keys() != {"Type", "KafkaParam"}:
            raise ApiError("UnsupportedOperation", "The stand-in makes tasks of the kind HTTP to KAFKA.")
        if not self._kafka.world.holds("Q7"):
            raise ApiError("UnsupportedOperation", "Only the console can create such a task.")
        place = target["KafkaParam"]
        if place.keys() != _TARGET_FIELDS or place["SelfBuilt"] is not False:
            raise ApiError(
                "InvalidParameter", f"The stand-in's KafkaParam is {sorted(_TARGET_FIELDS)}, not self-built."
            )
        topic = existing_topic(self._kafka, place["Resource"], place["Topic"], call)
        if any(one.name == given["TaskName"] for one in self._here(call)):
            raise ApiError("InvalidParameterValue.RepetitionValue", "A task of this name exists.")
        now = self._clock.now()
        task = DataHubTask(
            *(new_id("task"), given["TaskName"], new_id("datahub"), call.region or ""),
            site=self._kafka.world.ckafka_instance[topic.instance].site,
            instance=topic.instance,
            topic=topic.name,
            created_at=now,
            ready_at=now + self._kafka.world.ckafka_task_s,
            description=given.get("Description", ""),
            tags={str(one.get("TagKey")): str(one.get("TagValue")) for one in given.get("Tags", ())},
        )
        self._kafka.tasks[task.id] = task
        return {"Result": {"TaskId": task.id, "DatahubId": task.hub_id}}

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        found = [
            self._shown(one)
            for one in self._here(call)
            if given.get("SearchWord", "") in one.name
            and given.get("TaskType", "SOURCE") == "SOURCE"
            and given.get("SourceType", "HTTP") == "HTTP"
            and given.get("TargetType", "KAFKA") == "KAFKA"
            and given.get("Resource", one.instance) == one.instance
        ]
        shown = page(found, given.get("Offset", 0), min(given.get("Limit", 20), 100))
        return {"Result": {"TotalCount": len(found), "TaskList": shown}}

    async def _describe(self, given: Mapping[str, Any], call: Call) -> Answer:
        task = self._task(given, call)
        tags = [{"TagKey": key, "TagValue": value} for key, value in task.tags.items()]
        return {"Result": {**self._shown(task), "Tags": tags, "Connections": [], "IsolateStatus": 1}}

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        task = self._task(given, call)
        del self._kafka.tasks[task.id]
        return {"Result": {"TaskId": task.id}}

    def _here(self, call: Call) -> list[DataHubTask]:
        return [
            one for one in self._kafka.tasks.values() if one.region == call.region and call.site in (None, one.site)
        ]

    def _task(self, given: Mapping[str, Any], call: Call) -> DataHubTask:
        found = next((one for one in self._here(call) if one.id == given["TaskId"]), None)
        if found is None:
            raise ApiError("ResourceNotFound", "The task does not exist.")
        return found

    def _shown(self, task: DataHubTask) -> dict[str, Any]:
        runs = task.ready_at <= self._clock.now()
        target = {"SelfBuilt": False, "Resource": task.instance, "Topic": task.topic}
        return {
            "TaskId": task.id, "TaskName": task.name, "TaskType": "SOURCE", "Status": RUNNING if runs else CREATING,
            "SourceResource": {"Type": "HTTP"}, "TargetResource": {"Type": "KAFKA", "KafkaParam": target},
            "CreateTime": china_time(task.created_at), "DatahubId": task.hub_id, "Description": task.description,
            "ErrorMessage": "",
        }  # fmt: skip
