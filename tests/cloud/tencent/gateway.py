"""Tencent Cloud's gateway: API 3.0 with TC3-HMAC-SHA256, POST JSON or GET, hosts by site and region."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, Literal

from tests.cloud.identity.identities import Caller, Identities
from tests.cloud.state.world import World
from tests.cloud.wire import signatures
from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Service, has_type, parse_text

DOMAIN = "tencentcloudapi.com"
_CLOCK_SKEW_S = 300
LESS_SKEW_S = 60
"""The clock difference that is allowed in a world without W1."""
_MOST_BYTES = 10 * 1024 * 1024
_HOST = re.compile(rf"(?P<service>[a-z]+)(?:\.(?P<place>[a-z0-9-]+))?\.{re.escape(DOMAIN)}")

# The regions in the two services' published lists. The regions of the world's own instances are also known.
_REGIONS = {
    "ap-bangkok", "ap-beijing", "ap-chengdu", "ap-chongqing", "ap-guangzhou", "ap-hongkong", "ap-jakarta",
    "ap-mumbai", "ap-nanjing", "ap-seoul", "ap-shanghai", "ap-shanghai-fsi", "ap-shenzhen-fsi",
    "ap-singapore", "ap-tokyo", "eu-frankfurt", "na-ashburn", "na-siliconvalley", "sa-saopaulo",
}  # fmt: skip


class TencentGateway:
    """Checks the caller and finds the service."""

    def __init__(
        self,
        world: World,
        services: Mapping[str, Service],
        identities: Identities,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._world = world
        self._identities = identities
        self._services = services
        self._now = now
        self._regions = _REGIONS | {one.region for one in world.redis.values()}
        self._regions |= {one.region for one in world.tcr.values()} | {one.region for one in world.ssm.values()}

    @staticmethod
    def claims(request: HttpRequest) -> bool:
        """Whether a request is meant for this cloud."""
        signed = request.headers.get("authorization", "").startswith("TC3")
        return signed or "x-tc-action" in request.headers or request.hostname.endswith(DOMAIN)

    def call_record(self, request: HttpRequest) -> dict[str, str]:
        return {
            "Action": request.headers.get("x-tc-action", ""),
            "Version": request.headers.get("x-tc-version", ""),
            "Region": request.headers.get("x-tc-region", ""),
            "Host": request.host,
        }

    def read_call(self, request: HttpRequest, request_id: str) -> tuple[Call, Service]:
        # claims: R1, W1, W9
        caller, scope = self._authenticate(request)
        headers = request.headers
        place = _HOST.fullmatch(request.hostname)
        if place is None and request.hostname not in ("127.0.0.1", "localhost"):
            raise ApiError("AuthFailure.SignatureFailure", "The host does not belong to this cloud.")
        if place and place["service"] != scope:
            raise ApiError("AuthFailure.SignatureFailure", "The credential scope names another service.")
        version, action = headers.get("x-tc-version", ""), headers.get("x-tc-action", "")
        if not action:
            raise ApiError("MissingParameter", "The header X-TC-Action is missing.")
        if not version:
            raise ApiError("MissingParameter", "The header X-TC-Version is missing.")
        service = self._service(place["service"] if place else scope, version)
        if action not in service.actions or action in self._world.unknown_actions:
            raise ApiError("InvalidAction", "The action does not exist.")
        region, site = self._reach(
            place["place"] if place else "loopback", headers.get("x-tc-region", ""), needed=service.name != "cam"
        )
        call = Call("tencent", service.name, action, version, region, request.host, site, request_id)
        call.caller = caller
        call.refused_when_done = not self._has_token(request, caller)
        return call, service

    def parameters(self, request: HttpRequest, action: Action) -> dict[str, Any]:
        # claims: W9
        if request.method == "GET":
            given = _unflattened(request.pairs(), action)
        else:
            if len(request.body) > _MOST_BYTES:
                raise ApiError("RequestSizeLimitExceeded", "A signed POST takes 10 MB.")
            if not request.headers.get("content-type", "").startswith("application/json"):
                raise ApiError("UnsupportedProtocol", "POST takes application/json.")
            try:
                given = json.loads(request.body or b"{}")
            except ValueError:
                raise ApiError("InvalidParameter", "The body is not JSON.") from None
            if not isinstance(given, dict):
                raise ApiError("InvalidParameter", "The body is not a JSON object.")
        for name, value in given.items():
            if name not in action.parameters:
                raise ApiError("UnknownParameter", f"The parameter `{name}` is not recognized.")
            parameter = action.parameters[name]
            if not has_type(value, parameter.type):
                raise ApiError("InvalidParameter", f"The parameter `{name}` has the wrong type.")
            if not parameter.implemented:
                raise ApiError("UnsupportedOperation", f"The stand-in does not implement `{name}`.")
        for name, parameter in action.parameters.items():
            if parameter.required and name not in given:
                raise ApiError("MissingParameter", f"The required parameter `{name}` is missing.")
        return given

    def forget_request(self, request: HttpRequest) -> None:
        """Does nothing: this gateway remembers no request."""

    def error_for(self, kind: Literal["throttle", "expire_token"]) -> ApiError:
        # claims: W2, W4
        if kind == "throttle":
            return ApiError("RequestLimitExceeded", "More requests than the API takes in a second.")
        return ApiError("AuthFailure.TokenFailure", "The token of the temporary key is wrong or expired.")

    def success_reply(self, call: Call, answer: Answer) -> HttpReply:
        if call.fault == "no_task_id":
            answer = {}
        return HttpReply.json({"Response": {**answer, "RequestId": call.request_id}})

    def error_reply(self, request: HttpRequest, request_id: str, error: ApiError) -> HttpReply:
        problem = {"Code": error.code, "Message": error.message}
        return HttpReply.json({"Response": {"Error": problem, "RequestId": request_id}})

    def _authenticate(self, request: HttpRequest) -> tuple[Caller, str]:
        """The caller and the service in the credential scope, after every check of the caller."""
        # claims: W1, W2
        header = request.headers.get("authorization", "")
        if not header:
            raise ApiError("AuthFailure.InvalidAuthorization", "The request carries no TC3 signature.")
        authorization = signatures.read_tc3(header)
        if authorization is None or not {"content-type", "host"} <= set(authorization.signed_headers):
            raise ApiError("AuthFailure.InvalidAuthorization", "The Authorization header is malformed.")
        caller = self._identities.find("tencent", authorization.id)
        if caller is None:
            raise ApiError("AuthFailure.SecretIdNotFound", "The SecretId is not found.")
        self._check_clock(request.headers.get("x-tc-timestamp", ""), authorization.date)
        matches = signatures.tc3_matches(
            authorization,
            caller.keys.key,
            method=request.method,
            query=request.query,
            headers=request.headers,
            body=request.body,
        )
        if not matches or request.path != "/":
            raise ApiError("AuthFailure.SignatureFailure", "The signature does not match the request.")
        if not self._has_token(request, caller) and self._world.holds("W2"):
            raise self.error_for("expire_token")
        return caller, authorization.service

    def _has_token(self, request: HttpRequest, caller: Caller) -> bool:
        return caller.has_token(request.headers.get("x-tc-token", ""), self._now())

    def _check_clock(self, timestamp: str, date: str) -> None:
        if not timestamp.isdecimal() or len(timestamp) > 12:
            raise ApiError("InvalidParameter", "The header X-TC-Timestamp is not a time in seconds.")
        skew_s = _CLOCK_SKEW_S if self._world.holds("W1") else LESS_SKEW_S
        if abs(self._now() - int(timestamp)) > skew_s:
            raise ApiError("AuthFailure.SignatureExpire", "The timestamp is more than 5 minutes away.")
        if datetime.fromtimestamp(int(timestamp), timezone.utc).date().isoformat() != date:
            raise ApiError("AuthFailure.SignatureFailure", "The credential scope's date is not the timestamp's.")

    def _service(self, name: str, version: str) -> Service:
        # claims: W9
        # A client that calls loopback may sign any service name (for example "127"), so the version decides.
        by_version = {service.version: service for service in self._services.values()}
        service = self._services.get(name) or by_version.get(version)
        if service is None or service.version != version:
            raise ApiError("NoSuchVersion", "The API version does not exist.")
        return service

    def _reach(self, place: str | None, region: str, *, needed: bool) -> tuple[str, Literal["domestic", "intl"] | None]:
        """The region, and the site of the host. A region's own host and loopback reach both sites."""
        # claims: W1
        if not region and not needed:
            return "", None
        if not region:
            raise ApiError("MissingParameter", "The header X-TC-Region is missing.")
        elsewhere = place not in (None, "intl", "loopback", region)
        if region not in self._regions or elsewhere or (region.endswith("-fsi") and place in (None, "intl")):
            raise ApiError("UnsupportedRegion", "The region is not served here.")
        if place == "intl":
            return region, "intl"
        return region, "domestic" if place is None else None


def _unflattened(pairs: list[tuple[str, str]], action: Action) -> dict[str, Any]:
    """The parameters of a GET call: `Name=value`, list items as `Name.0`, fields of objects as `Name.0.Field`."""
    given: dict[str, Any] = {}
    for path, value in pairs:
        name, *rest = path.split(".")
        kind = action.parameters[name].type if name in action.parameters else "str"
        if not rest:
            given[name] = parse_text(value, kind)
        else:
            node = given.setdefault(name, {})
            for step in rest[:-1]:
                node = node.setdefault(step, {})
            node[rest[-1]] = parse_text(value, "int" if kind == "ints" else "str")
    return {name: _listed(value) for name, value in given.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(item) for key, item in value.items()}
    return [inner[key] for key in sorted(inner, key=int)] if all(key.isdecimal() for key in inner) else inner
