"""Alibaba SMQ (formerly MNS) in the stand-in: the queues of one account and region.

Source: https://help.aliyun.com/en/mns/developer-reference/queue-queue (limits, visibility, delay).
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping
from hashlib import md5
from typing import Any

from shared.queues.port import MAX_BODY, LeasedMessage, QueueMessage, WaitingMessage
from tests.cloud.queues.broker import MessageBroker
from tests.cloud.queues.smq_control import QUEUE, SmqControl
from tests.cloud.queues.smq_gateway import NAME, VERSION
from tests.cloud.queues.smq_queues import QueueSettings, SmqQueues
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, judged_by, parameter_table

_MOST_DELAY_S = 604_800
_MOST_MESSAGES = 16
_MOST_WAIT_S = 30
_LOOK_S = 0.05
_BASE64 = "base64"

_MESSAGES = "acs:mns:{region}:{AccountId}:/queues/{QueueName}/messages"


class AlibabaSmq:
    """The service; `smq_gateway` is its gateway."""

    cloud: Cloud = "alibaba"
    name = NAME
    version = VERSION
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, broker: MessageBroker, queues: SmqQueues, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._broker = broker
        self._queues = queues
        self._first_receives: dict[str, float] = {}
        actions = {
            "SendMessage": Action(
                parameter_table(f"{QUEUE} MessageBody! DelaySeconds:int Priority:int", "MessageGroupId"),
                self._send,
                changes=True,
                rate_per_s=3000,
            ),
            "ReceiveMessage": Action(
                parameter_table(f"{QUEUE} NumOfMessages:int Waitseconds:int"),
                self._receive,
                changes=True,
                rate_per_s=3000,
            ),
            "PeekMessage": Action(parameter_table(f"{QUEUE} NumOfMessages:int Peekonly!"), self._peek, rate_per_s=3000),
            "DeleteMessage": Action(
                parameter_table(f"{QUEUE} ReceiptHandle!"), self._delete, changes=True, rate_per_s=3000
            ),
            "ChangeMessageVisibility": Action(
                parameter_table(f"{QUEUE} ReceiptHandle! VisibilityTimeout!:int"),
                self._change,
                changes=True,
                rate_per_s=3000,
            ),
            **SmqControl(queues, broker, clock).actions(),
        }
        self.actions: Mapping[str, Action] = judged_by(_MESSAGES, "QueueName", actions)

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The error that this service publishes; it publishes none for a lock."""
        # claims: W2
        if kind == "denied":
            return ApiError("AccessDenied", "No RAM permission.", 403)
        if kind == "lock":
            return ApiError("QpsLimitExceeded", "More requests than the queue takes in a second.", 503)
        return ApiError("InternalError" if kind == "system" else "InternalServerError", "Internal error.", 500)

    def state(self) -> dict[str, Any]:
        """Empty: `/_standin/queue` shows the messages of a queue."""
        return {}

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """Empty all queues."""
        self._world = world
        self._queues.reset(world)
        self._broker.clear()
        self._first_receives = {}

    async def close(self) -> None:
        """Delete the messages."""
        self._broker.close()

    async def _send(self, given: Mapping[str, Any], call: Call) -> Answer:
        queue, name, body = self._queue(given), _name(given), given["MessageBody"]
        delay_s = given.get("DelaySeconds", queue.attributes["DelaySeconds"])
        if not self._world.holds("Q1"):
            raise ApiError("AccessDenied", "Temporary keys are not taken here.", 403)
        most = queue.attributes["MaximumMessageSize"] if self._world.holds("Q5") else MAX_BODY
        if not body or len(body.encode()) > most or not 0 <= delay_s <= _MOST_DELAY_S:
            raise ApiError("InvalidArgument", "The body or the delay is out of its range.")
        text, packing = _unpacked(body)
        if len(text.encode()) > MAX_BODY:
            raise ApiError("InvalidArgument", "The stand-in keeps 48 KB, which fill 64 KB of base64.")
        id_ = self._broker.add(name, text, key=packing, delay_s=delay_s)
        return {"Message": {"MessageId": id_, "MessageBodyMD5": _md5(body if self._world.holds("Q5") else text)}}

    async def _receive(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: Q6
        queue, name, many = self._queue(given), _name(given), _number(given)
        wait_s = given.get("Waitseconds", queue.attributes["PollingWaitSeconds"])
        if not 0 <= wait_s <= _MOST_WAIT_S:
            raise ApiError("InvalidArgument", f"waitseconds is 0 to {_MOST_WAIT_S}.")
        taken = await self._taken(name, many or 1, queue.attributes["VisibilityTimeout"], wait_s)
        stored_at = {stored.message.id: stored.stored_at for stored in self._broker.queue(name).peek()}
        found = []
        for one in taken:
            first = self._first_receives.setdefault(one.message.id, self._clock.now())
            found.append(
                _shown(one.message, stored_at[one.message.id], one.receives)
                | {
                    "ReceiptHandle": f"1-{one.lease}-{one.message.id}",
                    "NextVisibleTime": int(one.until * 1000),
                    "FirstDequeueTime": int(first * 1000),
                }
            )
        return _answer(found, many)

    async def _taken(self, name: str, many: int, visibility_s: float, wait_s: float) -> list[LeasedMessage]:
        """The messages that are there now, or the first that arrives while the caller waits. `wait_s` is real time."""
        until = time.monotonic() + wait_s
        while not (taken := self._broker.queue(name).receive(many, visibility_s)) and time.monotonic() < until:
            await asyncio.sleep(_LOOK_S)
        return taken

    async def _peek(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: Q6
        now, many = self._clock.now(), _number(given)
        self._queue(given)
        waiting: list[WaitingMessage] = self._broker.queue(_name(given)).peek()
        due = [one for one in waiting if one.visible_at <= now and one.leased_until <= now][: many or 1]
        found = [
            _shown(one.message, one.stored_at, one.receives)
            | {"FirstDequeueTime": int(self._first_receives.get(one.message.id, 0) * 1000)}
            for one in due
        ]
        return _answer(found, many)

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: Q6
        self._queue(given)
        if not self._broker.queue(_name(given)).ack(_held(given["ReceiptHandle"])):
            raise ApiError("MessageNotExist", "The receipt handle is no longer valid.", 404)
        return {}

    async def _change(self, given: Mapping[str, Any], call: Call) -> Answer:
        # claims: Q6
        delay_s, held = given["VisibilityTimeout"], _held(given["ReceiptHandle"])
        if not 1 <= delay_s <= 43_200:
            raise ApiError("InvalidArgument", "VisibilityTimeout is out of its range.")
        self._queue(given)
        if not self._broker.queue(_name(given)).release(held, delay_s):
            raise ApiError("MessageNotExist", "The receipt handle is no longer valid.", 404)
        until = int((self._clock.now() + delay_s) * 1000)
        return {"ChangeVisibility": {"ReceiptHandle": given["ReceiptHandle"], "NextVisibleTime": until}}

    def _queue(self, given: Mapping[str, Any]) -> QueueSettings:
        """Raises: ApiError: there is no such queue."""
        return self._queues.existing(given["AccountId"], given["QueueName"])


def _name(given: Mapping[str, Any]) -> str:
    return f"smq/{given['AccountId']}/{given['QueueName']}"


def _number(given: Mapping[str, Any]) -> int:
    """The number of messages in a batch; 0: the call is not for a batch."""
    # claims: Q6
    many: int = given.get("NumOfMessages", 0)
    if "NumOfMessages" in given and not 1 <= many <= _MOST_MESSAGES:
        raise ApiError("InvalidArgument", f"numOfMessages is 1 to {_MOST_MESSAGES}.")
    return many


def _answer(found: list[dict[str, Any]], many: int) -> Answer:
    # claims: Q6
    if not found:
        raise ApiError("MessageNotExist", "There is no message.", 404)
    return {"Messages": found} if many else {"Message": found[0]}


def _held(handle: str) -> LeasedMessage:
    lease, _, id_ = handle.removeprefix("1-").partition("-")
    return LeasedMessage(QueueMessage(id_, "", "", ""), lease, 0.0, 0)


def _unpacked(body: str) -> tuple[str, str]:
    """The body as the broker keeps it, and how it was packed, so that it can be returned as it was sent."""
    try:
        text = base64.b64decode(body, validate=True).decode()
    except ValueError:
        return body, ""
    return (text, _BASE64) if base64.b64encode(text.encode()).decode() == body else (body, "")


def _shown(message: QueueMessage, stored_at: float, receives: int) -> dict[str, Any]:
    packed = message.key == _BASE64
    body = base64.b64encode(message.body.encode()).decode() if packed else message.body
    return {
        "MessageId": message.id,
        "MessageBody": body,
        "MessageBodyMD5": _md5(body),
        "EnqueueTime": int(stored_at * 1000),
        "DequeueCount": receives,
        "Priority": 8,
    }


def _md5(body: str) -> str:
    return md5(body.encode()).hexdigest().upper()
