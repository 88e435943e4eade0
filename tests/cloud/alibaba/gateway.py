"""Alibaba Cloud's gateway: RPC style, signed by ACS3 or the older HMAC-SHA1, parameters in the query or a form."""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import parse_qsl

from tests.cloud.identity.identities import Caller, Identities
from tests.cloud.state.world import World
from tests.cloud.wire import signatures
from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Service, has_type, parse_text

DOMAIN = "aliyuncs.com"
_CLOCK_SKEW_S = 900
LESS_SKEW_S = 60
"""The clock difference that is allowed in a world without W1. Such a world also accepts a nonce twice."""
_HOST = re.compile(rf"(?P<service>[a-z-]+?)(?P<vpc>-vpc)?(?:\.(?P<region>[a-z0-9-]+))?\.{re.escape(DOMAIN)}")
# In the SDK's endpoint table, the host of this region has no region in its name.
_CENTRAL_REGION = "cn-hangzhou"
# The hosts of these products have no region. The vendor's clients for them send forms, so they certainly read forms.
_REGIONAL = {"kms", "mns-open", "eventbridge-console"}
_MUST_SIGN = {
    "host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256",
}  # fmt: skip
# Parameters that every action accepts besides its own.
_COMMON = {
    "Action", "Version", "Format", "Timestamp", "SignatureNonce", "RegionId",
    "AccessKeyId", "SecurityToken", "Signature", "SignatureMethod", "SignatureVersion",
}  # fmt: skip


class AlibabaGateway:
    """Checks the caller and finds the service; remembers the nonces that were used."""

    def __init__(
        self,
        world: World,
        services: Mapping[str, Service],
        identities: Identities,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.world = world
        self._identities = identities
        self.services = services
        self._now = now
        self._nonces: dict[str, float] = {}

    @staticmethod
    def claims(request: HttpRequest) -> bool:
        """Whether a request is meant for this cloud."""
        signed = request.headers.get("authorization", "").startswith("ACS")
        named = "x-acs-action" in request.headers or request.hostname.endswith(DOMAIN)
        return signed or named or "AccessKeyId" in dict(request.pairs())

    def call_record(self, request: HttpRequest) -> dict[str, str]:
        query, host = dict(request.pairs()), _HOST.fullmatch(request.hostname)
        region = (host["region"] or _CENTRAL_REGION) if host else query.get("RegionId", "")
        return {
            "Action": request.headers.get("x-acs-action") or query.get("Action", ""),
            "Version": request.headers.get("x-acs-version") or query.get("Version", ""),
            "Region": region,
            "Host": request.host,
        }

    def read_call(self, request: HttpRequest, request_id: str) -> tuple[Call, Service]:
        # claims: W1, W9
        caller = self.authenticate(request)
        entry = self.call_record(request)
        host = _HOST.fullmatch(request.hostname)
        if host is None and request.hostname not in ("127.0.0.1", "localhost"):
            raise ApiError("InvalidProduct.NotFound", "The host does not belong to this cloud.", 404)
        if host and host["service"] in _REGIONAL:
            if not host["region"]:
                raise ApiError("InvalidOperation.NotSupportedEndpoint", "The product has a host for each region.")
        elif host and host["region"] == _CENTRAL_REGION and not host["vpc"]:
            raise ApiError("InvalidOperation.NotSupportedEndpoint", "The region is served at the central host.")
        service = self._service(request)
        if service is None:
            raise ApiError("InvalidProduct.NotFound", "The product is not found.", 404)
        action = entry["Action"]
        unknown = action not in service.actions or action in self.world.unknown_actions
        if unknown or entry["Version"] != service.version:
            raise ApiError("InvalidApi.NotFound", "The API is not found.", 404)
        if request.method not in ("GET", "POST"):
            raise ApiError("UnsupportedHTTPMethod", "The API takes GET and POST.")
        region = (host["region"] or _CENTRAL_REGION) if host else None
        call = Call("alibaba", service.name, action, service.version, region, request.host, None, request_id)
        call.in_query = frozenset(name for name, _ in request.pairs())
        given = request.headers.get("x-acs-security-token", "") or dict(request.pairs()).get("SecurityToken", "")
        call.caller = caller
        call.refused_when_done = not caller.has_token(given, self._now())
        return call, service

    def parameters(self, request: HttpRequest, action: Action) -> dict[str, Any]:
        # claims: A1, W9
        pairs = request.pairs()
        if _is_form(request) and (self.world.form_body or self._reads_forms(request)):
            pairs += _form(request)
        given: dict[str, Any] = _listed(pairs, action)
        for name, text in pairs:
            if name not in action.parameters:
                if name.partition(".")[0] in given:
                    continue
                if name in _COMMON:
                    continue
                raise ApiError("InvalidParameter", f"The parameter {name} is not recognized.")
            parameter = action.parameters[name]
            value = parse_text(text, parameter.type)
            if not has_type(value, parameter.type):
                raise ApiError(f"Invalid{name}", f"The parameter {name} has the wrong type.")
            if not parameter.implemented:
                raise ApiError("UnsupportedOperation", f"The stand-in does not implement {name}.")
            given[name] = value
        for name, parameter in action.parameters.items():
            if parameter.required and not given.get(name):
                raise ApiError(f"Missing{name}", f"{name} is mandatory for this action.")
        return given

    def _service(self, request: HttpRequest) -> Service | None:
        """Find the service by the host, otherwise by the version, because a client that calls loopback names no
        product.
        """
        if host := _HOST.fullmatch(request.hostname):
            return self.services.get(host["service"])
        by_version = {service.version: service for service in self.services.values()}
        return by_version.get(self.call_record(request)["Version"])

    def _reads_forms(self, request: HttpRequest) -> bool:
        service = self._service(request)
        return service is not None and service.name in _REGIONAL

    def forget_request(self, request: HttpRequest) -> None:
        for nonce in (
            request.headers.get("x-acs-signature-nonce", ""),
            dict(request.pairs()).get("SignatureNonce", ""),
        ):
            self._nonces.pop(nonce, None)

    def error_for(self, kind: Literal["throttle", "expire_token"]) -> ApiError:
        # claims: W2, W4
        if kind == "throttle":
            return ApiError("Throttling.User", "Request was denied due to user flow control.")
        return ApiError("InvalidSecurityToken.Expired", "The security token has expired.")

    def success_reply(self, call: Call, answer: Answer) -> HttpReply:
        said = {} if call.fault == "no_task_id" else {"RequestId": call.request_id}
        return HttpReply.json({**said, **answer}, headers={"x-acs-request-id": call.request_id})

    def error_reply(self, request: HttpRequest, request_id: str, error: ApiError) -> HttpReply:
        problem = {
            "RequestId": request_id,
            "HostId": request.hostname,
            "Code": error.code,
            "Message": error.message,
            "Recommend": f"https://api.example.invalid/troubleshoot?q={error.code}",
        }
        return HttpReply.json(problem, error.status, {"x-acs-request-id": request_id})

    def authenticate(self, request: HttpRequest) -> Caller:
        """The caller; checks the time and the signature. Raises: ApiError."""
        # claims: W1, W2
        headers, header = request.headers, request.headers.get("authorization", "")
        if not header and "Signature" in dict(request.pairs()):
            return self._authenticate_by_query(request)
        authorization = signatures.read_acs3(header)
        if authorization is None:
            raise ApiError("IncompleteSignature", "The request carries no complete ACS3 signature.")
        must_sign = _MUST_SIGN | {"x-acs-security-token"} & headers.keys()
        if not must_sign <= set(authorization.signed_headers) & headers.keys():
            raise ApiError("IncompleteSignature", "A header that must be signed is not.")
        caller = self._caller(authorization.id)
        self._check_clock(headers["x-acs-date"])
        whole = hmac.compare_digest(headers["x-acs-content-sha256"], sha256(request.body).hexdigest())
        matches = signatures.acs3_matches(
            authorization,
            caller.keys.key,
            method=request.method,
            query=request.pairs(),
            headers=headers,
            path=self.path(request),
        )
        if not whole or not matches or request.path != self.path(request):
            raise ApiError("SignatureDoesNotMatch", "The signature does not match the request.")
        self._use_nonce(headers["x-acs-signature-nonce"])
        self._check_token(caller, headers.get("x-acs-security-token", ""))
        return caller

    def _authenticate_by_query(self, request: HttpRequest) -> Caller:
        """Check the older signature of RPC APIs, which the vendor's Node client of KMS still uses."""
        # claims: W1, W2
        said = dict(request.pairs())
        if said.get("SignatureMethod") != "HMAC-SHA1" or said.get("SignatureVersion") != "1.0":
            raise ApiError("UnsupportedSignatureMethod", "The signature method is not supported.")
        if missing := {"AccessKeyId", "Timestamp", "SignatureNonce"} - said.keys():
            raise ApiError(f"Missing{min(missing)}", f"{min(missing)} is mandatory for this action.")
        caller = self._caller(said["AccessKeyId"])
        self._check_clock(said["Timestamp"])
        signed = request.pairs() + (_form(request) if _is_form(request) else [])
        if request.path != "/" or not signatures.rpc_matches(caller.keys.key, request.method, signed):
            raise ApiError("SignatureDoesNotMatch", "The signature does not match the request.")
        self._use_nonce(said["SignatureNonce"])
        self._check_token(caller, said.get("SecurityToken", ""))
        return caller

    def _caller(self, key_id: str) -> Caller:
        # claims: W2
        caller = self._identities.find("alibaba", key_id)
        if caller is None:
            raise ApiError("InvalidAccessKeyId.NotFound", "The access key is not found.", 404)
        return caller

    def _check_token(self, caller: Caller, token: str) -> None:
        # claims: W2
        if not caller.has_token(token, self._now()) and self.world.holds("W2"):
            raise self.error_for("expire_token")

    def path(self, request: HttpRequest) -> str:
        """The path that is signed. RPC APIs have only one."""
        return "/"

    def _check_clock(self, date: str) -> None:
        try:
            sent = datetime.strptime(f"{date}+0000", "%Y-%m-%dT%H:%M:%SZ%z").timestamp()
        except ValueError:
            raise ApiError("InvalidTimeStamp.Format", "x-acs-date is not YYYY-MM-DDThh:mm:ssZ.") from None
        if abs(self._now() - sent) > (_CLOCK_SKEW_S if self.world.holds("W1") else LESS_SKEW_S):
            raise ApiError("InvalidTimeStamp.Expired", "x-acs-date is more than 15 minutes away.")

    def _use_nonce(self, nonce: str) -> None:
        now = self._now()
        if nonce in self._nonces and self.world.holds("W1"):
            raise ApiError("SignatureNonceUsed", "The signature nonce has been used.")
        self._nonces[nonce] = now
        # A request that is older than twice the allowed difference fails by its date. So older nonces are forgotten, in
        # order.
        while self._nonces and now - next(iter(self._nonces.values())) > 2 * _CLOCK_SKEW_S:
            del self._nonces[next(iter(self._nonces))]


def _listed(pairs: list[tuple[str, str]], action: Action) -> dict[str, Any]:
    """Lists of objects, which arrive as `Tag.1.Key=value`, in the order of their numbers."""
    found: dict[str, dict[int, dict[str, str]]] = {}
    for path, text in pairs:
        name, _, rest = path.partition(".")
        number, _, key = rest.partition(".")
        if name in action.parameters and action.parameters[name].type == "objects" and number.isdecimal() and key:
            found.setdefault(name, {}).setdefault(int(number), {})[key] = text
    return {name: [items[number] for number in sorted(items)] for name, items in found.items()}


def _form(request: HttpRequest) -> list[tuple[str, str]]:
    return parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)


def _is_form(request: HttpRequest) -> bool:
    return request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
