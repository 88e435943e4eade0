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
from shared.workbench.verify.place import Place


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

    @property
    def by_hand(self) -> str:
        """What a person does in the cloud's console where it cannot be put back from here."""
        if self.variable:
            return (
                f"set its password to what {self.variable} holds, and the rights that the file names, if it names any"
            )
        return "remove what the title names; where the file has a first version or value, make that the current one"

    def __repr__(self) -> str:
        return f"Changed({self.title})"


class JournalError(Exception):
    """The file is not what verify wrote."""


class NothingChanged(Exception):
    """What stands inside a change surely left everything as it was."""


PutBack = Callable[[Changed], None]
"""Puts one thing back. Raises what its API raises."""


@dataclass(frozen=True)
class Earlier:
    """What an earlier run left, and where it worked: `place` is None where it left nothing."""

    place: Place | None
    left: tuple[Changed, ...]


def read_journal(path: Path) -> Earlier:
    """What the file holds, nothing where there is none. Raises: JournalError."""
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
    """The file, and how each kind is put back."""

    def __init__(
        self,
        path: Path,
        place: Place,
        earlier: Earlier,
        ways: Mapping[str, PutBack],
        interrupts: Interrupts,
        effects: Callable[[], int],
    ) -> None:
        """`place`: where this run works. `effects`: how many calls so far may have changed something."""
        self.path = path
        self.elsewhere = earlier.place if earlier.place and not earlier.place.is_same(place) else None
        """Where an earlier run left something, if that is not where this one works: nothing of it is touched here."""
        self._place = place
        self._effects = effects
        self._ways = ways
        self._interrupts = interrupts
        self._open: list[Changed] = list(earlier.left)

    @property
    def left(self) -> list[Changed]:
        """What is not back, first change first."""
        return list(self._open)

    @contextmanager
    def changed(self, what: Changed) -> Iterator[None]:
        """What stands inside changes it; it is put back at the end, however that comes about.

        Where every call was clearly refused, it does not matter that there is nothing to put back.
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
        """Put back what is left and what `allow` agrees to by its title, last first."""
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
            # Whatever it is, the rest is to be put back too; what is left is told at the end.
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
