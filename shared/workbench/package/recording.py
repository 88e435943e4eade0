"""Records what a function compiles when it starts: `python -I -S -B recording.py FOLDER FUNCTION PLATFORM EVENT TEXTS`.

It starts the packaged function in FOLDER as its platform would, and passes it an event, whose calls reach no cloud.
Then it imports the rest of the zip's own modules, and writes each text that was compiled on the way to TEXTS.
`recording.py TEXTS FILE` compiles these texts to the file that `shared/runtime/compiled.py` reads. This runs in another
process, so that no module that was loaded before can change a byte.
"""

from __future__ import annotations

import _sre  # type: ignore[import-not-found]  # the engine of `re`
import marshal
import os
import sys
from _thread import get_ident
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.runtime import compiled
else:  # by its path, because `shared` must be the one in FOLDER
    # Not with pathlib, which compiles patterns: what is compiled before the recording begins is lost.
    _spec = spec_from_file_location("compiled", __file__.rpartition("workbench")[0] + "runtime/compiled.py")
    compiled = module_from_spec(_spec)
    _spec.loader.exec_module(compiled)


class _Noting(compiled.Kept):
    """Replaces the compiler: records each text, and compiles it as before."""

    def __init__(self) -> None:
        super().__init__({}, {})
        self.texts: set[tuple[str, str]] = set()
        self.programs: dict[tuple[str | bytes, int], tuple[Any, ...]] = {}
        self._last: dict[int, tuple[Any, ...]] = {}  # thread -> what its last pattern was compiled to
        engine = SimpleNamespace(**{name: getattr(_sre, name) for name in dir(_sre) if not name.startswith("__")})
        engine.compile = self._engine_compile
        compiled.COMPILER._sre = engine

    def _code(self, source: Any, mode: str) -> Any:
        if type(source) is str:
            self.texts.add((mode, source))
        return super()._code(source, mode)

    def _engine_compile(self, pattern: Any, flags: int, code: list[int], *groups: Any) -> Any:
        self._last[get_ident()] = (int(flags), [int(one) for one in code], *groups)  # the numbers are named constants
        return _sre.compile(pattern, flags, code, *groups)

    def _pattern(self, pattern: Any, flags: int = 0) -> Any:
        made = super()._pattern(pattern, flags)
        if type(pattern) in (str, bytes):
            self.programs[pattern, int(flags)] = self._last[get_ident()]
        return made


def record(folder: str, function: str, platform: str, event: str, texts: str) -> None:
    """Start the function, and write the recorded texts. Raises: what the function raises."""
    noted = _Noting()
    noted.install()
    import contextlib  # these compile patterns, too, and a function may be the first to load them
    import json
    import time
    from pathlib import Path

    sys.path.insert(0, folder)
    time.sleep = lambda _seconds: None  # repeats to an unreachable cloud need no pauses
    handler = import_module(function).main_handler
    given = json.loads(Path(event).read_text(encoding="utf-8"))
    context: Any = {"request_id": "package", "function_name": function, "time_limit_in_ms": 30_000}
    if platform == "fc":
        keys = SimpleNamespace(access_key_id="none", access_key_secret="none", security_token="none")
        shown = SimpleNamespace(name=function, handler=f"{function}.main_handler", memory=128, timeout=30)
        context = SimpleNamespace(request_id="package", credentials=keys, function=shown, region="-", account_id="1")
    handler(json.dumps(given).encode() if platform == "fc" else given, context)
    for file in sorted(Path(folder, "shared").rglob("*.pyc")):
        with contextlib.suppress(ImportError):  # a module for a queue or for sealing, which this zip does not have
            import_module(".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"))
    kept = sorted(noted.texts), sorted(noted.programs.items(), key=repr)
    Path(texts).write_bytes(marshal.dumps(kept))


def compile_texts(texts: str, to: str) -> None:
    """Compile the recorded texts. Raises: SystemExit: the hash seed is not fixed."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        sys.exit("recording.py: PYTHONHASHSEED must be 0")
    from pathlib import Path

    noted, programs = marshal.loads(Path(texts).read_bytes())
    codes = {(mode, text): marshal.dumps(compile(text, "<string>", mode, dont_inherit=True)) for mode, text in noted}
    patterns = {key: marshal.dumps(program) for key, program in programs}
    content = marshal.dumps((compiled.MADE_BY, codes, patterns))
    Path(to).write_bytes(compiled.checksum(content) + content)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        compile_texts(*sys.argv[1:])
    else:
        record(*sys.argv[1:])
