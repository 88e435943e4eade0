"""CKafka's instances and topics, as its API shows, creates and deletes them.

Sources: the vendor's Python SDK (tencentcloud-sdk-python-ckafka 3.1.195) for parameters, limits and codes; rates:
cloud.tencent.com 597/40823 (2026-11).

Claims: Q9, Q12.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.cloud.queues.kafka_topics import KafkaTopics, Topic, new_id
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import Action, Answer, ApiError, Call, page, parameter_table

DELETABLE_AFTER_S = 60.0
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,127}")
_MOST_NOTE = 64
_RETENTION_MS = (60_000, 7_776_000_000)
_TOPIC = "InstanceId! TopicName!"


class CkafkaTopics:
    """The actions on instances and topics."""

    def __init__(self, kafka: KafkaTopics, clock: Clock) -> None:
        self._kafka = kafka
        self._clock = clock

    def actions(self) -> dict[str, Action]:
        """The actions, by name."""
        fast = 100
        return {
            "DescribeInstances": Action(
                parameter_table("InstanceId SearchWord Status:ints Offset:int Limit:int", "TagKey VpcId"),
                self._instances,
                rate_per_s=fast,
            ),
            "CreateTopic": Action(
                parameter_table(
                    f"{_TOPIC} PartitionNum!:int ReplicaNum!:int Note RetentionMs:int Tags:objects CleanUpPolicy",
                    "EnableWhiteList:int IpWhiteList:strs MinInsyncReplicas:int UncleanLeaderElectionEnable:int "
                    "SegmentMs:int MaxMessageBytes:int EnableAclRule:int AclRuleName RetentionBytes:int "
                    "LogMsgTimestampType",
                ),
                self._create,
                changes=True,
                rate_per_s=fast,
            ),
            "DescribeTopic": Action(
                parameter_table("InstanceId! SearchWord Offset:int Limit:int", "AclRuleName"),
                self._list,
                rate_per_s=fast,
            ),
            "DescribeTopicAttributes": Action(parameter_table(_TOPIC), self._attributes, rate_per_s=fast),
            "DeleteTopic": Action(parameter_table(_TOPIC), self._delete, changes=True, rate_per_s=fast),
        }

    async def _instances(self, given: Mapping[str, Any], call: Call) -> Answer:
        found = [
            {"InstanceId": id_, "InstanceName": one.name or id_, "Status": one.status, "IfCommunity": False}
            for id_, one in self._kafka.world.ckafka_instance.items()
            if one.region == call.region
            and call.site in (None, one.site)
            and given.get("InstanceId", id_) in ("", id_)
            and given.get("SearchWord", "") in (one.name or id_)
            and one.status in (given.get("Status") or [one.status])
        ]
        shown = page(found, given.get("Offset", 0), min(given.get("Limit", 10), 100))
        return {"Result": {"InstanceList": shown, "TotalCount": len(found)}}

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        check_instance(self._kafka.world, given["InstanceId"], call)
        name, note, retention_ms = given["TopicName"], given.get("Note", ""), given.get("RetentionMs", 7_200_000)
        if not _NAME.fullmatch(name) or len(note) > _MOST_NOTE:
            raise ApiError("InvalidParameterValue", "TopicName or Note breaks the rules.")
        if given["PartitionNum"] < 1 or not 1 <= given["ReplicaNum"] <= 3:
            raise ApiError("InvalidParameterValue", "PartitionNum is at least 1, ReplicaNum 1 to 3.")
        if not _RETENTION_MS[0] <= retention_ms <= _RETENTION_MS[1] or given.get("CleanUpPolicy", "delete") != "delete":
            raise ApiError("InvalidParameterValue", "RetentionMs or CleanUpPolicy is out of range.")
        if self._kafka.topic(call.region or "", given["InstanceId"], name):
            raise ApiError("InvalidParameterValue.TopicNameAlreadyExist", "The topic exists.")
        topic = Topic(
            *(new_id("topic"), given["InstanceId"], name, call.region or "", given["PartitionNum"]),
            retention_s=retention_ms / 1000,
            created_at=self._clock.now(),
            note=note,
            replicas=given["ReplicaNum"],
            tags={str(one.get("TagKey")): str(one.get("TagValue")) for one in given.get("Tags", ())},
        )
        self._kafka.add_topic(topic)
        return {"Result": {"TopicId": topic.id}}

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        check_instance(self._kafka.world, given["InstanceId"], call)
        found = [
            {"TopicId": one.id, "TopicName": one.name, "Note": one.note}
            for one in self._kafka.on_instance(given["InstanceId"])
            if given.get("SearchWord", "") in one.name
        ]
        shown = page(found, given.get("Offset", 0), min(given.get("Limit", 20), 50))
        return {"Result": {"TopicList": shown, "TotalCount": len(found)}}

    async def _attributes(self, given: Mapping[str, Any], call: Call) -> Answer:
        topic = existing_topic(self._kafka, given["InstanceId"], given["TopicName"], call)
        places = [
            {"Partition": number, "LeaderStatus": 0, "IsrNum": topic.replicas, "ReplicaNum": topic.replicas}
            for number in range(topic.partition_count)
        ]
        shown = {
            "TopicId": topic.id, "CreateTime": int(topic.created_at), "Note": topic.note,
            "PartitionNum": topic.partition_count, "ReplicaNum": topic.replicas, "EnableWhiteList": 0,
            "IpWhiteList": [], "EnableAclRule": 0, "AclRuleList": [], "Partitions": places,
            "Config": {"Retention": int(topic.retention_s * 1000), "CleanUpPolicy": "delete"},
        }  # fmt: skip
        return {"Result": shown}

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        topic = existing_topic(self._kafka, given["InstanceId"], given["TopicName"], call)
        young = self._clock.now() - topic.created_at < DELETABLE_AFTER_S
        if young and self._kafka.world.holds("Q9"):
            raise ApiError(
                "UnsupportedOperation.FrequencyTopicDeleteOperate", "A topic can be deleted 60 s after its creation."
            )
        self._kafka.remove_topic(topic)
        return {"Result": {"ReturnCode": "0", "ReturnMessage": "ok", "Data": None}}


def check_instance(world: World, instance_id: str, call: Call) -> None:
    """Raises: ApiError: the instance does not exist in the call's region, or at its site."""
    found = world.ckafka_instance.get(instance_id)
    if found is None or found.region != call.region or call.site not in (None, found.site):
        raise ApiError("InvalidParameterValue.InstanceNotExist", "The instance does not exist.")


def existing_topic(kafka: KafkaTopics, instance_id: str, name: str, call: Call) -> Topic:
    """The topic. Raises: ApiError: the instance or the topic does not exist."""
    check_instance(kafka.world, instance_id, call)
    topic = kafka.topic(call.region or "", instance_id, name)
    if topic is None:
        raise ApiError("ResourceNotFound", "The topic does not exist.")
    return topic
