"""A new secret sealed to a public key: a compact JWE that only the key's owner can open.

Sources: RFC 7516 (JWE), 7518 (ECDH-ES, RSA-OAEP-256, A256GCM).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared.commands.public_keys import algorithm_for, public_part, thumbprint
from shared.runtime.secret import Secret

_BLOCK = 256  # bytes; the sealed text is padded to a multiple, so that it hardly shows the secret's length
_ENC = "A256GCM"


def seal(jwk: Mapping[str, Any], *, command_id: str, subject: str, secret: Secret) -> str:
    """The JWE of `{CommandId, Subject, Secret, pad}` for the owner of a public key; `kid` is the key's thumbprint.

    Raises: ValueError as `check_key`.
    """
    from joserfc import jwe
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    public = public_part(jwk)
    kinds: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    algorithm = algorithm_for(public)
    header = {"alg": algorithm, "enc": _ENC, "kid": thumbprint(public)}
    plaintext = _padded({"CommandId": command_id, "Subject": subject, "Secret": secret.reveal(), "pad": ""})
    try:
        key = kinds[public["kty"]].import_key(public)
        return jwe.encrypt_compact(header, plaintext, key, algorithms=[algorithm, _ENC])
    # The library's error may quote the key or the sealed text.
    except Exception as error:
        kind = type(error).__name__
    raise ValueError(f"cannot be sealed to ({kind})")


def _padded(body: dict[str, str]) -> bytes:
    missing = -len(_json(body)) % _BLOCK
    return _json({**body, "pad": "0" * missing})


def _json(body: Mapping[str, str]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
