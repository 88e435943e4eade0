"""Replaces aiofiles in packaged functions. Only ways to read keys from files use it, and keyturn uses none of them."""

from __future__ import annotations

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    if name.startswith("__"):  # Python itself looks for such names in every module
        raise AttributeError(name)
    raise RuntimeError(
        f"aiofiles is not in this package: keyturn passes keys and never reads them from files (aiofiles.{name})"
    )
