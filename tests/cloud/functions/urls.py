"""The HTTP addresses of functions: SCF's function URLs and FC's HTTP triggers. Callers sign.

SCF, https://cloud.tencent.com/document/product/583/96100: TC3-HMAC-SHA256 of service `scf` over content type, host and
X-Scf-Cam-Uin, with the time in X-Scf-Cam-Timestamp; the right is scf:InvokeFunctionUrl. Not verified: that
X-Scf-Cam-Token carries a temporary key's token, the body of a refusal, and the status of a function that raised. FC,
https://www.alibabacloud.com/help/en/functioncompute/fc/user-guide/configure-signature-authentication-for-http-triggers:
ACS3-HMAC-SHA256 over x-acs-date and x-acs-security-token. The vendor's sample does not sign the body. A hash in
x-acs-content-sha256 is checked. Not verified: the status of a function that raised, and the body when all instances are
busy.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from tests.cloud.functions.host import DeployedFunction, FunctionHost, Trigger
from tests.cloud.functions.instance_process import InvocationOutcome
from tests.cloud.identity.identities import Caller
from tests.cloud.state.accounts import ALIBABA_ACCOUNT, TENCENT_APPID, TENCENT_UIN
from tests.cloud.wire import signatures
from tests.cloud.wire.http import HttpReply, HttpRequest

_SCF = re.compile(rf"{TENCENT_APPID}-(?P<id>[a-z0-9]+)\.(?P<region>[a-z0-9-]+)\.tencentscf\.com")
_FC = re.compile(r"(?P<id>[a-z0-9]+)\.(?P<region>[a-z0-9-]+)\.fcapp\.run")
_TC3_SKEW_S, _ACS3_SKEW_S = 300, 900
_TEXT = re.compile(r"(text/|application/(json|xml|javascript|x-www-form-urlencoded|.*\+json))")


def scf_url_host(url_id: str, region: str) -> str:
    """The host of a function URL of SCF."""
    return f"{TENCENT_APPID}-{url_id}.{region}.tencentscf.com"


def fc_url_host(url_id: str, region: str) -> str:
    """The host of an HTTP trigger of FC."""
    return f"{url_id}.{region}.fcapp.run"


class Unauthorized(Exception):
    """The caller is unknown. The reply gives the reason."""


class FunctionUrls:
    """Passes a request to the function with that address."""

    def __init__(self, host: FunctionHost, now: Callable[[], float] = time.time) -> None:
        self._host = host
        self._now = now

    @staticmethod
    def claims(request: HttpRequest) -> bool:
        """Whether a request is for a function."""
        return bool(_SCF.fullmatch(request.hostname) or _FC.fullmatch(request.hostname))

    async def answer(self, request: HttpRequest) -> tuple[HttpReply, dict[str, str]]:
        """The function's reply, and the call in the form of the list of calls."""
        on_scf = _SCF.fullmatch(request.hostname)
        place = on_scf or _FC.fullmatch(request.hostname)
        assert place is not None
        entry = {
            "Action": "InvokeFunctionUrl" if on_scf else "InvokeHTTPTrigger",
            "Version": "",
            "Region": place["region"],
            "Host": request.host,
            "Code": "",
        }
        found = self._find("scf" if on_scf else "fc", place["region"], place["id"])
        if found is None:
            entry["Code"] = "NotFound"
            return HttpReply.json({"errorMessage": "no function has this address"}, 404), entry
        function, trigger = found
        try:
            self._authenticate(request, function, trigger, on_scf=bool(on_scf))
        except Unauthorized as error:
            entry["Code"] = "Unauthorized"
            status, name = (401, "errorMessage") if on_scf else (403, "Message")
            return HttpReply.json({name: str(error), "Code": "AccessDenied"}, status), entry
        trigger.served += 1
        if on_scf:
            world = self._host.world
            event = _scf_event(request, encoded=not world.holds("P3"))
            return _scf_reply(await function.invoke(event), raised=500 if world.holds("P5") else 200), entry
        if request.method not in trigger.options["methods"]:
            return HttpReply.json({"Code": "MethodNotAllowed"}, 405), entry
        request_id = str(uuid.uuid4())
        event = _fc_event(request, request_id, self._now())
        if request.headers.get("x-fc-invocation-type", "").lower() == "async":
            self._host.deliver_later(function, event)
            return HttpReply(b"", 202, {"X-Fc-Request-Id": request_id}), entry
        raised = 502 if self._host.world.holds("P5") else 200
        return _fc_reply(await function.invoke(event, request_id=request_id), raised=raised), entry

    def _find(self, platform: str, region: str, url_id: str) -> tuple[DeployedFunction, Trigger] | None:
        for function in self._host.in_region("scf" if platform == "scf" else "fc", region):
            for trigger in function.triggers.values():
                if trigger.kind == "http" and trigger.url_id == url_id and trigger.enabled:
                    return function, trigger
        return None

    def _authenticate(
        self, request: HttpRequest, function: DeployedFunction, trigger: Trigger, *, on_scf: bool
    ) -> None:
        if trigger.options.get("AuthType" if on_scf else "authType") in ("NONE", "anonymous"):
            return
        caller = self._tc3(request) if on_scf else self._acs3(request)
        region, name = function.spec.region, function.spec.name
        if on_scf:
            right = "scf:InvokeFunctionUrl"
            resource = f"qcs::scf:{region}:uin/{TENCENT_UIN}:namespace/default/function/{name}"
        else:
            right, resource = "fc:InvokeFunction", f"acs:fc:{region}:{ALIBABA_ACCOUNT}:functions/{name}"
        if not self._host.identities.may(caller, right, resource):
            raise Unauthorized(f"the caller is not authorized to perform {right} on {resource}")

    def _tc3(self, request: HttpRequest) -> Caller:
        headers = request.headers
        authorization = signatures.read_tc3(headers.get("authorization", ""))
        signed = {"content-type", "host", "x-scf-cam-uin"}
        if authorization is None or not signed <= set(authorization.signed_headers) or authorization.service != "scf":
            raise Unauthorized("the request carries no TC3 signature of the service scf")
        stamp = headers.get("x-scf-cam-timestamp", "")
        if not stamp.isdecimal() or abs(self._now() - int(stamp)) > _TC3_SKEW_S:
            raise Unauthorized("X-Scf-Cam-Timestamp is missing or too far away")
        if datetime.fromtimestamp(int(stamp), timezone.utc).date().isoformat() != authorization.date:
            raise Unauthorized("the credential scope has another day")
        caller = self._host.identities.find("tencent", authorization.id)
        if caller is None:
            raise Unauthorized("the key is not known")
        matches = signatures.tc3_matches(
            authorization,
            caller.keys.key,
            method=request.method,
            query=request.query,
            headers={**headers, "x-tc-timestamp": stamp},
            body=request.body,
        )
        name = "x-scf-cam-token" if self._host.world.holds("P4") else "x-tc-token"
        token = caller.has_token(headers.get(name, ""), self._now())
        if not (matches and token and headers.get("x-scf-cam-uin") == TENCENT_UIN):
            raise Unauthorized("the signature or the token does not fit")
        return caller

    def _acs3(self, request: HttpRequest) -> Caller:
        headers = request.headers
        authorization = signatures.read_acs3(headers.get("authorization", ""))
        if authorization is None or not {"x-acs-date", "x-acs-security-token"} <= set(authorization.signed_headers):
            raise Unauthorized("required HTTP header Authorization was not specified or is no ACS3 signature")
        try:
            sent = datetime.strptime(f"{headers.get('x-acs-date', '')}+0000", "%Y-%m-%dT%H:%M:%SZ%z").timestamp()
        except ValueError:
            raise Unauthorized("x-acs-date is not YYYY-MM-DDThh:mm:ssZ") from None
        needed = not self._host.world.holds("P3")
        hashed = headers.get("x-acs-content-sha256", "" if needed else None)
        whole = hashed is None or hmac.compare_digest(hashed, sha256(request.body).hexdigest())
        caller = self._host.identities.find("alibaba", authorization.id)
        if caller is None:
            raise Unauthorized("the key is not known")
        key, pairs = caller.keys.key, request.pairs()
        matches = signatures.acs3_matches(
            authorization, key, method=request.method, query=pairs, headers=headers, path=request.path
        )
        token = caller.has_token(headers["x-acs-security-token"], self._now())
        if not (whole and matches and token) or abs(self._now() - sent) > _ACS3_SKEW_S:
            raise Unauthorized("the signature, its time or the token does not fit")
        return caller


def _scf_event(request: HttpRequest, *, encoded: bool) -> bytes:
    """The event of a function URL: no requestContext, header names in lower case. `encoded`: the body is in base64."""
    headers = {**request.headers, "x-scf-remote-addr": "127.0.0.1"}
    event: dict[str, Any] = {
        "httpMethod": request.method,
        "path": unquote(request.path),
        "headers": headers,
        "queryString": dict(request.pairs()),
        "body": request.body.decode("utf-8", "replace"),
    }
    if encoded:
        event |= {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
    return json.dumps(event).encode()


def _scf_reply(outcome: InvocationOutcome, *, raised: int) -> HttpReply:
    if outcome.kind == "busy":
        return HttpReply.json(outcome.error, 432, {"X-Scf-Request-Id": outcome.request_id})
    if outcome.kind != "ok":
        return HttpReply.json(outcome.error, raised, {"X-Scf-Request-Id": outcome.request_id})
    value = json.loads(outcome.body)
    if not (isinstance(value, dict) and isinstance(value.get("statusCode"), int)):
        return HttpReply(
            outcome.body, 200, {"Content-Type": "application/json", "X-Scf-Request-Id": outcome.request_id}
        )
    return _told(value, {"X-Scf-Request-Id": outcome.request_id})


def _fc_event(request: HttpRequest, request_id: str, now: float) -> bytes:
    """The event of an HTTP trigger, version v1; header names as the client wrote them."""
    binary = bool(request.body) and not _TEXT.match(request.headers.get("content-type", "application/json"))
    body = base64.b64encode(request.body).decode() if binary else request.body.decode("utf-8", "replace")
    event: dict[str, Any] = {
        "version": "v1",
        "rawPath": request.path,
        "headers": {name.title(): value for name, value in request.headers.items()},
        "queryParameters": dict(request.pairs()),
        "body": body,
        "isBase64Encoded": binary,
        "requestContext": {
            "accountId": ALIBABA_ACCOUNT,
            "domainName": request.hostname,
            "domainPrefix": request.hostname.partition(".")[0],
            "requestId": request_id,
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
            "timeEpoch": str(int(now * 1000)),
            "http": {
                "method": request.method,
                "path": unquote(request.path),
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": request.headers.get("user-agent", ""),
            },
        },
    }
    return json.dumps(event).encode()


def _fc_reply(outcome: InvocationOutcome, *, raised: int) -> HttpReply:
    headers = {"X-Fc-Request-Id": outcome.request_id, "Content-Disposition": "attachment"}
    if outcome.kind == "busy":
        return HttpReply.json(outcome.error, 429, headers)
    if outcome.kind != "ok":
        return HttpReply.json(outcome.error, raised, {**headers, "X-Fc-Error-Type": "UnhandledInvocationError"})
    try:
        value = json.loads(outcome.body)
    except ValueError:
        value = None
    if not (isinstance(value, dict) and isinstance(value.get("statusCode"), int)):
        return HttpReply(outcome.body, 200, headers)
    return _told(value, headers)


def _told(value: dict[str, Any], headers: dict[str, str]) -> HttpReply:
    body = value.get("body", "")
    body = body if isinstance(body, str) else json.dumps(body)
    raw = base64.b64decode(body) if value.get("isBase64Encoded") else body.encode()
    given = {str(name): str(item) for name, item in (value.get("headers") or {}).items()}
    return HttpReply(raw, value["statusCode"], {"Content-Type": "application/json", **headers, **given})
