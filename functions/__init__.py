"""One file an operation, found by its name: what a message or a policy names is loaded from here, that file alone."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.handlers.declaration import Operation


def load_operation(function: str) -> Operation[Any]:
    """The declaration in a function's file, with its adapters.

    Raises: LookupError where this package has no such function.
    """
    known = packaged_operations()
    if function not in known:
        raise LookupError(f"no operation of this package, which has {', '.join(known)}: deploy it beside the one named")
    declared: Operation[Any] = import_module(f"{__name__}.{function}").operation
    return declared


def packaged_operations() -> tuple[str, ...]:
    """The operations whose function files this package carries, by name, in order."""
    import pkgutil

    named = (found.name for found in pkgutil.iter_modules(__path__))
    return tuple(sorted(name for name in named if name.startswith(("tencent_", "alibaba_"))))
