"""The changes that are not undone yet. Each is written down first, so that it is known however a run ends.

Only this user can read the file (mode 0600). It holds the passwords that are in force for now, and is deleted when
everything is undone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from shared.workbench.verify.interrupts import Interrupts
from shared.workbench.verify.place import Place


@dataclass(frozen=True)
class Changed:
    """One change. `kind` says how to undo it, `ids` what it changed; the checks choose both.

    `variable` is the environment variable with the first password, `password` the one that was set since.
    """

    kind: str
    title: str
    ids: Mapping[str, str]
    variable: str = ""
    password: str = ""

    @property
    def by_hand(self) -> str:
        """What a person must do in the cloud's console if this program cannot undo the change."""
        if self.variable:
            return f"set its password to the value of {self.variable}, and the rights that the file names, if any"
        return "remove what the title names; if the file has a first version or value, make that the current one"

    def __repr__(self) -> str:
        return f"Changed({self.title})"


class JournalError(Exception):
    """verify did not write this file."""


class NothingChanged(Exception):
    """The code inside certainly left everything unchanged."""


PutBack = Callable[[Changed], None]
"""Undoes one change. Raises what its API raises."""


@dataclass(frozen=True)
class Earlier:
    """The changes that an earlier run left, and its place. `place` is None if it left none."""

    place: Place | None
    left: tuple[Changed, ...]


def read_journal(path: Path) -> Earlier:
    """The content of the file; empty if there is no file. Raises: JournalError."""
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        found = Earlier(Place(**whole["place"]), tuple(Changed(**one) for one in whole["open"]))
        texts: list[object] = list(whole["place"].values())
    except FileNotFoundError:
        return Earlier(None, ())
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        raise JournalError(path) from None
    for one in found.left:
        if not isinstance(one.ids, dict):
            raise JournalError(path)
        texts += [one.kind, one.title, one.variable, one.password, *one.ids.values()]
    if not found.left or not all(isinstance(one, str) for one in texts):
        raise JournalError(path)
    return found


class Journal:
    """The file, and how each kind of change is undone."""

    def __init__(
        self,
        path: Path,
        place: Place,
        earlier: Earlier,
        ways: Mapping[str, PutBack],
        interrupts: Interrupts,
        effects: Callable[[], int],
    ) -> None:
        """`place`: the place of this run. `effects`: how many calls so far may have changed something."""
        self.path = path
        self.elsewhere = earlier.place if earlier.place and not earlier.place.is_same(place) else None
        """The place where an earlier run left changes, if it is not this run's.

        This run does not touch those changes.
        """
        self._place = place
        self._effects = effects
        self._ways = ways
        self._interrupts = interrupts
        self._open: list[Changed] = list(earlier.left)

    @property
    def left(self) -> list[Changed]:
        """The changes that are not undone, the first one first."""
        return list(self._open)

    @contextmanager
    def changed(self, what: Changed) -> Iterator[None]:
        """Code inside makes this change. The change is undone at the end, however the code ends.

        If every call was clearly refused, an undo that finds nothing to undo is no error.
        """
        with self._interrupts.put_off():
            self._open.append(what)
            try:
                self._write()
            except OSError:
                self._open.remove(what)
                raise
        before, untouched = self._effects(), False
        try:
            yield
        except NothingChanged:
            untouched = True
            raise
        finally:
            if untouched:
                self._forget(what)
            else:
                self._put_back(what, all_refused=self._effects() == before)

    def put_all_back(self, allow: Callable[[str], bool] = lambda _: True) -> None:
        """Undo each change that is left and that `allow` agrees to by its title. The last change comes first."""
        for what in reversed(self.left):
            if not self.elsewhere and allow(what.title):
                self._put_back(what)

    def _forget(self, what: Changed) -> None:
        with self._interrupts.put_off():
            self._open.remove(what)
            self._write()

    def _put_back(self, what: Changed, *, all_refused: bool = False) -> None:
        with self._interrupts.put_off():
            try:
                self._ways[what.kind](what)
            # Whatever the error is, the others must be undone, too. What is left is shown at the end.
            except Exception:
                if not all_refused:
                    return
            self._open.remove(what)
            self._write()

    def _write(self) -> None:
        if not self._open:
            self.path.unlink(missing_ok=True)
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(self.path.name + ".part")
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump({"place": asdict(self._place), "open": [asdict(one) for one in self._open]}, file)
        part.replace(self.path)
