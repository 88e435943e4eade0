"""Simple Log Service's own wire (2020-12-30): a host a project, and signature version 1 of its own.

The vendor's core cannot sign it without a package that does nothing else, which has no wheels. Sources:
help.aliyun.com/zh/sls, "Request signatures", and the vendor's client, which takes HMAC-SHA256 where the page has SHA-1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

from shared.workbench.apis.alibaba import AlibabaApi
from shared.workbench.apis.calls import CallLost, CallRefused
from shared.workbench.apis.plain_http import send

_VERSION = "0.6.0"  # of the wire, as every client sends it


def ask(
    api: AlibabaApi,
    action: str,
    method: str,
    path: str,
    *,
    project: str = "",
    query: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One call's answer, empty where there is none. Raises: CallRefused, CallLost, CallerRefused."""
    host = f"{project + '.' if project else ''}{api.region}.log.aliyuncs.com"
    content = json.dumps(body).encode() if body is not None else b""
    target = path + ("?" + "&".join(f"{name}={value}" for name, value in sorted(query.items())) if query else "")
    headers = signed(api.keys, method, target, content)
    endpoint = api.endpoint if api.endpoint.startswith("http://") else ""
    place = urlsplit(api.endpoint).netloc if api.endpoint.startswith("https://") else host
    answer = send(method, place, target, headers, content, endpoint=endpoint)
    failed: Exception | None = None
    shown: Any = {}
    try:
        shown = json.loads(answer.body) if answer.body else {}
    except ValueError as error:
        failed = error
    if answer.status >= 300:
        code = shown.get("errorCode") if isinstance(shown, dict) else None
        refused = CallRefused(action, code if isinstance(code, str) else f"HTTP {answer.status}", answer.status, "log")
        raise api.effects.refusal(refused, altered=False)
    api.effects.lost_or_taken(action)
    if failed is not None:
        raise CallLost(action, failed)
    return shown if isinstance(shown, dict) else {}


def signed(keys: Mapping[str, str], method: str, target: str, body: bytes) -> dict[str, str]:
    """All headers of a request but Host and Content-Length."""
    headers = {
        "date": formatdate(usegmt=True),
        "x-log-apiversion": _VERSION,
        "x-log-bodyrawsize": str(len(body)),
        "x-log-signaturemethod": "hmac-sha256",
    }
    if keys.get("token"):
        headers["x-acs-security-token"] = keys["token"]
    if body:
        headers["content-md5"] = hashlib.md5(body, usedforsecurity=False).hexdigest().upper()
        headers["content-type"] = "application/json"
    return headers | {"authorization": f"LOG {keys['id']}:{signature(keys['key'], method, target, headers)}"}


def signature(key: str, method: str, target: str, headers: Mapping[str, str]) -> str:
    """Of a request's path with its sorted query, and of headers by lower-case name; one of them names the digest."""
    lines = [method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    lines += [f"{name}:{value}" for name, value in sorted(headers.items()) if name.startswith(("x-log-", "x-acs-"))]
    digest = headers["x-log-signaturemethod"].removeprefix("hmac-")
    return base64.b64encode(hmac.digest(key.encode(), "\n".join([*lines, target]).encode(), digest)).decode()
