"""Modules of others that are loaded when they are first used, not when they are first named.

The vendors' clients import at once what most calls never touch: 500 files of models, a scheduler, every way to find
keys. Within `deferred(...)` such a module stands empty, under its own name and with its real loader, until somebody
asks it for something; then it runs as it always would. `importlib.util.LazyLoader` does the same, but every question
loads it (the `__version__` that `requests` compares, too), no class can be imported by name, and two threads that ask
at once meet half a module before Python 3.12.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """A module that has not run yet. Python asks `__getattr__` only for what is not there."""

    def __getattr__(self, name: str) -> Any:
        loader = self.__spec__.loader if self.__spec__ else None
        if not isinstance(loader, _Loader):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return loader.answer(self, name)


class _Named:
    """A class of a module that has not run yet: calling it, or asking it for anything, loads the module."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._module, self._name = module, name

    def _real(self) -> Any:
        if isinstance(loader := getattr(self._module.__spec__, "loader", None), _Loader):
            loader.load(self._module)
        return getattr(self._module, self._name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._real()(*given, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python and typing look for in any object
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)


class _Loader(Loader):
    """Makes the empty module, and fills it by the real loader, once."""

    def __init__(self, real: Loader, names: Sequence[str]) -> None:
        self.real, self.names = real, names
        self.lock, self.begun = threading.RLock(), False

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Not yet."""

    def answer(self, module: ModuleType, name: str) -> Any:
        if not self.begun and name in self.names:
            return _Named(module, name)
        if not self.begun and name == "__version__":
            # A package that keeps its version in a module of its own need not run for it.
            try:
                return import_module(f"{module.__name__}.version").__version__
            except (ImportError, AttributeError):
                pass
        elif name.startswith("__") and name != "__all__":  # what Python itself looks for in any module
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        self.load(module)
        return object.__getattribute__(module, name)

    def load(self, module: ModuleType) -> None:
        with self.lock:  # another thread waits here; this one, coming back in a circle, sees what there is so far
            if self.begun:
                return
            self.begun = True
            try:
                self.real.exec_module(module)
            except BaseException:  # as a failed import does: the next use tries again, and this one is told
                self.begun = False
                raise
            module.__class__ = ModuleType
            if module.__spec__ is not None:
                module.__spec__.loader = module.__loader__ = self.real


class _Finder:
    """Finds what it is told to put off, and leaves all else to the finders behind it."""

    def __init__(self, late: Callable[[str], bool], names: Mapping[str, Sequence[str]]) -> None:
        self.late, self.names = late, names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self.names and not self.late(name):
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self.names.get(name, ()))
        return spec


@contextmanager
def deferred(late: Callable[[str], bool], names: Mapping[str, Sequence[str]] | None = None) -> Iterator[None]:
    """Within it, a module that `late` says yes to is found but not run; nor is one of `names`, whose listed classes can
    be imported by name all the same. What was imported before stays as it is. The garbage collector rests meanwhile:
    importing makes objects that stay."""
    finder, collecting = _Finder(late, names or {}), gc.isenabled()
    sys.meta_path.insert(0, finder)
    gc.disable()
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if collecting:
            gc.enable()
