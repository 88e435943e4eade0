"""The possible values of a result's `Error.Code`: keyturn's own codes from its sources, and the clouds' from their
tables.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TypeGuard

from shared.clouds.alibaba.error_codes import ALIBABA_CODES
from shared.clouds.alibaba.error_codes import __doc__ as about_alibaba
from shared.clouds.error_classification import CodeTable
from shared.clouds.tencent.error_codes import TENCENT_CODES
from shared.clouds.tencent.error_codes import __doc__ as about_tencent
from shared.runtime.errors import ErrorClass
from shared.workbench.bundle.checkout import ROOT

TABLES = {"Tencent Cloud": (str(about_tencent), TENCENT_CODES), "Alibaba Cloud": (str(about_alibaba), ALIBABA_CODES)}
"""Each cloud's table, with the docstring of its file."""
_GAP = "…"  # stands for a value in a message


@dataclass
class OwnCode:
    """One of keyturn's codes, with its error classes and messages. `…` in a message stands for a value."""

    code: str
    classes: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CloudCodes:
    """Codes of one cloud that prove the same thing. `*` in a code stands for any text."""

    codes: list[str]
    error_class: str
    proves: str
    source: str


def own_codes(root: Path = ROOT) -> list[OwnCode]:
    """Every code that the shipped sources use in an error, by name."""
    sources = [*(root / "shared").rglob("*.py"), *(root / "functions").glob("*.py")]
    trees = [
        ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(sources)
        if "workbench" not in path.relative_to(root).parts
    ]
    constants = {name: text for tree in trees for name, text in _constants(tree)}
    found: dict[str, OwnCode] = {}
    for tree in trees:
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for code, error_class, message in _raised(function, constants):
                one = found.setdefault(code, OwnCode(code))
                one.classes += [error_class] if error_class not in one.classes else []
                one.messages += [message] if message not in one.messages else []
    return [found[code] for code in sorted(found)]


def cloud_codes(table: CodeTable) -> list[CloudCodes]:
    """A cloud's table in its order. Codes that prove the same thing are together."""
    groups = groupby(table.rows, key=lambda row: (row.error_class.value, row.proof.value, row.source))
    return [CloudCodes([row.code for row in rows], *alike) for alike, rows in groups]


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                yield name, text


def _raised(function: ast.FunctionDef, constants: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """The code, error class and message of each error that a function creates with keyturn's own code."""
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call) and node.args):
        given = next((one.value for one in call.keywords if one.arg == "code"), None)
        code = given.value if isinstance(given, ast.Constant) else constants.get(getattr(given, "id", ""))
        if not isinstance(code, str):
            continue
        first = call.args[0]
        if isinstance(first, ast.Attribute) and first.attr.isupper() and len(call.args) > 1:
            yield code, first.attr.lower(), _text(call.args[1], function, call.lineno)
        else:  # Ambiguous always has the same class
            yield code, ErrorClass.AMBIGUOUS.value, _text(first, function, call.lineno)


def _text(node: ast.expr, function: ast.FunctionDef, line: int) -> str:
    """A message as the source has it."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else _GAP for one in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left, function, line) + _text(node.right, function, line)
    if isinstance(node, ast.Name):
        anywhere = [one for one in ast.walk(function) if _assigns(one, node.id) and one.lineno < line]
        last = next(reversed([*_assigned(node.id, function.body, line)] or anywhere), None)
        if last is not None:
            start = _text(node, function, last.lineno) if isinstance(last, ast.AugAssign) else ""
            return start + _text(last.value, function, last.lineno)
    return _GAP


def _assigned(name: str, body: list[ast.stmt], line: int) -> Iterator[ast.Assign | ast.AugAssign]:
    """Every `name = ...` and `name += ...` that always runs before a line of this body, in order."""
    for node in body:
        if node.lineno <= line <= (node.end_lineno or line):
            for part in (getattr(node, field, []) for field in ("body", "orelse", "handlers", "finalbody")):
                if any(one.lineno <= line <= one.end_lineno for one in part):
                    yield from _assigned(name, part, line)
        elif node.lineno < line and _assigns(node, name):
            yield node


def _assigns(node: ast.AST, name: str) -> TypeGuard[ast.Assign | ast.AugAssign]:
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return isinstance(node, (ast.Assign, ast.AugAssign)) and getattr(target, "id", "") == name
