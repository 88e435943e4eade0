"""Actions in files of their own: one action in each file, with the name of the function that calls the action.

A file has `NAME`, the action; `SERVICE`, the class that answers it; `CODES`, the error codes of its page; and
`action(service)`. The stand-in finds the file by its name.
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
    """The error codes on these actions' pages, by the name of the file."""
    return {name: module.CODES.split() for name, module in _files()}


def answer_more(service: Service) -> None:
    """Add the actions in this folder to a service. Raises: ValueError: the service has such an action already."""
    for name, module in _files():
        if not isinstance(service, module.SERVICE):
            continue
        if module.NAME in service.actions:
            file = f"tests/cloud/actions/{name}.py"
            raise ValueError(f"{file}: {module.SERVICE.__name__} answers {module.NAME} already")
        action: Action = module.action(service)
        service.actions = {**service.actions, module.NAME: action}


def _files() -> Iterator[tuple[str, Any]]:
    for found in pkgutil.iter_modules(__path__):
        yield found.name, import_module(f"{__name__}.{found.name}")


def not_written(call: Call, file: str) -> ApiError:
    """The answer of an action that nobody has written yet: the action is unknown, and nothing was changed."""
    path = f"tests/cloud/actions/{Path(file).name}"
    return ApiError(_UNKNOWN[call.cloud], f"The stand-in's {call.action} is not written yet: write it in {path}.")
