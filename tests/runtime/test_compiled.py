"""What a package keeps of what the standard library compiles: never for another text, another Python, another file."""

from __future__ import annotations

import json
import marshal
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from shared.runtime import compiled
from shared.workbench.package import starting
from shared.workbench.package.starting import NAME
from tests.conftest import Packages
from tests.support.programs import PYTHON_3_10, require_program

PROGRAM = """
import collections, dataclasses, json, re, sys, typing
from importlib.util import module_from_spec, spec_from_file_location

spec = spec_from_file_location("compiled", sys.argv[1])
compiled = module_from_spec(spec)
spec.loader.exec_module(compiled)
used = compiled.use(sys.argv[2])

@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    y: int = 2

Pair = collections.namedtuple("Pair", "left right")
told = {
    "used": used,
    "point": [Point(1) == Point(1, 2), repr(Point(3)), hash(Point(1)) == hash(Point(1, 2))],
    "pair": [repr(Pair(1, 2)), Pair(right=1, left=2)._asdict()],
    "forward": str(typing.get_type_hints(type("A", (), {"__annotations__": {"of": "list[int]"}}))),
    "pattern": [bool(re.fullmatch(r"k[a-z]+-(?P<n>[0-9]{2})", text)) for text in ("key-12", "kee-1", "KEY-12")],
    "flags": [bool(re.fullmatch("key", "KEY", re.IGNORECASE)), bool(re.fullmatch(b"key", b"KEY"))],
}
print(json.dumps(told))
"""


def program(kept: Path) -> dict[str, Any]:
    """What these classes and patterns do in a process that keeps this file."""
    command = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, compiled.__file__, str(kept)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def kept(to: Path, texts: list[tuple[str, str, str]], patterns: dict[Any, Any] | None = None, **other: Any) -> Path:
    """A file in which a text (by mode) stands for another text's code."""
    codes = {(mode, text): marshal.dumps(compile(code, "<string>", mode)) for mode, text, code in texts}
    programs = {key: marshal.dumps(value) for key, value in (patterns or {}).items()}
    to.write_bytes(sealed(marshal.dumps((other.get("made_by", compiled.MADE_BY), codes, programs))))
    return to


def sealed(content: bytes) -> bytes:
    """Under its checksum: as if it were whole."""
    return compiled.checksum(content) + content


DAMAGED = [b"", bytes(4), b"(", b"not of this kind", *map(sealed, (b"", b"(", marshal.dumps(("a", "b")))), None]


NAMEDTUPLE = "lambda _cls, left, right: _tuple_new(_cls, (left, right))"
OTHER = "lambda _cls, left, right: _tuple_new(_cls, ('kept', right))"


def test_what_is_kept_is_found_by_its_whole_text(tmp_path: Path) -> None:
    told = program(kept(tmp_path / "kept", [("eval", NAMEDTUPLE, OTHER)]))
    assert told["used"] and told["pair"][0] == "Pair(left='kept', right=2)"


@pytest.mark.parametrize("text", [NAMEDTUPLE + " ", NAMEDTUPLE[:-1], NAMEDTUPLE.replace("left", "Left")])
def test_another_text_is_compiled_as_ever(text: str, tmp_path: Path) -> None:
    told = program(kept(tmp_path / "kept", [("eval", text, OTHER), ("exec", NAMEDTUPLE, "0")]))
    assert told["used"] and told["pair"][0] == "Pair(left=1, right=2)"


def test_a_pattern_is_found_by_its_text_its_kind_and_its_flags(tmp_path: Path) -> None:
    never: tuple[Any, ...] = (0, list(_program(r"(?!)")), 0, {}, (None,))
    key = r"k[a-z]+-(?P<n>[0-9]{2})"
    told = program(kept(tmp_path / "kept", [], {(key, 0): (*never[:2], 1, {"n": 1}, (None, "n")), ("key", 0): never}))
    assert told["pattern"] == [False, False, False]
    assert told["flags"] == [True, False]  # of other flags, and of bytes
    assert re.fullmatch("key", "KEY", re.IGNORECASE)


def _program(pattern: str) -> list[int]:
    """A pattern's program, as the engine is given it."""
    given: list[Any] = []

    class Engine:
        def __getattr__(self, name: str) -> Any:
            return getattr(engine, name)

        def compile(self, *program: Any) -> Any:
            given.extend(program)
            return engine.compile(*program)

    engine = compiled.COMPILER._sre
    compiled.COMPILER._sre = Engine()
    try:
        compiled.COMPILER.compile(pattern)
    finally:
        compiled.COMPILER._sre = engine
    return [int(one) for one in given[2]]


@pytest.mark.parametrize("which", range(4))
def test_what_another_python_made_is_not_read(which: int, tmp_path: Path) -> None:
    other: list[Any] = list(compiled.MADE_BY)
    other[which] = b"other" if which == 1 else "pypy" if which == 0 else other[which] + 1
    told = program(kept(tmp_path / "kept", [("eval", NAMEDTUPLE, OTHER)], made_by=tuple(other)))
    assert not told["used"] and told["pair"][0] == "Pair(left=1, right=2)"


@pytest.mark.parametrize("content", DAMAGED)
def test_a_file_that_is_damaged_or_missing_is_not_read(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "kept"
    if content is not None:
        file.write_bytes(content)
    told = program(file)
    assert not told["used"] and told["pair"][0] == "Pair(left=1, right=2)"


@pytest.mark.parametrize("place", [0, 3, 4, 60, -1])
def test_a_file_of_which_one_bit_was_damaged_is_not_read(place: int, tmp_path: Path) -> None:
    file = kept(tmp_path / "kept", [("eval", NAMEDTUPLE, OTHER)])
    damaged = bytearray(file.read_bytes())
    damaged[place] ^= 4
    file.write_bytes(damaged)
    told = program(file)
    assert not told["used"] and told["pair"][0] == "Pair(left=1, right=2)"


def test_a_file_that_was_damaged_where_it_is_kept_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def make(*_: object) -> Path:
        made.append(tmp_path / "made")
        made[-1].write_bytes(sealed(b"x"))
        return made[-1]

    monkeypatch.setattr(starting, "_made", make)
    event = tmp_path / "events" / "f" / "scf-http.json"
    event.parent.mkdir(parents=True)
    event.write_text("{}")
    python: Any = SimpleNamespace(full="3.10")
    ready = starting.compiled_file({}, "f", "scf", python, tmp_path)
    assert starting.compiled_file({}, "f", "scf", python, tmp_path) == ready and len(made) == 1
    for content in (b"", sealed(b"x")[:-1], sealed(b"x")[:-1] + b"y"):
        ready.write_bytes(content)
        assert starting.compiled_file({}, "f", "scf", python, tmp_path).read_bytes() == sealed(b"x")
    assert len(made) == 4


REFEREE = """
import _sre, marshal, sys, zipfile
from importlib.util import module_from_spec, spec_from_file_location

spec = spec_from_file_location("compiled", sys.argv[1])
compiled = module_from_spec(spec)
spec.loader.exec_module(compiled)
seen = 0
for path in sys.argv[3:]:
    with zipfile.ZipFile(path) as archive:
        made_by, codes, patterns = marshal.loads(archive.read(sys.argv[2])[4:])
    assert made_by == compiled.MADE_BY
    for (mode, text), code in codes.items():
        assert marshal.loads(code) == compile(text, "<string>", mode, dont_inherit=True), text
    for (pattern, flags), program in patterns.items():
        fresh = compiled.COMPILER.compile(pattern, flags)
        found = _sre.compile(pattern, *marshal.loads(program))
        assert (found, found.flags, found.groupindex) == (fresh, fresh.flags, fresh.groupindex), pattern
    seen += len(codes) + len(patterns)
print(seen)
"""


@pytest.mark.zips("what zips keep is Python 3.10's")
def test_every_code_in_a_zip_is_its_own_texts(packages: Packages) -> None:
    """The referee is Python 3.10's compiler, asked now; for patterns, the match of an own and a fresh program."""
    zips = [str(one.path) for one in packages.built.values()]
    command = [require_program(PYTHON_3_10), "-I", "-S", "-B", "-c", REFEREE, compiled.__file__, NAME, *zips]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 4000
