"""SLS by its published protocol. The vendor's SDK is not used, because it needs packages that have no wheels."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from email.utils import formatdate
from hashlib import md5
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from tests.cloud.client.standin import Standin

HOST = "cn-hangzhou.log.aliyuncs.com"


def sls_signature(key: str, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The signature `v1` of a request whose header names are in lower case."""
    lines = [method, *(headers.get(name, "") for name in ("content-md5", "content-type", "date"))]
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith(("x-log-", "x-acs-"))]
    asked = "&".join(f"{name}={value}" for name, value in sorted(query.items()))
    text = "\n".join([*lines, path + (f"?{asked}" if asked else "")])
    return base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()


def call_sls(
    standin: Standin,
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    *,
    project: str = "",
    query: Mapping[str, str] | None = None,
    **keys: str,
) -> Any:
    """The answer's JSON (None if it has none), or the code of the refusal. `keys` replace id, key or token."""
    with_keys = {**standin.credentials["alibaba"], **keys}
    host, text = (f"{project}.{HOST}" if project else HOST), json.dumps(body).encode() if body is not None else b""
    headers = {
        "host": host,
        "date": formatdate(usegmt=True),
        "content-type": "application/json",
        "content-md5": md5(text).hexdigest().upper() if text else "",
        "x-log-apiversion": "0.6.0",
        "x-log-bodyrawsize": str(len(text)),
        "x-log-signaturemethod": "hmac-sha256",
        "x-acs-security-token": with_keys["token"],
    }
    signature = sls_signature(with_keys["key"], method, path, query or {}, headers)
    headers["authorization"] = f"LOG {with_keys['id']}:{signature}"
    url = f"{standin.endpoint}{path}" + (f"?{urlencode(query)}" if query else "")
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(Request(url, text or None, headers, method=method), timeout=10) as reply:
            return json.loads(reply.read() or b"null")
    except HTTPError as error:
        return json.load(error)["errorCode"]
