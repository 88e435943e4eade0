"""Probes of claims about the clouds' queues, see twist_probes.py."""

from __future__ import annotations

from typing import Any

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba, call_tencent
from tests.standin.queue_calls import publish, send
from tests.support.vendor_calls import answer_or_code

INSTANCE = "ckafka-demo01"
TOPIC = {"InstanceId": INSTANCE, "TopicName": "made"}


def ckafka(standin: Standin, action: str, **given: Any) -> Any:
    """What CKafka's API answers, or its code."""
    how = {"service": "ckafka", "version": "2019-08-19"}
    return answer_or_code(call_tencent, standin, action, given, **how)


def http_task(topic: str, name: str = "made") -> dict[str, Any]:
    """The parameters of CreateDatahubTask for a task from HTTP to a topic."""
    place = {"SelfBuilt": False, "Resource": INSTANCE, "Topic": topic}
    source, target = {"Type": "HTTP"}, {"Type": "KAFKA", "KafkaParam": place}
    return {"TaskName": name, "TaskType": "SOURCE", "SourceResource": source, "TargetResource": target}


def q1(standin: Standin) -> object:
    return isinstance(publish(standin, "one"), dict), send(standin, "one")


def q3(standin: Standin) -> object:
    answered = publish(standin, "one", "two")["MessageId"]
    return len(answered), standin.state()["ckafka"]["datahub-demo01"]["Messages"]


def q5(standin: Standin) -> object:
    return send(standin, "short"), send(standin, "x" * 48 * 1024)


def q7(standin: Standin) -> object:
    return isinstance(ckafka(standin, "CreateDatahubTask", **http_task("keyturn-results")), dict)


def q8(standin: Standin) -> object:
    publish(standin, "one")
    where = {"InstanceId": INSTANCE, "Topic": "keyturn-results"}
    return [one["Value"] for one in ckafka(standin, "FetchMessageListByTimestamp", **where)["Result"]]


def q9(standin: Standin) -> object:
    ckafka(standin, "CreateTopic", **TOPIC, PartitionNum=1, ReplicaNum=1)
    return isinstance(ckafka(standin, "DeleteTopic", **TOPIC), dict)


def q11(standin: Standin) -> object:
    how: dict[str, Any] = {"host": "mns-open.cn-hangzhou.aliyuncs.com", "version": "2022-01-19"}
    call_alibaba(standin, "CreateQueue", {"QueueName": "made", "Tag": [{"Key": "keyturn", "Value": "mine"}]}, **how)
    return call_alibaba(standin, "GetQueueAttributes", {"QueueName": "made"}, **how)["Data"]["Tags"]


QUEUE_PROBES = (q1, q3, q5, q7, q8, q9, q11)
