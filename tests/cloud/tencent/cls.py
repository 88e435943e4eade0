"""Tencent's log service CLS (2020-10-16): logsets, topics with their index, and the log lines of functions.

Source: the vendor's Python SDK (tencentcloud-sdk-python-cls 3.1.192) for parameters, limits and codes; tccli for the
required ones.

Claims: L1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.cloud.functions.host import FunctionHost
from tests.cloud.state.china_time import china_time
from tests.cloud.state.log_places import LogPlaces, Logset, LogTopic, new_log_id, pairs_of
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, page, parameter_table

_MOST_NAME = 255
_MOST_PERIOD_DAYS = 3640
_MOST_LINES = 1000
_FILTERS = {"topicName": "TopicName", "topicId": "TopicId", "logsetName": "LogsetName", "logsetId": "LogsetId"}
_MORE_OF_TOPICS = (
    "PartitionCount:int AutoSplit:bool MaxSplitPartitions:int HotPeriod:int Encryption:int CustomKmsInfo:object "
    "BizType:int TopicId IsWebTracking:bool Extends:object IsSourceFrom:bool BillingMode:int"
)


class TencentCls:
    """The service. It does not list the topics that match the world's patterns, but functions can log to them."""

    cloud: Cloud = "tencent"
    name = "cls"
    version = "2020-10-16"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, logs: LogPlaces, host: FunctionHost, clock: Clock) -> None:
        self._logs = logs
        self._host = host
        self._clock = clock
        listed = "Filters:objects Offset:int Limit:int"
        self.actions: Mapping[str, Action] = {
            "CreateLogset": Action(
                parameter_table("LogsetName! Tags:objects", "LogsetId"), self._create_logset, changes=True
            ),
            "DescribeLogsets": Action(parameter_table(listed), self._logsets),
            "DeleteLogset": Action(parameter_table("LogsetId!"), self._delete_logset, changes=True),
            "CreateTopic": Action(
                parameter_table("LogsetId! TopicName! Tags:objects Period:int Describes StorageType", _MORE_OF_TOPICS),
                self._create_topic,
                changes=True,
            ),
            "DescribeTopics": Action(parameter_table(f"{listed} PreciseSearch:int BizType:int"), self._topics),
            "DeleteTopic": Action(parameter_table("TopicId!"), self._delete_topic, changes=True),
            "CreateIndex": Action(
                parameter_table(
                    "TopicId! Rule!:object Status:bool IncludeInternalFields:bool MetadataFlag:int", "CoverageField"
                ),
                self._create_index,
                changes=True,
            ),
            "DescribeIndex": Action(parameter_table("TopicId!"), self._index),
            "SearchLog": Action(
                parameter_table(
                    "From!:int To!:int Query TopicId! Sort Limit:int SyntaxRule:int",
                    "QueryString QuerySyntax:int Topics:objects Offset:int Context SamplingRate:number "
                    "UseNewAnalysis:bool HighLight:bool",
                ),
                self._search,
            ),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The error that this service publishes."""
        if kind == "denied":
            return ApiError("UnauthorizedOperation", "No CAM permission.")
        if kind == "lock":
            return ApiError("LimitExceeded.IndexOperating", "The index is being changed.")
        return ApiError("InternalError" if kind == "system" else "FailedOperation", "The operation failed.")

    def state(self) -> dict[str, Any]:
        """What calls created, by name."""
        return {
            "logsets": {one.name: {"Id": one.id, "Tags": one.tags} for one in self._logs.logsets.values()},
            "topics": {one.name: {"Id": one.id, "Tags": one.tags} for one in self._logs.topics.values()},
        }

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """Delete everything that calls created."""
        self._logs.reset(world)

    async def close(self) -> None:
        """Does nothing: this service starts no server."""

    async def _create_logset(self, given: Mapping[str, Any], call: Call) -> Answer:
        name = _checked_name(given["LogsetName"])
        if any(one.name == name for one in self._logsets_of(call)):
            raise ApiError("InvalidParameter.LogsetConflict", "A logset of this name exists.")
        tags = dict(pairs_of(given.get("Tags")))
        logset = Logset(new_log_id(), name, call.region or "", self._clock.now(), tags)
        self._logs.logsets[logset.id] = logset
        return {"LogsetId": logset.id}

    async def _logsets(self, given: Mapping[str, Any], call: Call) -> Answer:
        found = [self._shown_logset(one) for one in self._logsets_of(call)]
        return _paged(given, found, "Logsets", fuzzy={"LogsetName"})

    async def _delete_logset(self, given: Mapping[str, Any], call: Call) -> Answer:
        logset = self._logset(given, call)
        if any(one.logset is logset for one in self._logs.topics.values()):
            raise ApiError("FailedOperation.LogsetNotEmpty", "The logset has topics.")
        del self._logs.logsets[logset.id]
        return {}

    async def _create_topic(self, given: Mapping[str, Any], call: Call) -> Answer:
        logset, name, days = self._logset(given, call), _checked_name(given["TopicName"]), given.get("Period", 30)
        if not 1 <= days <= _MOST_PERIOD_DAYS or given.get("StorageType", "hot") != "hot":
            raise ApiError("InvalidParameter", "Period or StorageType is out of range.")
        if any(one.logset is logset and one.name == name for one in self._logs.topics.values()):
            raise ApiError("InvalidParameter.TopicConflict", "A topic of this name exists.")
        tags = dict(pairs_of(given.get("Tags")))
        topic = LogTopic(new_log_id(), name, logset, self._clock.now(), given.get("Describes", ""), days, tags)
        self._logs.topics[topic.id] = topic
        return {"TopicId": topic.id}

    async def _topics(self, given: Mapping[str, Any], call: Call) -> Answer:
        precise = given.get("PreciseSearch", 0)
        fuzzy = {name for bit, name in ((1, "TopicName"), (2, "LogsetName")) if not precise & bit}
        found = [_shown_topic(one) for one in self._topics_of(call)]
        answer = _paged(given, found, "Topics", fuzzy)
        for one in answer["Topics"]:
            del one["LogsetName"]  # the filter uses it, but it is not shown
        return answer

    async def _delete_topic(self, given: Mapping[str, Any], call: Call) -> Answer:
        del self._logs.topics[self._topic(given, call).id]
        return {}

    async def _create_index(self, given: Mapping[str, Any], call: Call) -> Answer:
        topic = self._topic(given, call)
        if topic.index is not None:
            raise ApiError("InvalidParameter.IndexConflict", "The topic has an index.")
        topic.index = {"Status": True, **{name: value for name, value in given.items() if name != "TopicId"}}
        return {}

    async def _index(self, given: Mapping[str, Any], call: Call) -> Answer:
        topic = self._topic(given, call)
        if topic.index is None:
            raise ApiError("ResourceNotFound.IndexNotExist", "The topic has no index.")
        return {"TopicId": topic.id, **topic.index, "ModifyTime": china_time(topic.created_at)}

    async def _search(self, given: Mapping[str, Any], call: Call) -> Answer:
        topic = self._topic(given, call)
        if topic.index is None:
            raise ApiError("FailedOperation.TopicClosed", "A topic without an index is not searched.")
        words = [one.strip('"') for one in given.get("Query", "").split(" AND ")]
        lines = [
            (function.spec.name, line)
            for function in self._host.functions.values()
            if function.spec.log_place == topic.id
            for line in function.log
            if all(word in line or word in ("", "*") for word in words)
        ]
        limit = given.get("Limit", 100)
        if not 1 <= limit <= _MOST_LINES:
            raise ApiError("InvalidParameter", f"Limit is 1 to {_MOST_LINES}.")
        results = [
            {
                "Time": int(self._clock.now() * 1000), "TopicId": topic.id, "TopicName": topic.name, "RawLog": line,
                "LogJson": json.dumps({"SCF_FunctionName": name, "SCF_Message": line}), "Source": "scf",
            }
            for name, line in lines[-limit:]
        ]  # fmt: skip
        return {"Context": "", "ListOver": True, "Analysis": False, "Results": results}

    def _logsets_of(self, call: Call) -> list[Logset]:
        return [one for one in self._logs.logsets.values() if one.region == call.region]

    def _topics_of(self, call: Call) -> list[LogTopic]:
        return [one for one in self._logs.topics.values() if one.logset.region == call.region]

    def _logset(self, given: Mapping[str, Any], call: Call) -> Logset:
        found = next((one for one in self._logsets_of(call) if one.id == given["LogsetId"]), None)
        if found is None:
            raise ApiError("ResourceNotFound.LogsetNotExist", "The logset does not exist.")
        return found

    def _topic(self, given: Mapping[str, Any], call: Call) -> LogTopic:
        found = next((one for one in self._topics_of(call) if one.id == given["TopicId"]), None)
        if found is None:
            raise ApiError("ResourceNotFound.TopicNotExist", "The topic does not exist.")
        return found

    def _shown_logset(self, logset: Logset) -> dict[str, Any]:
        return {
            "LogsetId": logset.id,
            "LogsetName": logset.name,
            "CreateTime": china_time(logset.created_at),
            "Tags": _shown_tags(logset.tags),
            "TopicCount": sum(one.logset is logset for one in self._logs.topics.values()),
        }


def _checked_name(name: str) -> str:
    if not 1 <= len(name) <= _MOST_NAME or "|" in name:
        raise ApiError("InvalidParameter", "The name breaks the rules.")
    return name


def _paged(given: Mapping[str, Any], found: list[dict[str, Any]], name: str, fuzzy: set[str]) -> Answer:
    """A page of the items that match every filter. Raises: ApiError: a filter is not valid."""
    for wanted in given.get("Filters", ()):
        key, values = _FILTERS.get(str(wanted.get("Key"))), wanted.get("Values")
        if key is None or not isinstance(values, list) or (found and key not in found[0]):
            raise ApiError("InvalidParameter", "A filter is a Key of the published ones and Values.")
        found = [
            row for row in found if row[key] in values or (key in fuzzy and any(str(one) in row[key] for one in values))
        ]
    limit = given.get("Limit", 20)
    if not 1 <= limit <= 100:
        raise ApiError("InvalidParameter", "Limit is 1 to 100.")
    return {name: page(found, given.get("Offset", 0), limit), "TotalCount": len(found)}


def _shown_topic(topic: LogTopic) -> dict[str, Any]:
    return {
        "LogsetId": topic.logset.id, "LogsetName": topic.logset.name, "TopicId": topic.id, "TopicName": topic.name,
        "PartitionCount": 1, "Index": topic.index is not None, "CreateTime": china_time(topic.created_at),
        "Status": True, "Tags": _shown_tags(topic.tags), "StorageType": "hot", "Period": topic.days,
        "Describes": topic.described,
    }  # fmt: skip


def _shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
