"""Actions that stand beside the services' own: one file an action, named for the function that calls it.

A file has `NAME`, the action; `SERVICE`, the class that answers it; `CODES`, the error table of its page; and
`action(service)`. It is found by its name.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.cloud.state.api_error import ApiError
from tests.cloud.wire.service import Action, Call, Service

_UNKNOWN = {"tencent": "InvalidAction", "alibaba": "InvalidAction.NotFound"}


def published_codes() -> dict[str, list[str]]:
    """The error codes that the pages of these actions print, by the name of the file."""
    return {name: module.CODES.split() for name, module in _files()}


def answer_more(service: Service) -> None:
    """Let a service answer the actions that have a file here. One that it has already is refused: ValueError."""
    for name, module in _files():
        if not isinstance(service, module.SERVICE):
            continue
        if module.NAME in service.actions:
            file = f"tests/cloud/actions/{name}.py"
            raise ValueError(f"{file}: {module.SERVICE.__name__} answers {module.NAME} itself")
        action: Action = module.action(service)
        service.actions = {**service.actions, module.NAME: action}


def _files() -> Iterator[tuple[str, Any]]:
    for found in pkgutil.iter_modules(__path__):
        yield found.name, import_module(f"{__name__}.{found.name}")


def not_written(call: Call, file: str) -> ApiError:
    """What an action says that nobody has written yet: it is unknown here, and nothing was changed."""
    path = f"tests/cloud/actions/{Path(file).name}"
    return ApiError(_UNKNOWN[call.cloud], f"The stand-in's {call.action} is not written yet: write it in {path}.")
