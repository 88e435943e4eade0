"""Tencent CKafka's API (2019-08-19) in the stand-in: topics, DataHub tasks that write to them, and reading.

Source: https://www.tencentcloud.com/document/product/597/44679 (SendMessage). The host of one site does not know the
keys of the other site.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from tests.cloud.queues.broker import MessageBroker
from tests.cloud.queues.ckafka_reading import CkafkaReading
from tests.cloud.queues.ckafka_tasks import CkafkaTasks
from tests.cloud.queues.ckafka_topics import CkafkaTopics
from tests.cloud.queues.kafka_topics import KafkaTopics
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, parameter_table

MOST = 500


class TencentCkafka:
    """The service.

    It puts each message on its topic, and on a queue with its DataHub id, which the stand-in's `run` reads.
    """

    cloud: Cloud = "tencent"
    name = "ckafka"
    version = "2019-08-19"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, broker: MessageBroker, kafka: KafkaTopics, clock: Clock) -> None:
        self._world = world
        self._broker = broker
        self._kafka = kafka
        self._clock = clock
        self.actions: Mapping[str, Action] = {
            "SendMessage": Action(
                parameter_table("DataHubId! Message!:objects"), self._send, changes=True, rate_per_s=5000
            ),
            **CkafkaTopics(kafka, clock).actions(),
            **CkafkaTasks(kafka, clock).actions(),
            **CkafkaReading(kafka, clock).actions(),
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The error that this service publishes."""
        # claims: Q3
        if kind == "denied":
            return ApiError("UnauthorizedOperation", "No CAM permission.")
        if kind == "lock":
            return ApiError("ResourceUnavailable", "The resource is not available.")
        return ApiError("InternalError" if kind == "system" else "FailedOperation", "The operation failed.")

    def state(self) -> dict[str, Any]:
        """The messages that the stand-in's `run` has not received yet, by DataHub id."""
        hubs = [task.hub_id for task in self._kafka.tasks.values()]
        return {id_: {"Messages": len(self._broker.queue(f"ckafka/{id_}").peek())} for id_ in hubs}

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """Set the world's topics, all empty."""
        self._world = world
        self._broker.clear()
        self._kafka.reset(world)

    async def close(self) -> None:
        """Delete the messages."""
        self._broker.close()

    async def _send(self, given: Mapping[str, Any], call: Call) -> Answer:
        task = self._kafka.task_of_hub(given["DataHubId"], call.region)
        if task is None:
            raise ApiError("ResourceNotFound", "The DataHub id does not exist in this region.")
        site = task.site if self._world.holds("Q2") else "domestic"  # otherwise one host serves both
        if call.site not in (None, site):
            raise ApiError("AuthFailure.SecretIdNotFound", "The SecretId is not found at this site.")
        if not self._world.holds("Q1"):
            raise ApiError("AuthFailure.TokenFailure", "Temporary keys are not taken here.")
        messages = given["Message"]
        if not 1 <= len(messages) <= MOST:
            raise ApiError("InvalidParameterValue", f"Message takes 1 to {MOST} items.")
        for one in messages:
            if one.keys() != {"Key", "Body"} or not all(isinstance(part, str) for part in one.values()):
                raise ApiError("InvalidParameter", "An item of Message has a Key and a Body, both strings.")
        topic = self._kafka.topic(task.region, task.instance, task.topic)
        if topic is None or task.ready_at > self._clock.now():
            raise ApiError("ResourceUnavailable", "The task does not run, or its topic was deleted.")
        kept = messages if self._world.holds("Q3") else messages[:-1]
        ids = []
        for one in kept:
            topic.append(one["Key"], one["Body"], self._clock.now())
            ids.append(self._broker.add(f"ckafka/{task.hub_id}", one["Body"], key=one["Key"]))
        return {"MessageId": [*ids, *(uuid.uuid4().hex.upper() for _ in messages[len(kept) :])]}
