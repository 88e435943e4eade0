"""CKafka's HTTP API: what is sent, and which answer confirms it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.clouds.tencent.ckafka import CkafkaQueue, _Producer
from shared.queues.port import (
    MAX_BODY,
    MessageTooLarge,
    QueueAccess,
    QueueError,
    QueueMessage,
    QueueRejected,
    QueueTimeout,
    QueueUnavailable,
)
from shared.runtime.cloud_access import RoleKeys
from shared.runtime.errors import Ambiguous, ErrorClass, KeyturnError, Refused, RetryLater
from shared.runtime.queue_urls import CkafkaPlace
from shared.runtime.secret import Secret
from tests.clouds.scripted import Answer, Call, Script

KEYS = RoleKeys("id", Secret("role-key-of-a-test"), None)


class _ScriptedProducer(_Producer):
    script: Script

    def _send(self, action: str, ids: dict[str, Any], secrets: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        return self.script.answer(Call(action, ids, secrets, timeout_s))


class _Queue(CkafkaQueue):
    """The producer that the queue makes, with a script for its client."""

    def __init__(self, answer: Answer, site: str = "domestic") -> None:
        super().__init__(
            CkafkaPlace("ap-tokyo", "dh-1"),
            QueueAccess(lambda cloud: {"tencent": KEYS}[cloud], lambda cloud: {"tencent": None}[cloud], site),
        )
        self.script = Script({"SendMessage": answer})

    def _producer(self, timeout_s: float) -> _Producer:
        made = super()._producer(timeout_s)
        assert 0.0 < made.access.deadline.left() <= timeout_s
        assert made.access.calls_per_s == 5000.0
        scripted = _ScriptedProducer(made.access, made.region, self._access.site, "ckafka", made._client_class)
        host = {"domestic": "ckafka.tencentcloudapi.com", "intl": "ckafka.intl.tencentcloudapi.com"}[self._access.site]
        assert scripted._key == made._key == ("ckafka", host, "", "")
        scripted.script = self.script
        return scripted


def message(number: int = 1, body: str = "{}") -> QueueMessage:
    return QueueMessage(f"id-{number}", "type", f"redis/{number}", body)


def test_a_message_goes_out_in_one_call_with_its_key() -> None:
    queue = _Queue({"MessageId": ["a"]})
    queue.send(message(2, "[]"), timeout_s=3.0)
    (call,) = queue.script.calls
    items = [{"Key": "redis/2", "Body": "[]"}]
    assert (call.ids, call.secrets) == ({"DataHubId": "dh-1", "Message": items}, {})
    assert call.timeout_s == 3.0
    assert queue.max_delay_s == 0.0


@pytest.mark.parametrize("site", ["domestic", "intl"])
def test_one_message_is_sent_with_its_own_time_to_the_host_of_its_site(site: str) -> None:
    queue = _Queue({"MessageId": ["a"]}, site)
    queue.send(message(), timeout_s=2.0, delay_s=9.0)
    assert [call.timeout_s for call in queue.script.calls] == [2.0]
    queue.close()


@pytest.mark.parametrize("ids", [None, "a", [], ["a", "b"], [""], [5], [None], {"a": 1}])
def test_an_answer_without_one_id_confirms_nothing(ids: object) -> None:
    queue = _Queue({"MessageId": ids})
    with pytest.raises(QueueTimeout) as caught:
        queue.send(message(), timeout_s=3.0)
    assert caught.value.maybe


@pytest.mark.parametrize(
    ("error", "kind", "maybe"),
    [
        (Ambiguous("x", code="InternalError"), QueueTimeout, True),
        (Refused(ErrorClass.FORBIDDEN, "x", code="AuthFailure"), QueueRejected, False),
        (RetryLater(ErrorClass.THROTTLED, "x", code="RequestLimitExceeded"), QueueUnavailable, False),
    ],
)
def test_an_error_says_whether_the_messages_may_have_arrived(
    error: KeyturnError, kind: type[QueueError], maybe: bool
) -> None:
    with pytest.raises(QueueError) as caught:
        _Queue(error).send(message(), timeout_s=3.0)
    assert type(caught.value) is kind
    assert caught.value.maybe is maybe
    assert str(error.code) in str(caught.value)


def test_a_package_without_the_client_is_told_so() -> None:
    def fail(_: dict[str, Any]) -> dict[str, Any]:
        raise ImportError("tencentcloud.ckafka")

    with pytest.raises(QueueRejected, match="tencentcloud-sdk-python-ckafka"):
        _Queue(fail).send(message(), timeout_s=3.0)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
def test_nothing_is_sent_without_time(timeout_s: float) -> None:
    queue = _Queue({"MessageId": ["a"]})
    with pytest.raises(QueueUnavailable):
        queue.send(message(), timeout_s=timeout_s)
    assert not queue.script.calls


def test_a_message_over_the_limit_is_not_sent() -> None:
    queue = _Queue({"MessageId": ["a"]})
    with pytest.raises(MessageTooLarge):
        queue.send(message(2, "x" * (MAX_BODY + 1)), timeout_s=3.0)
    assert not queue.script.calls
