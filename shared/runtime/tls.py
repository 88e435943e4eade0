"""TLS with a cloud: which certificates are trusted, and what is said of one that is refused."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext

_AUTHORITIES = os.path.join(os.path.dirname(__file__), "authorities")  # noqa: PTH118, PTH120 - pathlib is slow to load
_PACKAGED = _AUTHORITIES if os.path.isdir(_AUTHORITIES) else None  # noqa: PTH112 - as above

CERTIFICATE_REFUSED = "CertificateRefused"
"""The code of a call that was not sent because of the server's certificate."""

_ADDRESS = "check who answers at that address; the CA of a stand-in is named by KEYTURN_CA_FILE"
_CLOCK = "check this machine's clock, then ask who runs that host"
# By OpenSSL's verify code, x509_vfy.h.
_PROBLEMS = {
    **dict.fromkeys((2, 7, 19, 20, 21), f"is signed by an authority that is not trusted here: {_ADDRESS}"),
    9: f"is not valid yet: {_CLOCK}",
    10: f"has expired, or one above it has: {_CLOCK}",
    18: f"is self-signed: {_ADDRESS}",
    62: "is for another name: check who answers at that address",
    64: "is for another address: check who answers at that address",
}


def ca_path(endpoint: str | None, ca_file: str | None) -> str | None:
    """What a cloud's certificates are checked against, and nothing else: a PEM file, or a folder in OpenSSL's form.

    `endpoint`: where the cloud's calls go, if not to its own hosts; `ca_file`: what KEYTURN_CA_FILE names, which is
    for such an endpoint alone.

    Returns: what a package carries, where KEYTURN_CA_FILE does not hold; None in a checkout, for the set that comes
    with the client.
    """
    return (ca_file if endpoint else None) or _PACKAGED


def client_context(path: str | None) -> SSLContext:
    """For a connection without a vendor's client. `path`: as `ca_path` gives it."""
    import ssl
    from pathlib import Path

    if path is None:
        return ssl.create_default_context()
    if Path(path).is_dir():
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


def certificate_problem(verify_code: object) -> str:
    """What is wrong with a certificate, and what to do: goes on from "the certificate of HOST"."""
    known = _PROBLEMS.get(verify_code) if isinstance(verify_code, int) else None
    return known or f"cannot be verified (OpenSSL's code {verify_code}): {_ADDRESS}"


def why_not_a_ca_file(path: str) -> str | None:
    """Why a file cannot be trusted by: it cannot be read, or holds no certificate in PEM. None: it can."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificate in PEM"
    except (OSError, ValueError):
        return "cannot be read"
    return None
