"""SLS' gateway: resource paths and JSON, the project in the host, and its own signature ("LOG id:signature").

Source: the vendor's SDK (alibabacloud-sls20201230 5.15.1 with alibabacloud-gateway-sls), which names paths, hosts and
the signed parts.

Claims: L2, W1, W2, W9.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from calendar import timegm
from collections.abc import Callable
from email.utils import parsedate
from hashlib import md5
from typing import Any, Literal

from tests.cloud.identity.identities import Caller, Identities
from tests.cloud.state.world import World
from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Service, has_type, parse_text

NAME = "log"
VERSION = "2020-12-30"
_API = "0.6.0"
_CLOCK_SKEW_S = 900
_HOST = re.compile(r"(?:(?P<project>[a-z0-9-]+)\.)?(?P<region>[a-z]+-[a-z0-9-]+)\.log\.aliyuncs\.com")
_LOGSTORE = r"/logstores/(?P<logstore>[^/]+)"
ROUTES = tuple(
    (method, re.compile(path), action)
    for method, path, action in (
        ("POST", "/", "CreateProject"),
        ("GET", "/", "GetProject"),  # the host of ListProject has no project
        ("DELETE", "/", "DeleteProject"),
        ("POST", "/logstores", "CreateLogStore"),
        ("GET", _LOGSTORE, "GetLogStore"),
        ("DELETE", _LOGSTORE, "DeleteLogStore"),
        ("POST", f"{_LOGSTORE}/index", "CreateIndex"),
        ("GET", f"{_LOGSTORE}/index", "GetIndex"),
        ("POST", f"{_LOGSTORE}/logs", "GetLogsV2"),
    )
)
_OF_NO_PROJECT = ("CreateProject", "ListProject")
_WITH_CONTENT = ("GetProject", "ListProject", "GetLogStore", "GetIndex", "GetLogsV2")


class SlsGateway:
    """Checks the caller and passes calls to its one service."""

    def __init__(
        self, world: World, service: Service, identities: Identities, now: Callable[[], float] = time.time
    ) -> None:
        self._world = world
        self._identities = identities
        self._service = service
        self._now = now

    @staticmethod
    def claims(request: HttpRequest) -> bool:
        """Whether a request is meant for this service."""
        signed = request.headers.get("authorization", "").startswith("LOG ")
        return signed or request.hostname.endswith(".log.aliyuncs.com")

    def call_record(self, request: HttpRequest) -> dict[str, str]:
        host = _HOST.fullmatch(request.hostname)
        return {
            "Action": _route(request)[0],
            "Version": VERSION,
            "Region": host["region"] if host else "",
            "Host": request.host,
        }

    def read_call(self, request: HttpRequest, request_id: str) -> tuple[Call, Service]:
        caller = self._authenticate(request)
        host, (action, _) = _HOST.fullmatch(request.hostname), _route(request)
        if host is None or request.headers.get("x-log-apiversion") != _API:
            raise ApiError("InvalidAPIVersion", "The host or x-log-apiversion does not belong to this service.")
        if not action or action in self._world.unknown_actions or bool(host["project"]) is (action in _OF_NO_PROJECT):
            raise ApiError("InvalidRequest", "There is no such operation.", 404)
        call = Call("alibaba", NAME, action, VERSION, host["region"], request.host, None, request_id)
        call.caller = caller
        return call, self._service

    def parameters(self, request: HttpRequest, action: Action) -> dict[str, Any]:
        host, (_, given) = _HOST.fullmatch(request.hostname), _route(request)
        assert host is not None
        if host["project"]:
            given["project"] = host["project"]
        for name, text in request.pairs():
            given[name] = parse_text(text, action.parameters[name].type) if name in action.parameters else text
        if request.body:
            given |= _body(request.body)
        for name, value in given.items():
            if name not in action.parameters:
                raise ApiError("ParameterInvalid", f"{name} is not recognized.")
            if not action.parameters[name].implemented or not has_type(value, action.parameters[name].type):
                raise ApiError("ParameterInvalid", f"{name} has the wrong type, or is not implemented here.")
        for name, parameter in action.parameters.items():
            if parameter.required and name not in given:
                raise ApiError("ParameterInvalid", f"{name} is required.")
        return given

    def forget_request(self, request: HttpRequest) -> None:
        """Does nothing: this gateway remembers no request."""

    def error_for(self, kind: Literal["throttle", "expire_token"]) -> ApiError:
        if kind == "throttle":
            return ApiError("WriteQuotaExceed", "More requests than the project takes.", 403)
        return ApiError("SecurityTokenExpired", "The security token is wrong or expired.", 401)

    def success_reply(self, call: Call, answer: Answer) -> HttpReply:
        headers = {"x-log-requestid": call.request_id}
        if call.action not in _WITH_CONTENT:
            return HttpReply(b"", 200, headers)
        return HttpReply.json(answer, headers=headers)

    def error_reply(self, request: HttpRequest, request_id: str, error: ApiError) -> HttpReply:
        problem = {"errorCode": error.code, "errorMessage": error.message}
        return HttpReply.json(problem, error.status, {"x-log-requestid": request_id})

    def _authenticate(self, request: HttpRequest) -> Caller:
        headers = request.headers
        match = re.fullmatch(r"LOG (?P<id>[^:\s]+):(?P<signature>\S+)", headers.get("authorization", ""))
        if match is None or headers.get("x-log-signaturemethod") != "hmac-sha256":
            raise ApiError("MissingAuthorization", "The request carries no signature that the stand-in knows.")
        sent = parsedate(headers.get("date", ""))
        if sent is None:
            raise ApiError("InvalidDateFormat", "The header Date is missing or not in RFC 1123 form.")
        if abs(self._now() - timegm(sent)) > _CLOCK_SKEW_S:
            raise ApiError("RequestTimeExpired", "The header Date is more than 15 minutes away.")
        caller = self._identities.find("alibaba", match["id"])
        if caller is None:
            raise ApiError("Unauthorized", "The access key does not exist.", 401)
        if not hmac.compare_digest(match["signature"].encode(), _signature(caller.keys.key, request)):
            raise ApiError("SignatureNotMatch", "The signature does not match the request.", 403)
        digest = md5(request.body).hexdigest().upper() if request.body else ""
        if headers.get("content-md5", "") != digest:
            raise ApiError("PostBodyInvalid", "Content-MD5 is not of this body.")
        if not caller.has_token(headers.get("x-acs-security-token", ""), self._now()):
            raise self.error_for("expire_token")
        return caller


def _signature(key: str, request: HttpRequest) -> bytes:
    headers = request.headers
    lines = [request.method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    lines += [f"{name}:{value}" for name, value in sorted(headers.items()) if name.startswith(("x-log-", "x-acs-"))]
    query = "&".join(f"{name}={value}" for name, value in sorted(request.pairs()))
    text = "\n".join([*lines, request.path + (f"?{query}" if query else "")])
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha256"))


def _route(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """The action of a method and a path, and the parameters in the path; an empty name if there is no such action."""
    for method, pattern, action in ROUTES:
        found = pattern.fullmatch(request.path)
        if method == request.method and found:
            host = _HOST.fullmatch(request.hostname)
            lists = action == "GetProject" and host is not None and not host["project"]
            return "ListProject" if lists else action, dict(found.groupdict())
    return "", {}


def _body(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError("PostBodyInvalid", "The body is no JSON object.")
    return body
