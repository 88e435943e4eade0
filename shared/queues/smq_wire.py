"""SMQ's wire format (formerly MNS, version 2015-06-06): signed requests and XML, without a connection.

Sources: https://www.alibabacloud.com/help/doc-detail/27487.htm (signature), 27501.html (errors), and
https://help.aliyun.com/en/mns/developer-reference/sendmessage.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from email.utils import formatdate
from xml.etree import ElementTree

VERSION = "2015-06-06"
_NAMESPACE = "http://mns.aliyuncs.com/doc/v1/"
_CONTENT_TYPE = "text/xml;charset=UTF-8"
_HANDLE = re.compile(r"[A-Za-z0-9._=+/~-]{1,1024}")


def signature(key: str, method: str, target: str, headers: Mapping[str, str]) -> str:
    """Base64 of HMAC-SHA1 over a request. `target`: path and query as sent. `headers`: names in lower case.

    The host and the security token are not signed.
    """
    own = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers) if name.startswith("x-mns-"))
    parts = (method, headers.get("content-md5", ""), headers.get("content-type", ""), headers["date"], own + target)
    return base64.b64encode(hmac.digest(key.encode(), "\n".join(parts).encode(), "sha1")).decode()


def signed_headers(
    method: str, target: str, body: bytes, *, id_: str, key: str, token: str | None, now: float | None = None
) -> dict[str, str]:
    """All headers of a request, except Host and Content-Length. `now`: Unix seconds."""
    headers = {"date": formatdate(now, usegmt=True), "x-mns-version": VERSION}
    if body:
        # Base64 of the digest's hexadecimal text, not of its bytes, as this service expects.
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
        headers |= {"content-type": _CONTENT_TYPE, "content-md5": base64.b64encode(digest.encode()).decode()}
    headers["authorization"] = f"MNS {id_}:{signature(key, method, target, headers)}"
    if token:
        headers["security-token"] = token
    return headers


def message_xml(text: str, delay_s: int) -> bytes:
    """The document of SendMessage. `text`: base64, so nothing in it needs escaping."""
    delay = f"<DelaySeconds>{delay_s}</DelaySeconds>" if delay_s else ""
    inner = f"<MessageBody>{text}</MessageBody>{delay}"
    return f'<?xml version="1.0" encoding="utf-8"?><Message xmlns="{_NAMESPACE}">{inner}</Message>'.encode()


def digests(plain: str, text: str) -> set[str]:
    """The MD5 digests that confirm a message: no page says which of the two bodies the service takes."""
    return {hashlib.md5(one.encode(), usedforsecurity=False).hexdigest().upper() for one in (plain, text)}


def elements(document: bytes, root: str) -> Iterator[dict[str, str]]:
    """The names and texts in each element `root` of an answer. Nothing if the answer is not readable."""
    if b"<!" in document:  # a document type: not an answer of this service
        return
    try:
        tree = ElementTree.fromstring(document)  # noqa: S314 - no document type, so no entities
    except (ElementTree.ParseError, ValueError, LookupError):
        return
    for found in tree.iter(f"{{{_NAMESPACE}}}{root}"):
        yield {child.tag.rpartition("}")[2]: child.text or "" for child in found}


def usable_handle(handle: str) -> bool:
    """Whether a query can hold a receipt handle unchanged. The signature needs it unchanged."""
    return bool(_HANDLE.fullmatch(handle))
