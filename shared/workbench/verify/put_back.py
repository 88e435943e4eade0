"""What was changed and is not back yet: written down before each change, so that whatever ends a run, it is known.

The file is of this user's alone (mode 0600), holds the passwords in force meanwhile, and is gone when all is back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.workbench.verify.interrupts import Interrupts


@dataclass(frozen=True)
class Changed:
    """One thing that was changed. `kind` says how it is put back, `ids` what it is; both are the checks' own words.

    `variable` is the environment variable with its first password, `password` the one that was set since.
    """

    kind: str
    title: str
    ids: Mapping[str, str]
    variable: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Changed({self.title})"


PutBack = Callable[[Changed], None]
"""Puts one thing back. Raises what its API raises."""


class Journal:
    """The file, and how each kind is put back."""

    def __init__(self, path: Path, ways: Mapping[str, PutBack], interrupts: Interrupts) -> None:
        self.path = path
        self._ways = ways
        self._interrupts = interrupts
        self._open: list[Changed] = self._read()

    @property
    def left(self) -> list[Changed]:
        """What is not back, first change first."""
        return list(self._open)

    @contextmanager
    def changed(self, what: Changed) -> Iterator[None]:
        """What stands inside changes it; it is put back at the end, however that comes about."""
        with self._interrupts.put_off():
            self._open.append(what)
            self._write()
        try:
            yield
        finally:
            self._put_back(what)

    def put_all_back(self) -> list[Changed]:
        """Put back what an earlier run left, last first; what could not be."""
        for what in reversed(self.left):
            self._put_back(what)
        return self.left

    def _put_back(self, what: Changed) -> None:
        with self._interrupts.put_off():
            try:
                self._ways[what.kind](what)
            # Whatever it is, the rest is to be put back too; what is left is told at the end.
            except Exception:
                return
            self._open.remove(what)
            self._write()

    def _read(self) -> list[Changed]:
        try:
            return [Changed(**one) for one in json.loads(self.path.read_text(encoding="utf-8"))]
        except FileNotFoundError:
            return []

    def _write(self) -> None:
        if not self._open:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(self.path.name + ".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump([asdict(one) for one in self._open], file)
        part.replace(self.path)
