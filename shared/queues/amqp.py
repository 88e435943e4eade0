"""AMQP 0-9-1 with publisher confirms, over py-amqp: for RabbitMQ and both clouds' AMQP services.

Source: https://www.rabbitmq.com/docs/confirms; py-amqp 5.4. The URL holds a user and a password. ApsaraMQ can derive
them from role keys. keyturn does not do so, because no page says where the security token goes.
"""

from __future__ import annotations

import contextlib
import logging
import math
import select
import threading
import time
from collections.abc import Iterator
from typing import Any

from shared.queues.port import (
    LeasedMessage,
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
from shared.runtime.queue_urls import AmqpPlace

_WORKER_TIMEOUT_S = 10.0
_CLOSE_S = 1.0
_LONGEST_DELAY_S = 30
_DELAY_QUEUE_RESTS_MS = 60_000  # so long after its last delay the broker deletes the queue
_MOST_IDLE_S = 15.0  # a connection that was idle for longer may be dead without a sign
_PERSISTENT = 2
_NO_ROUTE = 312


class AmqpQueue:
    """Queue and Inbox over a queue that exists already. keyturn declares only the queues that hold a delay.

    There is one connection. One thread at a time uses it, and after any error it is given up.
    """

    max_delay_s = float(_LONGEST_DELAY_S)

    def __init__(self, place: AmqpPlace) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._connection: Any = None
        self._channel: Any = None
        self._connections = 0  # a delivery tag is valid within its connection only
        self._rest = Rest()
        self._holds = False  # this connection may hold messages: closing it would give them back
        self._receives: dict[str, int] = {}

    def send(self, message: QueueMessage, *, timeout_s: float, delay_s: float = 0.0) -> None:
        """See Queue.send. A second queue holds a delay: in whole seconds, rounded up, 30 at most."""
        check_size(message)
        ends_at = time.monotonic() + timeout_s
        if timeout_s <= 0:
            raise QueueUnavailable("no time left to send")
        with self._held(timeout_s):
            channel = self._ready(ends_at)
            try:
                routing_key = self._delayed(channel, math.ceil(min(delay_s, self.max_delay_s)))
            # Nothing was sent yet: after any exception of the client the message did not arrive.
            except Exception as error:
                raise _refused(error) or _unavailable(error) from None
            self._publish(channel, message, routing_key, ends_at)
            self._rest = Rest()

    def receive(self, max_messages: int, lease_s: float, *, ignore_delay: bool = False) -> list[LeasedMessage]:
        """See Inbox.receive. A lease lasts as long as the connection, not `lease_s`."""
        until = time.time() + lease_s
        with self._worker() as channel:
            self._holds = True
            found: list[LeasedMessage] = []
            for queue in [*(self._delay_queues() if ignore_delay else ()), self._place.queue]:
                while len(found) < max_messages and (got := channel.basic_get(queue)) is not None:
                    message = _read(got)
                    receives = self._receives[message.id] = self._receives.get(message.id, 0) + 1
                    found.append(LeasedMessage(message, f"{self._connections}/{got.delivery_tag}", until, receives))
            return found

    def ack(self, leased: LeasedMessage) -> bool:
        """See Inbox.ack."""
        with self._worker() as channel:
            tag = self._tag(leased)
            if tag:
                channel.basic_ack(tag)
                self._receives.pop(leased.message.id, None)
        return tag > 0

    def release(self, leased: LeasedMessage, delay_s: float = 0.0) -> bool:
        """See Inbox.release. The message is due at once: AMQP cannot delay a message that goes back."""
        with self._worker() as channel:
            tag = self._tag(leased)
            if tag:
                channel.basic_reject(tag, requeue=True)
        return tag > 0

    def peek(self) -> list[WaitingMessage]:
        """The messages that are due and not leased. It takes them and puts them back. Raises: QueueUnavailable."""
        with self._worker():
            channel = self._connection.channel()
            now, found = time.time(), []
            while (got := channel.basic_get(self._place.queue)) is not None:
                found.append(WaitingMessage(_read(got), now, now, 0.0, int(got.delivery_info["redelivered"])))
            channel.close()
            return found

    def close(self) -> None:
        """Close the connection. This gives held messages back. A later call opens it again."""
        with self._lock:
            connection, self._connection, self._channel = self._connection, None, None
            if connection is not None:
                with contextlib.suppress(Exception):  # it may be closed already
                    _limit(connection, time.monotonic() + _CLOSE_S)
                    connection.close()
                _drop(connection)

    def _tag(self, leased: LeasedMessage) -> int:
        """The delivery tag; 0 if it belongs to an older connection, whose messages the broker has given back."""
        connection, _, tag = leased.lease.partition("/")
        return int(tag) if connection == str(self._connections) else 0

    def _publish(self, channel: Any, message: QueueMessage, routing_key: str, ends_at: float) -> None:
        from amqp import Message
        from amqp.exceptions import MessageNacked

        envelope = Message(
            message.body.encode(),
            content_type="application/cloudevents+json",
            content_encoding="utf-8",
            delivery_mode=_PERSISTENT,
            message_id=message.id,
            type=message.type,
        )
        try:
            left_s = _limit(self._connection, ends_at)
            exchange = self._place.exchange if routing_key == self._place.queue else ""  # delay queues are unbound
            channel.basic_publish_confirm(
                envelope, exchange=exchange, routing_key=routing_key, mandatory=True, confirm_timeout=left_s
            )
        except MessageNacked:
            raise QueueRejected("the broker did not keep the message: its queue is full or has failed") from None
        # After any other exception of the client the message may have arrived.
        except Exception as error:
            raise _refused(error) or QueueTimeout(f"the broker did not confirm ({type(error).__name__})") from None

    def _delayed(self, channel: Any, delay_s: int) -> str:
        """The queue to publish to. With a delay it is a queue that passes its messages on to this one afterwards."""
        name = self._place.queue
        if delay_s < 1:
            return name
        channel.queue_declare(name, passive=True)  # if this queue did not exist, the delayed message would be lost
        delay_ms = 1000 * delay_s
        return _declare(channel, f"{name}.delay.{delay_ms}", name, delay_ms)

    def _delay_queues(self) -> Iterator[str]:
        from amqp.exceptions import NotFound

        for delay_s in range(1, _LONGEST_DELAY_S + 1):
            name = f"{self._place.queue}.delay.{1000 * delay_s}"
            probe = self._connection.channel()
            try:
                probe.queue_declare(name, passive=True)
            except NotFound:  # this closes the channel
                continue
            probe.close()
            yield name

    @contextlib.contextmanager
    def _worker(self) -> Iterator[Any]:
        """The channel for a worker. Raises: QueueUnavailable for every error inside."""
        with self._held(_WORKER_TIMEOUT_S):
            try:
                yield self._ready(time.monotonic() + _WORKER_TIMEOUT_S)
            # After any exception of the client the broker delivers unacknowledged messages again.
            except Exception as error:
                raise _unavailable(error) from None

    @contextlib.contextmanager
    def _held(self, timeout_s: float) -> Iterator[None]:
        """Hold the connection alone. After an error it is closed, so that a late answer reaches no later request."""
        if not self._lock.acquire(timeout=timeout_s):
            raise QueueUnavailable("the connection is busy")
        try:
            yield
        except BaseException:  # every error, an interrupt, too; it is raised again
            connection, self._connection, self._channel = self._connection, None, None
            _drop(connection)
            raise
        finally:
            self._lock.release()

    def _ready(self, ends_at: float) -> Any:
        """A channel with confirms, on an open connection. Raises: QueueUnavailable, QueueRejected."""
        try:
            if self._connection is not None and (self._rested_long() or not _lives(self._connection)):
                _drop(self._connection)
                self._connection = self._channel = None
            if self._connection is None:
                self._connection = connect(self._place, ends_at - time.monotonic())
                self._connections += 1
                self._holds = False
                _limit(self._connection, ends_at)
                self._channel = self._connection.channel()
                self._channel.confirm_select()
            _limit(self._connection, ends_at)
        except ImportError:
            raise QueueRejected("the AMQP client is not in this package: add amqp") from None
        # After any exception of the client, `socket` or `ssl` no message was sent yet.
        except Exception as error:
            raise _refused(error) or _unavailable(error) from None
        return self._channel

    def _rested_long(self) -> bool:
        return not self._holds and self._rest.longer_than(_MOST_IDLE_S)


def connect(place: AmqpPlace, timeout_s: float) -> Any:
    """Open a connection of py-amqp. Raises: the exceptions of py-amqp, `socket` and `ssl`."""
    from amqp import Connection

    # Its logger prints frames, and a frame may hold a command.
    logging.getLogger("amqp").setLevel(logging.WARNING)
    host = f"[{place.host}]" if ":" in place.host else place.host
    # py-amqp passes `context` to ssl.create_default_context, which verifies the certificate. The handshake is a
    # separate step, because that step has a time-out.
    tls = {
        "context": {"check_hostname": True},
        "server_hostname": place.host,
        "do_handshake_on_connect": False,
    }
    connection = Connection(
        host=f"{host}:{place.port}",
        userid=place.user,
        password=place.password.reveal(),
        login_method="PLAIN",
        virtual_host=place.vhost,
        ssl=tls if place.tls else False,
        connect_timeout=max(0.1, timeout_s),
        confirm_publish=False,  # keyturn calls basic_publish_confirm itself
        client_properties={"product": "keyturn"},
    )
    try:
        connection.connect()
    except BaseException:
        _drop(connection)
        raise
    return connection


def _declare(channel: Any, name: str, onto: str, delay_ms: int) -> str:
    channel.queue_declare(
        name,
        durable=True,
        auto_delete=False,
        arguments={
            "x-message-ttl": delay_ms,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": onto,
            "x-expires": delay_ms + _DELAY_QUEUE_RESTS_MS,  # each declaration starts this time again
        },
    )
    return name


def _read(got: Any) -> QueueMessage:
    body = got.body if isinstance(got.body, str) else bytes(got.body).decode("utf-8", "replace")
    return read_back(str(got.properties.get("message_id") or ""), body)


def _lives(connection: Any) -> bool:
    """Whether an idle connection is open. If it has data to read, these can only say that it was closed."""
    sock = connection.transport.sock if connection.connected else None
    if sock is None:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)


def _limit(connection: Any, ends_at: float) -> float:
    """Limit the next step to the seconds that are left, and return them. Raises: QueueUnavailable."""
    left_s = ends_at - time.monotonic()
    if left_s <= 0:
        raise QueueUnavailable("no time left to send")
    if not connection.connected:  # py-amqp would open it again, without a time limit
        raise QueueUnavailable("the broker closed the connection")
    connection.transport.sock.settimeout(left_s)
    return left_s


def _drop(connection: Any) -> None:
    """Close the socket and wait for no answer, because a frozen broker would not answer."""
    if connection is None:
        return
    with contextlib.suppress(Exception):
        if connection.connected:
            connection.transport.sock.settimeout(0.1)
        connection.collect()


def _refused(error: Exception) -> QueueError | None:
    """The error for a refusal by the broker, which means that it keeps no message. None: it is no refusal."""
    from amqp.exceptions import AccessRefused, ChannelError, NotAllowed, NotFound, PreconditionFailed, ResourceLocked

    if isinstance(error, QueueError):
        return error
    if isinstance(error, (AccessRefused, NotAllowed)):
        return QueueRejected("the broker refuses the user, its password or the vhost")
    if isinstance(error, NotFound) or (isinstance(error, ChannelError) and error.reply_code == _NO_ROUTE):
        return QueueRejected("the broker has no such queue, or no queue is bound to the exchange")
    if isinstance(error, (PreconditionFailed, ResourceLocked)):
        return QueueRejected(f"the broker refuses this use of the queue ({type(error).__name__})")
    return None


def _unavailable(error: Exception) -> QueueError:
    if isinstance(error, QueueError):
        return error if isinstance(error, QueueUnavailable) else QueueUnavailable(str(error))
    return QueueUnavailable(f"the broker cannot be reached now ({type(error).__name__})")
