"""What keyturn needs on Tencent Cloud: roles, CKafka topics with DataHub entries, CLS topics.

Sources: CKafka 2019-08-19, CLS 2020-10-16 (models and error codes of the SDKs 3.1.18x and 3.1.19x).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.apis.datahub import TASK_GONE
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.bootstrap.cam import cam_role
from shared.workbench.bootstrap.needs import LOG_KINDS, CkafkaTopic, DatahubTask, LogPlace, Needs
from shared.workbench.bootstrap.resources import (
    MISSING,
    NAME_LOGS,
    TAG,
    ApiCall,
    Found,
    Resource,
    is_marked,
    of_another_service,
    service_of,
)

_PAGE = 100
_SETTLE_S = 120.0  # a DataHub task is made in the background
_RETENTION_MS = 3 * 24 * 3600 * 1000  # of messages: a weekend
_RUNNING, _MAKING = 1, 0  # DescribeDatahubTasks' Status
LOG_DAYS = 30


def resources(api: TencentApi, needs: Needs) -> list[Resource]:
    """Everything that is made, in the order in which it is made."""
    found: list[Resource] = [cam_role(api, one, needs) for one in needs.roles]
    found += [Topic(api, one, needs.service, needs.mark) for one in needs.topics]
    found += [Entry(api, one, needs.service, needs.mark) for one in needs.tasks]
    return [*found, LogTopic(api, needs.logs, needs.service, needs.mark)]


def topic_call(topic: CkafkaTopic, service: str, mark: str) -> ApiCall:
    """A topic of one partition, which keeps messages for three days."""
    named = {"InstanceId": topic.instance, "TopicName": topic.name, "PartitionNum": 1, "ReplicaNum": 2}
    tags = [{"TagKey": TAG, "TagValue": service}]
    return ApiCall("ckafka", "CreateTopic", {**named, "RetentionMs": _RETENTION_MS, "Note": mark, "Tags": tags})


def task_call(task: DatahubTask, service: str, mark: str) -> ApiCall:
    """An entry by HTTP that writes to a topic."""
    kafka = {"SelfBuilt": False, "Resource": task.topic.instance, "Topic": task.topic.name}
    parameters = {
        "TaskName": task.name,
        "TaskType": "SOURCE",
        "SourceResource": {"Type": "HTTP"},
        "TargetResource": {"Type": "KAFKA", "KafkaParam": kafka},
        "Description": mark,
        "Tags": [{"TagKey": TAG, "TagValue": service}],
    }
    return ApiCall("ckafka", "CreateDatahubTask", parameters)


def log_calls(place: LogPlace, service: str, mark: str, logset: str, topic: str) -> Iterator[ApiCall]:
    """A log set, a topic in it and an index of its whole text; the ids of the first two are those that came of them."""
    tags = [{"Key": TAG, "Value": service}]
    yield ApiCall("cls", "CreateLogset", {"LogsetName": place.group, "Tags": tags})
    named = {"LogsetId": logset, "TopicName": place.topic, "Period": LOG_DAYS}
    yield ApiCall("cls", "CreateTopic", {**named, "Describes": mark, "Tags": tags})
    text = {"CaseSensitive": False, "Tokenizer": "@&?|#()='\",;:<>[]{}/ \n\t\r\\", "ContainZH": False}
    yield ApiCall("cls", "CreateIndex", {"TopicId": topic, "Status": True, "Rule": {"FullText": text}})


class _TencentResource:
    """What every kind of thing here is made with."""

    kind = ""
    place = ""
    after = ""

    def __init__(self, api: TencentApi, name: str, service: str, mark: str) -> None:
        self._api, self.name, self._service, self._mark = api, name, service, mark

    def _do(self, call: ApiCall) -> dict[str, Any]:
        return self._api.call(call.service, call.action, call.parameters)

    def _is_marked(self, description: object) -> bool:
        return is_marked(description, self._mark)


def no_instance(instance: str, region: str) -> str:
    """What a person reads of an instance that is not there."""
    return f"there is no CKafka instance {instance} in {region}: CKAFKA_INSTANCE or KEYTURN_REGION is wrong"


class Topic(_TencentResource):
    """A topic of CKafka."""

    kind = "topic"

    def __init__(self, api: TencentApi, topic: CkafkaTopic, service: str, mark: str) -> None:
        super().__init__(api, topic.name, service, mark)
        self._topic, self.place = topic, topic.instance

    def look(self) -> Found:
        asked = {"InstanceId": self._topic.instance, "SearchWord": self.name, "Limit": _PAGE, "Offset": 0}
        try:
            answer = self._api.call("ckafka", "DescribeTopic", asked)["Result"]
        except CallRefused as refused:
            if "InstanceNotExist" not in refused.code:
                raise
            return Found("foreign", why=no_instance(self._topic.instance, self._api.region))
        for one in answer.get("TopicList") or ():
            if one["TopicName"] == self.name:
                theirs = of_another_service(self._service, service_of(one.get("Note")))
                return theirs or Found("there", ours=self._is_marked(one.get("Note")))
        return MISSING

    def make(self) -> None:
        if self.look() == MISSING:
            self._do(topic_call(self._topic, self._service, self._mark))

    def take_away(self) -> None:
        """Waits, where it was made within the last minute: the API refuses that long."""
        named = {"InstanceId": self._topic.instance, "TopicName": self.name}
        until = time.monotonic() + _SETTLE_S
        while self.look().ours:
            code = self._api.refusal("ckafka", "DeleteTopic", named)
            if code and ("FrequencyTopicDelete" not in code or time.monotonic() > until):
                raise CallRefused("DeleteTopic", code, 200, "ckafka")
            time.sleep(2 if code else 0)


class Entry(_TencentResource):
    """A DataHub task that takes messages by HTTP."""

    kind = "DataHub task"

    def __init__(self, api: TencentApi, task: DatahubTask, service: str, mark: str) -> None:
        super().__init__(api, task.name, service, mark)
        self._task = task

    def look(self) -> Found:
        task = self._there()
        if task is None and self._task.topic.instance:
            topic = Topic(self._api, self._task.topic, self._service, self._mark).look()
            return topic if topic.condition == "foreign" else MISSING
        if task is None:
            return MISSING
        if theirs := of_another_service(self._service, service_of(task.get("Description"))):
            return theirs
        ours = self._is_marked(task.get("Description"))
        target = (task.get("TargetResource") or {}).get("KafkaParam") or {}
        aim = (target.get("Resource"), target.get("Topic"))
        if aim != (self._task.topic.instance, self._task.topic.name):
            topic = Topic(self._api, self._task.topic, self._service, self._mark).look()
            if topic.condition == "foreign":  # such as an instance that is not there: then the task may well be right
                return Found("foreign", ours=ours, why=topic.why)
            return Found("foreign", ours=ours, why="it writes elsewhere: remove or rename it")
        if task.get("Status") not in (_RUNNING, _MAKING):
            why = f"it does not run (Status {task.get('Status')}): see to it in the console"
            return Found("foreign", ours=ours, why=why)
        return Found("there", ours=ours, value=f"ckafka://{self._api.region}/{task.get('DatahubId') or ''}")

    def make(self) -> None:
        """Returns when the task runs and has the id that messages are sent to. Raises: CallLost if that takes long."""
        if self._there() is None:
            self._do(task_call(self._task, self._service, self._mark))
        until = time.monotonic() + _SETTLE_S
        while time.monotonic() < until:
            task = self._there()
            if task and task.get("Status") != _MAKING:
                return
            time.sleep(0.5)
        raise CallLost("CreateDatahubTask", TimeoutError())

    def take_away(self) -> None:
        task = self._there()
        if task is None or not self._is_marked(task.get("Description")):
            return
        self._api.call("ckafka", "DeleteDatahubTask", {"TaskId": task["TaskId"]})
        until = time.monotonic() + _SETTLE_S
        while self._there() is not None and time.monotonic() < until:
            time.sleep(0.5)

    def _there(self) -> dict[str, Any] | None:
        asked = {"SearchWord": self.name, "TaskType": "SOURCE", "SourceType": "HTTP", "Limit": _PAGE, "Offset": 0}
        answer = self._api.call("ckafka", "DescribeDatahubTasks", asked)["Result"]
        found = [one for one in answer.get("TaskList") or () if one["TaskName"] == self.name]
        return next((one for one in found if one.get("Status") not in TASK_GONE), None)


class LogTopic(_TencentResource):
    """A log set of CLS with one topic, and the index without which nothing of it is found."""

    kind = LOG_KINDS["tencent"]
    after = "cls"

    def __init__(self, api: TencentApi, place: LogPlace, service: str, mark: str) -> None:
        super().__init__(api, str(place), service, mark)
        self._place = place

    def look(self) -> Found:
        logset, topic = self._there()
        if logset is None:
            return MISSING
        if not self._is_ours(logset):
            return Found("foreign", why=f"a log set {self._place.group} stands that is not bootstrap's: {NAME_LOGS}")
        if topic is None:
            return Found("missing", ours=True)
        if not self._is_ours(topic):
            return Found("foreign", why=f"a topic {self._place.topic} in it is not bootstrap's: {NAME_LOGS}")
        found = Found("there", True, value=f"{logset['LogsetId']} {topic['TopicId']}")
        if not topic.get("Index"):
            return Found("differs", found.ours, why="its topic has no index: no line would be found", value=found.value)
        return found

    def make(self) -> None:
        logset, topic = self._there()
        group = logset["LogsetId"] if logset else ""
        new_set, *_ = log_calls(self._place, self._service, self._mark, "", "")
        group = group or self._do(new_set)["LogsetId"]
        _, new_topic, _ = log_calls(self._place, self._service, self._mark, group, "")
        id_ = topic["TopicId"] if topic else self._do(new_topic)["TopicId"]
        if not topic or not topic.get("Index"):
            *_, index = log_calls(self._place, self._service, self._mark, group, id_)
            self._do(index)

    def take_away(self) -> None:
        logset, topic = self._there()
        if topic is not None and self._is_ours(topic):
            self._api.call("cls", "DeleteTopic", {"TopicId": topic["TopicId"]})
        if logset is not None and self._is_ours(logset):
            left = {"Filters": [{"Key": "logsetId", "Values": [logset["LogsetId"]]}], "Limit": 1}
            if not self._api.call("cls", "DescribeTopics", left).get("Topics"):
                self._api.call("cls", "DeleteLogset", {"LogsetId": logset["LogsetId"]})

    def _is_ours(self, shown: dict[str, Any]) -> bool:
        return {"Key": TAG, "Value": self._service} in (shown.get("Tags") or ())

    def _there(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        named = {"Filters": [{"Key": "logsetName", "Values": [self._place.group]}], "Limit": _PAGE}
        sets = self._api.call("cls", "DescribeLogsets", named).get("Logsets") or ()
        logset = next((one for one in sets if one["LogsetName"] == self._place.group), None)
        if logset is None:
            return None, None
        within = {"Filters": [{"Key": "logsetId", "Values": [logset["LogsetId"]]}], "Limit": _PAGE}
        topics = self._api.call("cls", "DescribeTopics", within).get("Topics") or ()
        return logset, next((one for one in topics if one["TopicName"] == self._place.topic), None)
