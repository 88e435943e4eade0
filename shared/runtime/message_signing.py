"""The code by which keyturn knows its own messages on the commands queue.

Whoever can write to that queue could write a message that says it was keyturn's. So each message that keyturn puts
there carries `mac`: base64url without padding of HMAC-SHA-256 (RFC 2104) over the JSON of what the message says, with
sorted keys, no spaces, in UTF-8. The key is KEYTURN_HANDOFF_KEY's, which all functions that share a commands queue
share. `notbefore` is not covered: it is advice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from shared.runtime.secret import Secret

Keys: TypeAlias = "tuple[Secret, ...]"
"""KEYTURN_HANDOFF_KEY's, none, one or two: the first signs, each verifies."""

COMMAND_TYPE = "keyturn.command."
"""The event type of a command; the function's name follows."""

MOST_ATTEMPTS = 10
"""Deliveries of one command that keyturn itself hands back."""

MOST_HOPS = 1000
"""Messages that keyturn sends on the way of one command."""


def sign(
    keys: Keys,
    *,
    type: str,  # noqa: A002  these two are named as the event's attributes
    id: str,  # noqa: A002
    subject: str,
    attempt: int,
    hop: int,
    data: object,
) -> str:
    """The `mac` of a message, made with the first key.

    Raises: ValueError or TypeError if `data` is no JSON.
    """
    return _mac(keys[0], _covered(type, id, subject, attempt, hop, data))


def verify(
    keys: Keys,
    mac: str,
    *,
    type: str,  # noqa: A002
    id: str,  # noqa: A002
    subject: str,
    attempt: int,
    hop: int,
    data: object,
) -> bool:
    """Whether one of the keys made `mac` for this message, compared in constant time.

    Raises: ValueError or TypeError if `data` is no JSON.
    """
    covered = _covered(type, id, subject, attempt, hop, data)
    given = mac.encode("utf-8", "replace")
    return any(hmac.compare_digest(_mac(key, covered).encode(), given) for key in keys)


def _covered(type_: str, id_: str, subject: str, attempt: int, hop: int, data: object) -> bytes:
    said = {"type": type_, "id": id_, "subject": subject, "attempt": attempt, "hop": hop, "data": data}
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _mac(key: Secret, covered: bytes) -> str:
    raw = base64.urlsafe_b64decode(key.reveal() + "=")  # 32 bytes are 43 characters and one of padding
    return base64.urlsafe_b64encode(hmac.new(raw, covered, hashlib.sha256).digest()).decode().rstrip("=")
