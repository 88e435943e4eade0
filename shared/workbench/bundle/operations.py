"""The operations of the checkout, as their function files declare them. Only this module searches for them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from functions import load_operation, packaged_operations
from shared.handlers import follow_message
from shared.handlers.declaration import Operation
from shared.rotation import policy
from shared.stores.store import LISTING_RIGHTS
from shared.triggers import Trigger, read
from shared.workbench.bundle.checkout import ROOT

if TYPE_CHECKING:
    from shared.handlers.request import Handler

PLAN, FOLLOW = policy.FUNCTION, follow_message.FUNCTION
PLATFORMS = {"tencent": "scf", "alibaba": "fc"}
"""The platform that runs a function which calls this cloud."""


@cache
def operations() -> Mapping[str, Operation[Any]]:
    """Every declared operation, by the name of its function."""
    return {name: load_operation(name) for name in packaged_operations()}


def functions() -> tuple[str, ...]:
    """Every function of the bundle, operations first."""
    return (*operations(), PLAN, FOLLOW)


def handler(function: str) -> Handler:
    """The handler of a function."""
    found: Handler = import_module(f"functions.{function}").main_handler
    return found


def event_file(function: str, trigger: Trigger = Trigger.HTTP, platform: str = "") -> Path:
    """The example event of one kind of a function, for its own cloud's platform unless another is named.

    Raises: LookupError: there is none.
    """
    platform = platform or PLATFORMS[operations()[function].cloud]
    path = f"events/{function}/{platform}-{trigger.value}.json"
    if not (ROOT / path).is_file():
        raise LookupError(f"functions/{function}.py: no event {path}")
    return ROOT / path


def example_command(function: str) -> dict[str, Any]:
    """The command in an operation's HTTP event: one change that the stand-in's default world accepts.

    Raises: LookupError: there is no such event, or it holds no command.
    """
    path = event_file(function)
    raw = path.read_bytes()
    event = raw if path.name.startswith("fc-") else json.loads(raw)
    messages = read(event, fields=handler(function).fields, request_id="example").messages
    if not messages or not isinstance(messages[0].data, dict):
        raise LookupError(f"{path.relative_to(ROOT)}: holds no command")
    return messages[0].data


def rights(function: str, beside: Iterable[str] | None = None) -> tuple[str, ...]:
    """Every cloud action that a function calls. `beside`: the functions that are deployed with it; None: all."""
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
