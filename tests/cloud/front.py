"""One call's way through the stand-in: which cloud, who calls, what is asked, which fault, what answer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from . import faults
from .alibaba import AlibabaGate
from .faults import Faults
from .fc_gate import FcGate
from .functions_platforms import Platforms
from .pace import Pace
from .service import Action, Answer, ApiError, Call, Service
from .smq_gate import NAME, SmqGate
from .tencent import TencentGate
from .wire import Gate, Reply, Wire
from .world import World
from .world_clock import Clock

HTML = b"<html><head><title>500</title></head><body><h1>Internal Server Error</h1></body></html>"
WITH_CHARSET = "application/json; charset=utf-8"


class Front:
    """Routes calls to services and keeps the list of calls seen."""

    def __init__(
        self, world: World, services: Sequence[Service], clock: Clock, platforms: Platforms | None = None
    ) -> None:
        self.services = services
        self.clock = clock
        self.platforms = platforms
        self._begin(world)

    def _begin(self, world: World) -> None:
        self.world, now = world, self.clock.now
        self.faults = Faults()
        self.calls: list[dict[str, str]] = []
        self._pace = Pace(world.rate)
        self._tencent = TencentGate(world, {one.name: one for one in self.services if one.cloud == "tencent"}, now)
        alibaba = {one.name: one for one in self.services if one.cloud == "alibaba"}
        smq = alibaba.pop(NAME, None)
        self._smq = SmqGate(world, smq, now) if smq else None
        self._fc = FcGate(world, alibaba, now) if "fc" in alibaba else None
        self._alibaba = AlibabaGate(world, alibaba, now)

    async def reset(self, world: World) -> None:
        """Begin again in `world`: first accounts, no faults, calls, tasks or nonces."""
        if self.platforms is not None:
            await self.platforms.reset(world)
        await self.clock.reset()
        for service in self.services:
            await service.reset(world)
        self._begin(world)

    def state(self) -> dict[str, Any]:
        """What the services hold, by service; never a password."""
        return {service.name: service.state() for service in self.services}

    async def handle(self, wire: Wire) -> tuple[Reply, str]:
        """The reply to a request, and the fault that its delivery meets (empty: none)."""
        gate: Gate
        if self.platforms is not None and self.platforms.urls.claims(wire):
            reply, called = await self.platforms.urls.answer(wire)
            self.calls.append(called)
            return reply, ""
        if TencentGate.claims(wire):
            gate = self._tencent
        elif self._smq and SmqGate.claims(wire):
            gate = self._smq
        elif self._fc and FcGate.claims(wire):
            gate = self._fc
        elif AlibabaGate.claims(wire):
            gate = self._alibaba
        else:
            return Reply.json({"error": "no cloud's API call"}, 404), ""
        request_id = str(uuid.uuid4())
        entry = {**gate.entry(wire), "Code": ""}
        self.calls.append(entry)
        if self.world.latency_s:
            await asyncio.sleep(self.world.latency_s)
        call = None
        try:
            call, service = gate.read(wire, request_id)
            entry["Region"] = entry["Region"] or call.region or ""
            reply = gate.answer(call, await self._perform(gate, wire, call, service))
        except ApiError as error:
            entry["Code"] = error.code
            reply = gate.refusal(wire, request_id, error)
        if call is None or not call.fault:
            return reply, ""
        if call.fault == "drop_before":
            entry["Code"] = call.fault
        return spoilt(reply, call.fault), call.fault

    async def _perform(self, gate: Gate, wire: Wire, call: Call, service: Service) -> Answer:
        action = service.actions[call.action]
        if call.action in self.world.deny:
            raise service.refuse("denied", call)
        if not self._pace.allows((call.cloud, call.service, call.action, call.region), action.per_s):
            raise _throttled(gate, action)
        call.parameters = gate.parameters(wire, action)
        call.fault = self.faults.meet(call)
        if call.fault in faults.BEFORE:
            raise _before(gate, call, service)
        if call.fault in ("fail_task", "hang_task") and not (action.changes and call.fault in service.stages):
            # No task to stage: a failure is an answer, and what hangs is the answer.
            call.fault = "stall" if call.fault == "hang_task" else call.fault
            raise service.refuse("failed", call)
        return await action.handler(call.parameters, call)


def _throttled(gate: Gate, action: Action) -> ApiError:
    if action.throttled:
        return ApiError(action.throttled, "QPS Limit Exceeded", 429)
    return gate.refuse("throttle")


def _before(gate: Gate, call: Call, service: Service) -> ApiError:
    if call.fault == "throttle":
        return _throttled(gate, service.actions[call.action])
    if call.fault == "expire_token":
        return gate.refuse("expire_token")
    if call.fault == "echo":
        refusal = service.refuse("system", call)
        quoted = " ".join(f"{name}={value}" for name, value in call.parameters.items())
        return ApiError(refusal.code, f"{refusal.message} Parameters: {quoted}", refusal.status)
    return service.refuse("lock" if call.fault == "lock" else "system", call)


def spoilt(reply: Reply, fault: str) -> Reply:
    """A reply as the fault leaves it, where the bytes themselves change."""
    if fault == "html_500":
        return Reply(HTML, 500, {"Content-Type": "text/html"})
    if fault == "not_json":
        return Reply(b"upstream connect error", 200, {"Content-Type": "application/json"})
    if fault == "wrong_type":
        return Reply(reply.body, reply.status, {**reply.headers, "Content-Type": WITH_CHARSET})
    return reply
