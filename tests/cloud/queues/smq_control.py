"""SMQ's own protocol for managing queues: create, show, change, list and delete them.

Sources: https://www.alibabacloud.com/help/en/doc-detail/35129.htm; the vendor's client (aliyun-mns-sdk 1.3.0).

Claims: Q10.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cloud.queues.broker import MessageBroker
from tests.cloud.queues.smq_queues import RANGES, QueueSettings, SmqQueues
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import Action, Answer, ApiError, Call, parameter_table

QUEUE = "AccountId! QueueName!"
_ATTRIBUTES = " ".join(f"{name}:int" for name in RANGES) + " LoggingEnabled:bool"
_MOST_LISTED = 1000


class SmqControl:
    """The actions on queues."""

    def __init__(self, queues: SmqQueues, broker: MessageBroker, clock: Clock) -> None:
        self._queues = queues
        self._broker = broker
        self._clock = clock

    def actions(self) -> dict[str, Action]:
        """The actions, by name."""
        return {
            "CreateQueue": Action(parameter_table(f"{QUEUE} {_ATTRIBUTES}"), self._create, changes=True),
            "SetQueueAttributes": Action(
                parameter_table(f"{QUEUE} {_ATTRIBUTES} Metaoverride!"), self._change, changes=True
            ),
            "GetQueueAttributes": Action(parameter_table(QUEUE), self._show),
            "DeleteQueue": Action(parameter_table(QUEUE), self._delete, changes=True),
            "ListQueue": Action(parameter_table("AccountId! Prefix RetNumber:int Marker WithMeta:bool"), self._list),
        }

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        account, name = given["AccountId"], given["QueueName"]
        is_new = self._queues.create(account, name, attributes(given), given.get("LoggingEnabled", False), {})
        return {"CreateQueue": {"QueueURL": _url(call, name), "IsNew": is_new}}

    async def _change(self, given: Mapping[str, Any], call: Call) -> Answer:
        self._queues.change(given["AccountId"], given["QueueName"], attributes(given), given.get("LoggingEnabled"))
        return {}

    async def _show(self, given: Mapping[str, Any], call: Call) -> Answer:
        queue = self._queues.existing(given["AccountId"], given["QueueName"])
        return {"Queue": shown(queue, self._broker, given["AccountId"], self._clock.now())}

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        delete(self._queues, self._broker, given["AccountId"], given["QueueName"])
        return {}

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        many, account = given.get("RetNumber", _MOST_LISTED), given["AccountId"]
        if not 1 <= many <= _MOST_LISTED:
            raise ApiError("InvalidArgument", f"x-mns-ret-number is 1 to {_MOST_LISTED}.")
        found = [
            one for one in self._queues.list(account, given.get("Prefix", "")) if one.name >= given.get("Marker", "")
        ]
        listed = []
        for one in found[:many]:
            more = shown(one, self._broker, account, self._clock.now()) if given.get("WithMeta") else {}
            listed.append({"QueueURL": _url(call, one.name), **more})
        left = {"NextMarker": found[many].name} if found[many:] else {}
        return {"Queues": {"Queue": listed, **left}}


def attributes(given: Mapping[str, Any]) -> dict[str, int]:
    """The attributes of a queue in the parameters of a call."""
    return {name: value for name, value in given.items() if name in RANGES}


def shown(queue: QueueSettings, broker: MessageBroker, account: str, now: float) -> dict[str, Any]:
    """A queue as both of its APIs show it, without its tags."""
    held = broker.queue(f"smq/{account}/{queue.name}").peek()
    leased = sum(one.leased_until > now for one in held)
    delayed = sum(one.visible_at > now and one.leased_until <= now for one in held)
    return {
        "QueueName": queue.name,
        **queue.attributes,
        "CreateTime": int(queue.created_at),
        "LastModifyTime": int(queue.modified_at),
        "ActiveMessages": len(held) - leased - delayed,
        "InactiveMessages": leased,
        "DelayMessages": delayed,
        "LoggingEnabled": queue.logs,
    }


def delete(queues: SmqQueues, broker: MessageBroker, account: str, name: str) -> None:
    """Delete a queue and its messages."""
    queues.delete(account, name)
    broker.remove(f"smq/{account}/{name}")


def _url(call: Call, name: str) -> str:
    return f"http://{call.host}/queues/{name}"
