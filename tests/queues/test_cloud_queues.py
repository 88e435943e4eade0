"""CKafka and SMQ as the stand-in plays them: what is confirmed is kept, and what is not says what may have happened."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared.clouds.tencent.ckafka import CkafkaQueue
from shared.handlers.adapters import open_queue
from shared.queues.port import (
    MAX_BODY,
    Inbox,
    MessageTooLarge,
    Queue,
    QueueAccess,
    QueueError,
    QueueMessage,
    QueueRejected,
    QueueTimeout,
    QueueUnavailable,
)
from shared.runtime.cloud_access import RoleKeys
from shared.runtime.errors import ErrorClass, Refused
from shared.runtime.secret import Secret
from tests.cloud.backends.child_processes import free_port
from tests.cloud.client.inboxes import open_any_inbox, queue_access
from tests.cloud.client.standin import Standin

CKAFKA = "ckafka://ap-guangzhou/datahub-demo01"
SMQ = "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-results"
HOSTS = {CKAFKA: "ckafka.tencentcloudapi.com", SMQ: "1000000000000001.mns.cn-hangzhou.aliyuncs.com"}


@dataclass
class Kind:
    url: str
    queue: Queue
    inbox: Inbox
    environ: dict[str, str]


def environ(endpoint: str) -> dict[str, str]:
    return {"KEYTURN_TENCENT_ENDPOINT": endpoint, "KEYTURN_ALIBABA_ENDPOINT": endpoint}


@pytest.fixture(params=[CKAFKA, SMQ], ids=["ckafka", "smq"])
def kind(request: pytest.FixtureRequest, cloud: Standin) -> Iterator[Kind]:
    reached = environ(cloud.endpoint)
    opened = Kind(
        request.param,
        open_queue(request.param, access=queue_access(reached)),
        open_any_inbox(request.param, environ=reached),
        reached,
    )
    yield opened
    opened.queue.close()
    opened.inbox.close()


def message(name: str, body: str | None = None) -> QueueMessage:
    event = {"id": name, "type": "keyturn.credential.changed", "subject": "redis/crs-1/app", "note": "é<&"}
    return QueueMessage(
        name, event["type"], "redis/crs-1", json.dumps(event, ensure_ascii=False) if body is None else body
    )


def bodies(inbox: Inbox) -> list[str]:
    return [stored.message.body for stored in inbox.peek()]


def test_what_is_confirmed_is_kept_whole_and_signed_for_the_clouds_own_host(kind: Kind, cloud: Standin) -> None:
    sent = [message(name) for name in "cab"]
    for one in sent:
        kind.queue.send(one, timeout_s=3)
    assert bodies(kind.inbox) == [one.body for one in sent]
    assert [stored.message.key for stored in kind.inbox.peek()] == ["redis/crs-1"] * 3  # CKafka's Key; read back on SMQ
    assert {(call["Action"], call["Host"], call["Code"]) for call in cloud.calls()} == {
        ("SendMessage", HOSTS[kind.url], "")
    }


def test_a_received_message_is_hidden_until_it_is_given_back_and_gone_once_acknowledged(kind: Kind) -> None:
    kind.queue.send(message("a"), timeout_s=3)
    (first,) = kind.inbox.receive(10, 30)
    assert kind.inbox.receive(10, 30) == []
    assert kind.inbox.release(first, 1)
    time.sleep(1.1)
    (second,) = kind.inbox.receive(10, 30)
    assert (first.receives, second.receives) == (1, 2)
    assert second.message.body == message("a").body
    assert not kind.inbox.ack(first)
    assert kind.inbox.ack(second)
    assert not kind.inbox.ack(second)
    assert bodies(kind.inbox) == []


def test_the_same_id_sent_twice_is_two_messages_for_consumers_to_dedupe(kind: Kind) -> None:
    for _ in range(2):
        kind.queue.send(message("a"), timeout_s=3)
    assert bodies(kind.inbox) == [message("a").body] * 2


APPLIED = {"drop_after", "stall", "cut_body", "html_500", "not_json", "no_task_id"}


@pytest.mark.parametrize(
    "fault",
    [
        "drop_before", "drop_after", "stall", "cut_body", "html_500", "not_json", "no_task_id", "wrong_type",
        "throttle", "lock", "expire_token", "fail_task", "hang_task",
    ],
)  # fmt: skip
def test_under_each_fault_one_request_goes_out_and_the_error_is_true_about_the_message(
    kind: Kind, cloud: Standin, fault: str
) -> None:
    kind.queue.send(message("first"), timeout_s=3)  # the connection is kept: a repeat could hide in it
    cloud.faults([{"Action": "SendMessage", "Fault": fault}])
    started = time.monotonic()
    with pytest.raises(QueueError) as caught:
        kind.queue.send(message("a"), timeout_s=0.6)
    assert time.monotonic() - started < 1.2
    arrived = bodies(kind.inbox)[1:]
    assert len([call for call in cloud.calls() if call["Action"] == "SendMessage"]) == 2
    assert arrived == ([message("a").body] if fault in APPLIED else [])
    assert caught.value.maybe or not arrived
    if fault in APPLIED:
        assert isinstance(caught.value, QueueTimeout)
    kind.queue.send(message("b"), timeout_s=3)
    assert bodies(kind.inbox)[-1] == message("b").body


@pytest.mark.parametrize(("fault", "error"), [("throttle", QueueUnavailable), ("expire_token", QueueRejected)])
def test_what_the_cloud_refuses_surely_did_not_arrive(
    kind: Kind, cloud: Standin, fault: str, error: type[QueueError]
) -> None:
    cloud.faults([{"Action": "SendMessage", "Fault": fault}])
    with pytest.raises(error) as caught:
        kind.queue.send(message("a"), timeout_s=3)
    assert not caught.value.maybe


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ckafka://ap-guangzhou/datahub-other", "ResourceNotFound"),
        ("ckafka://ap-shanghai/datahub-demo01", "ResourceNotFound"),
        ("smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/other", "QueueNotExist"),
        ("smq://1000000000000001.mns.cn-beijing.aliyuncs.com/keyturn-x", "QueueNotExist"),
        ("smq://1000000000000002.mns.cn-hangzhou.aliyuncs.com/keyturn-x", "InvalidRequestURL"),
    ],
)
def test_a_queue_that_is_not_there_is_a_refusal_that_names_the_code(cloud: Standin, url: str, code: str) -> None:
    queue = open_queue(url, access=queue_access(environ(cloud.endpoint)))
    with pytest.raises(QueueRejected, match=code):
        queue.send(message("a"), timeout_s=3)
    queue.close()


@pytest.mark.parametrize("wrong", ["id", "key", "token"])
def test_wrong_keys_are_refused_without_a_word_of_them(kind: Kind, wrong: str) -> None:
    good = queue_access(kind.environ).keys("tencent" if kind.url == CKAFKA else "alibaba")
    parts = {"id": good.id, "key": good.key, "token": good.token}
    parts[wrong] = "canary-canary" if wrong == "id" else Secret("canary-canary")
    queue = open_queue(
        kind.url,
        access=QueueAccess(lambda _: RoleKeys(**parts), queue_access(kind.environ).endpoint),  # type: ignore[arg-type]
    )
    with pytest.raises(QueueRejected) as caught:
        queue.send(message("a"), timeout_s=3)
    assert "canary" not in str(caught.value)
    queue.close()


def test_a_function_without_a_role_is_told_so_and_nothing_is_sent(kind: Kind, cloud: Standin) -> None:
    def keys(_: str) -> RoleKeys:
        raise Refused(ErrorClass.FORBIDDEN, "none", code="NoCredentials")

    queue = open_queue(kind.url, access=QueueAccess(keys, queue_access(kind.environ).endpoint))
    with pytest.raises(QueueRejected, match="NoCredentials"):
        queue.send(message("a"), timeout_s=3)
    queue.close()
    assert cloud.calls() == []


def test_keys_are_asked_for_at_every_send_because_they_expire(kind: Kind) -> None:
    asked: list[str] = []
    reached = queue_access(kind.environ)

    def keys(cloud: str) -> RoleKeys:
        asked.append(cloud)
        return reached.keys(cloud)

    queue = open_queue(kind.url, access=QueueAccess(keys, reached.endpoint))
    assert asked == []
    for _ in range(2):
        queue.send(message("a"), timeout_s=3)
    queue.close()
    assert asked == ["tencent" if kind.url == CKAFKA else "alibaba"] * 2


INTL = "ckafka://ap-singapore/datahub-intl01"


@pytest.mark.parametrize("not_so", [(), ("Q2",)])
def test_ckafka_is_asked_at_the_host_of_the_queues_site(cloud: Standin, not_so: tuple[str, ...]) -> None:
    cloud.reset(not_so=not_so)
    reached, taken = queue_access(environ(cloud.endpoint)), []
    for site in ("domestic", "intl"):
        queue = open_queue(INTL, access=QueueAccess(reached.keys, reached.endpoint, site))
        try:
            queue.send(message("a"), timeout_s=3)
            taken.append(site)
        except QueueRejected as error:
            assert "SecretIdNotFound" in str(error)
        queue.close()
    assert taken == (["domestic"] if not_so else ["intl"])
    assert {call["Host"] for call in cloud.calls()} == {HOSTS[CKAFKA], "ckafka.intl.tencentcloudapi.com"}


def test_a_message_that_is_lost_behind_its_id_and_keys_that_are_not_taken_can_be_played(cloud: Standin) -> None:
    reached = environ(cloud.endpoint)
    queue, inbox = open_queue(CKAFKA, access=queue_access(reached)), open_any_inbox(CKAFKA, environ=reached)
    assert isinstance(queue, CkafkaQueue)
    for not_so, kept in (((), 1), (("Q3",), 0)):
        cloud.reset(not_so=not_so)
        queue.send(message("a"), timeout_s=3)
        assert len(inbox.peek()) == kept
    cloud.reset(not_so=["Q1"])
    with pytest.raises(QueueRejected, match="TokenFailure"):
        queue.send(message("a"), timeout_s=3)


def test_a_cloud_that_cannot_be_reached_is_no_maybe(kind: Kind) -> None:
    queue = open_queue(kind.url, access=queue_access(environ(f"http://127.0.0.1:{free_port()}")))
    with pytest.raises(QueueUnavailable) as caught:
        queue.send(message("a"), timeout_s=1)
    assert not caught.value.maybe
    queue.close()


def test_what_cannot_be_kept_is_refused_before_the_cloud_is_asked(kind: Kind, cloud: Standin) -> None:
    with pytest.raises(MessageTooLarge):
        kind.queue.send(message("big", "é" * (MAX_BODY // 2) + "x"), timeout_s=3)
    with pytest.raises(QueueRejected):
        kind.queue.send(message("surrogate", "\ud800"), timeout_s=3)
    with pytest.raises(QueueUnavailable):
        kind.queue.send(message("late"), timeout_s=0)
    assert cloud.calls() == []
    kind.queue.send(message("fits", "x" * MAX_BODY), timeout_s=5)
    assert bodies(kind.inbox) == ["x" * MAX_BODY]


def test_threads_share_a_queue(kind: Kind) -> None:
    def work(prefix: str) -> None:
        for n in range(5):
            kind.queue.send(message(f"{prefix}{n}"), timeout_s=10)

    threads = [threading.Thread(target=work, args=(prefix,)) for prefix in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    ids = sorted(json.loads(body)["id"] for body in bodies(kind.inbox))
    assert ids == sorted(f"{prefix}{n}" for prefix in "abcd" for n in range(5))


def test_smq_keeps_a_delay_in_whole_seconds_rounded_up_and_ckafka_has_none(cloud: Standin) -> None:
    reached = environ(cloud.endpoint)
    smq, ckafka = (open_queue(url, access=queue_access(reached)) for url in (SMQ, CKAFKA))
    waiting = open_any_inbox(SMQ, environ=reached)
    assert (smq.max_delay_s, ckafka.max_delay_s) == (604_800, 0)
    smq.send(message("later"), timeout_s=3, delay_s=0.3)
    smq.send(message("now"), timeout_s=3)
    assert [json.loads(one.message.body)["id"] for one in waiting.receive(10, 30)] == ["now"]
    time.sleep(1.05)
    assert [json.loads(one.message.body)["id"] for one in waiting.receive(10, 30)] == ["later"]
    smq.send(message("skipped"), timeout_s=3, delay_s=3600)
    assert waiting.receive(10, 30) == []
    assert [json.loads(one.message.body)["id"] for one in waiting.receive(10, 30, ignore_delay=True)] == ["skipped"]
    for one in (smq, ckafka, waiting):
        one.close()
