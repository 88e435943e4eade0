"""The public keys that a new secret may be sealed to.

keyturn checks a key completely before it changes anything: if sealing failed after the change, the new secret would be
lost. The check needs no cryptographic library. Sources: RFC 7518 (the form of keys), 7638 (thumbprint), 8037 (X25519),
7748 section 6.1 (the all-zero result of points of small order).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

_LARGEST_KEY = 8192  # bytes as JSON
_RSA_BITS = range(2048, 8193)
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_ENCRYPTING = {"RSA": ("encrypt", "wrapKey"), "EC": ("deriveKey", "deriveBits"), "OKP": ("deriveKey", "deriveBits")}
_SIGNING = frozenset({"sign", "verify"})
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class _Curve:
    """A prime curve y^2 = x^3 - 3x + b. Source: FIPS 186-4, appendix D.1.2."""

    size: int  # of a coordinate, in bytes
    prime: int
    b: int


_CURVES = {
    "P-256": _Curve(
        32,
        2**256 - 2**224 + 2**192 + 2**96 - 1,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    ),
    "P-384": _Curve(
        48,
        2**384 - 2**128 - 2**96 + 2**32 - 1,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    ),
    "P-521": _Curve(
        66,
        2**521 - 1,
        0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
    ),
}
_X25519_PRIME = 2**255 - 19
_X25519_SMALL = {
    0,
    1,
    _X25519_PRIME - 1,
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
}


def check_key(jwk: Mapping[str, Any]) -> str:
    """Check a public key, and return its RFC 7638 thumbprint (SHA-256, base64url).

    Raises: ValueError naming the rule that the key breaks, never the key.
    """
    return thumbprint(public_part(jwk))


def thumbprint(public: Mapping[str, str]) -> str:
    """The RFC 7638 thumbprint of a key's public part."""
    text = json.dumps(public, separators=(",", ":"), sort_keys=True)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def algorithm_for(public: Mapping[str, str]) -> str:
    """The JWE algorithm for this kind of key (RFC 7518)."""
    return "RSA-OAEP-256" if public["kty"] == "RSA" else "ECDH-ES"


def public_part(jwk: Mapping[str, Any]) -> dict[str, str]:
    """Check a key, and return only the members that define it. Raises: ValueError."""
    try:
        size = len(json.dumps(dict(jwk)))
    except (TypeError, ValueError, RecursionError):
        size = _LARGEST_KEY + 1
    if size > _LARGEST_KEY:
        _refuse(f"must be a JSON object of at most {_LARGEST_KEY} bytes")
    if any(name in jwk for name in _PRIVATE):
        _refuse("must be a public key: it has a private part, so take that key out of use")
    kty = jwk.get("kty")
    if kty == "RSA":
        public = _rsa(jwk)
    elif kty == "EC":
        public = _ec(jwk)
    elif kty == "OKP":
        public = _okp(jwk)
    else:
        _refuse("kty must be RSA, EC or OKP")
    _check_purpose(jwk)
    if jwk.get("alg", algorithm_for(public)) != algorithm_for(public):
        _refuse(f"alg must be {algorithm_for(public)} for this kind of key, if it is there")
    return public


def _check_purpose(jwk: Mapping[str, Any]) -> None:
    """RFC 7517, 4.2 and 4.3: a library may refuse to decrypt with a key for another purpose. Raises: ValueError."""
    if jwk.get("use", "enc") != "enc":
        _refuse("use must be enc, if it is there")
    operations = jwk.get("key_ops", [])
    if not isinstance(operations, list) or not all(isinstance(one, str) for one in operations):
        _refuse("key_ops must be a list of texts, if it is there")
    if len(set(operations)) < len(operations):
        _refuse("key_ops must name no operation twice")
    fitting = _ENCRYPTING[jwk["kty"]]
    if operations and set(fitting).isdisjoint(operations):  # browsers export an ECDH public key with an empty list
        _refuse(f"key_ops must name {' or '.join(fitting)} for this kind of key, if it is there")
    if "use" in jwk and not _SIGNING.isdisjoint(operations):
        _refuse("key_ops must fit use: a key for enc neither signs nor verifies")


def _rsa(jwk: Mapping[str, Any]) -> dict[str, str]:
    modulus, exponent = (int.from_bytes(_bytes(jwk, name, minimal=True), "big") for name in ("n", "e"))
    if modulus.bit_length() not in _RSA_BITS or not modulus % 2:
        _refuse(f"n must be an RSA modulus of {_RSA_BITS[0]} to {_RSA_BITS[-1]} bits")
    if not (exponent % 2 and 3 <= exponent < 2**32):
        _refuse("e must be an odd number from 3, of at most 32 bits")
    return {"kty": "RSA", "n": jwk["n"], "e": jwk["e"]}


def _ec(jwk: Mapping[str, Any]) -> dict[str, str]:
    name = jwk.get("crv")
    curve = _CURVES.get(name) if isinstance(name, str) else None
    if curve is None:
        _refuse(f"crv must be {', '.join(_CURVES)} for an EC key")
    x, y = (int.from_bytes(_bytes(jwk, part, size=curve.size), "big") for part in ("x", "y"))
    on_curve = (y * y - (x**3 - 3 * x + curve.b)) % curve.prime == 0
    if max(x, y) >= curve.prime or not on_curve:
        _refuse("x and y must be a point of the curve")
    return {"kty": "EC", "crv": str(name), "x": jwk["x"], "y": jwk["y"]}


def _okp(jwk: Mapping[str, Any]) -> dict[str, str]:
    if jwk.get("crv") != "X25519":
        _refuse("crv must be X25519 for an OKP key")
    point = int.from_bytes(_bytes(jwk, "x", size=32), "little") % 2**255
    if point % _X25519_PRIME in _X25519_SMALL:
        _refuse("x must not be a point of small order")
    return {"kty": "OKP", "crv": "X25519", "x": jwk["x"]}


def _bytes(jwk: Mapping[str, Any], name: str, *, size: int | None = None, minimal: bool = False) -> bytes:
    """One member's octets, if its text has the one form that the RFCs allow. Raises: ValueError."""
    text = jwk.get(name)
    octets = b""
    if isinstance(text, str) and _BASE64URL.fullmatch(text):
        try:
            octets = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except binascii.Error:
            octets = b""
    if not octets or base64.urlsafe_b64encode(octets).rstrip(b"=") != str(text).encode():
        _refuse(f"{name} must be base64url without padding")
    if (size is not None and len(octets) != size) or (minimal and octets[0] == 0):
        _refuse(f"{name} must have the length that its kind of key requires")
    return octets


def _refuse(rule: str) -> NoReturn:
    raise ValueError(rule)
