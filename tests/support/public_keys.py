"""Keys to seal results to, and their public halves as JWKs for a command."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

RSA_KEY = rsa.generate_private_key(65537, 2048)

EC_KEYS = {name: ec.generate_private_key(curve) for name, curve in
           (("P-256", ec.SECP256R1()), ("P-384", ec.SECP384R1()), ("P-521", ec.SECP521R1()))}  # fmt: skip

X_KEY = X25519PrivateKey.generate()

SIZES = {"P-256": 32, "P-384": 48, "P-521": 66}


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def un64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value: int, size: int | None = None) -> str:
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


def rsa_jwk(key: rsa.RSAPrivateKey = RSA_KEY) -> dict[str, str]:
    public = key.public_key().public_numbers()
    return {"kty": "RSA", "n": number(public.n), "e": number(public.e)}


def ec_jwk(name: str = "P-256") -> dict[str, str]:
    public, size = EC_KEYS[name].public_key().public_numbers(), SIZES[name]
    return {"kty": "EC", "crv": name, "x": number(public.x, size), "y": number(public.y, size)}


def x_jwk() -> dict[str, str]:
    return {"kty": "OKP", "crv": "X25519", "x": b64(X_KEY.public_key().public_bytes_raw())}
