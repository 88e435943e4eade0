"""The data of CKafka: topics with partitions on instances, and DataHub tasks that write to them."""

from __future__ import annotations

import uuid
import zlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from tests.cloud.state.queue_tables import DataHub
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock

Site = Literal["domestic", "intl"]
_LONG_AGO_S = 30 * 24 * 3600.0


@dataclass(frozen=True)
class Record:
    """A message at its position. `at` is in seconds."""

    partition: int
    offset: int
    key: str
    value: str
    at: float


@dataclass
class Topic:
    """A topic.

    Offsets of a partition count from 0 and do not change when old messages are deleted. Times are in seconds.
    """

    id: str
    instance: str
    name: str
    region: str
    partition_count: int
    retention_s: float
    created_at: float
    note: str = ""
    replicas: int = 1
    tags: dict[str, str] = field(default_factory=dict)
    _kept: dict[int, deque[Record]] = field(default_factory=dict)
    _next: dict[int, int] = field(default_factory=dict)

    def append(self, key: str, value: str, now: float) -> Record:
        """Add a message. Messages with the same key go to the same partition."""
        partition = zlib.crc32(key.encode()) % self.partition_count
        record = Record(partition, self._next.get(partition, 0), key, value, now)
        self._next[partition] = record.offset + 1
        self._kept.setdefault(partition, deque()).append(record)
        return record

    def records(self, partition: int, now: float) -> list[Record]:
        """The messages that a partition still has, the oldest first."""
        kept = self._kept.get(partition, deque())
        while kept and kept[0].at < now - self.retention_s:
            kept.popleft()
        return list(kept)


@dataclass(frozen=True)
class DataHubTask:
    """An HTTP access task. SendMessage accepts its DataHub id from `ready_at` (Unix seconds) on."""

    id: str
    name: str
    hub_id: str
    region: str
    site: Site
    instance: str
    topic: str
    created_at: float
    ready_at: float
    description: str = ""
    tags: dict[str, str] = field(default_factory=dict)


class KafkaTopics:
    """The topics and tasks of the world, and those that were created since."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._clock = clock
        self.reset(world)

    def reset(self, world: World) -> None:
        """Set the topics and tasks of the world file."""
        self.world = world
        self._topics: dict[tuple[str, str, str], Topic] = {}
        self.tasks: dict[str, DataHubTask] = {}
        long_ago = self._clock.now() - _LONG_AGO_S
        for instance_id, instance in world.ckafka_instance.items():
            for name, table in instance.topics.items():
                self._add(
                    Topic(
                        *(new_id("topic"), instance_id, name, instance.region, table.partitions, table.retention_s),
                        created_at=long_ago,
                        note=table.note,
                    )
                )
        for hub_id, hub in world.ckafka.items():
            self._add_world_task(hub_id, hub, long_ago)

    def add_topic(self, topic: Topic) -> None:
        """Add a new topic."""
        self._add(topic)

    def remove_topic(self, topic: Topic) -> None:
        """Delete a topic and its messages."""
        del self._topics[topic.region, topic.instance, topic.name]

    def topic(self, region: str, instance: str, name: str) -> Topic | None:
        """A topic, or None if it does not exist."""
        return self._topics.get((region, instance, name))

    def on_instance(self, instance: str) -> list[Topic]:
        """The topics of an instance, by name."""
        return sorted((one for one in self._topics.values() if one.instance == instance), key=lambda one: one.name)

    def of_trigger(self, region: str, trigger: str) -> Iterable[Topic]:
        """The topics that a trigger named `<instance>-<topic>` reads.

        If the instance is unknown, the topic's name decides.
        """
        known = {one.instance for one in self._topics.values() if one.region == region and one.instance}
        named = [one for one in known if trigger.startswith(f"{one}-")]
        for topic in self._topics.values():
            exact = trigger == f"{topic.instance}-{topic.name}"
            if topic.region == region and (exact or (not named and trigger.endswith(f"-{topic.name}"))):
                yield topic

    def task_of_hub(self, hub_id: str, region: str | None) -> DataHubTask | None:
        """The task with a DataHub id in a region."""
        return next((one for one in self.tasks.values() if (one.hub_id, one.region) == (hub_id, region)), None)

    def _add(self, topic: Topic) -> None:
        self._topics[topic.region, topic.instance, topic.name] = topic

    def _add_world_task(self, hub_id: str, hub: DataHub, created_at: float) -> None:
        name = hub.topic or hub_id
        if self.topic(hub.region, hub.instance, name) is None:
            self._add(Topic(new_id("topic"), hub.instance, name, hub.region, 1, 7200.0, created_at))
        task = DataHubTask(
            *(f"task-{hub_id}", hub_id, hub_id, hub.region, hub.site, hub.instance, name),
            created_at=created_at,
            ready_at=created_at,
        )
        self.tasks[task.id] = task


def new_id(kind: str) -> str:
    """A new id in the cloud's form. It is never used twice."""
    return f"{kind}-{uuid.uuid4().hex[:8]}"
