"""Splits certifi's CAs into a folder in which OpenSSL finds each CA by the hash of its name.

OpenSSL reads a bundle whole for each connection (22 ms of CPU and 0.7 MiB), but only the signing CA of a folder.
Source: openssl-verification-options(1), "-CApath".
"""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = "shared/runtime/authorities"
"""Where they are in a zip: beside the code that passes this path to the vendors' clients."""
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)


def split_bundle(bundle: Path, folder: Path) -> None:
    """Write each CA of a PEM file to a new folder. Raises: OSError, OpenSSL.crypto.Error."""
    folder.mkdir(parents=True)
    for pem in _CERTIFICATE.findall(bundle.read_bytes()):
        add_authority(pem, folder)


def add_authority(pem: bytes, folder: Path) -> None:
    """Write a CA to the file name that OpenSSL looks for. Raises: OSError, OpenSSL.crypto.Error."""
    from OpenSSL.crypto import FILETYPE_PEM, load_certificate

    name = f"{load_certificate(FILETYPE_PEM, pem).subject_name_hash():08x}"
    number = sum(1 for _ in folder.glob(f"{name}.*"))  # two names may have one hash, and two CAs one name
    (folder / f"{name}.{number}").write_bytes(pem)
