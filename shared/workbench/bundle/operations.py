"""The operations of the checkout, as their function files declare them: the one place that looks for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from functions import load_operation, packaged_operations
from shared.handlers import follow_message
from shared.handlers.declaration import Operation
from shared.rotation import policy
from shared.stores.store import LISTING_RIGHTS

if TYPE_CHECKING:
    from shared.handlers.request import Handler

PLAN, FOLLOW = policy.FUNCTION, follow_message.FUNCTION


@cache
def operations() -> Mapping[str, Operation[Any]]:
    """Every declared operation, by the name of its function."""
    return {name: load_operation(name) for name in packaged_operations()}


def functions() -> tuple[str, ...]:
    """Every function of the bundle, operations first."""
    return (*operations(), PLAN, FOLLOW)


def handler(function: str) -> Handler:
    """What a function does with its messages."""
    found: Handler = import_module(f"functions.{function}").main_handler
    return found


def rights(function: str, beside: Iterable[str] | None = None) -> tuple[str, ...]:
    """Every cloud action that a function calls. `beside`: the functions that it is deployed beside; None: all."""
    declared = operations()
    if function in declared:
        return declared[function].rights
    among = [declared[name] for name in (declared if beside is None else beside) if name in declared]
    if function == FOLLOW:
        called = [right for one in among if one.follower is not None for right in one.follower.rights]
    else:
        called = [right for one in among if one.rotation is not None for right in one.rotation.rights]
        called += LISTING_RIGHTS.values()
    return tuple(dict.fromkeys(called))
