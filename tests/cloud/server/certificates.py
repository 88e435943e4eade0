"""The certificates of one process: an authority that is created at its start, and the certificates of servers.

No private key is ever in a file: `ssl` reads it from a pipe.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOOPBACK = ("localhost", "127.0.0.1", "::1")
_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
_A_DAY, _A_YEAR = timedelta(days=1), timedelta(days=365)


class CertificateAuthority:
    """Signs servers' certificates with a key that never leaves this process. `pem`: the authority's own certificate."""

    def __init__(self) -> None:
        self._key, self._name = _new_key(), _name("keyturn stand-in CA")
        builder = _builder(self._name, self._name, self._key)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        # Python 3.13 requires this extension of an authority, as RFC 5280 does.
        builder = builder.add_extension(_SIGNS, critical=True)
        self.pem = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)

    def server_context(
        self, names: tuple[str, ...] = LOOPBACK, *, begins_in: timedelta = -_A_DAY, ends_in: timedelta = _A_YEAR
    ) -> ssl.SSLContext:
        """The TLS settings of a server with these names and addresses.

        The certificate is valid from and until a time from now.
        """
        key = _new_key()
        builder = _builder(_name(names[0]), self._name, key, names, begins_in, ends_in).add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        return _context(builder, self._key, key)


def self_signed_context() -> ssl.SSLContext:
    """The TLS settings of a server whose certificate no authority signed."""
    key, name = _new_key(), _name("localhost")
    return _context(_builder(name, name, key, LOOPBACK), key, key)


@contextmanager
def ca_file(authority: CertificateAuthority) -> Iterator[Path]:
    """The authority's certificate in a file that exists as long as the context."""
    with tempfile.NamedTemporaryFile(prefix="keyturn-ca-", suffix=".pem") as file:
        file.write(authority.pem)
        file.flush()
        yield Path(file.name)


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    names: tuple[str, ...] = (),
    begins_in: timedelta = -_A_DAY,
    ends_in: timedelta = _A_YEAR,
) -> x509.CertificateBuilder:
    now, public = datetime.now(timezone.utc), key.public_key()
    number = x509.random_serial_number()
    builder = x509.CertificateBuilder(issuer, subject, public, number, now + begins_in, now + ends_in)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(one) for one in names]), False)
    return builder


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _context(
    builder: x509.CertificateBuilder, signer: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    reading, writing = os.pipe()  # a pipe holds more bytes than a key has
    try:
        os.write(writing, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        os.close(writing)
        with tempfile.NamedTemporaryFile(suffix=".pem") as shown:
            shown.write(builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM))
            shown.flush()
            context.load_cert_chain(shown.name, f"/dev/fd/{reading}")
    finally:
        os.close(reading)
    return context
