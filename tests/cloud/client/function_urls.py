"""Callers of functions' HTTP addresses through the stand-in's port. Each signs as the vendor's page shows.

To call a function by hand, use any HTTP client with the stand-in's endpoint as its proxy, and the function's `http://`
address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from shared.workbench.deploy.call import fc_headers, scf_headers
from tests.cloud.client.standin import Standin
from tests.cloud.state.accounts import TENCENT_UIN


@dataclass(frozen=True)
class HttpAnswer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def call_signed(standin: Standin, url: str, command: Any, *, headers: Mapping[str, str] | None = None) -> HttpAnswer:
    """POST a command to a function's address, signed for the platform of the address."""
    body = command if isinstance(command, bytes) else json.dumps(command).encode()
    host = urlsplit(url).netloc
    sign = tencent_headers if host.endswith(".tencentscf.com") else alibaba_headers
    return send_request(standin, url, body, {**sign(standin, host, body), **(headers or {})})


def send_request(
    standin: Standin, url: str, body: bytes, headers: Mapping[str, str], method: str = "POST"
) -> HttpAnswer:
    """Send a request unchanged, with the stand-in as proxy."""
    plain = f"http://{urlsplit(url).netloc}{urlsplit(url).path or '/'}"
    opener = build_opener(ProxyHandler({"http": standin.endpoint}))
    try:
        with opener.open(Request(plain, body, dict(headers), method=method), timeout=90) as reply:
            return HttpAnswer(reply.status, dict(reply.headers), reply.read())
    except HTTPError as refused:
        with refused:
            return HttpAnswer(refused.code, dict(refused.headers), refused.read())


def tencent_headers(standin: Standin, host: str, body: bytes, **keys: str) -> dict[str, str]:
    """The headers of a call that CAM checks."""
    return scf_headers(host, body, {**standin.credentials["tencent"], **keys}, TENCENT_UIN)


def alibaba_headers(standin: Standin, host: str, body: bytes, **keys: str) -> dict[str, str]:
    """The headers of a call that FC's HTTP trigger checks; the signature does not cover the body."""
    return fc_headers(host, {**standin.credentials["alibaba"], **keys})
