"""The limit of instances of an SCF function: memory in MB that is reserved for it.

A reservation of 0 stops a function. The functions of a region may reserve the account's total less 12,800 MB. These are
kept for functions without a reservation. Sources: https://www.tencentcloud.com/document/product/583/39464 (2024-12-02);
the SDK's text and codes of the three actions. Not verified: how long a change of a reservation takes.

Claims: D18, D19.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.cloud.functions.instance_process import FunctionSpec
from tests.cloud.state.world import World
from tests.cloud.tencent.scf_functions import FunctionRecord, FunctionTable
from tests.cloud.tencent.scf_triggers import invalid_value
from tests.cloud.wire.service import Action, Answer, ApiError, Call, parameter_table

_FOR_ALL_MB = 12_800


class ReservedConcurrency:
    """The three actions on reservations, for SCF's functions."""

    def __init__(self, functions: FunctionTable, now: Callable[[], float]) -> None:
        self._functions, self._now = functions, now

    def actions(self) -> dict[str, Action]:
        """The actions, by name."""
        named = "FunctionName! Namespace"
        given = parameter_table(f"{named} ReservedConcurrencyMem!:int")
        return {
            "PutReservedConcurrencyConfig": Action(given, self._put, changes=True),
            "GetReservedConcurrencyConfig": Action(parameter_table(named), self._get),
            "DeleteReservedConcurrencyConfig": Action(parameter_table(named), self._delete, changes=True),
        }

    async def _put(self, given: Mapping[str, Any], call: Call) -> Answer:
        record, wanted_mb = self._functions.found(given, call), given["ReservedConcurrencyMem"]
        if wanted_mb < 0:
            raise invalid_value("ReservedConcurrencyMem", "is below 0")
        if self._functions.status(record) != "Active":
            raise ApiError("FailedOperation.FunctionVersionStatusNotActive", "The function is not active.")
        world = self._functions.world
        others_mb = sum(one.reserved_mb or 0 for one in self._functions.every(call.region) if one is not record)
        if others_mb + wanted_mb > world.scf_memory_mb - _FOR_ALL_MB:
            raise ApiError("LimitExceeded.FunctionReservedConcurrencyMemory", "The reserved memory exceeds the limit.")
        self._change(record, wanted_mb, world)
        return {}

    async def _get(self, given: Mapping[str, Any], call: Call) -> Answer:
        record = self._functions.found(given, call)
        late = self._now() < record.reserved_at + self._functions.world.planes_lag_s
        return {"ReservedMem": record.reserved_before_mb if late else record.reserved_mb}

    async def _delete(self, given: Mapping[str, Any], call: Call) -> Answer:
        self._change(self._functions.found(given, call), None, self._functions.world)
        return {}

    def _change(self, record: FunctionRecord, reserved_mb: int | None, world: World) -> None:
        if self._now() < record.reserved_at + world.active_s and world.holds("D19"):
            raise ApiError("FailedOperation.ReservedInProgress", "A change of the reservation is under way.")
        record.reserved_before_mb, record.reserved_mb, record.reserved_at = record.reserved_mb, reserved_mb, self._now()

        def most(spec: FunctionSpec) -> int:
            return (reserved_mb or 0) // spec.memory_mb

        record.host.bound = None if reserved_mb is None else most
