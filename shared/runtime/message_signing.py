"""The signature by which keyturn recognises its own messages on the commands queue.

Anybody who can write to that queue can write a message that claims to be keyturn's. So each message of keyturn carries
`mac`: HMAC-SHA-256 (RFC 2104) in base64url without padding. It covers the message's fields as JSON in UTF-8, with
sorted keys and no spaces. The key is in KEYTURN_HANDOFF_KEY, and is the same for all functions that share a commands
queue. `mac` does not cover `notbefore`, which is advice.
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
"""The keys in KEYTURN_HANDOFF_KEY: none, one or two. keyturn signs with the first and accepts both."""

COMMAND_TYPE = "keyturn.command."
"""The event type of a command begins with this. The function's name follows."""

MOST_ATTEMPTS = 10
"""How often keyturn itself puts one command back on the queue."""

MOST_HOPS = 1000
"""How many messages keyturn sends for one command."""


def sign(
    keys: Keys,
    *,
    type: str,  # noqa: A002  both have the names of the event's attributes
    id: str,  # noqa: A002
    subject: str,
    attempt: int,
    hop: int,
    data: object,
) -> str:
    """Make the `mac` of a message with the first key.

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
    """Whether `mac` belongs to this message and one of the keys, compared in constant time.

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
