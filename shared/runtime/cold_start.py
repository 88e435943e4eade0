"""How a packaged function is imported: the start that a platform's first event waits for.

A zip's root holds one short file, which asks here for the function itself, compiled beside it. What no function uses
is put off: pydantic looks through every installed package for plugins, by a module that reads files, and there is
none; and the standard library imports the running of programs to name the machine. For the same reason a dataclass that
nobody compares is declared with `eq=False`: each method that it is given is compiled anew at every start.
"""

from __future__ import annotations

import gc
import os
from importlib import import_module
from types import ModuleType

from shared.runtime import compiled, lazy_import

_LATE = frozenset({"subprocess"})


def load_function(module: str) -> ModuleType:
    """The module of a function, by its dotted name."""
    compiled.use()
    # pydantic's own switch (docs, "Plugins"): nothing is looked for, so nothing is read.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    collecting = gc.isenabled()
    gc.disable()
    try:
        with lazy_import.deferred(_LATE.__contains__, {"importlib.metadata": ("entry_points",)}):
            import_module("pydantic.plugin._loader")
            loaded = import_module(module)
        gc.freeze()  # what is loaded stays
    finally:
        if collecting:
            gc.enable()
    return loaded
