"""Reads CKafka's topics through its API: a list of message positions, and one message by its position.

Sources: cloud.tencent.com 597/47895, 597/47896 and 597/47897 (each allows one call a second; a list has no keys and
values).

Claims: Q8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.cloud.queues.ckafka_topics import existing_topic
from tests.cloud.queues.kafka_topics import KafkaTopics, Record, Topic
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import Action, Answer, ApiError, Call, parameter_table

MOST = 20


class CkafkaReading:
    """The actions that read messages."""

    def __init__(self, kafka: KafkaTopics, clock: Clock) -> None:
        self._kafka = kafka
        self._clock = clock

    def actions(self) -> dict[str, Action]:
        """The actions, by name."""
        return {
            "FetchMessageListByTimestamp": Action(
                parameter_table("InstanceId! Topic! Partition:int StartTime:int SinglePartitionRecordNumber:int"),
                self._since,
                rate_per_s=1,
            ),
            "FetchMessageListByOffset": Action(
                parameter_table("InstanceId! Topic! Partition!:int Offset!:int SinglePartitionRecordNumber:int"),
                self._from,
                rate_per_s=1,
            ),
            "FetchMessageByOffset": Action(
                parameter_table("InstanceId! Topic! Partition!:int Offset!:int"), self._one, rate_per_s=1
            ),
        }

    async def _since(self, given: Mapping[str, Any], call: Call) -> Answer:
        start_ms = given.get("StartTime", 0)
        return self._listed(given, call, lambda record: int(record.at * 1000) >= start_ms)

    async def _from(self, given: Mapping[str, Any], call: Call) -> Answer:
        return self._listed(given, call, lambda record: record.offset >= given["Offset"])

    async def _one(self, given: Mapping[str, Any], call: Call) -> Answer:
        topic = existing_topic(self._kafka, given["InstanceId"], given["Topic"], call)
        for partition in _partitions(topic, given):
            for record in topic.records(partition, self._clock.now()):
                if record.offset == given["Offset"]:
                    return {"Result": {**_place(topic, record), "Key": record.key, "Value": record.value}}
        raise ApiError("InvalidParameterValue", "The partition holds no message at this offset.")

    def _listed(self, given: Mapping[str, Any], call: Call, is_wanted: Callable[[Record], bool]) -> Answer:
        topic = existing_topic(self._kafka, given["InstanceId"], given["Topic"], call)
        many = given.get("SinglePartitionRecordNumber", MOST)
        if not 1 <= many <= MOST:
            raise ApiError("InvalidParameterValue", f"SinglePartitionRecordNumber is 1 to {MOST}.")
        whole = self._kafka.world.ckafka_lists == "messages"
        shown = []
        for partition in _partitions(topic, given):
            for record in [one for one in topic.records(partition, self._clock.now()) if is_wanted(one)][:many]:
                content = {"Key": record.key, "Value": record.value} if whole else {"Key": None, "Value": None}
                shown.append({**_place(topic, record), **content})
        return {"Result": shown}


def _partitions(topic: Topic, given: Mapping[str, Any]) -> range:
    """The partition that the call names, or all of them."""
    if "Partition" not in given:
        return range(topic.partition_count)
    if not 0 <= given["Partition"] < topic.partition_count:
        raise ApiError("InvalidParameterValue", "The topic has no such partition.")
    return range(given["Partition"], given["Partition"] + 1)


def _place(topic: Topic, record: Record) -> dict[str, Any]:
    return {
        "Topic": topic.name,
        "Partition": record.partition,
        "Offset": record.offset,
        "Timestamp": int(record.at * 1000),
        "Headers": None,
    }
