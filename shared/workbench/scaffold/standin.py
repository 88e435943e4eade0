"""The stand-in's file for a new action.

The stand-in finds it by its name. It refuses each call until somebody writes it.
"""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

from shared.commands.command import Command, TencentCommand
from shared.workbench.bundle.function_text import UNREAD
from shared.workbench.bundle.operations import operations
from shared.workbench.scaffold.names import NewOperation, ScaffoldRefused

ACTIONS = "tests/cloud/actions"


def stub(new: NewOperation, root: Path) -> str:
    """The text of the file. Raises: ScaffoldRefused: the stand-in does not know the other action either."""
    module, service = _service_of(new, root)
    return f'''"""{new.action} in the stand-in, as functions/{new.name}.py calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.cloud.actions import not_written
from {module} import {service}
from tests.cloud.wire.service import Action, Answer, Call, parameter_table

NAME = "{new.action}"
SERVICE = {service}
CODES = "{UNREAD}"  # the codes of its page, separated by spaces: the shipped table has them, too


def action(service: {service}) -> Action:
    """Its published parameters, and what it does to the service's state and servers."""

    async def answer(given: Mapping[str, Any], call: Call) -> Answer:
        raise not_written(call, __file__)

    parameters = parameter_table({_parameters(operations()[new.source].command)})
    return Action(parameters, answer, changes=True, resource=service.actions["{new.source_action}"].resource)
'''


def _service_of(new: NewOperation, root: Path) -> tuple[str, str]:
    """The module and class that answer the other action, by the key in the class's table or by the action's file."""
    own = root / ACTIONS / f"{new.source}.py"
    if own.is_file():
        tree = ast.parse(own.read_text(encoding="utf-8"))
        assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
        named = {one.id: node.value for node in assigned for one in node.targets if isinstance(one, ast.Name)}
        service = named.get("SERVICE")
        for node in tree.body:
            names = {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()
            if isinstance(node, ast.ImportFrom) and isinstance(service, ast.Name) and service.id in names:
                return str(node.module), service.id
    for file in sorted((root / "tests" / "cloud" / new.cloud).glob("*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and _answers(node, new.source_action):
                return f"tests.cloud.{new.cloud}.{file.stem}", node.name
    text = (
        f"tests/cloud/{new.cloud}: no class answers {new.source_action}, and {ACTIONS}/{new.source}.py does not exist"
    )
    raise ScaffoldRefused(text)


def _answers(service: ast.ClassDef, action: str) -> bool:
    tables = [node for node in ast.walk(service) if isinstance(node, ast.Dict)]
    return any(isinstance(key, ast.Constant) and key.value == action for table in tables for key in table.keys)


def _parameters(command: type[Command]) -> str:
    """The command's own fields as a parameter table, to compare with the API's page."""
    common = Command.model_fields.keys() | TencentCommand.model_fields.keys()
    alternates = {name for name, field in command.model_fields.items() if "alternate" in name}
    own = {name: field for name, field in command.model_fields.items() if name not in common | alternates}
    words = " ".join(
        f"{field.alias or name}{'!' if field.is_required() else ''}{_kind(str(field.annotation))}"
        for name, field in own.items()
    )
    if len(words) < 90:
        return f'"{words}"'
    lines = textwrap.wrap(words, 100)
    quoted = [f'"{line}"' if line == lines[0] else f'" {line}"' for line in lines]
    return "".join(f"\n        {line}" for line in quoted) + "\n    "


def _kind(annotation: str) -> str:
    if "list" in annotation.lower():
        return ":strs"
    return next((f":{kind}" for kind in ("bool", "int") if re.search(rf"\b{kind}\b", annotation)), "")
