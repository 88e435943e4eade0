"""Reads what a function file in functions/ defines, without running the file."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from shared.workbench.bundle.description import Cloud


def globals_of(file: Path) -> dict[str, ast.expr]:
    """What the file assigns or defines at its top level, by name."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.FunctionDef):
            found[node.name] = ast.Constant(None)
    return found


def cloud_called_by(file: Path) -> Cloud | None:
    """The cloud that an operation calls, by its declaration. None: the file is no operation."""
    made: Any = globals_of(file).get("operation") if file.is_file() else None
    if isinstance(made, ast.Call):
        for word in made.keywords:
            if word.arg == "cloud" and isinstance(word.value, ast.Constant):
                return "tencent" if word.value.value == "tencent" else "alibaba"
    return None
