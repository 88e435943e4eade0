"""Sealed secrets: which keys are taken, what a JWE holds, and that only the key's owner opens it."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey, RSAKey

from shared.commands.public_keys import check_key
from shared.runtime.secret import Secret
from shared.stores.sealing import seal
from tests.support.public_keys import EC_KEYS, RSA_KEY, X_KEY, b64, ec_jwk, number, rsa_jwk, un64, x_jwk

SECRET = "Sealed-Passw0rd"
SUBJECT = "redis/crs-demo0001/app"
# RFC 7638, section 3.1.
RFC_KEY = {
    "kty": "RSA",
    "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjB"
    "ZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8"
    "KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
    "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    "e": "AQAB",
    "alg": "RS256",
    "kid": "2011-04-29",
}
RFC_THUMBPRINT = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
# RFC 7518, appendix C: what Alice and Bob agree on, for the opener below.
ALICE = {
    "kty": "EC",
    "crv": "P-256",
    "x": "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0",
    "y": "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps",
}
BOB_D = "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"


KEYS = {"RSA": rsa_jwk(), **{name: ec_jwk(name) for name in EC_KEYS}, "X25519": x_jwk()}


def concat_kdf(agreed: bytes, enc: str, bits: int, apu: bytes = b"", apv: bytes = b"") -> bytes:
    """RFC 7518, section 4.6.2, for keys of up to 256 bits."""
    parts = b"".join(struct.pack(">I", len(one)) + one for one in (enc.encode(), apu, apv))
    return hashlib.sha256(struct.pack(">I", 1) + agreed + parts + struct.pack(">I", bits)).digest()[: bits // 8]


def agree(epk: dict[str, str], private: Any) -> bytes:
    if epk["crv"] == "X25519":
        return bytes(private.exchange(X25519PublicKey.from_public_bytes(un64(epk["x"]))))
    curve = EC_KEYS[epk["crv"]].curve
    x, y = (int.from_bytes(un64(epk[part]), "big") for part in "xy")
    return bytes(private.exchange(ec.ECDH(), ec.EllipticCurvePublicNumbers(x, y, curve).public_key()))


def opened(sealed: str, private: Any) -> tuple[dict[str, Any], bytes]:
    """Header and plaintext of a compact JWE, by nothing but the RFCs."""
    head, wrapped, iv, text, tag = sealed.split(".")
    header = json.loads(un64(head))
    if header["alg"] == "RSA-OAEP-256":
        oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
        key = private.decrypt(un64(wrapped), oaep)
    else:
        assert wrapped == ""
        key = concat_kdf(agree(header["epk"], private), header["enc"], 256)
    return header, AESGCM(key).decrypt(un64(iv), un64(text) + un64(tag), head.encode())


def private_of(name: str) -> Any:
    return RSA_KEY if name == "RSA" else X_KEY if name == "X25519" else EC_KEYS[name]


def test_the_thumbprint_is_the_one_of_the_rfc() -> None:
    assert check_key({name: RFC_KEY[name] for name in ("e", "n", "kty", "kid")}) == RFC_THUMBPRINT


def test_the_opener_of_these_tests_agrees_with_the_rfc() -> None:
    bob = ec.derive_private_key(int.from_bytes(un64(BOB_D), "big"), ec.SECP256R1())
    derived = concat_kdf(agree(ALICE, bob), "A128GCM", 128, b"Alice", b"Bob")
    assert b64(derived) == "VqqN6vgjbSBcIijNcacQGg"


@pytest.mark.parametrize("name", KEYS)
def test_the_owner_of_the_key_opens_what_was_sealed(name: str) -> None:
    sealed = seal(KEYS[name], command_id="c-1", subject=SUBJECT, secret=Secret(SECRET))
    header, plaintext = opened(sealed, private_of(name))
    body = json.loads(plaintext)
    assert (body["CommandId"], body["Subject"], body["Secret"]) == ("c-1", SUBJECT, SECRET)
    assert set(body) == {"CommandId", "Subject", "Secret", "pad"}
    assert len(plaintext) % 256 == 0
    assert header["kid"] == check_key(KEYS[name])
    assert header["enc"] == "A256GCM"
    assert header["alg"] == ("RSA-OAEP-256" if name == "RSA" else "ECDH-ES")
    assert SECRET not in sealed


@pytest.mark.parametrize("name", KEYS)
def test_a_library_opens_it_too(name: str) -> None:
    sealed = seal(KEYS[name], command_id="c-1", subject=SUBJECT, secret=Secret(SECRET))
    key: Any = {"RSA": RSAKey, "X25519": OKPKey}.get(name, ECKey)(private_of(name), private_of(name))
    found = jwe.decrypt_compact(sealed, key, algorithms=["RSA-OAEP-256", "ECDH-ES", "A256GCM"])
    assert json.loads(found.plaintext or b"")["Secret"] == SECRET


def test_no_two_seals_are_alike() -> None:
    one, other = (seal(ec_jwk(), command_id="c", subject=SUBJECT, secret=Secret(SECRET)) for _ in range(2))
    assert one != other


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 64), st.sampled_from(list(KEYS)))
def test_the_size_does_not_tell_the_length_of_a_secret(length: int, name: str) -> None:
    sealed = seal(KEYS[name], command_id="c-1", subject=SUBJECT, secret=Secret("x" * length))
    assert len(sealed) == len(seal(KEYS[name], command_id="c-1", subject=SUBJECT, secret=Secret("y")))


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=300))
def test_every_text_comes_out_as_it_went_in(text: str) -> None:
    _, plaintext = opened(seal(ec_jwk(), command_id="c", subject=SUBJECT, secret=Secret(text)), EC_KEYS["P-256"])
    assert json.loads(plaintext)["Secret"] == text
    assert len(plaintext) % 256 == 0


def moved(key: dict[str, str], part: str) -> dict[str, str]:
    """The key with one coordinate off by one."""
    return {**key, part: number(int.from_bytes(un64(key[part]), "big") ^ 1, len(un64(key[part])))}


SMALL = [b64(value.to_bytes(32, "little")) for value in (0, 1, 2**255 - 20, 2**255 - 19, 2**255 + 1)]
WEAK = rsa.generate_private_key(65537, 1024)
BAD: dict[str, Any] = {
    "nothing": {},
    "no object": {"kty": "RSA", "n": [1], "e": object()},
    "symmetric": {"kty": "oct", "k": b64(b"k" * 32)},
    "private EC": {**ec_jwk(), "d": b64(b"d" * 32)},
    "private RSA": {**rsa_jwk(), "p": "AQAB"},
    "private in part": {**rsa_jwk(), "oth": []},
    "weak RSA": rsa_jwk(WEAK),
    "even modulus": {**rsa_jwk(), "n": number(1 << 2047)},
    "exponent of one": {**rsa_jwk(), "e": "AQ"},
    "leading zero": {**rsa_jwk(), "n": b64(b"\0" + un64(rsa_jwk()["n"]))},
    "secp256k1": {**ec_jwk(), "crv": "secp256k1"},
    "a list as curve": {**ec_jwk(), "crv": ["P-256"]},
    "off the curve": moved(ec_jwk(), "x"),
    "off P-521": moved(ec_jwk("P-521"), "y"),
    "of another curve": {**ec_jwk(), "crv": "P-384"},
    "Ed25519": {**x_jwk(), "crv": "Ed25519"},
    "short X25519": {**x_jwk(), "x": b64(b"x" * 31)},
    "padded": {**ec_jwk(), "x": ec_jwk()["x"] + "="},
    "not canonical": {**x_jwk(), "x": x_jwk()["x"][:-1] + ("B" if x_jwk()["x"][-1] == "A" else chr(ord("A") + 1))},
    "for signatures": {**ec_jwk(), "use": "sig"},
    "use in a list": {**ec_jwk(), "use": ["enc"]},
    "use that is null": {**ec_jwk(), "use": None},
    "operations of signatures": {**ec_jwk(), "key_ops": ["verify"]},
    "operations of the private half": {**rsa_jwk(), "key_ops": ["decrypt", "unwrapKey"]},
    "operations as text": {**rsa_jwk(), "key_ops": "encrypt"},
    "operations that are null": {**rsa_jwk(), "key_ops": None},
    "operations as an object": {**rsa_jwk(), "key_ops": {"encrypt": True}},
    "an operation twice": {**rsa_jwk(), "key_ops": ["encrypt", "encrypt"]},
    "an operation that is no text": {**rsa_jwk(), "key_ops": ["encrypt", 1]},
    "operations nested": {**rsa_jwk(), "key_ops": [["encrypt"]]},
    "operations beside another use": {**rsa_jwk(), "use": "enc", "key_ops": ["wrapKey", "sign"]},
    "alg of signatures": RFC_KEY,
    "alg of another kind": {**ec_jwk(), "alg": "RSA-OAEP-256"},
    "wrapping alg": {**ec_jwk(), "alg": "ECDH-ES+A256KW"},
    "too large": {**ec_jwk(), "x5c": ["A" * 9000]},
    **{f"small order {place}": {**x_jwk(), "x": x} for place, x in enumerate(SMALL)},
}


@pytest.mark.parametrize("what", BAD)
def test_a_key_that_breaks_a_rule_is_refused_and_not_echoed(what: str) -> None:
    key = BAD[what]
    with pytest.raises(ValueError, match="must") as caught:
        check_key(key)
    with pytest.raises(ValueError, match="must"):
        seal(key, command_id="c", subject=SUBJECT, secret=Secret(SECRET))
    long_parts = [value for value in key.values() if isinstance(value, str) and len(value) > 16]
    assert not any(part in str(caught.value) for part in long_parts)
    assert SECRET not in str(caught.value)


def test_members_that_only_describe_a_key_change_nothing() -> None:
    key = {**ec_jwk(), "use": "enc", "alg": "ECDH-ES", "kid": "mine", "key_ops": ["deriveBits"], "x5t": "AAAA"}
    assert check_key(key) == check_key(ec_jwk())
    sealed = seal(key, command_id="c", subject=SUBJECT, secret=Secret(SECRET))
    assert json.loads(opened(sealed, EC_KEYS["P-256"])[1])["Secret"] == SECRET


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("place", range(4))
def test_operations_that_allow_to_encrypt_are_taken(name: str, place: int) -> None:
    one, other = ("encrypt", "wrapKey") if name == "RSA" else ("deriveKey", "deriveBits")
    operations = ([], [one], [other, one], ["sign", other])[place]
    assert check_key({**KEYS[name], "key_ops": operations}) == check_key(KEYS[name])
    beside = {**KEYS[name], "use": "enc", "key_ops": [one for one in operations if one != "sign"]}
    assert check_key(beside) == check_key(KEYS[name])


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_every_x25519_key_that_is_taken_can_be_sealed_to(octets: bytes) -> None:
    key = {"kty": "OKP", "crv": "X25519", "x": b64(octets)}
    try:
        check_key(key)
    except ValueError:
        return
    assert seal(key, command_id="c", subject=SUBJECT, secret=Secret(SECRET)).count(".") == 4
