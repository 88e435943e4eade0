"""Imports a packaged function. The first event of a new process waits for this (cold start).

The root of a zip holds one short file. It calls `load_function`, and the compiled function lies beside it. Modules
that no function uses load late: pydantic's search for plugins, which reads the files of every installed package, and
`subprocess`, which the standard library imports only to name the machine. For the same reason a dataclass that nobody
compares has `eq=False`: Python compiles each generated method anew at every start.
"""

from __future__ import annotations

import gc
import os
from importlib import import_module
from types import ModuleType

from shared.runtime import compiled, lazy_import

_LATE = frozenset({"subprocess"})


def load_function(module: str) -> ModuleType:
    """Import the module of a function; `module` is its dotted name."""
    compiled.use()
    # pydantic's own switch (docs, "Plugins"): pydantic looks for no plugin and reads no file.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    collecting = gc.isenabled()
    gc.disable()
    try:
        with lazy_import.deferred(_LATE.__contains__, {"importlib.metadata": ("entry_points",)}):
            import_module("pydantic.plugin._loader")
            loaded = import_module(module)
        gc.freeze()  # the modules stay, so the collector need not look at them
    finally:
        if collecting:
            gc.enable()
    return loaded
