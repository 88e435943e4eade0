"""One HTTP request as it is given: for what no vendor's client sends, such as a call of a function's address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from shared.workbench.apis.calls import CallLost

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class HttpAnswer:
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send(
    method: str,
    host: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    *,
    endpoint: str = "",
    timeout_s: float = _TIMEOUT_S,
) -> HttpAnswer:
    """Ask a host by TLS, or a stand-in at `endpoint` (http://) that takes every host's requests. Raises: CallLost."""
    local = urlsplit(endpoint).netloc if endpoint.startswith("http://") else ""
    connection = HTTPConnection(local, timeout=timeout_s) if local else HTTPSConnection(host, timeout=timeout_s)
    try:
        connection.request(method, target, body or None, {**headers, "Host": host})
        answered = connection.getresponse()
        named = {name.lower(): value for name, value in answered.getheaders()}
        return HttpAnswer(answered.status, named, answered.read())
    except (OSError, HTTPException) as failure:
        raise CallLost(f"{method} {host}", failure, host=host) from None
    finally:
        connection.close()
