"""A CKafka topic by its API: no Kafka client, no consumer group, no place in the network of the instance.

The lists by time and by offset show places, and perhaps the messages; one message is asked for by its place. Each of
these calls may be made once a second, so a backlog is read at one message a second.

Claims: Q7, Q8.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.workbench.apis.callers import CallerRefused, missing_right, passes
from shared.workbench.apis.calls import CallLost, CallRefused, Pace
from shared.workbench.apis.datahub import Topic, topic_of
from shared.workbench.apis.tencent import TencentApi
from shared.workbench.results.errors import SourceError

_AT_ONCE = 20  # places in one list
_FETCHES_PER_S = 0.95  # a little below 1: two clocks differ
_ATTEMPTS = 5


def open_topic(api: TencentApi, datahub_id: str, since: float) -> TopicSource:
    """The topic that a DataHub task writes to, from `since` (Unix seconds). Raises: SourceError."""
    topic = _target(api, datahub_id)
    asked = {"InstanceId": topic.instance, "TopicName": topic.name}
    shown = _answer(api, "DescribeTopicAttributes", asked).get("Partitions") or []
    partitions = sorted({int(one["Partition"]) for one in shown if "Partition" in one}) or [0]
    return TopicSource(api, topic.instance, topic.name, partitions, since)


class TopicSource:
    """A Source over the partitions of one topic."""

    note = "CKafka: its API gives about one message a second"
    missed = ""

    def __init__(self, api: TencentApi, instance: str, topic: str, partitions: list[int], since: float) -> None:
        self._api = api
        self._topic = {"InstanceId": instance, "Topic": topic}
        self._since_ms = dict.fromkeys(partitions, int(since * 1000))
        self._next = dict.fromkeys(partitions, 0)  # offsets
        self._pace = Pace(_FETCHES_PER_S)

    def read(self) -> Iterator[str]:
        """See Source.read; in a partition's order, one partition after the other."""
        for partition in self._next:
            yield from self._partition(partition)

    def close(self) -> None:
        """Nothing to let go of."""

    def _partition(self, partition: int) -> Iterator[str]:
        # By time first: an offset behind the last message may be refused.
        since = {"Partition": partition, "StartTime": self._since_ms[partition]}
        listed = self._list("FetchMessageListByTimestamp", since)
        while True:
            full = len(listed) >= _AT_ONCE
            for place in sorted(listed, key=lambda one: int(one["Offset"])):
                if int(place["Offset"]) < self._next[partition]:
                    continue
                body = self._body(place)
                self._next[partition] = int(place["Offset"]) + 1
                self._since_ms[partition] = max(self._since_ms[partition], int(place.get("Timestamp") or 0))
                if body is not None:
                    yield body
            if not full:
                return
            listed = self._list("FetchMessageListByOffset", {"Partition": partition, "Offset": self._next[partition]})

    def _list(self, action: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = _answer(
            self._api, action, {**self._topic, **asked, "SinglePartitionRecordNumber": _AT_ONCE}, self._pace.wait
        )
        return found if isinstance(found, list) else []

    def _body(self, place: Mapping[str, Any]) -> str | None:
        if isinstance(place.get("Value"), str) and place["Value"]:
            return str(place["Value"])
        asked = {**self._topic, "Partition": int(place["Partition"]), "Offset": int(place["Offset"])}
        value = _answer(self._api, "FetchMessageByOffset", asked, self._pace.wait).get("Value")
        return str(value) if value else None


def _target(api: TencentApi, datahub_id: str) -> Topic:
    """The topic that a DataHub id writes to. Raises: SourceError."""
    topic = topic_of(lambda asked: _answer(api, "DescribeDatahubTasks", asked), datahub_id)
    if topic is None:
        sets = "`. dist/bootstrap/tencent/settings.sh` sets KEYTURN_RESULTS to what bootstrap made"
        raise SourceError(f"no DataHub task in {api.region} has the id {datahub_id}: {sets}")
    if not (topic.instance and topic.name):
        raise SourceError(f"the DataHub task of {datahub_id} names no topic of a CKafka instance")
    return topic


def _answer(
    api: TencentApi, action: str, asked: Mapping[str, Any], wait: Callable[[str], None] = lambda _: None
) -> Any:
    """`Result` of a call; one that came too fast, or got no answer, is made again. Raises: SourceError."""
    why = ""
    for attempt in range(_ATTEMPTS):
        wait(action)
        try:
            return api.call("ckafka", action, asked).get("Result") or {}
        except CallerRefused as error:
            advice = missing_right("tencent", "ckafka", action, error.code)
            raise SourceError(f"ckafka {action}: {error.code}{'; ' + advice if advice else ''}") from None
        except CallRefused as error:
            why = error.code
            if not passes(error.code):
                raise SourceError(f"ckafka {action}: {error.code}") from None
        except CallLost as error:
            if error.certificate:
                raise SourceError(f"ckafka {error}") from None
            why = str(error)
        time.sleep(1.0 + attempt)
    raise SourceError(f"ckafka {action}: {why}, {_ATTEMPTS} times")
