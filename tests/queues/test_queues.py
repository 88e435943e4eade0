"""The contract of every queue, kept by each kind; and URLs."""

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from shared.handlers.adapters import open_inbox, open_queue
from shared.queues.memory import MemoryQueue
from shared.queues.port import (
    MAX_BODY,
    MessageTooLarge,
    QueueError,
    QueueMessage,
    QueueRejected,
    QueueTimeout,
    QueueUnavailable,
)
from shared.queues.sqlite import TOMBSTONE_S, SqliteQueue
from shared.runtime import redaction
from shared.runtime.queue_urls import amqp_place, check_url
from shared.runtime.secret import Secret
from tests.cloud.client.inboxes import queue_access


class Clock:
    def __init__(self) -> None:
        self.time = 1_772_330_400.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def queue(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[MemoryQueue | SqliteQueue]:
    if request.param == "memory":
        yield MemoryQueue(uuid.uuid4().hex, now=clock)
        return
    opened = SqliteQueue(str(tmp_path / "new" / "queue.db"), now=clock)
    yield opened
    opened.close()


def message(name: str, body: str = "{}") -> QueueMessage:
    return QueueMessage(name, "keyturn.credential.changed", "redis/crs-1", body)


def ids(queue: MemoryQueue | SqliteQueue, *, ignore_delay: bool = False) -> list[str]:
    return [leased.message.id for leased in queue.receive(100, 30.0, ignore_delay=ignore_delay)]


def test_messages_come_out_whole_and_in_the_order_of_arrival(queue: MemoryQueue | SqliteQueue) -> None:
    sent = [message(name, f'{{"n":"{name} é"}}') for name in "cab"]
    for one in sent:
        queue.send(one, timeout_s=5)
    assert [stored.message for stored in queue.peek()] == sent
    first, second = queue.receive(2, 30)
    assert [first.message, second.message] == sent[:2]
    assert (first.receives, queue.peek()[0].receives, queue.peek()[2].receives) == (1, 1, 0)


def test_a_second_send_of_an_id_is_confirmed_and_ignored_also_after_the_ack(
    queue: MemoryQueue | SqliteQueue,
) -> None:
    queue.send(message("a", "1"), timeout_s=5)
    queue.send(message("a", "2"), timeout_s=5)
    (leased,) = queue.receive(10, 30)
    assert leased.message.body == "1"
    assert queue.ack(leased)
    queue.send(message("a", "3"), timeout_s=5)
    assert queue.peek() == []
    assert not queue.ack(leased)
    assert not queue.release(leased)


def test_a_lease_hides_a_message_until_it_ends(queue: MemoryQueue | SqliteQueue, clock: Clock) -> None:
    queue.send(message("a"), timeout_s=5)
    (lost,) = queue.receive(1, 30)
    assert ids(queue, ignore_delay=True) == []
    clock.time += 30
    (held,) = queue.receive(1, 30)
    assert held.receives == 2
    assert not queue.ack(lost)
    assert not queue.release(lost)
    assert queue.ack(held)


def test_a_late_ack_counts_if_nobody_took_the_message(queue: MemoryQueue | SqliteQueue, clock: Clock) -> None:
    queue.send(message("a"), timeout_s=5)
    (leased,) = queue.receive(1, 30)
    clock.time += 60
    assert queue.ack(leased)
    assert ids(queue) == []


def test_a_delay_holds_a_message_back_unless_ignored(queue: MemoryQueue | SqliteQueue, clock: Clock) -> None:
    queue.send(message("later"), timeout_s=5, delay_s=10)
    queue.send(message("now"), timeout_s=5)
    assert ids(queue) == ["now"]
    assert [stored.message.id for stored in queue.peek()] == ["later", "now"]
    assert ids(queue, ignore_delay=True) == ["later"]
    queue.send(message("soon"), timeout_s=5, delay_s=10)
    clock.time += 10
    assert ids(queue) == ["soon"]


def test_a_released_message_comes_again_after_its_delay(queue: MemoryQueue | SqliteQueue, clock: Clock) -> None:
    queue.send(message("a"), timeout_s=5)
    (leased,) = queue.receive(1, 30)
    assert queue.release(leased, 5)
    assert ids(queue) == []
    clock.time += 5
    assert ids(queue) == ["a"]


def test_what_cannot_be_kept_is_refused_before_the_queue_is_asked(queue: MemoryQueue | SqliteQueue) -> None:
    queue.send(message("fits", "x" * MAX_BODY), timeout_s=5)
    with pytest.raises(MessageTooLarge):
        queue.send(message("big", "é" * (MAX_BODY // 2) + "x"), timeout_s=5)
    with pytest.raises(QueueRejected):
        queue.send(message("surrogate", "\ud800"), timeout_s=5)
    with pytest.raises(QueueUnavailable):
        queue.send(message("late"), timeout_s=0)
    assert ids(queue) == ["fits"]


def test_threads_share_a_queue_and_each_message_is_taken_once(queue: MemoryQueue | SqliteQueue) -> None:
    taken: list[str] = []

    def send(prefix: str) -> None:
        for n in range(20):
            queue.send(message(f"{prefix}{n}"), timeout_s=10)

    def drain() -> None:
        while leased := queue.receive(3, 60):
            taken.extend(one.message.id for one in leased if queue.ack(one))

    for work, arguments in ((send, ["a", "b"]), (drain, [None, None, None])):
        threads = [
            threading.Thread(target=work, args=() if argument is None else (argument,)) for argument in arguments
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert sorted(taken) == sorted(f"{prefix}{n}" for prefix in "ab" for n in range(20))


def test_errors_say_whether_the_message_may_have_arrived() -> None:
    assert QueueTimeout("x").maybe
    assert not QueueUnavailable("x").maybe
    assert QueueUnavailable("x", maybe=True).maybe
    assert all(
        issubclass(kind, QueueError) for kind in (QueueTimeout, QueueUnavailable, QueueRejected, MessageTooLarge)
    )


def test_the_body_stays_out_of_a_repr() -> None:
    assert "canary" not in repr(message("a", "canary"))


def test_an_acknowledged_id_is_forgotten_after_its_week(tmp_path: Path, clock: Clock) -> None:
    queue = SqliteQueue(str(tmp_path / "q.db"), now=clock)
    queue.send(message("a"), timeout_s=5)
    (leased,) = queue.receive(1, 30)
    queue.ack(leased)
    clock.time += TOMBSTONE_S + 1
    queue.send(message("b"), timeout_s=5)
    queue.send(message("a"), timeout_s=5)
    assert [stored.message.id for stored in queue.peek()] == ["b", "a"]
    queue.close()


def test_a_memory_queue_is_shared_by_name() -> None:
    name = uuid.uuid4().hex
    open_queue(f"memory://{name}").send(message("a"), timeout_s=1)
    assert [stored.message.id for stored in open_inbox(f"memory://{name}").peek()] == ["a"]
    assert open_inbox(f"memory://{name}-other").peek() == []


@pytest.mark.parametrize("slashes", ["///", "////"])
def test_one_queue_a_function_where_the_url_asks_for_it(tmp_path: Path, slashes: str) -> None:
    url = f"sqlite:{slashes}{str(tmp_path).lstrip('/')}/{{function}}.db"
    check_url(url)
    queue = open_queue(url, function="follow_change", on_platform=True)
    queue.send(message("a"), timeout_s=5)
    queue.close()
    assert (tmp_path / "follow-change.db").exists()
    with pytest.raises(ValueError, match="no function is named"):
        open_queue(url)
    with pytest.raises(ValueError, match="function name"):
        open_queue(url, function="../x")


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("", "no known scheme"),
        ("canary", "no known scheme"),
        ("http://user:canary@host/", "no known scheme"),
        ("canary:canary@host://x", "no known scheme"),
        ("ckafka://ap-guangzhou/canary", "a region and a DataHub id"),
        ("ckafka://canary/datahub-1/2", "a region and a DataHub id"),
        ("smq://canary/q", "and no other host"),
        ("smq://1.mns.cn-hangzhou.aliyuncs.com.canary.example/q", "and no other host"),
        ("smq://canary.example/1.mns.cn-hangzhou.aliyuncs.com/q", "and no other host"),
        ("smq://1@canary.mns.cn-hangzhou.aliyuncs.com/q", "and no other host"),
        ("smq://1.mns.cn-hangzhou.aliyuncs.com/canary?x", "and no other host"),
        ("amqp://u:canary@broker.example/v?queue=q", "amqp:// is for loopback"),
        ("amqp://canary@localhost/v?queue=q", "user:secret@host"),
        ("AMQPS://u:canary@host/v", "beside queue it takes exchange alone"),
        ("amqps://u:canary@host/v?queue=q&heartbeat=1", "beside queue it takes exchange alone"),
        ("amqps://u:canary@host:port/v?queue=q", "user:secret@host"),
        ("amqps://u:canary@[host/v?queue=q", "user:secret@host"),
        ("sqlite://canary/x.db", "absolute path"),
        ("sqlite:///", "absolute path"),
        ("sqlite:///canary/", "absolute path"),
        ("memory://canary/x", "letters, digits"),
    ],
)
def test_a_url_that_names_no_queue_is_refused_by_rule_without_an_echo(url: str, rule: str) -> None:
    for use in (check_url, open_queue, open_inbox):
        with pytest.raises(ValueError, match=rule) as caught:
            use(url)
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ckafka://ap-guangzhou/datahub-results",
        "smq://1000000000000001.mns.cn-hangzhou.aliyuncs.com/keyturn-{function}",
        "smq://1000000000000001.mns.cn-hangzhou-internal.aliyuncs.com/q",
        "smq://1000000000000001.mns.ap-southeast-1-vpc.aliyuncs.com/q",
        "amqp://u:secret@127.0.0.1:5672/v?queue={function}",
        "amqps://u%40x:s%2Fecret@broker.example/%2F?queue=a.b",
        "memory://keyturn-{function}",
    ],
)
def test_urls_of_every_kind_are_taken(url: str) -> None:
    check_url(url)
    check_url(url.upper().partition("://")[0] + "://" + url.partition("://")[2])


def test_what_an_amqp_url_says_is_read_decoded_and_the_password_has_no_text() -> None:
    place = amqp_place("amqps", "u%40x:s%2Fecret%25@broker.example/a%2Fb?queue=q%201")
    assert (place.user, place.vhost, place.queue, place.port) == ("u@x", "a/b", "q 1", 5671)
    assert place.password == Secret("s/ecret%")
    assert "ecret" not in repr(place)
    assert amqp_place("amqp", "u:secret-x@localhost:1/?queue=q").vhost == "/"
    assert "s%2fecret-y" not in redaction.scrub(
        amqp_place("amqp", "u:s%2fecret-y@localhost/?queue=q").host + "s%2fecret-y"
    )


@pytest.mark.parametrize(
    ("url", "use", "rule"),
    [
        ("smq://1.mns.cn-hangzhou.aliyuncs.com/q", "commands", "put {function}"),
        ("amqp://u:canary@localhost/?queue=q", "commands", "put {function}"),
        ("smq://1.mns.cn-hangzhou.aliyuncs.com/{function}", "results", "{function} is for commands"),
        ("sqlite:///tmp/{function}.db", "results", "{function} is for commands"),
    ],
)
def test_a_queue_is_refused_for_a_use_that_would_lose_messages(
    url: str, use: Literal["results", "commands"], rule: str
) -> None:
    check_url(url)
    with pytest.raises(ValueError, match=rule) as caught:
        check_url(url, use=use)
    assert "canary" not in str(caught.value)


def test_a_clouds_own_queue_wants_role_keys_and_ckafka_has_no_inbox() -> None:
    for url in ("ckafka://ap-guangzhou/datahub-x", "smq://1.mns.cn-hangzhou.aliyuncs.com/q"):
        with pytest.raises(ValueError, match="keys of a role"):
            open_queue(url)
    with pytest.raises(ValueError, match="only the platform's own trigger"):
        open_inbox("ckafka://ap-guangzhou/datahub-x", access=queue_access({}))


def test_memory_is_refused_on_a_platform() -> None:
    for refuse in (open_queue, check_url):
        with pytest.raises(ValueError, match="not for a platform"):
            refuse("memory://x", on_platform=True)
