"""SMQ's other API, mns-open (2022-01-19): the same queues through Alibaba Cloud's RPC.

Only this API has tags of queues.

Source: the vendor's SDK (alibabacloud-mns-open20220119 1.4.1);
https://www.alibabacloud.com/help/en/mns/developer-reference/api-mns-open-2022-01-19-createqueue.

Claims: Q11, Q13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.cloud.queues.broker import MessageBroker
from tests.cloud.queues.smq_control import attributes, delete, shown
from tests.cloud.queues.smq_queues import RANGES, QueueSettings, SmqQueues
from tests.cloud.state.accounts import ALIBABA_ACCOUNT
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Cloud, RefusalKind, page, parameter_table

_DONE = {"Code": 200, "Status": "Success", "Message": "operation success", "Success": True}
_ATTRIBUTES = " ".join(f"{name}:int" for name in RANGES)


class AlibabaMnsOpen:
    """The service."""

    cloud: Cloud = "alibaba"
    name = "mns-open"
    version = "2022-01-19"
    task_faults: frozenset[str] = frozenset()
    actions: Mapping[str, Action]

    def __init__(self, queues: SmqQueues, broker: MessageBroker, clock: Clock) -> None:
        self._queues = queues
        self._broker = broker
        self._clock = clock
        elsewhere = "QueueType EnableSSE:bool KmsKeyId SseAlgorithm SseType DlqPolicy TenantRateLimitPolicy"
        actions = {
            "CreateQueue": Action(
                parameter_table(f"QueueName! {_ATTRIBUTES} EnableLogging:bool Tag:objects", elsewhere),
                self._create,
                changes=True,
            ),
            "GetQueueAttributes": Action(parameter_table("QueueName!", "Tag:objects"), self._show),
            "DeleteQueue": Action(parameter_table("QueueName!"), self._delete, changes=True),
            "ListQueue": Action(
                parameter_table("QueueName PageNum:int PageSize:int Tag:objects", "QueueType"), self._list
            ),
        }
        whose = "acs:mns:{region}:{account}:/queues"
        self.actions = {
            # As in SMQ's own protocol: the page on RAM for this API has the same code, mns.
            name: replace(one, right=f"mns:{name}", resource=whose if name == "ListQueue" else f"{whose}/{{QueueName}}")
            for name, one in actions.items()
        }

    def error_for(self, kind: RefusalKind, call: Call) -> ApiError:
        """The error that this service publishes."""
        if kind == "denied":
            return ApiError("NoPermission", "No RAM permission.", 403)
        if kind == "lock":
            return ApiError("Throttling", "Request was denied due to request throttling.", 429)
        return ApiError("InternalError", "Internal error.", 500)

    def state(self) -> dict[str, Any]:
        """The queues, by name."""
        if ALIBABA_ACCOUNT not in self._queues.world.smq:
            return {}
        return {one.name: {"Tags": one.tags} for one in self._queues.list(ALIBABA_ACCOUNT, "")}

    async def start(self) -> None:
        """Does nothing: this service starts no server."""

    async def reset(self, world: World) -> None:
        """Does nothing: SMQ's own service resets the queues."""

    async def close(self) -> None:
        """Does nothing: this service starts no server."""

    async def _create(self, given: Mapping[str, Any], call: Call) -> Answer:
        self._check_region(call)
        tags = _tags(given) if self._queues.world.holds("Q11") else {}
        logs = given.get("EnableLogging", False)
        self._queues.create(ALIBABA_ACCOUNT, given["QueueName"], attributes(given), logs, tags)
        return {**_DONE, "Data": {"Code": 200, "Message": "operation success", "Success": True}}

    async def _show(self, given: Mapping[str, Any], call: Call) -> Answer:
        self._check_region(call)
        return {**_DONE, "Data": self._shown(self._queues.existing(ALIBABA_ACCOUNT, given["QueueName"]))}

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        self._check_region(call)
        delete(self._queues, self._broker, ALIBABA_ACCOUNT, given["QueueName"])
        return dict(_DONE)

    async def _list(self, given: Mapping[str, Any], call: Call) -> Answer:
        number, size = given.get("PageNum", 1), given.get("PageSize", 10)
        if number < 1 or not 1 <= size <= 100:
            raise ApiError("InvalidArgument", "PageNum or PageSize is out of range.")
        wanted = _tags(given)
        found = [
            one
            for one in (self._queues.list(ALIBABA_ACCOUNT, "") if self._is_here(call) else [])
            if given.get("QueueName", "") in one.name and wanted.items() <= one.tags.items()
        ]
        listed = [self._shown(one) for one in page(found, (number - 1) * size, size)]
        pages = -(-len(found) // size)
        data = {"PageNum": number, "PageSize": size, "Pages": pages, "Size": len(listed), "Total": len(found)}
        return {**_DONE, "Data": {**data, "PageData": listed}}

    def _shown(self, queue: QueueSettings) -> dict[str, Any]:
        tags = [{"TagKey": key, "TagValue": value} for key, value in queue.tags.items()]
        return {**shown(queue, self._broker, ALIBABA_ACCOUNT, self._clock.now()), "Tags": tags}

    def _is_here(self, call: Call) -> bool:
        account = self._queues.world.smq.get(ALIBABA_ACCOUNT)
        return account is not None and account.region == call.region

    def _check_region(self, call: Call) -> None:
        if not self._is_here(call):
            raise ApiError("QueueNotExist", "The stand-in's account has queues in the region of its world alone.", 404)


def _tags(given: Mapping[str, Any]) -> dict[str, str]:
    return {str(one.get("Key")): str(one.get("Value")) for one in given.get("Tag", ())}
