"""Reads that lag: for a while they repeat their last answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from tests.cloud.faults.faults import Fault
from tests.cloud.state.world_clock import Clock
from tests.cloud.wire.service import Answer, Call, Service

_MOST_ANSWERS = 10_000
_WINDOW = ("BeginTime", "EndTime")
"""Reads that differ only in these parameters lag together."""


@runtime_checkable
class Freezable(Protocol):
    """A service whose present state can be copied for later reads."""

    def frozen(self) -> Service:
        """A copy of the service that always shows the present state."""


@dataclass(frozen=True)
class ReadLag:
    """One fault at work: its end, and the state of the services when it began."""

    fault: Fault
    until: float
    stood: Mapping[str, Service]


class LaggingReads:
    """The last answer of each read, and the faults that make reads lag now."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shown: dict[tuple[str, ...], Answer] = {}
        self._lags: list[ReadLag] = []

    def add(self, fault: Fault, services: list[Service]) -> None:
        """From now on, reads that the fault matches lag."""
        stood = {one.name: one.frozen() for one in services if isinstance(one, Freezable)}
        self._lags.append(ReadLag(fault, self._clock.now() + fault.Seconds, stood))

    def clear(self) -> None:
        """End every lag."""
        self._lags = []

    async def read(self, service: Service, call: Call) -> Answer:
        """The answer to a read. Raises: ApiError."""
        now, key = self._clock.now(), _key(call)
        self._lags = [lag for lag in self._lags if now < lag.until]
        for lag in self._lags:
            if lag.fault.matches(call):
                if key in self._shown:
                    return deepcopy(self._shown[key])
                return await _asked(lag.stood.get(service.name, service), service, call)
        answer: Answer = await service.actions[call.action].handler(call.parameters, call)
        if len(self._shown) >= _MOST_ANSWERS:
            self._shown.clear()
        self._shown[key] = deepcopy(answer)
        return answer


async def _asked(stood: Service, service: Service, call: Call) -> Answer:
    """The copy's answer. The actions of a copy belong to the original service, so the method is called by its name."""
    handler: Any = service.actions[call.action].handler
    answer: Answer = await getattr(stood, handler.__name__)(call.parameters, call)
    return answer


def _key(call: Call) -> tuple[str, ...]:
    asked = {name: value for name, value in call.parameters.items() if name not in _WINDOW}
    return (
        call.cloud,
        call.service,
        call.action,
        call.region or "",
        call.site or "",
        json.dumps(asked, sort_keys=True),
    )
