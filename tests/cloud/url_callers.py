"""Callers of functions' HTTP addresses, by way of the stand-in's port. Each signs as the vendor's page shows.

To call one by hand: any HTTP client, the stand-in's endpoint as its proxy, the function's own `http://` address.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from alibabacloud_tea_openapi.utils import Utils
from darabonba.request import DaraRequest
from tencentcloud.common.sign import Sign

from . import signatures
from .client import Standin
from .runtime import UIN


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def call(standin: Standin, url: str, command: Any, *, headers: Mapping[str, str] | None = None) -> Answered:
    """POST a command to a function's address, signed for whichever platform the address is of."""
    body = command if isinstance(command, bytes) else json.dumps(command).encode()
    host = urlsplit(url).netloc
    sign = tencent_headers if host.endswith(".tencentscf.com") else alibaba_headers
    return send(standin, url, body, {**sign(standin, host, body), **(headers or {})})


def send(standin: Standin, url: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> Answered:
    """Send as it is, through the stand-in as a proxy."""
    plain = f"http://{urlsplit(url).netloc}{urlsplit(url).path or '/'}"
    opener = build_opener(ProxyHandler({"http": standin.endpoint}))
    try:
        with opener.open(Request(plain, body, dict(headers), method=method), timeout=90) as reply:
            return Answered(reply.status, dict(reply.headers), reply.read())
    except HTTPError as refused:
        with refused:
            return Answered(refused.code, dict(refused.headers), refused.read())


def tencent_headers(standin: Standin, host: str, body: bytes, **keys: str) -> dict[str, str]:
    """TC3 of the service `scf`; the signature itself is made by the vendor's code."""
    given = {**standin.credentials["tencent"], **keys}
    now = int(time.time())
    date = time.strftime("%Y-%m-%d", time.gmtime(now))
    signed = {"content-type": "application/json", "host": host, "x-scf-cam-uin": UIN}
    hashed = signatures.tc3_request("POST", "", signed, sorted(signed), body)
    text = f"{signatures.TC3}\n{now}\n{date}/scf/tc3_request\n{hashed}"
    signature = Sign.sign_tc3(given["key"], date, "scf", text)
    scope, names = f"{given['id']}/{date}/scf/tc3_request", ";".join(sorted(signed))
    return {
        "Content-Type": "application/json",
        "X-Scf-Cam-Uin": UIN,
        "X-Scf-Cam-Timestamp": str(now),
        "X-Scf-Cam-Token": given["token"],
        "Authorization": f"{signatures.TC3} Credential={scope}, SignedHeaders={names}, Signature={signature}",
    }


def alibaba_headers(standin: Standin, host: str, body: bytes, **keys: str) -> dict[str, str]:
    """ACS3 by the vendor's own code, without a hash of the body, as its page has it."""
    given = {**standin.credentials["alibaba"], **keys}
    request = DaraRequest()
    request.method, request.pathname = "POST", "/"
    request.headers = {
        "host": host,
        "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "x-acs-security-token": given["token"],
    }
    authorization = Utils.get_authorization(request, signatures.ACS3, "", given["id"], given["key"])
    sent = {name: value for name, value in request.headers.items() if name != "host"}
    return {"Content-Type": "application/json", **sent, "Authorization": authorization}
