"""A call's way through the stand-in: its cloud, its caller, its action, the fault that it meets, and the answer."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from tests.cloud.alibaba.fc_gateway import FcGateway
from tests.cloud.alibaba.gateway import AlibabaGateway
from tests.cloud.alibaba.sls_gateway import NAME as LOG
from tests.cloud.alibaba.sls_gateway import SlsGateway
from tests.cloud.faults import faults
from tests.cloud.faults.faults import Fault, WaitingFaults
from tests.cloud.faults.lagging_reads import LaggingReads
from tests.cloud.faults.manual_change import ManualChange
from tests.cloud.functions.platforms import FunctionPlatforms
from tests.cloud.identity.consents import check_consent
from tests.cloud.identity.identities import Identities
from tests.cloud.queues.smq_gateway import NAME as MNS
from tests.cloud.queues.smq_gateway import SmqGateway
from tests.cloud.state.history import History
from tests.cloud.state.rate_limit import RateLimit
from tests.cloud.state.world import World
from tests.cloud.state.world_clock import Clock
from tests.cloud.tencent.gateway import TencentGateway
from tests.cloud.wire.gateway import ApiGateway
from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.request_shape import RequestRecorder
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Service

HTML = b"<html><head><title>500</title></head><body><h1>Internal Server Error</h1></body></html>"
WITH_CHARSET = "application/json; charset=utf-8"


class ApiDispatcher:
    """Passes calls to services and keeps a list of them."""

    def __init__(
        self,
        world: World,
        services: Sequence[Service],
        clock: Clock,
        history: History,
        identities: Identities,
        platforms: FunctionPlatforms | None = None,
    ) -> None:
        self.services = services
        self.identities = identities
        self.clock = clock
        self.history = history
        self._age = 0
        self.platforms = platforms
        self.recorder = RequestRecorder()
        self._begin(world)

    def _begin(self, world: World) -> None:
        self.world, now, identities = world, self.clock.now, self.identities
        self.faults = WaitingFaults()
        self._lags = LaggingReads(self.clock)
        self._age += 1
        self.calls: list[dict[str, str]] = []
        self._rate_limit = RateLimit(world.rate)
        tencent = {one.name: one for one in self.services if one.cloud == "tencent"}
        self._tencent = TencentGateway(world, tencent, identities, now)
        alibaba = {one.name: one for one in self.services if one.cloud == "alibaba"}
        smq, sls = alibaba.pop(MNS, None), alibaba.pop(LOG, None)
        self._smq = SmqGateway(world, smq, identities, now) if smq else None
        self._sls = SlsGateway(world, sls, identities, now) if sls else None
        self._fc = FcGateway(world, alibaba, identities, now) if "fc" in alibaba else None
        self._alibaba = AlibabaGateway(world, alibaba, identities, now)

    async def reset(self, world: World) -> None:
        """Start again with `world`: first accounts, and no faults, calls, tasks or nonces."""
        if self.platforms is not None:
            await self.platforms.reset(world)
        await self.clock.reset()
        self.history.reset()
        self.identities.reset(world)
        for service in self.services:
            await service.reset(world)
        self._begin(world)

    async def outside(self, body: bytes) -> None:
        """Make a change by hand. Raises: ValueError."""
        await ManualChange.model_validate_json(body).happen(self.services)

    def state(self) -> dict[str, Any]:
        """The state of each service, without passwords."""
        return {service.name: service.state() for service in self.services}

    def add_faults(self, body: bytes) -> int:
        """Add faults; returns how many wait for a call. Raises: ValueError."""
        for lag in self.faults.add(body):
            self._lags.add(lag, list(self.services))
        return len(self.faults)

    def clear_faults(self) -> None:
        """Forget the faults that no call has met, and end every lag. Late requests still arrive."""
        self.faults.clear()
        self._lags.clear()

    async def handle(self, request: HttpRequest) -> tuple[HttpReply, str]:
        """The reply to a request, and the fault of its delivery (empty: none)."""
        if self.platforms is not None and self.platforms.urls.claims(request):
            reply, called = await self.platforms.urls.answer(request)
            self.calls.append(called)
            return reply, ""
        gateway = self._gateway_for(request)
        if gateway is None:
            return HttpReply.json({"error": "no cloud's API call"}, 404), ""
        if self.world.latency_s:
            await asyncio.sleep(self.world.latency_s)
        reply, fault = await self._arrive(gateway, request, self.faults)
        if fault == "twice":
            reply, fault = await self._arrive(gateway, request, None)
        return reply, fault

    def _gateway_for(self, request: HttpRequest) -> ApiGateway | None:
        """The gateway that a request is for."""
        if TencentGateway.claims(request):
            return self._tencent
        if self._smq and SmqGateway.claims(request):
            return self._smq
        if self._sls and SlsGateway.claims(request):
            return self._sls
        if self._fc and FcGateway.claims(request):
            return self._fc
        return self._alibaba if AlibabaGateway.claims(request) else None

    async def _arrive(
        self, gateway: ApiGateway, request: HttpRequest, faults_: WaitingFaults | None
    ) -> tuple[HttpReply, str]:
        """Handle a request at a gateway: returns the reply, and the fault that it met."""
        request_id = str(uuid.uuid4())
        entry = {**gateway.call_record(request), "Code": ""}
        self.calls.append(entry)
        call = None
        try:
            call, service = gateway.read_call(request, request_id)
            entry["Region"] = entry["Region"] or call.region or ""
            self.recorder.note(call, request)
            reply = gateway.success_reply(call, await self._perform(gateway, request, call, service, faults_))
        except ApiError as error:
            entry["Code"] = error.code
            reply = gateway.error_reply(request, request_id, error)
            if error.fixed_status:
                reply = replace(reply, status=error.status)
        if call is None or not call.fault:
            return reply, ""
        if call.fault in ("drop_before", "late"):
            entry["Code"] = call.fault
        return spoil_reply(reply, call.fault), call.fault

    async def _perform(
        self, gateway: ApiGateway, request: HttpRequest, call: Call, service: Service, faults_: WaitingFaults | None
    ) -> Answer:
        action = service.actions[call.action]
        check_consent(self.identities, self.world, service.name)
        if call.action in self.world.deny or not self._may(gateway, request, call, action):
            if not self.world.holds("W2"):  # without W2 the right is checked after the action
                call.parameters = gateway.parameters(request, action)
                await self._answer(service, call, action)
            raise service.error_for("denied", call)
        if call.refused_when_done:
            call.parameters = gateway.parameters(request, action)
            await self._answer(service, call, action)
            raise gateway.error_for("expire_token")
        account = call.caller.account if call.caller is not None else ""
        if not self._rate_limit.allows(
            (call.cloud, call.service, call.action, call.region, account), action.rate_per_s
        ):
            raise _throttled(gateway, action)
        call.parameters = gateway.parameters(request, action)
        fault = faults_.take_for(call) if faults_ is not None else None
        call.fault = fault.Fault if fault else ""
        if call.fault in faults.BEFORE:
            raise _before(gateway, call, service)
        if call.fault in ("fail_task", "hang_task") and not (action.changes and call.fault in service.task_faults):
            # There is no task to fail. A failed task becomes a refusal, and a task that hangs becomes an answer that
            # hangs.
            call.fault = "stall" if call.fault == "hang_task" else call.fault
            raise service.error_for("failed", call)
        if fault is not None and call.fault == "late":
            gateway.forget_request(request)  # it has not arrived yet
            self.clock.call_after(fault.Seconds, partial(self._come_late, gateway, request))
            return {}
        if fault is None or call.fault not in ("slow", "code"):
            return await self._answer(service, call, action)
        return await self._unpunctual(fault, service, call, action)

    def _may(self, gateway: ApiGateway, request: HttpRequest, call: Call, action: Action) -> bool:
        """Whether the caller's policies allow the call. Raises: ApiError: the parameters name no resource."""
        if call.caller is None or self.identities.may_everything(call.caller):
            return True
        call.parameters = gateway.parameters(request, action)
        return self.identities.may(call.caller, action.right_of(call), action.resource_of(call))

    async def _answer(self, service: Service, call: Call, action: Action) -> Answer:
        if action.changes:
            return await action.handler(call.parameters, call)
        return await self._lags.read(service, call)

    async def _unpunctual(self, fault: Fault, service: Service, call: Call, action: Action) -> Answer:
        """Run the action with the delay or the code of its fault. Raises: ApiError."""
        call.fault = ""  # delivered unchanged
        if fault.When == "after":
            answer = await self._answer(service, call, action)
        if fault.Fault == "code":
            raise ApiError(
                fault.Code, "A test set this fault.", fault.Status or 400, fixed_status=fault.Status is not None
            )
        age = self._age
        await asyncio.sleep(fault.Seconds)
        if self._age != age:
            raise service.error_for("system", call)  # a request to the former world has no effect in this one
        return answer if fault.When == "after" else await self._answer(service, call, action)

    async def _come_late(self, gateway: ApiGateway, request: HttpRequest) -> None:
        """Handle a late request: it is checked and applied now, and nobody reads the answer."""
        await self._arrive(gateway, request, None)


def _throttled(gateway: ApiGateway, action: Action) -> ApiError:
    if action.throttle_code:
        return ApiError(action.throttle_code, "QPS Limit Exceeded", 429)
    return gateway.error_for("throttle")


def _before(gateway: ApiGateway, call: Call, service: Service) -> ApiError:
    if call.fault == "throttle":
        return _throttled(gateway, service.actions[call.action])
    if call.fault == "expire_token":
        return gateway.error_for("expire_token")
    if call.fault == "echo":
        refusal = service.error_for("system", call)
        quoted = " ".join(f"{name}={value}" for name, value in call.parameters.items())
        return ApiError(refusal.code, f"{refusal.message} Parameters: {quoted}", refusal.status)
    return service.error_for("lock" if call.fault == "lock" else "system", call)


def spoil_reply(reply: HttpReply, fault: str) -> HttpReply:
    """A reply with its bytes changed by the fault."""
    if fault == "html_500":
        return HttpReply(HTML, 500, {"Content-Type": "text/html"})
    if fault == "not_json":
        return HttpReply(b"upstream connect error", 200, {"Content-Type": "application/json"})
    if fault == "wrong_type":
        return HttpReply(reply.body, reply.status, {**reply.headers, "Content-Type": WITH_CHARSET})
    return reply
