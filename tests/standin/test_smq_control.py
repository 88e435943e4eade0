"""SMQ's queues, made, shown, read and deleted by the vendor's own client and by mns-open."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta

from tests.cloud.client.standin import Standin
from tests.cloud.client.vendor_clients import call_alibaba
from tests.support.vendor_calls import answer_or_code

HOST = "1000000000000001.mns.cn-hangzhou.aliyuncs.com"
OPEN: dict[str, Any] = {"host": "mns-open.cn-hangzhou.aliyuncs.com", "version": "2022-01-19"}
TAGS = [{"Key": "keyturn", "Value": "mine"}]

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # numbers that the vendor is about to retire


@pytest.fixture
def account(cloud: Standin) -> Iterator[Any]:
    keys = cloud.credentials["alibaba"]
    account = Account(cloud.endpoint, keys["id"], keys["key"], keys["token"])
    account.mns_client.host = HOST
    yield account
    account.mns_client.close_connection()


def code_of(call: Any, *given: Any) -> str:
    """The code that a call of the vendor's client is refused with."""
    with pytest.raises(MNSServerException) as caught:
        call(*given)
    return str(caught.value.type)


def test_a_queue_is_made_once_and_a_second_time_with_equal_attributes_alone(account: Any) -> None:
    queue = account.get_queue("made")
    assert code_of(queue.get_attributes) == "QueueNotExist"
    assert code_of(queue.send_message, Message("body")) == "QueueNotExist"
    assert queue.create(QueueMeta(vis_timeout=60)) == f"http://{HOST}/queues/made"
    queue.create(QueueMeta(vis_timeout=60))
    assert code_of(queue.create, QueueMeta(vis_timeout=61)) == "QueueAlreadyExist"
    shown = queue.get_attributes()
    assert (shown.queue_name, shown.visibility_timeout, shown.message_retention_period) == ("made", 60, 345_600)


def test_attributes_are_changed_and_count(account: Any) -> None:
    queue = account.get_queue("made")
    queue.create(QueueMeta(delay_sec=5))
    queue.send_message(Message("late"))
    assert (queue.get_attributes().delay_messages, code_of(queue.receive_message)) == (1, "MessageNotExist")
    queue.set_attributes(QueueMeta(delay_sec=0))
    queue.send_message(Message("now"))
    assert queue.receive_message().message_body == b"now"
    assert queue.get_attributes().inactive_messages == 1
    assert code_of(queue.set_attributes, QueueMeta(polling_wait_sec=31)) == "InvalidArgument"


def test_a_deleted_queue_is_gone_with_its_messages(account: Any) -> None:
    queue = account.get_queue("made")
    queue.create(QueueMeta())
    queue.send_message(Message("body"))
    queue.delete()
    queue.delete()
    assert code_of(queue.get_attributes) == "QueueNotExist"
    queue.create(QueueMeta())
    assert code_of(queue.peek_message) == "MessageNotExist"


def test_queues_are_listed_by_prefix_and_in_pages(account: Any) -> None:
    for name in ("b-2", "b-1", "c-1"):
        account.get_queue(name).create(QueueMeta())
    first, marker = account.list_queue("b-", 1)
    second, end = account.list_queue("b-", 1, marker)
    assert [url.rpartition("/")[2] for url in first + second] == ["b-1", "b-2"]
    assert end == ""


def test_a_reader_that_waits_gets_what_comes_meanwhile(account: Any, cloud: Standin) -> None:
    queue = account.get_queue("made")
    queue.create(QueueMeta())
    begun = time.monotonic()
    assert code_of(queue.receive_message, 1) == "MessageNotExist"
    assert time.monotonic() - begun >= 1
    keys = cloud.credentials["alibaba"]
    other = Account(cloud.endpoint, keys["id"], keys["key"], keys["token"])
    other.mns_client.host = HOST
    timer = threading.Timer(0.3, lambda: other.get_queue("made").send_message(Message("late")))
    timer.start()
    assert queue.receive_message(10).message_body == b"late"
    timer.join()
    other.mns_client.close_connection()


def test_mns_open_keeps_tags_and_knows_the_same_queues(account: Any, cloud: Standin) -> None:
    answer = call_alibaba(cloud, "CreateQueue", {"QueueName": "made", "VisibilityTimeout": 60, "Tag": TAGS}, **OPEN)
    assert answer["Success"] is True
    assert account.get_queue("made").get_attributes().visibility_timeout == 60
    account.get_queue("other").create(QueueMeta())
    listed = call_alibaba(cloud, "ListQueue", {"Tag": TAGS}, **OPEN)["Data"]["PageData"]
    assert [(one["QueueName"], one["Tags"]) for one in listed] == [
        ("made", [{"TagKey": "keyturn", "TagValue": "mine"}])
    ]
    again = {"QueueName": "made", "VisibilityTimeout": 61}
    assert answer_or_code(call_alibaba, cloud, "CreateQueue", again, **OPEN) == "QueueAlreadyExist"
    call_alibaba(cloud, "DeleteQueue", {"QueueName": "made"}, **OPEN)
    gone = answer_or_code(call_alibaba, cloud, "GetQueueAttributes", {"QueueName": "made"}, **OPEN)
    assert gone == "QueueNotExist"


def test_the_queues_of_the_worlds_patterns_are_there_until_they_are_deleted(account: Any) -> None:
    queue = account.get_queue("keyturn-results")
    assert queue.get_attributes().visibility_timeout == 120
    queue.delete()
    assert code_of(queue.get_attributes) == "QueueNotExist"
