"""The limit of instances of an FC function, provisioned and on demand together.

0 stops a function. The functions of a region may have 90 % of the account's instances. Sources:
https://www.alibabacloud.com/help/en/functioncompute/fc/overview-of-configuring-the-maximum-number-of-on-demand-instances
(2026-04-02), struct PutConcurrencyInput (2026-06-11), and the Terraform provider aliyun@81c43b6, which expects the code
OnDemandConfigNotFound if there is no limit. Not verified: the code if the account has too few instances.

Claims: E11, E12.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.cloud.alibaba.fc_record import FunctionRecord, arn_of
from tests.cloud.alibaba.fc_triggers import invalid
from tests.cloud.state.world import World
from tests.cloud.wire.service import Action, Answer, ApiError, Call, parameter_table

_SHARE = 0.9


class ConcurrencyConfigs:
    """The three actions. `found` and `settled` return a function or refuse; `every` returns those of a region."""

    def __init__(
        self,
        world: Callable[[], World],
        found: Callable[[Mapping[str, Any], Call], FunctionRecord],
        settled: Callable[[Mapping[str, Any], Call], FunctionRecord],
        every: Callable[[str], list[FunctionRecord]],
    ) -> None:
        self._world, self._found, self._settled, self._every = world, found, settled, every

    def actions(self) -> dict[str, Action]:
        """The actions, by name."""
        named = parameter_table("functionName!")
        given = parameter_table("functionName! reservedConcurrency!:int")
        return {
            "PutConcurrencyConfig": Action(given, self._put, changes=True),
            "GetConcurrencyConfig": Action(named, self._get),
            "DeleteConcurrencyConfig": Action(named, self._delete, changes=True),
        }

    async def _put(self, given: Mapping[str, Any], call: Call) -> Answer:
        record, most, world = self._settled(given, call), given["reservedConcurrency"], self._world()
        if most < 0:
            raise invalid("reservedConcurrency", "is below 0")
        others = sum(one.reserved or 0 for one in self._every(call.region or "") if one is not record)
        if others + most > world.fc_instances * _SHARE:
            raise ApiError("ReservedConcurrencyExceeded", "The account's instances do not suffice.", 400)
        record.reserved = most
        record.host.bound = (lambda _: most) if world.holds("E12") else None
        return self._shown(record)

    async def _get(self, given: Mapping[str, Any], call: Call) -> Answer:
        record = self._found(given, call)
        if record.reserved is None and self._world().holds("E11"):
            raise _none()
        return self._shown(record)

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        record = self._settled(given, call)
        if record.reserved is None:
            raise _none()
        record.reserved = record.host.bound = None
        return {}

    def _shown(self, record: FunctionRecord) -> dict[str, Any]:
        shown = {} if record.reserved is None else {"reservedConcurrency": record.reserved}
        return {"functionArn": arn_of(record.host.spec), **shown}


def _none() -> ApiError:
    return ApiError("OnDemandConfigNotFound", "the function has no such configuration", 404)
