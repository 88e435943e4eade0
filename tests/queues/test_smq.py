"""SMQ's wire format, with the vendor's own client as referee, and what a thin client must withstand."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from mns.account import Account
from mns.mns_client import MNSClient
from mns.mns_exception import MNSServerException
from mns.mns_request import SendMessageRequest
from mns.mns_xml_handler import MessageEncoder
from mns.queue import Message

from shared.handlers.adapters import open_queue
from shared.queues import smq_wire
from shared.queues.port import QueueError, QueueMessage, QueueRejected, QueueTimeout, QueueUnavailable
from shared.queues.smq import SmqQueue
from tests.cloud.client.inboxes import open_any_inbox, queue_access
from tests.cloud.client.standin import Standin

HOST = "1000000000000001.mns.cn-hangzhou.aliyuncs.com"
URL = f"smq://{HOST}/keyturn-results"
BODY = json.dumps({"id": "a", "type": "t", "subject": "redis/crs-1/app", "note": "é<&>"}, ensure_ascii=False)
NOW = 1_772_330_400.0


def environ(endpoint: str) -> dict[str, str]:
    return {"KEYTURN_ALIBABA_ENDPOINT": endpoint}


def opened(endpoint: str) -> SmqQueue:
    queue = open_queue(URL, access=queue_access(environ(endpoint)))
    assert isinstance(queue, SmqQueue)
    return queue


def event(body: str = BODY) -> QueueMessage:
    return QueueMessage("a", "t", "redis/crs-1", body)


@pytest.fixture
def vendor(cloud: Standin) -> Iterator[Any]:
    """The vendor's queue object, dialling the stand-in by the account's own host name."""
    keys = cloud.credentials["alibaba"]
    account = Account(cloud.endpoint, keys["id"], keys["key"], keys["token"])
    account.mns_client.host = HOST
    yield account.get_queue("keyturn-results")
    account.mns_client.close_connection()


@pytest.mark.parametrize("delay_s", [0, 7])
def test_our_document_is_byte_for_byte_the_vendors(delay_s: int) -> None:
    request = SendMessageRequest("q", BODY, delay_s or -1)
    ours = smq_wire.message_xml(base64.b64encode(BODY.encode()).decode(), delay_s)
    assert ours == MessageEncoder.encode(request)


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("POST", "/queues/keyturn-results/messages", b"<Message/>"),
        ("GET", "/queues/keyturn-results/messages?numOfMessages=16&waitseconds=0", b""),
        ("DELETE", "/queues/keyturn-results/messages?ReceiptHandle=1-ab%3D", b""),
    ],
)
def test_our_signature_is_the_vendors(method: str, target: str, body: bytes) -> None:
    headers = smq_wire.signed_headers(method, target, body, id_="LTAI", key="k-1", token="token-1", now=NOW)
    client = MNSClient(f"http://{HOST}", "LTAI", "k-1", "token-1")
    credential = client.credentials_provider.get_credentials()
    assert client.get_signature(method, headers, target, credential) == headers["authorization"]
    assert headers["date"] == "Sun, 01 Mar 2026 02:00:00 GMT"
    assert ("content-md5" in headers) is bool(body)
    assert headers["security-token"] == "token-1"


def test_without_a_token_no_header_says_that_there_is_one() -> None:
    headers = smq_wire.signed_headers("GET", "/", b"", id_="i", key="k", token=None, now=NOW)
    assert "security-token" not in headers


def test_the_vendors_client_reads_what_we_send(cloud: Standin, vendor: Any) -> None:
    queue = opened(cloud.endpoint)
    queue.send(event(), timeout_s=3)
    queue.close()
    got = vendor.receive_message()
    assert got.message_body.decode() == BODY
    assert got.message_body_md5 in smq_wire.digests(BODY, base64.b64encode(BODY.encode()).decode())
    vendor.delete_message(got.receipt_handle)
    assert open_any_inbox(URL, environ=environ(cloud.endpoint)).peek() == []


def test_we_read_what_the_vendors_client_sends(cloud: Standin, vendor: Any) -> None:
    vendor.send_message(Message(BODY))
    queue = opened(cloud.endpoint)
    (stored,) = queue.peek()
    (leased,) = queue.receive(10, 30)
    assert stored.message == leased.message
    assert (leased.message.body, leased.message.type, leased.message.key) == (BODY, "t", "redis/crs-1")
    assert queue.ack(leased)
    assert queue.receive(10, 30) == []
    queue.close()


def test_the_stand_ins_refusals_are_ones_that_the_vendors_client_understands(vendor: Any) -> None:
    with pytest.raises(MNSServerException) as caught:
        vendor.receive_message()
    assert caught.value.type == "MessageNotExist"


def send_raw(cloud: Standin, change: Callable[[dict[str, str]], None], body: bytes = b"") -> tuple[int, bytes]:
    """A request that is right but for one change; status and code of the answer."""
    from http.client import HTTPConnection

    keys, target = cloud.credentials["alibaba"], "/queues/keyturn-results/messages"
    body = body or smq_wire.message_xml("e30=", 0)
    headers = {"host": HOST} | smq_wire.signed_headers(
        "POST", target, body, id_=keys["id"], key=keys["key"], token=keys["token"]
    )
    change(headers)
    connection = HTTPConnection(*cloud.endpoint.removeprefix("http://").split(":"))  # type: ignore[arg-type]
    connection.request("POST", target, body, headers)
    answer = connection.getresponse()
    document = answer.read()
    connection.close()
    return answer.status, document.partition(b"<Code>")[2].partition(b"</Code>")[0]


@pytest.mark.parametrize(
    ("header", "value", "status", "code"),
    [
        ("authorization", "", 400, b"MissingAuthorizationHeader"),
        ("authorization", "MNS x", 400, b"InvalidAuthorizationHeader"),
        ("authorization", "MNS LTAISTANDIN:AAAA", 403, b"SignatureDoesNotMatch"),
        ("date", "yesterday", 400, b"InvalidDateHeader"),
        ("date", "Sun, 01 Mar 2026 02:00:00 GMT", 408, b"TimeExpired"),
        ("x-mns-version", "2014-01-01", 403, b"SignatureDoesNotMatch"),
        ("security-token", "other", 403, b"AccessDenied"),
        ("host", "x.mns.cn-hangzhou.aliyuncs.com", 400, b"InvalidRequestURL"),
        ("x", "ignored", 201, b""),
    ],
)
def test_the_stand_in_takes_nothing_that_is_not_signed_in_time_by_the_role(
    cloud: Standin, header: str, value: str, status: int, code: bytes
) -> None:
    assert send_raw(cloud, lambda headers: headers.update({header: value})) == (status, code)


def test_the_stand_in_refuses_a_document_that_is_none(cloud: Standin) -> None:
    cloud.record_requests()  # which reads them, too
    assert send_raw(cloud, lambda _: None, b"<Message")[1] == b"MalformedXML"
    assert send_raw(cloud, lambda _: None, b"<Message/>")[1] == b"MalformedXML"


class Answering:
    """A server that answers each request with the same bytes, and counts them."""

    def __init__(self, answer: bytes, *, hang_up: bool = False, pause_s: float = 0.0) -> None:
        self._answer, self._hang_up, self._pause_s = answer, hang_up, pause_s
        self._server = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.requests = self.connections = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._server.accept()
            with connection, suppress(OSError):
                self.connections += 1
                while (request := self._read(connection)) and request != b"stop":
                    self.requests += 1
                    time.sleep(self._pause_s)
                    connection.sendall(self._answer)
                    if self._hang_up:
                        break
                if request == b"stop":
                    return

    def _read(self, connection: socket.socket) -> bytes:
        request = connection.recv(65_536)
        while request.startswith(b"POST") and b"</Message>" not in request:
            request += connection.recv(65_536)
        return request

    def stop(self) -> None:
        with socket.create_connection(self._server.getsockname()) as last:
            last.sendall(b"stop")
            self._thread.join(10)
        self._server.close()


@contextmanager
def answering(body: bytes, status: str = "201 Created", **how: Any) -> Iterator[Answering]:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    server = Answering(head + body, **how)
    try:
        yield server
    finally:
        server.stop()


def confirmation(digest: str) -> bytes:
    inner = f"<MessageId>1</MessageId><MessageBodyMD5>{digest}</MessageBodyMD5>"
    return f'<Message xmlns="http://mns.aliyuncs.com/doc/v1/">{inner}</Message>'.encode()


def refusal(code: str) -> bytes:
    inner = f"<Code>{code}</Code><Message>canary</Message><RequestId>1</RequestId><HostId>h</HostId>"
    return f'<Error xmlns="http://mns.aliyuncs.com/doc/v1/">{inner}</Error>'.encode()


TEXT = base64.b64encode(BODY.encode()).decode()


@pytest.mark.parametrize("digest", sorted(smq_wire.digests(BODY, TEXT)))
def test_either_digest_confirms_and_one_connection_serves_all(digest: str) -> None:
    with answering(confirmation(digest.lower())) as server:
        queue = opened(server.endpoint)
        for _ in range(3):
            queue.send(event(), timeout_s=3)
        queue.close()
        assert (server.requests, server.connections) == (3, 1)


@pytest.mark.parametrize(
    ("status", "body", "error", "maybe", "says"),
    [
        ("201 Created", confirmation("0" * 32), QueueError, True, "another body"),
        ("201 Created", b"", QueueTimeout, True, "no confirmation"),
        ("200 OK", b"<html>canary</html>", QueueTimeout, True, "HTTP 200"),
        ("201 Created", b'<!DOCTYPE x [<!ENTITY e "canary">]><x>&e;</x>', QueueTimeout, True, "no confirmation"),
        ("408 Request Timeout", refusal("TimeExpired"), QueueUnavailable, False, "clock"),
        ("403 Forbidden", refusal("AccessDenied"), QueueRejected, False, "AccessDenied"),
        ("404 Not Found", refusal("QueueNotExist"), QueueRejected, False, "QueueNotExist"),
        ("400 Bad Request", refusal("InvalidArgument"), QueueRejected, False, "InvalidArgument"),
        ("500 Error", refusal("InternalError"), QueueUnavailable, True, "InternalError"),
        ("403 Forbidden", refusal("QpsLimitExceeded"), QueueUnavailable, False, "QpsLimitExceeded"),
        ("502 Bad Gateway", refusal("Brand.New"), QueueTimeout, True, "Brand.New"),
        ("400 Bad Request", refusal("canary canary"), QueueRejected, False, "UnreadableCode"),
    ],
)
def test_each_answer_is_read_for_what_it_says_and_never_repeated(
    status: str, body: bytes, error: type[QueueError], maybe: bool, says: str
) -> None:
    with answering(body, status) as server:
        queue = opened(server.endpoint)
        with pytest.raises(error, match=says) as caught:
            queue.send(event(), timeout_s=3)
        queue.close()
        assert (type(caught.value), caught.value.maybe, server.requests) == (error, maybe, 1)
        assert "canary" not in str(caught.value)


def test_a_kept_connection_that_the_server_closed_is_not_written_to() -> None:
    digest = smq_wire.digests(BODY, TEXT).pop()
    with answering(confirmation(digest), hang_up=True) as server:
        queue = opened(server.endpoint)
        for _ in range(3):
            queue.send(event(), timeout_s=3)
            time.sleep(0.05)
        queue.close()
        assert (server.requests, server.connections) == (3, 3)


def test_a_request_that_is_read_and_then_dropped_is_sent_once() -> None:
    server = Answering(b"", hang_up=True)
    try:
        queue = opened(server.endpoint)
        with pytest.raises(QueueTimeout):
            queue.send(event(), timeout_s=3)
        queue.close()
        assert server.requests == 1
    finally:
        server.stop()


def test_a_server_that_does_not_answer_costs_the_time_given_and_no_more() -> None:
    with answering(b"", pause_s=1.5) as server:
        queue = opened(server.endpoint)
        started = time.monotonic()
        with pytest.raises(QueueTimeout):
            queue.send(event(), timeout_s=0.5)
        assert 0.4 < time.monotonic() - started < 0.9
        queue.close()


def test_a_server_that_does_not_speak_tls_is_named_and_was_sent_nothing() -> None:
    with answering(b"") as server:
        queue = opened(server.endpoint.replace("http://", "https://"))
        with pytest.raises(QueueUnavailable, match="does not speak TLS") as caught:
            queue.send(event(), timeout_s=3)
        assert not caught.value.maybe
        queue.close()
