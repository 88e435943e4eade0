"""In a packaged function's place of aiofiles, which ways of finding keys that keyturn does not go read files by."""

from __future__ import annotations

from typing import NoReturn


def __getattr__(name: str) -> NoReturn:
    if name.startswith("__"):  # what Python itself looks for in any module
        raise AttributeError(name)
    raise RuntimeError(f"aiofiles is not in this package: keys are given, never read from files (aiofiles.{name})")
