"""What the standard library compiles anew at every start, kept since the package was made.

`dataclasses`, `namedtuple`, `typing` and `re` turn text into code in each new process, a third of a cold start. A
package carries what that gave in `compiled.bin`, each under the whole text that it was made of: for another text
nothing is found, and it is compiled as ever. What another Python made is not read.
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
"""What compiled code is valid for: the interpreter's bytecode, as in every .pyc, and the engine of `re`."""
FILE = os.path.join(os.path.dirname(__file__), "compiled.bin")  # noqa: PTH118, PTH120 - pathlib is not loaded yet
COMPILER: Any = getattr(re, "_compiler", None) or sys.modules["sre_compile"]  # its name from Python 3.11 on, and before


def checksum(content: bytes | memoryview) -> bytes:
    """What the file begins with: of one that was damaged nothing is read."""
    return crc32(content).to_bytes(4, "big")


def use(file: str = FILE) -> bool:
    """Let the standard library find what `file` keeps; False if there is none, damaged, or of another Python."""
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - as above
            kept = memoryview(opened.read())
        if kept[:4] != checksum(kept[4:]):
            return False
        made_by, codes, patterns = marshal.loads(kept[4:])  # noqa: S302 - of our own package, as its code is
    except (OSError, EOFError, ValueError, TypeError):
        return False
    if made_by != MADE_BY:
        return False
    Kept(codes, patterns).install()
    return True


class Kept:
    """Stands in the compiler's place where the standard library calls it.

    `codes`: code by mode and text; `patterns`: what `_sre.compile` is given, by pattern and flags; both marshalled.
    """

    def __init__(self, codes: dict[tuple[str, str], bytes], patterns: dict[tuple[str | bytes, int], bytes]) -> None:
        self._codes, self._patterns, self._compile_pattern = codes, patterns, COMPILER.compile

    def install(self) -> None:
        vars(collections)["eval"] = self._eval  # a module's own name goes before the builtin
        vars(typing)["compile"] = self._compile
        COMPILER.compile = self._pattern
        import dataclasses  # what it needs compiles, too

        vars(dataclasses)["exec"] = self._exec

    def _code(self, source: Any, mode: str) -> Any:
        if type(source) is not str:
            return source
        kept = self._codes.get((mode, source))
        if kept is not None:
            return marshal.loads(kept)  # noqa: S302 - as above
        return compile(source, "<string>", mode, dont_inherit=True)  # this file's future statements are not theirs

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
