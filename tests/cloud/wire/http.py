"""HTTP requests and replies, before the rules of a cloud."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request: the query exactly as sent, header names in lower case; `host` is the Host header."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpRequest:
        """From a request target in origin form (`/path?query`) or, as a proxy gets it, in absolute form."""
        path, _, query = target.partition("?")
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        return cls(method, path, query, {name.lower(): value for name, value in headers.items()}, body)

    @property
    def host(self) -> str:
        """The Host header as sent; an empty string if there is none."""
        return self.headers.get("host", "")

    @property
    def hostname(self) -> str:
        """The name of the host, without scheme and port."""
        return self.host.split("://", 1)[-1].rsplit(":", 1)[0].lower()

    def pairs(self) -> list[tuple[str, str]]:
        """The query, decoded."""
        return parse_qsl(self.query, keep_blank_values=True)


@dataclass(frozen=True)
class HttpReply:
    """One HTTP reply."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpReply:
        """A JSON reply.

        Its content type has no charset, because one of Tencent's clients would not treat it as JSON.
        """
        return cls(json.dumps(value).encode(), status, {"Content-Type": "application/json", **(headers or {})})
