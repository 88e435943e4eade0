"""Tencent CKafka's HTTP API as the stand-in keeps it: a DataHub access task is a topic that messages go to.

Source: https://www.tencentcloud.com/document/product/597/44679 (SendMessage, 2019-08-19). A key of one site is unknown
at the host of the other.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from tests.cloud.queues.broker import MessageBroker
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, parameter_table

MOST = 500


class TencentCkafka:
    """The service. What it took is read by `/_standin/queue`: the real API has no way to."""

    cloud: Cloud = "tencent"
    name = "ckafka"
    version = "2019-08-19"
    task_faults: frozenset[str] = frozenset()

    def __init__(self, world: World, broker: MessageBroker) -> None:
        self._world = world
        self._broker = broker
        self.actions: Mapping[str, Action] = {
            "SendMessage": Action(
                parameter_table("DataHubId! Message!:objects"), self._send, changes=True, rate_per_s=5000
            )
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The code that this service publishes."""
        # claims: W2
        if kind == "denied":
            return ApiError("UnauthorizedOperation", "No CAM permission.")
        if kind == "lock":
            return ApiError("ResourceUnavailable", "The resource is not available.")
        return ApiError("InternalError" if kind == "system" else "FailedOperation", "The operation failed.")

    def state(self) -> dict[str, Any]:
        """Messages that nobody has read, by DataHub id."""
        return {id_: {"Messages": len(self._broker.queue(f"ckafka/{id_}").peek())} for id_ in self._world.ckafka}

    async def start(self) -> None:
        """Nothing runs."""

    async def reset(self, world: World) -> None:
        """Empty topics."""
        self._world = world
        self._broker.clear()

    async def close(self) -> None:
        """Forget the messages."""
        self._broker.close()

    async def _send(self, given: Mapping[str, Any], call: Call) -> Answer:
        hub = self._world.ckafka.get(given["DataHubId"])
        if hub is None or hub.region != call.region:
            raise ApiError("ResourceNotFound", "The DataHub id does not exist in this region.")
        site = hub.site if self._world.holds("Q2") else "domestic"  # otherwise one host serves both
        if call.site not in (None, site):
            raise ApiError("AuthFailure.SecretIdNotFound", "The SecretId is not found at this site.")
        if not self._world.holds("Q1"):
            raise ApiError("AuthFailure.TokenFailure", "Temporary keys are not taken here.")
        messages = given["Message"]
        if not 1 <= len(messages) <= MOST:
            raise ApiError("InvalidParameterValue", f"Message takes 1 to {MOST} items.")
        for one in messages:
            if one.keys() != {"Key", "Body"} or not all(isinstance(part, str) for part in one.values()):
                raise ApiError("InvalidParameter", "An item of Message has a Key and a Body, both strings.")
        topic = f"ckafka/{given['DataHubId']}"
        kept = messages if self._world.holds("Q3") else messages[:-1]
        ids = [self._broker.add(topic, one["Body"], key=one["Key"]) for one in kept]
        return {"MessageId": [*ids, *(uuid.uuid4().hex.upper() for _ in messages[len(kept) :])]}
