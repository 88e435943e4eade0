"""CKafka through its HTTP API: SendMessage (2019-08-19) with role keys, by the vendor's own client.

Source: https://www.tencentcloud.com/document/product/597/44679; tencentcloud-sdk-python-ckafka 3.1.195. KEYTURN_SITE
decides the host, as that page (2025-11-21) and the domestic page 597/66682 say. A DataHub access task writes the
messages to a topic, and SCF's CKafka trigger reads the topic. CKafka delays no message and removes no duplicate. If an
answer is lost, nobody knows whether the message arrived.
"""

from __future__ import annotations

import time
from typing import Any

from shared.clouds.tencent.session import TencentSession
from shared.queues.port import (
    QueueAccess,
    QueueCertificateRefused,
    QueueError,
    QueueMessage,
    QueueRejected,
    QueueTimeout,
    QueueUnavailable,
    check_size,
)
from shared.runtime.cloud_access import CloudAccess
from shared.runtime.deadline import Deadline
from shared.runtime.errors import Ambiguous, KeyturnError, Refused
from shared.runtime.queue_urls import CkafkaPlace
from shared.runtime.tls import CERTIFICATE_REFUSED

_CALLS_PER_S = 5000.0  # as published


class CkafkaQueue:
    """A Queue over one DataHub access task. It keeps nothing: `clouds` keeps the clients and their open connections."""

    max_delay_s = 0.0

    def __init__(self, place: CkafkaPlace, access: QueueAccess) -> None:
        self._place = place
        self._access = access

    def send(self, message: QueueMessage, *, timeout_s: float, delay_s: float = 0.0) -> None:
        """See Queue.send. `delay_s` has no effect: the message can be read at once."""
        check_size(message)
        if timeout_s <= 0:
            raise QueueUnavailable("no time left to send")
        items = [{"Key": message.key, "Body": message.body}]
        try:
            answer = self._producer(timeout_s).produce(
                {"DataHubId": self._place.datahub_id, "Message": items}, timeout_s
            )
        except ImportError:
            raise QueueRejected("CKafka's client is not in this package: add tencentcloud-sdk-python-ckafka") from None
        except KeyturnError as error:
            raise _as_queue_error(error) from None
        ids = answer.get("MessageId")
        if not isinstance(ids, list) or len(ids) != len(items) or not all(isinstance(id_, str) and id_ for id_ in ids):
            raise QueueTimeout("CKafka's answer does not hold one MessageId")

    def close(self) -> None:
        """Do nothing: nothing is open here."""

    def _producer(self, timeout_s: float) -> _Producer:
        deadline = Deadline(time.monotonic() + timeout_s)
        keys, endpoint = self._access.keys("tencent"), self._access.endpoint("tencent")
        access = CloudAccess(keys, endpoint, _CALLS_PER_S, deadline, ca_file=self._access.ca_file)
        return _Producer(access, self._place.region, self._access.site, "ckafka", _client)


class _Producer(TencentSession):
    def produce(self, parameters: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """One SendMessage, never repeated. Raises: KeyturnError."""
        return self._send("SendMessage", parameters, {}, timeout_s)


def _client() -> Any:
    from tencentcloud.ckafka.v20190819.ckafka_client import CkafkaClient

    return CkafkaClient


def _as_queue_error(error: KeyturnError) -> QueueError:
    if isinstance(error, Ambiguous):
        return QueueTimeout(f"CKafka did not confirm the message ({error.code})")
    if error.code == CERTIFICATE_REFUSED:
        return QueueCertificateRefused(f"CKafka: {error.message}")
    if isinstance(error, Refused):
        return QueueRejected(f"CKafka refused the message ({error.code})")
    return QueueUnavailable(f"CKafka cannot be reached now ({error.code})")
