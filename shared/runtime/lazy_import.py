"""Loads modules of other projects at their first use instead of at their import.

The vendors' clients import many modules that most calls never use: 500 files of models, a scheduler, every way to find
keys. Within `deferred(...)` the import of such a module gives an empty module with its own name. The first use of an
attribute runs the real loader. `importlib.util.LazyLoader` does almost the same. But there every attribute loads the
module (even `__version__`, which `requests` compares), no class can be imported by name, and before Python 3.12 two
threads at the same time can see half a module.
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
    """A module that has not run yet. Python calls `__getattr__` only for attributes that are missing."""

    def __getattr__(self, name: str) -> Any:
        loader = self.__spec__.loader if self.__spec__ else None
        if not isinstance(loader, _Loader):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return loader.answer(self, name)


class _Named:
    """A class of a module that has not run yet. A call, or the use of an attribute, loads the module."""

    def __init__(self, module: ModuleType, name: str) -> None:
        self._module, self._name = module, name

    def _real(self) -> Any:
        if isinstance(loader := getattr(self._module.__spec__, "loader", None), _Loader):
            loader.load(self._module)
        return getattr(self._module, self._name)

    def __call__(self, *given: Any, **named: Any) -> Any:
        return self._real()(*given, **named)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python and typing look for these in every object
            raise AttributeError(name)
        return getattr(self._real(), name)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real())

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self._real(),)


class _Loader(Loader):
    """Makes the empty module. Later it fills the module by the real loader, once."""

    def __init__(self, real: Loader, names: Sequence[str]) -> None:
        self.real, self.names = real, names
        self.lock, self.begun = threading.RLock(), False

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Later(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing yet."""

    def answer(self, module: ModuleType, name: str) -> Any:
        if not self.begun and name in self.names:
            return _Named(module, name)
        if not self.begun and name == "__version__":
            # If the package has its version in a module of its own, loading that module is enough.
            try:
                return import_module(f"{module.__name__}.version").__version__
            except (ImportError, AttributeError):
                pass
        elif name.startswith("__") and name != "__all__":  # Python looks for these in every module
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        self.load(module)
        return object.__getattribute__(module, name)

    def load(self, module: ModuleType) -> None:
        with self.lock:  # another thread waits here; in an import cycle this thread returns and sees half a module
            if self.begun:
                return
            self.begun = True
            try:
                self.real.exec_module(module)
            except BaseException:  # like a failed import: this use raises, and the next use tries again
                self.begun = False
                raise
            module.__class__ = ModuleType
            if module.__spec__ is not None:
                module.__spec__.loader = module.__loader__ = self.real


class _Finder:
    """Finds the modules that load late, and leaves all others to the next finders."""

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
    """Within this context, imports of some modules find the module and do not run it.

    These are the modules for which `late` returns True, and the keys of `names`. The classes that `names` lists can be
    imported by name. Modules that were imported before do not change. The garbage collector is off meanwhile, because
    imported objects stay.
    """
    finder, collecting = _Finder(late, names or {}), gc.isenabled()
    sys.meta_path.insert(0, finder)
    gc.disable()
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        if collecting:
            gc.enable()
