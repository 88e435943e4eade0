"""Compiled code for the standard library, so that a cold start does not compile it again.

`dataclasses`, `namedtuple`, `typing` and `re` compile text in each new process. That takes a third of a cold start. A
package has the results in `compiled.bin`. The key of a result is the whole text that was compiled. A text that the
file does not hold is compiled as usual. A file that another Python made is ignored.
"""

from __future__ import annotations

import _sre  # type: ignore[import-not-found]  # the engine of `re`
import collections
import marshal
import os
import re
import sys
import typing
from importlib.util import MAGIC_NUMBER
from typing import Any
from zlib import crc32

MADE_BY = (sys.implementation.name, MAGIC_NUMBER, _sre.MAGIC, _sre.CODESIZE)
"""The versions that compiled code depends on: the interpreter's bytecode, as in every .pyc, and the engine of `re`."""
FILE = os.path.join(os.path.dirname(__file__), "compiled.bin")  # noqa: PTH118, PTH120 - pathlib is not loaded yet
COMPILER: Any = getattr(re, "_compiler", None) or sys.modules["sre_compile"]  # the first name is from Python 3.11 on


def checksum(content: bytes | memoryview) -> bytes:
    """The first bytes of the file. If they do not match the rest, the file is damaged and is ignored."""
    return crc32(content).to_bytes(4, "big")


def use(file: str = FILE) -> bool:
    """Let the standard library use the code in `file`. False: the file is missing, damaged, or of another Python."""
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - as above
            kept = memoryview(opened.read())
        if kept[:4] != checksum(kept[4:]):
            return False
        made_by, codes, patterns = marshal.loads(kept[4:])  # noqa: S302 - from our own package, like its code
    except (OSError, EOFError, ValueError, TypeError):
        return False
    if made_by != MADE_BY:
        return False
    Kept(codes, patterns).install()
    return True


class Kept:
    """Takes the compiler's place where the standard library calls it.

    `codes`: code by mode and text. `patterns`: arguments of `_sre.compile` by pattern and flags. Both are marshalled.
    """

    def __init__(self, codes: dict[tuple[str, str], bytes], patterns: dict[tuple[str | bytes, int], bytes]) -> None:
        self._codes, self._patterns, self._compile_pattern = codes, patterns, COMPILER.compile

    def install(self) -> None:
        vars(collections)["eval"] = self._eval  # Python finds a module's own name before the builtin
        vars(typing)["compile"] = self._compile
        COMPILER.compile = self._pattern
        import dataclasses  # imported late: its own imports compile, too

        vars(dataclasses)["exec"] = self._exec

    def _code(self, source: Any, mode: str) -> Any:
        if type(source) is not str:
            return source
        kept = self._codes.get((mode, source))
        if kept is not None:
            return marshal.loads(kept)  # noqa: S302 - as above
        return compile(source, "<string>", mode, dont_inherit=True)  # this file's __future__ imports must not apply

    def _exec(self, source: Any, names: dict[str, Any], own: dict[str, Any] | None = None) -> None:
        exec(self._code(source, "exec"), names, own)  # noqa: S102 - the standard library's own text

    def _eval(self, source: Any, names: dict[str, Any]) -> Any:
        return eval(self._code(source, "eval"), names)  # noqa: S307 - the standard library's own text

    def _compile(self, source: Any, filename: str, mode: str, *more: Any, **named: Any) -> Any:
        if filename == "<string>" and not more and not named:
            return self._code(source, mode)
        return compile(source, filename, mode, *more, **{"dont_inherit": True, **named})

    def _pattern(self, pattern: Any, flags: int = 0) -> Any:
        kept = self._patterns.get((pattern, flags)) if type(pattern) in (str, bytes) else None
        if kept is None:
            return self._compile_pattern(pattern, flags)
        return _sre.compile(pattern, *marshal.loads(kept))  # noqa: S302 - as above
