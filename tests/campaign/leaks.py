"""Finds a secret in bytes, in every form in which a library might have written it."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

_ALPHABET = string.ascii_letters + string.digits


def forms(secret: str) -> dict[str, bytes]:
    """The secret as each encoding writes it, by name."""
    raw = secret.encode()
    once = json.dumps(secret)[1:-1]
    found = {
        "raw": secret,
        "url": quote(secret, safe=""),
        "url, slash kept": quote(secret),
        "url, lower hex": _lower_hex(quote(secret, safe="")),
        "form": quote_plus(secret),
        "json": once,
        "json in json": json.dumps(once)[1:-1],
        "json, unescaped": json.dumps(secret, ensure_ascii=False)[1:-1],
        "json, slashes escaped": once.replace("/", "\\/"),
        "repr": repr(secret)[1:-1],
        "bytes repr": repr(raw)[2:-1],
        "hex": raw.hex(),
    }
    for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
        for shift in range(3):
            # What a longer text's encoding must hold wherever the secret starts in it: the digits it alone decides.
            digits = encode(b"\0" * shift + raw).decode()
            found[f"{name} +{shift}"] = digits[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
    return {name: text.encode() for name, text in found.items()}


def _lower_hex(text: str) -> str:
    parts = text.split("%")
    return parts[0] + "".join(f"%{part[:2].lower()}{part[2:]}" for part in parts[1:])


def hits(places: Mapping[str, bytes], secrets: Iterable[str]) -> list[str]:
    """A `place: form` for each secret that was found. It gives the secret's number, never the secret."""
    found = []
    for number, secret in enumerate(secrets):
        for name, form in forms(secret).items():
            found += [f"{place}: secret {number} as {name}" for place, content in places.items() if form in content]
    return found


def canary(rng: random.Random, rule: str) -> str:
    """A new secret that each encoding writes differently. It keeps the rule of `redis`, `tcr` or `tair`."""
    body = "".join(rng.choice(_ALPHABET) for _ in range(10))
    # None of the first two takes a quote or a backslash; the registry's rule does.
    marks = {"redis": "?/&+=<>%", "tcr": "\"\\+/'%", "tair": "+%&=^"}[rule]
    return f"Aa1{body[:5]}{marks}{body[5:]}"[: 20 if rule == "tcr" else 30]
