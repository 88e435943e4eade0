"""The request signatures, computed from their specifications.

Sources: Tencent Cloud API "Signature v3" (TC3-HMAC-SHA256); Alibaba Cloud "V3 request body and signature
mechanism" (ACS3-HMAC-SHA256) and "V2 request body and signature mechanism" of RPC APIs (HMAC-SHA1, everything in the
query). The verifiers of the newer two try what the official clients of several languages send as host.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote

TC3 = "TC3-HMAC-SHA256"
ACS3 = "ACS3-HMAC-SHA256"

_TC3_AUTHORIZATION = re.compile(
    rf"{TC3}\s+Credential=(?P<id>[^/,\s]+)/(?P<date>\d{{4}}-\d\d-\d\d)/(?P<service>[^/,\s]+)/tc3_request,\s*"
    r"SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_ACS3_AUTHORIZATION = re.compile(
    rf"{ACS3}\s+Credential=(?P<id>[^,\s]+),\s*SignedHeaders=(?P<headers>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class Authorization:
    """A parsed Authorization header; `date` and `service` are TC3's credential scope."""

    id: str
    signed_headers: tuple[str, ...]
    signature: str
    date: str = ""
    service: str = ""


def read_tc3(header: str) -> Authorization | None:
    """Parse a TC3 Authorization header; None if it is not one."""
    match = _TC3_AUTHORIZATION.fullmatch(header.strip())
    if match is None:
        return None
    names = tuple(match["headers"].split(";"))
    return Authorization(match["id"], names, match["signature"], match["date"], match["service"])


def read_acs3(header: str) -> Authorization | None:
    """Parse an ACS3 Authorization header; None if it is not one."""
    match = _ACS3_AUTHORIZATION.fullmatch(header.strip())
    return match and Authorization(match["id"], tuple(match["headers"].split(";")), match["signature"])


def tc3_request(method: str, query: str, headers: Mapping[str, str], signed: Sequence[str], body: bytes) -> str:
    """SHA-256 of TC3's canonical request. `headers` by lower-case name; `query` as sent, empty for POST."""
    payload = b"" if method == "GET" else body
    if headers.get("x-tc-content-sha256") == "UNSIGNED-PAYLOAD":
        payload = b"UNSIGNED-PAYLOAD"
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed)
    hashed = sha256(payload).hexdigest()
    return _digest("\n".join((method, "/", query, lines, ";".join(signed), hashed)))


def tc3_signature(secret_key: str, timestamp: str, date: str, service: str, hashed_request: str) -> str:
    """TC3's signature of a hashed canonical request; `date` is the UTC day of `timestamp` (seconds)."""
    key = b"TC3" + secret_key.encode()
    for part in (date, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"{TC3}\n{timestamp}\n{date}/{service}/tc3_request\n{hashed_request}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def tc3_matches(
    authorization: Authorization,
    secret_key: str,
    *,
    method: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
) -> bool:
    """Whether a request has TC3's signature by this key, over one of the forms of Host that clients sign."""
    timestamp = headers.get("x-tc-timestamp", "")
    matches = False
    # The specification lower-cases signed header values. The vendor's own clients do not.
    for host in host_forms(headers.get("host", "")):
        for values in ({**headers, "host": host}, {name: value.lower() for name, value in headers.items()}):
            hashed = tc3_request(method, query, {**values, "host": host}, authorization.signed_headers, body)
            signature = tc3_signature(secret_key, timestamp, authorization.date, authorization.service, hashed)
            matches |= hmac.compare_digest(signature, authorization.signature)
    return matches


def acs3_request(
    method: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
    signed: Sequence[str],
    path: str = "/",
) -> str:
    """SHA-256 of ACS3's canonical request. `query` is decoded. The header `x-acs-content-sha256` stands for the body.

    `path`: `/` for an RPC API, otherwise the path as sent.
    """
    canonical = "&".join(f"{percent(name)}={percent(value)}" for name, value in sorted(query))
    lines = "".join(f"{name}:{headers.get(name, '').strip()}\n" for name in signed)
    hashed = headers.get("x-acs-content-sha256", "")
    return _digest("\n".join((method, path, canonical, lines, ";".join(signed), hashed)))


def acs3_signature(secret_key: str, hashed_request: str) -> str:
    """ACS3's signature of a hashed canonical request."""
    return hmac.digest(secret_key.encode(), f"{ACS3}\n{hashed_request}".encode(), "sha256").hex()


def acs3_matches(
    authorization: Authorization,
    secret_key: str,
    *,
    method: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, str],
    path: str = "/",
) -> bool:
    """Whether a request has ACS3's signature by this key."""
    matches = False
    for host in host_forms(headers.get("host", "")):
        hashed = acs3_request(method, query, {**headers, "host": host}, authorization.signed_headers, path)
        matches |= hmac.compare_digest(acs3_signature(secret_key, hashed), authorization.signature)
    return matches


def rpc_matches(secret_key: str, method: str, parameters: Iterable[tuple[str, str]]) -> bool:
    """Whether the parameters in URL and form have the older RPC signature (HMAC-SHA1) by this key."""
    given = list(parameters)
    signed = "&".join(f"{percent(name)}={percent(value)}" for name, value in sorted(given) if name != "Signature")
    text = f"{method}&{percent('/')}&{percent(signed)}"
    right = base64.b64encode(hmac.digest(f"{secret_key}&".encode(), text.encode(), "sha1"))
    return hmac.compare_digest(right, dict(given).get("Signature", "").encode())


def host_forms(host: str) -> list[str]:
    """The strings that clients sign for one Host header: as sent, without port, with and without a scheme."""
    bare = host.split("://", 1)[-1]
    return list(dict.fromkeys((host, bare, bare.rsplit(":", 1)[0], f"http://{bare}")))


def percent(text: str) -> str:
    """RFC 3986 percent-encoding of everything but letters, digits and `-_.~`."""
    return quote(text, safe="~")


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
