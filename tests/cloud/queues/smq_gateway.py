"""SMQ's gateway (formerly MNS): REST with XML, an HMAC-SHA1 signature, hosts by account and region.

Sources: https://www.alibabacloud.com/help/doc-detail/27487.htm (signature), 27501.html (errors). This code is written
from the specification, independently of the client under test.
"""

from __future__ import annotations

import base64
import hmac
import re
import time
from calendar import timegm
from collections.abc import Callable, Mapping
from email.utils import parsedate
from hashlib import md5, sha1
from typing import Any, Literal
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from tests.cloud.identity.identities import Caller, Identities
from tests.cloud.state.world import World
from tests.cloud.wire.http import HttpReply, HttpRequest
from tests.cloud.wire.service import Action, Answer, ApiError, Call, Service, has_type, parse_text

NAME = "mns"
VERSION = "2015-06-06"
_NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"
_CLOCK_SKEW_S = 900
_HOST = re.compile(
    r"(?P<account>[a-z0-9-]+)\.mns\.(?P<region>[a-z]+-[a-z0-9-]+?)(?:-internal|-vpc|-internal-vpc)?\.aliyuncs\.com"
)
_PATH = re.compile(r"/queues(?:/(?P<queue>[^/?]+)(?P<messages>/messages)?)?")
_MESSAGE_ACTIONS = {
    "POST": "SendMessage", "GET": "ReceiveMessage", "DELETE": "DeleteMessage", "PUT": "ChangeMessageVisibility",
}  # fmt: skip
_QUEUE_ACTIONS = {"PUT": "CreateQueue", "GET": "GetQueueAttributes", "DELETE": "DeleteQueue"}
_LIST_HEADERS = {
    "x-mns-prefix": "Prefix", "x-mns-ret-number": "RetNumber", "x-mns-marker": "Marker", "x-mns-with-meta": "WithMeta",
}  # fmt: skip


class SmqGateway:
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
        return request.headers.get("authorization", "").startswith("MNS ") or ".mns." in request.hostname

    def call_record(self, request: HttpRequest) -> dict[str, str]:
        host = _HOST.fullmatch(request.hostname)
        return {
            "Action": _action(request),
            "Version": request.headers.get("x-mns-version", ""),
            "Region": host["region"] if host else "",
            "Host": request.host,
        }

    def read_call(self, request: HttpRequest, request_id: str) -> tuple[Call, Service]:
        # claims: W1, W9
        caller = self._authenticate(request)
        host, action = _HOST.fullmatch(request.hostname), _action(request)
        if host is None or host["account"] not in self._world.smq:
            raise ApiError("InvalidRequestURL", "The host names no account of this service.")
        if request.headers.get("x-mns-version") != VERSION:
            raise ApiError("InvalidArgument", "The header x-mns-version names no version.")
        if action not in self._service.actions or action in self._world.unknown_actions:
            raise ApiError("InvalidRequestURL", "There is no such operation.")
        if host["region"] != self._world.smq[host["account"]].region:
            raise ApiError("QueueNotExist", "The account has no queue in this region.", 404)
        call = Call("alibaba", NAME, action, VERSION, host["region"], request.host, None, request_id)
        call.caller = caller
        return call, self._service

    def parameters(self, request: HttpRequest, action: Action) -> dict[str, Any]:
        # claims: W9
        path, host = _PATH.fullmatch(request.path), _HOST.fullmatch(request.hostname)
        assert path is not None
        assert host is not None
        given: dict[str, Any] = {"AccountId": host["account"]} | ({"QueueName": path["queue"]} if path["queue"] else {})
        texts = [(_canonical(name), value) for name, value in request.pairs()]
        if not path["queue"]:
            texts += [(_LIST_HEADERS[name], text) for name, text in request.headers.items() if name in _LIST_HEADERS]
        if request.body:
            texts += [(child.tag.rpartition("}")[2], child.text or "") for child in _document(request)]
        for name, text in texts:
            if name not in action.parameters:
                raise ApiError("InvalidArgument", f"{name} is not recognized.")
            parameter = action.parameters[name]
            value = parse_text(text, parameter.type)
            if not parameter.implemented or not has_type(value, parameter.type):
                raise ApiError("InvalidArgument", f"{name} cannot be read, or is not implemented here.")
            given[name] = value
        for name, parameter in action.parameters.items():
            if parameter.required and name not in given:
                raise ApiError("MissingReceiptHandle" if name == "ReceiptHandle" else "InvalidArgument", name)
        return given

    def forget_request(self, request: HttpRequest) -> None:
        """Does nothing: this gateway remembers no request."""

    def error_for(self, kind: Literal["throttle", "expire_token"]) -> ApiError:
        # claims: W2, W4
        if kind == "throttle":
            return ApiError("QpsLimitExceeded", "More requests than the queue takes in a second.", 503)
        return ApiError("AccessDenied", "The security token is wrong or expired.", 403)

    def success_reply(self, call: Call, answer: Answer) -> HttpReply:
        if call.action == "CreateQueue":
            made = answer["CreateQueue"]
            location = {"Location": made["QueueURL"]}
            return HttpReply(b"", 201 if made["IsNew"] else 204, {**_headers(call.request_id), **location})
        status = 201 if call.action == "SendMessage" else 200 if answer else 204
        root, content = next(iter(answer.items()), ("Message", {}))
        body = _xml(root, {} if call.fault == "no_task_id" else content) if status != 204 else b""
        return HttpReply(body, status, _headers(call.request_id))

    def error_reply(self, request: HttpRequest, request_id: str, error: ApiError) -> HttpReply:
        problem = {
            "Code": error.code,
            "Message": error.message,
            "RequestId": request_id,
            "HostId": f"http://{request.hostname}",
        }
        return HttpReply(_xml("Error", problem), error.status, _headers(request_id))

    def _authenticate(self, request: HttpRequest) -> Caller:
        # claims: Q1, W1, W2
        headers = request.headers
        if not (authorization := headers.get("authorization", "")):
            raise ApiError("MissingAuthorizationHeader", "The request carries no signature.")
        if not (date := headers.get("date", "")):
            raise ApiError("MissingDateHeader", "The header Date is missing.")
        match = re.fullmatch(r"MNS (?P<id>[^:\s]+):(?P<signature>\S+)", authorization)
        if match is None:
            raise ApiError("InvalidAuthorizationHeader", "The Authorization header is malformed.")
        sent = parsedate(date)
        if sent is None or not date.endswith(" GMT"):
            raise ApiError("InvalidDateHeader", "The header Date is not in RFC 1123 form.")
        if abs(self._now() - timegm(sent)) > _CLOCK_SKEW_S:
            raise ApiError("TimeExpired", "The header Date is more than 15 minutes away.", 408)
        caller = self._identities.find("alibaba", match["id"])
        if caller is None:
            raise ApiError("InvalidAccessKeyId", "The access key does not exist.", 403)
        if not hmac.compare_digest(match["signature"].encode(), _signature(caller.keys.key, request)):
            raise ApiError("SignatureDoesNotMatch", "The signature does not match the request.", 403)
        said = headers.get("content-md5")
        if said is not None and said.encode() != base64.b64encode(md5(request.body).hexdigest().encode()):
            raise ApiError("InvalidDegist", "Content-MD5 is not of this body.")
        if not caller.has_token(headers.get("security-token", ""), self._now()):
            raise self.error_for("expire_token")
        return caller


def _signature(key: str, request: HttpRequest) -> bytes:
    headers = request.headers
    lines = [request.method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    lines += [f"{name}:{value}" for name, value in sorted(headers.items()) if name.startswith("x-mns-")]
    text = "\n".join([*lines, request.path + (f"?{request.query}" if request.query else "")])
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), sha1))


def _action(request: HttpRequest) -> str:
    path, asked = _PATH.fullmatch(request.path), dict(request.pairs())
    if path is None:
        return ""
    if path["messages"]:
        peeks = request.method == "GET" and asked.get("peekonly") == "true"
        return "PeekMessage" if peeks else _MESSAGE_ACTIONS.get(request.method, "")
    if path["queue"]:
        overrides = request.method == "PUT" and asked.get("metaoverride") == "true"
        return "SetQueueAttributes" if overrides else _QUEUE_ACTIONS.get(request.method, "")
    return "ListQueue" if request.method == "GET" else ""


def _canonical(name: str) -> str:
    """A parameter's name in one spelling. The documents and the vendor's client use different capitals."""
    return name[:1].upper() + name[1:]


def _document(request: HttpRequest) -> ElementTree.Element:
    # claims: W9
    try:
        document = ElementTree.fromstring(request.body)
    except ElementTree.ParseError:
        raise ApiError("MalformedXML", "The body is not XML.") from None
    root = "Message" if request.path.endswith("/messages") else "Queue"
    if document.tag != f"{{{_NAMESPACE}}}{root}":
        raise ApiError("MalformedXML", f"The body is no {root} of this service.")
    return document


def _xml(root: str, content: Mapping[str, Any] | list[Mapping[str, Any]]) -> bytes:
    inner = _fields({"Message": content} if isinstance(content, list) else content)
    return f'<?xml version="1.0" ?><{root} xmlns="{_NAMESPACE}">{inner}</{root}>'.encode()


def _fields(values: Mapping[str, Any]) -> str:
    """Elements by name. A list has one element for each item, with the item's fields."""
    elements = [
        (name, one) for name, value in values.items() for one in (value if isinstance(value, list) else [value])
    ]
    return "".join(
        f"<{name}>{_fields(one) if isinstance(one, Mapping) else escape(str(one))}</{name}>" for name, one in elements
    )


def _headers(request_id: str) -> dict[str, str]:
    return {"Content-Type": "text/xml;charset=utf-8", "x-mns-request-id": request_id, "x-mns-version": VERSION}
