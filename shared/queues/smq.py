"""SMQ (formerly MNS) with role keys: a small client that limits every wait and never repeats a send by itself.

The vendor's client does neither over https (aliyun-mns-sdk 1.3.0). Bodies are in base64, as that client and EventBridge
expect.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import math
import select
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.queues import smq_wire
from shared.queues.port import (
    LeasedMessage,
    QueueAccess,
    QueueCertificateRefused,
    QueueError,
    QueueMessage,
    QueueRejected,
    QueueTimeout,
    QueueUnavailable,
    Rest,
    WaitingMessage,
    check_size,
    read_back,
)
from shared.runtime.errors import KeyturnError, clean_code
from shared.runtime.queue_urls import SmqPlace
from shared.runtime.tls import ca_path, certificate_problem, client_context

_CONNECT_S = 3.0
_WORKER_TIMEOUT_S = 10.0
_MOST_ANSWER = 4 << 20  # bytes; a full batch of the largest messages has 2 MiB
_MOST_MESSAGES = 16  # in one batch, as published
_MOST_IDLE_S = 15.0  # a connection that was idle for longer may be dead without a sign
_LOST = (http.client.HTTPException, OSError)

_LATER = {"QpsLimitExceeded": False, "InternalError": True, "InternalServerError": True}
"""Codes after which a later send may work; True: the message may have arrived all the same."""


@dataclass(frozen=True)
class _Answer:
    status: int
    body: bytes


class SmqQueue:
    """Queue and Inbox over one queue. It keeps its connections until `close`, one for each thread that works.

    The lease of a received message is the queue's own VisibilityTimeout.
    """

    max_delay_s = 604_800.0

    def __init__(self, place: SmqPlace, access: QueueAccess) -> None:
        self._place = place
        self._access = access
        self._lock = threading.Lock()
        self._idle: list[tuple[http.client.HTTPConnection, Rest]] = []

    def send(self, message: QueueMessage, *, timeout_s: float, delay_s: float = 0.0) -> None:
        """See Queue.send. A delay has whole seconds, rounded up. The confirmation must be for this body."""
        check_size(message)
        if timeout_s <= 0:
            raise QueueUnavailable("no time left to send")
        text = base64.b64encode(message.body.encode()).decode()
        delay = math.ceil(min(max(delay_s, 0.0), self.max_delay_s))
        answer = self._ask("POST", "", timeout_s, smq_wire.message_xml(text, delay))
        if answer.status != 201:
            raise _refusal(answer)
        confirmed = next(smq_wire.elements(answer.body, "Message"), {})
        if not confirmed.get("MessageId") or not confirmed.get("MessageBodyMD5"):
            raise QueueTimeout("SMQ's answer holds no confirmation")
        if confirmed["MessageBodyMD5"].upper() not in smq_wire.digests(message.body, text):
            raise QueueError("SMQ confirmed another body than was sent", maybe=True)

    def receive(self, max_messages: int, lease_s: float, *, ignore_delay: bool = False) -> list[LeasedMessage]:
        """See Inbox.receive. The queue decides the lease, not `lease_s`. A delay cannot be ignored."""
        if max_messages < 1:
            return []
        many = min(max_messages, _MOST_MESSAGES)
        try:
            return [
                LeasedMessage(
                    _message(one), one["ReceiptHandle"], _seconds(one["NextVisibleTime"]), int(one["DequeueCount"])
                )
                for one in self._messages(f"?numOfMessages={many}&waitseconds=0")
            ]
        except (KeyError, ValueError):
            raise QueueUnavailable("SMQ's answer cannot be read") from None

    def ack(self, leased: LeasedMessage) -> bool:
        """See Inbox.ack."""
        return self._with_handle("DELETE", leased, "?ReceiptHandle={}")

    def release(self, leased: LeasedMessage, delay_s: float = 0.0) -> bool:
        """See Inbox.release. The delay has whole seconds, at least 1."""
        return self._with_handle("PUT", leased, f"?receiptHandle={{}}&visibilityTimeout={max(1, math.ceil(delay_s))}")

    def peek(self) -> list[WaitingMessage]:
        """The 16 oldest messages that are due. SMQ shows no leased or delayed ones. Raises: QueueUnavailable."""
        stored = []
        try:
            for one in self._messages(f"?peekonly=true&numOfMessages={_MOST_MESSAGES}"):
                at = _seconds(one["EnqueueTime"])
                stored.append(WaitingMessage(_message(one), at, at, 0.0, int(one["DequeueCount"])))
        except (KeyError, ValueError):
            raise QueueUnavailable("SMQ's answer cannot be read") from None
        return stored

    def close(self) -> None:
        """Close the connections; a later call opens one again."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def _messages(self, query: str) -> list[dict[str, str]]:
        answer = self._work("GET", query)
        return list(smq_wire.elements(answer.body, "Message")) if answer.status == 200 else []

    def _with_handle(self, method: str, leased: LeasedMessage, query: str) -> bool:
        if not smq_wire.usable_handle(leased.lease):
            return False
        return self._work(method, query.format(leased.lease)).status in (200, 204)

    def _work(self, method: str, query: str) -> _Answer:
        """Make a worker's request. "No such message" is an answer, too. Raises: QueueUnavailable."""
        try:
            answer = self._ask(method, query, _WORKER_TIMEOUT_S)
            if answer.status in (200, 204) or _code(answer) in ("MessageNotExist", "ReceiptHandleError"):
                return answer
            raise _refusal(answer)
        except QueueError as error:
            raise QueueUnavailable(str(error)) from None

    def _ask(self, method: str, query: str, timeout_s: float, body: bytes = b"") -> _Answer:
        """Send one request, once.

        Raises: QueueUnavailable (not sent), QueueRejected (no keys, or no trusted certificate), QueueTimeout.
        """
        target = f"/queues/{self._place.queue}/messages{query}"
        try:
            keys = self._access.keys("alibaba")
        except KeyturnError as error:
            raise QueueRejected(f"no role keys for SMQ ({error.code})") from None
        headers = {"host": self._place.host} | smq_wire.signed_headers(
            method, target, body, id_=keys.id, key=keys.key.reveal(), token=keys.token.reveal() if keys.token else None
        )
        ends_at = time.monotonic() + timeout_s
        connection = self._connected(timeout_s)
        answer, reusable = None, False
        try:
            _limit(connection, ends_at)
            connection.request(method, target, body or None, headers)
            _limit(connection, ends_at)
            response = connection.getresponse()
            _limit(connection, ends_at)
            answer = _Answer(response.status, response.read(_MOST_ANSWER))
            reusable = response.isclosed() and not response.will_close
        except _LOST as error:
            # A request that was sent in part may have arrived, too.
            raise QueueTimeout(f"SMQ's answer was lost ({type(error).__name__})") from None
        except ValueError:  # the error itself would quote the header
            raise QueueRejected("the role keys hold a character that a header cannot hold") from None
        finally:
            if not reusable:
                connection.close()
        if reusable:
            with self._lock:
                self._idle.append((connection, Rest()))
        return answer

    def _connected(self, timeout_s: float) -> http.client.HTTPConnection:
        """An idle connection that is still open, or a new one. Raises: QueueUnavailable, QueueCertificateRefused."""
        while True:
            with self._lock:
                if not self._idle:
                    break
                connection, rest = self._idle.pop()
            if connection.sock and not rest.longer_than(_MOST_IDLE_S) and not _readable(connection):
                return connection
            connection.close()
        connection = self._new(min(_CONNECT_S, timeout_s))
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            connection.close()
            problem = certificate_problem(error.verify_code)
            raise QueueCertificateRefused(f"SMQ: the certificate of {connection.host} {problem}") from None
        except _LOST as error:
            connection.close()
            reason = "does not speak TLS at that address" if isinstance(error, ssl.SSLError) else "cannot be reached"
            raise QueueUnavailable(f"SMQ {reason} ({type(error).__name__})") from None
        return connection

    def _new(self, timeout_s: float) -> http.client.HTTPConnection:
        endpoint = self._access.endpoint("alibaba")
        parts = urlsplit(endpoint or f"https://{self._place.host}")
        host = parts.hostname or ""
        if parts.scheme == "http":  # loopback: the settings accept http:// for no other host
            return http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
        # Only the queue's own host names the account. So `Host` is that host, even if an endpoint is set.
        context = client_context(ca_path(endpoint, self._access.ca_file))
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout_s, context=context)


def _limit(connection: http.client.HTTPConnection, ends_at: float) -> None:
    """Limit the next step to the time that is left. Raises: TimeoutError."""
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    if connection.sock:
        connection.sock.settimeout(left_s)


def _readable(connection: http.client.HTTPConnection) -> bool:
    """Whether an idle connection has data to read. They can only say that it was closed."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _code(answer: _Answer) -> str:
    error = next(smq_wire.elements(answer.body, "Error"), {})
    return clean_code(error["Code"]) if error.get("Code") else ""


def _refusal(answer: _Answer) -> QueueError:
    code = _code(answer)
    if code == "TimeExpired":
        return QueueUnavailable("SMQ refused the request's time (TimeExpired): this machine's clock is wrong")
    if code in _LATER:
        return QueueUnavailable(f"SMQ cannot accept the message now ({code})", maybe=_LATER[code])
    if code and 400 <= answer.status < 500:
        return QueueRejected(f"SMQ refused the message ({code})")
    shown = code or f"HTTP {answer.status}"
    return QueueTimeout(f"SMQ's answer does not say whether it keeps the message ({shown})")


def _message(one: dict[str, str]) -> QueueMessage:
    """A message as it was sent. The body is base64, unless another sender sent plain text. Raises: KeyError."""
    body = one["MessageBody"]
    with contextlib.suppress(ValueError):
        body = base64.b64decode(body, validate=True).decode()
    return read_back(one["MessageId"], body)


def _seconds(milliseconds: str) -> float:
    return int(milliseconds) / 1000
