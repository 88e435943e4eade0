"""The events of a new operation: the other operation's, with new names, ids, lengths and signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from typing import Any

from shared.runtime.message_signing import sign
from shared.runtime.settings import handoff_keys
from shared.workbench.scaffold.names import NewOperation

EXAMPLES_KEY = "a2V5dHVybidzIGV4YW1wbGVzLCBub3RoaW5nIGVsc2U"
"""KEYTURN_HANDOFF_KEY of the examples in events/. It only signs their `mac`."""
EXAMPLES_SECRET = "keyturn's examples, nothing else"
"""The secret key that signs the HTTP calls of the examples."""

_TEXTS = ("body", "Message", "payload", "msgBody", "messageBody")  # each of these may hold a command as JSON
_NAMES = ("CommandId", "TriggerName", "triggerName", "idempotency-key")  # other values make it another change
_MOST_NAME = 60
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DRAWN = re.compile(
    rf"{_UUID}|(?<![A-Za-z0-9])(?:(?=[0-9]*[a-f])[0-9a-f]{{8,}}|(?=[0-9]*[A-F])[0-9A-F]{{16,}})(?![A-Za-z0-9])"
)


def event_file(new: NewOperation, file: str, text: str) -> str:
    """The event file of the new operation, from the other operation's.

    `file`: its name, for example `scf-http.json`.
    """
    event = _walked(json.loads(text), lambda key, value: _fresh(new, file, key, value))
    return as_file(signed(event))


def as_file(event: Any) -> str:
    """An event in the form of the files in events/."""
    return json.dumps(event, indent=2, ensure_ascii=False) + "\n"


def signed(event: Any) -> Any:
    """An event with the lengths, digests and signatures of its present content, made with the examples' keys."""
    one = event[0] if isinstance(event, list) else event
    if isinstance(one.get("headers"), dict):
        _sign_http(one)
    if "MessageMD5" in one:
        one["MessageMD5"] = hashlib.md5(one["Message"].encode()).hexdigest().upper()
    return event


def _walked(value: Any, change: Callable[[str, str], str], key: str = "") -> Any:
    """A JSON value with every text in it changed. JSON within a text is changed, too."""
    if isinstance(value, dict):
        return _keyturns_own({name: _walked(one, change, name) for name, one in value.items()})
    if isinstance(value, list):
        return [_walked(one, change, key) for one in value]
    if isinstance(value, str) and key in _TEXTS and value[:1] in ("{", "["):
        return json.dumps(_walked(json.loads(value), change), ensure_ascii=False)
    return change(key, value) if isinstance(value, str) else value


def _fresh(new: NewOperation, file: str, key: str, text: str) -> str:
    """One text with the new names.

    An id becomes another id of the same form. A text that identifies a change becomes a new one.
    """
    if key.lower() == "authorization":
        return text
    renamed = new.renamed(_DRAWN.sub(lambda found: _like(found[0], f"{new.name} {file}"), text))
    if key not in _NAMES:
        return renamed
    word = re.sub(r"(?<!^)(?=[A-Z])", "-", new.action).lower()
    made = re.sub(r"\brotate\b", word, renamed, count=1) if "rotate" in renamed else f"{word}-{renamed}"
    return made if len(made) <= _MOST_NAME else made[-_MOST_NAME:].lstrip("-_")


def _like(token: str, seed: str) -> str:
    """Other hexadecimal digits in the same form. The same seed gives the same digits."""
    drawn = hashlib.sha256(f"{seed} {token}".encode()).hexdigest() * (1 + len(token) // 64)
    drawn = drawn.upper() if token.isupper() else drawn
    return "".join(new if old.isalnum() else old for old, new in zip(token, drawn, strict=False))


def _keyturns_own(event: dict[str, Any]) -> dict[str, Any]:
    """A command event with the `mac` that keyturn would give it, if it has one."""
    if "mac" not in event:
        return event
    parts = {name: event[name] for name in ("type", "id", "subject", "data")}
    counts = {"attempt": event.get("attempt", 1), "hop": event.get("hop", 0)}
    return event | {"mac": sign(handoff_keys(EXAMPLES_KEY), **parts, **counts)}


def _sign_http(event: dict[str, Any]) -> None:
    """Write the length, digest and signature of an HTTP call to its headers."""
    names = {name.lower(): name for name in event["headers"]}
    headers = event["headers"]
    raw = event["body"].encode()
    body = base64.b64decode(raw) if event.get("isBase64Encoded") else raw
    headers[names["content-length"]] = str(len(body))
    digest = hashlib.sha256(body).hexdigest()
    if "x-acs-content-sha256" in names:
        headers[names["x-acs-content-sha256"]] = digest
    given = headers[names["authorization"]]
    if given.startswith(("TC3", "ACS3")):
        values = {name: headers[spelled] for name, spelled in names.items()}
        headers[names["authorization"]] = given.rpartition("=")[0] + "=" + signature(given, values, digest)


def signature(authorization: str, headers: dict[str, str], digest: str) -> str:
    """The signature of a POST to `/`, by the scheme and over the headers that its Authorization names.

    TC3: cloud.tencent.com 213/30654. ACS3: help.aliyun.com 2355765. `digest`: hex SHA-256 of the body.
    """
    names = re.split("; ?", re.findall(r"SignedHeaders=([^,]+)", authorization)[0])
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    canonical = f"POST\n/\n\n{lines}\n{';'.join(names)}\n{digest}"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    if authorization.startswith("ACS3"):
        return _hmac(EXAMPLES_SECRET.encode(), f"ACS3-HMAC-SHA256\n{hashed}").hex()
    scope = re.findall(r"Credential=[^/]+/([^,]+)", authorization)[0]
    date, service, end = scope.split("/")
    key = f"TC3{EXAMPLES_SECRET}".encode()
    for part in (date, service, end):
        key = _hmac(key, part)
    return _hmac(key, f"TC3-HMAC-SHA256\n{headers['x-tc-timestamp']}\n{scope}\n{hashed}").hex()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
