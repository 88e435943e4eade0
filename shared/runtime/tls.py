"""TLS with a cloud: which certificates keyturn trusts, and what it says about a certificate that it refuses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext

_AUTHORITIES = os.path.join(os.path.dirname(__file__), "authorities")  # noqa: PTH118, PTH120 - pathlib is slow to load
_PACKAGED = _AUTHORITIES if os.path.isdir(_AUTHORITIES) else None  # noqa: PTH112 - as above

CERTIFICATE_REFUSED = "CertificateRefused"
"""The error code if a call was not sent because of the server's certificate."""

_ADDRESS = "check which server answers at that address; for a stand-in set KEYTURN_CA_FILE to its CA"
_CLOCK = "check this machine's clock, then ask the owner of that host"
# By OpenSSL's verify code, x509_vfy.h.
_PROBLEMS = {
    **dict.fromkeys((2, 7, 19, 20, 21), f"is signed by an authority that is not trusted here: {_ADDRESS}"),
    9: f"is not valid yet: {_CLOCK}",
    10: f"has expired, or its authority's has: {_CLOCK}",
    18: f"is self-signed: {_ADDRESS}",
    62: "is for another name: check which server answers at that address",
    64: "is for another address: check which server answers at that address",
}


def ca_path(endpoint: str | None, ca_file: str | None) -> str | None:
    """The only CAs to check a cloud's certificates against: a PEM file, or a folder in OpenSSL's form.

    `endpoint`: the URL for the cloud's calls; None for its own hosts. `ca_file`: the value of KEYTURN_CA_FILE, which
    applies to such an endpoint only.

    Returns: `ca_file` if it applies, else the folder in the package. In a checkout there is no such folder: None, and
    the client uses its own CAs.
    """
    return (ca_file if endpoint else None) or _PACKAGED


def client_context(path: str | None) -> SSLContext:
    """The TLS context for a connection without a vendor's client. `path`: the answer of `ca_path`."""
    import ssl
    from pathlib import Path

    if path is None:
        return ssl.create_default_context()
    if Path(path).is_dir():
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


def certificate_problem(verify_code: object) -> str:
    """What is wrong with a certificate, and what to do; the text follows the words "the certificate of HOST"."""
    known = _PROBLEMS.get(verify_code) if isinstance(verify_code, int) else None
    return known or f"cannot be verified (OpenSSL code {verify_code}): {_ADDRESS}"


def why_not_a_ca_file(path: str) -> str | None:
    """Why a file cannot serve as a CA file: it cannot be read, or holds no certificate in PEM. None: it can."""
    import ssl

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "holds no certificate in PEM"
    except (OSError, ValueError):
        return "cannot be read"
    return None
