"""CKafka's topics, DataHub tasks and reading, by the vendor's own client."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from tencentcloud.ckafka.v20190819 import models
from tencentcloud.ckafka.v20190819.ckafka_client import CkafkaClient
from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile

from tests.cloud.client.standin import Standin
from tests.standin.queue_probes import http_task

INSTANCE = "ckafka-demo01"
WHERE = {"InstanceId": INSTANCE, "Topic": "keyturn-results"}


@pytest.fixture
def client(cloud: Standin) -> Iterator[CkafkaClient]:
    keys = cloud.credentials["tencent"]
    http = HttpProfile(protocol="http", proxy=cloud.endpoint, endpoint="ckafka.tencentcloudapi.com")
    credential = Credential(keys["id"], keys["key"], keys["token"])
    yield CkafkaClient(credential, "ap-guangzhou", ClientProfile(httpProfile=http))


def ask(client: CkafkaClient, action: str, **given: Any) -> Any:
    """The answer as the vendor's model reads it, or the code of the refusal."""
    request = getattr(models, f"{action}Request")()
    request._deserialize(given)
    try:
        return getattr(client, action)(request)
    except TencentCloudSDKException as error:
        return error.code


def send(client: CkafkaClient, hub: str, **bodies: str) -> Any:
    messages = [{"Key": key, "Body": body} for key, body in bodies.items()]
    return ask(client, "SendMessage", DataHubId=hub, Message=messages)


def make_topic(client: CkafkaClient, name: str, **more: Any) -> Any:
    given = {"PartitionNum": 2, "ReplicaNum": 2, "Note": "keyturn:mine", **more}
    return ask(client, "CreateTopic", InstanceId=INSTANCE, TopicName=name, **given)


def test_instances_of_the_region_are_listed(client: CkafkaClient) -> None:
    found = ask(client, "DescribeInstances").Result
    assert [(one.InstanceId, one.Status) for one in found.InstanceList] == [(INSTANCE, 1)]
    assert ask(client, "DescribeInstances", InstanceId="ckafka-other").Result.TotalCount == 0


def test_a_topic_is_made_once_shown_and_deleted_a_minute_later(client: CkafkaClient, cloud: Standin) -> None:
    made = make_topic(client, "made", RetentionMs=60_000)
    assert make_topic(client, "made") == "InvalidParameterValue.TopicNameAlreadyExist"
    listed = ask(client, "DescribeTopic", InstanceId=INSTANCE, SearchWord="made").Result
    assert [(one.TopicName, one.Note, one.TopicId) for one in listed.TopicList] == [
        ("made", "keyturn:mine", made.Result.TopicId)
    ]
    shown = ask(client, "DescribeTopicAttributes", InstanceId=INSTANCE, TopicName="made").Result
    assert (shown.PartitionNum, shown.ReplicaNum, shown.Config.Retention) == (2, 2, 60_000)
    early = ask(client, "DeleteTopic", InstanceId=INSTANCE, TopicName="made")
    assert early == "UnsupportedOperation.FrequencyTopicDeleteOperate"
    cloud.advance(61)
    with cloud.in_world_time():
        assert ask(client, "DeleteTopic", InstanceId=INSTANCE, TopicName="made").Result.ReturnCode == "0"
        assert ask(client, "DescribeTopicAttributes", InstanceId=INSTANCE, TopicName="made") == "ResourceNotFound"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"InstanceId": "ckafka-other"}, "InvalidParameterValue.InstanceNotExist"),
        ({"TopicName": "a b"}, "InvalidParameterValue"),
        ({"PartitionNum": 0}, "InvalidParameterValue"),
        ({"ReplicaNum": 4}, "InvalidParameterValue"),
        ({"Note": "n" * 65}, "InvalidParameterValue"),
        ({"RetentionMs": 1000}, "InvalidParameterValue"),
        ({"AclRuleName": "x"}, "UnsupportedOperation"),
    ],
)
def test_a_topic_that_breaks_a_rule_is_refused(client: CkafkaClient, given: dict[str, Any], code: str) -> None:
    whole = {"InstanceId": INSTANCE, "TopicName": "made", "PartitionNum": 1, "ReplicaNum": 1, **given}
    assert ask(client, "CreateTopic", **whole) == code


def test_a_task_takes_messages_for_its_topic_once_it_runs(client: CkafkaClient, cloud: Standin) -> None:
    cloud.reset(ckafka_task_s=10)
    tags = [{"TagKey": "keyturn", "TagValue": "mine"}]
    made = ask(
        client, "CreateDatahubTask", **http_task("keyturn-results"), Tags=tags, Description="keyturn:mine"
    ).Result
    assert ask(client, "CreateDatahubTask", **http_task("keyturn-results")) == "InvalidParameterValue.RepetitionValue"
    shown = ask(client, "DescribeDatahubTask", TaskId=made.TaskId).Result
    assert (shown.Status, shown.DatahubId, shown.Tags[0].TagValue) == (0, made.DatahubId, "mine")
    assert send(client, made.DatahubId, key="early") == "ResourceUnavailable"
    cloud.advance(10)
    with cloud.in_world_time():
        (listed,) = ask(client, "DescribeDatahubTasks", SearchWord="made").Result.TaskList
        target = listed.TargetResource.KafkaParam
        assert (listed.Status, listed.Description) == (1, "keyturn:mine")
        assert (target.Resource, target.Topic) == (INSTANCE, "keyturn-results")
        assert len(send(client, made.DatahubId, key="body").MessageId) == 1
        assert [one.Offset for one in ask(client, "FetchMessageListByTimestamp", **WHERE).Result] == [0]
        assert ask(client, "DeleteDatahubTask", TaskId=made.TaskId).Result.TaskId == made.TaskId
        assert send(client, made.DatahubId, key="late") == "ResourceNotFound"


def test_a_task_of_another_kind_or_to_a_missing_topic_is_refused(client: CkafkaClient) -> None:
    assert ask(client, "CreateDatahubTask", **http_task("missing")) == "ResourceNotFound"
    sink = {**http_task("keyturn-results"), "TaskType": "SINK"}
    assert ask(client, "CreateDatahubTask", **sink) == "UnsupportedOperation"


def test_the_tasks_of_the_world_are_listed_with_their_datahub_ids(client: CkafkaClient) -> None:
    listed = ask(client, "DescribeDatahubTasks", TaskType="SOURCE", SourceType="HTTP").Result.TaskList
    assert {one.DatahubId for one in listed} == {"datahub-demo01", "datahub-demo02"}


def test_messages_of_a_key_share_a_partition_and_keep_their_offsets_until_they_are_too_old(
    client: CkafkaClient, cloud: Standin
) -> None:
    for body in ("one", "two"):
        send(client, "datahub-demo01", key=body)
    first, second = ask(client, "FetchMessageListByTimestamp", **WHERE).Result
    assert (first.Partition, first.Offset, second.Offset, first.Value) == (second.Partition, 0, 1, None)
    place = {**WHERE, "Partition": first.Partition, "Offset": 1}
    read = ask(client, "FetchMessageByOffset", **place).Result
    assert (read.Key, read.Value, read.Timestamp) == ("key", "two", second.Timestamp)
    assert ask(client, "FetchMessageListByOffset", **place).Result[0].Offset == 1
    assert ask(client, "FetchMessageListByOffset", **place) == "RequestLimitExceeded"
    cloud.advance(7201)
    with cloud.in_world_time():
        send(client, "datahub-demo01", key="three")
        time.sleep(1)  # the rate goes by real time
        assert ask(client, "FetchMessageByOffset", **{**place, "Offset": 2}).Result.Value == "three"
        (left,) = ask(client, "FetchMessageListByTimestamp", **WHERE).Result
        assert (left.Partition, left.Offset) == (first.Partition, 2)


def test_a_partition_or_an_offset_that_is_not_there_is_refused(client: CkafkaClient) -> None:
    place = {**WHERE, "Partition": 3, "Offset": 0}
    assert ask(client, "FetchMessageListByOffset", **place) == "InvalidParameterValue"
    assert ask(client, "FetchMessageByOffset", **{**place, "Partition": 0}) == "InvalidParameterValue"
    too_many = {**WHERE, "SinglePartitionRecordNumber": 21}
    assert ask(client, "FetchMessageListByTimestamp", **too_many) == "InvalidParameterValue"
