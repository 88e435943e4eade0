"""See cryptography."""

from __future__ import annotations

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    if name.startswith("__"):  # Python itself looks for such names in every module
        raise AttributeError(name)
    raise RuntimeError(f"cryptography is not in this package: only RSA signatures need it (hashes.{name})")
