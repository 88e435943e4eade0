"""Function Compute's gateway: ACS3 over resource paths, JSON bodies, regional hosts.

Source: the official SDK's client (alibabacloud-fc20230330 4.8.3), which names paths, methods and hosts.

Claims: P3, W1, W9.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

from tests.cloud.alibaba.gateway import AlibabaGateway
from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Service, has_type, parse_text

VERSION = "2023-03-30"
_HOST = re.compile(r"(?:fcv3\.(?P<region>[a-z0-9-]+)|(?P<zone>[a-z0-9-]+)\.fc)\.aliyuncs\.com")
_FUNCTION = r"/functions/(?P<functionName>[^/]+)"
_TRIGGER = rf"{_FUNCTION}/triggers/(?P<triggerName>[^/]+)"
ROUTES = tuple(
    (method, re.compile(f"/{VERSION}{path}"), action)
    for method, path, action in (
        ("POST", "/functions", "CreateFunction"),
        ("GET", "/functions", "ListFunctions"),
        ("GET", _FUNCTION, "GetFunction"),
        ("PUT", _FUNCTION, "UpdateFunction"),
        ("DELETE", _FUNCTION, "DeleteFunction"),
        ("POST", f"{_FUNCTION}/invocations", "InvokeFunction"),
        ("POST", f"{_FUNCTION}/triggers", "CreateTrigger"),
        ("GET", f"{_FUNCTION}/triggers", "ListTriggers"),
        ("GET", _TRIGGER, "GetTrigger"),
        ("PUT", _TRIGGER, "UpdateTrigger"),
        ("DELETE", _TRIGGER, "DeleteTrigger"),
        ("GET", f"{_FUNCTION}/async-invoke-config", "GetAsyncInvokeConfig"),
        ("PUT", f"{_FUNCTION}/async-invoke-config", "PutAsyncInvokeConfig"),
        ("DELETE", f"{_FUNCTION}/async-invoke-config", "DeleteAsyncInvokeConfig"),
        ("GET", f"{_FUNCTION}/concurrency", "GetConcurrencyConfig"),
        ("PUT", f"{_FUNCTION}/concurrency", "PutConcurrencyConfig"),
        ("DELETE", f"{_FUNCTION}/concurrency", "DeleteConcurrencyConfig"),
        ("POST", "/tags-v2", "TagResources"),
    )
)
RAW = "body"
"""The parameter of InvokeFunction that holds the bytes of the request."""


class FcGateway(AlibabaGateway):
    """FC's gateway. It shares callers, clock and nonces with the RPC services, but reads the action from the path."""

    @staticmethod
    def claims(request: HttpRequest) -> bool:
        """Whether a request is meant for this service."""
        return _HOST.fullmatch(request.hostname) is not None or request.path.startswith(f"/{VERSION}/")

    def path(self, request: HttpRequest) -> str:
        return request.path

    def call_record(self, request: HttpRequest) -> dict[str, str]:
        return {
            "Action": request.headers.get("x-acs-action", "") or _route(request)[0],
            "Version": request.headers.get("x-acs-version", ""),
            "Region": _region(request) or "",
            "Host": request.host,
        }

    def read_call(self, request: HttpRequest, request_id: str) -> tuple[Call, Service]:
        caller = self.authenticate(request)
        region, (action, _) = _region(request), _route(request)
        if region is None:
            raise ApiError("InvalidProduct.NotFound", "The host does not belong to this service.", 404)
        service = self.services["fc"]
        named = request.headers["x-acs-action"] == action and request.headers["x-acs-version"] == VERSION
        if not action or not named or action in self.world.unknown_actions:
            raise ApiError("InvalidApi.NotFound", "The API is not found.", 404)
        call = Call("alibaba", service.name, action, VERSION, region, request.host, None, request_id)
        call.caller = caller
        return call, service

    def parameters(self, request: HttpRequest, action: Action) -> dict[str, Any]:
        name, given = _route(request)
        given |= {key: parse_text(value, action.parameters[key].type) for key, value in _known(request, action)}
        if name == "InvokeFunction":
            return given | {RAW: request.body, "headers": request.headers}
        if request.body:
            if not request.headers.get("content-type", "").startswith("application/json"):
                raise _invalid("The body is not JSON by its content type.")
            try:
                body = json.loads(request.body)
            except ValueError:
                raise _invalid("The body is not JSON.") from None
            if not isinstance(body, dict) or body.keys() & given.keys():
                raise _invalid("The body is no object of the request's own fields.")
            given |= body
        for key, value in given.items():
            if key not in action.parameters:
                raise _invalid(f"unknown field {key}")
            if not has_type(value, action.parameters[key].type):
                raise _invalid(f"{key} is not of type {action.parameters[key].type}")
            if not action.parameters[key].implemented:
                raise ApiError("UnsupportedOperation", f"The stand-in does not implement {key}.")
        for key, parameter in action.parameters.items():
            if parameter.required and key not in given:
                raise _invalid(f"{key} is required")
        return given

    def success_reply(self, call: Call, answer: Answer) -> HttpReply:
        headers = {"x-fc-request-id": call.request_id, "x-acs-request-id": call.request_id}
        if call.action == "InvokeFunction":
            said = {**headers, **answer["headers"], "Content-Type": "application/octet-stream"}
            return HttpReply(answer["body"], answer["status"], said)
        if call.action.startswith("Delete") or call.action == "TagResources":
            return HttpReply(b"", 204, headers)
        return HttpReply.json(answer, headers=headers)

    def error_reply(self, request: HttpRequest, request_id: str, error: ApiError) -> HttpReply:
        problem = {"RequestId": request_id, "Code": error.code, "Message": error.message}
        return HttpReply.json(problem, error.status, {"x-fc-request-id": request_id, "x-acs-request-id": request_id})


def _known(request: HttpRequest, action: Action) -> list[tuple[str, str]]:
    pairs = request.pairs()
    for name, _ in pairs:
        if name not in action.parameters:
            raise _invalid(f"unknown parameter {name}")
    return pairs


def _route(request: HttpRequest) -> tuple[str, dict[str, Any]]:
    """The action of a method and a path, and the parameters in the path; an empty name if there is no such action."""
    for method, pattern, action in ROUTES:
        found = pattern.fullmatch(request.path)
        if method == request.method and found:
            return action, {name: unquote(value) for name, value in found.groupdict().items()}
    return "", {}


def _region(request: HttpRequest) -> str | None:
    found = _HOST.fullmatch(request.hostname)
    return (found["region"] or found["zone"]) if found else None


def _invalid(text: str) -> ApiError:
    return ApiError("InvalidArgument", text, 400)
